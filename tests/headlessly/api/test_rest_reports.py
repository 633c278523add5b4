"""Numbers by name: what each says, and that its list counts the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from crm import Deal, Lead
from headlessly.context import clock
from headlessly.query import periods
from headlessly.query.named_reports import Report, reports
from tests.answered import answered, problem

#: The units of what is counted.
COUNTED = ("leads", "deals", "activities", "records")
MARCH = "from=2025-03-01&to=2025-03-31"


def on(month: int, day: int, hour: int = 10) -> Any:
    return clock.set_clock(datetime(2025, month, day, hour, tzinfo=UTC), purpose="replay")


@pytest.fixture
def world(people: SimpleNamespace) -> SimpleNamespace:
    """Three leads of March and one of February; two deals won in March, in two currencies."""
    with on(2, 10):
        Lead.create(name="Early", source="website", owner=people.bob)
    with on(3, 3):
        first = Lead.create(name="First", source="website", owner=people.bob, contact=people.ada)
        Lead.create(name="Second", source="website", owner=people.cleo, campaign=people.spring)
    with on(3, 20):
        Lead.create(name="Third", source="website", owner=people.bob)
        first.update(status="Contacted")
        first.update(status="Qualified")
        Lead.convert(first.pk)
        for name, currency in (("Dollars", "USD"), ("Yen", "JPY")):
            deal = Deal.create(name=name, value=100, currency=currency, contact=people.ada)
            Deal.win(deal.pk)
    return people


def test_it_lists_every_number_with_its_definition(api: Any) -> None:
    found = answered(api.call("GET", "/reports"))["reports"]
    assert [each["name"] for each in found] == list(reports.by_name)
    assert all(each["definition"] and each["unit"] and each["title"] for each in found)
    (new,) = (each for each in found if each["name"] == "newLeads")
    period, whose = ["period", "from", "to"], ["owner", "owner.team", "campaign"]
    assert new["parameters"] == [*period, *whose, "asOf", "since"]


def test_it_says_a_number_that_of_the_period_before_and_its_series(api: Any, world: Any) -> None:
    found = answered(api.call("GET", f"/reports/newLeads?{MARCH}"))
    assert (found["value"], found["before"]["value"], found["by"]) == (3, 1, "day")
    assert found["before"]["period"] == {"from": "2025-01-29", "to": "2025-02-28"}
    for owner in (world.bob.pk, "bob stone", "Bob@Seller.example"):
        his = answered(api.call("GET", f"/reports/newLeads?{MARCH}&owner={quote(owner)}"))
        assert his["value"] == 2, owner
    assert {p["start"]: p["value"] for p in found["series"] if p["value"]} == {
        "2025-03-03": 2, "2025-03-20": 1,
    }  # fmt: skip
    assert len(found["series"]) == 31
    assert answered(api.call("GET", f"/reports/newLeads?{MARCH}&owner=-"))["value"] == 0
    one = answered(api.call("GET", f"/reports/newLeads?{MARCH}&campaign={world.spring.pk}"))
    assert one["value"] == 1
    rate = answered(api.call("GET", f"/reports/convertedRate?{MARCH}"))["value"]
    assert rate == pytest.approx(100 / 3)


def test_it_never_adds_two_currencies(api: Any, world: Any) -> None:
    found = answered(api.call("GET", f"/reports/wonValue?{MARCH}"))
    assert found["value"] == {"USD": 100.0, "JPY": 100.0}
    assert found["converted"] == {"currency": "USD", "value": None, "missing": ["JPY"]}


MEASURED = [report for report in reports.by_name.values() if report.measure]


def ask(api: Any, report: Report, more: str = "") -> dict[str, Any]:
    asked = f"{MARCH}&{more}" if report.over_time else more
    return answered(api.call("GET", f"/reports/{report.name}?{asked}"))


def test_it_counts_what_its_lists_list(api: Any, world: Any) -> None:
    wrong = [f"{each.name}: {said}" for each in MEASURED for said in miscounted(api, each)]
    assert wrong == []


def miscounted(api: Any, report: Report) -> Iterator[str]:
    """What a report says of itself that is not so."""
    found = ask(api, report)
    if report.unit in COUNTED and found["list"] and listed(api, found["list"]) != found["value"]:
        yield "the list behind it has another number"
    series = found["series"] if report.has_series and report.unit in COUNTED else None
    if series is not None and sum(point["value"] for point in series) != found["value"]:
        yield "the series has another sum"
    if ("rows" in found) is not bool(report.columns):
        yield "it has rows without columns, or none with them"
    for row in found.get("rows", ()):
        for column in report.columns:
            behind = row["lists"].get(column.name) if column.unit in COUNTED else None
            if behind is not None and listed(api, behind) != row[column.name]:
                yield f"{row['name']}, {column.name}: the list behind it has another number"


def listed(api: Any, behind: dict[str, Any]) -> int:
    """How many records a list has."""
    plural = {"Lead": "leads", "Deal": "deals", "Activity": "activities"}[behind["type"]]
    asked = f"filter={quote(json.dumps(behind['filter']))}"
    if "asOf" in behind:
        asked += f"&asOf={quote(behind['asOf'])}"
    return answered(api.call("GET", f"/{plural}?{asked}"))["total"]


def test_it_says_what_a_number_was_as_of_a_day(api: Any, world: Any) -> None:
    for moment, new, converted in (("2025-03-10", 2, 0), ("2025-03-25", 3, 100 / 3)):
        asked = f"{MARCH}&asOf={moment}"
        found = answered(api.call("GET", f"/reports/newLeads?{asked}"))
        assert found["value"] == new
        behind = found["list"]
        there = f"filter={quote(json.dumps(behind['filter']))}&asOf={quote(behind['asOf'])}"
        assert answered(api.call("GET", f"/leads?{there}"))["total"] == new
        rate = answered(api.call("GET", f"/reports/convertedRate?{asked}"))["value"]
        assert rate == pytest.approx(converted)


def test_it_says_what_changed_between_two_days(api: Any, world: Any) -> None:
    asked = f"{MARCH}&since=2025-03-10&asOf=2025-03-25"
    found = answered(api.call("GET", f"/reports/newLeads?{asked}"))
    assert (found["value"], found["since"]["value"], found["since"]["difference"]) == (3, 2, 1)
    worth = answered(api.call("GET", f"/reports/wonValue?{asked}"))["since"]
    assert worth["value"] == {}
    assert worth["difference"] == {"USD": 100.0, "JPY": 100.0}


def test_it_tells_what_it_told_then(api: Any, world: Any) -> None:
    """As of a moment it is what it was at that moment, whatever happened since."""
    with on(3, 25):
        then = {each.name: told(ask(api, each), each) for each in MEASURED}
    with on(3, 28):
        for lead in Lead.objects.filter(status="New"):
            lead.lose(lost_reason="Timing")
        Deal.create(name="Later", value=5_000, contact=world.ada)
    for report in MEASURED:
        again = told(ask(api, report, "asOf=2025-03-25T10:00:00Z"), report)
        assert again == then[report.name], report.name


def told(found: dict[str, Any], report: Report) -> tuple[Any, list[list[Any]]]:
    """The value, and of the rows what people read."""
    names = ["name", *(column.name for column in report.columns)]
    return found["value"], [[row[name] for name in names] for row in found.get("rows", ())]


@pytest.mark.parametrize(
    "path, status, field, allowed",
    [
        ("nothing", 404, None, "newLeads"),
        ("newLeads?period=never", 400, "period", "last_month"),
        ("newLeads?from=soon", 400, "from", "2026-01-31"),
        ("newLeads?colour=red", 400, "colour", "period"),
        ("newLeads?owner=x", 400, "owner", "no Contact is called 'x'"),
        ("newLeads?owner=lead_x", 400, "owner", "There is no Contact lead_x"),
        ("newLeads?asOf=never", 400, "asOf", "7d ago"),
        ("forecast?period=last_month", 400, "period", "owner"),
        ("attribution?by=colour", 400, "by", "campaign"),
        ("attribution?owner=me", 400, "owner", "model"),
    ],
)
def test_it_names_what_is_wrong_and_what_is_allowed(
    api: Any, path: str, status: int, field: str | None, allowed: str
) -> None:
    answer = api.call("GET", f"/reports/{path}")
    assert answer.status_code == status
    body = answer.json()
    assert body.get("field") == field
    assert allowed in body["message"]


def test_it_shows_nothing_of_another_tenant(rival_api: Any, world: Any) -> None:
    assert answered(rival_api.call("GET", f"/reports/newLeads?{MARCH}"))["value"] == 0


EDGES = ("0001-01-02", "0001-02-01", "1989-12-31", "2100-01-01", "9999-12-01", "8000y ago")
ASKED = [f"asOf={edge}&period={period}" for edge in EDGES[:-1] for period in periods.PRESETS]
ASKED += [f"{name}={edge}" for name in ("asOf", "since") for edge in EDGES]


def test_it_asks_for_a_nearer_day_where_the_calendar_would_end(api: Any) -> None:
    for report in reports.by_name.values():
        for query in ASKED:
            if not {part.partition("=")[0] for part in query.split("&")} <= {*report.parameters}:
                continue
            more = "&steps=Lead.Created,Lead.Converted" if report.name == "funnel" else ""
            response = api.call("GET", f"/reports/{report.name}?{quote(query, safe='=&')}{more}")
            told = problem(response, 400, "invalid_filter")
            assert told["field"] == query.partition("=")[0], (report.name, query)
