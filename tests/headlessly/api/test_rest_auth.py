"""Who gets in: keys and members of this tenant; and what they may do there."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from headlessly.access import actors
from headlessly.access.models import ApiKey, Membership, User
from tests.answered import answered, problem, unchanged


def strangers_answer(response: Any) -> dict[str, Any]:
    """The one answer to strangers, without the request's id."""
    found = problem(response, 401, "unauthorized")
    assert response["WWW-Authenticate"] == "Bearer"
    return found | {"requestId": None}


@pytest.fixture
def refusal(client: Client, acme: Any) -> dict[str, Any]:
    return strangers_answer(client.get("/~acme/leads"))


@pytest.fixture
def member(acme: Any) -> Any:
    """Makes a browser, signed in as a member of acme with this role, that checks CSRF tokens."""

    def make(role: str, tenant: Any = acme, **more: Any) -> Client:
        user = User.objects.create_user(f"{role}@acme.example", "pass-word-1")
        if tenant is not None:
            Membership.objects.create(user=user, tenant=tenant, role=role, **more)
        browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
        browser.force_login(user)
        browser.user = user
        return browser

    return make


def token(browser: Client) -> dict[str, str]:
    """The CSRF token's header, as a page of the site would send it."""
    from django.middleware.csrf import _get_new_csrf_string

    browser.cookies["csrftoken"] = value = _get_new_csrf_string()
    return {"X-CSRFToken": value}


# -- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer nonsense", "Basic YTpi", "Bearer hly_sk_", "hly_sk_x",
     "Bearer \xff\xfe", "Bearer a b c", "Bearer " + "x" * 5000],
)  # fmt: skip
def test_it_answers_strangers_all_the_same(header: str, client: Client, refusal: Any) -> None:
    response = client.get("/~acme/leads", headers={"Authorization": header})
    assert strangers_answer(response) == refusal


def test_it_takes_a_key_at_its_own_tenant_only(
    api: Any, rival_api: Any, client: Client, refusal: Any, acme: Any
) -> None:
    answered(api.call("GET", "/leads"))
    for tenant in ("rival", "nobody", "", "acme%00", "Acme", "~acme"):
        for path in ("/leads", "/nothing", "/me", "/schema"):
            response = client.get(
                f"/~{tenant}{path}", headers={"Authorization": f"Bearer {api.secret}"}
            )
            assert strangers_answer(response) == refusal, (tenant, path)


def test_it_takes_no_key_that_is_revoked_or_expired(api: Any, acme: Any, refusal: Any) -> None:
    _, secret = ApiKey.issue(acme, "old", expires_at=timezone.now() - timedelta(seconds=1))
    api.secret, valid = secret, api.secret
    assert strangers_answer(api.call("GET", "/leads")) == refusal
    api.secret = valid
    answered(api.call("GET", "/leads"))
    ApiKey.objects.filter(pk=api.key.pk).update(revoked_at=timezone.now())
    with unchanged():
        body = {"name": "x", "source": "y"}
        assert strangers_answer(api.call("POST", "/leads", body)) == refusal


def test_it_finds_out_where_who_asks_and_how_often_with_two_statements(
    api: Any, django_assert_num_queries: Any
) -> None:
    api.call("GET", "/schema")
    with django_assert_num_queries(2):  # the tenant of the address, and the key with its count
        answered(api.call("GET", "/schema"))


@pytest.mark.parametrize(
    ("scope", "role"), [("read", "viewer"), ("write", "manager"), ("admin", "admin")]
)
def test_it_gives_a_key_the_role_of_its_scope(
    scope: str, role: str, api: Any, acme: Any, people: Any
) -> None:
    key = type(api)(acme, scope)
    me = answered(key.call("GET", "/me"))
    assert (me["$id"], me["$type"], me["scope"], me["role"]) == (key.key.pk, "ApiKey", scope, role)
    assert me["tenant"] == {
        "slug": "acme", "name": "Acme", "currency": "USD", "fiscalYearBegins": 1
    }  # fmt: skip
    if scope != "read":
        body = {"name": "Inbound", "source": "website"}
        assert answered(key.call("POST", "/leads", body), 201)["$createdBy"] == key.key.pk


# -- members --------------------------------------------------------------------------------------


def test_it_takes_the_session_of_a_member(member: Any, people: SimpleNamespace) -> None:
    browser = member(actors.REP, contact=people.bob)
    me = answered(browser.get("/~acme/me"))
    assert (me["$id"], me["$type"], me["role"]) == (browser.user.pk, "User", "rep")
    assert me["contact"] == people.bob.pk
    assert "delete" not in me["may"]["Lead"]
    assert me["may"]["Campaign"] == []
    answered(browser.get("/~acme/leads"))


def test_it_takes_no_change_from_a_browser_without_the_csrf_token(member: Any, lead: Any) -> None:
    browser = member(actors.REP)
    address = f"/~acme/leads/{lead.pk}"
    with unchanged():
        for method in ("post", "patch", "put", "delete"):
            response = getattr(browser, method)(
                address + ("/lose" if method == "post" else ""),
                {"lostReason": "x"},
                content_type="application/json",
            )
            problem(response, 403, "forbidden")
    response = browser.post(
        f"{address}/lose",
        {"lostReason": "No budget"},
        content_type="application/json",
        headers=token(browser),
    )
    assert answered(response)["lostReason"] == "No budget"
    assert lead.history(lead.pk)[0].actor == browser.user.pk


def test_it_takes_no_session_of_somebody_who_is_not_a_member(
    member: Any, rival: Any, refusal: Any
) -> None:
    browser = member(actors.ADMIN, rival)
    answered(browser.get("/~rival/leads"))
    assert strangers_answer(browser.get("/~acme/leads")) == refusal
    assert strangers_answer(browser.get("/~nobody/leads")) == refusal
    User.objects.filter(pk=browser.user.pk).update(is_superuser=True, is_staff=True)
    assert strangers_answer(browser.get("/~acme/leads")) == refusal


def test_it_looks_at_no_session_beside_a_key(member: Any, refusal: Any) -> None:
    browser = member(actors.ADMIN)
    response = browser.get("/~acme/leads", headers={"Authorization": "Bearer wrong"})
    assert strangers_answer(response) == refusal


def test_it_lets_everyone_do_what_their_role_may(member: Any, lead: Any) -> None:
    body = {"content_type": "application/json"}
    rep, viewer = member(actors.REP), member(actors.VIEWER)
    answered(rep.patch(f"/~acme/leads/{lead.pk}", {"score": 5}, headers=token(rep), **body))
    with unchanged():
        address = f"/~acme/leads/{lead.pk}"
        problem(rep.delete(address, headers=token(rep)), 403, "forbidden", type="Lead")
        campaign = {"name": "Mine"}
        response = rep.post("/~acme/campaigns", campaign, headers=token(rep), **body)
        problem(response, 403, "forbidden", type="Campaign")
        response = viewer.patch(address, {"score": 6}, headers=token(viewer), **body)
        problem(response, 403, "forbidden")
        response = viewer.post("/~acme/events", {"name": "x"}, headers=token(viewer), **body)
        problem(response, 403, "forbidden")
    answered(viewer.get(address))


def test_it_leaves_nobody_acting_after_a_request(api: Any, acme: Any) -> None:
    with actors.acting(None):
        answered(api.call("GET", "/me"))
        assert actors.current_or_none() is None
