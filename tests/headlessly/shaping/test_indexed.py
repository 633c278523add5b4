"""A tenant's own field that is indexed: lists in its order, kept by the database while people write."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from crm import Lead
from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.errors import Invalid
from headlessly.log import indexed_values
from headlessly.log.indexed_values import IndexedValue
from headlessly.query import paging, reads
from headlessly.shaping import custom_fields, field_settings, indexing
from headlessly.shaping.models import CustomField
from tests.answered import answered, problem
from tests.conftest import Api
from tests.headlessly.test_paging import paged

VALUES: dict[str, list[Any]] = {
    "string": ["Zürich", "zug", "Älm", "alm", "Basel"],
    "integer": [-3, 0, 7, 2_000_000, 12],
    "number": [-2.5, 0.25, 1e12, 3, 0.3],
    "money": [0, 12.5, 9_999_999_999_999.99, 100, 99.99],
    "date": ["2026-01-31", "1969-12-31", "2026-02-01", "2030-01-01", "2000-02-29"],
    "datetime": [
        "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000001Z", "1960-01-01T00:00:00Z",
        "2026-01-31T13:30:00+02:00", "2026-02-01T00:00:00Z",
    ],
    "email": ["ada@x.example", "Bob@x.example", "eve@a.example", "al@x.example", "zoe@x.example"],
    "phone": ["+49 30 1", "+1 555 2", "030 7", "+49 30 12", "112"],
    "choice": ["b", "a", "d", "c", "e"],
}  # fmt: skip


def field(type: str = "integer", **more: Any) -> CustomField:
    options = {"options": ["a", "b", "c", "d", "e"]} if type == "choice" else {}
    given = {"noun": "Lead", "label": "Rank", "type": type, "indexed": True}
    return custom_fields.create_field(given | options | more)


def make(name: str, **values: Any) -> Lead:
    return Lead.create(name=name, source="web", **values)


def kept() -> set[str]:
    """The records whose value the index has."""
    rows = IndexedValue.objects.all()
    return set(rows.exclude(text=None, number=None).values_list("record", flat=True))


def as_next_request(tenant: Any) -> Any:
    """The tenant as the next request reads it: with the shape that jobs have given it."""
    return tenancy.active(Tenant.objects.get(pk=tenant.pk))


@pytest.mark.parametrize("type", VALUES)
def test_lists_are_in_its_order_and_go_on_where_a_page_ended(
    acme: Any, type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    field(type)
    leads = [make(f"L{n}", rank=value) for n, value in enumerate([*VALUES[type], *VALUES[type]])]
    leads += [make(f"N{n}") for n in range(3)]
    Lead.delete(leads[0].pk)
    leads[1].update(rank=None)
    leads[2].update(rank=VALUES[type][1])
    make("Gone", rank=VALUES[type][0]).delete()
    assert kept() == {lead.pk for lead in leads[2:10]}
    monkeypatch.setattr(paging, "COUNT_CAP", 2)
    for sort, filter in itertools.product(("rank", "-rank"), (None, {"name": {"$ne": "L3"}})):
        expected = [lead.pk for lead in reads.find_queryset(Lead, filter, sort=sort)]
        with CaptureQueriesContext(connection) as asked:
            assert paged(filter=filter, sort=sort) == expected
        assert any("headlessly_indexedvalue" in each["sql"] for each in asked.captured_queries)
        for offset in (0, 3, 7, 9, 11, 30):
            page = reads.record_page(Lead, filter, sort=sort, limit=2, offset=offset)
            assert [r["$id"] for r in page.results] == expected[offset : offset + 2], offset


@pytest.mark.parametrize("type", ["integer", "number", "money", "date", "datetime"])
def test_what_lies_between_two_values_is_found_by_it(acme: Any, type: str) -> None:
    made = field(type)
    values = VALUES[type]
    leads = {make(f"L{n}", rank=value).pk: n for n, value in enumerate(values)}
    make("None")
    asked = itertools.product(("$gt", "$gte", "$lt", "$lte"), values)
    filters = [{"rank": each} for o, value in asked for each in ({o: value}, {"$not": {o: value}})]

    def found() -> list[tuple[Any, set[Any]]]:
        return [
            (filter, {leads.get(x.pk) for x in reads.find_queryset(Lead, filter)})
            for filter in filters
        ]

    by_index = found()
    custom_fields.change_field(made, {"indexed": False})
    assert by_index == found()
    custom_fields.change_field(made, {"indexed": True})
    indexing.make_index(field=made.pk, index_key=CustomField.objects.get().index_key)
    assert by_index == found()
    sql = str(reads.find_queryset(Lead, {"rank": {"$gte": values[0]}}).query)
    assert "headlessly_indexedvalue" in sql
    then = reads.find_queryset(Lead, {"rank": {"$gte": values[0]}}, as_of="now")
    assert "headlessly_indexedvalue" not in str(then.query)


def test_a_page_begins_in_the_index_where_the_list_is_narrowed(
    acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    field()
    leads = [make(f"L{n}", rank=n) for n in range(30)]
    monkeypatch.setattr(paging, "COUNT_CAP", 2)
    with CaptureQueriesContext(connection) as asked:
        page = reads.record_page(Lead, {"rank": {"$lt": 20}}, sort="-rank", limit=3)
    assert [r["$id"] for r in page.results] == [leads[n].pk for n in (19, 18, 17)]
    (sql,) = (
        q["sql"] for q in asked.captured_queries if "ORDER BY" in q["sql"] and "EXISTS" in q["sql"]
    )
    assert '"headlessly_indexedvalue"."number" < ' in sql.split("EXISTS")[0]


def test_a_range_is_counted_in_the_index_as_far_as_it_says_all(
    acme: Any, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    field()
    leads = [make(f"L{n}", rank=n, owner=people.bob if n % 2 else people.cleo) for n in range(12)]
    Lead.delete(leads[11].pk)
    make("None")

    def listed(filter: dict[str, Any]) -> tuple[int, list[str], str]:
        with CaptureQueriesContext(connection) as asked:
            page = reads.record_page(Lead, filter, sort="-rank", limit=3)
        counting = next(q["sql"] for q in asked.captured_queries if "COUNT(" in q["sql"].upper())
        return page.total, [r["name"] for r in page.results], counting

    total, names, counting = listed({"$and": [{"rank": {"$gte": 4}}, {"rank": {"$lt": 99}}]})
    assert (total, names) == (7, ["L10", "L9", "L8"])
    assert "crm_lead" not in counting
    total, names, counting = listed({"rank": {"$gte": 4}, "name": {"$ne": "L9"}})
    assert (total, names) == (6, ["L10", "L8", "L7"]) and "crm_lead" in counting
    # Who is limited to their own leads is told of no others.
    bob = actors.Actor("user_bob", "Bob", "rep", people.bob.pk, limited=True)
    with actors.acting(bob):
        total, names, counting = listed({"rank": {"$gte": 4}})
    assert (total, names) == (3, ["L9", "L7", "L5"]) and "crm_lead" in counting


def test_it_is_made_in_the_background_of_what_is_there(acme: Any, work: Any) -> None:
    made = field(indexed=False)
    leads = [make(f"L{n}", rank=n) for n in range(5)]
    assert not made.indexed and not kept()
    made = custom_fields.change_field(made, {"indexed": True})
    assert made.indexed and not Lead.schema.fields["rank"].indexed
    # What is written before all are in is kept as it is then.
    leads[0].update(rank=None)
    leads[1].update(rank=70)
    Lead.delete(leads[2].pk)
    new = make("New", rank=9)
    assert IndexedValue.objects.filter(number=None).count() == 2
    work()
    assert kept() == {leads[1].pk, leads[3].pk, leads[4].pk, new.pk}
    assert IndexedValue.objects.count() == 4
    with as_next_request(acme):
        assert Lead.schema.fields["rank"].indexed
        assert paged(sort="-rank")[:2] == [leads[1].pk, new.pk]
        former = CustomField.objects.get().index_key
        custom_fields.change_field(made, {"type": "number"})
        assert not Lead.schema.fields["rank"].indexed
    work()
    assert not IndexedValue.objects.filter(key=former)
    with as_next_request(acme):
        assert Lead.schema.fields["rank"].indexed
        custom_fields.change_field(made, {"name": "place", "label": "Place"})
        assert paged(sort="-place")[:2] == [leads[1].pk, new.pk] == paged(sort="-rank")[:2]
        custom_fields.archive_field(made)
        new.update(name="Newer")
        custom_fields.bring_back_field(made)
        assert paged(sort="-place")[:2] == [leads[1].pk, new.pk]
        custom_fields.delete_field(made, "place")
    work()
    assert not IndexedValue.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_missed_that_is_written_while_it_is_made(
    acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = field(indexed=False)
    leads = [make(f"L{n}", rank=n) for n in range(40)]
    monkeypatch.setattr(indexed_values, "AT_ONCE", 3)
    over, failed = threading.Event(), []

    def write(part: int) -> None:
        try:
            with tenancy.active(acme), actors.acting(actors.SYSTEM):
                for turn in itertools.count():
                    if over.is_set():
                        return
                    lead = leads[(part + 4 * turn) % 40]
                    lead.update(rank=None if turn % 3 == 0 else turn)
                    make(f"M{part}.{turn}", rank=turn)
        except Exception as fault:
            failed.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    made = custom_fields.change_field(made, {"indexed": True})
    indexing.make_index(field=made.pk, index_key=made.index_key)
    over.set()
    for thread in threads:
        thread.join()
    assert not failed
    there = {lead.pk: float(lead.rank) for lead in Lead.objects.all() if lead.rank is not None}
    rows = IndexedValue.objects.exclude(number=None)
    assert dict(rows.values_list("record", "number")) == there


def test_who_wrote_before_it_was_kept_is_waited_for(acme: Any, transactional_db: Any) -> None:
    made = field(indexed=False)
    begun, go_on = threading.Event(), threading.Event()

    def write() -> None:
        with tenancy.active(acme), actors.acting(actors.SYSTEM), transaction.atomic():
            make("Slow", rank=1)
            begun.set()
            go_on.wait(10)
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait(10)
    made = custom_fields.change_field(made, {"indexed": True})
    maker = threading.Thread(target=_make_index, args=(acme, made))
    maker.start()
    maker.join(0.3)
    assert maker.is_alive()
    go_on.set()
    writer.join()
    maker.join()
    assert len(kept()) == 1


def _make_index(acme: Any, made: CustomField) -> None:
    with tenancy.active(acme), actors.acting(actors.SYSTEM):
        indexing.make_index(field=made.pk, index_key=made.index_key)
    connection.close()


def test_fields_of_one_name_have_an_index_each(acme: Any, rival: Any) -> None:
    field()
    with tenancy.active(rival):
        field("date")
        theirs = make("Theirs", rank="2026-01-31")
    mine = make("Mine", rank=5)
    assert paged(sort="-rank") == [mine.pk]
    with tenancy.active(rival):
        assert paged(sort="-rank") == [theirs.pk]


def test_it_says_what_has_none(acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for type in ("text", "bool", "choices", "url", "reference"):
        more = (
            {"options": ["a"]}
            if type == "choices"
            else {"to": "Lead"}
            if type == "reference"
            else {}
        )
        with pytest.raises(Invalid, match="indexed: Only these have an index: string, integer"):
            field(type, **more)
    monkeypatch.setattr(field_settings, "MOST_INDEXED", 1)
    made = field()
    with pytest.raises(Invalid, match="indexed: A noun has 1 fields"):
        field(label="Other")
    field(label="Other", indexed=False)
    custom_fields.change_field(made, {"indexed": False})
    field(label="Third")


def test_programs_and_forms_say_it(acme: Any, api: Api) -> None:
    body = {"noun": "Lead", "label": "Rank", "type": "integer", "indexed": True}
    made = answered(api.call("POST", "/fields", body), 201)
    assert made["indexed"] is True
    place = f"/fields/{made['$id']}"
    assert answered(api.call("PATCH", place, {"indexed": False}))["indexed"] is False
    refused = api.call("PATCH", place, {"indexed": "yes"})
    assert problem(refused, 422, "validation_error")["details"][0]["field"] == "indexed"
