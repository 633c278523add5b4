"""What a session is asked when it comes into a tenant: how it began, and whether that is enough."""

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

#: How exactly a tenant knows when its members were there.
SEEN_EVERY = timedelta(hours=1)


def note_entry(request: Any, place: Membership) -> None:
    """Leave it in the tenant's log that this session came in, once; by the member, who acts already.

    Who made the link by which the session or the password came about is named, as long as that password
    stays. A server that only reads leaves nothing.
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
    """Whether the tenant asks for more than this session has shown."""
    return tenant.requires_second_factor and not request.session.get(TWICE)


def is_confirmed(request: Any) -> bool:
    """Whether the password was typed a short while ago, in this session."""
    typed = request.session.get(CONFIRMED)
    if not typed:
        return False
    return timezone.now() - datetime.fromisoformat(typed) < settings.CONFIRMED_FOR


def confirm(request: Any) -> None:
    """The password was typed just now."""
    request.session[CONFIRMED] = timezone.now().isoformat()
