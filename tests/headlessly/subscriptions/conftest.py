"""The users of the browser tests, who are notified."""

from tests.headlessly.admin.conftest import ann, bob, cleo, users, vic

__all__ = ["ann", "bob", "cleo", "users", "vic"]
