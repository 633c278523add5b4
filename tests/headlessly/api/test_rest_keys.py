"""API keys by REST: issued, listed and revoked by admins of the tenant, and by nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from headlessly.access import actors
from headlessly.access.encryption import hash_secret
from headlessly.access.models import ApiKey, IdempotentReply, Membership, User
from tests.answered import answered, named, problem


def with_secret(api: Any, acme: Any, secret: str) -> Any:
    client = type(api)(acme)
    client.secret = secret
    return client


@pytest.fixture
def untouched() -> Any:
    """Asserts at the end of the test that no key was issued, changed or revoked."""

    def state() -> Any:
        return list(ApiKey.objects.order_by("pk").values("pk", "hash", "scope", "revoked_at"))

    class Untouched:
        def __enter__(self) -> None:
            self.before = state()

        def __exit__(self, *problem: Any) -> None:
            assert state() == self.before

    return Untouched()


def test_it_issues_a_key_that_works_and_is_shown_once(api: Any, acme: Any) -> None:
    response = api.call("POST", "/apikeys", {"name": "Website"})
    issued = answered(response, 201)
    secret = issued.pop("key")
    assert secret.startswith("hly_sk_")
    assert (issued["name"], issued["scope"], issued["rateLimit"]) == ("Website", "write", 1000)
    assert issued["expiresAt"] is issued["lastUsedAt"] is issued["revokedAt"] is None
    assert answered(with_secret(api, acme, secret).call("GET", "/me"))["$id"] == issued["$id"]
    assert response["Location"] == f"http://testserver/~acme/apikeys/{issued['$id']}"
    for path in ("/apikeys", f"/apikeys/{issued['$id']}"):
        answer = api.call("GET", path)
        answered(answer)
        assert secret not in answer.content.decode()
        assert hash_secret(secret) not in answer.content.decode()
    read = answered(api.call("GET", f"/apikeys/{issued['$id']}"))
    assert read["lastUsedAt"] and read | {"lastUsedAt": None} == issued


def test_it_issues_a_key_of_a_scope_that_expires(api: Any, acme: Any) -> None:
    body = {"name": "BI", "scope": "read", "expiresAt": "2100-01-01"}
    issued = answered(api.call("POST", "/apikeys", body), 201)
    assert issued["expiresAt"] == "2100-01-01T00:00:00Z"
    key = with_secret(api, acme, issued["key"])
    assert answered(key.call("GET", "/me"))["role"] == "viewer"
    ApiKey.objects.filter(pk=issued["$id"]).update(expires_at=timezone.now())
    problem(key.call("GET", "/me"), 401, "unauthorized")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x", "scope": "root"}, "scope"),
        ({"name": "x", "expiresAt": "soon"}, "expiresAt"),
        ({"name": "x", "expiresAt": "2001-01-01"}, "expiresAt"),
        ({"name": "x", "rateLimit": 10**6}, "rateLimit"),
        ({"name": "x", "tenant": "rival"}, "tenant"),
        ({"name": "x", "hash": "0"}, "hash"),
    ],
)
def test_it_refuses_a_key_that_does_not_fit(
    body: Any, field: str, api: Any, untouched: Any
) -> None:
    with untouched:
        response = api.call("POST", "/apikeys", body)
        assert field in named(problem(response, 422, "validation_error", type="ApiKey"))


def test_it_revokes_at_once_and_again(api: Any, acme: Any) -> None:
    other = type(api)(acme)
    answered(other.call("GET", "/me"))
    for _ in range(2):
        response = api.call("DELETE", f"/apikeys/{other.key.pk}")
        assert (response.status_code, response.content) == (204, b"")
    problem(other.call("GET", "/me"), 401, "unauthorized")
    listed = {k["$id"]: k for k in answered(api.call("GET", "/apikeys"))["results"]}
    assert listed[other.key.pk]["revokedAt"] and listed[api.key.pk]["revokedAt"] is None


def test_it_lists_the_newest_first_and_in_pages(api: Any, rival_api: Any, acme: Any) -> None:
    for n in range(3):
        ApiKey.issue(acme, f"k{n}")
    found = answered(api.call("GET", "/apikeys?limit=2"))
    assert [k["name"] for k in found.pop("results")] == ["k2", "k1"]
    assert (found["total"], found["hasMore"]) == (4, True)
    for where in ("offset=2", f"cursor={found['cursor']}"):
        rest = answered(api.call("GET", f"/apikeys?limit=2&{where}"))
        assert [k["name"] for k in rest.pop("results")] == ["k0", "admin key"]
        assert rest == {"total": 4, "hasMore": False, "cursor": None}
    problem(api.call("GET", "/apikeys?name=k1"), 400, "bad_request", field="name")


def test_it_knows_no_key_of_another_tenant(api: Any, rival_api: Any, untouched: Any) -> None:
    with untouched:
        for id in (rival_api.key.pk, "apikey_nobody", "%00", "%ff", "ä"):
            for method in ("GET", "DELETE"):
                problem(api.call(method, f"/apikeys/{id}"), 404, "not_found")
    ids = [k["$id"] for k in answered(api.call("GET", "/apikeys"))["results"]]
    assert ids == [api.key.pk]
    answered(rival_api.call("GET", "/me"))


@pytest.mark.parametrize("scope", ["read", "write"])
def test_it_shows_and_does_nothing_for_a_key_that_is_no_admin(
    scope: str, api: Any, acme: Any, untouched: Any
) -> None:
    key = type(api)(acme, scope)
    with untouched:
        for method, path, body in (
            ("GET", "/apikeys", None),
            ("POST", "/apikeys", {"name": "mine", "scope": "admin"}),
            ("GET", f"/apikeys/{api.key.pk}", None),
            ("GET", "/apikeys/apikey_nobody", None),
            ("DELETE", f"/apikeys/{api.key.pk}", None),
        ):
            problem(key.call(method, path, body), 403, "forbidden", type="ApiKey")


@pytest.mark.parametrize("role", actors.ROLES)
def test_it_serves_members_who_are_admins(
    role: str, acme: Any, rival: Any, api: Any, untouched: Any
) -> None:
    user = User.objects.create_user("ada@acme.example", "pass-word-1")
    Membership.objects.create(user=user, tenant=acme, role=role)
    browser = Client(raise_request_exception=False)
    browser.force_login(user)
    if role == "admin":
        assert len(answered(browser.get("/~acme/apikeys"))["results"]) == 1
    else:
        problem(browser.get("/~acme/apikeys"), 403, "forbidden")
        with untouched:
            response = browser.delete(f"/~acme/apikeys/{api.key.pk}")
            problem(response, 403, "forbidden")
    problem(browser.get("/~rival/apikeys"), 401, "unauthorized")


def test_it_has_no_other_methods(api: Any, untouched: Any) -> None:
    with untouched:
        for method, path in (("POST", f"/apikeys/{api.key.pk}"), ("DELETE", "/apikeys"),
                             ("PATCH", f"/apikeys/{api.key.pk}")):  # fmt: skip
            response = api.call(method, path, {"name": "x"})
            problem(response, 405, "method_not_allowed")
            assert method not in response["Allow"]


def test_it_issues_once_for_an_idempotency_key_and_keeps_no_secret(api: Any) -> None:
    first = api.call("POST", "/apikeys", {"name": "Site"}, Idempotency_Key="k")
    again = api.call("POST", "/apikeys", {"name": "Site"}, Idempotency_Key="k")
    issued = answered(first, 201)
    assert issued.pop("key")
    assert answered(again, 201) == issued and again["Idempotency-Replayed"] == "true"
    assert ApiKey.objects.filter(name="Site").count() == 1


@pytest.mark.parametrize("atomic", [True, False])
def test_it_keeps_no_secret_of_what_a_batch_makes_either(atomic: bool, api: Any) -> None:
    hook = {"url": "https://93.184.216.34/hook", "events": ["*"]}
    body = {
        "atomic": atomic,
        "operations": [
            {"method": "POST", "path": "/leads", "body": {"name": "A", "source": "web"}},
            {"method": "POST", "path": "/apikeys", "body": {"name": "Site"}},
            {"method": "POST", "path": "/webhooks", "body": hook},
            {"method": "DELETE", "path": "/webhooks/webhook_nothing"},
        ][: 3 if atomic else 4],
    }
    first, again = (api.call("POST", "/batch", body, Idempotency_Key="k") for _ in range(2))
    lead, issued, made, *_ = (each["body"] for each in answered(first)["results"])
    assert again["Idempotency-Replayed"] == "true"
    replayed = [each["body"] for each in answered(again)["results"]]
    assert (issued.pop("key"), made.pop("secret")) != (None, None)
    assert replayed[:3] == [lead, issued, made]
    (kept,) = IdempotentReply.objects.values_list("body", flat=True)
    assert b"hly_sk_" not in bytes(kept).replace(issued["hint"].encode(), b"")
    assert b"whsec_" not in bytes(kept)


def test_it_is_unused_until_the_first_request(api: Any) -> None:
    assert ApiKey.objects.get(pk=api.key.pk).last_used_at is None
    (listed,) = answered(api.call("GET", "/apikeys"))["results"]
    assert listed["lastUsedAt"][:10] == (timezone.now() - timedelta(0)).date().isoformat()
