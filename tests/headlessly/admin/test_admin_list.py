"""The list: its filters, its search, its order, its count."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from headlessly import reads
from headlessly.admin.listing import Listing

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
    return re.findall(r'<td class="name"><a href="[^"]*">([^<]*)</a>', html)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"Nadir new", "Coral contacted", "Larch lost"}),
        ("status=New", {"Nadir new"}),
        ("status=New,Contacted,Qualified", {"Nadir new", "Coral contacted"}),
        ("source=event", {"Larch lost"}),
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
        html = bob.get(LEADS).content.decode()
    assert '<option value="referral">referral</option>' in html
    assert not any("DISTINCT" in q["sql"] for q in queries)


def test_counts_to_the_cap(bob, leads, monkeypatch):
    monkeypatch.setattr(reads, "COUNT_CAP", 2)
    monkeypatch.setattr(Listing, "list_per_page", 1)
    html = bob.get(LEADS).content.decode()
    assert '<span class="count">2+</span>' in html


def test_asks_the_database_as_often_for_25_rows_as_for_one(bob, people):
    from crm import Lead

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert bob.get(LEADS).status_code == 200
        return len(captured)

    full = {"contact": people.ada, "organization": people.corp, "owner": people.bob,
            "campaign": people.spring, "source": "website"}  # fmt: skip
    Lead.create(name="One", **full)
    queries()
    one = queries()
    for number in range(24):
        Lead.create(name=f"Lead {number}", **full)
    assert queries() == one
    assert 5 < one <= 10


def test_pages_through_more_than_25(bob, people):
    from crm import Lead

    for number in range(27):
        Lead.create(name=f"Lead {number:02}", source="website")
    assert len(names(bob)) == 25
    assert len(names(bob, "p=2")) == 2
    assert "1–25 of 27" in bob.get(LEADS).content.decode()


def test_escapes_what_people_typed(bob, people):
    from crm import Lead

    people.ada.update(name="Ada & Co")
    name, source = "<script>alert(1)</script>", "<b>web</b>"
    Lead.create(name=name, source=source, owner=people.bob, contact=people.ada)
    html = bob.get(LEADS).content.decode()
    assert "Ada &amp; Co" in html
    assert "<script>alert(1)" not in html
    assert "<b>web" not in html


def test_an_empty_list_says_how_to_begin(bob, acme):
    html = bob.get(LEADS).content.decode()
    assert "No leads yet" in html
    assert "Add lead" in html


def test_the_home_lists_my_open_leads_most_urgent_first(bob, leads, people):
    from crm import Lead

    Lead.create(name="Hot", source="website", owner=people.bob, score=99)
    html = bob.get("/~acme/admin/").content.decode()
    mine = html.split('aria-label="My open leads"')[1].split("</section>")[0]
    assert mine.index("Hot") < mine.index("Nadir new")
    assert "Coral" not in mine
    standing = html.split("Where things stand")[-1]
    assert f'href="{LEADS}?status=Lost"' in standing


def test_the_home_asks_as_often_with_many_records_as_with_few(bob, leads, people):
    from crm import Lead

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert bob.get("/~acme/admin/").status_code == 200
        return len(captured)

    queries()
    few = queries()
    for number in range(6):
        Lead.create(name=f"L{number}", source="x", owner=people.bob, contact=people.ada)
    assert queries() == few
