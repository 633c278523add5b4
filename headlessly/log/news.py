"""Tells processes that wait for events whether the logs of their tenants have grown.

Without Redis they look at the ends of the logs, four times a second, with one look-up in an index for each
tenant. With Redis, whoever appends publishes that after the commit. A log is then looked at when there was a
message, and all logs now and then, because messages may be lost.
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
#: How long to wait until a log is looked at again, in seconds; with Redis, how long to wait for messages, and
#: after how long all logs are looked at without any.
LOOK_AGAIN, LISTEN, LOOK_AT_ALL = 0.25, 1.0, 5.0
LAST = """
SELECT xid::text, seq FROM headlessly_event WHERE tenant_id = %s ORDER BY xid DESC, seq DESC LIMIT 1"""


def tell_news(tenant: Tenant, **_: Any) -> None:
    """Publish after the commit that a log has grown (a receiver of ``events_appended``)."""
    if settings.REDIS_URL:
        said = str(tenant.pk)
        transaction.on_commit(lambda: ask_redis(lambda redis: redis.publish(CHANNEL, said)))


def last_position(tenant: int) -> LogPosition:
    """Returns the position of the last event of a tenant, even if an earlier one may still appear."""
    with tenancy.active(Tenant(pk=tenant)):
        found = execute_prepared(LAST, (tenant,))
    return LogPosition(int(found[0][0]), found[0][1]) if found else LOG_START


class LogNews:
    """The news that one process receives. For use in a single thread."""

    def __init__(self) -> None:
        self._heard: PubSub | None = None
        self._looked_at_all = 0.0

    def look(
        self, added: Collection[int], all_held: Collection[int], haste: bool
    ) -> dict[int, LogPosition]:
        """Returns the ends of logs: of those in ``added``, and at least of those in ``all_held`` that have
        grown. Waits a little for news, and less with ``haste``."""
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
        """Returns the tenants with messages within ``seconds``; None if Redis cannot be reached."""
        said = ask_redis(lambda redis: self._hear(redis, seconds)) if settings.REDIS_URL else None
        if said is None:
            self._heard = None
            time.sleep(LOOK_AGAIN)
        return said

    def _hear(self, redis: Redis, seconds: float) -> set[int] | None:
        if self._heard is None:
            self._heard = redis.pubsub(ignore_subscribe_messages=True)
            self._heard.subscribe(CHANNEL)
            self._looked_at_all = 0  # messages before the subscription are lost
        said: set[int] = set()
        message = self._heard.get_message(timeout=seconds)
        while message is not None:
            if message["type"] == "message":
                said.add(int(message["data"]))
            message = self._heard.get_message(timeout=0)
        return said
