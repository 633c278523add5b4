"""People who sign in to the browser: a rep, a manager, a viewer, and one who belongs to nobody."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.headlessly.admin.signed_in import client_of
from tests.refusals import everything


@pytest.fixture
def users(people: SimpleNamespace, acme: Any, rival: Any) -> SimpleNamespace:
    """Bob sells, Cleo leads, Vic looks, Ann administers, Eve is the rival's, Olga operates."""
    from headlessly.access.models import Membership, User

    def user(name: str, role: str, contact: Any = None, tenant: Any = None) -> Any:
        made = User.objects.create_user(
            f"{name.lower()}@sign.example", first_name=name, email_proven_at=timezone.now()
        )
        Membership.objects.create(
            user=made, tenant=tenant or acme, role=role, contact_id=contact and contact.pk
        )
        return made

    return SimpleNamespace(
        bob=user("Bob", "rep", people.bob),
        cleo=user("Cleo", "manager", people.cleo),
        vic=user("Vic", "viewer"),
        ann=user("Ann", "admin"),
        eve=user("Eve", "admin", tenant=rival),
        nobody=User.objects.create_user(
            "nobody@sign.example", first_name="Ned", email_proven_at=timezone.now()
        ),
        olga=User.objects.create_superuser(
            "olga@sign.example", first_name="Olga", email_proven_at=timezone.now()
        ),
    )


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
    """The block changes nothing in any table of any noun, nor in the log."""

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
    """The address of a noun's page in acme."""

    def address(record: Any, name: str = "change", *more: str, tenant: str = "acme") -> str:
        meta = record._meta
        start = f"/~{tenant}/admin/{meta.app_label}/{meta.model_name}/"
        if isinstance(record, type):
            return start + (f"{name}/" if name != "change" else "")
        return "/".join([start.rstrip("/"), record.pk, name, *more, ""])

    return address
