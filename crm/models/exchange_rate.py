"""What a currency was worth on a day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models
from django.utils import formats
from django.utils.translation import gettext as _

from headlessly.access import tenancy
from headlessly.declaration.fields import Currency, Date, Number, String
from headlessly.declaration.files import Files
from headlessly.nouns import Noun


class ExchangeRate(Noun):
    """What one unit of a currency was worth in the tenant's currency, from a day on until the next rate."""

    holds_exchange_rates = True
    prefix = "rate"

    currency = Currency("ISO 4217", required=True)
    day = Date("from which it counts", required=True)
    rate = Number(
        "what one unit is worth in the tenant's currency", required=True,
        minimum=0.000_001, maximum=1_000_000,
    )  # fmt: skip
    source = String("who says so", suggests=("ECB", "Bank"))

    class Surface:
        icon = "currency_exchange"
        area = "setup"
        setting = "At which rates amounts of other currencies count"
        rank = 60
        columns = ("currency", "day", "rate", "source")
        facets = ("currency",)
        no_mean = ("rate",)
        search = ("currency",)
        ordering = ("-day", "currency")
        groups = (("Rate", ("currency", "day", "rate", "source")),)
        files = Files(
            headings={
                "currency": ("Currency code", "Code", "Symbol", "Währung"),
                "day": ("Date", "Valid from", "Datum"),
                "rate": ("Exchange rate", "Conversion rate", "Kurs", "Wechselkurs"),
            },
            words={},
        )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-day", "currency", "id"], name="rate_by_day"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "currency", "day"],
                condition=models.Q(deleted_at=None),
                name="one_rate_a_day",
            )
        ]

    def __str__(self) -> str:
        return f"{self.currency} {formats.date_format(self.day, 'DATE_FORMAT')}"

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Allow one rate for each day and currency, and none for the tenant's own currency."""
        currency = values.get("currency", self.currency)
        day = values.get("day", self.day)
        own = tenancy.require().currency
        if "currency" in values and currency == own:
            problems["currency"] = _("Amounts are converted to %s: its rate is 1.") % own
        others = ExchangeRate.objects.filter(currency=currency, day=day).exclude(pk=self.pk)
        if {"currency", "day"} & values.keys() and others.exists():
            problems["day"] = _("There is a rate of %(currency)s for %(day)s already.") % {
                "currency": currency,
                "day": day,
            }
