"""Numbers as people write them in the language of the moment, and as every wire has them.

A German types 50.000,5 and an American 50,000.5 for what a wire says as 50000.5. What can be read in one way
only is read so whatever the language: a plain 12.5 is no group of thousands anywhere.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from django.utils import formats

#: Spaces between thousands mean nothing else in any language.
THOUSAND_SPACES = " \u00a0\u202f"


def delocalize_number(text: str) -> str:
    """``50.000,5`` or ``50,000.5`` → ``50000.5``, by language; other text as it is."""
    text = text.strip()
    decimal = formats.get_format("DECIMAL_SEPARATOR")
    match = _number_pattern(formats.get_format("THOUSAND_SEPARATOR"), decimal).match(text)
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
