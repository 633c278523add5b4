"""Notifications by REST, and for agents: one's own, read and chosen."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm import Lead
from headlessly.access.models import ApiKey, Membership
from headlessly.notifications import from_log, kinds
from headlessly.notifications.models import Notification
from tests.answered import answered, problem
from tests.conftest import Api
from tests.headlessly.mcp.conftest import Agent
from tests.headlessly.notifications.test_telling import by, given_apart

pytestmark = pytest.mark.django_db


def owned(made: Any, tenant: Any, user: Any, scope: str) -> Any:
    """A client with a key that is a person's."""
    made.key, made.secret = ApiKey.issue(tenant, "own", scope, user=user, rate_limit=100_000)
    return made


@pytest.fixture
def cleos(acme: Any, users: SimpleNamespace) -> Api:
    return owned(Api(acme), acme, users.cleo, "write")


@pytest.fixture
def told(acme: Any, people: SimpleNamespace, users: SimpleNamespace) -> list[Any]:
    """Three leads that Ann gave to Cleo, each told by itself."""
    return given_apart(users.ann, people.cleo, 3)


def results(api: Api, query: str = "") -> list[dict[str, Any]]:
    return answered(api.call("GET", f"/notifications{query}"))["results"]


def test_one_reads_what_one_was_told_and_nobody_else_does(
    cleos: Api, told: list[Any], bob: Client, ann: Client, users: SimpleNamespace, rival: Any
) -> None:
    page = answered(cleos.call("GET", "/notifications"))
    assert (page["total"], page["hasMore"], page["cursor"]) == (3, False, None)
    first = page["results"][0]
    mine = Notification.objects.filter(user=users.cleo).order_by("-created_at", "-id")
    assert [each["$id"] for each in page["results"]] == [each.pk for each in mine]
    assert first["kind"] == "assigned" and first["text"].startswith("Ann gave you Lead ")
    assert first["recordType"] == "Lead" and first["record"] in {lead.pk for lead in told}
    assert first["url"].endswith(f"/~acme/admin/crm/lead/{first['record']}/change/")
    assert first["read"] is False
    assert answered(cleos.call("GET", f"/notifications/{first['$id']}")) == first
    for other in (bob, ann):
        assert other.get("/~acme/notifications").json()["results"] == []
        assert other.get(f"/~acme/notifications/{first['$id']}").status_code == 404
    theirs = owned(Api(rival), rival, users.eve, "admin")
    assert results(theirs) == []
    problem(theirs.call("GET", f"/notifications/{first['$id']}"), 404, "not_found")
    problem(
        theirs.call("PATCH", f"/notifications/{first['$id']}", {"read": True}), 404, "not_found"
    )
    assert answered(theirs.call("POST", "/notifications/read"))["read"] == 0
    assert not mine.exclude(read_at=None).exists()


def test_a_key_that_is_nobodys_is_told_so(api: Api, told: list[Any]) -> None:
    for method, path, body in (
        ("GET", "/notifications", None),
        ("POST", "/notifications/read", None),
        ("GET", "/notifications/preferences", None),
        ("PATCH", "/notifications/preferences", {"digestHour": 8}),
    ):
        refused = problem(api.call(method, path, body), 403, "forbidden")
        assert "this key is nobody's" in refused["message"]


def test_pages_go_on_and_are_narrowed(
    cleos: Api, told: list[Any], users: SimpleNamespace, acme: Any
) -> None:
    Notification.objects.create(
        tenant=acme, user=users.cleo, kind="import_done", occasion="old", actor="system",
        excerpt="leads.csv", in_browser=True, by_mail=False,
        created_at=timezone.now() - timedelta(days=9),
    )  # fmt: skip
    every = [each["$id"] for each in results(cleos)]
    assert len(every) == 4
    first = answered(cleos.call("GET", "/notifications?limit=3"))
    assert first["hasMore"] and first["total"] == 4
    assert [each["$id"] for each in first["results"]] == every[:3]
    last = answered(cleos.call("GET", f"/notifications?limit=3&cursor={first['cursor']}"))
    assert [each["$id"] for each in last["results"]] == every[3:]
    assert (last["hasMore"], last["cursor"]) == (False, None)
    assert [each["kind"] for each in results(cleos, "?kind=import_done")] == ["import_done"]
    assert len(results(cleos, "?kind=import_done,assigned")) == 4
    assert len(results(cleos, "?since=7d+ago")) == 3
    answered(cleos.call("PATCH", f"/notifications/{every[0]}", {"read": True}))
    assert [each["$id"] for each in results(cleos, "?unread=true")] == every[1:]
    # Going on behind one that was read meanwhile.
    after = results(cleos, f"?unread=true&cursor={every[0]}")
    assert [each["$id"] for each in after] == every[1:]


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("kind=asigned", "kind", "assigned"),
        ("unread=maybe", "unread", "true or false"),
        ("since=never", "since", "since"),
        ("cursor=notification_x", "cursor", "no cursor"),
        ("cursor=%00", "cursor", "no cursor"),
        ("limit=0", "limit", "limit"),
        ("user=x", "user", "no parameter"),
    ],
)
def test_a_list_says_what_it_takes(cleos: Api, query: str, field: str, said: str) -> None:
    response = cleos.call("GET", f"/notifications?{query}")
    assert response.status_code == 400, response.content
    refused = response.json()
    assert refused["field"] == field
    assert said in refused["message"]


def test_one_is_read_unread_and_all_are(
    cleos: Api, told: list[Any], acme: Any, users: SimpleNamespace
) -> None:
    id = results(cleos)[0]["$id"]
    assert answered(cleos.call("PATCH", f"/notifications/{id}", {"read": True}))["read"] is True
    at = Notification.objects.get(pk=id).read_at
    answered(cleos.call("PATCH", f"/notifications/{id}", {"read": True}))
    assert Notification.objects.get(pk=id).read_at == at
    assert answered(cleos.call("PATCH", f"/notifications/{id}", {"read": False}))["read"] is False
    for body in ({}, {"read": "yes"}, {"read": True, "kind": "rule"}):
        problem(cleos.call("PATCH", f"/notifications/{id}", body), 422, "validation_error")
    reader = owned(Api(acme, "read"), acme, users.cleo, "read")
    assert len(results(reader)) == 3
    for method, path, body in (
        ("PATCH", f"/notifications/{id}", {"read": True}),
        ("POST", "/notifications/read", None),
        ("PATCH", "/notifications/preferences", {"digestHour": 8}),
    ):
        problem(reader.call(method, path, body), 403, "forbidden")
    assert len(results(cleos, "?unread=true")) == 3
    assert answered(cleos.call("POST", "/notifications/read"))["read"] == 3
    assert answered(cleos.call("POST", "/notifications/read"))["read"] == 0
    assert results(cleos, "?unread=true") == []


def test_a_record_that_was_taken_away_is_named_no_more(
    acme: Any, people: SimpleNamespace, users: SimpleNamespace, bob: Client
) -> None:
    acme.limits_reps = True
    acme.save()
    with by(users.ann):
        lead = Lead.create(name="Secret", owner=people.bob, source="event")
    from_log.read_log()
    (line,) = bob.get("/~acme/notifications").json()["results"]
    assert "Secret" in line["text"]
    with by(users.ann):
        lead.update(owner=people.cleo)
    assert b"Secret" not in bob.get("/~acme/notifications").content
    # Nor by a key that sees more than the person whose it is.
    key = owned(Api(acme), acme, users.bob, "write")
    assert results(key) == []
    assert bob.get(f"/~acme/notifications/{line['$id']}").status_code == 404


def test_a_page_asks_as_much_of_three_as_of_one(cleos: Api, told: list[Any]) -> None:
    def statements(query: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            results(cleos, query)
        return len(seen)

    results(cleos)
    assert statements("?limit=1") == statements("?limit=3")


def test_preferences_are_read_and_changed_in_part(cleos: Api, users: SimpleNamespace) -> None:
    before = answered(cleos.call("GET", "/notifications/preferences"))
    assert before["digestHour"] is None
    assert before["kinds"]["assigned"] == {"browser": True, "mail": True}
    assert "webhook" not in before["kinds"], "a manager is never told of it"
    sent = {"kinds": {"assigned": {"mail": False}}, "digestHour": 8}
    after = answered(cleos.call("PATCH", "/notifications/preferences", sent))
    assert after["kinds"]["assigned"] == {"browser": True, "mail": False}
    assert after["digestHour"] == 8
    assert {k: v for k, v in after["kinds"].items() if k != "assigned"} == {
        k: v for k, v in before["kinds"].items() if k != "assigned"
    }
    member = Membership.objects.get(user=users.cleo)
    assert not kinds.wants_kind(member, "assigned", kinds.MAIL) and kinds.digest_hour(member) == 8
    answered(cleos.call("PATCH", "/notifications/preferences", {"digestHour": None}))
    now = answered(cleos.call("GET", "/notifications/preferences"))
    assert now["digestHour"] is None and now["kinds"] == after["kinds"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kinds": {"webhook": {"mail": True}}}, "kinds.webhook"),
        ({"kinds": {"asigned": {"mail": True}}}, "kinds.asigned"),
        ({"kinds": {"assigned": {"fax": True}}}, "kinds.assigned.fax"),
        ({"kinds": {"assigned": {"mail": "no"}}}, "kinds.assigned.mail"),
        ({"kinds": {"assigned": True}}, "kinds"),
        ({"kinds": None}, "kinds"),
        ({"digestHour": 24}, "digestHour"),
        ({"digestHour": True}, "digestHour"),
        ({"digest": 8}, "digest"),
    ],
)
def test_preferences_say_what_they_take(
    cleos: Api, users: SimpleNamespace, body: Any, field: str
) -> None:
    sent = cleos.call("PATCH", "/notifications/preferences", body)
    refused = problem(sent, 422, "validation_error")
    assert [each["field"] for each in refused["details"]] == [field]
    assert Membership.objects.get(user=users.cleo).notifications == {}


def test_an_agent_reads_those_of_the_person_whose_key_it_has(
    acme: Any, users: SimpleNamespace, told: list[Any]
) -> None:
    agent = owned(Agent(acme, "write"), acme, users.cleo, "write")
    asked = {"unread": True, "kind": "assigned", "since": "1d ago"}
    found = agent.tool("search", type="Notification", filter=asked, limit=2)
    assert len(found["results"]) == 2 and found["hasMore"]
    rest = agent.tool("search", type="Notification", filter=asked, cursor=found["cursor"])
    assert len(rest["results"]) == 1
    wrong = agent.refused("search", type="Notification", filter={"name": "x"})
    assert wrong["field"] == "name"
    wrong = agent.refused("search", type="Notification", filter={"unread": "yes"})
    assert wrong["field"] == "unread"
    assert "nobody's" in Agent(acme, "write").refused("search", type="Notification")["message"]
