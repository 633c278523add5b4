"""The client knows of nouns only what the server tells: one that nobody has heard of works at once."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from headlessly.client import (
    ConnectionFailed,
    DryRun,
    Headlessly,
    LimitExceeded,
    NotUnderstood,
    Unauthorized,
    UnknownInput,
    UnknownName,
    sessions,
)
from tests.headlessly.client.conftest import ROCKET, SCHEMA, URL

OK = httpx.Response(200, json=ROCKET)


@pytest.mark.parametrize("key", ["", " ", "hly_sk_ü", "hly_sk_a\nb"])
def test_it_says_of_a_key_that_is_none_that_it_is_none(key):
    with pytest.raises(ValueError, match="no API key"):
        Headlessly(URL, key)


def test_it_takes_a_key_as_it_was_read_from_a_file(server):
    server.script = [OK]
    with Headlessly(URL, " hly_sk_x\n", transport=httpx.MockTransport(server)) as client:
        client.Rocket.get("rocket_a")
    assert server.calls[0].headers["Authorization"] == "Bearer hly_sk_x"


def test_it_executes_verbs_that_it_has_never_heard_of(server, ask):
    server.script = [OK, OK]
    ask(lambda acme: acme.Rocket.lift_off("rocket_a", crew_size=3, launch_pad="pad_a", if_match=4))
    assert (server.calls[0].method, server.path()) == ("POST", "/rockets/rocket_a/liftOff")
    assert server.body() == {"crewSize": 3, "launchPad": "pad_a"}
    assert server.calls[0].headers["If-Match"] == '"4"'
    ask(lambda acme: acme.Rocket.liftOff("rocket_a", crewSize=3, launch_pad_id="pad_a"))
    assert server.body() == {"crewSize": 3, "launchPad": "pad_a"}


def test_it_says_the_fields_of_a_new_record_in_the_words_of_the_wire(server, ask):
    server.script = [OK]
    pad = {"name": "ELV", "ground_crew": 7}
    ask(lambda acme: acme.Rocket.lift_off("rocket_a", crew_size=3, launch_pad=pad))
    assert server.body()["launchPad"] == {"name": "ELV", "groundCrew": 7}


def test_it_sends_values_of_python_as_json(server, acme_client):
    server.script = [OK, OK, httpx.Response(200, json=ROCKET["launchPad"])]
    pad = acme_client.Rocket.get("rocket_a").launch_pad
    log = {"when": datetime(2026, 1, 31, 9, tzinfo=UTC), "cost": Decimal("1.5"), "seen": {1}}
    acme_client.Rocket.create(name="V", launch_pad=pad, built=date(2025, 12, 24), log=log)
    assert server.body() == {
        "name": "V",
        "launchPad": "pad_a",
        "built": "2025-12-24",
        "log": {"when": "2026-01-31T09:00:00+00:00", "cost": 1.5, "seen": [1]},
    }
    for bad in (object(), float("nan")):
        with pytest.raises((TypeError, ValueError), match="JSON"):
            acme_client.Rocket.create(name="V", log={"x": bad})
    assert len(server.calls) == 2


def test_it_reads_a_record_with_the_names_and_types_of_python(server, acme_client):
    server.script = [OK]
    rocket = acme_client.Rocket.get(
        "rocket_a", include=["launchPad"], fields="name", as_of="7d ago"
    )
    assert parse_qs(urlsplit(server.path()).query) == {
        "include": ["launchPad"], "fields": ["name"], "asOf": ["7d ago"],
    }  # fmt: skip
    assert (rocket.id, rocket.version, rocket.type) == ("rocket_a", 1, "Rocket")
    assert rocket.created_at == rocket["$createdAt"] == datetime(2026, 1, 31, 9, tzinfo=UTC)
    assert rocket.built == date(2025, 12, 24)
    assert rocket.flown_at is None
    assert rocket["flownAt"] is rocket["flown_at"] is None
    assert (rocket.launch_pad.ground_crew, rocket.launch_pad_id) == (7, "pad_a")
    assert rocket.log == ROCKET["log"], "JSON is not looked into"
    assert rocket.to_dict() == ROCKET
    assert dict(rocket).keys() == ROCKET.keys()
    assert rocket == pickle.loads(pickle.dumps(rocket)) == copy.copy(rocket)
    for copied in (copy.copy(rocket), copy.deepcopy(rocket)):
        assert callable(copied.lift_off), "a copy has its verbs"
    copy.deepcopy(rocket).log.clear()
    assert rocket.log == ROCKET["log"] != {}, "a deep copy is its own"
    assert repr(rocket) == "<Rocket rocket_a 'Vega'>"
    with pytest.raises(AttributeError, match=r"update\(name=\.\.\.\)"):
        rocket.name = "V"
    with pytest.raises(AttributeError, match=r"no nmae\. Did you mean name\? Fields: .*lift_off"):
        rocket.nmae  # noqa: B018
    with pytest.raises(KeyError):
        rocket["nmae"]


def test_it_tells_a_field_that_was_not_read_from_one_that_there_is_not(server, acme_client):
    few = {"$id": "rocket_a", "$type": "Rocket", "name": "Vega"}
    server.script = [httpx.Response(200, json=few)]
    with pytest.raises(AttributeError, match="ask for it in fields"):
        acme_client.Rocket.get("rocket_a", fields=["name"]).phase  # noqa: B018


def test_it_lets_a_record_become_what_its_verb_made_of_it(server, acme_client):
    flown = ROCKET | {"phase": "Flown", "$version": 2, "flownAt": "2026-02-01T00:00:00Z"}
    dry = {
        "record": flown,
        "events": [{"$id": "evt_a", "$type": "Event", "name": "Rocket.LiftedOff"}],
    }
    server.script = [OK, httpx.Response(200, json=dry), httpx.Response(200, json=flown)]
    rocket = acme_client.Rocket.get("rocket_a")
    tried = rocket.lift_off(crew_size=1, dry_run=True)
    assert isinstance(tried, DryRun)
    assert (tried.record.phase, [event.name for event in tried.events]) == (
        "Flown", ["Rocket.LiftedOff"],
    )  # fmt: skip
    assert server.path() == "/rockets/rocket_a/liftOff?dryRun=true"
    assert rocket.phase == "Built"
    assert rocket.lift_off(crew_size=1) is rocket
    assert (rocket.phase, rocket.version, rocket.flown_at.year) == ("Flown", 2, 2026)


@pytest.mark.parametrize(
    ("question", "error", "words"),
    [
        (lambda a: a.Rokcet.get("x"), UnknownName, "There is no noun Rokcet. Did you mean Rocket?"),
        (lambda a: a.Rocket.lift_of("x"), UnknownName, "Did you mean liftOff? There are: create,"),
        (lambda a: a.Rocket.flown_by("x"), UnknownName, "Rocket has no verb flown_by."),
        (
            lambda a: a.Rocket.lift_off("x", crew_sise=1), UnknownInput,
            "takes no crew_sise. Did you mean crewSize? There are: crewSize, launchPad.",
        ),
        (lambda a: a.Rocket.lift_off(), TypeError, "Rocket.liftOff needs a record or its id."),
        (lambda a: a.Rocket.get(""), TypeError, "needs a record or its id"),
        (lambda a: a.Rocket.get(7), TypeError, "needs a record or its id"),
        (lambda a: a.rockets, AttributeError, "nouns begin with a capital"),
    ],
)  # fmt: skip
def test_it_says_what_exists_and_sends_nothing(server, ask, question, error, words):
    with pytest.raises(error) as caught:
        ask(question)
    assert words in str(caught.value)
    assert server.calls == []


def test_it_asks_for_the_schema_once_and_again_when_a_name_is_missing(
    server, acme_client, monkeypatch
):
    server.script = [OK] * 3
    acme_client.Rocket.get("rocket_a")
    acme_client.Rocket.get("rocket_a")
    assert server.schema_read == 1
    nouns = SCHEMA["nouns"]
    server.schema = SCHEMA | {"nouns": nouns | {"Probe": nouns["Pad"] | {"name": "Probe"}}}
    with pytest.raises(UnknownName):
        acme_client.Probe  # noqa: B018
    assert server.schema_read == 1, "it was asked a moment ago"
    monkeypatch.setattr(sessions, "STALE", 0.0)
    acme_client.Probe.get("probe_a")
    assert server.schema_read == 2


def test_it_leaves_to_the_server_what_only_that_can_judge(server, acme_client):
    server.script = [OK, OK]
    acme_client.Rocket.update("rocket_a", **ROCKET)  # as it was read, with what cannot be set
    assert server.body().keys() == ROCKET.keys()
    acme_client.Rocket.get("../x?y#z/%2e")
    assert server.path() == "/rockets/%2E%2E%2Fx%3Fy%23z%2F%252e"


def page(results, cursor, total=5):
    return httpx.Response(
        200,
        json={"results": results, "total": total, "hasMore": cursor is not None, "cursor": cursor},
    )


def rockets(*numbers):
    return [ROCKET | {"$id": f"rocket_{n}"} for n in numbers]


def limits(server):
    return [parse_qs(urlsplit(server.path(n)).query)["limit"] for n in range(len(server.calls))]


async def _all(found):
    return [each async for each in found]


def collected(found):
    return list(found) if hasattr(found, "__iter__") else _all(found)


def test_it_reads_pages_as_they_are_needed_and_no_more_than_its_limit(server, ask):
    server.script = [page(rockets(1, 2), "c1"), page(rockets(3, 4), "c2"), page(rockets(5), None)]
    found = ask(lambda acme: collected(acme.Rocket.find({"phase": "Built"}, page_size=2)))
    assert [rocket.id[-1] for rocket in found] == ["1", "2", "3", "4", "5"]
    questions = [parse_qs(urlsplit(server.path(n)).query) for n in range(3)]
    assert [q.get("cursor") for q in questions] == [None, ["c1"], ["c2"]]
    assert {q["filter"][0] for q in questions} == {'{"phase":"Built"}'}

    server.calls.clear()
    server.script = [page(rockets(1, 2), "c1"), page(rockets(3), "c2")]
    found = ask(lambda acme: collected(acme.Rocket.find(limit=3, page_size=2)))
    assert len(found) == 3
    assert limits(server) == [["2"], ["1"]]
    assert ask(lambda acme: collected(acme.Rocket.find(limit=0))) == []


def test_it_asks_nothing_until_it_is_read(server, acme_client):
    found = acme_client.Rocket.find(
        sort={"name": "desc", "built": "asc"}, q="vega", include="launchPad"
    )
    assert server.calls == []
    server.script = [page(rockets(1), "c1"), page(rockets(1), "c1"), page([], None, 0)]
    assert next(iter(found)).id == "rocket_1"
    asked = parse_qs(urlsplit(server.path()).query)
    assert asked["sort"] == ["-name,built"]
    assert (found.total, found.first()) == (5, None)
    with pytest.raises(ValueError, match="A sort looks like"):
        acme_client.Rocket.find(sort={"name": "down"})
    with pytest.raises(ValueError, match="page_size"):
        acme_client.Rocket.find(page_size=101)


def events(cursor, more, *numbers):
    results = [
        {"$id": f"evt_{n}", "$type": "Event", "timestamp": "2026-01-31T09:00:00Z"} for n in numbers
    ]
    body = {"results": results, "total": 9, "hasMore": more, "cursor": cursor}
    return httpx.Response(200, json=body)


def test_it_follows_the_log_and_remembers_the_place_behind_what_was_taken(server, acme_client):
    server.script = [
        events("1.2", True, 1, 2),
        events("1.3", False, 3),
        events("1.3", False),
        events("1.4", False, 4),
    ]
    log = acme_client.events(since="1h ago", follow=True, wait=5)
    seen = []
    for event in log:
        seen.append(event.id)
        if event.id == "evt_2":
            assert log.cursor is None, "the page is not over"
        if event.id == "evt_3":
            assert log.cursor == "1.2"
        if event.id == "evt_4":
            break
    assert seen == ["evt_1", "evt_2", "evt_3", "evt_4"]
    assert log.cursor == "1.3", "whoever stops within a page gets it again"
    assert event.timestamp == datetime(2026, 1, 31, 9, tzinfo=UTC)
    asked = [parse_qs(urlsplit(server.path(n)).query) for n in range(4)]
    assert [q.get("cursor") for q in asked] == [None, ["1.2"], ["1.3"], ["1.3"]]
    assert {q["wait"][0] for q in asked} == {"5"}


def test_it_goes_on_following_when_a_server_that_was_away_is_back(server, acme_client):
    away = [
        *[httpx.ConnectError("refused")] * 7,
        httpx.Response(502, text="<h1>Bad gateway</h1>"),
        httpx.Response(503, json={"error": "unavailable", "message": "Not now.", "requestId": "r"}),
    ]
    server.script = [events("1.2", False, 1), *away, events("1.3", False, 2)]
    told: list[str] = []
    log = acme_client.events(
        since="1h ago", follow=True, interrupted=lambda problem: told.append(problem.message)
    )
    seen = iter(log)
    assert [next(seen).id, next(seen).id] == ["evt_1", "evt_2"]
    assert len(told) == 1 and "refused" in told[0], "once each time that it is away"
    assert 60 > sum(server.paused) > 8
    cursors = {parse_qs(urlsplit(server.path(n)).query)["cursor"][0] for n in range(1, 11)}
    assert cursors == {"1.2"}, "nothing is left out and nothing is told twice"


def test_it_does_not_follow_up_to_a_moment(server, acme_client):
    with pytest.raises(ValueError, match="leave out until"):
        acme_client.events(follow=True, until="now")


def test_it_does_not_follow_where_nobody_answers_from_the_beginning(server, acme_client):
    server.script = [httpx.ConnectError("refused")] * 5
    with pytest.raises(ConnectionFailed):
        next(iter(acme_client.events(since="1h ago", follow=True)))


def test_it_is_told_at_once_what_no_waiting_changes_while_it_follows(server, acme_client):
    gone = {"error": "unauthorized", "message": "Sign in.", "requestId": "r"}
    server.script = [events("1.2", False, 1), httpx.Response(401, json=gone)]
    seen = iter(acme_client.events(since="1h ago", follow=True))
    next(seen)
    with pytest.raises(Unauthorized):
        next(seen)
    assert server.paused == []


def test_it_asks_no_more_than_once_a_second_where_the_server_does_not_wait(server, acme_client):
    server.script = [*[events("1.2", False)] * 4, events("1.3", False, 3)]
    assert next(iter(acme_client.events(since="1h ago", follow=True))).id == "evt_3"
    assert server.paused == [1.0] * 3, "not behind the first: what happened before it is there"


def test_it_ends_with_the_log_unless_it_follows(server, ask):
    server.script = [events("1.2", True, 1, 2), events("1.3", False, 3)]
    found = ask(lambda acme: collected(acme.events(type="Rocket")))
    assert [event.id for event in found] == ["evt_1", "evt_2", "evt_3"]


def test_it_answers_what_a_verb_of_an_actor_left_newest_first(server, ask):
    server.script = [events("1.2", True, 1, 2), events("1.3", False, 3)]
    found = ask(lambda acme: acme.Rocket.lifted_off_by("user_a"))
    assert [event.id for event in found] == ["evt_3", "evt_2", "evt_1"]
    asked = parse_qs(urlsplit(server.path()).query)
    assert (asked["name"], asked["actor"]) == (["Rocket.LiftedOff"], ["user_a"])


def told(body, *, wrong=False):
    result = {"structuredContent": body, "isError": wrong}
    return httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "result": result})


def test_it_sends_a_script_to_the_tool_of_agents_once(server, ask):
    ran = {"value": [ROCKET], "events": [{"$id": "evt_a", "name": "Script.Ran"}], "output": "hi"}
    server.script = [httpx.ReadError("cut off"), told(ran | {"dryRun": True})]

    def question(acme):
        return acme.do("Rocket.find()", dry_run=True)

    found = ask(question)
    assert (found.data["value"], found.output, found.dry_run) == ([ROCKET], "hi", True)
    assert found.value[0].id == "rocket_a"
    assert [event.name for event in found.events] == ["Script.Ran"]
    first, second = server.calls
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert (server.path(), "text/event-stream" in second.headers["Accept"]) == ("/mcp", True)
    assert server.body()["params"] == {
        "name": "do", "arguments": {"code": "Rocket.find()", "dryRun": True},
    }  # fmt: skip


def test_it_raises_what_a_tool_says_as_rest_would(server, ask):
    limit = {"error": "limit_exceeded", "message": "Too long.", "limit": "seconds", "line": 3}
    door = {"code": -32600, "message": "No.", "data": {"error": "unauthorized", "message": "No."}}
    for answer, error, status in [
        (told(limit, wrong=True), LimitExceeded, 422),
        (
            httpx.Response(401, json={"jsonrpc": "2.0", "id": None, "error": door}),
            Unauthorized,
            401,
        ),
        (httpx.Response(200, json={"jsonrpc": "2.0", "id": 1}), NotUnderstood, None),
    ]:
        server.script = [answer]
        with pytest.raises(error) as caught:
            ask(lambda acme: acme.do("1"))
        assert caught.value.status == status
        if error is LimitExceeded:
            assert (caught.value.line, caught.value.body["limit"]) == (3, "seconds")
