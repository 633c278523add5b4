"""The tenant's settings: for its admins, and for nobody else."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from crm import Contact, ExchangeRate
from headlessly.access import actors
from headlessly.access.models import ApiKey, Membership, User
from tests.headlessly.admin.signed_in import client_of

PLACES = ("", "members/", "keys/")
INVITATION = {"email": "new@sign.example", "first_name": "Nora", "role": "rep", "sells": "on"}


def at(rest: str = "") -> str:
    return f"/~acme/admin/settings/{rest}"


@pytest.mark.parametrize("place", PLACES)
def test_it_is_for_admins(place, users, ann, bob, cleo, vic):
    assert ann.get(at(place)).status_code == 200
    for client in (bob, cleo, vic):
        assert client.get(at(place)).status_code == 403
        assert client.post(at(place), {"name": "Mine"}).status_code == 403
        assert at() not in client.get("/~acme/admin/").content.decode()
    assert client_of(users.eve).get(at(place)).status_code == 404
    assert at() in ann.get("/~acme/admin/").content.decode()


def test_it_says_whether_reps_are_limited(ann, acme, bob, people):
    Contact.update(people.ada.pk, owner=people.cleo)
    page = f"/~acme/admin/crm/contact/{people.ada.pk}/change/"
    assert bob.get(page).status_code == 200
    assert ann.post(at(), {"name": "Acme Inc", "limits_reps": "on"}).status_code == 302
    acme.refresh_from_db()
    assert (acme.name, acme.limits_reps) == ("Acme Inc", True)
    assert bob.get(page).status_code == 404
    assert ann.post(at(), {"name": ""}).status_code == 422
    acme.refresh_from_db()
    assert acme.name == "Acme Inc"


def test_it_has_a_currency_that_stays_once_there_are_rates(ann, acme):
    form = {"name": "Acme", "currency": "EUR"}
    assert ann.post(at(), form).status_code == 302
    acme.refresh_from_db()
    assert acme.currency == "EUR"
    ExchangeRate.create(currency="USD", day="2026-01-01", rate=0.9)
    refused = ann.post(at(), form | {"currency": "CHF"})
    assert refused.status_code == 422
    assert "There are exchange rates to EUR (1). Delete them first" in refused.content.decode()
    assert ann.post(at(), form | {"currency": "Euro"}).status_code == 422
    acme.refresh_from_db()
    assert acme.currency == "EUR"


# -- members --------------------------------------------------------------------------------------


def link_in(response: Any) -> str:
    return re.search(r"data-secret>http://testserver(/welcome/[^<]+)<", response.content.decode())[
        1
    ]


def test_it_invites_somebody_who_chooses_a_password_and_comes_in(ann, acme):
    link = link_in(ann.post(at("members/"), INVITATION))
    member = Membership.objects.get(user__email="new@sign.example")
    assert (member.tenant, member.role) == (acme, "rep")
    contact = Contact.get(member.contact_id)
    assert (contact.email, contact.stage) == ("new@sign.example", "Partner")
    assert not member.user.has_usable_password()

    nora = Client()
    assert "Choose a password" in nora.get(link).content.decode()
    wrong = nora.post(link, {"new_password1": "short", "new_password2": "short"})
    assert wrong.status_code == 422
    right = {"new_password1": "right-horse-battery", "new_password2": "right-horse-battery"}
    assert nora.post(link, right).status_code == 302
    assert nora.get("/~acme/admin/").status_code == 200
    assert nora.get(at()).status_code == 403
    again = Client().get(link)
    assert again.status_code == 404 and "does not work" in again.content.decode()


def test_it_links_an_invited_rep_to_the_contact_they_are(ann, people):
    ann.post(at("members/"), INVITATION | {"email": "ADA@acme.example"})
    assert Membership.objects.get(user__first_name="Nora").contact_id == people.ada.pk
    ann.post(at("members/"), INVITATION | {"email": "viewer@sign.example", "sells": ""})
    assert Membership.objects.get(user__email="viewer@sign.example").contact_id is None


def test_it_hands_out_no_password_of_somebody_who_is_at_home_elsewhere(ann, acme, users, rival):
    before = User.objects.count()
    answer = ann.post(at("members/"), INVITATION | {"email": "Eve@sign.example"}, follow=True)
    assert "data-secret" not in answer.content.decode()
    assert User.objects.count() == before
    member = Membership.objects.get(user=users.eve, tenant=acme)
    assert ann.post(at(f"members/{member.pk}/link/")).status_code == 404
    olga = Membership.objects.create(user=users.olga, tenant=acme, role="viewer")
    assert ann.post(at(f"members/{olga.pk}/link/")).status_code == 404


def test_its_link_is_void_once_the_user_belongs_to_another_tenant_or_time_is_over(
    ann, rival, settings
):
    link = link_in(ann.post(at("members/"), INVITATION))
    user = User.objects.get(email="new@sign.example")
    other = Membership.objects.create(user=user, tenant=rival, role="rep")
    assert Client().get(link).status_code == 404
    other.delete()
    assert Client().get(link).status_code == 200
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert Client().get(link).status_code == 404
    for wrong in ("/welcome/user_x/abc-def", "/welcome/%00/abc-def", link + "x"):
        assert Client().get(wrong).status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "nonsense"), ("email", ""), ("email", "bob@sign.example"), ("first_name", ""),
        ("role", "owner"), ("role", ""), ("email", "a\0@b.example"),
    ],
)  # fmt: skip
def test_it_says_what_is_wrong_with_an_invitation(field, value, ann):
    before = User.objects.count(), Membership.objects.count()
    response = ann.post(at("members/"), INVITATION | {field: value})
    assert response.status_code == 422
    assert response.context["form"].errors.keys() == {field}
    assert (User.objects.count(), Membership.objects.count()) == before


def test_it_changes_a_role_and_a_contact(ann, users, people, theirs):
    member = users.bob.memberships.get()
    place = at(f"members/{member.pk}/")
    known = people.bob.email or people.bob.pk
    assert f'value="{known}"' in ann.get(place).content.decode()
    for contact in (theirs.eve.pk, "eve@rival.example", "x\0"):
        assert ann.post(place, {"role": "rep", "contact": contact}).status_code == 422
    ann.post(place, {"role": "manager", "contact": "ada@acme.example"})
    member.refresh_from_db()
    assert (member.role, member.contact_id) == ("manager", people.ada.pk)
    page = ann.get(place).content.decode()
    assert 'value="ada@acme.example"' in page and people.ada.pk not in page


def test_it_removes_a_member_at_once(ann, bob, users):
    member = users.bob.memberships.get()
    assert bob.get("/~acme/admin/").status_code == 200
    assert ann.get(at(f"members/{member.pk}/remove/")).status_code == 405
    ann.post(at(f"members/{member.pk}/remove/"))
    assert bob.get("/~acme/admin/").status_code == 404
    assert User.objects.filter(pk=users.bob.pk).exists()


def test_it_keeps_one_admin(ann, users):
    member = users.ann.memberships.get()
    ann.post(at(f"members/{member.pk}/remove/"))
    assert ann.post(at(f"members/{member.pk}/"), {"role": "rep"}).status_code == 422
    member.refresh_from_db()
    assert member.role == "admin"


def test_it_shows_no_members_of_another_tenant(ann, users, rival):
    assert "eve@sign.example" not in ann.get(at("members/")).content.decode()
    eve = Membership.objects.get(tenant=rival)
    for rest in ("", "remove/", "link/"):
        assert ann.post(at(f"members/{eve.pk}/{rest}"), {"role": "rep"}).status_code == 404
    assert Membership.objects.filter(pk=eve.pk, role="admin").exists()


# -- keys -----------------------------------------------------------------------------------------


def test_it_issues_a_key_that_works_and_shows_it_once(ann, acme):
    response = ann.post(at("keys/"), {"name": "Zapier", "scope": "read", "expires": "30"})
    secret = re.search(r"data-secret>(hly_sk_[^<]+)<", response.content.decode())[1]
    assert "no-store" in response.headers["Cache-Control"]
    key = ApiKey.find_valid(secret)
    assert (key.tenant, key.name, key.scope) == (acme, "Zapier", "read")
    assert key.actor.role == actors.VIEWER
    assert timedelta(days=29) < key.expires_at - timezone.now() < timedelta(days=31)
    assert secret not in ann.get(at("keys/")).content.decode()
    assert (
        Client().get("/~acme/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    )


@pytest.mark.parametrize(("field", "value"), [("name", ""), ("scope", "root"), ("expires", "7")])
def test_it_issues_no_key_like(field, value, ann):
    sent = {"name": "Zapier", "scope": "write", "expires": ""} | {field: value}
    assert ann.post(at("keys/"), sent).status_code == 422
    assert not ApiKey.objects.exists()


def test_it_revokes_a_key_of_its_own(ann, acme, rival):
    key, secret = ApiKey.issue(acme, "Zapier")
    other, _ = ApiKey.issue(rival, "Theirs")
    assert ann.get(at(f"keys/{key.pk}/revoke/")).status_code == 405
    assert ann.post(at(f"keys/{other.pk}/revoke/")).status_code == 404
    assert "Theirs" not in ann.get(at("keys/")).content.decode()
    ann.post(at(f"keys/{key.pk}/revoke/"))
    assert ApiKey.find_valid(secret) is None
    other.refresh_from_db()
    assert other.standing == "valid"


def test_it_asks_as_much_for_many_members_and_keys_as_for_few(
    ann, acme, people, django_assert_max_num_queries
):
    for number in range(20):
        user = User.objects.create_user(f"u{number}@sign.example")
        Membership.objects.create(user=user, tenant=acme, role="rep", contact=people.ada)
        ApiKey.issue(acme, f"Key {number}")
    ann.get(at())
    for place in PLACES:
        with django_assert_max_num_queries(9):
            assert ann.get(at(place)).status_code == 200
