"""The log over REST: a record's history, the tenant's events, tracked events."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest

from headlessly.access import actors
from headlessly.log import pages
from headlessly.log.events import Event
from tests.answered import answered, named, problem, unchanged


def ask(api: Any, **query: Any) -> dict[str, Any]:
    return answered(api.call("GET", f"/events?{urlencode(query)}"))


# -- the history of a record ----------------------------------------------------------------------


def test_it_tells_a_records_history_newest_first(api: Any, qualified: Any) -> None:
    answered(api.call("POST", f"/leads/{qualified.pk}/convert"))
    found = answered(api.call("GET", f"/leads/{qualified.pk}/events"))
    assert [event["name"] for event in found["results"]] == [
        "Lead.Updated",
        "Lead.Converted",
        "Lead.Updated",
        "Lead.Updated",
        "Lead.Created",
    ]
    assert [event["version"] for event in found["results"]] == [5, 4, 3, 2, 1]
    attached, converted = found["results"][:2]
    assert attached["data"] == answered(api.call("GET", f"/leads/{qualified.pk}")), "all of it"
    assert attached["cause"] == converted["$id"]
    assert attached["requestId"] == converted["requestId"]
    assert converted["previous"] == {
        "status": "Qualified",
        "convertedAt": None,
        "lastActivityAt": converted["previous"]["lastActivityAt"],
    }
    assert (found["total"], found["hasMore"]) == (5, False)


def test_it_pages_a_history(api: Any, qualified: Any) -> None:
    page = answered(api.call("GET", f"/leads/{qualified.pk}/events?limit=1&offset=1"))
    assert [event["version"] for event in page["results"]] == [2]
    assert (page["total"], page["hasMore"]) == (3, True)
    problem(api.call("GET", f"/leads/{qualified.pk}/events?limit=0"), 400, "invalid_filter")


def test_it_goes_on_with_a_history_where_a_page_ended(api: Any, qualified: Any, lead: Any) -> None:
    address, versions, cursor = f"/leads/{qualified.pk}/events?limit=1", [], ""
    while True:
        page = answered(api.call("GET", f"{address}&cursor={cursor}"))
        versions += [event["version"] for event in page["results"]]
        assert page["hasMore"] is (page["cursor"] is not None) and page["total"] >= 3
        if (cursor := page["cursor"]) is None:
            break
        if len(versions) == 1:
            answered(api.call("PATCH", f"/leads/{qualified.pk}", {"name": "Changed meanwhile"}))
            others = f"/contacts/{qualified.contact_id}/events?cursor={cursor}"
            problem(api.call("GET", others), 400, "invalid_filter", field="cursor")
            both = f"{address}&offset=1&cursor={cursor}"
            problem(api.call("GET", both), 400, "invalid_filter", field="cursor")
    assert versions == [3, 2, 1], "what came since is before where the page ended"


def test_it_has_no_history_of_another_nouns_record(api: Any, lead: Any, people: Any) -> None:
    problem(api.call("GET", f"/contacts/{lead.pk}/events"), 404, "not_found")
    problem(api.call("GET", f"/leads/{people.ada.pk}/events"), 404, "not_found")


# -- the log --------------------------------------------------------------------------------------


def test_it_lists_events_oldest_first_with_a_cursor_that_is_never_null(
    api: Any, lead: Any, theirs: SimpleNamespace
) -> None:
    seen, cursor = [], ""
    while True:
        page = ask(api, limit=2, cursor=cursor)
        assert page["cursor"] is not None
        seen += [event["seq"] for event in page["results"]]
        cursor = page["cursor"]
        if not page["hasMore"]:
            break
    assert seen == list(Event.objects.order_by("seq").values_list("seq", flat=True))
    assert ask(api, cursor=cursor)["results"] == []
    assert ask(api, cursor=cursor)["cursor"] == cursor
    lead.update(score=1)
    (later,) = ask(api, cursor=cursor)["results"]
    assert (later["name"], later["target"]) == ("Lead.Updated", lead.pk)
    assert ask(api, name="Nothing")["cursor"] is not None


@pytest.mark.parametrize(
    "query", [{"since": "now"}, {"since": "2999-01-01T00:00:00Z"}, {"name": "Nothing"}, {}]
)
def test_it_gives_a_cursor_behind_which_only_what_is_new_lies(
    query: dict[str, Any], api: Any, qualified: Any
) -> None:
    page = ask(api, limit=100, **query)
    assert (page["hasMore"], page["cursor"] == "0.0") == (False, False)
    assert ask(api, cursor=page["cursor"])["results"] == []
    qualified.update(score=7)
    (later,) = ask(api, cursor=page["cursor"])["results"]
    assert (later["name"], later["data"]["score"]) == ("Lead.Updated", 7)


def test_it_loses_nothing_between_one_until_and_the_next(api: Any, lead: Any) -> None:
    first, second = Event.objects.order_by("seq")[:2]
    page = ask(api, until=first.timestamp.isoformat(), since="1h ago")
    assert page["results"] == []
    following = ask(api, cursor=page["cursor"])["results"]
    assert [event["seq"] for event in following][:2] == [first.seq, second.seq]


def test_it_counts_the_log_only_when_asked(api: Any, lead: Any) -> None:
    assert "total" not in ask(api)
    assert ask(api, count="exact")["total"] == Event.objects.count()
    problem(api.call("GET", "/events?count=all"), 400, "invalid_filter", field="count")


def test_it_looks_at_a_few_events_for_a_page_and_finds_all_in_the_end(
    api: Any, qualified: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = qualified.update(score=1)
    monkeypatch.setattr(pages, "EVENTS_PER_PAGE", 2)
    for query in (
        {"since": "1h ago"},
        {"name": "Lead.Updated", "actor": "system"},
        {"targetType": "Lead", "until": "2999-01-01T00:00:00Z"},
        {"targetType": "Lead"},
        {"target": lead.pk, "name": "Lead.Updated"},
    ):
        found, cursor, asked = [], "", 0
        while True:
            page = ask(api, limit=2, cursor=cursor, **query)
            found += [event["seq"] for event in page["results"]]
            cursor, asked = page["cursor"], asked + 1
            if not page["hasMore"]:
                break
            assert asked < 50
        columns = {
            "name": "name",
            "actor": "actor",
            "targetType": "target_type",
            "target": "target",
        }
        fits = {columns[name]: value for name, value in query.items() if name in columns}
        assert found == list(Event.objects.filter(**fits).values_list("seq", flat=True)), query


def test_it_filters_the_log(api: Any, qualified: Any, people: Any) -> None:
    answered(api.call("PATCH", f"/leads/{qualified.pk}", {"score": 5}))
    created = ask(api, name="Lead.Created")["results"]
    assert [event["target"] for event in created] == [qualified.pk]
    assert ask(api, target=qualified.pk, count="exact")["total"] == 4
    assert {e["name"] for e in ask(api, targetType="Contact")["results"]} == {"Contact.Created"}
    (mine,) = ask(api, actor=api.key.pk)["results"]
    assert (mine["version"], mine["previous"]) == (4, {"score": 82})
    everything = ask(api, count="exact")["total"]
    assert ask(api, since="1h ago", count="exact")["total"] == everything
    assert ask(api, until="1h ago", count="exact")["total"] == 0
    assert ask(api, since=mine["timestamp"])["results"] == [mine]
    assert ask(api, until=mine["timestamp"], count="exact")["total"] == everything - 1
    assert ask(api, target=qualified.pk, actor=api.key.pk)["results"] == [mine]


def test_who_did_it_is_asked_for_by_name_too(api: Any, qualified: Any, acme: Any) -> None:
    from headlessly.access.models import ApiKey, Membership, User

    user = User.objects.create_user("dan@sign.example", first_name="Dan", last_name="Vole")
    Membership.objects.create(user=user, tenant=acme, role="rep")
    answered(api.call("PATCH", f"/leads/{qualified.pk}", {"score": 5}))
    mine = ask(api, actor=api.key.pk)["results"]
    assert mine
    assert ask(api, actor=api.key.name.upper())["results"] == mine
    with actors.acting(actors.Actor(user.pk, "Dan", actors.ADMIN)):
        qualified.update(score=6)
    for said in ("dan  vole", "Dan@sign.example", user.pk):
        (his,) = ask(api, actor=said)["results"]
        assert his["actor"] == user.pk
    assert ask(api, actor="user_nobody12345")["results"] == []
    ApiKey.issue(acme, "Dan Vole")
    for said, why in {
        "Dan Vole": "Several are called",
        "Dan Vol": "Did you mean 'Dan Vole'?",
    }.items():
        refused = api.call("GET", f"/events?actor={said}")
        assert refused.status_code == 400 and why in refused.json()["message"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("name=Lead.Creatd", "Did you mean 'Lead.Created'?"),
        ("name=lead.created", "Did you mean Lead.Created?"),
        ("name=Lead.*", "without a star"),
        ("name=Leed.Created", "Did you mean 'Lead'?"),
        ("targetType=leads", "Did you mean 'Lead'?"),
        ("targetType=Nothing", "Use one of Activity, "),
    ],
)
def test_it_says_that_there_are_no_such_events(query: str, said: str, api: Any) -> None:
    found = problem(api.call("GET", f"/events?{query}"), 400, "invalid_filter")
    assert said in found["message"] and found["field"] == query.partition("=")[0]


@pytest.mark.parametrize(
    "query", ["targetType=Security", "name=Session.Started", "name=Script.Ran", "name=page_view"]
)
def test_it_takes_the_names_of_the_platform_and_of_websites(query: str, api: Any) -> None:
    answered(api.call("GET", f"/events?{query}"))


def test_it_reads_one_event(api: Any, lead: Any, rival_api: Any, theirs: Any) -> None:
    event = Event.objects.get(target=lead.pk)
    found = answered(api.call("GET", f"/events/{event.id}"))
    assert list(found) == [
        "$id", "$type", "$context", "seq", "name", "target", "targetType", "actor", "timestamp",
        "version", "data", "previous", "cause", "requestId", "tenant",
    ]  # fmt: skip
    assert (found["$type"], found["tenant"], found["data"]["$id"]) == ("Event", "acme", lead.pk)
    their = answered(rival_api.call("GET", "/events"))["results"][0]
    problem(api.call("GET", f"/events/{their['$id']}"), 404, "not_found")
    problem(api.call("GET", "/events/evt_222222222222"), 404, "not_found")


def test_it_never_shows_another_tenants_events(api: Any, theirs: SimpleNamespace) -> None:
    assert ask(api)["results"] == []
    assert ask(api, target=theirs.lead.pk, count="exact")["total"] == 0


# -- tracked events -------------------------------------------------------------------------------

VIEW = {
    "name": "page_view",
    "properties": {"plan": "pro", "seats": 5, "nested": {"a": [1, None]}},
    "sessionId": "s1",
    "userId": "u1",
    "anonymousId": "a1",
    "url": "https://acme.example/pricing?x=1",
    "path": "/pricing",
    "referrer": "https://search.example",
    "timestamp": "2026-01-15T10:00:00Z",
}


def test_it_records_a_tracked_event(api: Any, acme: Any) -> None:
    response = api.call("POST", "/events", VIEW)
    made = answered(response, 201)
    assert response["Location"] == f"{made['$context']}/events/{made['$id']}"
    assert made["data"] == VIEW["properties"] | {
        k: VIEW[k] for k in ("sessionId", "userId", "anonymousId", "url", "path", "referrer")
    }
    assert (made["name"], made["timestamp"]) == ("page_view", "2026-01-15T10:00:00Z")
    assert (made["target"], made["targetType"], made["version"]) == (None, None, None)
    assert made["actor"] == api.key.pk
    assert answered(api.call("GET", f"/events/{made['$id']}")) == made
    assert ask(api, name="page_view")["results"] == [made]


def test_it_needs_a_name_only_and_ignores_meta_fields(api: Any, acme: Any) -> None:
    made = answered(api.call("POST", "/events", {"name": "ping", "$id": "evt_222222222222"}), 201)
    assert made["data"] == {}
    assert made["$id"] != "evt_222222222222"


def test_it_tells_what_tracking_would_do(api: Any, acme: Any) -> None:
    with unchanged():
        told = answered(api.call("POST", "/events?dryRun=true", VIEW))
        assert told["record"]["name"] == "page_view"
        assert told["events"] == [told["record"]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "Lead.Converted"}, "name"),
        ({"name": "Nothing.Done"}, "name"),
        ({"name": "x", "target": "lead_222222222222"}, "target"),
        ({"name": "x", "targetType": "Lead"}, "targetType"),
        ({"name": "x", "actor": "system"}, "actor"),
        ({"name": "x", "bogus": 1}, "bogus"),
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": 5}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "\u200bLead.Converted"}, "name"),
        ({"name": "Lead\uff0eConverted"}, "name"),
        ({"name": " Lead.Converted"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "x", "properties": []}, "properties"),
        ({"name": "x", "properties": {"a": "\x00"}}, "properties"),
        ({"name": "x", "properties": {"\x00": 1}}, "properties"),
        ({"name": "x", "properties": {"url": "a"}, "url": "b"}, "url"),
        ({"name": "x", "sessionId": 5}, "sessionId"),
        ({"name": "x", "sessionId": "x" * 256}, "sessionId"),
        ({"name": "x", "userId": "\x00"}, "userId"),
        ({"name": "x", "timestamp": "soon"}, "timestamp"),
        ({"name": "x", "timestamp": 5}, "timestamp"),
        ({"name": "x", "timestamp": "2999-01-01T00:00:00Z"}, "timestamp"),
    ],
)
def test_it_tracks_nothing_that_could_be_taken_for_something_else(
    body: dict[str, Any], field: str, api: Any, acme: Any
) -> None:
    with unchanged():
        found = problem(api.call("POST", "/events", body), 422, "validation_error")
    assert field in named(found)


def test_it_tracks_no_properties_that_are_too_deep(api: Any, acme: Any) -> None:
    deep: Any = 1
    for _ in range(100):
        deep = {"a": deep}
    with unchanged():
        found = api.call("POST", "/events", {"name": "x", "properties": deep})
        assert "properties" in named(problem(found, 422, "validation_error"))


def test_it_changes_and_deletes_no_event(api: Any, lead: Any) -> None:
    event = Event.objects.first()
    with unchanged():
        for method in ("PUT", "PATCH", "DELETE", "POST"):
            problem(api.call(method, f"/events/{event.id}", {}), 405, "method_not_allowed")


def test_it_tracks_nothing_for_those_who_only_read(api: Any, acme: Any) -> None:
    from headlessly.access import actors
    from headlessly.errors import Forbidden
    from headlessly.log import tracking

    reader = type(api)(acme, "read")
    with unchanged():
        for body in (VIEW, {"bogus": 1}):
            problem(reader.call("POST", "/events", body), 403, "forbidden", type="Event")
        with actors.acting(reader.key.actor), pytest.raises(Forbidden):
            tracking.track("page_view")
