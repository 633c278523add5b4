"""The people of the browser: who is told something."""

from tests.headlessly.admin.conftest import bob, cleo, users, vic

__all__ = ["bob", "cleo", "users", "vic"]
