"""Reports that people put together: what is asked, what is answered, what is saved and shown."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from crm import Deal, ExchangeRate, Lead
from headlessly.access import actors, tenancy
from headlessly.context import clock
from headlessly.query import saved_views
from headlessly.query.saved_views import View
from tests.headlessly.admin.signed_in import client_of, without_frame

REPORTS = "/~acme/admin/reports/"
LEADS = f"{REPORTS}leads/"
DEALS = f"{REPORTS}deals/"


def on(month: int, day: int) -> Any:
    return clock.set_clock(datetime(2025, month, day, 10, tzinfo=UTC), purpose="replay")


@pytest.fixture
def world(people: SimpleNamespace) -> SimpleNamespace:
    """Leads of three months and deals in two currencies."""
    for month, source, owner, budget in (
        (1, "web", people.bob, 100), (1, "web", people.cleo, 50), (1, "fair", None, None),
        (3, "web", people.bob, 7), (3, "a,b", people.bob, None),
    ):  # fmt: skip
        with on(month, 31 if month == 1 else 5):
            Lead.create(
                name="L", source=source, owner=owner, budget=budget, organization=people.corp
            )
    for value, currency, owner in (
        (10, "USD", people.bob),
        (4, "EUR", people.bob),
        (1, "EUR", None),
    ):
        Deal.create(name="D", value=value, currency=currency, owner=owner)
    return people


def table(client: Any, address: str) -> list[list[str]]:
    """The rows of the table as people read them, its heads first."""
    html = without_frame(client, address)
    found = re.search(r'<table class="numbers">(.*?)</table>', html, re.S)
    assert found, plain(html)[-2000:]
    rows = re.findall(r"<tr>(.*?)</tr>", found[1], re.S)
    return [
        [plain(cell) for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.S)] for row in rows
    ]


def plain(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).replace("\u00a0", " ").split())


def numbers(client: Any, address: str) -> list[tuple[str, str]]:
    """Each number of the table that opens a list, and the address of that."""
    html = without_frame(client, address)
    body = html.split('<table class="numbers">')[1].split("</table>")[0].split("</thead>")[1]
    return [
        (plain(text), unescape(url)) for url, text in re.findall(r'<a href="(.*?)">(.*?)</a>', body)
    ]


def listed(client: Any, url: str) -> str:
    """How many records the list of an address has, as its page says."""
    html = client.get(url, follow=True).content.decode()
    assert 'role="alert"' not in html, plain(html.split('role="alert"')[1][:300])
    return plain(re.search(r'<span class="count">(.*?)</span>', html)[1])  # type: ignore[index]


# -- what is asked and answered -----------------------------------------------------------------------


def test_it_counts_all_records_where_nothing_is_said(cleo: Any, world: Any) -> None:
    assert table(cleo, LEADS) == [["How many"], ["5"]]


def test_it_groups_and_measures_and_adds_up_all_together(cleo: Any, world: Any) -> None:
    rows = table(cleo, f"{LEADS}?groupBy=source&measures=count,sum(budget),avg(budget)")
    assert rows == [
        ["Source", "How many ↓", "Sum of budget", "Average of budget"],
        ["web", "3", "$157", "$52.33"],
        ["a,b", "1", "–", "–"],
        ["fair", "1", "–", "–"],
        ["All together", "5", "$157", "$52.33"],
    ]


def test_it_groups_by_two_fields_also_behind_references(cleo: Any, world: Any) -> None:
    rows = table(cleo, f"{LEADS}?groupBy=organization.type&groupBy=owner&measures=count")
    assert rows[0] == ["Organization type", "Owner", "How many ↓"]
    assert rows[1] == ["Prospect", "Bob Stone", "3"]
    assert sorted(rows[2:-1]) == [["Prospect", "Cleo Marsh", "1"], ["Prospect", "none", "1"]]
    assert rows[-1] == ["All together", "5"]


def test_it_sorts_by_any_column(cleo: Any, world: Any) -> None:
    asked = f"{LEADS}?groupBy=source&measures=count"
    assert [row[0] for row in table(cleo, f"{asked}&o=source")[1:-1]] == ["a,b", "fair", "web"]
    assert [row[0] for row in table(cleo, f"{asked}&o=-source")[1:-1]] == ["web", "fair", "a,b"]


@pytest.mark.parametrize(
    "asked",
    [
        "groupBy=source",
        "groupBy=owner",
        "groupBy=status,owner&owner=me",
        "groupBy=organization.industry,owner",
        "groupBy=organization.type",
        "groupBy=contact.stage",
        "over=month(createdAt)",
        "over=quarter(createdAt)&groupBy=source",
        "over=week(createdAt)&createdAt__gte=2025-01-31&createdAt__lt=2025-03-06",
        "over=day(createdAt)&createdAt__gte=2025-01-30",
        "over=year(createdAt)&status=New&q=L",
    ],
)
def test_it_opens_the_list_behind_each_number(cleo: Any, world: Any, asked: str) -> None:
    found = numbers(cleo, f"{LEADS}?{asked}")
    assert found
    for number, url in found:
        assert listed(cleo, url) == number, url


def test_it_shows_each_currency_and_what_they_are_worth_together(cleo: Any, world: Any) -> None:
    asked = f"{DEALS}?groupBy=owner&measures=sum(value)&o=-owner"
    assert table(cleo, asked)[1:] == [
        ["Bob Stone", "$10 + €4 There is no exchange rate for EUR."],
        ["none", "€1 There is no exchange rate for EUR."],
        ["All together", "$10 + €5 There is no exchange rate for EUR."],
    ]
    ExchangeRate.create(currency="EUR", day="2020-01-01", rate=2)
    assert table(cleo, asked)[1:] == [
        ["Bob Stone", "$18 $10 + €4"], ["none", "$2 €1"], ["All together", "$20 $10 + €5"]
    ]  # fmt: skip


def test_it_adds_no_amounts_of_several_intervals(cleo: Any, world: Any) -> None:
    for amount, interval in ((10, "Monthly"), (20, "Monthly"), (100, "Yearly")):
        Deal.create(name="D", value=1, recurring_value=amount, recurring_interval=interval)
    asked = f"{DEALS}?measures=sum(recurringValue),count"
    html = cleo.get(asked).content.decode()
    assert "Sum of recurring value: group by Recurring interval as well." in plain(html)
    assert table(cleo, f"{asked}&groupBy=recurringInterval&recurringValue__gte=1")[1:] == [
        ["Yearly", "$100", "1"], ["Monthly", "$30", "2"], ["All together", "–", "3"]
    ]  # fmt: skip


def test_it_adds_no_medians(cleo: Any, world: Any) -> None:
    rows = table(cleo, f"{DEALS}?groupBy=owner&measures=median(value)&o=-owner")
    assert rows[1] == ["Bob Stone", "€4 · $10"]


def test_it_says_on_the_axis_in_which_currency_it_is(cleo: Any, world: Any) -> None:
    html = cleo.get(f"{LEADS}?over=month(createdAt)&measures=sum(budget)").content.decode()
    assert "$50" in re.findall(r'<text class="height[^>]*>(.*?)</text>', html)


def test_it_draws_each_currency_for_itself_where_nobody_knows_a_rate(cleo: Any, world: Any) -> None:
    html = cleo.get(f"{DEALS}?groupBy=owner&measures=sum(value)&as=bars").content.decode()
    bars = [plain(each) for each in re.findall(r'<span class="label">(.*?)</span>', html)]
    assert sorted(bars) == ["Bob Stone, EUR", "Bob Stone, USD", "none, EUR"]


def test_it_draws_a_line_over_an_axis_with_dates_and_zero_where_nothing_was(
    cleo: Any, world: Any
) -> None:
    html = cleo.get(f"{LEADS}?over=month(createdAt)").content.decode()
    days = re.findall(r'<text class="day[^>]*>(.*?)</text>', html)
    assert days == ["Jan 2025", "Feb 2025", "Mar 2025"]
    assert re.findall(r'points="(.*?)"', html) == ["1.50,0.00 50.00,100.00 98.50,33.33"]
    heights = re.findall(r'<text class="height[^>]*>(.*?)</text>', html)
    assert heights == ["0", "1", "2", "3"]


def test_it_draws_a_line_for_each_group(cleo: Any, world: Any) -> None:
    html = cleo.get(f"{LEADS}?over=month(createdAt)&groupBy=source").content.decode()
    legend = html.split('class="legend"')[1].split("</ul>")[0]
    assert [plain(each) for each in re.findall(r"</svg>(.*?)</li>", legend)] == [
        "web",
        "a,b",
        "fair",
    ]
    assert html.count("<polyline") == 3


def test_it_shows_the_records_as_they_were(cleo: Any, world: Any) -> None:
    assert table(cleo, f"{LEADS}?asOf=2025-02-01") == [["How many"], ["3"]]
    assert "This is how it was on" in cleo.get(f"{LEADS}?asOf=2025-02-01").content.decode()


@pytest.mark.parametrize(
    ("asked", "control", "said"),
    [
        ("groupBy=nothing", "groupBy", "nothing"),
        ("groupBy=source&groupBy=budget", "groupBy", "budget"),
        ("groupBy=source,owner,status", "groupBy", "2 fields"),
        ("measures=sum(name)", "measures", "sum(name)"),
        ("measures=count,drop table", "measures", "drop table"),
        ("over=month(budget)", "over", "month(budget)"),
        ("over=fortnight(createdAt)", "over", "fortnight"),
        ("as=cake", "as", "Table, Bars, Line over time"),
        ("as=line", "as", "choose one"),
        ("as=bars", "as", "choose it"),
    ],
)
def test_it_says_beside_a_control_what_is_wrong_with_it(
    cleo: Any, world: Any, asked: str, control: str, said: str
) -> None:
    answer = cleo.get(f"{LEADS}?{asked}")
    html = answer.content.decode()
    assert answer.status_code == 400
    found = re.search(rf'<p class="wrong" id="wrong-{control}" role="alert">(.*?)</p>', html)
    assert found and said in plain(found[1])
    assert f'aria-describedby="wrong-{control}"' in html


def test_it_says_what_is_wrong_with_a_filter(cleo: Any, world: Any) -> None:
    answer = cleo.get(f"{LEADS}?score__gte=many")
    assert answer.status_code == 400
    assert 'class="notice bad" role="alert"' in answer.content.decode()
    assert cleo.get(f"{REPORTS}nothing/").status_code == 404


def test_it_escapes_what_people_wrote(cleo: Any, world: Any) -> None:
    Lead.create(name="L", source="<b>web</b>")
    html = cleo.get(f"{LEADS}?groupBy=source").content.decode()
    assert "<b>web</b>" not in html and "&lt;b&gt;web&lt;/b&gt;" in html


def test_it_shows_a_limited_rep_their_own_numbers(
    bob: Any, users: Any, acme: Any, world: Any
) -> None:
    acme.limits_reps = True
    acme.save()
    rows = table(bob, f"{LEADS}?groupBy=owner")
    assert {row[0]: row[1] for row in rows[1:]} == {
        "Bob Stone": "3", "none": "1", "All together": "4"
    }  # fmt: skip


def test_it_shows_nothing_of_another_tenant(users: Any, world: Any) -> None:
    eve = client_of(users.eve)
    assert eve.get(LEADS).status_code == 404
    assert table(eve, "/~rival/admin/reports/leads/") == [["How many"], ["0"]]


def test_it_asks_as_little_of_the_database_for_many_groups_as_for_one(
    cleo: Any, world: Any
) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            cleo.get(f"{LEADS}?groupBy=owner,source")
        return len(asked)

    statements()
    before = statements()
    for number in range(12):
        Lead.create(name="L", source=f"source {number}", owner=world.ada)
    assert statements() == before


# -- as a workbook ------------------------------------------------------------------------------------


def sheet(client: Any, address: str) -> list[list[Any]]:
    answer = client.get(address)
    assert answer["Content-Disposition"].endswith('.xlsx"')
    book = load_workbook(io.BytesIO(answer.content))
    return [list(row) for row in book.active.iter_rows(values_only=True)]


def test_it_is_a_workbook_with_numbers_and_a_column_for_each_currency(
    cleo: Any, world: Any
) -> None:
    ExchangeRate.create(currency="EUR", day="2020-01-01", rate=2)
    rows = sheet(cleo, f"{DEALS}workbook/?groupBy=owner&measures=count,sum(value)")
    assert rows == [
        ["Owner", "How many", "Sum of value (EUR)", "Sum of value (USD)",
         "Sum of value, converted to USD"],
        ["Bob Stone", 2, 4, 10, 18],
        ["none", 1, 1, None, 2],
    ]  # fmt: skip


def test_it_is_a_workbook_in_which_nothing_runs(cleo: Any, world: Any) -> None:
    Lead.create(name="L", source="=1+1")
    rows = sheet(cleo, f"{LEADS}workbook/?groupBy=source")
    assert "'=1+1" in {row[0] for row in rows}


def test_it_leads_back_to_the_page_where_something_is_wrong(cleo: Any, world: Any) -> None:
    answer = cleo.get(f"{LEADS}workbook/?groupBy=nothing")
    assert (answer.status_code, answer["Location"]) == (302, f"{LEADS}?groupBy=nothing")


# -- saved, shared, on a page of one's own --------------------------------------------------------------


def save(client: Any, name: str = "By source", query: str = "groupBy=source", **more: str) -> Any:
    return client.post(f"{LEADS}save/", {"name": name, "query": query, **more})


def do(client: Any, view: View, what: str, **more: str) -> Any:
    return client.post(f"{REPORTS}saved/{view.pk}/", {"do": what, **more})


def own_page(client: Any) -> list[str]:
    html = client.get(REPORTS).content.decode()
    return re.findall(r'class="card report pinned" aria-label="(.*?)"', html)


def test_it_is_saved_under_a_name_and_opened_by_it(cleo: Any, world: Any) -> None:
    answer = save(cleo)
    made = View.objects.get()
    assert (made.kind, made.noun, made.query) == ("report", "Lead", "groupBy=source")
    assert answer["Location"] == f"{LEADS}?groupBy=source&view={made.pk}"
    assert "<h1>By source</h1>" in cleo.get(answer["Location"]).content.decode()
    assert cleo.get(f"{LEADS}?view={made.pk}")["Location"] == answer["Location"]


def test_it_is_no_view_of_the_list(cleo: Any, world: Any) -> None:
    save(cleo)
    cleo.get(REPORTS)  # says that it was saved
    assert "By source" not in cleo.get("/~acme/admin/crm/lead/?view=all").content.decode()


def test_it_is_refused_without_a_name_and_keeps_what_was_asked(cleo: Any, world: Any) -> None:
    answer = save(cleo, name=" ")
    html = answer.content.decode()
    assert answer.status_code == 400 or answer.status_code == 422
    assert 'id="wrong-name" role="alert"' in html
    assert '<option value="source" selected>' in html
    assert not View.objects.exists()


def test_it_is_shared_by_managers_alone(bob: Any, cleo: Any, world: Any) -> None:
    save(cleo, name="Ours", shared="on")
    save(cleo, name="Mine")
    save(bob, name="Bobs", shared="on")
    assert {view.name for view in View.objects.all()} == {"Ours", "Mine"}
    html = bob.get(REPORTS).content.decode()
    assert "Ours" in html and "Mine" not in html
    ours = View.objects.get(name="Ours")
    for what in ("save", "rename", "unshare", "delete"):
        do(bob, ours, what, name="Theirs")
    ours.refresh_from_db()
    assert (ours.name, ours.shared) == ("Ours", True)
    do(cleo, ours, "unshare")
    assert "Ours" not in bob.get(REPORTS).content.decode()


def test_it_is_on_a_page_of_ones_own_in_the_order_that_one_chose(
    bob: Any, cleo: Any, world: Any
) -> None:
    for name in ("One", "Two", "Three"):
        save(cleo, name=name, pinned="on", shared="on")
    assert own_page(cleo) == ["One", "Two", "Three"]
    html = cleo.get(REPORTS).content.decode()
    assert html.count('class="as-table"') == 3, "what is drawn has its numbers below, folded"
    assert html.index("pinned") < html.index("ready-tables") and f'href="{LEADS}"' in html
    assert own_page(bob) == []
    one, three = (View.objects.get(name=name) for name in ("One", "Three"))
    do(cleo, three, "up")
    do(cleo, one, "down")
    assert own_page(cleo) == ["Three", "One", "Two"]
    do(cleo, one, "unpin")
    assert own_page(cleo) == ["Three", "Two"]
    do(bob, three, "pin")
    do(cleo, three, "unshare")
    assert own_page(bob) == []


def test_it_has_room_for_so_many_on_a_page(cleo: Any, users: Any, acme: Any, world: Any) -> None:
    for number in range(saved_views.MAX_PINS):
        save(cleo, name=f"R{number}", pinned="on")
    answer = save(cleo, name="One more", pinned="on")
    assert "take one away first" in answer.content.decode()
    assert len(own_page(cleo)) == saved_views.MAX_PINS


def test_it_is_gone_for_everybody_when_it_is_deleted(cleo: Any, world: Any) -> None:
    save(cleo, pinned="on")
    do(cleo, View.objects.get(), "delete")
    assert own_page(cleo) == []
    answer = cleo.post(f"{REPORTS}saved/view_none/", {"do": "pin"}, follow=True)
    assert "no such view" in plain(answer.content.decode())


def test_it_is_nobody_elses(bob: Any, users: Any, acme: Any, cleo: Any, world: Any) -> None:
    save(bob)
    made = View.objects.get()
    do(cleo, made, "delete")
    do(client_of(users.eve), made, "delete")
    assert View.objects.filter(pk=made.pk).exists()
    with tenancy.active(acme), actors.acting(actors.SYSTEM):
        assert saved_views.visible_reports() == []
