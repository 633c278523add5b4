"""The dialog of a merge: what it begins with is what a merge would do of which nobody says anything."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import Contact, Lead, Organization
from tests.contract.custom import add_fields
from tests.refusals import everything

pytestmark = pytest.mark.usefixtures("acme")
CHOICE = re.compile(r'name="keep-(\w+)" value="(this|into)"([^>]*)>')


def place(record: Any, into: Any = None) -> str:
    asked = f"?into={getattr(into, 'pk', into)}" if into is not None else ""
    return f"/~acme/admin/crm/{type(record).__name__.lower()}/{record.pk}/do/merge/{asked}"


def chosen(html: str) -> dict[str, str]:
    """Whose value of each field is chosen in a dialog."""
    return {name: whose for name, whose, how in CHOICE.findall(html) if "checked" in how}


def asked(client: Any, record: Any, into: Any) -> tuple[str, dict[str, str]]:
    html = client.get(place(record, into)).content.decode()
    return html, chosen(html)


def send(client: Any, record: Any, into: Any, keep: dict[str, str]) -> Any:
    given = {f"keep-{name}": whose for name, whose in keep.items()}
    return client.post(place(record), {"into": into.pk} | given)


def test_a_company_is_merged_into_one_above_it_as_the_dialog_begins(cleo: Any) -> None:
    top = Organization.create(name="Top")
    middle = Organization.create(name="Middle", parent=top)
    low = Organization.create(name="Low", parent=middle, city="Graz")
    html, keep = asked(cleo, low, top)
    assert keep == {"name": "into", "parent": "into", "city": "this"}
    assert "own ancestor" not in html
    assert send(cleo, low, top, keep).status_code == 302
    assert Organization.get(top.pk).city == "Graz"
    # That one stands below the other is nothing to choose of.
    assert asked(cleo, middle, top)[1] == {"name": "into", "city": "into"}
    assert asked(cleo, top, middle)[1] == {"name": "into", "city": "this"}


def test_a_company_takes_the_place_of_the_one_above_as_the_dialog_begins(cleo: Any) -> None:
    top = Organization.create(name="Top")
    middle = Organization.create(name="Middle", parent=top)
    low = Organization.create(name="Low", parent=middle)
    _html, keep = asked(cleo, middle, low)
    assert keep == {"name": "into", "parent": "this"}
    assert send(cleo, middle, low, keep).status_code == 302
    assert Organization.get(low.pk).parent_id == top.pk


def test_an_amount_in_another_currency_stays_behind_as_the_dialog_begins(cleo: Any) -> None:
    add_fields(Lead, ["money"])
    mine = Lead.create(name="Lead", source="x", budget=9, currency="USD")
    theirs = Lead.create(name="Lead", source="x", currency="EUR")
    Lead.update(theirs.pk, own_money=5)
    _html, keep = asked(cleo, theirs, mine)
    assert (keep["budget"], keep["own_money"]) == ("into", "into")
    answer = send(cleo, theirs, mine, keep | {"own_money": "this"})
    assert answer.status_code == 422
    assert "This amount is in EUR, others here are in USD." in answer.content.decode()
    assert send(cleo, theirs, mine, keep).status_code == 302
    assert Lead.get(mine.pk).budget == 9


@pytest.mark.parametrize("into", ["", "%00", "'", "x" * 4000, "own", "company", "rival's"])
def test_what_is_no_other_record_of_ours_shows_nothing(
    cleo: Any, people: SimpleNamespace, theirs: SimpleNamespace, into: str
) -> None:
    given = {"own": people.ada.pk, "company": people.corp.pk, "rival's": theirs.eve.pk}
    into, before = given.get(into, into), everything()
    page = cleo.get(place(people.ada, into))
    assert page.status_code == 200 and not chosen(page.content.decode())
    sent = {"into": "\0" if into == "%00" else into}
    answers = [cleo.post(place(people.ada), sent | more) for more in ({"preview": "1"}, {})]
    assert [each.status_code for each in answers] == [200, 422]
    assert all("Rival" not in each.content.decode() for each in (page, *answers))
    assert everything() == before


def test_a_rep_is_not_asked(bob: Any, people: SimpleNamespace) -> None:
    assert bob.get(place(people.ada)).status_code == 403


def test_more_that_is_alike_is_no_more_work(cleo: Any, people: SimpleNamespace) -> None:
    mine = Lead.create(name="Fleet", source="x")

    def offered() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as found:
            html = cleo.get(place(mine)).content.decode()
        return html.count("data-way"), len(found)

    Lead.create(name="Fleet", source="x", contact=people.ada, owner=people.bob)
    offered()
    first = offered()
    for n in range(3):
        person = Contact.create(name=f"C{n}", organization=Organization.create(name=f"O{n}"))
        Lead.create(name="Fleet", source="x", contact=person, owner=people.cleo)
    second = offered()
    assert (first[0], second[0]) == (1, 4) and first[1] == second[1]
