"""Security events: the log of who signs in, and of changes to how one signs in.

They are of the type ``Security``, which only admins can read. What concerns a person (their password, a
refused sign-in) is in the log of every tenant that they belong to; none of these entries reveals another
tenant.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from headlessly.access import actors, tenancy
from headlessly.access.actors import Actor
from headlessly.access.models import Membership, Tenant, User
from headlessly.context import tracing
from headlessly.context.running import flush_events
from headlessly.context.tenant_scope import every_tenant
from headlessly.log.events import Event, append_event, plain_json
from headlessly.log.names import SECURITY

#: The maximum number of tenants in whose logs one person's events are written.
MOST_TENANTS = 50


def record_security_event(
    name: str,
    /,
    *,
    about: str | None = None,
    previous: dict[str, Any] | None = None,
    cause: str | None = None,
    **data: Any,
) -> Event:
    """Append a security event to the active tenant's log, by the current actor.

    ``about`` is the id of the person, the key or the webhook that it is about. Entries of ``data`` that are
    None are left out.
    """
    flush_events()
    said = plain_json({k: v for k, v in data.items() if v is not None})
    with tracing.request_id_scope() as request_id, transaction.atomic():
        return append_event(
            name, said, request_id,
            target=about, target_type=SECURITY, previous=previous, cause=cause,
        )  # fmt: skip


def record_of_person(
    name: str, user: User, /, *, by_stranger: bool = False, **data: Any
) -> dict[int, Event]:
    """Append a security event about a person in each tenant that they belong to; returns the events by
    tenant.

    The current actor is named in their own tenant, and an operator everywhere. In other tenants the actor is
    the person, or a visitor.
    """
    here, acting = tenancy.current(), actors.current_or_none()
    found = {}
    places = Membership.objects.filter(user=user).values("tenant")
    with every_tenant():
        tenants = list(Tenant.objects.filter(pk__in=places).order_by("pk")[:MOST_TENANTS])
    for tenant in tenants:
        actor = Actor(user.pk, str(user), actors.VIEWER)
        if by_stranger:
            actor = actors.PUBLIC
        elif acting is not None and (here is None or here.pk == tenant.pk):
            actor = acting
        with tenancy.active(tenant), actors.acting(actor):
            found[tenant.pk] = record_security_event(name, about=user.pk, **data)
    return found
