"""How a column writes its numbers and its days: 1.250,00 or 1,250.00, 24/11 or 11/24.

One cell often does not say (``1.250``, ``03/09/2026``); all cells of a column together mostly do, and else
those of other columns. Where they do not either, an amount is what the file's kind and its reader make
likely, and a day is not guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

COMMA, POINT = "comma", "point"
DMY, MDY = "dmy", "mdy"
NUMBERS, DAYS = (COMMA, POINT), (DMY, MDY)

#: Signs of currencies, as Unicode knows them.
SIGNS = "$¢£¤¥֏؋৲৳૱௹฿៛\u20a0-\u20c0﷼﹩＄￠￡￥￦"
CURRENCY = (
    rf"(?:[A-Z]{{0,3}}[{SIGNS}]|(?-i:[A-Z]{{3}})|Rs\.?|Fr\.?|kr\.?|zł|Kč|Ft|lei|Euro?|euros?)"
)
#: Words for thousands, millions and more, by their power of ten.
POWERS = {
    "k": 3, "tsd": 3, "thousand": 3, "tausend": 3, "lakh": 5, "lakhs": 5, "lac": 5, "m": 6, "mn": 6,
    "mm": 6, "mio": 6, "mill": 6, "million": 6, "millions": 6, "millionen": 6, "cr": 7, "crore": 7,
    "crores": 7, "b": 9, "bn": 9, "mrd": 9, "billion": 9, "milliarden": 9,
}  # fmt: skip
SPACES = " \u00a0\u202f\u2009"
WRITTEN = re.compile(
    rf"(?P<sign>[-+\u2212]?)\s*(?:{CURRENCY}\s*)?(?P<minus>[-\u2212]?)\s*"
    rf"(?P<digits>\d[\d.,'’{SPACES}]*|[.,]\d+)"
    rf"(?P<dash>[-–—]+)?\s*(?:(?P<word>{'|'.join(sorted(POWERS, key=len, reverse=True))})\b\.?)?"
    rf"\s*(?:{CURRENCY}|%)?\s*\Z",
    re.I,
)
#: What may stand before the other mark: digits in threes, or in twos and three as in India.
WHOLE = {
    mark: re.compile(
        rf"\d*|[1-9]\d{{0,2}}(?:{re.escape(mark)}\d{{3}})+"
        + (r"|[1-9]\d?(?:,\d\d)+,\d{3}" if mark == "," else "")
    )
    for mark in (",", ".", "'", "’", *SPACES)
}
#: A day in numbers. With dots the day comes first everywhere.
NUMERIC_DAY = re.compile(r"\s*(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d\d)(?=\Z|[ T,])")


@dataclass(frozen=True)
class Number:
    """A number in words, as it reads with either mark before its decimals; None where it does not."""

    comma: str | None
    point: str | None


@lru_cache(50_000)
def parse_number(text: str) -> Number | None:
    """What is written: ``CHF 1’234.50``, ``(5.00)``, ``1,2 Mio``; None for what is no number."""
    text = text.strip()
    negative = text.startswith("(") and text.endswith(")")  # as accountants write it
    match = WRITTEN.match(text[1:-1] if negative else text)
    if match is None:
        return None
    digits = match["digits"].rstrip(SPACES)
    decimal = digits[-1] if digits[-1] in ".," else ""  # as in "1.250,-"
    if bool(match["dash"]) != bool(decimal):
        return None
    digits = digits.rstrip(".,")
    sign = "-" if negative or match["minus"] or match["sign"] in ("-", "\u2212") else ""
    power = POWERS[match["word"].lower()] if match["word"] else 0
    comma, point = (
        None if plain is None else sign + _times(plain, power)
        for plain in (
            None if decimal and decimal != mark else _with_a_point(digits, mark) for mark in ",."
        )
    )
    return None if comma is None and point is None else Number(comma, point)


def _with_a_point(digits: str, decimal: str) -> str | None:
    """The digits as Python writes them, if ``decimal`` is the mark before their decimals."""
    whole, mark, rest = digits.rpartition(decimal)
    if not mark:
        whole, rest = digits, ""
    if mark and not rest.isdecimal():
        return None
    grouping = {c for c in whole if not c.isdecimal()}
    if len(grouping) > 1 or decimal in grouping:
        return None
    if not WHOLE[grouping.pop() if grouping else " "].fullmatch(whole):
        return None
    plain = "".join(filter(str.isdecimal, whole)) or "0"
    return f"{plain}.{rest}" if rest else plain


def _times(digits: str, power: int) -> str:
    """``digits`` times ten to the ``power``, in digits: no float comes between."""
    whole, _, rest = digits.partition(".")
    if power:
        rest = rest.ljust(power, "0")
        whole, rest = whole + rest[:power], rest[power:].rstrip("0")
    return f"{whole.lstrip('0') or '0'}.{rest}" if rest else whole or "0"


#: Signs that are one currency's alone. A dollar is many countries'.
CODES = {"€": "EUR", "£": "GBP", "₹": "INR", "₽": "RUB", "₺": "TRY", "₩": "KRW", "₪": "ILS", "zł": "PLN",
         "Kč": "CZK", "US$": "USD"}  # fmt: skip
CODE = re.compile(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])")


@lru_cache(50_000)
def currency_of(text: str) -> str | None:
    """The currency that an amount, or the heading above it, names: ``€ 1.250`` → ``EUR``."""
    if found := CODE.search(text):
        return found[0]
    return next((code for sign, code in CODES.items() if sign in text), None)


@lru_cache(50_000)
def number_evidence(cell: str) -> str | None:
    """Which decimal mark a cell shows; None when it shows neither."""
    if cell.isdecimal() or (found := parse_number(cell)) is None:
        return None
    if found.comma is not None and found.point is not None:
        return None
    return COMMA if found.point is None else POINT


@lru_cache(50_000)
def day_evidence(cell: str) -> str | None:
    """Which order a day in numbers shows; None when it shows neither."""
    if (match := NUMERIC_DAY.match(cell)) is None:
        return None
    first, second = int(match[1]), int(match[3])
    if match[2] == ".":
        return DMY
    if first <= 12 < second:
        return MDY
    return DMY if second <= 12 < first else None


def share_evidence(cell: Any) -> bool | None:
    """Whether a cell of percent shows a share of one, ``0.9``, or percent; None where it could be both."""
    if isinstance(cell, str):
        text = cell.strip().replace(",", ".")
        if text.endswith("%"):
            return False
        try:
            cell = float(text)
        except ValueError:
            return None
    if not isinstance(cell, int | float) or cell in (0, 1):
        return None
    return bool(0 < cell < 1)


@dataclass(frozen=True)
class Notation:
    """How a column writes.

    ``decimal`` is the mark before decimals; ``certain`` says whether the file shows it, or somebody said
    it, and it is more than likely. ``days`` is the order of day and month, None where nobody knows it.
    """

    decimal: str = POINT
    certain: bool = False
    days: str | None = None
    fraction: bool = False  #: whether it has shares of one where the field has percent


class Evidence:
    """What the cells of a file's columns show, gathered row by row."""

    def __init__(
        self,
        numbers: Mapping[int, str],
        days: Mapping[int, str],
        percents: Mapping[int, str] | None = None,
    ) -> None:
        """The positions of the columns that have numbers, days, and percent, with the names of their fields.

        Of the last it is found whether they are shares of one, as some programs export them.
        """
        self.numbers, self.days, self.percents = numbers, days, percents or {}
        self.shares: dict[int, Counter[bool]] = {n: Counter() for n in self.percents}
        self.seen: dict[int, Counter[str | None]] = {n: Counter() for n in (*numbers, *days)}
        self.watched = [(n, self.seen[n], number_evidence) for n in numbers]
        self.watched += [(n, self.seen[n], day_evidence) for n in days]

    def add(self, row: Any) -> None:
        for position, seen, evidence in self.watched:
            cell = row[position]
            if isinstance(cell, str) and cell:
                seen[evidence(cell)] += 1
        for position, shares in self.shares.items():
            if (share := share_evidence(row[position])) is not None:
                shares[share] += 1

    def found(self) -> dict[str, dict[str, list[str]]]:
        """What was seen, by field: ``{"numbers": {"budget": ["comma"]}, "days": {...}}``."""
        return {
            "numbers": self._by_field(self.numbers, NUMBERS),
            "days": self._by_field(self.days, DAYS),
            "shares": {
                field: []
                for position, field in self.percents.items()
                if self.shares[position][True] and not self.shares[position][False]
            },
        }

    def _by_field(self, columns: Mapping[int, str], kinds: Iterable[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for position, field in columns.items():
            seen = self.seen[position]
            if seen:
                known = found.setdefault(field, [])
                known += [kind for kind in kinds if seen[kind] and kind not in known]
        return found


def decide_notations(
    seen: Mapping[str, Mapping[str, list[str]]],
    *,
    numbers: str | None,
    days: str | None,
    delimiter: str,
    language: str,
) -> dict[str, Notation]:
    """The notation of each column, by field.

    ``numbers`` and ``days`` are what was asked for, ``language`` is the reader's (empty for a program).
    """
    fields = {*seen.get("numbers", {}), *seen.get("days", {})}
    likely = COMMA if delimiter == ";" or language.startswith("de") else POINT
    likely_days = DMY if language.startswith("de") or language == "en-gb" else None
    found = {}
    for field in fields:
        shown = numbers or _shown(seen.get("numbers", {}), field)
        order = days or _shown(seen.get("days", {}), field)
        share = field in seen.get("shares", {})
        found[field] = Notation(shown or likely, shown is not None, order or likely_days, share)
    return found


def _shown(seen: Mapping[str, list[str]], field: str) -> str | None:
    """What a column shows, or the others when it shows nothing; None for both at once."""
    kinds = seen.get(field) or sorted({kind for kinds in seen.values() for kind in kinds})
    return kinds[0] if len(kinds) == 1 else None
