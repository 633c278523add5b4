"""The list: its filters, its search, its order, its count."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from headlessly.admin import NounAdmin
from headlessly.query import paging

LEADS = "/~acme/admin/crm/lead/"


@pytest.fixture
def leads(people: Any) -> dict[str, Any]:
    from crm import Lead

    made = {
        "new": Lead.create(name="Nadir new", source="website", owner=people.bob, score=10),
        "contacted": Lead.create(name="Coral contacted", source="referral", owner=people.cleo),
        "lost": Lead.create(name="Larch lost", source="event", contact=people.ada, score=90),
    }
    Lead.update(made["contacted"].pk, status="Contacted")
    Lead.lose(made["lost"].pk, lost_reason="No budget")
    return made


def names(client: Any, query: str = "") -> list[str]:
    html = client.get(f"{LEADS}?{query}").content.decode()
    return re.findall(r'<td class="name"[^>]*><a href="[^"]*">([^<]*)</a>', html)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("view=all", {"Nadir new", "Coral contacted", "Larch lost"}),
        ("status=New", {"Nadir new"}),
        ("status=New,Contacted,Qualified", {"Nadir new", "Coral contacted"}),
        ("source=event", {"Larch lost"}),
        ("source=event,website", {"Larch lost", "Nadir new"}),
        ("owner=me", {"Nadir new"}),
        ("owner=-", {"Larch lost"}),
        ("q=nadir", {"Nadir new"}),
        ("q=ada@acme", {"Larch lost"}),
        ("q=ada&status=New", set()),
        ("campaign=-&status=Lost", {"Larch lost"}),
    ],
)
def test_shows_what_fits(bob, leads, query, found):
    assert set(names(bob, query)) == found


def test_a_quick_filter_takes_one_value_more(bob, leads):
    html = bob.get(f"{LEADS}?source=event&status=Lost").content.decode()
    further = re.findall(r'<option value="([^"]+)">\+ ([^<]+)', html)
    assert ("Lost,New", "New") in further
    assert ("event,website", "website") in further
    assert "Source: event, website" in bob.get(f"{LEADS}?source=event,website").content.decode()


def test_filters_by_a_record_and_names_it(bob, leads, people):
    html = bob.get(f"{LEADS}?owner={people.cleo.pk}").content.decode()
    assert names(bob, f"owner={people.cleo.pk}") == ["Coral contacted"]
    assert "Owner: Cleo Marsh" in html


def test_filters_by_any_field_that_an_address_names(bob, leads, people):
    assert names(bob, f"contact={people.ada.pk}") == ["Larch lost"]


@pytest.mark.parametrize(
    "query", ["nope=1", "status=Nope", "owner=42", "bant=1", "owner=contact_x%00", "q=%00"]
)
def test_an_address_that_means_nothing_shows_nothing_and_says_why(bob, leads, query):
    response = bob.get(f"{LEADS}?{query}")
    assert response.status_code == 200
    assert 'role="alert"' in response.content.decode()
    assert names(bob, query) == []


def test_another_tenants_record_filters_to_nothing_and_is_not_named(bob, leads, theirs):
    html = bob.get(f"{LEADS}?contact={theirs.eve.pk}").content.decode()
    assert names(bob, f"contact={theirs.eve.pk}") == []
    assert "Eve" not in html


def test_sorts_by_a_column_with_the_empty_ones_last(bob, leads):
    assert names(bob, "o=-2") == ["Larch lost", "Nadir new", "Coral contacted"]
    assert names(bob, "o=2") == ["Nadir new", "Larch lost", "Coral contacted"]
    assert len(names(bob, "o=99.x.-")) == 3


def test_offers_the_sources_that_occur_without_reading_the_table(bob, leads):
    with CaptureQueriesContext(connection) as queries:
        html = bob.get(f"{LEADS}?view=all").content.decode()
    assert '<option value="referral">referral</option>' in html
    assert not any('DISTINCT "crm_lead"' in q["sql"] for q in queries)


def test_counts_to_the_cap(bob, leads, monkeypatch):
    monkeypatch.setattr(paging, "COUNT_CAP", 2)
    monkeypatch.setattr(NounAdmin, "list_per_page", 1)
    html = bob.get(f"{LEADS}?view=all").content.decode()
    assert '<span class="count">2+</span>' in html


def test_says_below_a_name_only_what_the_name_does_not_say(bob, people):
    from crm import Lead

    about = {
        "contact": people.ada,
        "organization": people.corp,
        "owner": people.bob,
        "source": "web",
    }
    company = people.corp.name
    for name in ("One", f"{company.upper()}: more seats", f"{company}eon"):
        Lead.create(name=name, **about)
    html = bob.get(f"{LEADS}?view=all").content.decode()
    rows = re.findall(r'<td class="name".*?</td>', html, re.DOTALL)
    told = {row: (people.ada.name in row, row.count(company)) for row in rows}
    assert [told[row] for row in rows if ">One<" in row] == [(True, 1)]
    assert [told[row] for row in rows if "more seats" in row] == [(True, 0)]
    assert [told[row] for row in rows if f"{company}eon" in row] == [(True, 2)]


def test_asks_the_database_as_often_for_25_rows_as_for_one(bob, people):
    from crm import Lead

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert bob.get(f"{LEADS}?view=all").status_code == 200
        return len(captured)

    full = {"contact": people.ada, "organization": people.corp, "owner": people.bob,
            "campaign": people.spring, "source": "website"}  # fmt: skip
    Lead.create(name="One", **full)
    queries()
    one = queries()
    for number in range(24):
        Lead.create(name=f"Lead {number}", **full)
    assert queries() == one
    assert 5 < one <= 20


def test_pages_through_more_than_25(bob, people):
    from crm import Lead

    for number in range(27):
        Lead.create(name=f"Lead {number:02}", source="website")
    assert len(names(bob)) == 25
    assert len(names(bob, "p=2")) == 2
    assert "1–25 of 27" in bob.get(f"{LEADS}?view=all").content.decode()


def test_escapes_what_people_typed(bob, people):
    from crm import Lead

    people.ada.update(name="Ada & Co")
    name, source = "<script>alert(1)</script>", "<b>web</b>"
    Lead.create(name=name, source=source, owner=people.bob, contact=people.ada)
    html = bob.get(f"{LEADS}?view=all").content.decode()
    assert "Ada &amp; Co" in html
    assert "<script>alert(1)" not in html
    assert "<b>web" not in html


def test_an_empty_list_says_how_to_begin(bob, acme):
    html = bob.get(f"{LEADS}?view=all").content.decode()
    assert "No leads yet" in html
    assert "Add lead" in html


# -- what an address can ask for ----------------------------------------------------------------------


@pytest.fixture
def touched(leads: dict[str, Any], people: Any) -> dict[str, Any]:
    """The same leads, the contacted one with all of BANT, the new one untouched for a month."""
    from datetime import timedelta

    from headlessly.context import clock

    answers = {"budget": 5_000, "authority": "CTO", "need": "a tool", "timeline": "Q2"}
    leads["contacted"].update(**answers)
    leads["new"].update(last_activity_at=clock.now() - timedelta(days=30))
    leads["lost"].update(organization=people.corp)
    return leads


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("score__gte=50", {"Larch lost"}),
        ("score__gte=5&score__lte=50", {"Nadir new"}),
        ("score__isnull=true", {"Coral contacted"}),
        ("score__lt=50,-", {"Nadir new", "Coral contacted"}),
        ("lastActivityAt__lt=14d ago", {"Nadir new"}),
        ("lastActivityAt__gte=14d ago", {"Coral contacted", "Larch lost"}),
        ("createdAt__gte=today", {"Nadir new", "Coral contacted", "Larch lost"}),
        ("createdAt__lt=2001-01-01", set()),
        ("organization.industry=Technology", {"Larch lost"}),
        ("name__icontains=CORAL", {"Coral contacted"}),
        ("status__in=New,Lost", {"Nadir new", "Larch lost"}),
        ("owner__isnull=true", {"Larch lost"}),
        ("budget__gt=4999", {"Coral contacted"}),
        ("is=bant-complete", {"Coral contacted"}),
        ("is=stale", {"Nadir new"}),
        ("is=bant-complete,stale", set()),
        ("score=10", {"Nadir new"}),
    ],
)
def test_reads_lookups_and_the_nouns_own_conditions(bob, touched, query, found):
    assert set(names(bob, query)) == found


@pytest.mark.parametrize(
    ("query", "chip"),
    [
        ("score__gte=50", "Score: 50 or more"),
        ("score__gte=5&score__lte=50", "Score: 5 – 50"),
        ("lastActivityAt__lt=14d ago,-", "Last activity: not for 14 days"),
        ("lastActivityAt__gte=30d ago", "Last activity: in the last 30 days"),
        (
            "createdAt__gte=start of last quarter&createdAt__lt=start of this quarter",
            "Created: last quarter",
        ),
        ("createdAt__lt=start of next year", "Created: before the start of next year"),
        ("createdAt__lt=2026-01-31", "Created: before Jan 31, 2026"),
        ("organization.industry=Technology", "Organization industry: Technology"),
        ("owner__isnull=true", "Owner: none"),
        ("is=bant-complete", "BANT complete"),
    ],
)
def test_says_each_filter_in_words_and_takes_it_away(bob, leads, query, chip):
    html = bob.get(f"{LEADS}?{query}&source=website&o=-score").content.decode()
    found = re.search(rf'<span class="chip">{re.escape(chip)} <a href="([^"]*)"', html)
    assert found, html[html.index('class="chips"') :][:600]
    assert found[1].replace("&amp;", "&") == "?source=website&o=-score"
    assert "2 filters · " in html


@pytest.mark.parametrize(
    "noun", ["lead", "deal"]
)  # of what has happened, and of days that may be ahead
def test_offers_the_last_quarter_and_the_last_year(bob, leads, noun):
    html = bob.get(f"/~acme/admin/crm/{noun}/?view=all").content.decode()
    assert 'value="start of last quarter|start of this quarter">Last quarter' in html
    assert 'value="start of last year|start of this year">Last year' in html


@pytest.mark.parametrize(
    "query",
    [
        "score__gte=high", "lastActivityAt__lt=soon", "nope__gte=1", "score__near=1", "is=nope",
        "columns=nope", "columns=bant", "asOf=soon", "asOf=2099-01-01", "organization.nope=1",
        "score__gte=%00", "bant__gte=1", "columns=" + ",".join(["score"] * 12),
    ],
)  # fmt: skip
def test_says_what_is_wrong_with_an_address(bob, leads, query):
    response = bob.get(f"{LEADS}?{query}")
    assert response.status_code == 200
    assert 'role="alert"' in response.content.decode()
    assert names(bob, query) == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("o=nope", "cannot be sorted by “nope”"), ("o=-bant,-score", "cannot be sorted by “bant”"),
        ("o=99", "cannot be sorted by “99”"), ("p=0", "no page 0 here: this is page 1"),
        ("p=abc", "no page abc"), ("p=99", "no page 99 here: this is page 1"),
        ("view=view_222222222222", "The view that this address names is gone"),
        ("view=nope&o=name", "The view that this address names is gone"),
        ("group=nope", "cannot be grouped by “nope”"),
        ("group=createdAt", "cannot be grouped by “createdAt”"),
    ],
)  # fmt: skip
def test_shows_a_list_without_what_its_address_says_that_cannot_be(bob, leads, query, said):
    html = bob.get(f"{LEADS}?{query}&status=New,Contacted,Lost").content.decode()
    assert '<p class="notice" role="status">' in html and said in html
    assert 'role="alert"' not in html.split('class="facets"')[0]
    assert sorted(names(bob, query)) == ["Coral contacted", "Larch lost", "Nadir new"]
    if "o=-bant" in query:
        assert names(bob, query)[0] == "Larch lost"


def test_says_nothing_of_an_address_that_can_be(bob, leads):
    for query in ("o=-score,name", "p=1", "view=all", "view=mine", "group=status", "o=1", ""):
        html = bob.get(f"{LEADS}?{query}", follow=True).content.decode()
        assert '<p class="notice" role="status">' not in html, query
    for words, is_said in (("+".join(f"w{n}" for n in range(11)), True), ("nadir+" * 12, False)):
        html = bob.get(f"{LEADS}?q={words}").content.decode()
        assert ("Only the first 10 words" in html) is is_said


def test_keeps_filters_without_a_control_while_others_change(bob, leads):
    html = bob.get(f"{LEADS}?organization.industry=Technology&is=bant-complete").content.decode()
    form = html.split('<form class="facets"')[1].split("</form>")[0]
    assert '<input type="hidden" name="organization.industry" value="Technology">' in form
    assert '<input type="hidden" name="is" value="bant-complete">' in form


def test_sorts_by_the_name_of_a_field(bob, leads):
    assert names(bob, "o=-score") == ["Larch lost", "Nadir new", "Coral contacted"]
    assert names(bob, "o=name") == ["Coral contacted", "Larch lost", "Nadir new"]
    assert names(bob, "o=createdAt") == ["Nadir new", "Coral contacted", "Larch lost"]


def test_shows_the_columns_that_an_address_names(bob, leads):
    html = bob.get(f"{LEADS}?columns=budget&columns=createdAt").content.decode()
    head = html.split("<thead>")[1].split("</thead>")[0]
    assert re.findall(r'<th scope="col"[^>]*>(?:<a[^>]*>)?([^<]*)', head) == [
        "Name", "Budget", "Created",
    ]  # fmt: skip


def test_an_empty_list_says_which_filter_empties_it(bob, leads):
    html = bob.get(f"{LEADS}?status=New&source=event").content.decode()
    assert "Without <b>Status: New</b> there is 1 lead." in html
    assert "Without <b>Source: event</b> there is 1 lead." in html
    assert f'href="?source=event"' in html  # noqa: F541
    html = bob.get(f"{LEADS}?status=New&source=event&score__gte=99").content.decode()
    assert "No single filter does that" in html


def test_an_empty_list_offers_three_ways_in_to_those_who_may(bob, vic, acme):
    html = bob.get(f"{LEADS}?view=all").content.decode()
    assert html.split('class="ways"')[1].split("</ul>")[0].count("<li>") == 3
    assert 'class="ways"' not in vic.get(f"{LEADS}?view=all").content.decode()


def test_a_row_tells_the_record_which_list_it_was_in(bob, leads):
    html = bob.get(f"{LEADS}?status=New,Lost&o=-score").content.decode()
    assert f"{leads['lost'].pk}/change/?in=status%3DNew%2CLost%26o%3D-score" in html


def test_a_page_is_small(bob, people):
    from crm import Lead

    full = {"contact": people.ada, "organization": people.corp, "owner": people.bob,
            "campaign": people.spring, "source": "website", "score": 50}  # fmt: skip
    for number in range(26):
        Lead.create(name=f"A lead with a name of some length, number {number}", **full)
    assert len(bob.get(f"{LEADS}?status=New&score__gte=1").content) < 250_000 / 2


def test_a_page_that_is_not_there_is_the_last_one(bob, leads):
    for page in ("99", "0", "x", "9" * 30):
        assert len(names(bob, f"p={page}")) == 3


# -- the past and the deleted -------------------------------------------------------------------------


def test_shows_the_list_as_it_was_at_the_end_of_a_day(bob, leads, people):
    from datetime import UTC, datetime

    from headlessly.context import clock

    with clock.set_clock(datetime(2026, 3, 1, 12, tzinfo=UTC), purpose="import"):
        from crm import Contact, Lead

        rep = Contact.create(name="Old Name")
        then = Lead.create(name="Long ago", source="web", score=11, owner=rep)
    rep.update(name="New Name")
    then.update(name="Renamed", score=99)
    assert names(bob, "asOf=2026-02-28") == []
    assert names(bob, "asOf=2026-03-01") == ["Long ago"]
    assert names(bob, "asOf=2026-03-01&score__gte=50") == []
    html = bob.get(f"{LEADS}?asOf=2026-03-01").content.decode()
    assert "This is how it was on Mar 1, 2026, 11:59 PM UTC." in html
    assert "Old Name" in html and "New Name" not in html
    assert "data-edit" not in html and 'id="selection"' not in html


def test_the_past_asks_the_database_as_often_for_many_rows(bob, people):
    from crm import Lead

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert bob.get(f"{LEADS}?asOf=now").status_code == 200
        return len(captured)

    Lead.create(name="One", source="x", owner=people.bob, contact=people.ada)
    queries()
    one = queries()
    for number in range(5):
        Lead.create(name=f"L{number}", source="x", owner=people.cleo, contact=people.ada)
    assert queries() == one


def test_lists_the_deleted_with_who_and_restores_them(cleo, bob, leads, people):
    from headlessly.access import actors
    from headlessly.access.models import User

    boss = User.objects.get(email="cleo@sign.example")
    with actors.acting(boss.memberships.get().actor):
        leads["new"].delete()
    assert bob.get(f"{LEADS}?deleted=true").status_code == 403
    html = cleo.get(f"{LEADS}?deleted=true").content.decode()
    assert "Deleted leads" in html and "Nadir new" in html and "Coral" not in html
    assert "· Cleo</td>" in html
    assert names(cleo, "view=all") == ["Larch lost", "Coral contacted"]
    answer = cleo.post(
        f"{LEADS}bulk/restore/",
        {"only": leads["new"].pk, "query": "deleted=true", "go": "1"},
        headers={"X-Part": "1"},
    )
    assert answer.status_code == 204
    assert "Nadir new" in names(cleo)
    assert "No leads are deleted" in cleo.get(f"{LEADS}?deleted=true").content.decode()


def test_searches_the_deleted(cleo, leads, people):
    leads["lost"].delete()
    assert "Larch" in cleo.get(f"{LEADS}?deleted=true&q=ada@acme").content.decode()
    assert "Larch" not in cleo.get(f"{LEADS}?deleted=true&q=nadir").content.decode()


def test_the_deleted_of_another_tenant_do_not_show(cleo, theirs, rival):
    from headlessly.access import actors, tenancy

    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        theirs.lead.delete()
    assert "Their lead" not in cleo.get(f"{LEADS}?deleted=true").content.decode()
