"""Ann is an admin of acme and reads German in Berlin; Bob is a rep there and reads the language of his
browser."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from tests.headlessly.admin.conftest import unchanged, users  # noqa: F401
from tests.headlessly.admin.signed_in import client_of


@pytest.fixture
def ann(users: SimpleNamespace) -> Client:  # noqa: F811
    """A browser in which Ann is signed in, who chose German and Berlin."""
    users.ann.language, users.ann.time_zone = "de", "Europe/Berlin"
    users.ann.save()
    return client_of(users.ann)


@pytest.fixture
def bob(users: SimpleNamespace) -> Client:  # noqa: F811
    """A browser in which Bob is signed in, who chose nothing."""
    return client_of(users.bob)


@pytest.fixture
def get() -> Any:
    """A function that returns the HTML of a page of acme's workplace."""

    def get(client: Client, page: str = "crm/lead/", **headers: str) -> str:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.get(f"/~acme/admin/{page}", headers=sent).content.decode()

    return get
