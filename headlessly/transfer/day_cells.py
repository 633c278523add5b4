"""Cells with a day or a moment, as people and programs write them; ISO 8601 is left alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

from headlessly.declaration import normalization
from headlessly.declaration.values import ISO_MOMENT, parse_iso_moment
from headlessly.transfer.notations import DMY, MDY, NUMERIC_DAY

#: Formats that nobody can misread: with the year first, the month in letters, or dots.
DAYS = (
    "%Y/%m/%d", "%Y.%m.%d", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%B-%Y", "%b %d %Y", "%B %d %Y",
    "%d-%b-%y", "%d %b %y",
)  # fmt: skip
TIMES = ("", " %H:%M:%S", " %H:%M", " %I:%M %p", " %I:%M:%S %p", " %I %p", " %H:%M:%S.%f")
GERMAN_MONTHS = {
    "januar": "Jan", "jänner": "Jan", "jän": "Jan", "februar": "Feb", "märz": "Mar", "mär": "Mar",
    "mrz": "Mar", "maerz": "Mar",
    "april": "Apr", "mai": "May", "juni": "Jun", "juli": "Jul", "august": "Aug", "september": "Sep",
    "sept": "Sep", "oktober": "Oct", "okt": "Oct", "november": "Nov", "dezember": "Dec", "dez": "Dec",
}  # fmt: skip
#: What may come before or after a day with letters: ``Thu Nov 13 2025 10:00:00 GMT+0100 (CET)``, ``24th``.
WEEKDAY = re.compile(
    r"(mon|tue|wed|thu|fri|sat|sun)[a-z]*\.? |(montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag) "
    r"|\b(mo|di|mi|do|fr|sa|so)\.? ",
    re.I,
)
OFFSET = re.compile(r" (?:GMT|UTC)?([+-])([01]\d|2[0-3]):?([0-5]\d)(?: \([^()]*\))?\Z")
#: Abbreviations of zones in mail and other programs, in hours from UTC, without those that several countries
#: use.
ZONES = {
    "UTC": 0, "GMT": 0, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "EST": -5, "EDT": -4, "CDT": -5, "MST": -7,
    "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
ZONE = re.compile(rf" \(?({'|'.join(ZONES)})\)?\Z", re.I)
ORDINAL = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)\b", re.I)
#: A time in German and English notation: ``14.05 Uhr``, ``2:05 p.m.``, ``5pm``.
DOTTED_TIME = re.compile(r"(?<= )([01]?\d|2[0-3])\.([0-5]\d)(\.[0-5]\d)?\Z")
HALF = re.compile(r"(?<=\d) ?([ap])\.?m\.?\Z", re.I)
SERIAL = re.compile(r"\s*[2-7]\d{4}(?:[.,]\d+)?\s*\Z", re.A)
SPACED_DAY = re.compile(r"\b(\d{1,2})\. ?(\d{1,2})\. ?(\d{4})\b")
#: A day with the year first, whose month and day may have one digit.
YEAR_FIRST = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?=\Z|[T ])")
LETTERS = re.compile(r"([^\W\d_]+)\.?")


def moment_reader(days: str | None, zone: tzinfo | None) -> Callable[[Any], Any]:
    """Returns the function that reads the moments of a column; moments without a zone are in ``zone``, if
    given."""

    def read(cell: Any) -> Any:
        found = read_moment(cell, days)
        if zone is None:
            return found
        if isinstance(found, str):
            try:
                found = parse_iso_moment(found)
            except ValueError:
                return found
        if isinstance(found, datetime) and found.tzinfo is None:
            return found.replace(tzinfo=zone)
        return found

    return read


@lru_cache(20_000)
def read_moment(cell: Any, days: str | None = None) -> Any:
    """``15 Apr, 2021 00:03:00`` → a moment, without a zone if it has none; ISO 8601 is left alone.

    Raises ValueError if the order of day and month is unknown.
    """
    if SERIAL.match(str(cell)) and not isinstance(cell, bool):
        raise ValueError(
            _(
                "%s is how a spreadsheet counts its days. Format the column as a date, and export it once "
                "more."
            )
            % str(cell).strip()
        )
    if not isinstance(cell, str):
        return cell
    cell = _plain(cell)
    if ISO_MOMENT.match(cell):
        return cell
    text = " ".join(cell.replace(",", " ").split())
    zone: tzinfo | None = None
    if named := ZONE.search(text):
        text, zone = text[: named.start()], timezone(timedelta(hours=ZONES[named[1].upper()]))
    clock = text.removesuffix(" Uhr")
    if clock != text or "." in text.rpartition(" ")[2]:
        clock = DOTTED_TIME.sub(_with_colons, clock)
    clock = HALF.sub(r" \1m", clock)
    if (year_first := YEAR_FIRST.match(clock)) is not None:
        clock = "/".join(year_first.groups()) + clock[year_first.end() :].replace("T", " ")
    text = SPACED_DAY.sub(r"\1.\2.\3", WEEKDAY.sub("", clock))
    if offset := OFFSET.search(text):
        text = text[: offset.start()]
        minutes = int(offset[2]) * 60 + int(offset[3])
        zone = timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    text = ORDINAL.sub(r"\1", text).replace(" at ", " ")
    if (numeric := NUMERIC_DAY.match(text)) is not None:
        text = _year_first(cell, numeric, days) + text[numeric.end() :].replace("T", " ")
    else:
        text = LETTERS.sub(_in_english, re.sub(r"(\d)\. ", r"\1 ", text))
    for day in DAYS:
        for time in TIMES:
            try:
                return datetime.strptime(text, day + time).replace(tzinfo=zone)
            except ValueError:
                continue
    return text.replace("/", "-") if numeric else cell


def _plain(text: str) -> str:
    """Returns the text without invisible characters, and with one kind of dash."""
    return normalization.DASHES.sub("-", normalization.normalize_text(text))


def _with_colons(time: re.Match[str]) -> str:
    return time[0].replace(".", ":")


def _in_english(word: re.Match[str]) -> str:
    return GERMAN_MONTHS.get(word[1].lower(), word[1])


def _year_first(cell: str, numeric: re.Match[str], days: str | None) -> str:
    """Returns the day of ``15/04/2021`` or ``04/15/21`` with the year first. Raises ValueError if it is
    ambiguous."""
    first, mark, second, year = numeric.groups()
    one, other, number = int(first), int(second), int(year)
    if len(year) == 2:
        number += 2000 if number < 69 else 1900
    if mark == "." or one > 12:
        order: str | None = DMY
    elif other > 12 or one == other:
        order = MDY
    else:
        order = days
    if order is None:
        told = f"{number:04}-{other:02}-{one:02}", f"{number:04}-{one:02}-{other:02}"
        raise ValueError(
            _(
                "%(cell)s could be two days: write %(one)s or %(other)s, or say days=dmy or days=mdy "
                "for the file."
            )
            % {"cell": cell[:32].strip(), "one": told[0], "other": told[1]}
        )
    day, month = (one, other) if order == DMY else (other, one)
    return f"{number:04}/{month:02}/{day:02}"


def read_day(cell: Any, days: str | None = None) -> Any:
    """Returns the day of a cell, without its time."""
    found = read_moment(cell, days)
    if isinstance(found, str) and len(found) > 10 and found[10] in "T ":
        try:
            return parse_iso_moment(found).date()
        except ValueError:
            return found
    return found.date() if isinstance(found, datetime) else found
