"""The tenant's settings: for its admins, and for nobody else."""

from __future__ import annotations

import re
import threading
import time
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.test import Client
from django.utils import timezone

from crm import Contact, ExchangeRate
from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, Membership, User
from headlessly.accounts.models import Invitation
from headlessly.admin.settings.member_forms import hold_admins
from headlessly.log.events import Event
from tests.conftest import Api
from tests.headlessly.accounts.letters import link_in
from tests.headlessly.admin.signed_in import client_of
from tests.headlessly.test_races import at_once

PLACES = ("", "members/", "keys/")
CHOSEN = {
    "first_name": "Nora",
    "new_password1": "right-horse-battery",
    "new_password2": "right-horse-battery",
}
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
    acme.currency = "CHF"
    with tenancy.active(None), pytest.raises(ValidationError, match="exchange rates"):
        acme.clean()
    assert ann.post(at(), form | {"currency": "Euro"}).status_code == 422
    acme.refresh_from_db()
    assert acme.currency == "EUR"


def test_it_says_when_the_fiscal_year_begins(ann, acme):
    assert "Fiscal year begins in" in ann.get(at()).content.decode()
    for sent, month in (({"fiscal_year_begins": "4"}, 4), ({}, 4), ({"fiscal_year_begins": ""}, 4)):
        assert ann.post(at(), {"name": "Acme"} | sent).status_code == 302
        acme.refresh_from_db()
        assert acme.fiscal_year_begins == month
    for month in ("0", "13", "April"):
        assert ann.post(at(), {"name": "Acme", "fiscal_year_begins": month}).status_code == 422
    assert Api(acme).call("GET", "/me").json()["tenant"]["fiscalYearBegins"] == 4
    changed = Event.objects.filter(name="Settings.Changed").order_by("-seq").first()
    assert changed.data["fiscal_year_begins"] == 4
    assert changed.previous["fiscal_year_begins"] == 1


# -- members --------------------------------------------------------------------------------------


def test_it_invites_somebody_by_mail_who_chooses_a_password_and_comes_in(
    ann, acme, work, mailoutbox
):
    page = ann.post(at("members/"), INVITATION, follow=True).content.decode()
    assert "on its way to new@sign.example" in page and "data-secret" not in page
    assert not User.objects.filter(email="new@sign.example").exists()
    work()
    (letter,) = mailoutbox
    assert letter.to == ["new@sign.example"] and "Acme invites you" in letter.subject
    link = link_in(letter)

    nora = Client()
    assert "Welcome to Acme" in nora.get(link).content.decode()
    wrong = nora.post(link, CHOSEN | {"new_password1": "short", "new_password2": "short"})
    assert wrong.status_code == 422
    assert not Membership.objects.filter(user__email="new@sign.example").exists()
    assert nora.post(link, CHOSEN).status_code == 302
    member = Membership.objects.get(user__email="new@sign.example")
    assert (member.tenant, member.role) == (acme, "rep")
    contact = Contact.get(member.contact_id)
    assert (contact.email, contact.stage) == ("new@sign.example", "Partner")
    assert member.user.email_proven_at is not None
    assert nora.get("/~acme/admin/").status_code == 200
    assert nora.get(at()).status_code == 403
    again = Client().get(link)
    assert again.status_code == 404 and "does not work" in again.content.decode()


def test_it_links_an_invited_rep_to_the_contact_they_are(ann, people):
    ann.post(at("members/"), INVITATION | {"email": "ADA@acme.example"})
    assert Invitation.objects.get(email="ada@acme.example").contact_id == people.ada.pk
    ann.post(at("members/"), INVITATION | {"email": "viewer@sign.example", "sells": ""})
    assert Invitation.objects.get(email="viewer@sign.example").contact_id is None
    ann.post(at("members/"), INVITATION)
    colleague = Contact.get(Invitation.objects.get(email="new@sign.example").contact_id)
    assert colleague.stage == "Partner", "a colleague is no prospect"


def test_it_invites_again_and_the_link_before_is_void(ann, acme, work, mailoutbox):
    ann.post(at("members/"), INVITATION)
    work()
    invitation = Invitation.objects.get()
    assert "new@sign.example" in ann.get(at("members/")).content.decode()
    ann.post(at(f"invitations/{invitation.pk}/again/"))
    work()
    first, second = map(link_in, mailoutbox)
    assert Client().get(first).status_code == 404
    assert Client().get(second).status_code == 200
    ann.post(at(f"invitations/{invitation.pk}/withdraw/"))
    assert Client().get(second).status_code == 404
    ann.get(at("members/"))  # says that it is withdrawn
    assert "new@sign.example" not in ann.get(at("members/")).content.decode()


def test_its_invitation_ends_after_a_time(ann, acme, work, mailoutbox):
    ann.post(at("members/"), INVITATION)
    work()
    link = link_in(mailoutbox[0])
    Invitation.objects.update(expires_at=timezone.now())
    assert Client().get(link).status_code == 404
    assert Client().post(link, CHOSEN).status_code == 404
    for wrong in ("/invitation/invitation_x/abc", "/invitation/%00/abc", link + "x"):
        assert Client().get(wrong).status_code == 404
    assert not Membership.objects.filter(user__email="new@sign.example").exists()


def test_it_has_a_member_sent_a_link_whose_page_it_does_not_see(
    ann, acme, users, rival, work, mailoutbox
):
    Membership.objects.create(user=users.bob, tenant=rival, role="viewer")
    member = users.bob.memberships.get(tenant=acme)
    assert "Send a link" in ann.get(at(f"members/{member.pk}/")).content.decode()
    page = ann.post(at(f"members/{member.pk}/link/"), follow=True).content.decode()
    assert "on its way to bob@sign.example" in page and "data-secret" not in page
    work()
    (letter,) = mailoutbox
    assert letter.to == ["bob@sign.example"] and "Ann has this link sent" in letter.body


def test_it_shows_links_where_no_mail_is_set_up_to_those_of_this_tenant_alone(
    ann, acme, users, rival, settings
):
    settings.MAIL_IS_SET_UP = False
    page = ann.post(at("members/"), INVITATION).content.decode()
    link = re.search(r"data-secret>http://testserver(/invitation/[^<]+)<", page)[1]
    assert Client().post(link, CHOSEN).status_code == 302
    assert User.objects.get(email="new@sign.example").email_proven_at is None

    answer = ann.post(at("members/"), INVITATION | {"email": "Eve@sign.example"}, follow=True)
    assert "data-secret" not in answer.content.decode()
    assert "No mail is set up here" in answer.content.decode()

    member = users.bob.memberships.get()
    page = ann.post(at(f"members/{member.pk}/link/")).content.decode()
    assert re.search(r"data-secret>http://testserver/password/", page)
    Membership.objects.create(user=users.bob, tenant=rival, role="viewer")
    assert ann.post(at(f"members/{member.pk}/link/")).status_code == 404
    olga = Membership.objects.create(user=users.olga, tenant=acme, role="viewer")
    assert ann.post(at(f"members/{olga.pk}/link/")).status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "nonsense"), ("email", ""), ("email", "bob@sign.example"), ("first_name", ""),
        ("role", "owner"), ("role", ""), ("email", "a\0@b.example"), ("email", "b\u0131b@sign.example"),
    ],
)  # fmt: skip
def test_it_says_what_is_wrong_with_an_invitation(field, value, ann):
    before = User.objects.count(), Membership.objects.count(), Invitation.objects.count()
    response = ann.post(at("members/"), INVITATION | {field: value})
    assert response.status_code == 422
    assert response.context["form"].errors.keys() == {field}
    now = User.objects.count(), Membership.objects.count(), Invitation.objects.count()
    assert now == before


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
    assert 'value="ada@acme.example"' in page
    assert f'hand-over/?of={people.ada.pk}"' in page, "what is theirs can be handed over first"
    assert people.ada.pk not in re.sub(r'href="[^"]*"', "", page)


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


@pytest.mark.parametrize("place", ["remove/", ""])
@pytest.mark.django_db(transaction=True)
def test_two_admins_who_let_go_of_one_another_at_once_leave_one(ann, users, place):
    cleo = users.cleo.memberships.get()
    cleo.role, cleo.seen_at = "admin", timezone.now()
    cleo.save()
    member, other, begun = users.ann.memberships.get(), client_of(users.cleo), threading.Event()

    def let_cleo_go():
        with transaction.atomic():
            hold_admins()
            Membership.objects.get(pk=cleo.pk).delete()
            begun.set()
            time.sleep(0.5)

    def let_ann_go():
        begun.wait(30)
        return other.post(at(f"members/{member.pk}/{place}"), {"role": "rep"}).status_code

    at_once(let_cleo_go, let_ann_go)
    assert list(Membership.objects.filter(role="admin").values_list("pk")) == [(member.pk,)]


def test_it_shows_no_members_of_another_tenant(ann, users, rival):
    assert "eve@sign.example" not in ann.get(at("members/")).content.decode()
    with tenancy.active(rival):
        eve = Membership.objects.get(tenant=rival)
    for rest in ("", "remove/", "link/"):
        assert ann.post(at(f"members/{eve.pk}/{rest}"), {"role": "rep"}).status_code == 404
    with tenancy.active(rival):
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
    with tenancy.active(rival):
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


def test_every_page_is_reached_from_every_other(ann):
    found: set[str] = set()
    for place in (*PLACES, "webhooks/", "log/"):
        html = ann.get(at(place)).content.decode()
        nav = html.split('class="settings-pages"')[1].split("</nav>")[0]
        links = re.findall(r'href="([^"]+)"', nav)
        assert nav.count("aria-current") == 1
        found |= set(links)
        assert set(links) == found
    assert {at(place) for place in (*PLACES, "webhooks/", "log/")} < found
    assert "/~acme/admin/crm/exchangerate/" in found
    for link in found - {"/~acme/docs"}:
        assert ann.get(link).status_code == 200, link


def test_a_list_that_is_a_setting_stands_within_the_settings(ann, cleo, bob):
    def menu(client: Any, place: str) -> str:
        html = client.get(urljoin("/~acme/admin/crm/", place)).content.decode()
        _before, found, rest = html.partition('class="settings-pages"')
        return rest.split("</nav>")[0] if found else ""

    def marked(html: str) -> list[str]:
        return re.findall(r'aria-current="page">([^<]+)</a>', html)

    for place, title in {
        "gate/": "Gates",
        "pipeline/?view=all": "Pipelines",
        "rule/?kind=Score": "Rules: Score",
    }.items():
        assert marked(menu(ann, place)) == [title]
    assert "<summary>Settings: <b>Rules</b></summary>" in menu(ann, "rule/"), "on a phone"
    assert marked(menu(ann, "rule/")) == [] and "Rules: Score" in menu(ann, "rule/")
    assert "API keys" in menu(ann, "gate/")
    # Whoever sets it up and is no admin is led to no page that is closed to them; whoever reads it, nowhere.
    links = re.findall(r'href="([^"]+)"', menu(cleo, "gate/"))
    assert "/~acme/admin/crm/pipeline/" in links and at() not in links
    for link in links:
        assert cleo.get(link).status_code == 200, link
    assert menu(bob, "gate/") == "" and menu(ann, "lead/?view=all") == ""
    # So do its records, their forms, and the other pages that the menu leads to.
    from crm import Team

    team = Team.create(name="North")
    for page in ("add/", f"{team.pk}/change/", f"{team.pk}/edit/", f"{team.pk}/delete/"):
        assert marked(menu(ann, f"team/{page}")) == ["Teams"], page
        assert menu(bob, f"team/{page}") == "", page
    assert marked(menu(ann, "../imports/")) == marked(menu(cleo, "../imports/")) == ["Imports"]
    assert marked(menu(ann, "../account/")) == ["Your sign-in"]
    assert menu(bob, "../imports/") == menu(bob, "../account/") == ""
