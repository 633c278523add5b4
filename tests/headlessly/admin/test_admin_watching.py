"""Pages that ask what changed: mostly answered from memory, by a process that tells others who is where."""

from __future__ import annotations

import asyncio
import json
import re
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import pytest

from headlessly.access import actors
from headlessly.access.actors import Actor
from headlessly.admin.watching import middleware, recent
from headlessly.admin.watching.presence import Viewer
from headlessly.log.names import SECURITY, SIGNED_IN
from headlessly.log.security_events import record_security_event
from headlessly.web.front import Front


@pytest.fixture
def token(acme: Any) -> str:
    with actors.acting(actors.SYSTEM):
        return middleware.make_token()


@pytest.fixture(autouse=True)
def fresh(monkeypatch: Any) -> None:
    """A process that has just begun."""
    monkeypatch.setattr(recent, "_tenants", {})
    monkeypatch.setattr(middleware, "_good", {})


def ask(path: str, method: str = "POST", **asked: str) -> Any:
    body = BytesIO(urlencode(asked).encode())
    found = middleware.answer_from_memory({"PATH_INFO": path, "REQUEST_METHOD": method}, body)
    return found and json.loads(found)


WATCH = "/~acme/admin/watch/"


def test_it_is_answered_from_memory_only_what_was_read_just_now(
    client: Any, token: str, lead: Any, django_assert_num_queries: Any, monkeypatch: Any
) -> None:
    asked = {"token": token, "noun": "Lead", "of": lead.pk}
    assert ask(WATCH, **asked) is None
    at = client.post(WATCH, asked).json()["at"]
    with django_assert_num_queries(0):
        assert ask(WATCH, **asked, since=at) == {
            "at": at, "changed": [], "others": 0, "missed": False
        }  # fmt: skip
    monkeypatch.setattr(recent, "OLDEST", -1)
    assert ask(WATCH, **asked, since=at) is None
    lead.update(score=3)
    assert client.post(WATCH, asked | {"since": at}).json()["changed"] == [lead.pk]


def test_it_is_no_other_question_and_nobody_elses(client: Any, token: str, rival: Any) -> None:
    client.post(WATCH, {"token": token})
    assert ask(WATCH, token=token) is not None
    assert ask(WATCH, "GET", token=token) is None
    assert ask("/~rival/admin/watch/", token=token) is None
    assert ask("/~acme/admin/", token=token) is None
    assert ask(WATCH, token=token[:-1]) is None
    assert ask(WATCH, token=token, since="nonsense") is None


def test_processes_tell_each_other_who_is_at_a_record(acme: Any, lead: Any) -> None:
    one, other = recent.RecentEvents(acme), recent.RecentEvents(acme)

    def look(process: recent.RecentEvents, name: str, writes: bool = False) -> Any:
        actor = Actor(f"user_{name}", name, actors.REP)
        viewer = Viewer(lead.pk, actor.id, name, writes)
        asked = recent.Question(actor, None, "Lead", [lead.pk], viewer)
        found = process.changes(asked, reads=True)
        assert found is not None
        return found.here

    assert look(one, "Bob") == []
    assert look(other, "Cleo", writes=True) == [{"name": "Bob", "writes": False}]
    one._asked = 0  # a second later
    assert look(one, "Bob") == [{"name": "Cleo", "writes": True}]
    # Who begins to write is told of at once.
    assert look(one, "Bob", writes=True) == [{"name": "Cleo", "writes": True}]
    other._asked = 0
    assert look(other, "Cleo", writes=True) == [{"name": "Bob", "writes": True}]


def test_a_limited_rep_hears_of_a_hidden_record_what_they_hear_of_none(
    client: Any, lead: Any, people: Any, monkeypatch: Any
) -> None:
    from crm import Lead

    monkeypatch.setattr(recent, "OLDEST", -1)
    hidden = Lead.create(name="Hidden", source="website", owner=people.cleo)
    bob = Actor("user_bob", "Bob", actors.REP, people.bob.pk, limited=True)
    cleo = Actor("user_cleo", "Cleo", actors.REP, people.cleo.pk, limited=True)
    tokens = {}
    for actor in (bob, cleo):
        with actors.acting(actor):
            tokens[actor] = middleware.make_token()

    def ask(actor: Actor, id: str, since: str = "", noun: str = "Lead") -> Any:
        sent = {"token": tokens[actor], "noun": noun, "of": id, "here": id, "since": since}
        return client.post(WATCH, sent).json()

    nothing = {"changed": [], "others": 0, "missed": False, "here": []}
    ask(cleo, hidden.pk)  # she is there
    at = ask(bob, hidden.pk)["at"]
    hidden.update(score=5)
    for id in (hidden.pk, "lead_none234567Xy"):
        for noun in ("Lead", "Contact", ""):
            found = ask(bob, id, at, noun)
            found.pop("at")
            assert found == nothing, (id, noun)
    assert ask(cleo, hidden.pk, at)["changed"] == [hidden.pk]
    assert ask(cleo, hidden.pk)["here"] == [], "nor is he there for her"
    # Of what is handed to somebody else the page hears for the last time; of what one is given, the first.
    at = ask(bob, lead.pk)["at"]
    lead.update(owner=people.cleo)
    hidden.update(owner=people.bob)
    assert ask(bob, lead.pk, at)["changed"] == [lead.pk]
    assert ask(bob, hidden.pk, at)["changed"] == [hidden.pk]
    at = ask(bob, lead.pk)["at"]
    lead.update(score=1)
    found = ask(bob, lead.pk, at)
    assert (found["changed"], found["others"]) == ([], 0)


def test_nobody_hears_by_a_page_who_got_in(client: Any, acme: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(recent, "OLDEST", -1)
    who = "user_none234567Xy"
    with actors.acting(Actor("user_vic", "Vic", actors.VIEWER)):
        asked = {"token": middleware.make_token(), "noun": SECURITY, "of": who}
    at = client.post(WATCH, asked).json()["at"]
    record_security_event(SIGNED_IN, about=who)
    told = client.post(WATCH, asked | {"since": at}).json()
    assert told["at"] != at, "something happened"
    assert (told["changed"], told["others"]) == ([], 0)


def test_a_server_that_only_reads_tells_who_is_there_as_far_as_the_process_knows(
    acme: Any, lead: Any, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.READ_ONLY = True
    process = recent.RecentEvents(acme)

    def look(name: str, writes: bool = False) -> Any:
        actor = Actor(f"user_{name}", name, actors.REP)
        viewer = Viewer(lead.pk, actor.id, name, writes)
        found = process.changes(recent.Question(actor, None, "Lead", [], viewer), reads=True)
        assert found is not None
        return found.here

    assert look("Cleo") == []
    assert look("Bob", writes=True) == [{"name": "Cleo", "writes": False}]
    assert look("Cleo") == [{"name": "Bob", "writes": True}]
    with django_assert_num_queries(0):
        process.presence.renew_alone()
    # Whoever is not heard of any more is gone.
    process.presence._here = {k: (0.0, v) for k, (_at, v) in process.presence._here.items()}
    process._asked = 0
    assert look("Bob", writes=True) == []


def test_what_is_known_takes_no_thread() -> None:
    def application(*_: Any) -> Any:
        raise AssertionError("no thread is needed")

    front = Front(application, 1, 1, lambda environ, body: b"[1]" if body.read() == b"x" else None)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/", "query_string": b"", "http_version": "1.1",
        "headers": [(b"content-length", b"1")],
    }  # fmt: skip
    asyncio.run(front(scope, receive, send))
    assert [m.get("status") or m.get("body") for m in sent] == [200, b"[1]"]


def test_a_page_hears_how_many_records_changed_that_it_does_not_show(
    client: Any, lead: Any, monkeypatch: Any
) -> None:
    from crm import Lead

    monkeypatch.setattr(recent, "OLDEST", -1)
    with actors.acting(Actor("user_vic", "Vic", actors.VIEWER)):
        asked = {"token": middleware.make_token(), "noun": "Lead", "of": lead.pk}
    at = client.post(WATCH, asked).json()["at"]
    made = [Lead.create(name=name, source="web") for name in ("A", "B")]
    made[0].update(score=5)
    lead.update(score=5)
    told = client.post(WATCH, asked | {"since": at}).json()
    assert (told["changed"], told["others"]) == ([lead.pk], 2)


def test_a_process_that_has_just_begun_tells_what_happened_since_the_page_was_made(
    client: Any, ann: Any, token: str, lead: Any, monkeypatch: Any
) -> None:
    def made_at(*, part: bool = False) -> str:
        headers = {"X-Region": "1"} if part else {}
        page = ann.get(f"/~acme/admin/crm/lead/{lead.pk}/change/", headers=headers).content.decode()
        return (
            found[1] if (found := re.search(r'data-noun="Lead" data-at="([\d.]+)"', page)) else ""
        )

    def ask(since: str) -> Any:
        monkeypatch.setattr(recent, "_tenants", {})
        asked = {"token": token, "noun": "Lead", "of": lead.pk, "since": since}
        told = client.post(WATCH, asked).json()
        return told["changed"], told["missed"]

    at = made_at()
    assert ask(at) == ([], False)
    lead.update(score=3)
    assert ask(at) == ([lead.pk], False)
    assert ask(made_at()) == ([], False)
    assert made_at(part=True) == "", "a page that is open knows where it stands"
    # Whose page was made long ago takes it over as a whole.
    monkeypatch.setattr(recent, "REMEMBERED", 1)
    lead.update(score=4)
    assert ask(at) == ([lead.pk], True)
