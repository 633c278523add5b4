"""How many requests a minute a key may send, counted in the database for all processes together.

A key's minute begins with its first request after the last one ended. Counting is one upsert, in the
statement that finds the key and on its own commit, before the request has a transaction: what the request
does or undoes changes no count. The table is UNLOGGED (see :class:`headlessly.models.KeyUse`), so that this
commit waits for no disk.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from headlessly.access.models import ApiKey, Tenant
from headlessly.database import prepared
from headlessly.errors import RateLimited

#: The database's clock: those of several servers differ. Of two that race for a new minute, the second
#: finds it begun.
UPSERT = """
INSERT INTO headlessly_keyuse AS u (key, since, count) {source}
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN u.since <= excluded.since - interval '1 minute' THEN 1 ELSE u.count + 1 END,
    since = CASE WHEN u.since <= excluded.since - interval '1 minute' THEN excluded.since
        ELSE u.since END
RETURNING count AS used, ceil(extract(epoch FROM since))::bigint + 60 AS reset,
    ceil(extract(epoch FROM since + interval '1 minute' - clock_timestamp()))::integer AS seconds
"""
COUNT = UPSERT.format(source="VALUES (%s, clock_timestamp(), 1)")
#: ``find`` finds the key.
ADMIT = (
    "WITH k AS MATERIALIZED ({find} AND tenant_id = %s AND revoked_at IS NULL "
    "AND (expires_at IS NULL OR expires_at > %s)), "
    f"used AS ({UPSERT.format(source='SELECT id, clock_timestamp(), 1 FROM k')}) "
    "SELECT used.*, k.* FROM k, used"
)
USED = "UPDATE headlessly_apikey SET last_used_at = clock_timestamp() WHERE id = %s"


@dataclass(frozen=True)
class RequestCount:
    """What one key has used of its minute, this request included."""

    limit: int
    used: int
    reset: int  #: when the minute is over, in seconds since 1970
    seconds: int  #: how long that is from now
    who: str = "This key"

    @property
    def headers(self) -> dict[str, str]:
        """What every answer to the key says of it."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "X-RateLimit-Reset": str(self.reset),
        } | ({"Retry-After": str(max(1, self.seconds))} if self.exceeded else {})

    @property
    def exceeded(self) -> bool:
        return self.used > self.limit

    def raise_if_exceeded(self) -> None:
        """Raise RateLimited when that was one too many."""
        if self.exceeded:
            raise RateLimited(
                f"{self.who} may send {self.limit:,} requests a minute. "
                f"Try again in {max(1, self.seconds)} s."
            )


#: What stands for a tenant that there is not.
NOBODY = 0


def find_and_count_key(tenant: Tenant | None, secret: str) -> tuple[ApiKey, RequestCount] | None:
    """The tenant's valid key with this secret, and the request that sends it counted; or None: unknown,
    expired, revoked and another tenant's are the same, and take the same time where there is no tenant. The
    first of each minute is noted as its last use."""
    given = [ApiKey.hash_of(secret), tenant.pk if tenant else NOBODY, timezone.now()]
    find, made = prepared.select_by_unique(ApiKey, "hash")
    found = prepared.execute_prepared(ADMIT.format(find=find), given)
    if not found:
        return None
    used, reset, seconds, *row = found[0]
    key = made(row)
    if used == 1:
        prepared.execute_prepared(USED, [key.pk], rows=False)
    return key, RequestCount(key.rate_limit, used, reset, seconds)
