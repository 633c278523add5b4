"""What is sold, and what each deal that gets as far as an offer consists of."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

from crm.models import Deal, LineItem, Product

if TYPE_CHECKING:
    from marketing.demo.prospects import Prospect

SHIFTS, ROUTES, STOCK, ONBOARDING, SUPPORT = "P-SHIFTS", "P-ROUTES", "P-STOCK", "S-START", "S-CARE"
CATALOGUE: tuple[dict[str, Any], ...] = (
    {"sku": SHIFTS, "name": "Shifts", "price": 190, "unit": "user",
     "description": "Who works when, for everybody who plans it."},
    {"sku": ROUTES, "name": "Routes", "price": 210, "unit": "user",
     "description": "Which van goes where."},
    {"sku": STOCK, "name": "Stock", "price": 160, "unit": "user",
     "description": "What is there, and what is running out."},
    {"sku": "P-PAYROLL", "name": "Payroll export", "price": 480, "unit": "piece"},
    {"sku": ONBOARDING, "name": "Onboarding", "price": 1_500, "unit": "piece",
     "description": "Two days on site, and the first plan together."},
    {"sku": SUPPORT, "name": "Support", "price": 900, "interval": "Yearly",
     "description": "By phone from seven to seven."},
    {"sku": "P-SHIFTS-1", "name": "Shifts 1", "price": 90, "unit": "user", "is_active": False,
     "description": "Until last year."},
)  # fmt: skip
#: From which value on a deal includes the onboarding.
WITH_ONBOARDING = 6_000


def fill_catalogue() -> None:
    for each in CATALOGUE:
        Product.create(**each)


def offer_lines(it: Prospect) -> None:
    """Say what the deal consists of. It stays worth what it was: the seats have a price of their own."""
    deal = Deal.objects.get(pk=it.deal_id)
    if LineItem.objects.filter(deal=deal.pk).exists():
        return  # it came back
    # A generator of its own: the story stays the same.
    rng = Random(f"offering to {it.person.email}")
    product = {each.sku: each for each in Product.objects.all()}
    rest = deal.value
    if rest > WITH_ONBOARDING:
        onboarding = product[ONBOARDING]
        LineItem.create(deal=deal.pk, product=onboarding, unit_price=onboarding.price)
        rest -= onboarding.price
    seats = _seats(rest, product[SHIFTS].price)
    sold = product[rng.choice((SHIFTS, SHIFTS, ROUTES, STOCK))]
    LineItem.create(deal=deal.pk, product=sold, quantity=seats, unit_price=rest / seats)
    if deal.recurring_value:
        LineItem.create(deal=deal.pk, product=product[SUPPORT], unit_price=deal.recurring_value)


def lower(it: Prospect, value: float) -> None:
    """Make the seats cheaper until the deal is worth ``value``."""
    items = LineItem.objects.filter(deal=it.deal_id, interval=None).select_related("product")
    seats = next(item for item in items if item.product.sku != ONBOARDING)
    others = sum(item.amount or 0 for item in items if item.pk != seats.pk)
    price = (Decimal(value) - others) / Decimal(seats.quantity)
    LineItem.update(seats.pk, unit_price=max(round(price, 2), Decimal(1)))


def _seats(amount: Decimal, price: Decimal) -> int:
    """Returns how many seats cost this at about the list price, by which it can be divided to the cent."""
    wanted = max(float(amount / price), 1)
    return min((1, 2, 4, 5, 10, 20, 25, 40, 50, 80, 100), key=lambda seats: abs(seats - wanted))
