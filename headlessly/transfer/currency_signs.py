"""Currencies as people write them next to an amount: ``€``, ``R$``, ``kr``, ``CHF``.

Some signs belong to several countries, and the amount alone does not say which of them is meant.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from django.utils.translation import gettext as _

from headlessly.declaration.currencies import CURRENCIES

#: All currency signs of Unicode.
ANY_SIGN = "$¢£¤¥֏؋৲৳૱௹฿៛\u20a0-\u20c0﷼﹩＄￠￡￥￦"
DOLLARS = (
    "USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN", "ARS", "CLP", "COP", "UYU", "DOP", "CUP", "BBD",
    "BMD", "BND", "BSD", "BZD", "FJD", "GYD", "JMD", "KYD", "LRD", "NAD", "NIO", "SBD", "SRD", "TTD", "XCD",
)  # fmt: skip
RUPEES = ("INR", "PKR", "LKR", "NPR", "MUR", "SCR")
YEN = ("JPY", "CNY")
#: The currencies that each sign may mean, the most usual first.
SIGNS: dict[str, tuple[str, ...]] = {
    "$": DOLLARS, "＄": DOLLARS, "﹩": DOLLARS, "dollar": DOLLARS, "dollars": DOLLARS, "US$": ("USD",),
    "U$S": ("USD",), "US-Dollar": ("USD",), "US Dollar": ("USD",), "U.S. Dollar": ("USD",),
    "A$": ("AUD",), "AU$": ("AUD",), "C$": ("CAD",), "CA$": ("CAD",), "NZ$": ("NZD",), "HK$": ("HKD",),
    "S$": ("SGD",), "SG$": ("SGD",), "NT$": ("TWD",), "MX$": ("MXN",), "R$": ("BRL",), "RD$": ("DOP",),
    "€": ("EUR",), "euro": ("EUR",), "euros": ("EUR",), "£": ("GBP",), "￡": ("GBP",), "pound": ("GBP",),
    "pounds": ("GBP",), "¥": YEN, "￥": YEN, "円": ("JPY",), "元": ("CNY",), "₹": ("INR",), "₨": RUPEES,
    "Rs": RUPEES, "₽": ("RUB",), "руб": ("RUB",), "₴": ("UAH",), "грн": ("UAH",), "₺": ("TRY",),
    "TL": ("TRY",), "₩": ("KRW",), "￦": ("KRW",), "₪": ("ILS",), "zł": ("PLN",), "Kč": ("CZK",),
    "Ft": ("HUF",), "lei": ("RON", "MDL"), "лв": ("BGN",), "kr": ("SEK", "NOK", "DKK", "ISK"),
    "Fr": ("CHF",), "SFr": ("CHF",), "Franken": ("CHF",), "₱": ("PHP",), "₦": ("NGN",), "₫": ("VND",),
    "đ": ("VND",), "฿": ("THB",), "₡": ("CRC",), "₲": ("PYG",), "₵": ("GHS",), "₸": ("KZT",),
    "₭": ("LAK",), "₮": ("MNT",), "₼": ("AZN",), "₾": ("GEL",), "៛": ("KHR",), "֏": ("AMD",),
    "৳": ("BDT",), "؋": ("AFN",), "﷼": ("IRR", "OMR", "QAR", "SAR", "YER"), "RM": ("MYR",),
    "Rp": ("IDR",),
}  # fmt: skip
_SPELLED = {sign.lower(): codes for sign, codes in SIGNS.items()}


def _alternatives(names: list[str]) -> str:
    return "|".join(map(re.escape, sorted(names, key=len, reverse=True)))


#: A currency next to an amount: codes are in capitals, signs in any case.
CURRENCY = (
    rf"(?:(?-i:{'|'.join(sorted(CURRENCIES))})(?![A-Za-z])"
    rf"|(?:{_alternatives(list(SIGNS))})\.?(?![^\W\d_])|[{ANY_SIGN}])"
)
CODE = re.compile(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])")
SIGN = re.compile(
    rf"(?:(?<![^\W\d_])|(?<=(?i:[tkm])))(?i:{_alternatives(list(SIGNS))})(?![^\W\d_])|[{ANY_SIGN}]"
)
GLUED = re.compile(rf"[TtKkM](?P<code>{'|'.join(sorted(CURRENCIES))})(?![A-Za-z])")


class Named(NamedTuple):
    """The currency of an amount: the text in the cell, and the codes that it may mean."""

    sign: str
    codes: tuple[str, ...]

    @property
    def code(self) -> str | None:
        """The code, if there is only one."""
        return self.codes[0] if len(self.codes) == 1 else None

    def refusal(self, own: str) -> str | None:
        """Returns why this amount cannot be used where amounts are in ``own``; None if it can."""
        if own in self.codes:
            return None
        if len(self.codes) < 2:
            said = _("This amount is in %(other)s, others here are in %(own)s.")
            return said % {"other": self.code or self.sign, "own": own}
        said = _(
            "%(sign)s could be %(codes)s, and amounts here are in %(own)s: say the currency in a column of "
            "its own, or as a default of the file."
        )
        codes = ", ".join(self.codes[:3])
        return said % {"sign": self.sign, "codes": codes, "own": own}


@lru_cache(50_000)
def currencies_of(text: str) -> Named | None:
    """Returns the currency in an amount, or in its heading: ``€ 1.250``; None if there is none."""
    if text.isdecimal():
        return None
    for found in CODE.finditer(text):
        if found[0] in CURRENCIES:
            return Named(found[0], (found[0],))
    if (glued := GLUED.search(text)) is not None:
        return Named(glued["code"], (glued["code"],))
    if (sign := SIGN.search(text)) is None:
        return None
    return Named(sign[0], _SPELLED.get(sign[0].lower(), ()))
