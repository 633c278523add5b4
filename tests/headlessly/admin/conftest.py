"""Users who sign in to the browser: a rep, a manager, a viewer, and one without a tenant."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from headlessly.context.tenant_scope import every_tenant
from tests.headlessly.admin.signed_in import client_of
from tests.refusals import everything


@pytest.fixture
def users(people: SimpleNamespace, acme: Any, rival: Any) -> SimpleNamespace:
    """Bob is a rep, Cleo a manager, Vic a viewer, Ann an admin, Eve the rival's admin, and Olga the
    operator."""
    from headlessly.access.models import Membership, User

    def user(name: str, email: str = "", **more: Any) -> Any:
        address = email or f"{name.lower()}@sign.example"
        made = User(email=address, first_name=name, email_proven_at=timezone.now(), **more)
        made.set_unusable_password()
        return made

    found = SimpleNamespace(
        bob=user("Bob"),
        cleo=user("Cleo"),
        vic=user("Vic"),
        ann=user("Ann"),
        eve=user("Eve"),
        nobody=user("Ned", "nobody@sign.example"),
        olga=user("Olga", is_staff=True, is_superuser=True),
    )

    def member(user: Any, role: str, contact: Any = None, tenant: Any = acme) -> Any:
        return Membership(user=user, tenant=tenant, role=role, contact_id=contact and contact.pk)

    # One statement each, as every eighth test begins with them.
    User.objects.bulk_create(vars(found).values())
    with every_tenant():
        Membership.objects.bulk_create(
            [
                member(found.bob, "rep", people.bob),
                member(found.cleo, "manager", people.cleo),
                member(found.vic, "viewer"),
                member(found.ann, "admin"),
                member(found.eve, "admin", tenant=rival),
            ]
        )
    return found


@pytest.fixture
def bob(users: SimpleNamespace) -> Client:
    """A browser in which the rep is signed in."""
    return client_of(users.bob)


@pytest.fixture
def cleo(users: SimpleNamespace) -> Client:
    return client_of(users.cleo)


@pytest.fixture
def vic(users: SimpleNamespace) -> Client:
    return client_of(users.vic)


@pytest.fixture
def ann(users: SimpleNamespace) -> Client:
    return client_of(users.ann)


class Unchanged:
    """Asserts that the block changes nothing in any table of any noun, nor in the log."""

    def __enter__(self) -> None:
        self.before = everything()

    def __exit__(self, kind: Any, *_: Any) -> None:
        if kind is None:
            assert everything() == self.before, "something happened"


@pytest.fixture
def unchanged() -> type[Unchanged]:
    return Unchanged


@pytest.fixture
def address() -> Any:
    """A function that returns the address of a page of a noun or record."""

    def address(record: Any, name: str = "change", *more: str, tenant: str = "acme") -> str:
        meta = record._meta
        start = f"/~{tenant}/admin/{meta.app_label}/{meta.model_name}/"
        if isinstance(record, type):
            return start + (f"{name}/" if name != "change" else "")
        return "/".join([start.rstrip("/"), record.pk, name, *more, ""])

    return address
