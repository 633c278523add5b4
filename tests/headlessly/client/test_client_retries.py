"""What is tried again, when, and how often; and that nothing is done twice by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from headlessly.client import (
    Conflict,
    ConnectionFailed,
    NotUnderstood,
    RateLimited,
    Retries,
    ServerFailed,
    Stale,
    ValidationFailed,
)
from tests.headlessly.client.conftest import ROCKET

DONE = httpx.Response(201, json=ROCKET)
CUT_OFF = httpx.ReadError("cut off")
NO_SERVER = httpx.ConnectError("refused")


def said(status, error, **more):
    headers = more.pop("headers", {})
    body = {"error": error, "message": f"It is {error}.", "requestId": "req_1"} | more
    return httpx.Response(status, json=body, headers=headers)


def create(acme):
    return acme.Rocket.create(name="Vega")


def test_it_sends_a_post_again_with_the_key_of_its_first_attempt(server, ask, few):
    server.script = [CUT_OFF, said(503, "unavailable"), DONE]
    assert ask(create, retries=few).name == "Vega"
    keys = [call.headers["Idempotency-Key"] for call in server.calls]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert {call.content for call in server.calls} == {b'{"name":"Vega"}'}


def test_it_gives_each_call_a_key_of_its_own(server, ask):
    server.script = [DONE, DONE]
    ask(create)
    ask(create)
    first, second = (call.headers["Idempotency-Key"] for call in server.calls)
    assert first != second


def test_it_waits_longer_each_time_but_not_for_ever(server, ask):
    server.script = [NO_SERVER] * 4 + [DONE]
    ask(create, retries=Retries(attempts=5, first=1, longest=4))
    assert [low <= pause <= high for pause, (low, high) in zip(
        server.paused, [(0.5, 1), (1, 2), (2, 4), (2, 4)], strict=True
    )] == [True] * 4  # fmt: skip


@pytest.mark.parametrize(
    ("header", "least"),
    [
        ("7", 7),
        (lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True), 28),
    ],
    ids=["seconds", "date"],
)
def test_it_waits_as_long_as_the_server_asks(server, ask, few, header, least):
    header = header() if callable(header) else header
    server.script = [said(429, "rate_limited", headers={"Retry-After": header}), DONE]
    ask(create, retries=few)
    (pause,) = server.paused
    assert least <= pause <= least + 2


def test_it_does_not_wait_longer_than_its_patience(server, ask):
    server.script = [said(429, "rate_limited", headers={"Retry-After": "3600"})]
    with pytest.raises(RateLimited) as caught:
        ask(create)
    assert caught.value.retry_after == 3600
    assert server.paused == []


@pytest.mark.parametrize("nonsense", ["soon", "-3", "9" * 400, ""])
def test_it_waits_as_usual_when_what_is_asked_is_no_time(server, ask, few, nonsense):
    server.script = [said(503, "unavailable", headers={"Retry-After": nonsense[:100]}), DONE]
    if nonsense.startswith("9"):
        with pytest.raises(ServerFailed):
            ask(create, retries=few)
    else:
        ask(create, retries=few)
        assert server.paused[0] <= 1


def test_it_gives_up_after_its_attempts_and_says_how_often_it_tried(server, ask, few):
    server.script = [NO_SERVER] * 3
    with pytest.raises(
        ConnectionFailed, match=r"Cannot connect to https://crm\.example\.com"
    ) as no:
        ask(create, retries=few)
    assert no.value.attempts == len(server.calls) == 3
    server.script = [said(503, "unavailable")] * 3
    with pytest.raises(ServerFailed) as failed:
        ask(create, retries=few)
    assert (failed.value.status, failed.value.request_id) == (503, "req_1")


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (said(409, "conflict", allowed=["Contacted"]), Conflict),
        (said(422, "validation_error", details=[{"field": "name", "message": "x"}]), ValidationFailed),
        (said(500, "internal_error"), ServerFailed),
        (httpx.Response(500, text="<h1>Oh"), ServerFailed),
        (httpx.Response(404, text="<h1>Oh"), NotUnderstood),
        (httpx.Response(301, headers={"Location": "https://x.example/"}), NotUnderstood),
        (httpx.Response(201, text="<h1>Welcome to the hotel"), NotUnderstood),
    ],
)  # fmt: skip
def test_it_does_not_try_again_what_will_not_change(server, ask, response, error):
    server.script = [response]
    with pytest.raises(error):
        ask(create)
    assert len(server.calls) == 1
    assert server.paused == []


def test_it_says_what_the_server_said(server, ask):
    details = [{"field": "name", "message": "This is required."}]
    server.script = [said(422, "validation_error", details=details, field="name")]
    with pytest.raises(ValidationFailed) as caught:
        ask(create)
    error = caught.value
    assert (error.code, error.status, error.message, error.details, error.field) == (
        "validation_error", 422, "It is validation_error.", details, "name",
    )  # fmt: skip
    assert error.body["requestId"] == error.request_id == "req_1"


def test_it_repeats_reads_changes_and_deletions(server, ask, few):
    for question, answer in [
        (lambda acme: acme.Rocket.get("rocket_a"), httpx.Response(200, json=ROCKET)),
        (lambda acme: acme.Rocket.update("rocket_a", name="V"), httpx.Response(200, json=ROCKET)),
        (lambda acme: acme.Rocket.delete("rocket_a"), httpx.Response(204)),
    ]:
        server.script = [CUT_OFF, httpx.Response(502, text="Bad gateway"), answer]
        ask(question, retries=few)
    assert [call.method for call in server.calls] == ["GET"] * 3 + ["PUT"] * 3 + ["DELETE"] * 3


def test_it_takes_a_deletion_that_was_done_by_the_attempt_before_for_done(server, ask):
    server.script = [CUT_OFF, said(404, "not_found")]
    assert ask(lambda acme: acme.Rocket.delete("rocket_a")) is None


def test_it_says_that_a_lost_attempt_may_have_made_the_version_stale(server, ask):
    server.script = [CUT_OFF, said(412, "stale")]
    with pytest.raises(Stale) as caught:
        ask(lambda acme: acme.Rocket.update("rocket_a", name="V", if_match=1))
    assert caught.value.uncertain
    assert "may have been done" in caught.value.__notes__[0]
    server.script = [NO_SERVER, said(412, "stale")]
    with pytest.raises(Stale) as certain:
        ask(lambda acme: acme.Rocket.update("rocket_a", name="V", if_match=1))
    assert not certain.value.uncertain, "a server that was not reached did nothing"


def test_it_does_not_send_the_key_where_an_answer_leads(server, ask):
    server.script = [httpx.Response(307, headers={"Location": "https://elsewhere.example/x"})]
    with pytest.raises(NotUnderstood, match="leads on to https://elsewhere"):
        ask(create)
    assert [call.url.host for call in server.calls] == ["crm.example.com"]
