"""The operator's pages: tenants, users, memberships and keys, for superusers only."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from headlessly.access.models import ApiKey, Membership, Tenant, User
from tests.headlessly.admin.signed_in import client_of

PAGES = [
    "",
    "installation/",
    *(f"headlessly/{m}/" for m in ("tenant", "user", "membership", "apikey")),
]


@pytest.fixture
def olga(users):
    return client_of(users.olga)


@pytest.mark.parametrize("rest", PAGES)
def test_is_for_superusers_only(users, rest):
    assert Client().get(f"/admin/{rest}").headers["Location"] == f"/?next=/admin/{rest}"
    assert client_of(users.ann).get(f"/admin/{rest}").status_code == 404
    assert client_of(users.olga).get(f"/admin/{rest}").status_code == 200


@pytest.mark.parametrize("rest", ["crm/lead/", "headlessly/event/", "marketing/campaign/"])
def test_has_no_tenants_records(olga, rest):
    assert olga.get(f"/admin/{rest}").status_code == 404


def test_creates_a_tenant_and_keeps_its_address(olga):
    olga.post("/admin/headlessly/tenant/add/", {"name": "Nova", "slug": "nova"})
    tenant = Tenant.find_by_slug("nova")
    assert tenant.name == "Nova"
    change = f"/admin/headlessly/tenant/{tenant.pk}/change/"
    assert re.findall('name="(_[a-z]+)"', olga.get(change).content.decode()) == ["_save"]
    olga.post(change, {"name": "Nova Ltd", "slug": "other"})
    tenant.refresh_from_db()
    assert (tenant.name, tenant.slug) == ("Nova Ltd", "nova")


@pytest.mark.parametrize("slug", ["Nova", "a b", "-x", "acme", ""])
def test_refuses_a_slug_that_is_none_or_taken(olga, slug):
    before = Tenant.objects.count()
    response = olga.post("/admin/headlessly/tenant/add/", {"name": "N", "slug": slug})
    assert response.status_code == 200
    assert Tenant.objects.count() == before


def test_nothing_deletes_a_tenant_or_a_user(olga, acme, users):
    for address in (f"tenant/{acme.pk}", f"user/{users.bob.pk}"):
        assert olga.post(f"/admin/headlessly/{address}/delete/", {"post": "yes"}).status_code == 403
    for model, pk in (("tenant", acme.pk), ("user", users.bob.pk)):
        olga.post(
            f"/admin/headlessly/{model}/",
            {"action": "delete_selected", "_selected_action": pk, "post": "yes"},
        )
    assert Tenant.find_by_slug("acme")
    assert User.objects.filter(pk=users.bob.pk).exists()


def test_creates_a_user_who_can_sign_in(olga):
    olga.post(
        "/admin/headlessly/user/add/",
        {"email": "new@sign.example", "first_name": "New", "password1": "right-horse-battery",
         "password2": "right-horse-battery", "usable_password": "true"},
    )  # fmt: skip
    client = Client()
    client.post("/", {"username": "new@sign.example", "password": "right-horse-battery"})
    assert client.get("/").status_code == 200
    assert "does not belong" in client.get("/").content.decode()


@pytest.mark.parametrize("password", ["short", "password", "12345678901"])
def test_refuses_a_weak_password(olga, password):
    response = olga.post(
        "/admin/headlessly/user/add/",
        {"email": "new@sign.example", "password1": password, "password2": password,
         "usable_password": "true"},
    )  # fmt: skip
    assert response.status_code == 200
    assert not User.objects.filter(email="new@sign.example").exists()


def test_refuses_an_email_that_is_taken_whatever_its_case(olga, users):
    response = olga.post(
        "/admin/headlessly/user/add/",
        {"email": "BOB@sign.example", "password1": "right-horse-battery",
         "password2": "right-horse-battery", "usable_password": "true"},
    )  # fmt: skip
    assert response.status_code == 200
    assert User.objects.filter(email__iexact="bob@sign.example").count() == 1


def test_makes_a_member_and_links_them_to_their_contact(olga, users, acme, people):
    olga.post(
        "/admin/headlessly/membership/add/",
        {"user": users.nobody.pk, "tenant": acme.pk, "role": "rep", "person": "ADA@acme.example"},
    )
    membership = Membership.objects.get(user=users.nobody)
    assert (membership.role, membership.contact_id) == ("rep", people.ada.pk)


def test_refuses_another_tenants_contact(olga, users, acme, theirs):
    for person in (theirs.eve.pk, "eve@rival.example", "nobody@nowhere.example"):
        response = olga.post(
            "/admin/headlessly/membership/add/",
            {"user": users.nobody.pk, "tenant": acme.pk, "role": "rep", "person": person},
        )
        assert "has no contact" in response.content.decode()
    assert not Membership.objects.filter(user=users.nobody).exists()


def test_changing_a_role_keeps_the_contact(olga, users, people):
    membership = users.bob.memberships.get()
    address = f"/admin/headlessly/membership/{membership.pk}/change/"
    shown = olga.get(address).content.decode()
    assert people.bob.pk in shown
    olga.post(address, {"role": "manager", "person": people.bob.pk})
    membership.refresh_from_db()
    assert (membership.role, membership.contact_id) == ("manager", people.bob.pk)


def test_shows_a_new_key_once_and_never_again(olga, acme):
    response = olga.post(
        "/admin/headlessly/apikey/add/",
        {"tenant": acme.pk, "name": "site", "scope": "write", "rate_limit": 7},
    )
    secret = re.search(r"data-secret>([^<]+)<", response.content.decode()).group(1)
    key = ApiKey.find_valid(secret)
    assert key and key.rate_limit == 7
    assert (key.name, key.scope, key.tenant_id) == ("site", "write", acme.pk)
    assert "no-store" in response.headers["Cache-Control"]
    for address in ("/admin/headlessly/apikey/", f"/admin/headlessly/apikey/{key.pk}/change/"):
        assert secret not in olga.get(address).content.decode()
    assert secret not in str(dict(olga.session.items()))


def test_a_key_is_never_edited_or_deleted(olga, acme):
    key, _ = ApiKey.issue(acme, "site", "read")
    change = f"/admin/headlessly/apikey/{key.pk}/change/"
    assert olga.post(change, {"scope": "admin", "name": "x", "tenant": acme.pk}).status_code == 403
    assert olga.post(change.replace("change", "delete"), {"post": "yes"}).status_code == 403
    key.refresh_from_db()
    assert (key.scope, key.name) == ("read", "site")


def test_revokes_a_key_by_post_only(olga, acme):
    key, secret = ApiKey.issue(acme, "site")
    address = f"/admin/headlessly/apikey/{key.pk}/revoke/"
    assert olga.get(address).status_code == 405
    assert ApiKey.find_valid(secret)
    olga.post(address)
    assert ApiKey.find_valid(secret) is None
    assert olga.post("/admin/headlessly/apikey/apikey_none/revoke/").status_code == 404


def test_it_shows_tenants_by_size_what_waits_slow_routes_and_versions(olga, acme, rival, lead):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE headlessly_event, crm_lead")
    Tenant.objects.filter(pk=rival.pk).update(log_cluster="closed")
    olga.get("/admin/")
    page = olga.get("/admin/installation/").content.decode()
    text = re.sub(r"<[^>]+>", " ", page)
    assert page.index("/~acme") < page.index("/~rival")  # the larger one first
    assert "closed: it moves, or has moved" in text
    assert "Jobs in line" in text and "PostgreSQL" in text
    assert "/admin/" in page[page.index("Slow routes") :]
    assert lead.name not in text


def test_its_work_does_not_grow_with_the_tenants(olga, django_assert_max_num_queries, acme):
    for number in range(60):
        Tenant.objects.create(slug=f"t{number}", name=f"Tenant {number}")
    with django_assert_max_num_queries(25):
        page = olga.get("/admin/installation/").content.decode()
    assert page.count("<small>/~") == 50
