"""The Redis server at REDIS_URL, for what may be lost: counts of a minute, known sessions.

Without Redis, and whenever it does not answer, PostgreSQL does all of this: a failing Redis makes nothing
fail.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings

if TYPE_CHECKING:
    from redis import Redis

T = TypeVar("T")

logger = logging.getLogger(__name__)

#: How long to wait for an answer, and how long not to ask again after there was none, in seconds.
PATIENCE, PAUSE = 0.5, 5.0
#: How often a process says that there is none, in seconds: it may be away for a night.
SAID_EVERY = 600.0
_asked_again_from = 0.0
_said_again_from = 0.0


@cache
def _connect(url: str) -> Redis:
    from redis import Redis  # an optional dependency, installed only with a REDIS_URL

    return Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)


def ask_redis(question: Callable[[Redis], T], *, in_pause: bool = False) -> T | None:
    """Returns the answer of Redis to ``question``; None without Redis, or if it does not answer.

    ``in_pause`` asks even shortly after a failure. Redis may still answer other processes, so this is for
    what they must not miss.
    """
    global _asked_again_from, _said_again_from
    if not settings.REDIS_URL or (time.monotonic() < _asked_again_from and not in_pause):
        return None
    from redis import RedisError

    try:
        return question(_connect(settings.REDIS_URL))
    except (RedisError, OSError) as problem:
        now = time.monotonic()
        _asked_again_from = now + PAUSE
        if now >= _said_again_from:
            _said_again_from = now + SAID_EVERY
            logger.warning("Redis does not answer, PostgreSQL does: %s", problem)
        return None
