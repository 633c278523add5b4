"""Sessions with hashed keys, which end after a time of idleness and after a maximum age.

The cookie has the key, the table its SHA-256, so that a database dump reveals no key. A key has 165 random
bits, so a slow hash would only cost time. ``SESSION_IDLE`` and ``SESSION_LASTS`` are the limits
(``headlessly/settings.py``).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.http import HttpRequest
from django.http.request import HttpHeaders
from django.utils import timezone

from headlessly.access.encryption import hash_secret
from headlessly.accounts import session_cache
from headlessly.accounts.models import Session
from headlessly.database.prepared import fetch_by_unique

#: How often it is updated when a session was last used.
NOTED_EVERY = timedelta(minutes=1)
#: The header of requests that a page makes by itself, which do not count as use of the session.
UNATTENDED = "X-Unattended"
UNATTENDED_META = HttpHeaders.to_wsgi_name(UNATTENDED)
#: The session's entries for the list of sessions.
CREATED, ADDRESS, BROWSER = "created_at", "address", "browser"


def unexpired_sessions() -> Any:
    now = timezone.now()
    return Session.objects.filter(
        expire_date__gt=now,
        seen_at__gt=now - settings.SESSION_IDLE,
        created_at__gt=now - settings.SESSION_LASTS,
    )


def is_over(session: Session) -> bool:
    """Whether it is no longer one of :func:`unexpired_sessions`."""
    now = timezone.now()
    return (
        session.expire_date <= now
        or session.seen_at <= now - settings.SESSION_IDLE
        or session.created_at <= now - settings.SESSION_LASTS
    )


def living_sessions(user: Any) -> Any:
    """Returns the sessions of a user that are not over, the last used first."""
    return unexpired_sessions().filter(user=user).order_by("-seen_at", "session_key")


def end_sessions(user: Any, *, but: str | None = None) -> int:
    """Ends the sessions of a user except the one with the key ``but``. Returns their number."""
    found = Session.objects.filter(user=user)
    if but:
        found = found.exclude(pk=hash_secret(but))
    return found.delete()[0]


class SessionStore(db.SessionStore):
    """Django's store in the database, with hashed keys. Its ``async`` methods are not used."""

    #: Whether the page makes this request by itself.
    is_unattended = False
    #: The session from Redis, which may be older than the one in the table.
    _known: Session | None = None

    @classmethod
    def get_model_class(cls) -> Any:
        return Session

    def _get_session_from_db(self) -> Session | None:
        now, hash = timezone.now(), hash_secret(self.session_key or "")
        found = session_cache.known_session(hash)
        if found is not None and not is_over(found):
            self._known = found
            return found
        found = fetch_by_unique(Session, session_key=hash)
        if found is None or is_over(found):
            self._session_key = None  # type: ignore[attr-defined]
            return None
        # Not cached either, or the next click would not be noted.
        if self.is_unattended:
            return found
        session_cache.remember_read(found)
        if found.seen_at < now - NOTED_EVERY and not settings.READ_ONLY:
            Session.objects.filter(pk=found.pk).update(seen_at=now)
        return found

    def save(self, must_create: bool = False) -> None:
        if self._known is not None and not must_create:
            self._change_what_the_table_has(self._known)
        self._known = None
        super().save(must_create)

    def _change_what_the_table_has(self, known: Session) -> None:
        """Merges the changes made here into the session in the table, if that has changed since it was
        cached."""
        rows = Session.objects.filter(pk=known.pk).values_list("session_data", flat=True)
        if (text := rows.first()) is None or text == known.session_data:
            return
        before, now = self.decode(known.session_data), self._get_session()  # type: ignore[attr-defined]
        changed = {k: v for k, v in now.items() if k not in before or before[k] != v}
        others = {k: v for k, v in self.decode(text).items() if k in now or k not in before}
        self._session_cache = others | changed

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(pk=hash_secret(session_key)).exists()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        now = timezone.now()
        created = data.setdefault(CREATED, now.isoformat())
        return Session(
            session_key=hash_secret(self._get_or_create_session_key()),  # type: ignore[attr-defined]
            session_data=self.encode(data),
            expire_date=self.get_expiry_date(),
            user_id=data.get(SESSION_KEY),
            created_at=datetime.fromisoformat(created),
            seen_at=now,
            address=data.get(ADDRESS, ""),
            browser=data.get(BROWSER, ""),
        )

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            Session.objects.filter(pk=hash_secret(key)).delete()


class SessionMiddleware(DjangoSessionMiddleware):
    """Django's middleware. Requests that an open page makes by itself do not keep its session from ending."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.session.is_unattended = UNATTENDED_META in request.META  # type: ignore[attr-defined]
