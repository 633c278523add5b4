"""Caches sessions in Redis, so that a request need not query the database for them.

The table is authoritative: it has the list of sessions, their limits, and their end. Writes and deletions
replace the cached session after the commit; reads only add a session that is not cached. So a slow reader
cannot overwrite a newer state, and an ended session does not come back.

If Redis was not updated, because it did not answer or the process was killed after the commit, others may
use the cached session for at most ``KNOWN_FOR`` seconds. Nothing of it gets back into the table: see
:class:`headlessly.accounts.sessions.SessionStore`.

Redis has what the table has: the hash of the key, never the key.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

import orjson
from django.conf import settings
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from headlessly.accounts.models import Session
from headlessly.database.redis_server import ask_redis

#: How many seconds a session is cached. Then it is read from the table again, which notes that it is in
#: use. For that long an ended session may still work if Redis was not updated.
KNOWN_FOR = 10
#: How many seconds it is cached that a session has ended: longer than any request takes.
ENDED_FOR = 600
ENDED = b"ended"


def _name(hash: str) -> str:
    return f"headlessly:session:{hash}"


def _columns() -> list[str]:
    return [field.attname for field in Session._meta.concrete_fields]


def _written(session: Session) -> bytes:
    """The session as Redis keeps it."""
    return orjson.dumps({name: getattr(session, name) for name in _columns()})


def known_session(hash: str) -> Session | None:
    """Returns the cached session with this hash, or None."""
    text: Any = ask_redis(lambda redis: redis.get(_name(hash)))
    if text is None or text == ENDED:
        return None
    values = orjson.loads(text)
    if list(values) != _columns():
        return None  # of another version of the product, which is served beside this one
    for name in ("expire_date", "created_at", "seen_at"):
        values[name] = datetime.fromisoformat(values[name])
    return Session.from_db("default", list(values), list(values.values()))


def remember_read(session: Session) -> None:
    """Caches a session that was just read from the table."""
    name, text = _name(session.session_key), _written(session)
    ask_redis(lambda redis: redis.set(name, text, ex=KNOWN_FOR, nx=True))


def _replace(hash: str, text: bytes, seconds: int) -> None:
    ask_redis(lambda redis: redis.set(_name(hash), text, ex=seconds), in_pause=True)


@receiver(post_save, sender=Session)
def remember_written(instance: Session, **_: Any) -> None:
    if settings.REDIS_URL:
        known = partial(_replace, instance.session_key, _written(instance), KNOWN_FOR)
        transaction.on_commit(known)


@receiver(post_delete, sender=Session)
def remember_ended(instance: Session, **_: Any) -> None:
    if settings.REDIS_URL:
        transaction.on_commit(partial(_replace, instance.session_key, ENDED, ENDED_FOR))
