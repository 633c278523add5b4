"""What an operator sees: numbers at /metrics, a line per request, slow statements with their route."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from headlessly.access import tenancy
from headlessly.background.jobs import job
from headlessly.database import prepared
from headlessly.web.logs import JsonLines
from headlessly.webhooks.models import Delivery, Webhook

pytestmark = pytest.mark.django_db


def metrics() -> dict[tuple[str, tuple[str, ...]], float]:
    """What /metrics tells, by name and labels."""
    with tenancy.active(None):  # as a site is asked
        text = Client().get("/metrics").content.decode()
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_it_counts_requests_by_route_and_status(api: Any, lead: Any) -> None:
    one = ("headlessly_requests_total", ("GET", "/~/leads/<id>", "200"))
    none = ("headlessly_requests_total", ("GET", "/~/leads/<id>", "404"))
    before = metrics()
    for _ in range(3):
        api.call("GET", f"/leads/{lead.pk}")
    api.call("GET", "/leads/lead_000000000000")
    after = metrics()
    assert after[one] - before.get(one, 0) == 3
    assert after[none] - before.get(none, 0) == 1
    assert after["headlessly_request_seconds_count", ("/~/leads/<id>",)] >= 4


def test_it_makes_no_new_number_of_what_strangers_make_up(api: Any) -> None:
    before = set(metrics())
    for path in ("/wp-login.php", "/x/y", "/admin/../etc"):
        api.call("GET", path)
        Client().get(path)
    Client().generic("BREW", "/coffee")
    new = {
        labels for name, labels in set(metrics()) - before if name == "headlessly_requests_total"
    }
    assert not any("wp-login" in label or "BREW" in label for labels in new for label in labels)


def test_it_tells_what_waits(acme: Any) -> None:
    before = metrics()
    webhook = Webhook(tenant=acme, url="https://hooks.example/", events=["*"], secret="s")
    webhook.start_from_now()
    webhook.save(force_insert=True)
    Delivery.make(webhook, webhook.created_at, name="ping").save(force_insert=True)
    _nothing.defer()
    after = metrics()
    for name in ("headlessly_deliveries_due", "headlessly_jobs_waiting"):
        assert after[name, ()] == before[name, ()] + 1
    assert after["headlessly_database_up", ()] == 1
    for name in ("oldest_job_seconds", "oldest_delivery_seconds", "log_lag_seconds", "jobs_failed"):
        assert after[f"headlessly_{name}", ()] >= 0


@job("tests.nothing")
def _nothing() -> None:
    """Nothing."""


def test_it_shows_numbers_to_who_has_the_token(settings: Any) -> None:
    settings.PRODUCTION = True
    assert Client().get("/metrics").status_code == 404
    settings.METRICS_TOKEN = "a-token"
    for sent in ("", "Bearer b-token", "Bearer "):
        assert Client().get("/metrics", headers={"Authorization": sent}).status_code == 401
    right = {"Authorization": "Bearer a-token", "Host": "10.0.0.7"}
    assert Client().get("/metrics", headers=right).status_code == 200


def test_it_writes_a_line_of_json_for_each_request(
    api: Any, lead: Any, settings: Any, caplog: Any
) -> None:
    settings.ACCESS_LOG = True
    with caplog.at_level(logging.INFO, logger="headlessly.access"):
        answer = api.call("GET", f"/leads/{lead.pk}?fields=name")
    (record,) = [r for r in caplog.records if r.name == "headlessly.access"]
    line = json.loads(JsonLines().format(record))
    assert line["method"] == "GET" and line["status"] == 200
    assert line["path"] == f"/~acme/leads/{lead.pk}" and line["route"] == "/~/leads/<id>"
    assert line["requestId"] == answer["X-Request-Id"]
    assert line["milliseconds"] > 0 and line["address"] == "127.0.0.1"


def test_it_names_slow_statements_with_their_route(
    api: Any, lead: Any, settings: Any, caplog: Any
) -> None:
    settings.SLOW_STATEMENT = 0
    with caplog.at_level(logging.WARNING, logger="headlessly.database"):
        api.call("GET", f"/leads/{lead.pk}")
    told = [
        json.loads(JsonLines().format(r)) for r in caplog.records if r.name == "headlessly.database"
    ]
    assert any("crm_lead" in line["message"] for line in told)
    assert {line["route"] for line in told} >= {"GET /~/leads/<id>"}
    assert not any(lead.pk in line["message"] for line in told), "no values"


def test_it_is_silent_about_quick_statements(settings: Any, caplog: Any) -> None:
    settings.SLOW_STATEMENT = 20
    with caplog.at_level(logging.WARNING, logger="headlessly.database"):
        prepared.execute_prepared("SELECT 1", ())
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    assert not caplog.records
