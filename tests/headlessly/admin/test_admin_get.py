"""Every address of the workplace by GET: nothing changes, and every page says what it may load."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern

from headlessly.admin import workplace
from headlessly.declaration.registry import registry
from headlessly.web import csp
from tests.contract import samples
from tests.headlessly.admin.signed_in import client_of

#: What stands in an address for what, beside a record's id. Whatever else there is, is tried with "x".
FILLED = {
    "name": ("lose", "status", "note", "Lead"), "verb": ("lose", "convert", "log"), "state": ("New",),
    "key": ("mine",), "cursor": ("x",), "app_label": ("crm",), "content_type_id": ("1",),
}  # fmt: skip


def addresses(records: dict[str, Any]) -> Iterator[str]:
    """Each pattern of the site, with the record of its noun where it takes an id."""
    for pattern in workplace.get_urls():
        for found in [pattern] if isinstance(pattern, URLPattern) else pattern.url_patterns:
            route = ("" if found is pattern else str(pattern.pattern)) + str(found.pattern)
            if "(?P" in route or "<path:" in route:
                continue
            noun = "/".join(route.split("/")[:2])
            yield from filled(route, records.get(noun, "x"))


def filled(route: str, id: str) -> Iterator[str]:
    start, sign, rest = route.partition("<")
    if not sign:
        yield start
        return
    argument, _, rest = rest.partition(">")
    name = argument.rpartition(":")[2]
    for value in (id,) if name == "id" else FILLED.get(name, ("x",)):
        yield from filled(start + value + rest, id)


@pytest.fixture
def everywhere(acme: Any, people: Any) -> list[str]:
    made = [samples.create(noun, full=True) for noun in registry.values()]
    records = {f"{r._meta.app_label}/{r._meta.model_name}": r.pk for r in made}
    found = sorted({f"/~acme/admin/{address}" for address in addresses(records)})
    assert len(found) > 200
    return found


def test_get_changes_nothing_at_any_address_and_every_page_says_what_it_may_load(
    users, everywhere, unchanged
):
    ann = client_of(users.ann)
    seen, pages = set(), 0
    with unchanged():
        for url in everywhere:
            seen.add((answer := ann.get(url)).status_code)
            assert answer.status_code < 500, url
            if answer.headers.get("Content-Type", "").startswith("text/html") and answer.content:
                pages += 1
                assert_strict(answer, url)
    assert pages > 50
    assert {200, 302, 404, 405} <= seen
    assert ann.get("/~acme/admin/").status_code == 200  # not even the sign-out was done by GET


def assert_strict(answer: Any, url: str) -> None:
    assert answer.headers[csp.HEADER] == csp.STRICT, url
    html = answer.content.decode()
    for unsafe in (" style=", "<style", " onclick="):
        assert unsafe not in html, (unsafe, url)


def test_the_entrance_and_what_went_wrong_are_as_strict(client, acme):
    for url in ("/", "/invitation/x/y", "/password/x/y", "/nothing/", "/~nowhere/admin/"):
        assert client.get(url, follow=True).headers[csp.HEADER] == csp.STRICT, url
    said = Client(enforce_csrf_checks=True).post("/", {"username": "x"})
    assert said.status_code == 403
    assert "This was not sent" in said.content.decode()


def test_the_operators_pages_may_work_with_alpine(users):
    answer = client_of(users.olga).get("/admin/")
    assert answer.headers[csp.HEADER] == csp.WITH_ALPINE
    assert "unsafe-inline' 'unsafe" not in csp.WITH_ALPINE
    assert "http" not in csp.WITH_ALPINE


def test_json_has_no_such_policy(api):
    assert csp.HEADER not in api.call("GET", "/leads").headers
