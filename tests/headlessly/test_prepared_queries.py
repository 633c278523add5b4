"""A query that is declared once is compiled once, and answers each tenant and each reader what is theirs."""

from __future__ import annotations

import gc
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DataError, connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from crm import Activity, Lead
from headlessly.access import actors, prepared_queries, tenancy
from headlessly.access.actors import Actor
from headlessly.access.prepared_queries import compiled_query, prepared_query
from headlessly.context import clock
from headlessly.database.prepared import MOST_ROWS, execute_prepared

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


def test_an_argument_may_be_in_a_pattern_and_its_signs_mean_themselves(
    people: SimpleNamespace,
) -> None:
    @prepared_query
    def named(part: str, beginning: str) -> QuerySet[Lead, tuple[Any, ...]]:
        found = Lead.objects.filter(name__contains=part, name__startswith=beginning)
        return found.values_list("name")

    for name in ("100% a_b", "1000 axb", "100\\% a"):
        Lead.create(name=name, contact=people.ada, source="event")
    assert named("%", "100%") == [("100% a_b",)]
    assert named("a_b", "1") == [("100% a_b",)]
    assert named("\\%", "100") == [("100\\% a",)]


# -- statements that are written by hand --------------------------------------------------------------------


def test_one_cursor_takes_and_reads_each_statement_in_its_own_types(acme: Any) -> None:
    moment, amount = clock.now(), Decimal("1.50")
    for binary in (False, True, False):
        for given, types in (
            (["a", moment, None], "text, timestamptz, integer"),
            ([7, amount, "b"], "integer, numeric, text"),
            ([moment.date(), True, [1, 2]], "date, boolean, integer[]"),
            ([None, 2**40, ["x"]], "text, bigint, text[]"),
        ):
            columns = ", ".join(f"%s::{type}" for type in types.split(", "))
            assert execute_prepared(f"SELECT {columns}", given, binary=binary) == [tuple(given)]
    cursor = connection.connection.kept_cursor
    with pytest.raises(DataError), transaction.atomic():
        execute_prepared("SELECT %s::text::integer", ["none"])
    assert execute_prepared("SELECT 1 / %s", [1]) == [(1,)]
    assert connection.connection.kept_cursor is cursor


def test_a_cursor_keeps_no_answer_of_many_rows(acme: Any) -> None:
    assert len(execute_prepared("SELECT generate_series(1, %s)", [MOST_ROWS])) == MOST_ROWS
    cursor = connection.connection.kept_cursor
    assert len(execute_prepared("SELECT generate_series(1, %s)", [MOST_ROWS + 1])) > MOST_ROWS
    assert cursor.closed
    assert execute_prepared("SELECT %s::integer", [1]) == [(1,)]


# -- conditions of which only the values are others --------------------------------------------------------


def names(condition: Q) -> QuerySet[Lead, tuple[Any, ...]]:
    made.append("names")
    return Lead.objects.filter(condition).order_by("name").values_list("name")


def asked(condition: Q) -> list[str]:
    """What the compiled statement finds, which has to be what Django's own does."""
    found = compiled_query(names, [condition])
    rows = [] if found is None else run(*found)
    assert rows == list(names(condition))
    made.pop()
    return [name for (name,) in rows]


def run(sql: str, given: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        return cursor.fetchall()


def test_conditions_that_differ_in_values_alone_are_compiled_once(people: SimpleNamespace) -> None:
    now = clock.now()
    for name, owner in (("First", people.bob), ("Second", people.cleo), ("50% off", None)):
        Lead.create(name=name, contact=people.ada, owner=owner, source="event", score=7)
    made.clear()
    for owner, status, found in (
        (people.bob.pk, ["New", "Lost"], ["First"]),
        (people.cleo.pk, ["New", "Contacted"], ["Second"]),
        (people.cleo.pk, ["Lost", "Lost"], []),
    ):
        condition = Q(owner=owner, status__in=status, created_at__gte=now - timedelta(days=1))
        assert asked(condition) == found
    assert made == ["names"]
    kept = [each for each in gc.get_objects() if type(each) is prepared_queries._SameBut]
    assert kept and not any(each.conditions or each.asked for each in kept), "No values are kept."
    assert asked(Q(created_at__lt=now - timedelta(days=1))) == []
    assert asked(Q(owner=None) & ~Q(name__icontains="IRS")) == ["50% off"]
    assert asked(Q(owner=None) & ~Q(name__icontains="0%")) == []
    assert asked(Q(status__in=[])) == []
    assert asked(Q(score=7) | Q(score=None)) == ["50% off", "First", "Second"]
    made.clear()
    for day in (now.date(), now.date() - timedelta(days=2)):
        asked(Q(created_at__date=day))
    assert made == ["names"]


def test_conditions_that_are_made_of_other_queries_are_compiled_each_time(
    people: SimpleNamespace,
) -> None:
    lead = Lead.create(name="Called", contact=people.ada, source="event")
    Activity.log(subject="Call", type="Call", lead=lead)
    made.clear()
    for kind, found in (("Call", ["Called"]), ("Email", []), ("Call", ["Called"])):
        calls = Activity.objects.filter(lead=OuterRef("pk"), type=kind)
        assert asked(Q(Exists(calls))) == found
    assert len(made) == 3


def test_a_compiled_condition_is_that_of_the_tenant_and_of_who_reads(
    people: SimpleNamespace, theirs: SimpleNamespace, rival: Any
) -> None:
    for name, owner in (("Bob's", people.bob), ("Cleo's", people.cleo)):
        Lead.create(name=name, contact=people.ada, owner=owner, source="event")
    assert asked(Q(status="New")) == ["Bob's", "Cleo's"]
    with tenancy.active(rival):
        assert asked(Q(status="New")) == ["Their lead"]
    bob = Actor("user_bob", "Bob", "rep", contact_id=people.bob.pk, limited=True)
    with actors.acting(bob):
        assert asked(Q(status="New")) == ["Bob's"]
