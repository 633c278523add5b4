"""Traces: a span per request, statement, job and webhook, tied by the request id; else nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from headlessly.background import jobs
from headlessly.context import spans, tracing
from headlessly.webhooks import sending

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def traced(settings: Any, monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What is traced inside the test."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(spans, "_tracer", lambda: provider.get_tracer("test"))
    settings.TRACES = "otlp"
    return exporter


def test_a_request_has_its_statements_and_goes_on_in_the_trace_of_who_asked(
    traced: InMemorySpanExporter, api: Any, lead: Any
) -> None:
    traced.clear()
    answer = api.call("GET", f"/leads/{lead.pk}", traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
    *inner, request = traced.get_finished_spans()
    assert answer.status_code == 200 and f"{request.context.trace_id:x}" == TRACE
    assert request.kind.name == "SERVER" and request.name.startswith("GET /~/")
    assert request.attributes["http.response.status_code"] == 200
    assert lead.pk not in request.name
    id = answer["X-Request-Id"]
    assert request.attributes[spans.REQUEST_ID] == id
    reads = [each for each in inner if "crm_lead" in each.attributes["db.query.text"]]
    assert reads and {each.context.trace_id for each in inner} == {request.context.trace_id}
    assert {each.attributes[spans.REQUEST_ID] for each in reads} == {id}
    assert not any(lead.pk in each.attributes["db.query.text"] for each in inner), "no values"


def test_no_link_that_sets_a_password_is_in_a_trace_or_in_the_access_log(
    traced: InMemorySpanExporter, client: Any, db: Any, settings: Any, caplog: Any
) -> None:
    settings.ACCESS_LOG = True
    caplog.set_level("INFO", "headlessly.access")
    paths = {}
    for end in ("", "/tnt_x", "/"):
        for place in ("/password/user_x/s3-cret", "/invitation/inv_x/s3-cret"):
            traced.clear()
            client.get(f"{place}{end}")
            *_, request = traced.get_finished_spans()
            paths[place + end] = request.attributes.get("url.path")
            assert "s3-cret" not in str([each.attributes for each in traced.get_finished_spans()])
    assert paths["/password/user_x/s3-cret"] == "/password/user_x/<token>"
    lines = [each.fields for each in caplog.records if each.name == "headlessly.access"]
    written = {each["path"] for each in lines if each["route"] != "none"}
    assert "/invitation/inv_x/<token>" in written
    assert not any("s3-cret" in path for path in written)


def test_a_job_and_the_webhook_that_it_sends_have_the_id_of_the_request(
    traced: InMemorySpanExporter, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(*_: Any) -> int:
        return 204

    monkeypatch.setattr(sending, "_post", answer)
    message = sending.SignedRequest("https://hooks.example/x", {"webhook-id": "evt_1"}, b"{}")

    def send() -> None:
        monkeypatch.setattr(sending, "make_request", lambda _: message)
        assert sending.send_all([None])[0].status == 204  # type: ignore[list-item]

    monkeypatch.setattr(jobs, "jobs_by_name", dict(jobs.jobs_by_name))
    job = jobs.Job.__new__(jobs.Job)
    job.name, job.function = "test.send", send
    with tracing.request_id_scope("req_traced"):
        circumstances = jobs._circumstances()
    job.perform(circumstances=circumstances)
    found = {each.name: each for each in traced.get_finished_spans()}
    webhook, around = found["webhook"], found["job test.send"]
    assert webhook.parent.span_id == around.context.span_id
    assert webhook.attributes["server.address"] == "hooks.example"
    assert webhook.attributes["http.response.status_code"] == 204
    for each in (webhook, around):
        assert each.attributes[spans.REQUEST_ID] == "req_traced"


def test_nothing_is_imported_where_nobody_asks_and_a_wrong_word_is_refused() -> None:
    code = (
        "import django, sys; django.setup(); from headlessly.context.spans import span\n"
        "import headlessly.web.metrics, headlessly.webhooks.sending\n"
        "with span('x') as made: assert made is None\n"
        "assert not any(each.startswith(('opentelemetry.sdk', 'redis')) for each in sys.modules)"
    )

    def run(**more: str) -> subprocess.CompletedProcess[str]:
        given = os.environ | {"DJANGO_SETTINGS_MODULE": "headlessly.settings"} | more
        words = [sys.executable, "-c", code]
        return subprocess.run(words, capture_output=True, text=True, env=given)

    done = run()
    assert done.returncode == 0, done.stderr
    assert "is one of otlp, console, none" in run(OTEL_TRACES_EXPORTER="jaeger").stderr


def test_traces_are_sent_as_the_variables_of_opentelemetry_say(
    settings: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.TRACES = "console"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "crm of acme")
    spans._tracer.cache_clear()
    try:
        with spans.span("told"):
            pass
    finally:
        spans._tracer.cache_clear()
    told = capsys.readouterr().out
    assert '"name": "told"' in told and '"service.name": "crm of acme"' in told
