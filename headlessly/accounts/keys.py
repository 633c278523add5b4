"""Issues and revokes API keys. Their owners are notified."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction

from headlessly.access import actors, tenancy
from headlessly.access.models import RATE_LIMIT, ApiKey, User
from headlessly.accounts import mail
from headlessly.log.names import KEY_ISSUED, KEY_REVOKED
from headlessly.log.security_events import record_security_event

logger = logging.getLogger("headlessly.keys")


def owner_of_new_key(*, service: bool) -> User | None:
    """Returns the owner of a new key: the acting person, or the owner of the acting key; None for a
    service key and for one that a service key issues."""
    if service:
        return None
    id, own = actors.current().id, ApiKey.objects.filter(tenant=tenancy.require().pk)
    if key := own.select_related("user").filter(pk=id).first():
        return key.user
    return User.objects.filter(pk=id).first()


def issue_key(
    name: str,
    scope: str,
    *,
    service: bool = False,
    expires_at: datetime | None = None,
    rate_limit: int = RATE_LIMIT,
) -> tuple[ApiKey, str]:
    """Issues a key of the active tenant. Returns it with its secret, which cannot be read again."""
    tenant, user = tenancy.require(), owner_of_new_key(service=service)
    with transaction.atomic():
        key, secret = ApiKey.issue(
            tenant, name, scope, user=user, expires_at=expires_at, rate_limit=rate_limit
        )
        record_security_event(
            KEY_ISSUED,
            about=key.pk,
            name=name,
            scope=scope,
            owner=user and user.pk,
            expiresAt=expires_at,
        )
        if user is not None:
            mail.notify_of_key(user, name, tenant)
    logger.info("key %s issued by %s", key.pk, actors.current().id)
    return key, secret


def revoke_key(key: ApiKey) -> None:
    """Revokes a key: it is refused from the next request on."""
    with transaction.atomic():
        if key.revoke():
            record_security_event(KEY_REVOKED, about=key.pk, name=key.name, scope=key.scope)
            logger.info("key %s revoked by %s", key.pk, actors.current().id)
