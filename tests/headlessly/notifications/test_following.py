"""Records that one follows: by REST, for agents and from a terminal; never one that one does not see."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import Lead
from headlessly.access import tenancy
from headlessly.notifications import from_log
from headlessly.notifications.models import Follower
from tests.answered import answered, problem
from tests.conftest import Api
from tests.headlessly.mcp.conftest import Agent
from tests.headlessly.notifications.test_rest import owned
from tests.headlessly.notifications.test_telling import by, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def cleos(acme: Any, users: SimpleNamespace) -> Api:
    return owned(Api(acme), acme, users.cleo, "write")


def test_one_follows_a_record_is_told_and_follows_it_no_more(
    cleos: Api, lead: Any, users: SimpleNamespace, cleo: Client, people: SimpleNamespace
) -> None:
    from_log.read_log()
    assert answered(cleos.call("GET", f"/following/{lead.pk}"))["following"] is False
    said = answered(cleos.call("POST", f"/following/{lead.pk}/follow"))
    assert (said["record"], said["recordType"], said["name"], said["following"]) == (
        lead.pk, "Lead", lead.name, True
    )  # fmt: skip
    answered(cleos.call("POST", f"/following/{lead.pk}/follow"))
    answered(cleos.call("POST", f"/following/{people.ada.pk}/follow"))
    Follower.objects.create(tenant=lead.tenant, record="view_7hqtm2XLwPhY", user=users.cleo)
    page = answered(cleos.call("GET", "/following"))
    assert [each["record"] for each in page["results"]] == sorted([lead.pk, people.ada.pk])
    assert page["total"] == 2
    first = answered(cleos.call("GET", "/following?limit=1"))
    assert first["hasMore"] and len(first["results"]) == 1
    # The page of the record says so too.
    shown = cleo.get(f"/~acme/admin/crm/lead/{lead.pk}/change/").content.decode()
    assert 'name="stop"' in shown
    tenancy.require().refresh_from_db()  # as the next request and the next job read it
    with by(users.ann):
        lead.update(score=7)
    from_log.read_log()
    assert told(users.cleo) == [f"Ann changed {lead.name}"]
    assert answered(cleos.call("POST", f"/following/{lead.pk}/unfollow"))["following"] is False
    with by(users.ann):
        lead.update(score=8)
    from_log.read_log()
    assert len(told(users.cleo)) == 1


def test_who_follows_a_record_that_is_merged_away_follows_the_one_that_stays(
    cleos: Api, lead: Any, users: SimpleNamespace
) -> None:
    stays = Lead.create(name="Stays", source="website")
    from_log.read_log()
    answered(cleos.call("POST", f"/following/{lead.pk}/follow"))
    tenancy.require().refresh_from_db()
    with by(users.ann):
        Lead.merge(lead.pk, into=stays.pk, dry_run=True)
        assert not Follower.objects.filter(record=stays.pk).exists()
        lead.merge(into=stays)
    assert answered(cleos.call("GET", f"/following/{stays.pk}"))["following"] is True
    with by(users.ann):
        stays.update(score=9)
    from_log.read_log()
    assert "Ann changed Stays" in told(users.cleo)


def test_nobody_follows_what_they_do_not_see(
    acme: Any, rival: Any, lead: Any, users: SimpleNamespace, cleos: Api, api: Api, bob: Client,
    people: SimpleNamespace,
) -> None:  # fmt: skip
    theirs = owned(Api(rival), rival, users.eve, "admin")
    for path in (lead.pk, "lead_7hqtm2XLwPhY", "nothing", "view_7hqtm2XLwPhY", "%00"):
        problem(theirs.call("GET", f"/following/{path}"), 404, "not_found")
        problem(theirs.call("POST", f"/following/{path}/follow"), 404, "not_found")
    refused = problem(api.call("POST", f"/following/{lead.pk}/follow"), 403, "forbidden")
    assert "nobody's" in refused["message"]
    reader = owned(Api(acme), acme, users.cleo, "read")
    problem(reader.call("POST", f"/following/{lead.pk}/follow"), 403, "forbidden")
    wrong = cleos.call("POST", f"/following/{lead.pk}/follow", {"mail": True})
    assert wrong.status_code == 422 and "mail" in wrong.content.decode()
    assert not Follower.objects.exists()
    # A limited rep: another's lead is not there, and one that was taken away has no name any more.
    acme.limits_reps = True
    acme.save()
    with by(users.ann):
        other = Lead.create(name="Secret", owner=people.cleo, source="event")
    bobs = owned(Api(acme), acme, users.bob, "write")
    problem(bobs.call("POST", f"/following/{other.pk}/follow"), 404, "not_found")
    answered(bobs.call("POST", f"/following/{lead.pk}/follow"))
    with by(users.ann):
        lead.update(owner=people.cleo)
    (line,) = answered(bobs.call("GET", "/following"))["results"]
    assert (line["record"], line["name"]) == (lead.pk, "")


def test_a_list_asks_as_much_of_three_as_of_one(
    cleos: Api, people: SimpleNamespace, users: SimpleNamespace
) -> None:
    with by(users.ann):
        leads = [Lead.create(name=f"L{n}", owner=people.cleo, source="event") for n in range(3)]
    for lead in leads:
        answered(cleos.call("POST", f"/following/{lead.pk}/follow"))

    def statements(query: str) -> int:
        with CaptureQueriesContext(connection) as seen:
            answered(cleos.call("GET", f"/following{query}"))
        return len(seen)

    statements("")
    assert statements("?limit=1") == statements("?limit=3")


def test_an_agent_finds_what_the_person_follows_whose_key_it_has(
    acme: Any, lead: Any, users: SimpleNamespace, cleos: Api
) -> None:
    answered(cleos.call("POST", f"/following/{lead.pk}/follow"))
    agent = owned(Agent(acme, "write"), acme, users.cleo, "write")
    found = agent.tool("search", type="Following", limit=5)
    assert [each["record"] for each in found["results"]] == [lead.pk]
    assert agent.refused("search", type="Following", filter={"name": "x"})["field"] == "filter"
