"""Everybody makes keys of their own: what is done by them is done for a person, who may and sees no less."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client

from headlessly.access import actors
from headlessly.access.models import ApiKey, Membership

KEYS = "/~acme/admin/account/keys/"


class Program:
    """What has a key, and asks REST with it."""

    def __init__(self, secret: str) -> None:
        self.secret, self.client = secret, Client(raise_request_exception=False)

    def __call__(self, path: str, body: Any = None, method: str = "") -> Any:
        return self.client.generic(
            method or ("GET" if body is None else "POST"),
            f"/~acme{path}",
            body or "",
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.secret}"},
        )


def make(client: Client, scope: str = "write") -> Program:
    answer = client.post(KEYS, {"name": "My script", "scope": scope, "expires": ""})
    found = re.search(r"data-secret>(hly_sk_[^<]+)<", answer.content.decode())
    assert found, answer.content.decode()[-2000:]
    return Program(found[1])


def names(answer: Any) -> list[str]:
    return sorted(each["name"] for each in answer.json()["results"])


@pytest.fixture
def leads(people: Any) -> Any:
    from crm import Lead

    Lead.create(name="Bob's", source="x", owner=people.bob)
    Lead.create(name="Cleo's", source="x", owner=people.cleo)
    Lead.create(name="Nobody's", source="x")


def test_a_reps_key_does_what_the_rep_may_and_is_me(bob, people, leads):
    program = make(bob)
    about = program("/me").json()
    assert (about["role"], about["sees"]) == ("rep", "all")
    assert names(program("/leads?owner=me")) == ["Bob's"]
    made = program("/leads", '{"name": "New", "source": "script"}')
    assert made.status_code == 201
    assert made.json()["$createdBy"].startswith("apikey_")
    lead = made.json()["$id"]
    # Reps delete nothing of sales, set nothing up, and administer nothing.
    assert program(f"/leads/{lead}", method="DELETE").status_code == 403
    assert program("/pipelines", '{"name": "P"}').status_code == 403
    assert program("/webhooks").status_code == 403
    assert program("/events?targetType=Security").json()["results"] == []


@pytest.mark.attack
@pytest.mark.parametrize("scope", ["read", "write"])
def test_the_key_of_a_limited_rep_sees_what_they_see(bob, people, leads, acme, scope):
    acme.limits_reps = True
    acme.save()
    program = make(bob, scope)
    assert names(program("/leads")) == ["Bob's", "Nobody's"]
    assert program("/me").json()["sees"] == "own"
    named = {
        each["data"].get("name") for each in program("/events?name=Lead.Created").json()["results"]
    }
    assert named == {"Bob's", "Nobody's"}
    call = {"name": "search", "arguments": {"type": "Lead"}}
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    by_agent = program("/mcp", json.dumps(asked)).json()["result"]["structuredContent"]
    assert sorted(each["name"] for each in by_agent["results"]) == ["Bob's", "Nobody's"]
    if scope == "read":
        assert program("/leads", '{"name": "New", "source": "x"}').status_code == 403


def test_nobody_makes_a_key_that_may_more_than_they(bob, cleo, vic, people):
    for client, refused in ((bob, "propose"), (bob, "admin"), (cleo, "admin"), (vic, "write")):
        answer = client.post(KEYS, {"name": "More", "scope": refused, "expires": ""})
        assert answer.status_code == 422 and "hly_sk_" not in answer.content.decode()
    assert not ApiKey.objects.filter(name="More").exists()
    assert make(vic, "read")("/leads").status_code == 200


@pytest.mark.attack
def test_what_a_key_may_goes_down_with_its_person(cleo, users, people, leads, acme):
    program = make(cleo)
    lead = program("/leads?limit=1").json()["results"][0]["$id"]
    assert program("/pipelines", '{"name": "P"}').status_code == 201
    place = Membership.objects.get(user=users.cleo)
    place.role = "rep"
    place.save()
    acme.limits_reps = True
    acme.save()
    assert program("/pipelines", '{"name": "Q"}').status_code == 403
    assert program(f"/leads/{lead}", method="DELETE").status_code in (403, 404)
    assert names(program("/leads")) == ["Cleo's", "Nobody's"]
    place.role = "viewer"
    place.save()
    assert program("/leads").status_code == 401, "what it could is beyond its person"
    place.delete()
    assert program("/leads").status_code == 401


def test_one_revokes_ones_own_and_nobody_elses(bob, cleo, people):
    program, other = make(bob), make(cleo)
    mine = ApiKey.find_valid(program.secret)
    theirs = ApiKey.find_valid(other.secret)
    assert bob.post(f"{KEYS}{theirs.pk}/revoke/").status_code == 404
    page = bob.get(KEYS).content.decode()
    assert mine.hint in page and theirs.hint not in page
    bob.post(f"{KEYS}{mine.pk}/revoke/")
    assert program("/leads").status_code == 401 and other("/leads").status_code == 200
    bob.get(KEYS)  # which says that it is done
    assert "My script" not in bob.get("/~acme/admin/account/").content.decode()


def test_it_asks_for_the_password_first_and_has_an_end(bob, people, monkeypatch):
    from headlessly.admin.account import own_keys

    monkeypatch.setattr(own_keys, "MOST", 1)
    make(bob)
    full = bob.post(KEYS, {"name": "One more", "scope": "read", "expires": ""})
    assert full.status_code == 422 and "revoke one first" in full.content.decode()
    monkeypatch.setattr("headlessly.accounts.entering.is_confirmed", lambda request: False)
    asked = bob.post(KEYS, {"name": "My script", "scope": "read", "expires": ""})
    assert asked.status_code == 302 and "/account/confirm/" in asked.url
    assert ApiKey.objects.filter(user__first_name="Bob").count() == 1


def test_each_scope_of_a_key_has_a_word():
    assert [scope for scope, _word in ApiKey.SCOPES] == list(actors.SCOPES)


def test_a_key_whose_person_has_no_place_any_more_sees_and_may_next_to_nothing(acme, bob, people):
    place = Membership.objects.get(tenant=acme, contact=people.bob)
    key, _secret = ApiKey.issue(acme, "Left behind", "admin", user=place.user)
    place.delete()
    assert (key.actor.role, key.actor.contact_id, key.actor.limited) == (actors.VIEWER, None, True)
