"""A query that is declared once is compiled once, and answers each tenant and each reader what is theirs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.db.models import QuerySet

from crm import Lead
from headlessly.access import actors, tenancy
from headlessly.access.actors import Actor
from headlessly.access.prepared_queries import prepared_query

made: list[str] = []


@prepared_query
def leads_of(contact: str, status: str) -> QuerySet[Lead, tuple[Any, ...]]:
    made.append(contact)
    found = Lead.objects.filter(contact=contact, status=status)
    return found.order_by("name").values_list("name", "score")


def test_it_answers_the_rows_of_what_is_asked_for_and_is_made_once(
    people: SimpleNamespace, theirs: SimpleNamespace, rival: Any
) -> None:
    for name, contact in (("First", people.ada), ("Second", people.ada), ("Third", people.bob)):
        Lead.create(name=name, contact=contact, source="event", score=7)
    made.clear()
    for _ in range(3):
        assert leads_of(people.ada.pk, "New") == [("First", 7.0), ("Second", 7.0)]
        assert leads_of(contact=people.bob.pk, status="New") == [("Third", 7.0)]
        assert leads_of(people.ada.pk, "Lost") == []
        assert leads_of(theirs.eve.pk, "New") == []
    assert len(made) == 1
    with tenancy.active(rival):
        assert leads_of(theirs.eve.pk, "New") == [("Their lead", None)]
        assert leads_of(people.ada.pk, "New") == []


def test_it_answers_a_rep_who_is_limited_what_they_see(people: SimpleNamespace) -> None:
    for name, owner in (("Bob's", people.bob), ("Cleo's", people.cleo), ("Nobody's", None)):
        Lead.create(name=name, contact=people.ada, owner=owner, source="event")
    assert len(leads_of(people.ada.pk, "New")) == 3
    bob = Actor("user_bob", "Bob", "rep", contact_id=people.bob.pk, limited=True)
    with actors.acting(bob):
        seen = [name for name, _score in leads_of(people.ada.pk, "New")]
    assert seen == ["Bob's", "Nobody's"]
    assert len(leads_of(people.ada.pk, "New")) == 3


def test_it_refuses_an_argument_on_whose_value_the_query_itself_would_depend(acme: Any) -> None:
    @prepared_query
    def found(name: str) -> QuerySet[Lead, tuple[Any, ...]]:
        return Lead.objects.filter(name=name.upper()).values_list("pk")

    with pytest.raises(TypeError, match="found makes its query of name"):
        found("Ada")
