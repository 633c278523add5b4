"""The dashboard: numbers that open their lists, for the slice that an address names."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import Activity, Deal, ExchangeRate, Lead
from headlessly.admin.dashboards import dashboard as page
from headlessly.admin.dashboards.figures import Figure, Tile
from headlessly.context import clock
from tests.headlessly.admin.signed_in import client_of, without_frame

DASHBOARD = "/~acme/admin/dashboard/"
#: How many of the lists behind it are opened, of those that say the same.
OPENED = 4


@pytest.fixture
def busy(people: Any) -> Any:
    """A few leads of these days: two of Bob's, one of Cleo's and one of nobody's; deals; a task."""
    won = Lead.create(name="Won", source="website", owner=people.bob, contact=people.ada)
    won.update(status="Contacted")
    won.update(status="Qualified")
    won.convert(deal={"value": 5_000, "probability": 50})
    lost = Lead.create(name="Lost", source="<b>web</b>", owner=people.cleo, campaign=people.spring)
    lost.lose(lost_reason="No <i>budget</i>")
    Lead.create(name="Bobs", source="website", owner=people.bob)
    Lead.create(name="Nobodys", source="event")
    Deal.create(name="Vain", value=1_000, probability=0)
    Deal.create(name="In euro", value=100, currency="EUR")
    Activity.create(subject="Call", assignee=people.bob)
    return people


def tiles(client: Any, query: str = "") -> dict[str, tuple[str, str]]:
    """The tiles by title: the figure, and the sentence as people read it."""
    html = without_frame(client, DASHBOARD + query)
    found = re.findall(
        r'<li class="card tile">\s*<h2[^>]*>(.*?)</h2>\s*<p class="figure">(.*?)</p>\s*'
        r'<p class="quiet">(.*?)</p>',
        html,
        re.S,
    )
    return {title: (plain(figure), plain(said)) for title, figure, said in found}


def plain(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html)).replace("\u00a0", " ").strip()


def chart(client: Any, title: str, query: str = "") -> str:
    html = without_frame(client, DASHBOARD + query)
    return html.split(f'aria-label="{title}"', 1)[1].split("</section>")[0]


def test_it_says_what_matters_in_tiles_and_compares_it(cleo, busy):
    said = tiles(cleo)
    assert said["New leads"] == ("4", "in the last 90 days, 0 in the 90 days before")
    assert said["Qualified"] == (
        "25 %", "of the leads of the last 90 days qualified, – in the 90 days before",
    )  # fmt: skip
    assert said["Converted"][0] == "25 %"
    assert said["Forecast"] == (
        "$2,500",
        "+ €10 weighted, of $6,000 + €100 in 3 open deals",
    )
    assert said["Going stale"] == ("0", "open leads without activity for 14 days, and 0 deals")


def test_it_is_narrowed_to_an_owner_a_campaign_and_a_period(bob, busy):
    assert tiles(bob, "?owner=me")["New leads"][0] == "2"
    assert tiles(bob, f"?owner={busy.cleo.pk}")["New leads"][0] == "1"
    assert tiles(bob, "?owner=-")["New leads"][0] == "1"
    assert tiles(bob, f"?campaign={busy.spring.pk}")["New leads"][0] == "1"
    assert tiles(bob, "?campaign=-&owner=me")["New leads"][0] == "2"
    assert tiles(bob, "?from=2020-01-01&to=2020-01-31")["New leads"] == (
        "0", "in Jan 1, 2020 to Jan 31, 2020, 0 in the 31 days before",
    )  # fmt: skip


def test_every_number_of_a_chart_is_a_link_and_stands_in_its_table(cleo, busy):
    html = chart(cleo, "Conversion by owner")
    table = html.split("<table>")[1]
    assert "Bob Stone" in table and "No owner" in table
    assert re.search(rf'href="/~acme/admin/crm/lead/\?[^"]*owner={busy.bob.pk}', table)
    assert re.search(r'href="/~acme/admin/crm/lead/\?[^"]*owner=-', table)
    for cell in re.findall(r"<td>(.*?)</td>", table):
        assert cell.startswith("<a href="), cell
    assert "style=" not in html


def test_what_people_typed_is_text_here_too(cleo, busy):
    html = cleo.get(DASHBOARD).content.decode()
    assert "&lt;b&gt;web&lt;/b&gt;" in html and "<b>web" not in html
    assert "No &lt;i&gt;budget&lt;/i&gt;" in html and "<i>budget" not in html


def test_a_limited_rep_sees_their_own_part_of_the_numbers(bob, acme, busy, people):
    acme.limits_reps = True
    acme.save()
    people.spring.update(owner=people.cleo)
    lead = Lead.objects.get(name="Bobs")
    lead.update(campaign=people.spring)
    assert tiles(bob)["New leads"][0] == "3"
    html = bob.get(DASHBOARD).content.decode()
    assert "Spring launch" in html, "their own lead introduces it"
    lead.update(owner=None)
    html = bob.get(DASHBOARD).content.decode()
    assert "Spring launch" not in html and "not yours" in html
    assert "No &lt;i&gt;budget" not in html
    assert tiles(bob, f"?owner={people.cleo.pk}")["New leads"][0] == "0"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?period=soon", "period: use one of"),
        ("?from=whenever", "from: use a day like"),
        ("?owner=42", "owner: no Contact is called '42'"),
        ("?owner=%00", "owner: "),
        ("?owner=org_123", "owner: There is no Contact"),
        ("?asOf=soon", "asOf"),
        ("?asOf=2999-01-01", "choose one of the past"),
        ("?since=2999-01-01", "choose one of the past"),
        ("?asOf=0001-02-01&period=last_month", "asOf: use a day from 1990-01-01"),
        ("?since=0001-02-01", "since: use a day from 1990-01-01"),
        ("?asOf=2025-01-01&since=2025-01-02", "since: choose a day before the one that is shown"),
        (
            "?nope=1",
            "There is no filter “nope” here. Filters: period, from, to, owner, owner.team, campaign, asOf",
        ),
    ],
)
def test_an_address_that_means_nothing_says_why_and_shows_no_numbers(bob, busy, query, message):
    response = bob.get(DASHBOARD + query)
    html = unescape(response.content.decode())
    assert response.status_code == 200
    assert message in html.split('role="alert"')[1].split("</div>")[0]
    assert tiles(bob, query) == {}


def test_it_shows_the_numbers_of_a_day_under_the_banner_of_lists(cleo, people):
    with on(3, 3):
        first = Lead.create(name="First", source="website", owner=people.bob)
        Deal.create(name="Then", value=1_000, probability=50)
    with on(3, 20):
        first.lose(lost_reason="Timing")
        Lead.create(name="Second", source="event")
    march = "?from=2025-03-01&to=2025-03-31"
    html = cleo.get(f"{DASHBOARD}{march}&asOf=2025-03-10").content.decode()
    assert "This is how it was on Mar 10, 2025, 11:59" in html
    assert f'href="{march.replace("&", "&amp;")}"' in html, "the way back to now"
    said = tiles(cleo, f"{march}&asOf=2025-03-10")
    assert said["New leads"][0] == "1" and said["Forecast"][0] == "$500"
    assert plain(chart(cleo, "Lost reasons", f"{march}&asOf=2025-03-10")).endswith(
        "No lead was lost in this period."
    )
    main = html[html.index('id="hly"') :]
    lists = sorted(set(re.findall(r'href="([^"]*/crm/lead/\?[^"]*)"', main)))
    assert len(lists) > OPENED
    for number, href in enumerate(lists):
        assert "asOf=2025-03-10T23:59:59" in unescape(href)
        if number % (len(lists) // OPENED) == 0:
            assert "This is how it was on" in without_frame(cleo, unescape(href))
    assert tiles(cleo, march)["New leads"][0] == "2"
    assert "This is how it was" not in cleo.get(DASHBOARD + march).content.decode()


def test_it_says_in_each_tile_what_changed_between_two_days(cleo, people):
    with on(3, 3):
        first = Lead.create(name="First", source="website", owner=people.bob)
        Deal.create(name="Dollars", value=1_000, probability=50)
    with on(3, 20):
        first.update(status="Contacted")
        first.update(status="Qualified")
        Lead.create(name="Second", source="event")
        Deal.create(name="Yen", value=700, currency="JPY", probability=50)
    asked = "?from=2025-03-01&to=2025-03-31&since=2025-03-10&asOf=2025-03-25"
    html = cleo.get(DASHBOARD + asked).content.decode()
    assert "Each tile says what changed since Mar 10, 2025" in html
    changes = {
        title: plain(change)
        for title, change in re.findall(
            r'<h2[^>]*>([^<]*)</h2>\s*<p class="figure">.*?<p class="quiet change">(.*?)</p>',
            html,
            re.S,
        )
    }
    assert len(changes) == len(tiles(cleo, asked))
    assert changes["New leads"] == "+1 since Mar 10, 2025, when it was 1"
    assert changes["Qualified"] == "+50 points since Mar 10, 2025, when it was 0 %"
    assert changes["Forecast"] == "+350 JPY since Mar 10, 2025, when it was $500"
    assert changes["Going stale"].startswith("±0 since")


def test_it_draws_leads_over_an_axis_of_time(cleo, people):
    for month, day in ((3, 3), (3, 3), (3, 20)):
        with on(month, day):
            Lead.create(name=f"{day}", source="event")
    with on(3, 20):
        Lead.objects.filter(name="3").first().lose(lost_reason="Timing")
    asked = "?from=2025-03-01&to=2025-03-31"
    html = chart(cleo, "Leads over time", asked)
    assert html.count("<polyline") == 3 and html.count('<text class="day') > 3
    assert "<title>New leads, Mar 3, 2025: 2</title>" in html
    assert "<title>Lost leads, Mar 20, 2025: 1</title>" in html
    assert len(re.findall(r"<tr><th", html.split("<tbody>")[1])) == 31
    year = chart(cleo, "Leads over time", "?from=2025-01-01&to=2025-12-31")
    assert "<title>New leads, March 2025: 3</title>" in year
    nothing = chart(cleo, "Leads over time", "?from=2020-01-01&to=2020-01-31")
    assert "Nothing happened to leads in this period." in nothing and "<polyline" not in nothing


def test_it_draws_the_pipeline_in_one_currency_where_every_rate_is_known(cleo, people):
    Lead.create(name="There", source="event")
    Deal.create(name="Dollars", value=1_000, probability=50)
    Deal.create(name="Euros", value=400, currency="EUR", probability=100)

    def bars() -> list[list[str]]:
        drawn = chart(cleo, "Pipeline").split('<ol class="bars">')[1].split("</ol>")[0]
        return [
            [
                plain(text)
                for text in re.findall(r'class="(?:label|figure|quiet note)">(.*?)</span>', bar)
            ]
            for bar in drawn.split("<li>")[1:]
        ]

    assert bars() == [
        ["Prospecting", "€400", "of €400 in 1"], ["Prospecting", "$500", "of $1,000 in 1"],
    ]  # fmt: skip
    ExchangeRate.create(currency="EUR", day="2020-01-01", rate=2)
    first, *others = bars()
    assert first == ["Prospecting", "$1,300", "of $1,800 ($1,000 + €400) in 2"]
    assert [label for label, figure, note in others if figure == "$0"] == [
        "Qualification", "Proposal", "Negotiation",
    ]  # fmt: skip


def on(month: int, day: int) -> Any:
    return clock.set_clock(datetime(2025, month, day, 10, tzinfo=UTC), purpose="replay")


def test_me_is_nobody_for_one_who_is_no_contact(ann, busy):
    html = ann.get(f"{DASHBOARD}?owner=me").content.decode()
    assert "you are not linked to a contact here" in html
    assert "Only mine" not in html
    assert "My tasks" not in ann.get(DASHBOARD).content.decode()


def test_a_record_of_another_tenant_narrows_to_nothing_and_is_not_named(cleo, busy, theirs):
    html = cleo.get(f"{DASHBOARD}?owner={theirs.eve.pk}").content.decode()
    assert "Eve Rival" not in html
    assert tiles(cleo, f"?owner={theirs.eve.pk}")["New leads"][0] == "0"


def test_it_compares_what_campaigns_brought_with_what_they_cost(cleo, busy, people):
    spring = people.spring
    spring.update(landing_page_url="https://acme.example", budget=900, actual_cost=1_000)
    assert "No campaign was launched yet." in chart(cleo, "Return by campaign")
    spring.launch()
    Deal.create(name="Big", value=4_500, campaign=spring, owner=people.cleo).win()
    Deal.create(name="Open", value=9_999, campaign=spring)
    said = chart(cleo, "Return by campaign")
    assert [plain(cell) for cell in re.findall(r"<td>(.*?)</td>", said)] == [
        "350 %", "1", "1", "$4,500", "$1,000", "$1,000",
    ]  # fmt: skip
    for href in set(re.findall(r'href="([^"]*\?.*?)"', said)):
        assert '<span class="count">1</span>' in without_frame(cleo, unescape(href))
    # What one owner brought is not set against what all of it cost.
    said = chart(cleo, "Return by campaign", f"?owner={people.bob.pk}")
    assert [plain(cell) for cell in re.findall(r"<td>(.*?)</td>", said)] == [
        "–", "0", "0", "$0", "–", "–",
    ]  # fmt: skip
    page = cleo.get(f"/~acme/admin/marketing/campaign/{spring.pk}/change/").content.decode()
    brought = plain(page.split('aria-label="What it brought so far"')[1].split("</section>")[0])
    told = (
        "Leads1 Became deals0 0 % of the leads Deals won1 Revenue$4,500 Cost$1,000 of $900 budget "
        "Cost per lead$1,000 Cost per deal won$1,000 ROI350 %"
    )
    assert told in re.sub(r"\s+", " ", brought)


def test_it_is_not_shown_to_strangers_and_takes_no_post(client, users, busy):
    assert client.get(DASHBOARD).status_code == 302
    assert client_of(users.eve).get(DASHBOARD).status_code == 404
    assert client_of(users.bob).post(DASHBOARD).status_code == 405


def test_an_empty_tenant_is_told_how_to_begin(bob, vic, acme):
    html = bob.get(DASHBOARD).content.decode()
    assert "No leads yet" in html and "/admin/crm/lead/add/" in html
    assert "/admin/crm/lead/add/" not in vic.get(DASHBOARD).content.decode()


def test_a_period_in_which_nothing_happened_says_so(cleo, busy):
    html = chart(cleo, "Funnel", "?from=2020-01-01&to=2020-01-31")
    assert "No lead was created in this period." in html and "<svg" not in html


def test_it_asks_the_database_as_often_for_many_records_as_for_few(bob, busy, people):
    from marketing import Campaign

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert bob.get(DASHBOARD).status_code == 200
        return len([q for q in captured if "SELECT" in q["sql"] and "set_config" not in q["sql"]])

    queries()
    few = queries()
    for number in range(9):
        campaign = Campaign.create(name=f"Campaign {number}")
        lead = Lead.create(name=f"Lead {number}", source=f"s{number}", campaign=campaign,
                           owner=people.cleo)  # fmt: skip
        lead.lose(lost_reason=f"Reason {number}")
        Deal.create(name=f"Deal {number}", value=5, currency="EUR", owner=people.cleo)
        Activity.create(subject=f"Task {number}", assignee=people.bob)
    assert queries() == few
    assert few <= 38


def test_a_number_that_takes_too_long_is_given_up_and_the_others_are_shown(cleo, busy, monkeypatch):
    from crm.reports.tables import leads

    def slow(*_: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(10)")

    monkeypatch.setattr(page, "PATIENCE", 0.5)  # longer than any other takes beside other work
    monkeypatch.setattr(leads, "lost_reasons", slow)
    html = cleo.get(DASHBOARD).content.decode()
    assert "One of these numbers takes too long to count." in html
    assert 'aria-label="Funnel"' in html and 'aria-label="Lost reasons"' not in html


def test_a_tile_that_fails_costs_its_tile_and_not_the_page(cleo, busy, monkeypatch, caplog):
    from headlessly.admin.dashboards.figures import dashboard

    def broken(slice: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT no_such_column FROM crm_lead")

    def drawn_wrong(slice: Any) -> Any:
        return Tile("Wrong", Figure("1", slice.records(Lead, no_such_field="1")))

    broken_ones = [(0, broken), (0, drawn_wrong)]
    monkeypatch.setattr(dashboard, "tiles", [*broken_ones, *dashboard.tiles])
    monkeypatch.setattr(dashboard, "charts", [(0, broken), *dashboard.charts])
    answer = cleo.get(DASHBOARD)
    html = answer.content.decode()
    assert answer.status_code == 200
    assert html.count("This could not be counted.") == 3
    assert "New leads" in tiles(cleo) and 'aria-label="Funnel"' in html
    failures = [r for r in caplog.records if r.getMessage().startswith("A report failed: ")][:3]
    assert [failure.funcName for failure in failures] == ["_draw_reports"] * 3
    assert "no_such_column" in str(failures[0].exc_info[1])
    assert failures[0].request_id == answer.headers["X-Request-Id"]
    assert html.count(answer.headers["X-Request-Id"]) == 3


def test_a_page_waits_no_longer_than_its_budget(cleo, busy, monkeypatch):
    monkeypatch.setattr(page, "BUDGET", 0)
    assert "of these numbers take too long" in cleo.get(DASHBOARD).content.decode()
    assert tiles(cleo) == {}


def test_it_stands_in_the_menu_after_home(bob, acme):
    html = bob.get("/~acme/admin/").content.decode()
    assert html.index('href="/~acme/admin/"') < html.index(f'href="{DASHBOARD}"')
    leads = 'href="/~acme/admin/crm/lead/?view=start"'
    assert html.index(f'href="{DASHBOARD}"') < html.index(leads)
