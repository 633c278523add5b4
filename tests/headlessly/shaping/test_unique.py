"""A tenant's own field that is unique: kept by the database, told like a declared one, found by its value."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import connection

from crm import Contact, Lead
from headlessly.access import actors, tenancy
from headlessly.errors import Conflict, Invalid, InvalidFilter
from headlessly.log import unique_values
from headlessly.log.unique_values import UniqueValue
from headlessly.query.names import resolve_names
from headlessly.shaping import custom_fields
from tests.answered import answered, problem
from tests.conftest import Api

NUMBER = {"noun": "Lead", "label": "Customer number", "type": "string", "unique": True}

VALUES: dict[str, tuple[Any, Any, Any]] = {
    # Of each type: a value, the same said otherwise, another.
    "string": ("K-1 Ä", "k-1 ä", "K-2"),
    "integer": (7, 7, 8),
    "number": (2.5, 2.50, 3),
    "money": (12.50, 12.5, 12),
    "date": ("2026-01-31", "2026-01-31", "2026-02-01"),
    "datetime": ("2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00", "2026-01-31T12:00:01Z"),
    "url": (
        "https://x.example/" + "a" * 300,
        "https://x.example/" + "a" * 300,
        "https://y.example",
    ),
    "email": ("ada@x.example", "ADA@x.example", "bob@x.example"),
    "phone": ("+49 30 1234567", "+49 30 1234567", "+49 30 7654321"),
}


def kept() -> list[tuple[str, str]]:
    return sorted(UniqueValue.objects.values_list("value", "record"))


def make(name: str, **values: Any) -> Any:
    return Lead.create(name=name, source="web", **values)


@pytest.mark.parametrize("type", VALUES)
def test_no_two_records_have_one_value_however_it_is_said(acme: Any, api: Any, type: str) -> None:
    custom_fields.create_field(NUMBER | {"label": "Code", "type": type})
    one, same, other = VALUES[type]
    first = answered(api.call("POST", "/leads", {"name": "A", "source": "web", "code": one}), 201)
    refused = problem(
        api.call("POST", "/leads", {"name": "B", "source": "web", "code": same}), 409, "conflict"
    )
    assert (refused["field"], refused["existingId"]) == ("code", first["$id"])
    second = answered(
        api.call("POST", "/leads", {"name": "B", "source": "web", "code": other}), 201
    )
    place = f"/leads/{second['$id']}"
    assert problem(api.call("PATCH", place, {"code": one}), 409, "conflict")["field"] == "code"
    assert answered(api.call("GET", place))["code"] == second["code"] and Lead.find().count() == 2
    field = Lead.schema.by_name["code"]
    assert Lead.find_id_by_unique(field, field.clean(same)) == first["$id"]
    # What is given up, or deleted, is free again; a record that returns finds its value taken.
    answered(api.call("PATCH", f"/leads/{first['$id']}", {"code": None}))
    answered(api.call("PATCH", place, {"code": one}))
    assert api.call("DELETE", place).status_code == 204
    answered(api.call("PATCH", f"/leads/{first['$id']}", {"code": same}))
    with pytest.raises(Conflict) as taken:
        Lead.restore(second["$id"])
    assert taken.value.field == "code" and [record for _v, record in kept()] == [first["$id"]]


def test_a_filter_names_a_record_by_its_value_in_whatever_capitals(acme: Any) -> None:
    custom_fields.create_field(NUMBER | {"noun": "Contact"})
    ada = Contact.create(name="Ada", email="ada@x.example", customer_number="K-1 Ä")
    Contact.create(name="Bob", email="bob@x.example", customer_number="K-2")
    for said in ("K-1 Ä", "k-1 ä", "ADA@x.example"):
        assert resolve_names(Lead, {"contact": said}) == {"contact": ada.pk}
    with pytest.raises(InvalidFilter):
        resolve_names(Lead, {"contact": "K-3"})


@pytest.mark.parametrize("values", [{"type": "text"}, {"type": "bool"}, {"default": "K"}])
def test_some_fields_are_not_unique(acme: Any, values: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        custom_fields.create_field(NUMBER | values)
    assert [detail["field"] for detail in refused.value.details or ()] == ["unique"]


def test_what_is_double_is_told_when_it_is_made_unique(acme: Any, api: Any) -> None:
    def make(name: str, **values: Any) -> Any:
        return api.call("POST", "/leads", {"name": name, "source": "web", **values})

    made = answered(api.call("POST", "/fields", NUMBER | {"unique": False}), 201)
    values = {"A": "k1", "B": "K1", "C": "K2", "D": None}
    ids = [answered(make(n, customerNumber=v), 201)["$id"] for n, v in values.items()]
    place = f"/fields/{made['$id']}"
    refused = problem(api.call("PATCH", place, {"unique": True}), 422, "validation_error")
    (detail,) = refused["details"]
    assert detail["field"] == "unique" and all(id in detail["message"] for id in ids[:2])
    assert "1 value is in several records" in detail["message"] and ids[2] not in detail["message"]
    assert not answered(api.call("GET", place))["unique"] and not kept()
    answered(api.call("PATCH", f"/leads/{ids[1]}", {"customerNumber": "K3"}))
    assert answered(api.call("PATCH", place, {"unique": True}))["unique"]
    assert [value for value, _record in kept()] == ["k1", "k2", "k3"]
    assert make("E", customerNumber="K2").status_code == 409
    # Renamed, archived and brought back it stays so; switched off it is forgotten.
    answered(api.call("PATCH", place, {"name": "number", "archived": True}))
    answered(api.call("PATCH", place, {"archived": False}))
    assert make("E", number="K2").status_code == 409
    answered(api.call("PATCH", place, {"unique": False}))
    assert make("E", number="K2").status_code == 201
    assert not kept()


def test_a_deleted_field_leaves_no_values_behind(acme: Any) -> None:
    field = custom_fields.create_field(NUMBER)
    make("A", customer_number="K1")
    custom_fields.delete_field(field, "customerNumber")
    assert not kept()


def test_records_are_read_and_written_by_it(acme: Any, api: Any) -> None:
    custom_fields.create_field(NUMBER)
    place = "/leads/by/customerNumber/K-1"
    made = answered(api.call("PUT", place, {"name": "Ada", "source": "web"}), 201)
    assert made["customerNumber"] == "K-1"
    again = answered(api.call("PUT", "/leads/by/customerNumber/k-1", {"name": "Ada C."}))
    assert (again["$id"], again["name"]) == (made["$id"], "Ada C.")
    assert answered(api.call("GET", place))["name"] == "Ada C."
    assert api.call("GET", "/leads/by/customerNumber/K-2").status_code == 404
    custom_fields.create_field(NUMBER | {"label": "Other", "unique": False})
    assert api.call("GET", "/leads/by/other/K-2").status_code == 400


def test_who_takes_over_a_record_takes_its_value(acme: Any) -> None:
    custom_fields.create_field(NUMBER | {"noun": "Contact"})
    one = Contact.create(name="Ada")
    two = Contact.create(name="Ada C.", customer_number="K1")
    Contact.merge(two.pk, into=one.pk)
    assert Contact.get(one.pk).customer_number == "K1" and kept() == [("k1", one.pk)]


def test_another_tenant_has_the_value_too(acme: Any, rival: Any) -> None:
    custom_fields.create_field(NUMBER)
    make("Ours", customer_number="K1")
    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        custom_fields.create_field(NUMBER)
        theirs = make("Theirs", customer_number="K1")
        with pytest.raises(Conflict) as refused:
            make("Theirs", customer_number="k1")
        assert refused.value.extra["existingId"] == theirs.pk
    assert UniqueValue.objects.filter(tenant=acme.pk).count() == 1


THREADS = 6


def in_threads(calls: list[Any]) -> list[Any]:
    """What each call answers, all begun at once."""
    ready, answers = threading.Barrier(len(calls)), []

    def work(call: Any) -> None:
        try:
            ready.wait(30)
            answers.append(call())
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return answers


@pytest.mark.django_db(transaction=True)
def test_of_several_at_once_one_has_it(acme: Any) -> None:
    custom_fields.create_field(NUMBER)
    api = Api(acme)
    body = {"name": "A", "source": "web", "customerNumber": "K1"}
    told = in_threads([lambda: api.call("POST", "/leads", body).status_code] * THREADS)
    assert sorted(told) == [201] + [409] * (THREADS - 1)
    place = "/leads/by/customerNumber/K2"
    told = in_threads(
        [lambda: api.call("PUT", place, {"name": "B", "source": "web"}).status_code] * THREADS
    )
    assert sorted(told) == [200] * (THREADS - 1) + [201]
    assert [value for value, _record in kept()] == ["k1", "k2"]


@pytest.mark.django_db(transaction=True)
def test_what_is_written_while_it_is_made_unique_is_kept_too(acme: Any) -> None:
    field = custom_fields.create_field(NUMBER | {"unique": False})
    place, api = f"/fields/{field.pk}", Api(acme)
    for _n in range(4):
        answered(api.call("PATCH", place, {"unique": False}))

        def write() -> list[int]:
            return [
                api.call(
                    "POST",
                    "/leads",
                    {"name": "A", "source": "web", "customerNumber": f"{time.monotonic_ns()} {n}"},
                ).status_code
                for n in range(5)
            ]

        def switch() -> list[int]:
            return [api.call("PATCH", place, {"unique": True}).status_code]

        told = in_threads([*[write] * (THREADS - 1), switch])
        assert {status for each in told for status in each} <= {200, 201}
        there = {(lead.customer_number, lead.pk) for lead in Lead.objects.exclude(custom=None)}
        assert set(kept()) == there


def meanwhile(monkeypatch: Any, *calls: Any) -> list[int]:
    """Have requests be done just before who changes a field holds the writes; their statuses."""
    statuses: list[int] = []
    hold = unique_values.hold_writes

    def hold_writes() -> None:
        if not statuses:
            statuses.extend(in_threads([lambda: [call().status_code for call in calls]])[0])
        hold()

    monkeypatch.setattr(unique_values, "hold_writes", hold_writes)
    return statuses


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_while_the_values_are_looked_through(acme: Any, monkeypatch: Any) -> None:
    field = custom_fields.create_field(NUMBER | {"unique": False})
    place, api = f"/fields/{field.pk}", Api(acme)
    changed, gone, left = (make(n, customer_number=n).pk for n in ("K1", "K2", "K3"))
    body = {"name": "New", "source": "web", "customerNumber": "K1"}
    statuses = meanwhile(
        monkeypatch,
        lambda: api.call("PATCH", f"/leads/{changed}", {"customerNumber": "K9"}),
        lambda: api.call("DELETE", f"/leads/{gone}"),
        lambda: api.call("POST", "/leads", body),
    )
    answered(api.call("PATCH", place, {"unique": True}))
    assert statuses == [200, 204, 201]
    new = Lead.objects.get(name="New").pk
    assert kept() == [("k1", new), ("k3", left), ("k9", changed)]


@pytest.mark.django_db(transaction=True)
def test_a_double_that_comes_meanwhile_is_told(acme: Any, monkeypatch: Any) -> None:
    field = custom_fields.create_field(NUMBER | {"unique": False})
    place, api = f"/fields/{field.pk}", Api(acme)
    there = make("A", customer_number="K1").pk
    body = {"name": "B", "source": "web", "customerNumber": "k1"}
    statuses = meanwhile(monkeypatch, lambda: api.call("POST", "/leads", body))
    refused = problem(api.call("PATCH", place, {"unique": True}), 422, "validation_error")
    assert statuses == [201] and there in refused["details"][0]["message"] and not kept()


@pytest.mark.django_db(transaction=True)
def test_a_value_that_comes_meanwhile_decides_of_another_type(acme: Any, monkeypatch: Any) -> None:
    field = custom_fields.create_field({"noun": "Lead", "label": "Link", "type": "string"})
    place, api = f"/fields/{field.pk}", Api(acme)
    make("A", link="https://acme.example")
    body = {"name": "B", "source": "web", "link": "none"}
    statuses = meanwhile(monkeypatch, lambda: api.call("POST", "/leads", body))
    refused = problem(api.call("PATCH", place, {"type": "url"}), 422, "validation_error")
    assert statuses == [201] and "none" in refused["details"][0]["message"]
