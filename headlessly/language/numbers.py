"""Numbers as people write them in the language of the moment, and as every wire has them.

A German types 50.000,5 and an American 50,000.5 for what a wire says as 50000.5. What can be read in one way
only is read so whatever the language: a plain 12.5 is no group of thousands anywhere, and 50.000,5 has one
meaning. Thousands and millions may be said in short: ``40k``, ``1,5 Mio``.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from typing import Any

from django.utils import formats

#: Spaces between thousands mean nothing else in any language.
THOUSAND_SPACES = " \u00a0\u202f"
#: What follows a number in place of noughts, in English and German.
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
    """``50.000,5`` or ``50,000.5`` → ``50000.5``, by language; ``40k`` → ``40000``; other text as it is."""
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
    # As it is written here; else as where the marks mean the other.
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
    """A number of a wire as one would type it here: ``1234.5`` → ``1234,5``."""
    return str(value).replace(".", formats.get_format("DECIMAL_SEPARATOR"))
