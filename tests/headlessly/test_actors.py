"""Who may do what: one table, one decision."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from crm import Activity, Contact, Deal, Lead, Organization, Pipeline
from headlessly.access import actors
from headlessly.access.actors import Actor
from headlessly.access.models import ApiKey, Membership, User
from headlessly.errors import Forbidden
from headlessly.log.events import Event
from marketing import Campaign
from tests.refusals import refused

#: noun, verb, then admin, manager, rep, viewer.
TABLE = [
    (Lead, "read", "yes yes yes yes"),
    (Lead, "create", "yes yes yes no"),
    (Lead, "update", "yes yes yes no"),
    (Lead, "convert", "yes yes yes no"),
    (Lead, "lose", "yes yes yes no"),
    (Lead, "rollback", "yes yes yes no"),
    (Lead, "delete", "yes yes no no"),
    (Lead, "restore", "yes yes no no"),
    (Contact, "merge", "yes yes no no"),
    (Contact, "delete", "yes yes no no"),
    (Organization, "enrich", "yes yes yes no"),
    (Deal, "win", "yes yes yes no"),
    (Activity, "log", "yes yes yes no"),
    (Activity, "delete", "yes yes yes no"),
    (Campaign, "read", "yes yes yes yes"),
    (Campaign, "launch", "yes yes no no"),
    (Campaign, "create", "yes yes no no"),
    (Pipeline, "read", "yes yes yes yes"),
    (Pipeline, "update", "yes yes no no"),
]


@pytest.mark.parametrize(("noun", "verb", "who"), TABLE, ids=lambda v: getattr(v, "__name__", v))
def test_it_may(noun: Any, verb: str, who: str) -> None:
    found = [actors.may(Actor("user_x", "X", role), verb, noun) for role in actors.ROLES]
    assert found == [word == "yes" for word in who.split()]


def test_it_may_nothing_but_read_in_a_role_that_is_not_in_the_table() -> None:
    stranger = Actor("user_x", "X", "nonsense")
    assert not any(actors.may(stranger, verb, Lead) for verb in Lead.verbs)


def test_it_is_refused_before_anything_is_looked_at(lead: Lead) -> None:
    with actors.acting(Actor("user_x", "X", actors.VIEWER)):
        for call in (
            lambda: Lead.update(lead.id, nonsense=1),
            lambda: Lead.create(),
            lambda: lead.convert(dry_run=True),
            lead.delete,
        ):
            with refused(Forbidden, "As viewer you may not"):
                call()
        assert Lead.get(lead.id).name


def test_it_lets_hooks_do_what_the_actor_may_not(lead: Lead, people: SimpleNamespace) -> None:
    def launch(lead: Lead, ctx: Any) -> None:
        ctx.Campaign.update(people.spring.id, description="It works")

    rep = Actor("user_rep", "Rep", actors.REP)
    with actors.acting(rep), Lead.lost.attached(launch):
        lead.lose(lost_reason="x")
        with refused(Forbidden):
            people.spring.update(description="By myself")
    event = Campaign.history(people.spring)[0]
    assert (event.actor, event.data["description"]) == ("user_rep", "It works")


def test_it_is_named_in_records_and_events(acme: Any) -> None:
    with actors.acting(Actor("user_ada", "Ada", actors.REP)):
        lead = Lead.create(name="L", source="x")
    with actors.acting(Actor("apikey_1", "Key", actors.MANAGER)):
        lead.lose(lost_reason="x")
    assert lead.created_by == "user_ada"
    assert [e.actor for e in Lead.history(lead)] == ["apikey_1", "user_ada"]
    assert [e.target for e in Lead.lost_by("apikey_1")] == [lead.id]
    assert [e.target for e in Lead.created_by(SimpleNamespace(id="user_ada"))] == [lead.id]
    assert not Lead.lost_by("user_ada")


def test_it_cannot_act_as_nobody(acme: Any) -> None:
    with actors.acting(None):
        assert actors.current_or_none() is None
        with pytest.raises(PermissionError):
            actors.current()
        with refused(PermissionError):
            Lead.create(name="L", source="x")
        with refused(PermissionError):
            Lead.count()
    assert Lead.count() == 0


# -- members and keys -----------------------------------------------------------------------------


def test_it_is_a_member_with_a_role_and_perhaps_a_contact(
    acme: Any, rival: Any, people: SimpleNamespace
) -> None:
    user = User.objects.create_user("bob@seller.example", first_name="Bob", last_name="Stone")
    membership = Membership.objects.create(
        user=user, tenant=acme, role="manager", contact=people.bob
    )
    assert Membership.find_membership(user, acme) == membership
    assert membership.actor == Actor(user.id, "Bob Stone", "manager", people.bob.id)
    assert Membership.find_membership(user, rival) is None
    assert Membership.find_membership(user, None) is None
    assert Membership.find_membership(AnonymousUser(), acme) is None
    user.is_active = False
    assert Membership.find_membership(user, acme) is None


def test_it_is_not_a_member_for_being_the_operator(acme: Any) -> None:
    operator = User.objects.create_superuser("root@example.com")
    assert Membership.find_membership(operator, acme) is None


def test_it_is_known_by_email_whatever_the_case(acme: Any) -> None:
    from django.core.exceptions import ValidationError
    from django.db import IntegrityError, transaction

    user = User.objects.create_user("Ada@Example.com", "secret")
    assert User.objects.get_by_natural_key("ada@example.COM") == user
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("ADA@example.com")
    with pytest.raises(ValidationError, match="email"):
        User.objects.create_user("")


@pytest.mark.parametrize(
    ("scope", "role"), [("read", "viewer"), ("write", "manager"), ("admin", "admin")]
)
def test_it_is_a_key_with_a_scope(scope: str, role: str, acme: Any) -> None:
    key, secret = ApiKey.issue(acme, "Zapier", scope)
    assert secret.startswith("hly_sk_")
    assert ApiKey.find_valid(secret) == key
    assert key.actor == Actor(key.id, "Zapier", role)
    assert key.actor.reads_only == (scope == "read")
    assert secret not in str(vars(key)), "only its hash is stored"
    assert Event.objects.count() == 0


def test_it_is_no_key_once_revoked_expired_or_unknown(acme: Any) -> None:
    now = timezone.now()
    gone, secret = ApiKey.issue(acme, "Revoked")
    gone.revoked_at = now
    gone.save()
    assert ApiKey.find_valid(secret) is None
    _, secret = ApiKey.issue(acme, "Expired", expires_at=now - timedelta(seconds=1))
    assert ApiKey.find_valid(secret) is None
    _, secret = ApiKey.issue(acme, "Fresh", expires_at=now + timedelta(hours=1))
    assert ApiKey.find_valid(secret) is not None
    for wrong in (secret[:-1], secret + "x", "", "hly_sk_"):
        assert ApiKey.find_valid(wrong) is None
