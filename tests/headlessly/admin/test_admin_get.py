"""Every address of the workplace by GET: nothing changes, every noun has its pages, and every page says what
it may load."""

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
from tests.headlessly.admin.signed_in import WITHOUT_FRAME, client_of

#: What stands in an address for what, beside a record's id and its verbs. Whatever else there is, is tried
#: with "x".
FILLED = {
    "name": ("lose", "status", "note", "Lead"), "state": ("New",),
    "key": ("mine",), "cursor": ("x",), "app_label": ("crm",), "content_type_id": ("1",),
}  # fmt: skip
#: The pages that everybody who may read and write a record has of it.
OWN = ("change", "edit", "history", "delete")


def address(record: Any, *more: str) -> str:
    meta = record._meta
    return "/".join(["/~acme/admin", meta.app_label, meta.model_name, *more, ""])


def addresses(records: dict[str, Any]) -> Iterator[str]:
    """Each pattern of the site, with the record of its noun and each of its verbs where it takes them."""
    for pattern in workplace.get_urls():
        for found in [pattern] if isinstance(pattern, URLPattern) else pattern.url_patterns:
            route = ("" if found is pattern else str(pattern.pattern)) + str(found.pattern)
            if "(?P" in route or "<path:" in route:
                continue
            record = records.get("/".join(route.split("/")[:2]))
            verbs = [v.name for v in record.verbs.values()] if record else []
            if "add/<" in route:
                verbs = [name for name in verbs if record.verbs[name].creates]
            filled_by = FILLED | {"id": (record.pk if record else "x",), "verb": (*verbs, "jump")}
            yield from filled(route, filled_by)


def filled(route: str, by: dict[str, tuple[str, ...]]) -> Iterator[str]:
    start, sign, rest = route.partition("<")
    if not sign:
        yield start
        return
    argument, _, rest = rest.partition(">")
    for value in by.get(argument.rpartition(":")[2], ("x",)):
        yield from filled(start + value + rest, by)


@pytest.fixture
def records(acme: Any, people: Any) -> list[Any]:
    return [samples.create(noun, full=True) for noun in registry.values()]


@pytest.fixture
def everywhere(records: list[Any]) -> list[str]:
    by_place = {f"{r._meta.app_label}/{r._meta.model_name}": r for r in records}
    found = sorted({f"/~acme/admin/{each}" for each in addresses(by_place)})
    assert len(found) > 300
    return found


def test_get_changes_nothing_at_any_address_and_every_page_says_what_it_may_load(
    users, records, everywhere, unchanged
):
    ann = client_of(users.ann)
    names = {
        address(r, *place): str(r)
        for r in records
        for place in ((), *((r.pk, page) for page in OWN))
    }
    named = {url for r in records for url in (address(r), address(r, "add"))} | names.keys()
    named -= {address(r, r.pk, "edit") for r in records if r.immutable}
    assert named <= {*everywhere}
    seen, pages, wrong, beyond = set(), 0, [], set()
    with unchanged():
        for url in everywhere:
            # The frame is the same around all of them: the pages of records are asked with it.
            around = {} if url in named else WITHOUT_FRAME
            seen.add((answer := ann.get(url, headers=around)).status_code)
            if answer.status_code not in (
                (200,) if url in named else (200, 302, 400, 403, 404, 405)
            ):
                wrong.append((url, answer.status_code))
            if answer.status_code == 302:
                beyond.add(answer.headers["Location"])
            if answer.headers.get("Content-Type", "").startswith("text/html") and answer.content:
                pages += 1
                assert_strict(answer, url)
                if url in named and names.get(url, "") not in answer.content.decode():
                    wrong.append((url, "the name is missing"))
        for url in sorted(beyond - {*everywhere}):
            if (status := ann.get(url, follow=True).status_code) not in (200, 404, 405):
                wrong.append((url, status))
    assert wrong == []
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
