"""Whether the logs of some tenants have grown: what those who wait for events hear of.

Without Redis the ends of the logs are looked at, four times a second while somebody waits, one look-up in an
index for each tenant. With Redis whoever appends says so after the commit; then a log is looked at when
something was said of it, and each now and then all the same, since news may be lost.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connections, transaction

from headlessly.access import tenancy
from headlessly.access.models import Tenant
from headlessly.database.prepared import execute_prepared
from headlessly.database.redis_server import ask_redis
from headlessly.log.events import LOG_START, LogPosition

if TYPE_CHECKING:
    from redis import Redis
    from redis.client import PubSub

CHANNEL = "headlessly:log"
#: How long to wait before a log is looked at again, in seconds; with Redis, how long news are waited for, and
#: after how long all logs are looked at without any.
LOOK_AGAIN, LISTEN, LOOK_AT_ALL = 0.25, 1.0, 5.0
LAST = """
SELECT xid::text, seq FROM headlessly_event WHERE tenant_id = %s ORDER BY xid DESC, seq DESC LIMIT 1"""


def tell_news(tenant: Tenant, **_: Any) -> None:
    """Say that a log has grown, after the commit (a receiver of ``events_appended``)."""
    if settings.REDIS_URL:
        said = str(tenant.pk)
        transaction.on_commit(lambda: ask_redis(lambda redis: redis.publish(CHANNEL, said)))


def last_position(tenant: int) -> LogPosition:
    """The position of the last event of a tenant, whether an earlier one can still appear or not."""
    with tenancy.active(Tenant(pk=tenant)):
        found = execute_prepared(LAST, (tenant,))
    return LogPosition(int(found[0][0]), found[0][1]) if found else LOG_START


class LogNews:
    """What one process hears. To be asked by one thread."""

    def __init__(self) -> None:
        self._heard: PubSub | None = None
        self._looked_at_all = 0.0

    def look(
        self, added: Collection[int], all_held: Collection[int], haste: bool
    ) -> dict[int, LogPosition]:
        """Where logs end: those of ``added``, and of ``all_held`` at least those that have grown. It waits a
        little for news, and less where there is ``haste``."""
        said = self._listen(LOOK_AGAIN if haste or added else LISTEN)
        due = set(all_held)
        if said is not None and time.monotonic() < self._looked_at_all + LOOK_AT_ALL:
            due = due & said | set(added)
        else:
            self._looked_at_all = time.monotonic()
        try:
            return {tenant: last_position(tenant) for tenant in due}
        finally:
            connections.close_all()

    def _listen(self, seconds: float) -> set[int] | None:
        """The tenants of which something was said, within ``seconds``; None where nobody can be heard."""
        said = ask_redis(lambda redis: self._hear(redis, seconds)) if settings.REDIS_URL else None
        if said is None:
            self._heard = None
            time.sleep(LOOK_AGAIN)
        return said

    def _hear(self, redis: Redis, seconds: float) -> set[int] | None:
        if self._heard is None:
            self._heard = redis.pubsub(ignore_subscribe_messages=True)
            self._heard.subscribe(CHANNEL)
            self._looked_at_all = 0  # of what was said before nothing was heard
        said: set[int] = set()
        message = self._heard.get_message(timeout=seconds)
        while message is not None:
            if message["type"] == "message":
                said.add(int(message["data"]))
            message = self._heard.get_message(timeout=0)
        return said
