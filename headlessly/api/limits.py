"""How many requests a minute a key may send, counted in the database for all processes together.

A key's minute begins with its first request after the last one ended. Counting is one upsert, in the
statement that finds the key and on its own commit, before the request has a transaction: what the request
does or undoes changes no count. The table is UNLOGGED (see :class:`headlessly.models.KeyUse`), so that this
commit waits for no disk.

A key that may send many takes some of them at once, its *lease*: a hundredth of what it may send, ten at the
most. A process uses it up before it counts again, so that most requests only read. What others have taken
and not used is lost to the key: it may be refused a hundredth of its requests early for each process, never
late.

Where there is a Redis it counts instead, each request by itself: nothing is written in the database but the
first use of a minute.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone

from headlessly.access.encryption import hash_secret
from headlessly.access.models import ApiKey, Tenant
from headlessly.database import prepared
from headlessly.database.redis_server import ask_redis
from headlessly.errors import RateLimited

if TYPE_CHECKING:
    from redis import Redis

#: Whether a key's minute is over: also one that begins later, which is left where the clock was put back.
OVER = "u.since NOT BETWEEN excluded.since - interval '1 minute' AND excluded.since + interval '1 minute'"
#: The database's clock: those of several servers differ. Of two that race for a new minute, the second
#: finds it begun.
UPSERT = f"""
INSERT INTO headlessly_keyuse AS u (key, since, count) {{source}}
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN {OVER} THEN excluded.count ELSE u.count + excluded.count END,
    since = CASE WHEN {OVER} THEN excluded.since ELSE u.since END
RETURNING count AS used, ceil(extract(epoch FROM since))::bigint + 60 AS reset,
    ceil(extract(epoch FROM since + interval '1 minute' - clock_timestamp()))::integer AS seconds
"""
COUNT = UPSERT.format(source="VALUES (%s, clock_timestamp(), 1)")
#: ``find`` finds the key.
VALID = (
    "{find} AND tenant_id = %s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > %s)"
)
LEASE = "least(10, greatest(1, rate_limit / 100))"
ADMIT = (
    f"WITH k AS MATERIALIZED ({VALID}), "
    f"used AS ({UPSERT.format(source=f'SELECT id, clock_timestamp(), {LEASE} FROM k')}) "
    f"SELECT used.*, {LEASE}, k.* FROM k, used"
)
USED = """
UPDATE headlessly_apikey SET last_used_at = clock_timestamp() WHERE tenant_id = %s AND id = %s"""


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
        """Returns the rate-limit headers of every response to the key."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "X-RateLimit-Reset": str(self.reset),
        } | ({"Retry-After": str(max(1, self.seconds))} if self.exceeded else {})

    @property
    def exceeded(self) -> bool:
        return self.used > self.limit

    def raise_if_exceeded(self) -> None:
        """Raises RateLimited if this request exceeds the limit."""
        if self.exceeded:
            raise RateLimited(
                f"{self.who} may send {self.limit:,} requests a minute. "
                f"Try again in {max(1, self.seconds)} s."
            )


@dataclass
class Lease:
    """Requests of a key's minute that this process has counted and not yet used."""

    used: int  #: of the minute, by all processes, when it was taken; less what is left
    left: int
    reset: int
    until: float  #: the end of the minute, in seconds of :func:`time.monotonic`


def count_in_redis(key: str) -> tuple[int, int, int] | None:
    """Counts a request of ``key``. Returns the count in its minute, when the minute ends in seconds since
    1970, and the seconds left; None if no Redis answers."""
    name = f"headlessly:minute:{key}"

    def count(redis: Redis) -> list[Any]:
        steps = redis.pipeline(transaction=True)
        steps.set(name, 0, ex=60, nx=True)
        steps.incr(name)
        steps.pexpiretime(name)
        steps.time()
        return steps.execute()

    if (told := ask_redis(count)) is None:
        return None
    _, used, ends, (seconds, microseconds) = told
    left = ends / 1000 - seconds - microseconds / 1e6
    if left > 120:  # it begins later: the clock was put back
        ask_redis(lambda redis: redis.set(name, 1, ex=60))
        return 1, seconds + 60, 60
    return used, math.ceil(ends / 1000), math.ceil(left)


def count_stranger(key: str) -> tuple[int, int, int]:
    """The same for a client without a key; counts in the database if no Redis answers."""
    if (counted := count_in_redis(key)) is not None:
        return counted
    ((used, reset, seconds),) = prepared.execute_prepared(COUNT, [key], binary=True)
    return used, reset, seconds


class Leases:
    """The leases of this process, by key. Threads share them."""

    #: How many leases are kept before expired ones are dropped.
    MOST = 10_000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: dict[str, Lease] = {}

    def use_one(self, key: str, limit: int) -> RequestCount | None:
        """Uses one request of the lease. Returns None if there is none left."""
        with self._lock:
            lease, now = self._by_key.get(key), time.monotonic()
            if lease is None or not lease.left or now >= lease.until:
                return None
            lease.left -= 1
            lease.used += 1
            return RequestCount(limit, lease.used, lease.reset, math.ceil(lease.until - now))

    def keep(self, key: str, lease: Lease) -> None:
        with self._lock:
            if len(self._by_key) >= self.MOST:
                now = time.monotonic()
                self._by_key = {k: each for k, each in self._by_key.items() if each.until > now}
            self._by_key[key] = lease

    def in_minute(self, key: str) -> Lease | None:
        """Returns the lease of the current minute, used up or not."""
        lease = self._by_key.get(key)
        return lease if lease is not None and time.monotonic() < lease.until else None

    def has(self, key: str) -> bool:
        lease = self.in_minute(key)
        return lease is not None and lease.left > 0

    def forget(self) -> None:
        with self._lock:
            self._by_key.clear()


leases = Leases()


#: Stands for a tenant that does not exist.
NOBODY = 0


def find_and_count_key(tenant: Tenant | None, secret: str) -> tuple[ApiKey, RequestCount] | None:
    """The tenant's valid key with this secret, and the request that sends it counted; or None: unknown,
    expired, revoked and another tenant's are the same, and take the same time where there is no tenant. The
    first of each minute is noted as its last use."""
    hash = hash_secret(secret)
    given = [hash, tenant.pk if tenant else NOBODY, timezone.now()]
    find, made = prepared.select_by_unique(ApiKey, "hash")
    if settings.REDIS_URL or settings.READ_ONLY or leases.has(hash):
        if not (rows := prepared.execute_prepared(VALID.format(find=find), given)):
            return None
        key = made(rows[0])
        if (counted := count_in_redis(hash)) is not None:
            if counted[0] == 1 and not settings.READ_ONLY:
                prepared.execute_prepared(USED, [key.tenant_id, key.pk], rows=False)
            return key, RequestCount(key.rate_limit, *counted)
        if use := leases.use_one(hash, key.rate_limit):
            return key, use
        if settings.READ_ONLY:  # nobody else can be told: each process counts for itself
            return key, _count_alone(hash, key.rate_limit)
    if not (found := prepared.execute_prepared(ADMIT.format(find=find), given)):
        return None
    used, reset, seconds, taken, *row = found[0]
    key = made(row)
    if used == taken:
        prepared.execute_prepared(USED, [key.tenant_id, key.pk], rows=False)
    # The first of them is this request's; those beyond the limit are nobody's.
    used -= taken - 1
    left = min(taken - 1, max(0, key.rate_limit - used))
    leases.keep(hash, Lease(used, left, reset, time.monotonic() + seconds))
    return key, RequestCount(key.rate_limit, used, reset, seconds)


def _count_alone(hash: str, limit: int) -> RequestCount:
    """A minute of this process: what it allows from now on is left for the requests to come."""
    if lease := leases.in_minute(hash):
        return RequestCount(
            limit, limit + 1, lease.reset, math.ceil(lease.until - time.monotonic())
        )
    reset = math.ceil(time.time()) + 60
    leases.keep(hash, Lease(1, limit - 1, reset, time.monotonic() + 60))
    return RequestCount(limit, 1, reset, 60)
