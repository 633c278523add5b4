"""Amounts of different currencies are never added: every money field of every noun, on every surface.

Three amounts in three currencies are chosen so that each sum of two or three of them is a number that nothing
else makes. It must be on no page, in no answer and in no file, whether or not one of them has a rate.
"""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from openpyxl import load_workbook

from crm import Contact, Deal, ExchangeRate
from headlessly.declaration.registry import registry
from headlessly.query.named_reports import reports
from marketing import Campaign, Segment
from tests.conftest import Api
from tests.contract import samples
from tests.headlessly.admin.conftest import users  # noqa: F401  (a fixture)
from tests.headlessly.admin.signed_in import client_of
from tests.headlessly.mcp.conftest import Agent

AMOUNTS = {"USD": 100_003, "EUR": 20_011, "JPY": 3_019}
#: By how much the amounts of a noun's second money field are larger, and so on.
APART = 7
#: What one euro is worth in the tenant's dollars, where there is a rate; of yen there is none.
RATE = 3
#: The nouns with amounts in a currency of their own; of a line item it is that of its deal.
NOUNS = [
    noun
    for noun in registry.values()
    if noun.schema.currency is not None
    and not noun.schema.by_name[noun.schema.currency.name].read_only
    and any(f.type == "money" for f in noun.schema.stored)
]
CASES = pytest.mark.parametrize("with_rates", [False, True], ids=["without rates", "with a rate"])


def numbers_in(text: str) -> set[int]:
    """The whole numbers of a text, however their thousands are parted."""
    text = re.sub(r"(?<=\d)[,\u00a0\u202f' ](?=\d{3}(?!\d))", "", text)
    return {int(found) for found in re.findall(r"(?<![\w.])\d+(?![\w])", text)}


@pytest.fixture
def world(people: Any) -> Any:
    return people


def money_fields(noun: Any) -> list[Any]:
    return [field for field in noun.schema.stored if field.type == "money"]


def amounts_of(noun: Any, field: Any) -> dict[str, int]:
    """What a record in each currency has in this field."""
    more = APART * money_fields(noun).index(field)
    return {currency: amount + more for currency, amount in AMOUNTS.items()}


def forbidden(noun: Any, field: Any) -> set[int]:
    """Every sum and average of amounts in different currencies."""
    return {
        number
        for size in (2, 3)
        for amounts in itertools.combinations(amounts_of(noun, field).values(), size)
        for number in (sum(amounts), sum(amounts) // size, round(sum(amounts) / size))
    }


def fill(noun: Any, world: Any, with_rates: bool) -> None:
    """A record of the noun in each currency, of one owner and one campaign, with all its amounts."""
    if with_rates:
        ExchangeRate.create(currency="EUR", day="2020-01-01", rate=RATE)
    same: dict[str, Any] = {}
    for name, record in (("owner", world.bob), ("campaign", world.spring)):
        if name in noun.schema.references:
            same[noun.schema.by_name[name].wire] = record.pk
    if "probability" in noun.schema.by_name:
        same["probability"] = 100
    if "recurring_interval" in noun.schema.by_name:
        same["recurringInterval"] = "Monthly"
    for currency in AMOUNTS:
        data = same | {noun.schema.by_name[noun.schema.currency.name].wire: currency}
        amounts = {f: amounts_of(noun, f)[currency] for f in money_fields(noun)}
        data |= {f.wire: amount for f, amount in amounts.items() if not f.read_only}
        record = samples.create(noun, **data)
        for field, amount in amounts.items():
            if field.read_only:  # what only a verb of its own writes
                with connection.cursor() as cursor:
                    cursor.execute(
                        f"UPDATE {noun._meta.db_table} SET {field.column} = %s WHERE id = %s",
                        [amount, record.pk],
                    )


def surfaces(noun: Any, browser: Any, tenant: Any) -> Iterator[tuple[str, str]]:
    """What each surface says: lists, boards, pages of reports, exports, and what programs are answered."""
    api, agent, admin = Api(tenant), Agent(tenant), "/~acme/admin/"
    label, name = noun._meta.app_label, noun._meta.model_name
    today = noun.objects.first().created_at
    before = f"{today - timedelta(2):%Y-%m-%d}"
    if noun.Surface.board is not None:
        yield "board", browser.get(f"{admin}{label}/{name}/board/").content.decode()
    for query in (f"from={before}", f"from={before}&since={before}&asOf={today:%Y-%m-%d}"):
        yield f"dashboard {query}", browser.get(f"{admin}dashboard/?{query}").content.decode()
    for report in reports.by_name.values():
        if "money" not in (report.unit, *(column.unit for column in report.columns)):
            continue
        asked = f"?from={before}" if "from" in report.parameters else ""
        answer = api.call("GET", f"/reports/{report.name}{asked}")
        assert answer.status_code == 200
        yield f"report {report.name}", answer.content.decode()
    answer = api.call("GET", f"/{noun.plural}")
    assert answer.status_code == 200
    yield "REST list", answer.content.decode()
    for format in ("csv", "ndjson"):
        answer = api.call("GET", f"/export/{noun.plural}?format={format}")
        assert answer.status_code == 200
        yield f"export {format}", b"".join(answer.streaming_content).decode()
    for field in money_fields(noun):
        yield from surfaces_of_field(noun, field, browser, api, agent)


def surfaces_of_field(
    noun: Any, field: Any, browser: Any, api: Any, agent: Any
) -> Iterator[tuple[str, str]]:
    """The lists by a field, and what is measured of it."""
    admin, label, name = "/~acme/admin/", noun._meta.app_label, noun._meta.model_name
    yield "list", browser.get(f"{admin}{label}/{name}/?o={field.wire}").content.decode()
    functions = [f"{f}({field.wire})" for f in ("sum", "avg", "median", "min", "max")]
    by = noun.schema.by_name[field.per].wire if field.per else ""
    for shape, function in (
        ("bars", functions[0]),
        ("line", functions[0]),
        ("table", functions[1]),
    ):
        asked = f"measures={function}&as={shape}&over=month(createdAt)&groupBy={by}"
        page = browser.get(f"{admin}reports/{noun.plural}/?{asked}")
        assert page.status_code == 200
        yield f"report {shape}", page.content.decode()
    for function in functions[:2]:
        book = browser.get(
            f"{admin}reports/{noun.plural}/workbook/?measures={function}&groupBy={by}"
        )
        yield f"workbook {function}", workbook_text(book.content)
    asked = f"measure={','.join(functions)}&group={by}"
    answer = api.call("GET", f"/{noun.plural}/aggregate?{asked}")
    assert answer.status_code == 200
    yield "aggregate", answer.content.decode()
    found = agent.tool("search", type=noun.__name__, measure=",".join(functions), group=by)
    yield "MCP", json.dumps(found)
    yield "Python", json.dumps(noun.aggregate(measure=functions, group=by))


def workbook_text(content: bytes) -> str:
    book = load_workbook(io.BytesIO(content))
    return "\n".join(str(cell) for sheet in book for row in sheet.values for cell in row)


@CASES
@pytest.mark.parametrize("noun", NOUNS)
def test_it_adds_no_currencies_on_any_surface(
    noun: Any,
    with_rates: bool,
    world: Any,
    acme: Any,
    users: Any,  # noqa: F811
) -> None:
    fill(noun, world, with_rates)
    seen: set[int] = set()
    for surface, text in surfaces(noun, client_of(users.cleo), acme):
        found = numbers_in(text)
        for field in money_fields(noun):
            assert not found & forbidden(noun, field), f"{surface} added amounts of {field.wire}"
        seen |= found
    for field in money_fields(noun):
        assert set(amounts_of(noun, field).values()) <= seen, "the amounts themselves are somewhere"


@CASES
@pytest.mark.parametrize("noun", NOUNS)
def test_it_counts_a_segment_of_amounts_by_what_they_are_worth(
    noun: Any,
    with_rates: bool,
    world: Any,
    users: Any,  # noqa: F811
) -> None:
    """With rates the bounds of its filter are in the tenant's currency, and what has no rate fits none."""
    fill(noun, world, with_rates)
    for field in money_fields(noun):
        euros = amounts_of(noun, field)["EUR"]
        for least, with_them, without in ((euros + 1, 2, 1), (euros * RATE + 1, 1, 1)):
            criteria = {"type": noun.__name__, "filter": {field.wire: {"$gte": least}}}
            segment = Segment.create(name=f"{field.wire} from {least}", criteria=criteria)
            segment.refresh()
            assert segment.member_count == (with_them if with_rates else without)
            assert segment.member_count == noun.count(criteria["filter"])
            page = client_of(users.cleo).get(f"/~acme/admin/marketing/segment/{segment.pk}/change/")
            assert page.status_code == 200
            shown = numbers_in(page.content.decode())
            assert not shown & forbidden(noun, field)


@CASES
def test_it_completes_a_campaign_without_adding_currencies(world: Any, with_rates: bool) -> None:
    if with_rates:
        ExchangeRate.create(currency="EUR", day="2020-01-01", rate=RATE)
    campaign = Campaign.create(
        name="Mixed", currency="USD", budget=10, actual_cost=1_000,
        landing_page_url="https://acme.example",
    )  # fmt: skip
    campaign.launch()
    for currency, amount in AMOUNTS.items():
        Deal.create(
            name=currency, value=amount, currency=currency, campaign=campaign,
            contact=Contact.objects.first(),
        ).win()  # fmt: skip
    campaign.complete()
    assert campaign.actual_revenue == AMOUNTS["USD"], "without all rates its own currency alone"
    assert campaign.roi == pytest.approx((AMOUNTS["USD"] - 1_000) / 10)
    ExchangeRate.create(currency="JPY", day="2020-01-01", rate=0.5)
    if with_rates:
        total = AMOUNTS["USD"] + AMOUNTS["EUR"] * RATE + AMOUNTS["JPY"] / 2
        again = Campaign.get(campaign.pk)
        from marketing.returns import campaign_returns

        assert float(campaign_returns([again])[again.pk].revenue) == total


@CASES
@pytest.mark.parametrize("noun", NOUNS)
def test_it_converts_only_where_every_rate_is_known(
    noun: Any, with_rates: bool, world: Any
) -> None:
    field = money_fields(noun)[0]
    fill(noun, world, with_rates)
    measure = f"sum({field.wire})"
    (row,) = noun.aggregate(measure=measure)
    assert row[measure] == {code: float(amount) for code, amount in AMOUNTS.items()}
    missing = row["converted"][measure]["missing"]
    assert missing == (["JPY"] if with_rates else ["EUR", "JPY"])
    ExchangeRate.create(currency="JPY", day="2020-01-01", rate=0.5)
    if with_rates:
        (row,) = noun.aggregate(measure=measure)
        total = AMOUNTS["USD"] + AMOUNTS["EUR"] * RATE + AMOUNTS["JPY"] / 2
        assert row["converted"][measure]["value"] == total


def test_it_covers_every_money_field_that_can_be_in_several_currencies() -> None:
    """Amounts of a noun without a currency of its own are all in the tenant's: there is nothing to mix."""
    alone = {
        noun.__name__
        for noun in registry.values()
        if noun.schema.currency is None and any(f.type == "money" for f in noun.schema.stored)
    }
    assert alone == {"Organization"}
    assert sum(len(money_fields(noun)) for noun in NOUNS) >= 6
