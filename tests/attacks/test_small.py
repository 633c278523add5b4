"""What tells too much, or says one thing twice."""

from __future__ import annotations

import logging
import re
import secrets
from collections import Counter
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from psycopg import OperationalError as PostgresError

from headlessly.access.models import Tenant
from headlessly.api import strangers
from headlessly.web.logs import JsonLines, PassingFilter, RefusalFilter
from tests.attacks.site import Site, all_at_once


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"jsonrpc": "2.0"},
        {"jsonrpc": "2.0", "id": {}, "method": 5},
        {"jsonrpc": "2.0", "id": 1, "result": 5},
        {"jsonrpc": "2.0", "method": "notifications/x", "params": 5},
        {"jsonrpc": "1.0", "id": 1, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": True, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 1.5, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": None, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": None},
        {"jsonrpc": "2.0", "result": {}},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": 5}},
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"x": []}},
    ],
)
def test_tells_agents_nothing_of_what_it_is_made_of(api: Any, message: dict[str, Any]) -> None:
    answer = api.call("POST", "/mcp", message)
    assert answer.status_code in (200, 400)
    assert "error" in answer.json()
    for inside in ("pydantic", "validation error", "JSONRPC", "input_value", "union"):
        assert inside not in answer.content.decode()


def test_says_of_one_of_many_that_it_made_the_contact(site: Site) -> None:
    for _ in range(3):
        body = {"email": f"{secrets.token_hex(6)}@race.example", "name": "Ada"}
        capture = partial(site.call, "POST", "/contacts/capture", body, tenant="quiet")
        statuses = sorted(each.status for each in all_at_once([capture] * 8))
        assert statuses == [200] * 7 + [201]


def test_logs_a_wrong_host_in_one_line(client: Any, caplog: Any) -> None:
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
    (record,) = [each for each in caplog.records if "DisallowedHost" in each.name]
    record.request_id = "-"
    assert RefusalFilter().filter(record)
    for formatter in (JsonLines(), logging.Formatter("%(levelname)s %(message)s")):
        line = formatter.format(record)
        assert "evil.example" in line
        assert "\n" not in line
        assert "Traceback" not in line


def test_logs_what_is_refused_in_one_line_and_what_breaks_with_its_place(
    caplog: Any, settings: Any
) -> None:
    for status, lines in ((400, 1), (403, 1), (404, 1), (500, 2)):
        caplog.clear()
        try:
            raise PermissionDenied("no")
        except PermissionDenied:
            logging.getLogger("django.request").warning(
                "Refused", extra={"status_code": status}, exc_info=True
            )
        (record,) = caplog.records
        assert RefusalFilter().filter(record)
        told = logging.Formatter("%(message)s").format(record)
        assert ("Traceback" in told) == (lines > 1), status
    assert "refusals" in settings.LOGGING["handlers"]["console"]["filters"]


@pytest.mark.django_db
def test_logs_in_one_line_what_the_database_that_is_away_keeps_from_being_done(
    client: Any, caplog: Any, monkeypatch: Any, settings: Any
) -> None:
    def away(*given: Any, **more: Any) -> None:
        raise OperationalError("connection refused\n\tIs it running?") from PostgresError("away")

    monkeypatch.setattr(Tenant, "find_by_slug", away)
    client.raise_request_exception = False
    assert client.get("/~acme/leads").status_code == 503
    (record,) = [each for each in caplog.records if each.name == "django.request"]
    assert PassingFilter().filter(record)
    told = logging.Formatter("%(levelname)s %(message)s").format(record)
    assert told == "WARNING Service Unavailable: /~acme/leads: connection refused"
    assert "passing" in settings.LOGGING["handlers"]["console"]["filters"]


@pytest.mark.django_db
def test_logs_no_token_of_a_link_neither_of_one_that_leads_nowhere(
    client: Any, caplog: Any
) -> None:
    token = "d1x2y3-" + "0123456789abcdef" * 2
    for path in (f"/password/user_x/{token}/b/too-much", f"/passwort/user_x/{token}"):
        caplog.clear()
        assert client.get(path).status_code == 404
        (record,) = [each for each in caplog.records if each.name == "django.request"]
        assert RefusalFilter().filter(record)
        line = record.getMessage()
        assert token not in line
        assert "/user_x/<hidden>" in line
    caplog.clear()
    client.post(f"/password/user_x/{token}", {"password": "x"})
    for record in caplog.records:
        RefusalFilter().filter(record)
    assert token not in caplog.text


#: Codecs of Python's, and names of none; in none of them is an address written.
CHARSETS = [
    "zlib",
    "rot13",
    "base64",
    "idna",
    "undefined",
    "punycode",
    "utf-16",
    "utf-7",
    "no such",
]


def test_reads_what_names_a_charset_that_is_none(site: Site) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xe4\r\n--x--\r\n'
    found = []
    for charset in CHARSETS:
        for kind in ("text/plain", 'multipart/form-data; boundary="x"'):
            headers = {"Content-Type": f'{kind}; charset="{charset}"'}
            found += [
                site.get("/?next=/%C3%A4", headers=headers),
                site.call("POST", "/~nobody/f/x", part, headers=headers),
                site.call("POST", "/~nobody/admin/watch/", part, headers=headers),
                site.get("/leads?limit=1", tenant="quiet", headers=headers),
            ]
    assert Counter(each.status for each in found) == {200: 36, 404: 18, 401: 18}


#: What is sent, and as what.
BODIES = {
    "nothing": (b"", "application/octet-stream"),
    "JSON": (b"{}", "application/json"),
    "a form": (b"email=a", "application/x-www-form-urlencoded"),
    "nonsense": (b"{", "application/json"),
}
ADDRESSES = ["/me", "/leads", "/admin/", "/admin/crm/lead/", "/mcp", "/nothing", "/reports/x"]
ADDRESSES += ["/f/x", "/forms/x/submit", "/forms/form_123456789abc/submit"]


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer hly_sk_nonsense"}, "more"])
def test_answers_and_asks_the_database_the_same_whether_a_tenant_exists_or_not(
    rival: Any, client: Any, path: str, headers: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(strangers, "PER_MINUTE", 10_000)
    if headers == "more":
        headers = {"Origin": "https://evil.example", "Idempotency-Key": "one"}
    for method in ("GET", "POST", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
        for body, kind in BODIES.values():
            asked, answers, counts = [], [], []
            for slug in ("rival", "nobody"):
                send = partial(
                    client.generic, method, f"/~{slug}{path}", body, kind, headers=headers
                )
                send()  # what is cached is there
                with CaptureQueriesContext(connection) as queries:
                    answer = send()
                statements = [each["sql"].split("WHERE")[0] for each in queries]
                asked.append([re.sub(r'"s\d+_x\d+"', "", each) for each in statements])
                told = dict(answer.headers)
                for name in ("X-Request-Id", "Location", "Content-Length"):
                    told.pop(name, None)
                # How many are left of which minute: another may begin in between.
                left = told.pop("X-RateLimit-Remaining", "0"), told.pop("X-RateLimit-Reset", "0")
                answers.append((answer.status_code, sorted(told.items())))
                counts.append(left)
            assert asked[0] == asked[1], (method, body)
            assert answers[0] == answers[1], (method, body)
            (one, minute), (other, next_minute) = counts
            assert minute != next_minute or one == other, (method, body)
