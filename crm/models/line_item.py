"""The line item: how many of what a deal consists of, and for how much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _

from crm.models.deal import Deal
from crm.models.product import Product
from headlessly.declaration.fields import Choice, Currency, Money, Number, Reference, String
from headlessly.declaration.indexes import index_of_reference
from headlessly.nouns import Noun, verb
from headlessly.query import money

CENT = Decimal("0.01")
#: The first amount that has too many digits for its column.
TOO_LARGE = Decimal(10) ** 13
#: What an item takes from its product, unless it says otherwise.
TAKEN = {"name": "name", "unit_price": "price", "interval": "interval"}
MONTHS: dict[str, int] = {
    Deal.Interval.MONTHLY: 1,
    Deal.Interval.QUARTERLY: 3,
    Deal.Interval.YEARLY: 12,
}


class LineItem(Noun):
    """One line of what a deal is about. The deal is worth what its line items amount to."""

    deal = Reference("crm.Deal", "line_items", required=True, on_delete=models.CASCADE)
    product = Reference("crm.Product", "line_items", required=True)
    name = String("as the product, unless said")
    quantity = Number("how many; 1 unless said", default=1, minimum=0, maximum=1_000_000_000)
    unit_price = Money("without tax; as the product, unless said")
    discount = Number("what is taken off the price", minimum=0, maximum=100, unit="%")
    interval = Choice(Deal.Interval, "how often it is paid; as the product, unless said")
    amount = Money("quantity times unit price, less the discount", editable=False, per="interval")
    annual_value = Money("what it comes to in the first year", editable=False)
    currency = Currency("that of the deal", editable=False)

    class Surface:
        icon = "receipt_long"
        rank = 46
        is_in_menu = False
        columns = (
            "name", "product", "deal", "quantity", "unit_price", "discount", "amount", "interval",
            "annual_value",
        )  # fmt: skip
        facets = ("product", "deal", "interval")
        ranges = ("annual_value", "quantity")
        inline = ("quantity", "discount")
        counts = ("quantity",)
        no_mean = ("unit_price", "discount")
        quick = ("deal", "product", "name", "quantity", "unit_price", "discount")
        about = ("deal",)
        search = ("name", "deal__name", "product__name")
        alike = ()
        groups = (
            ("What", ("deal", "product", "name", "quantity")),
            ("Price", ("unit_price", "discount", "interval", "amount", "annual_value", "currency")),
        )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="lineitem_by_created"),
            index_of_reference("deal", name="lineitem_by_deal"),
            index_of_reference("product", name="lineitem_by_product"),
        ]

    def __str__(self) -> str:
        return self.name or self.pk

    @verb(creates=True, sets=("amount", "annual_value", "currency"))
    def create(self, **fields: Any) -> None:
        """Add a line to a deal. The product gives what is not said."""

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Refuse a product that is not sold any more, and an amount that is not known or too large."""
        if {"deal", "product"} & problems.keys():
            return
        product, known = self._product(values), self._settled(values)
        if "product" in values and not product.is_active:
            problems["product"] = _("%s is not sold any more.") % product
        if (price := known["unit_price"]) is None:
            problems["unit_price"] = _(
                "Say what one costs: there is no rate from %(of)s to %(to)s."
            ) % {"of": product.currency, "to": self._currency(values)}
        elif 12 * amount_of(known["quantity"], price, known["discount"]) >= TOO_LARGE:
            problems["quantity"] = _("So many cost more than can be counted.")

    def before_write(self) -> None:
        """Take from the product what is not said, and multiply."""
        columns = {name: self.schema.by_name[name].column for name in ("deal", "product", *TAKEN)}
        now = {name: getattr(self, column) for name, column in columns.items()}
        changed = {n: v for n, v in now.items() if v != self._read.get(columns[n])}
        self.currency = self._currency(changed)
        known = self._settled(changed)
        for name in TAKEN:
            setattr(self, name, known[name])
        self.amount = amount_of(known["quantity"], known["unit_price"], known["discount"])
        self.annual_value = self.amount * (12 // MONTHS[self.interval] if self.interval else 1)

    def _settled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what its amount is made of after a change to ``values``, with what a new product gives."""
        names = (*TAKEN, "quantity", "discount")
        known = {name: values.get(name, getattr(self, name)) for name in names}
        taken = [n for n in TAKEN if {n, "product"} & values.keys() and not values.get(n)]
        if taken:
            product = self._product(values)
            for name in taken:
                known[name] = getattr(product, TAKEN[name])
            if "unit_price" in taken:
                known["unit_price"] = _converted(product, self._currency(values))
        return known

    def _product(self, values: Mapping[str, Any]) -> Product:
        return Product.with_deleted.get(pk=values.get("product", self.product_id))

    def _currency(self, values: Mapping[str, Any]) -> str:
        """Returns the currency of its deal."""
        if "deal" not in values and self.currency:
            return self.currency
        found = Deal.objects.filter(pk=values.get("deal", self.deal_id))
        return found.values_list("currency", flat=True).get()


def _converted(product: Product, to: str) -> Decimal | None:
    """Returns the price of a product in another currency at today's rate; None without a rate."""
    day = money.rate_day()
    rates = money.Rates((each, day) for each in (product.currency, to))
    rate, _used = rates.between(product.currency, to, day)
    return None if rate is None else (product.price * rate).quantize(CENT, ROUND_HALF_UP)


def amount_of(quantity: float, unit_price: Decimal, discount: float | None) -> Decimal:
    """Returns quantity times unit price less the discount in percent, to the cent."""
    whole = Decimal(str(quantity)) * unit_price * (100 - Decimal(str(discount or 0))) / 100
    return whole.quantize(CENT, ROUND_HALF_UP)


def worth_of(deal: Deal, items: Iterable[LineItem]) -> dict[str, Any]:
    """Returns what these line items decide of their deal, as its fields.

    ``value`` is the sum of what is paid once, ``recurring_value`` of what is paid in each interval of the
    deal; where nothing is paid so, the field is left out. Amounts of other intervals are converted by their
    months. A deal without an interval gets that of the first item that has one.
    """
    worth: dict[str, Any] = {}
    for item in items:
        amount = item.amount or Decimal(0)
        if not item.interval:
            worth["value"] = worth.get("value", Decimal(0)) + amount
            continue
        interval = worth.setdefault("recurring_interval", deal.recurring_interval or item.interval)
        recurring = amount * MONTHS[interval] / MONTHS[item.interval]
        worth["recurring_value"] = worth.get("recurring_value", Decimal(0)) + recurring
    return {
        name: amount.quantize(CENT, ROUND_HALF_UP) if isinstance(amount, Decimal) else amount
        for name, amount in worth.items()
    }
