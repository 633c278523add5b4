"""One tenant at a time: ambient in code, a mount point on the web."""

from __future__ import annotations

import threading
from contextvars import copy_context
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import get_script_prefix, reverse

import headlessly
from crm import Contact, Lead
from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.errors import Invalid, NoTenant, NotFound
from headlessly.query import reads
from headlessly.web import mount
from tests.refusals import refused


def test_it_opens_and_closes_and_nests(acme: Any, rival: Any) -> None:
    assert tenancy.require() == acme
    with tenancy.active(rival):
        assert tenancy.require() == rival
        with tenancy.active(None), pytest.raises(NoTenant):
            tenancy.require()
        assert tenancy.current() == rival
    assert tenancy.current() == acme


def test_it_does_not_leak_into_other_threads_or_out_of_errors(acme: Any, rival: Any) -> None:
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.append(tenancy.current()))
    thread.start()
    thread.join()
    with pytest.raises(ZeroDivisionError), tenancy.active(rival):
        raise ZeroDivisionError
    copy_context().run(tenancy.enter, rival)
    assert (seen, tenancy.current()) == ([None], acme)


def test_it_keeps_the_worlds_apart(lead: Lead, theirs: SimpleNamespace, rival: Any) -> None:
    assert list(Lead.find()) == [lead]
    assert Lead.count({"$id": theirs.lead.id}) == 0
    with tenancy.active(rival):
        assert list(Lead.find()) == [theirs.lead]
        assert not Lead.history(lead)
        with refused(NotFound):
            lead.update(name="Mine now")
        with refused(NotFound):
            Contact.merge(lead.contact_id, into=theirs.eve)
        assert theirs.eve.leads.get() == theirs.lead


def test_it_does_not_follow_a_reference_out_of_the_tenant(
    lead: Lead, theirs: SimpleNamespace
) -> None:
    # No verb writes such a row, and the database keeps none; until it says so, the row shows nothing.
    from django.db import IntegrityError, connection, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE crm_lead SET contact_id = %s WHERE id = %s", [theirs.eve.id, lead.id]
            )
        assert Lead.get(lead.id).contact is None
        assert Lead.count({"contact.name": "Eve Rival"}) == 0
        connection.check_constraints()
    with pytest.raises(Invalid):
        Lead.create(name="Another", source="x", contact=theirs.eve)


def test_it_says_where_a_record_lives(lead: Lead, rival: Any) -> None:
    context = reads.record_json(Lead, lead.id)["$context"]
    assert context.startswith("http")
    assert context.endswith("/~acme")


def test_it_is_entered_for_a_script(acme: Any) -> None:
    def script() -> Any:
        headlessly.boot(tenant="rival")
        return tenancy.require().slug, actors.current()

    Tenant.objects.create(slug="rival", name="Rival")
    assert copy_context().run(script) == ("rival", actors.SYSTEM)
    with pytest.raises(LookupError, match="nobody"):
        copy_context().run(headlessly.boot, "nobody")
    assert tenancy.require() == acme


@pytest.mark.parametrize("slug", ["nobody", "", "\x00", "\ud800", "ACME", "acme/..", "%"])
def test_it_knows_no_tenant_by_another_name(slug: str, acme: Any) -> None:
    assert Tenant.find_by_slug(slug) is None
    assert Tenant.find_by_slug("acme") == acme


@pytest.mark.parametrize(
    ("slug", "fine"),
    [("a", True), ("acme-2", True), ("a" * 48, True), ("a" * 49, False), ("-a", False),
     ("a-", False), ("Acme", False), ("a b", False), ("a\n", False), ("", False)],
)  # fmt: skip
def test_it_has_an_address_that_is_one(slug: str, fine: bool) -> None:
    from django.core.exceptions import ValidationError

    tenant = Tenant(slug=slug, name="T")
    if fine:
        tenant.clean_fields()
    else:
        with pytest.raises(ValidationError):
            tenant.clean_fields()


# -- the mount ------------------------------------------------------------------------------------


def seen_by(path: str, **extra: Any) -> SimpleNamespace:
    """What a view below the mount sees of a request."""
    seen = SimpleNamespace()

    def view(request: Any) -> HttpResponse:
        seen.path_info, seen.path, seen.full = (
            request.path_info,
            request.path,
            request.get_full_path(),
        )
        seen.tenant, seen.mounted = request.tenant, request.mounted
        seen.active, seen.actor = tenancy.current(), actors.current_or_none()
        seen.prefix = get_script_prefix()
        seen.context = tenancy.current() and tenancy.context_url()
        return HttpResponse()

    mount.MountTenant(view)(RequestFactory().get(path, **extra))
    return seen


def test_it_mounts_the_site_under_the_tenant(acme: Any) -> None:
    with tenancy.active(None):
        seen = seen_by("/~acme/leads/lead_1?status=New")
        assert (seen.path_info, seen.path) == ("/leads/lead_1", "/~acme/leads/lead_1")
        assert seen.full == "/~acme/leads/lead_1?status=New"
        assert (seen.tenant, seen.active, seen.mounted) == (acme, acme, True)
        assert seen.prefix == "/~acme/"
        assert seen.context == "http://testserver/~acme"
        assert tenancy.current() is None
    assert get_script_prefix() == "/"
    assert reverse("admin:index").startswith("/admin")


@pytest.mark.parametrize("path", ["/~nobody/leads", "/~/", "/~NOBODY", "/~a%00b/x"])
def test_it_serves_an_unknown_tenant_with_none(path: str, acme: Any) -> None:
    seen = seen_by(path)
    assert (seen.tenant, seen.active, seen.mounted) == (None, None, True)


@pytest.mark.parametrize("path", ["/", "/admin/", "/x/~acme/leads", "/acme/~"])
def test_it_serves_the_root_without_a_tenant_or_an_actor(path: str, acme: Any) -> None:
    seen = seen_by(path)
    assert (seen.tenant, seen.active, seen.mounted, seen.actor) == (None, None, False, None)
    assert tenancy.current() == acme


def test_it_lets_nobody_act_who_did_not_say_who_they_are(acme: Any) -> None:
    assert seen_by("/~acme/leads").actor is None
    assert actors.current() == actors.SYSTEM


def test_it_stays_under_a_proxys_own_prefix(acme: Any) -> None:
    from django.urls import set_script_prefix

    set_script_prefix("/crm/")
    try:
        assert seen_by("/~acme/leads").prefix == "/crm/~acme/"
        assert get_script_prefix() == "/crm/"
    finally:
        set_script_prefix("/")


def test_it_serves_a_host_that_is_not_ours_no_address_of_its_own(acme: Any) -> None:
    assert "evil" not in seen_by("/~acme/leads", headers={"host": "evil.example"}).context


def test_a_member_is_no_contact_of_another_tenant(acme: Any, theirs: Any) -> None:
    from django.core.exceptions import ValidationError

    from headlessly.access.models import Membership, User

    user = User.objects.create_user("bob@sign.example", "right-horse-battery")
    with pytest.raises(ValidationError, match="no such contact"):
        Membership.objects.create(user=user, tenant=acme, contact_id=theirs.eve.pk)
    assert not Membership.objects.exists()


def test_its_bare_address_leads_to_the_workplace(acme: Any, client: Any) -> None:
    for address in ("/~acme", "/~acme/", "/~nobody/"):
        answer = client.get(address)
        assert answer.status_code == 302
        assert answer.headers["Location"] == address.rstrip("/") + "/admin/"
