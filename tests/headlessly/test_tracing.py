"""One id for all that one request, job or run did."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from crm import Lead
from headlessly import errors
from headlessly.context import tracing
from headlessly.log import tracking
from headlessly.log.events import Event


def test_it_is_shared_by_all_that_happens_inside(acme: Any, people: SimpleNamespace) -> None:
    seq = Event.objects.latest("seq").seq
    with tracing.request_id_scope() as id:
        lead = Lead.create(name="L", source="x")
        lead.lose(lost_reason="x")
        tracking.track("page_view")
        with tracing.request_id_scope() as inner:
            assert inner == id
    assert tracing.request_id() is None
    assert {e.request_id for e in Event.objects.filter(seq__gt=seq)} == {id}


def test_it_is_another_for_each_verb_that_nothing_ties_together(lead: Lead) -> None:
    lead.update(score=1)
    ids = [e.request_id for e in Lead.history(lead)]
    assert len(set(ids)) == 2
    assert all(id.startswith("req_") for id in ids)


def test_it_may_be_given() -> None:
    with tracing.request_id_scope("job-12345678") as id:
        assert tracing.request_id() == id == "job-12345678"


@pytest.mark.parametrize(
    ("given", "kept"),
    [("abc-DEF_1.2", True), ("x" * 64, True), ("short", False), ("x" * 65, False),
     ("spaces in it", False), ("line\nbreak12", False), ("", False), (None, False)],
)  # fmt: skip
def test_it_is_taken_from_a_request_within_reason(given: str | None, kept: bool) -> None:
    seen = []

    def view(request: Any) -> HttpResponse:
        seen.append(tracing.request_id())
        return HttpResponse()

    request = RequestFactory().get("/")
    if given is not None:
        request.META["HTTP_X_REQUEST_ID"] = given
    response = tracing.RequestIdMiddleware(view)(request)
    assert response["X-Request-Id"] == seen[0]
    assert (seen[0] == given) == kept
    assert kept or seen[0].startswith("req_")


def test_it_stands_in_error_bodies_and_log_lines() -> None:
    record = logging.LogRecord("x", 20, "", 0, "", (), None)
    with tracing.request_id_scope() as id:
        status, body = errors.status_and_body(errors.NotFound("Nothing here"))
        assert (status, body["requestId"]) == (404, id)
        assert errors.status_and_body(ZeroDivisionError("secret"))[1] == {
            "error": "internal_error",
            "message": errors.status_and_body(ZeroDivisionError())[1]["message"],
            "requestId": id,
        }
        assert tracing.RequestIdFilter().filter(record)
        assert record.request_id == id
    tracing.RequestIdFilter().filter(record)
    assert record.request_id == "-"
