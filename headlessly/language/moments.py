"""Reads days and times as people type them, in English and German.

Examples are ``tomorrow 9``, ``fri``, ``in 2 weeks``, ``3.12.`` and ``Dec 3 14:30``. They are relative to
the reader's today. A day without a year is the next one; a day of the week is the next one after today.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from django.utils import translation
from django.utils.translation import gettext as _

MONTHS = (
    "jan january januar", "feb february februar", "mar march mär märz maerz", "apr april",
    "may mai", "jun june juni", "jul july juli", "aug august", "sep sept september",
    "oct october okt oktober", "nov november", "dec december dez dezember",
)  # fmt: skip
WEEKDAYS = (
    "mon monday mo montag", "tue tues tuesday di dienstag", "wed wednesday mi mittwoch",
    "thu thur thurs thursday do donnerstag", "fri friday fr freitag", "sat saturday sa samstag",
    "sun sunday so sonntag",
)  # fmt: skip
NAMED = {
    "yesterday": -1, "gestern": -1, "today": 0, "tod": 0, "heute": 0, "tomorrow": 1, "tom": 1,
    "morgen": 1, "day after tomorrow": 2, "übermorgen": 2, "uebermorgen": 2,
}  # fmt: skip
_MONTH = {word: n for n, words in enumerate(MONTHS, 1) for word in words.split()}
_WEEKDAY = {word: n for n, words in enumerate(WEEKDAYS) for word in words.split()}
_ONE = {"a": 1, "an": 1, "one": 1, "einem": 1, "einer": 1, "ein": 1, "eine": 1}
_UNITS = {
    "minutes": "m min mins minute minutes minuten",
    "hours": "h hr hrs hour hours std stunde stunden",
    "days": "d day days t tag tage tagen",
    "weeks": "w week weeks wo woche wochen",
    "months": "mo mos month months monat monate monaten",
    "years": "y year years j jahr jahre jahren",
}
#: Units of less than a day.
_CLOCK = ("minutes", "hours")
_UNIT = {word: unit for unit, words in _UNITS.items() for word in words.split()}

_ISO = r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
_DOTTED = r"(?P<day>\d{1,2})\.\s*(?P<month>\d{1,2})(?:\.\s*(?P<year>\d{4}|\d{2})?)?"
_SLASHED = r"(?P<first>\d{1,2})/(?P<second>\d{1,2})(?:/(?P<year>\d{4}|\d{2}))?"
_WORDED = (
    r"(?:(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?\s*(?P<name>[a-zäöü]{3,9})\.?"
    r"|(?P<name2>[a-zäöü]{3,9})\.?\s+(?P<day2>\d{1,2})(?:st|nd|rd|th)?)(?:,?\s+(?P<year>\d{4}))?"
)
_IN = r"(?:in\s+|\+\s*)?(?P<count>\d{1,4}|a|an|one|eine[mr]?|ein)\s*(?P<unit>[a-zäöü]{1,8})"
_TIME = re.compile(
    r"(?P<rest>.*?)(?:^|\s|t(?=\d))(?:@|at\s+|um\s+)?"
    r"(?P<hour>\d{1,2})(?:(?::|h)(?P<minute>\d\d)(?::\d\d)?)?\s*(?P<half>am|pm|a|p|uhr|h)?\Z"
)
DAY_PATTERNS = [re.compile(rf"{each}\Z") for each in (_ISO, _DOTTED, _SLASHED, _WORDED)]
_DISTANCE = re.compile(rf"{_IN}\Z")
_AGO = re.compile(
    r"(?=.*ago\Z|vor\s)(?:vor\s+)?(?P<count>\d{1,4}|a|an|one|eine[mr]?|ein)\s*(?P<unit>[a-zäöü]{1,8})(?:\s+ago)?\Z"
)
_NEXT = re.compile(
    r"(?:next|nächste[rnsm]?|naechste[rnsm]?|this|diese[rnsm]?|on|am)\s+(?P<what>.+)\Z"
)


#: How many words at the end of a text may be a day, and the words that can begin one.
MOST_WORDS = 4
_BEGINS = {
    *(
        [
            "today",
            "heute",
            "tomorrow",
            "morgen",
            "übermorgen",
            "uebermorgen",
            "day",
            "in",
            "on",
            "am",
            "next",
        ]
    ),
    *(word for word in _WEEKDAY if len(word) > 2 and word not in ("sat", "sun")),
}
#: Words that name the day after them, which then stays in the text.
_NAMES = ("on", "am")
#: Words that make the day after them a part of the sentence.
_LEADS_TO = {
    *("for", "by", "until", "till", "of", "from", "since", "before", "after", "and", "or", "to"),
    *("für", "bis", "von", "vom", "seit", "ab", "vor", "nach", "und", "oder", "zu", "zum"),
}
_WORDS = re.compile(r"[^\s,]+")
_BEGINS_DAY = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}\Z|\d{1,2}\.\d{1,2}\.(\d{2,4})?\Z|n(ä|ae)chste[rnsm]?\Z"
)


def written_day(day: date) -> str:
    """Returns a day as an input shows it, and as :func:`read_when` reads it: ``2026-11-01``, in German
    ``01.11.2026``."""
    if (translation.get_language() or "").startswith("de"):
        return f"{day.day:02}.{day.month:02}.{day.year:04}"
    return f"{day.year:04}-{day.month:02}-{day.day:02}"


def written_moment(local: datetime) -> str:
    """Returns a local moment as an input shows it, to the minute."""
    return f"{written_day(local)} {local:%H:%M}"


def no_day_said() -> str:
    """Why a text was not taken that says no day."""
    return _("No day is understood of this: type 3.12., fri or tomorrow 9.")


class When(NamedTuple):
    """A day, and a time if one was given."""

    day: date
    time: time | None = None


def read_when(text: str, now: datetime) -> When | None:
    """Returns what ``text`` means at the local moment ``now``; None if it is no day."""
    words = " ".join(text.lower().replace(",", " ").split())
    if not words:
        return None
    try:
        return _read(words, now)
    except (ValueError, OverflowError):  # no such day
        return None


def read_past_day(text: str, today: date) -> date | None:
    """Returns the past day that ``text`` means; None if it is no day.

    ``3.12.`` is the last such day, ``fri`` the last Friday, and ``2 weeks ago`` is read, too.
    """
    words = " ".join(text.lower().replace(",", " ").split())
    try:
        if (match := _AGO.match(words)) is not None and match["unit"] in _UNIT:
            count = _ONE.get(match["count"]) or int(match["count"])
            return _days_back(today, count, _UNIT[match["unit"]])
        day = _day(words, today) if words else None
        if day is None or day <= today:
            return day
        if words in _WEEKDAY:
            return day - timedelta(weeks=1)
        said = next((m for each in DAY_PATTERNS if (m := each.match(words)) is not None), None)
        if said is None or said.groupdict().get("year"):
            return day
        return _year_before(day, today)
    except (ValueError, OverflowError):  # no such day
        return None


def read_past_when(text: str, now: datetime) -> When | None:
    """Returns the past day that ``text`` means, with its time if it has one. Examples are ``yesterday 15``
    and ``2 hours ago``."""
    words = " ".join(text.lower().replace(",", " ").split())
    if (match := _AGO.match(words)) is not None and _UNIT.get(match["unit"]) in _CLOCK:
        count = _ONE.get(match["count"]) or int(match["count"])
        back = timedelta(**{_UNIT[match["unit"]]: count})
        moment = (now.astimezone(UTC) - back).astimezone(now.tzinfo)
        return When(moment.date(), moment.time().replace(second=0, microsecond=0))
    if (day := read_past_day(text, now.date())) is not None:
        return When(day)
    when = read_when(text, now)
    if when is None or when.day <= now.date():
        return when
    match = _TIME.match(words)
    before = read_past_day(match["rest"], now.date()) if match else None
    return when if before is None else When(before, when.time)


def _days_back(today: date, count: int, unit: str) -> date | None:
    if unit in ("days", "weeks"):
        return today - timedelta(**{unit: count})
    months = {"months": 1, "years": 12}.get(unit)
    return None if months is None else months_on(today, -count * months)


def _year_before(day: date, today: date) -> date:
    """Returns the last day with this date up to today: 29 February may be some years ago."""
    for back in range(1, 9):
        try:
            found = day.replace(year=today.year + 1 - back)
        except ValueError:
            continue
        if found <= today:
            return found
    return day


def split_ending_day(text: str, now: datetime) -> tuple[str, str]:
    """Splits ``text`` into what it says and the day, from today on, that it ends with, if any: "Send the
    offer" and ``tomorrow 9``.

    A relative day is removed from the text, as it would mean another day tomorrow. A day that is named, or
    belongs to the sentence ("Prepare for Friday"), stays in it. An end that need not be a day, like
    ``3.12`` or ``2 weeks``, is ignored.
    """
    words = list(_WORDS.finditer(text))
    for count in range(min(MOST_WORDS, len(words) - 1), 0, -1):
        first = words[-count].group().lower()
        end = " ".join(word.group() for word in words[-count:]).rstrip("!?")
        if not (first in _BEGINS or _BEGINS_DAY.match(first)):
            continue
        when = read_when(end, now)
        if when is not None and when.day >= now.date():
            leads = words[-count - 1].group().lower() in _LEADS_TO
            is_named = first in _WEEKDAY or first in _NAMES or first[0].isdigit()
            stays = (
                text if leads or is_named else text[: words[-count].start()].rstrip(" ,;:\u2013-\n")
            )
            return stays or text, end
    return text, ""


def _read(words: str, now: datetime) -> When | None:
    if (found := _distance(words, now)) is not None:
        return found
    if (day := _day(words, now.date())) is not None:
        return When(day)
    match = _TIME.match(words)
    if match is None:
        return None
    rest, half = match["rest"].strip(), match["half"] or ""
    if not rest and not (match["minute"] or half):
        return None  # a number alone is no time
    hour = int(match["hour"])
    if half[:1] in ("a", "p"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (half[0] == "p")
    day = _day(rest, now.date()) if rest else now.date()
    return None if day is None else When(day, time(hour, int(match["minute"] or 0)))


def _distance(words: str, now: datetime) -> When | None:
    """Reads ``in 2 weeks``, ``3d``, ``in einer Stunde``."""
    match = _DISTANCE.match(words)
    unit = _UNIT.get(match["unit"]) if match else None
    if match is None or unit is None:
        return None
    count = _ONE.get(match["count"]) or int(match["count"])
    if unit in _CLOCK:
        # Counts real hours, even in the night in which the clock is changed.
        moment = (now.astimezone(UTC) + timedelta(**{unit: count})).astimezone(now.tzinfo)
        return When(moment.date(), moment.time().replace(second=0, microsecond=0))
    if unit in ("days", "weeks"):
        return When(now.date() + timedelta(**{unit: count}))
    return When(months_on(now.date(), count * (12 if unit == "years" else 1)))


def _day(words: str, today: date) -> date | None:
    if words in NAMED:
        return today + timedelta(days=NAMED[words])
    if words in ("end of month", "eom", "monatsende", "ende des monats"):
        return today.replace(day=monthrange(today.year, today.month)[1])
    if (match := _NEXT.match(words)) is not None:
        return _next(match["what"], today, far=words[0] == "n")
    if words in _WEEKDAY:
        return _weekday(words, today)
    for pattern in DAY_PATTERNS:
        if (match := pattern.match(words)) is not None:
            return _calendar_day(match.groupdict(), today)
    return None


def _next(what: str, today: date, *, far: bool) -> date | None:
    """Reads ``next week`` as its Monday, ``next month`` as its first day, ``next fri`` as the one of next
    week."""
    monday = today - timedelta(days=today.weekday())
    if far and what in ("week", "woche"):
        return monday + timedelta(weeks=1)
    if far and what in ("month", "monat"):
        return months_on(today.replace(day=1), 1)
    if what not in _WEEKDAY:
        return _day(what, today) if not far else None
    if far:
        return monday + timedelta(weeks=1, days=_WEEKDAY[what])
    return _weekday(what, today)


def _weekday(name: str, today: date) -> date:
    return today + timedelta(days=(_WEEKDAY[name] - today.weekday() - 1) % 7 + 1)


def _calendar_day(said: dict[str, str | None], today: date) -> date | None:
    if "first" in said:
        first, second = int(said["first"] or 0), int(said["second"] or 0)
        month_first = (translation.get_language() or "en") in ("en", "en-us")
        month, number = (first, second) if month_first else (second, first)
    elif "name" in said:
        name, number = said["name"] or said["name2"] or "", int(said["day"] or said["day2"] or 0)
        if name not in _MONTH:
            return None
        month = _MONTH[name]
    else:
        month, number = int(said["month"] or 0), int(said["day"] or 0)
    if year := said.get("year"):
        return date(int(year) + (2000 if len(year) == 2 else 0), month, number)
    # 29 February may be some years away.
    for year_on in range(9):
        try:
            day = date(today.year + year_on, month, number)
        except ValueError:
            continue
        if day >= today:
            return day
    return None


def months_on(day: date, count: int) -> date:
    """Returns the same day ``count`` months later, or earlier; the last of its month if that is shorter.

    Raises ValueError if there is no such year.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
