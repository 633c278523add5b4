"""The users of the browser tests, with passwords."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.headlessly.accounts.signing import PASSWORD
from tests.headlessly.admin.conftest import ann, bob, cleo, users, vic  # noqa: F401


@pytest.fixture
def people_with_passwords(users: SimpleNamespace) -> Any:  # noqa: F811
    for user in vars(users).values():
        user.set_password(PASSWORD)
        user.save()
    return users
