"""The people of the browser: who is told something."""

from tests.headlessly.admin.conftest import ann, bob, cleo, users, vic

__all__ = ["ann", "bob", "cleo", "users", "vic"]
