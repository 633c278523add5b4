"""Somebody else's account is not taken, nor looked at, by inviting its owner."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, Membership, User
from headlessly.accounts import factors, invitations
from headlessly.accounts.models import Invitation, SecondFactor
from headlessly.errors import Conflict
from headlessly.log.events import Event
from headlessly.log.names import PASSWORD_CHANGED
from tests.headlessly.accounts.letters import link_in

pytestmark = pytest.mark.attack

EVIL, GOOD = "evil-horse-battery", "good-horse-battery"
MIA = {"email": "mia@next.example", "first_name": "Mia", "role": "manager", "sells": ""}


def admin_of(tenant: Any, email: str) -> Client:
    user = User.objects.create_user(email, first_name=email.split("@")[0])
    Membership.objects.create(user=user, tenant=tenant, role="admin")
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def admins(acme: Any, rival: Any) -> SimpleNamespace:
    return SimpleNamespace(
        acme=admin_of(acme, "mallory@acme.example"), rival=admin_of(rival, "rita@rival.example")
    )


def invite(client: Client, slug: str, **more: str) -> str:
    return client.post(
        f"/~{slug}/admin/settings/members/", MIA | more, follow=True
    ).content.decode()


def choose(client: Client, link: str, password: str) -> Any:
    sent = {"first_name": "M", "new_password1": password, "new_password2": password}
    return client.post(link, sent)


def enters(email: str, password: str, slug: str) -> bool:
    client = Client()
    client.post("/", {"username": email, "password": password})
    return client.get(f"/~{slug}/admin/").status_code == 200


def test_an_admin_who_invites_a_rivals_next_employee_never_reads_the_rival(
    admins, acme, rival, work, mailoutbox, settings
):
    # Without mail Mallory is shown the link, and takes the account for herself.
    settings.MAIL_IS_SET_UP = False
    page = invite(admins.acme, "acme")
    link = re.search(r"data-secret>http://testserver(/invitation/[^<]+)<", page)[1]
    choose(Client(), link, EVIL)
    assert enters("mia@next.example", EVIL, "acme")
    mia = User.objects.get(email="mia@next.example")
    SecondFactor.objects.create(user=mia, kind="totp", name="App", secret=factors.new_totp_key())

    # The rival's invitation is shown to nobody then, and binds nobody.
    assert "data-secret" not in invite(admins.rival, "rival")
    with tenancy.active(rival):
        assert not Membership.objects.filter(user=mia).exists()

    # With mail it goes to Mia herself, and makes the account hers.
    settings.MAIL_IS_SET_UP = True
    invite(admins.rival, "rival")
    work()
    assert choose(Client(), link_in(mailoutbox[-1]), GOOD).status_code == 302
    assert not enters("mia@next.example", EVIL, "rival")
    assert not enters("mia@next.example", EVIL, "acme")
    assert enters("mia@next.example", GOOD, "rival")
    assert not SecondFactor.objects.filter(user=mia).exists()
    # Where the account was before its owner had it, the log says what became of it.
    with tenancy.active(acme), actors.acting(actors.SYSTEM):
        changed = Event.log.get(name=PASSWORD_CHANGED, target=mia.pk)
    assert changed.data == {"byMail": True}


def test_whoever_is_signed_in_by_a_taken_account_gets_no_second_tenant(
    admins, acme, rival, settings
):
    settings.MAIL_IS_SET_UP = False
    page = invite(admins.acme, "acme")
    link = re.search(r"data-secret>http://testserver(/invitation/[^<]+)<", page)[1]
    choose(Client(), link, EVIL)
    invite(admins.rival, "rival")
    mia = User.objects.get(email="mia@next.example")
    with tenancy.active(rival):
        with pytest.raises(Conflict):
            invitations.accept_signed_in(Invitation.objects.get(tenant=rival), mia)
        with pytest.raises(ValidationError):
            Membership.objects.create(user=mia, tenant=rival, role="admin")
        assert not Membership.objects.filter(user__email="mia@next.example").exists()


def test_no_membership_is_there_before_its_own_invitation_is_accepted(
    admins, acme, rival, work, mailoutbox
):
    invite(admins.acme, "acme")
    invite(admins.rival, "rival")
    work()
    of_acme, of_rival = map(link_in, mailoutbox)
    assert choose(Client(), of_rival, GOOD).status_code == 302
    assert not Membership.objects.filter(tenant=acme, user__email="mia@next.example").exists()
    # The account is proven: acme's link is for whoever signs in with it.
    assert choose(Client(), of_acme, EVIL).headers["Location"].startswith("/?next=/invitation/")
    assert enters("mia@next.example", GOOD, "rival")
    other = Client()
    other.force_login(User.objects.get(email="mallory@acme.example"))
    assert other.post(of_acme).status_code == 409
    mia = Client()
    mia.force_login(User.objects.get(email="mia@next.example"))
    assert mia.post(of_acme).status_code == 302
    assert enters("mia@next.example", GOOD, "acme")


def test_an_admin_is_told_the_same_of_an_account_elsewhere_and_of_none(admins, acme, rival):
    user = User.objects.create_user("known@next.example", first_name="Secret", last_name="Name")
    Membership.objects.create(user=user, tenant=rival, role="rep")
    user.last_login = user.date_joined
    user.save()
    known = invite(admins.acme, "acme", email="known@next.example")
    unknown = invite(admins.acme, "acme", email="nobody@next.example")
    clean = lambda page: re.sub(  # noqa: E731
        r"known@next|nobody@next|invitation_\w+|csrf\w+\" value=\"\w+|data-\w+=\"[^\"]*\"", "", page
    )
    assert "Secret" not in known
    rows = lambda page: clean(page).count("<li>")  # noqa: E731
    assert rows(unknown) == rows(known) + 1  # the first invitation is still on the page
    assert "on its way" in known and "on its way" in unknown


def test_an_admin_blocks_no_other_tenants_admin_from_helping(
    admins, acme, rival, work, mailoutbox, settings
):
    user = User.objects.create_user("rep@rival.example", first_name="Rep")
    place = Membership.objects.create(user=user, tenant=rival, role="rep")
    help = f"/~rival/admin/settings/members/{place.pk}/link/"
    invite(admins.acme, "acme", email="rep@rival.example")
    assert "on its way" in admins.rival.post(help, follow=True).content.decode()
    settings.MAIL_IS_SET_UP = False
    assert "data-secret" in admins.rival.post(help).content.decode()


def test_a_members_keys_end_with_their_place_and_with_their_role(admins, acme):
    user = User.objects.create_user("key@acme.example")
    place = Membership.objects.create(user=user, tenant=acme, role="admin")
    of_admin, _secret = ApiKey.issue(acme, "one", "admin", user=user)
    of_viewer, _secret = ApiKey.issue(acme, "two", "read", user=user)
    service, _secret = ApiKey.issue(acme, "three", "admin")
    place.role = "viewer"
    place.save()
    standings = lambda: [  # noqa: E731
        ApiKey.objects.get(pk=key.pk).standing for key in (of_admin, of_viewer, service)
    ]
    assert standings() == ["revoked", "valid", "valid"]
    place.delete()
    assert standings() == ["revoked", "revoked", "valid"]
