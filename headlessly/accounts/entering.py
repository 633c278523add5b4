"""What a session must have shown to enter a tenant, and the note of its entry in the log."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from headlessly.access.models import Membership, Tenant
from headlessly.accounts.signing_in import CONFIRMED, ENTERED, LINK_BY, TWICE, browser_name
from headlessly.log.names import SIGNED_IN
from headlessly.log.security_events import record_security_event
from headlessly.web.callers import caller_address

#: How often it is updated when a member was last there.
SEEN_EVERY = timedelta(hours=1)


def note_entry(request: Any, place: Membership) -> None:
    """Logs once in the tenant that this session entered; the member is the actor already.

    If the session or the password came about by a link, the event names who made it, as long as the
    password is the same. A read-only server logs nothing.
    """
    if settings.READ_ONLY:
        return
    tenant, now = place.tenant, timezone.now()
    if place.seen_at is None or place.seen_at < now - SEEN_EVERY:
        Membership.objects.filter(tenant=tenant, pk=place.pk).update(seen_at=now)
    entered = request.session.get(ENTERED, [])
    if tenant.pk in entered:
        return
    request.session[ENTERED] = [*entered, tenant.pk]
    link_by = request.session.get(LINK_BY) or place.user.password_link_by
    record_security_event(
        SIGNED_IN,
        about=place.user_id,
        address=caller_address(request.META),
        browser=browser_name(request),
        secondFactor=True if request.session.get(TWICE) else None,
        linkMadeBy=link_by or None,
    )


def lacks_second_factor(request: Any, tenant: Tenant) -> bool:
    """Whether the tenant requires a second factor that this session has not shown."""
    return tenant.requires_second_factor and not request.session.get(TWICE)


def is_confirmed(request: Any) -> bool:
    """Whether the password was typed recently in this session."""
    typed = request.session.get(CONFIRMED)
    if not typed:
        return False
    return timezone.now() - datetime.fromisoformat(typed) < settings.CONFIRMED_FOR


def confirm(request: Any) -> None:
    """Notes that the password was just typed."""
    request.session[CONFIRMED] = timezone.now().isoformat()
