"""Reads and writes numbers as people write them in the active language.

A German types 50.000,5 and an American 50,000.5 for what the API calls 50000.5. A number with only one
possible meaning is read that way in every language: a plain 12.5 cannot have groups of thousands, and
50.000,5 cannot have a decimal point. Thousands and millions can be abbreviated: ``40k``, ``1,5 Mio``.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from typing import Any

from django.utils import formats

#: Spaces that separate thousands in any language.
THOUSAND_SPACES = " \u00a0\u202f"
#: Abbreviations and words for thousands, millions and billions, in English and German.
SHORT = {
    "k": 1_000, "tsd": 1_000, "thousand": 1_000, "tausend": 1_000,
    "m": 1_000_000, "mn": 1_000_000, "mio": 1_000_000, "million": 1_000_000,
    "millionen": 1_000_000, "bn": 1_000_000_000, "mrd": 1_000_000_000, "billion": 1_000_000_000,
    "milliarden": 1_000_000_000,
}  # fmt: skip
_AMOUNT = re.compile(
    rf"(?P<number>.*?\d)\s*(?P<short>{'|'.join(sorted(SHORT, key=len, reverse=True))})\.?\Z",
    re.IGNORECASE | re.DOTALL,
)


def delocalize_number(text: str) -> str:
    """Returns ``50.000,5`` or ``50,000.5``, by language, as ``50000.5``; ``40k`` as ``40000``; other text
    as it is."""
    text = text.strip()
    if (amount := _AMOUNT.match(text)) is None:
        return _delocalize(text)
    try:
        number = Decimal(_delocalize(amount["number"])) * SHORT[amount["short"].lower()]
    except ArithmeticError:
        return text
    return f"{number.normalize():f}"


def _delocalize(text: str) -> str:
    marks = formats.get_format("THOUSAND_SEPARATOR"), formats.get_format("DECIMAL_SEPARATOR")
    # First with the marks of the language, then with the two exchanged.
    patterns = (_number_pattern(*marks), _number_pattern(*reversed(marks)))
    match = next((found for each in patterns if (found := each.match(text))), None)
    if match is None:
        return text
    sign, whole, _mark, rest = match.groups()
    digits = re.sub(r"\D", "", whole)
    return f"{sign.replace(chr(0x2212), '-')}{digits}" + (f".{rest}" if rest else "")


@cache
def _number_pattern(thousand: str, decimal: str) -> re.Pattern[str]:
    marks, point = re.escape(thousand + THOUSAND_SPACES), re.escape(decimal)
    return re.compile(rf"([-\u2212]?)(\d{{1,3}}(?:[{marks}]\d{{3}})+|\d+)(?:({point})(\d+))?\Z")


def localize_number(value: Any) -> str:
    """Returns a number of the API as people type it: ``1234.5`` → ``1234,5``."""
    return str(value).replace(".", formats.get_format("DECIMAL_SEPARATOR"))
