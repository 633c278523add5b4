"""A Redis server for single tests."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis, RedisError

from .test_handbook import program, wait_for


@contextmanager
def own_redis() -> Iterator[str]:
    """The address of a Redis server that runs inside the block. Skips the test if none is installed."""
    server = program("redis-server")
    with tempfile.TemporaryDirectory(prefix="headlessly-") as folder:
        socket = Path(folder) / "redis.sock"
        words = [server, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder]
        running = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        try:

            def is_there() -> bool:
                try:
                    with Redis.from_url(f"unix://{socket}") as asked:
                        return bool(asked.ping())
                except RedisError:
                    return False

            wait_for(is_there)
            yield f"unix://{socket}"
        finally:
            running.terminate()
            running.wait(10)
