"""What is not sent again, what is sent small, and what takes too long."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client

from crm import Lead
from headlessly.database import timeouts
from headlessly.query import reads
from tests.answered import answered, problem, unchanged

# -- If-None-Match --------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ['"{}"', 'W/"{}"', '"x", "{}"', "*"])
def test_it_does_not_send_a_record_again_that_the_caller_has(
    form: str, api: Any, people: Any
) -> None:
    address = f"/contacts/{people.ada.pk}"
    first = api.call("GET", address)
    known = form.format(first["ETag"].strip('"'))
    again = api.call("GET", address, If_None_Match=known)
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    people.ada.update(title="CEO")
    later = api.call("GET", address, If_None_Match=first["ETag"])
    assert answered(later)["title"] == "CEO"
    assert later["ETag"] != first["ETag"]


def test_it_sends_what_may_have_changed_without_the_record(
    api: Any, lead: Lead, people: Any
) -> None:
    tag = api.call("GET", f"/leads/{lead.pk}")["ETag"]
    for query, status in (("", 304), ("?fields=name,bant", 304), ("?include=contact", 200)):
        again = api.call("GET", f"/leads/{lead.pk}{query}", If_None_Match=tag)
        assert again.status_code == status, query
    problem(api.call("GET", "/leads/lead_222222222222", If_None_Match=tag), 404, "not_found")


# -- compression ----------------------------------------------------------------------------------


def test_it_sends_big_answers_and_pages_small(api: Any, people: Any) -> None:
    plain = api.call("GET", "/openapi.json")
    small = api.call("GET", "/openapi.json", Accept_Encoding="gzip, br")
    assert "Content-Encoding" not in plain
    assert small["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in small["Vary"]
    assert json.loads(gzip.decompress(small.content)) == plain.json()
    assert len(small.content) < len(plain.content) / 5
    page = Client().get("/~acme/", headers={"Accept-Encoding": "gzip"}, follow=True)
    assert page["Content-Encoding"] == "gzip"
    for refusing in ("gzip;q=0", "br, GZIP ; q=0.000, identity", "gzip;q=0,*"):
        as_is = api.call("GET", "/openapi.json", Accept_Encoding=refusing)
        assert "Content-Encoding" not in as_is and "Accept-Encoding" in as_is["Vary"], refusing
    hesitant = api.call("GET", "/openapi.json", Accept_Encoding="gzip;q=0.5")
    assert hesitant["Content-Encoding"] == "gzip"
    tiny = api.call("GET", "/status?x", Accept_Encoding="gzip")
    assert "Content-Encoding" not in tiny


def test_it_keeps_the_tag_of_a_record_that_travels_small(api: Any, lead: Lead) -> None:
    lead.update(name="n" * 200, need="n" * 2000)
    answer = api.call("GET", f"/leads/{lead.pk}", Accept_Encoding="gzip")
    assert answer["Content-Encoding"] == "gzip"
    assert answer["ETag"] == f'"{Lead.get(lead.pk).version}"'
    change = api.call("PATCH", f"/leads/{lead.pk}", {"score": 3}, If_Match=answer["ETag"])
    assert answered(change)["score"] == 3


# -- time -----------------------------------------------------------------------------------------


def test_it_bounds_every_statement_of_a_process_that_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import psycopg
    from django.db import connections

    given = connections["default"].settings_dict
    monkeypatch.setitem(given, "OPTIONS", given["OPTIONS"] | {"options": "-c lock_timeout=7s"})
    timeouts.bound_connections()
    parameters = connections["default"].get_connection_params()
    ours = {
        k: v for k, v in parameters.items() if k in ("host", "port", "user", "password", "options")
    }
    with psycopg.connect(**ours, dbname="postgres") as found:
        assert found.execute("SHOW statement_timeout").fetchone() == ("30s",)
        assert found.execute("SHOW lock_timeout").fetchone() == ("7s",)
    assert settings.STATEMENT_TIMEOUT == 30


def test_it_says_what_to_narrow_when_the_database_takes_too_long(
    api: Any, lead: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*args: Any, **more: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 20")
            try:
                cursor.execute("SELECT pg_sleep(5)")
            except OperationalError:
                connection.needs_rollback = False
                raise

    monkeypatch.setattr(reads, "record_page", slow)
    said = problem(api.call("GET", "/leads"), 503, "timed_out")
    assert "filter" in said["message"]


def test_it_goes_back_to_the_bound_of_the_process(acme: Any) -> None:
    def bound() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            return cursor.fetchone()[0]

    before = bound()
    with timeouts.statement_timeout(1234):
        assert bound() == "1234ms"
    assert bound() == before


def test_a_write_that_shall_create_alone_changes_nothing(api: Any, people: Any) -> None:
    address = f"/contacts/{people.ada.pk}"
    for method, place in (("PATCH", address), ("PUT", address), ("DELETE", address)):
        there = api.call(method, place, {"title": "CEO"}, If_None_Match="*")
        of_a_version = api.call(method, place, {"title": "CEO"}, If_None_Match='"1"')
        assert (there.status_code, of_a_version.status_code) == (412, 400), method
    assert api.call("PATCH", "/contacts/contact_none", {}, If_None_Match="*").status_code == 404
    assert answered(api.call("GET", address))["$version"] == 1


# -- If-Match -------------------------------------------------------------------------------------


def test_it_changes_what_the_platform_keeps_only_as_it_was_read(api: Any, people: Any) -> None:
    """Webhooks, keys, fields and lists have a tag as records have one."""
    made = {
        "webhooks": api.call("POST", "/webhooks", {"url": "https://x.example", "events": ["*"]}),
        "apikeys": api.call("POST", "/apikeys", {"name": "For a job"}),
        "fields": api.call(
            "POST", "/fields", {"noun": "Lead", "type": "string", "label": "Region"}
        ),
    }
    changes: dict[str, dict[str, Any]] = {
        "webhooks": {"active": False}, "fields": {"label": "Area"}, "lists": {"values": ["Price"]}
    }  # fmt: skip
    for kind in ("webhooks", "apikeys", "fields", "lists"):
        address = f"/{kind}/Lead.lostReason"
        if kind in made:
            address = f"/{kind}/{answered(made[kind], 201)['$id']}"
        first = api.call("GET", address)
        tag = first["ETag"]
        assert kind not in made or made[kind]["ETag"] == tag
        with unchanged_resource(api, address):
            for method in ("PATCH", "DELETE"):
                if (method == "DELETE" and kind == "lists") or (
                    method == "PATCH" and kind == "apikeys"
                ):
                    continue
                stale = api.call(method, address, changes.get(kind), If_Match='"abc"')
                assert problem(stale, 412, "stale")["type"] == answered(first)["$type"]
        if kind in changes:
            changed = api.call("PATCH", address, changes[kind], If_Match=f'"x", {tag}')
            assert answered(changed) and changed["ETag"] != tag
            assert api.call("GET", address)["ETag"] == changed["ETag"]
            problem(api.call("PATCH", address, {}, If_Match=tag), 412, "stale")
            tag = changed["ETag"]
        if kind != "lists":
            query = "?name=region" if kind == "fields" else ""
            answered(api.call("DELETE", f"{address}{query}", If_Match=tag), 204)


def test_it_refuses_if_match_where_nothing_has_a_version(api: Any, lead: Lead, people: Any) -> None:
    with unchanged():
        for path, body in (
            ("/leads", {"name": "L", "source": "x"}), ("/activities/log", {"subject": "S"}),
            ("/events", {"name": "page_view"}), ("/webhooks", {"url": "https://x.example"}),
            ("/import/leads", {}), ("/batch", {"operations": []}), ("/notifications/read", {}),
            (f"/following/{lead.pk}/follow", {}),
        ):  # fmt: skip
            refused = problem(api.call("POST", path, body, If_Match='"1"'), 400, "bad_request")
            assert refused["field"] == "If-Match", path


@contextmanager
def unchanged_resource(api: Any, address: str) -> Iterator[None]:
    before = api.call("GET", address).json()
    yield
    after = api.call("GET", address).json()
    assert before | {"lastUsedAt": None} == after | {"lastUsedAt": None}
