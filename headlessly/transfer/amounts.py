"""Parses a number as people write it: ``CHF 1’234.50``, ``(5.00)``, ``1,2 Mio``, ``12 T€``, ``Rs.
1,20,000/-``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from headlessly.declaration.normalization import normalize_text
from headlessly.transfer.currency_signs import CURRENCY

#: Words for thousands, millions and more, by their power of ten.
POWERS = {
    "k": 3, "tsd": 3, "thousand": 3, "thousands": 3, "tausend": 3, "lakh": 5, "lakhs": 5, "lac": 5, "m": 6,
    "mn": 6, "mm": 6, "mio": 6, "mill": 6, "mln": 6, "million": 6, "millions": 6, "millionen": 6, "cr": 7,
    "crore": 7, "crores": 7, "b": 9, "bn": 9, "mrd": 9, "billion": 9, "billions": 9, "milliarden": 9,
}  # fmt: skip
#: Letters for them right before a currency: ``T€``, ``kEUR``, ``MSEK``.
LETTERS = {"t": 3, "k": 3, "m": 6}
WORD = "|".join(sorted(POWERS, key=len, reverse=True))
SPACES = " \u00a0\u202f\u2009"
#: A currency, perhaps with a multiple: ``Mio. €``.
UNIT = rf"(?:(?P<{{0}}>[tkm](?={CURRENCY})|(?:{WORD})\b\.?\s*(?={CURRENCY}))?{CURRENCY}\s*)"
WRITTEN = re.compile(
    rf"(?P<sign>[-+\u2212]?)\s*{UNIT.format('before')}?(?P<minus>[-\u2212]?)\s*"
    rf"(?P<digits>\d[\d.,'’{SPACES}]*|[.,]\d+)"
    rf"(?P<dash>[-–—]+|[:/]-)?\s*(?:(?P<word>{WORD})\b\.?)?"
    rf"\s*(?:{UNIT.format('behind')}|%)?\Z",
    re.I,
)
#: Negative amounts as accountants write them, with the currency before or inside the brackets.
IN_BRACKETS = re.compile(rf"({CURRENCY})?\s*\((.*)\)\s*({CURRENCY})?\Z", re.I)
#: The whole part by its separator: digits in threes, or in twos and three as in India.
WHOLE = {
    mark: re.compile(
        rf"\d*|[1-9]\d{{0,2}}(?:{re.escape(mark)}\d{{3}})+"
        + (r"|[1-9]\d?(?:,\d\d)+,\d{3}" if mark == "," else "")
    )
    for mark in (",", ".", "'", "’", *SPACES)
}
#: The unit of a column's amounts in brackets in the heading: ``(T€)``, ``($ 000s)``, ``(in millions)``.
HEADING_UNIT = re.compile(
    rf"(?:in\s+)?(?:{CURRENCY},?\s*)?(?:in\s+)?(?:(?P<letter>t(?={CURRENCY})|[km](?=\Z|{CURRENCY}))|(?P<word>{WORD})\b\.?"
    rf"|(?P<noughts>['’]?000)s?)\s*(?:(?:of\s+)?{CURRENCY})?\Z",
    re.I,
)


class Number(NamedTuple):
    """The digits of a number, read with a comma or with a point as the decimal mark; None if it cannot be
    read so."""

    comma: str | None
    point: str | None


@lru_cache(50_000)
def parse_number(text: str, power: int = 0) -> Number | None:
    """Returns the number, or None for other text. ``power`` is the power of ten in the column's heading, used
    if the number itself has none."""
    text = normalize_text(text).removeprefix("'")  # a spreadsheet's mark for text
    if (negative := IN_BRACKETS.match(text)) is not None:
        text = f"{negative[1] or ''}{negative[2]}{negative[3] or ''}"
    match = WRITTEN.match(text)
    if match is None:
        return None
    digits = match["digits"].rstrip(SPACES)
    decimal = digits[-1] if digits[-1] in ".," else ""  # as in "1.250,-"
    dash = match["dash"] or ""
    if dash[:1] not in (":", "/") and bool(dash) != bool(decimal):
        return None
    digits = digits.rstrip(".,")
    sign = "-" if negative or match["minus"] or match["sign"] in ("-", "\u2212") else ""
    words = [word for name in ("before", "word", "behind") if (word := match[name])]
    if len(words) > 1:
        return None
    if words:
        word = words[0].strip().rstrip(".").lower()
        power = POWERS[word] if word in POWERS else LETTERS[word]
    comma, point = (
        None if plain is None else sign + _times(plain, power)
        for plain in (
            None if decimal and decimal != mark else _with_a_point(digits, mark) for mark in ",."
        )
    )
    return None if comma is None and point is None else Number(comma, point)


def _with_a_point(digits: str, decimal: str) -> str | None:
    """Returns the digits as Python writes them, if ``decimal`` is their decimal mark; else None."""
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
    """Returns ``digits`` times ten to the ``power``, computed without floats."""
    whole, _, rest = digits.partition(".")
    if power:
        rest = rest.ljust(power, "0")
        whole, rest = whole + rest[:power], rest[power:].rstrip("0")
    return f"{whole.lstrip('0') or '0'}.{rest}" if rest else whole or "0"


def heading_power(addition: str) -> int:
    """Returns the power of ten of a column's amounts, according to the brackets in its heading; else 0."""
    found = HEADING_UNIT.match(addition.strip(" ()[]"))
    if found is None:
        return 0
    if found["noughts"]:
        return 3
    word = (found["letter"] or found["word"]).lower()
    return POWERS[word] if word in POWERS else LETTERS[word]
