"""What the log keeps of how people get in: an event of the platform's, as final as every other.

It is of the type ``Security``, which admins alone read. What concerns a person (their password, a sign-in
that was refused) is in the log of every tenant that they belong to; none of them tells of another one.
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

#: In how many tenants' logs one person's events are written.
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
    """Append an event of security to the active tenant's log, by whoever acts.

    ``about`` is the id of the person, the key or the webhook that it is about; ``data`` is told in camel
    case, what is None is left out.
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
    """The same about a person, in each tenant that they belong to; returns the events by tenant.

    Whoever acts in a tenant at the moment is named there, and an operator everywhere; elsewhere it is the
    person, or a visitor.
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
