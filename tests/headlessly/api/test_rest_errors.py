"""Errors: always one shape, always a status below 500, whatever is sent."""

from __future__ import annotations

import gzip
import io
import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from headlessly.api.bodies import MAX_BODY_SIZE
from headlessly.context.tracing import RequestIdFilter
from headlessly.web.logs import JsonLines
from tests.answered import answered, named, problem, unchanged


def send(api: Any, method: str, path: str, body: bytes, content_type: str, **headers: str) -> Any:
    return api.generic(
        method,
        api.base + path,
        body,
        content_type=content_type,
        headers={"Authorization": f"Bearer {api.secret}"} | headers,
    )


# -- addresses and methods ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/leads/", "/leads/a/b/c", "/Leads", "/schema/Nothing", "/events/evt_x/y",
     "/leads/x%2Fy", "//leads", "/leads//events", "/%00", "/leads/%00", "/leads/%ff",
     "/leads/%ed%a0%80", "/leads/%0a", "/leads/lead_%F0%9F%92%A9", "/leads/" + "x" * 3000,
     "/events/%00", "/leads/%00/events", "/schema/%00", "/leads/../leads"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_it_says_when_nothing_is_there(path: str, method: str, api: Any) -> None:
    response = api.call(method, path)
    if method == "GET":
        problem(response, 404, "not_found")
    assert response.status_code == 404
    assert len(response.content) < 500


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/leads", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("DELETE", "/leads", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("POST", "/leads/{id}", {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}),
        ("GET", "/leads/{id}/convert", {"POST", "OPTIONS"}),
        ("GET", "/contacts/capture", {"POST", "OPTIONS"}),
        ("PATCH", "/events/{id}", {"GET", "HEAD", "OPTIONS"}),
        ("DELETE", "/events/{id}", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/me", {"GET", "HEAD", "OPTIONS"}),
        ("TRACE", "/leads", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("BREW", "/leads", {"GET", "HEAD", "POST", "OPTIONS"}),
    ],
)
def test_it_says_which_methods_there_are(
    method: str, path: str, allowed: set[str], api: Any, lead: Any
) -> None:
    path = path.replace("{id}", lead.pk)
    with unchanged():
        response = api.call(method, path)
        problem(response, 405, "method_not_allowed")
        assert set(response["Allow"].split(", ")) == allowed
        asked = api.call("OPTIONS", path)
    assert (asked.status_code, asked.content) == (204, b"")
    assert set(asked["Allow"].split(", ")) == allowed


def test_it_names_the_verbs_for_one_that_does_not_exist(api: Any, lead: Any) -> None:
    with unchanged():
        found = problem(api.call("POST", f"/leads/{lead.pk}/promote", {}), 404, "not_found")
    assert "convert" in found["message"] and "lose" in found["message"]


def test_it_keeps_answers_from_being_stored(api: Any, lead: Any) -> None:
    for response in (api.call("GET", f"/leads/{lead.pk}"), api.call("GET", "/nothing")):
        assert response["Cache-Control"] == "private, no-store"
        assert {"Authorization", "Cookie"} <= set(response["Vary"].split(", "))


# -- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"{", b"nonsense", b"[]", b"null", b"1", b'"text"', b"[{}]", b"\xff\xfe", b"\xef\xbb\xbf{}",
     b'{"name": NaN}', b'{"score": Infinity}', b'{"score": 1e400}', b'{"name": "\\ud800"}',
     b'{"name": "\xed\xa0\x80"}', b"{'name': 1}", b'{"a":' * 2000 + b"1" + b"}" * 2000,
     b'{"name": "x"} {"name": "y"}', b'{"name": "\x00"}'],
)  # fmt: skip
def test_it_refuses_a_body_that_is_no_object_of_json(body: bytes, api: Any, lead: Any) -> None:
    with unchanged():
        for method, path in (
            ("POST", "/leads"),
            ("PATCH", f"/leads/{lead.pk}"),
            ("POST", f"/leads/{lead.pk}/lose"),
            ("POST", "/contacts/capture"),
            ("POST", "/events"),
        ):
            problem(send(api, method, path, body, "application/json"), 400, "bad_request")


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/xml", "nonsense", "application/json-patch"],
)  # fmt: skip
def test_it_refuses_what_does_not_say_it_is_json(content_type: str, api: Any, lead: Any) -> None:
    with unchanged():
        response = send(api, "PATCH", f"/leads/{lead.pk}", b'{"score": 1}', content_type)
        problem(response, 415, "unsupported_media_type")


def test_it_takes_bodies_as_they_are(api: Any, lead: Any) -> None:
    content = gzip.compress(b'{"score": 1}')
    with unchanged():
        for path, body in (("/leads", content), ("/import/leads", gzip.compress(b"name,source"))):
            packed = api.call("POST", path, body, Content_Encoding="gzip")
            found = problem(packed, 415, "unsupported_media_type")
            assert "Content-Encoding" in found["message"]
    same = api.call("PATCH", f"/leads/{lead.pk}", {"score": 1}, Content_Encoding="identity")
    assert answered(same)["score"] == 1


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "application/json; charset=utf-8", "APPLICATION/JSON",
     "application/merge-patch+json"],
)  # fmt: skip
def test_it_takes_json_under_its_names(content_type: str, api: Any, lead: Any) -> None:
    response = send(api, "PATCH", f"/leads/{lead.pk}", '{"need": "Öl"}'.encode(), content_type)
    assert answered(response)["need"] == "Öl"


@pytest.mark.parametrize("content_type", ["", "application/x-www-form-urlencoded", "text/plain"])
def test_it_needs_no_body_where_a_verb_needs_no_input(
    content_type: str, api: Any, qualified: Any
) -> None:
    response = send(api, "POST", f"/leads/{qualified.pk}/convert", b"", content_type)
    assert answered(response)["status"] == "Converted"


def test_it_takes_bodies_up_to_ten_megabytes(api: Any, lead: Any) -> None:
    start, end = b'{"score": 7, "$id": "', b'"}'
    body = start + b"x" * (MAX_BODY_SIZE - len(start) - len(end)) + end
    assert len(body) == MAX_BODY_SIZE
    answered(send(api, "PATCH", f"/leads/{lead.pk}", body, "application/json"))
    with unchanged():
        response = send(api, "PATCH", f"/leads/{lead.pk}", body + b" ", "application/json")
        problem(response, 413, "too_large")


def test_it_takes_a_body_whose_length_was_not_announced(api: Any, lead: Any) -> None:
    import io

    def call(body: bytes) -> Any:
        return api.generic(
            "PATCH",
            f"{api.base}/leads/{lead.pk}",
            content_type="application/json",
            headers={"Authorization": f"Bearer {api.secret}", "Transfer-Encoding": "chunked"},
            **{"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True},
        )

    assert answered(call(b'{"score": 12}'))["score"] == 12
    with unchanged():
        problem(call(b'{"a": "' + b"x" * MAX_BODY_SIZE + b'"}'), 413, "too_large")


def test_it_takes_the_last_of_a_key_given_twice(api: Any, lead: Any) -> None:
    body = b'{"score": 1, "score": 2}'
    response = send(api, "PATCH", f"/leads/{lead.pk}", body, "application/json")
    assert answered(response)["score"] == 2


# -- input ----------------------------------------------------------------------------------------


def test_it_says_everything_that_is_wrong_at_once(api: Any, people: SimpleNamespace) -> None:
    body = {
        "name": "x" * 256,
        "score": 101,
        "budget": -1,
        "contact": people.corp.pk,
        "status": "Converted",
        "bogus": 1,
        "lostReason": "x",
        "firstTouchAt": "yesterday-ish",
    }
    with unchanged():
        found = problem(api.call("POST", "/leads", body), 422, "validation_error", type="Lead")
    assert named(found).keys() == {*body, "source"} - {"name"} | {"name"}
    assert "lose" in named(found)["lostReason"]
    assert found["field"] in body


def test_it_says_why_a_verb_is_refused(api: Any, qualified: Any) -> None:
    address = f"/leads/{qualified.pk}"
    answered(api.call("PATCH", address, {"contact": None}))
    with unchanged():
        this = {"type": "Lead", "id": qualified.pk}
        found = problem(api.call("POST", f"{address}/convert"), 422, "refused", **this)
        assert found["message"] == "Lead must have a contact before conversion"
        assert (found["field"], found["reason"]) == ("contact", "contact_required")
        missing = problem(api.call("POST", f"{address}/lose", {}), 422, "validation_error", **this)
        assert list(named(missing)) == ["lostReason"]
        made = problem(api.call("POST", "/leads", {}), 422, "validation_error", type="Lead")
        assert "id" not in made
    answered(api.call("POST", f"{address}/lose", {"lostReason": "No budget"}))
    with unchanged():
        found = problem(api.call("POST", f"{address}/lose", {"lostReason": "x"}), 409, "conflict")
        assert (found["status"], found["allowed"]) == ("Lost", ["New"])
        step = problem(api.call("PATCH", address, {"status": "Qualified"}), 409, "conflict")
        assert step["allowed"] == ["New"]


def test_it_names_the_one_who_was_first(api: Any, people: SimpleNamespace) -> None:
    body = {"name": "Another Ada", "email": "ADA@acme.example"}
    with unchanged():
        found = problem(api.call("POST", "/contacts", body), 409, "conflict", field="email")
    assert found["existingId"] == people.ada.pk
    response = api.call("POST", "/contacts/capture", body)
    assert answered(response)["$id"] == people.ada.pk
    assert response.status_code == 200
    new = api.call("POST", "/contacts/capture", {"name": "New", "email": "new@x.example"})
    assert answered(new, 201)["$version"] == 1
    assert new["Location"].endswith(f"/contacts/{new.json()['$id']}")


def test_it_knows_a_captured_record_for_new_though_a_hook_has_changed_it(api: Any) -> None:
    from crm import Contact

    def also(contact: Any, ctx: Any) -> None:
        if contact.title is None:
            ctx.Contact.update(contact.pk, title="Captured")

    body = {"name": "New", "email": "new@x.example"}
    with Contact.captured.attached(also):
        made = answered(api.call("POST", "/contacts/capture", body), 201)
        assert made["$version"] == 2
        answered(api.call("POST", "/contacts/capture", body), 200)


@pytest.mark.parametrize("atomic", [True, False])
def test_it_knows_what_it_captured_before_in_the_same_batch(atomic: bool, api: Any) -> None:
    capture = {"method": "POST", "path": "/contacts/capture"}
    operations = [
        capture | {"id": f"n{n}", "body": {"name": f"N{n}", "email": "new@x.example"}}
        for n in range(3)
    ]
    found = answered(api.call("POST", "/batch", {"operations": operations, "atomic": atomic}))
    assert [one["status"] for one in found["results"]] == [201, 200, 200]


def test_it_counts_who_refers_to_what_is_to_be_deleted(api: Any, lead: Any, people: Any) -> None:
    with unchanged():
        found = problem(api.call("DELETE", f"/contacts/{people.ada.pk}"), 409, "conflict")
    assert found["referredBy"] == {"Lead": 1}


def test_it_logs_an_activity_at_the_collection(api: Any, lead: Any) -> None:
    body = {"subject": "Call", "type": "Call", "lead": lead.pk, "outcome": "Interested"}
    made = answered(api.call("POST", "/activities/log", body), 201)
    assert (made["status"], made["outcome"]) == ("Completed", "Interested")
    problem(api.call("POST", f"/activities/{made['$id']}/log", body), 404, "not_found")


def test_it_rolls_back_to_a_moment(api: Any, lead: Any) -> None:
    then = lead.updated_at.isoformat()
    address = f"/leads/{lead.pk}"
    answered(api.call("PATCH", address, {"score": 1, "need": "Later"}))
    back = answered(api.call("POST", f"{address}/rollback", {"asOf": then}))
    assert (back["score"], back["need"], back["$version"]) == (82, None, 3)
    with unchanged():
        before = {"asOf": "2001-01-01T00:00:00Z"}
        problem(api.call("POST", f"{address}/rollback", before), 404, "not_found")
        problem(api.call("POST", f"{address}/rollback", {}), 422, "validation_error")
        wrong = {"asOf": "whenever"}
        problem(api.call("POST", f"{address}/rollback", wrong), 422, "validation_error")


@pytest.mark.parametrize(
    "query", ["bogus=1", "dryRun=maybe", "dryRun=true&dryRun=false", "dryRun="]
)
def test_it_refuses_unknown_parameters_of_writes_too(query: str, api: Any, lead: Any) -> None:
    with unchanged():
        for method, path in (
            ("POST", "/leads"),
            ("PATCH", f"/leads/{lead.pk}"),
            ("DELETE", f"/leads/{lead.pk}"),
            ("POST", f"/leads/{lead.pk}/lose"),
            ("POST", "/events"),
        ):
            found = problem(api.call(method, f"{path}?{query}", {}), 400, "bad_request")
            assert found["field"] == query.partition("=")[0]
    for path in ("", "/events"):
        problem(api.call("GET", f"/leads/{lead.pk}{path}?bogus=1"), 400, "bad_request")


# -- nothing gives a 500 --------------------------------------------------------------------------


def spelled(body: Any) -> bytes:
    """JSON as the standard library writes it: orjson would not write all of these."""
    return json.dumps(body).encode()


def test_it_can_say_again_whatever_it_took(api: Any, acme: Any) -> None:
    for stages in (
        [{"name": "x", "order": 10**30}],
        [{"name": "x", "probability": 1.0000000000000002}],
        [{"name": "\u2028💩", "order": -(2**63)}],
        [{"name": "x", "order": 2**64 - 1}],
    ):
        response = api.call("POST", "/pipelines", spelled({"name": "P", "stages": stages}))
        assert response.status_code in (201, 422)
        if response.status_code == 201:
            made = response.json()
            assert answered(api.call("GET", f"/pipelines/{made['$id']}")) == made
            answered(api.call("GET", f"/pipelines/{made['$id']}/events"))
    answered(api.call("GET", "/pipelines"))
    big = {"name": "signup", "properties": {"a": 1e29, "b": [2**63, -1e308], "c": {"d": None}}}
    made = answered(api.call("POST", "/events", big), 201)
    assert answered(api.call("GET", f"/events/{made['$id']}")) == made
    score = {"name": "Corp", "npsScore": 1e29}
    response = api.call("POST", "/organizations", score)
    if response.status_code == 201:
        assert answered(api.call("GET", f"/organizations/{response.json()['$id']}"))
    answered(api.call("GET", "/events"))
    answered(api.call("GET", "/organizations"))


QUERIES = [
    "%", "%%", "%zz", "%ff=%ff", "=", "&&&", "a", "=x", "[]=1", "\x00=1", "%00=%00", "__=1",
    "__gte=1", "score__=1", "score__gte__gte=1", ".=1", "..=1", "contact.=1", ".name=1",
    "contact.contact.contact.contact.name=1", ".".join(["manager"] * 500) + ".name=x",
    "manager.manager.manager.manager.name=x", "$id=%00", "$id__in=" + ",".join("x" * 3000),
    "$id__in=" + ",".join(map(str, range(900))), "$version=99999999999", "$version=1.5",
    "$version=-1", "$type=Lead", "$context=x", "$createdBy__regex=%5C", "$createdAt=0001-01-01",
    "$createdAt__gte=9999-12-31T23:59:59-23:59", "score=" + "9" * 5000, "score=" + "9" * 300,
    "limit=" + "9" * 5000, "limit=%D9%A3", "sort=" + ",".join(["score"] * 50), "sort=-",
    "sort=--score", "sort=,", "include=,", "fields=,", "fields=" + ",".join(["name"] * 200),
    "q=" + "x+" * 3000, "q=%25", "q=%5C", "q='", "q=%F0%9F%92%A9", "asOf=" + "9" * 500, "asOf=",
    "asOf=0001-01-01", "asOf=9999-12-31T23:59:59-23:59", "asOf=99999d ago", "asOf=99999d from now",
    "filter=" + "[" * 5000, 'filter={"$not":' * 1 + '{"$not":' * 200 + "{}" + "}" * 201,
    'filter={"$and":[' + "{}," * 3000 + "{}]}", 'filter={"score":{"$in":[[1]]}}',
    'filter={"score":{"$in":{"a":1}}}', 'filter={"score":{"$in":"80"}}',
    'filter={"name":{"$in":[' + '"x",' * 1500 + '"x"]}}', 'filter={"score":{"$gte":{"$gte":1}}}',
    'filter={"score":true}', 'filter={"name":1}', 'filter={"name":["x"]}', 'filter={"contact":{}}',
    'filter={"contact":{"$id":1}}', 'filter={"status":{"$regex":1}}', 'filter={"$text":1}',
    'filter={"name":{"$regex":"(?<=a"}}', 'filter={"name":{"$regex":"[[:bogus:]]"}}',
    'filter={"name":{"$regex":"(((((((a*)*)*)*)*)*)*)*$"}}', 'filter={"name":{"$regex":"\\u0000"}}',
    'filter={"name":{"$regex":"' + "(" * 190 + '"}}', 'filter={"name":{"$text":"\\u0000"}}',
    'filter={"":1}', 'filter={"$id":{"$gt":1}}', 'filter={"bant":{"$exists":true}}',
    'filter={"createdAt":{"$gte":"0001-01-01"}}', 'filter={"convertedAt":{"$lt":"99999y ago"}}',
    'filter={"score":{"$gte":123456789012345678901234567890}}', 'filter={"score":1e308}',
    'filter={"budget":{"$gte":1e30}}', 'filter={"$version":1e10}', "count=exact&count=exact",
    "offset=1000000", "&".join(f"a{n}=1" for n in range(1500)),
]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_it_has_an_answer_to_every_query(query: str, api: Any, lead: Any) -> None:
    for path in ("/leads", "/contacts", f"/leads/{lead.pk}", f"/leads/{lead.pk}/events", "/events"):
        response = api.generic(
            "GET",
            api.base + path,
            QUERY_STRING=query,
            headers={"Authorization": f"Bearer {api.secret}"},
        )
        assert response.status_code in (200, 400, 404), response.content.decode()
        if response.status_code != 200:
            problem(response, response.status_code, response.json()["error"])


@pytest.mark.parametrize(
    "query", ["since=x", "until=x", "since=%00", "name=%00", "target=%00", "targetType=%00",
              "actor=%00", "cursor=x", "cursor=-1", "cursor=" + "9" * 30, "cursor=%D9%A3",
              "limit=0", "since=99999y ago", "bogus=1", "name=Lead", "name=a&name=b"],
)  # fmt: skip
def test_it_refuses_what_is_senseless_of_the_log(query: str, api: Any) -> None:
    response = api.call("GET", f"/events?{query}")
    problem(response, 400, response.json()["error"], field=query.partition("=")[0])


def test_it_shows_nothing_of_the_inside_when_it_breaks(
    api: Any, lead: Any, monkeypatch: Any, caplog: Any
) -> None:
    from headlessly.query import reads

    def broken(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(reads, "record_page", broken)
    found = problem(api.call("GET", "/leads"), 500, "internal_error")
    assert found.keys() == {"error", "message", "requestId"}
    assert "secret" not in str(found)
    assert "the secret inside" in caplog.text
    monkeypatch.setattr(
        reads, "record_page", lambda *a, **k: SimpleNamespace(wire=lambda: {"x": 10**30})
    )
    problem(api.call("GET", "/leads"), 500, "internal_error")


def test_it_logs_what_it_refuses_under_the_id_of_the_request_and_without_secrets(
    api: Any, lead: Any, monkeypatch: Any
) -> None:
    from headlessly.query import reads

    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    handler.addFilter(RequestIdFilter())
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    secret = "whsec_bm90IGZvciBsb2dz"
    hook = {"url": "https://example.com/x", "events": ["*"], "secret": secret}
    issued = answered(api.call("POST", "/apikeys", {"name": "New"}), 201)
    answered(api.call("POST", "/webhooks", hook), 201)
    refused = [
        api.call("GET", f"/nothing?key={api.secret}", Cookie=f"sessionid={secret}"),
        api.call("POST", "/webhooks", hook | {"url": f"https://user:{secret}@example.com"}),
        api.call("POST", "/leads", {"name": secret}),
        api.call("PATCH", f"/leads/{lead.pk}", {"score": 1}, If_Match='"99"'),
        api.call(
            "POST", "/batch", {"operations": [{"method": "GET", "path": f"/x?k={secret}"}] * 101}
        ),
        Client().get(f"/~acme/leads?key={api.secret}"),
    ]
    monkeypatch.setattr(reads, "record_page", lambda *a, **k: 1 / 0)
    refused.append(api.call("GET", f"/leads?q={secret}"))
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    told = {(line.get("requestId"), line.get("status")) for line in lines}
    for response in refused:
        assert (response["X-Request-Id"], response.status_code) in told
    assert [line["level"] for line in lines if "traceback" in line] == ["error"]
    for hidden in (api.secret, issued["key"], secret):
        assert hidden not in written.getvalue()


def test_it_answers_in_the_same_shape_before_any_view_is_reached(
    api: Any, acme: Any, monkeypatch: Any
) -> None:
    from headlessly.access.models import Tenant

    problem(api.call("GET", "/leads", Host="evil.example"), 400, "bad_request")
    page = api.call("GET", "/leads", Host="evil.example", Accept="text/html,*/*")
    assert (page.status_code, page["Content-Type"]) == (400, "text/html; charset=utf-8")

    def broken(slug: str) -> Any:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(Tenant, "find_by_slug", broken)
    found = problem(api.call("GET", "/leads"), 500, "internal_error")
    assert "secret" not in str(found)


def test_it_keeps_the_request_id_that_a_client_brings(api: Any, lead: Any) -> None:
    response = api.call("PATCH", f"/leads/{lead.pk}", {"score": 3}, X_Request_Id="my-own-id-1")
    assert response["X-Request-Id"] == "my-own-id-1"
    assert lead.history(lead.pk)[0].request_id == "my-own-id-1"
    found = problem(api.call("GET", "/nothing", X_Request_Id="my-own-id-2"), 404, "not_found")
    assert found["requestId"] == "my-own-id-2"
