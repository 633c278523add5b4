"""Line items: a deal is worth what it consists of."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from crm import Deal, ExchangeRate, LineItem, Product
from headlessly.errors import Invalid


@pytest.fixture
def deal(people: Any) -> Any:
    return Deal.create(name="Platform", value=500, owner=people.bob, organization=people.corp)


@pytest.fixture
def seat(acme: Any) -> Any:
    return Product.create(name="Seat", sku="S-1", price=40, interval="Monthly", unit="user")


@pytest.fixture
def setup_fee(acme: Any) -> Any:
    return Product.create(name="Setup", sku="S-2", price=1_500)


def worth(deal: Any) -> tuple[Any, Any, Any]:
    now = Deal.get(deal.pk)
    return now.value, now.recurring_value, now.recurring_interval


def test_it_takes_name_price_and_interval_from_its_product(deal, seat):
    item = LineItem.create(deal=deal, product=seat, quantity=10, discount=5)
    assert (item.name, item.unit_price, item.interval) == ("Seat", 40, "Monthly")
    assert (item.amount, item.currency) == (Decimal("380.00"), deal.currency)
    assert item.annual_value == 12 * 380
    own = LineItem.create(deal=deal, product=seat, name="Seats of the board", unit_price=30)
    assert (own.name, own.amount) == ("Seats of the board", 30)


def test_the_deal_is_worth_what_its_items_amount_to(deal, seat, setup_fee):
    fee = LineItem.create(deal=deal, product=setup_fee)
    assert worth(deal) == (1_500, None, None)
    seats = LineItem.create(deal=deal, product=seat, quantity=10)
    assert worth(deal) == (1_500, 400, "Monthly")
    seats.update(quantity=2.5, discount=10)
    assert worth(deal) == (1_500, 90, "Monthly")
    support = LineItem.create(deal=deal, product=seat, unit_price=1_200, interval="Yearly")
    assert worth(deal) == (1_500, 190, "Monthly")  # a twelfth a month
    deal.update(recurring_interval="Quarterly")
    assert worth(deal)[1:] == (570, "Quarterly")
    support.delete()
    assert worth(deal)[1:] == (270, "Quarterly")
    support.restore()
    fee.delete()
    assert worth(deal) == (1_500, 570, "Quarterly")  # as it was last


def test_what_its_items_do_not_decide_stays_as_it_was_said(deal, seat, setup_fee):
    deal.update(recurring_value=70, recurring_interval="Yearly")
    fee = LineItem.create(deal=deal, product=setup_fee)
    assert worth(deal) == (1_500, 70, "Yearly")
    deal.update(recurring_value=90)
    fee.update(interval="Yearly")
    assert worth(deal) == (1_500, 1_500, "Yearly")
    deal.update(value=2_000)
    assert worth(deal) == (2_000, 1_500, "Yearly")


def test_a_deal_without_items_keeps_the_value_it_had_last_and_takes_another(deal, setup_fee):
    LineItem.create(deal=deal, product=setup_fee).delete()
    assert worth(deal)[0] == 1_500
    deal.update(value=700)
    assert worth(deal)[0] == 700


def test_an_item_that_goes_to_another_deal_counts_there(deal, people, setup_fee):
    other = Deal.create(name="Other", value=1)
    item = LineItem.create(deal=deal, product=setup_fee)
    LineItem.create(deal=deal, product=setup_fee, name="Training", unit_price=100)
    item.update(deal=other)
    assert (worth(deal)[0], worth(other)[0]) == (100, 1_500)


@pytest.mark.parametrize("said", [{"value": 9}, {"recurringValue": 9}, {"currency": "CHF"}])
def test_a_deal_with_items_refuses_another_value(api, deal, seat, setup_fee, said):
    LineItem.create(deal=deal, product=seat)
    LineItem.create(deal=deal, product=setup_fee)
    answer = api.call("PATCH", f"/deals/{deal.pk}", said)
    assert answer.status_code == 422
    error = answer.json()
    assert (error["error"], error["field"]) == ("refused", *said)
    assert worth(deal) == (1_500, 40, "Monthly")


def test_a_deal_with_items_takes_back_what_was_read(deal, seat):
    LineItem.create(deal=deal, product=seat)
    deal.update(value=500, recurring_value=40, currency="USD", name="Renamed")
    assert Deal.get(deal.pk).name == "Renamed"


def test_another_product_brings_its_own_name_and_price(deal, seat, setup_fee):
    item = LineItem.create(deal=deal, product=seat, quantity=3)
    item.update(product=setup_fee)
    assert (item.name, item.amount, item.interval) == ("Setup", 4_500, None)
    assert item.annual_value == 4_500
    item.update(product=seat, unit_price=10)
    assert (item.name, item.amount, item.interval) == ("Seat", 30, "Monthly")
    item.update(unit_price=None)
    assert item.amount == 120


def test_a_price_is_converted_to_the_currency_of_the_deal(acme, people, setup_fee):
    swiss = Deal.create(name="Zürich", value=0, currency="CHF")
    with pytest.raises(Invalid, match="no rate from USD to CHF"):
        LineItem.create(deal=swiss, product=setup_fee)
    ExchangeRate.create(currency="CHF", day=date(2020, 1, 1), rate=1.2)
    item = LineItem.create(deal=swiss, product=setup_fee)
    assert (item.unit_price, item.currency) == (1_250, "CHF")


def test_it_says_what_cannot_be(deal, setup_fee):
    with pytest.raises(Invalid, match="more than can be counted"):
        LineItem.create(deal=deal, product=setup_fee, quantity=1e9, unit_price=1e6)
    setup_fee.update(is_active=False)
    with pytest.raises(Invalid, match="Setup is not sold any more"):
        LineItem.create(deal=deal, product=setup_fee)


def test_what_was_sold_keeps_its_price(deal, setup_fee):
    item = LineItem.create(deal=deal, product=setup_fee)
    setup_fee.update(price=2_000, is_active=False)
    item.update(quantity=2)
    assert item.amount == 3_000


def test_it_is_told_by_product_what_was_won(deal, seat, setup_fee):
    for product, quantity in ((seat, 10), (seat, 5), (setup_fee, 1)):
        LineItem.create(deal=deal, product=product, quantity=quantity)
    asked = {"group": "product", "measure": "sum(annualValue),sum(quantity)"}
    found = {row["product"]: row for row in LineItem.aggregate({"deal.stage": "Won"}, **asked)}
    assert found == {}
    deal.win()
    found = {row["product"]: row for row in LineItem.aggregate({"deal.stage": "Won"}, **asked)}
    assert found[seat.pk]["sum(quantity)"] == 15
    assert found[seat.pk]["sum(annualValue)"] == {"USD": 15 * 40 * 12}
    assert found[setup_fee.pk]["sum(annualValue)"] == {"USD": 1_500}
