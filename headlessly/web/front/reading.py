"""A request's body, read before anybody works on it: with a deadline, at a least rate, spooled."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from headlessly.errors import BadRequest, RateLimited, TooLarge, Unavailable, no_room_left

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[dict[str, Any]]]

#: A body has so many seconds, and one more for each so many bytes that have come.
GRACE, LEAST_RATE = 5.0, 8 * 1024
#: The largest body of all that is taken, in bytes. Where less is taken the view says so.
MOST_BYTES = 201 * 1024 * 1024
#: How many bytes of bodies a process has at once, all together.
MOST_TOGETHER = 1024 * 1024 * 1024
#: What is kept in memory of each, in bytes.
IN_MEMORY = 64 * 1024
#: How many bodies of one address, and of all, a process reads at once.
MOST_OF_ADDRESS, MOST_OF_ALL = 32, 512


class SlowBody(BadRequest):
    """The body did not come in time."""

    status = 408


class Gone(Exception):
    """Whoever asked is no longer there."""


class BodyReader:
    """Reads the bodies of one process."""

    def __init__(self) -> None:
        self.by_address: Counter[str] = Counter()
        self.bytes_held = 0  #: of those that are on their way, or worked on

    @asynccontextmanager
    async def read(
        self, receive: Receive, address: str, announced: int, most: int = MOST_BYTES
    ) -> AsyncIterator[IO[bytes]]:
        """The body of ``most`` bytes, from its beginning, there until the end of the block.

        Raises SlowBody, TooLarge, RateLimited, Unavailable, and Gone.
        """
        too_large = TooLarge(f"The body is larger than {most >> 10:,} KB.")
        if announced > most:
            raise too_large
        size = 0
        with SpooledTemporaryFile(max_size=IN_MEMORY) as body:
            try:
                with self._count(address):
                    async for part in _parts(receive):
                        size += len(part)
                        self.bytes_held += len(part)
                        if size > most:
                            raise too_large
                        if self.bytes_held > MOST_TOGETHER:
                            raise Unavailable("Too many large bodies are on their way.", 5)
                        _keep(part, body)
                body.seek(0)
                yield body
            finally:
                self.bytes_held -= size

    @contextmanager
    def _count(self, address: str) -> Iterator[None]:
        if self.by_address[address] >= MOST_OF_ADDRESS or self.by_address.total() >= MOST_OF_ALL:
            raise RateLimited("Too many bodies are on their way. Try again in 1 s.", retryAfter=1)
        self.by_address[address] += 1
        try:
            yield
        finally:
            self.by_address[address] -= 1
            if not self.by_address[address]:
                del self.by_address[address]


def _keep(part: bytes, body: IO[bytes]) -> None:
    """Add to a body. Raises Unavailable where the folder for temporary files takes nothing."""
    try:
        body.write(part)
    except OSError as problem:
        logger.error("A body cannot be kept until it is read: %s", problem)
        raise no_room_left() from problem


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    """A body as it comes. Raises SlowBody, and Gone."""
    began, size = time.monotonic(), 0
    while True:
        left = began + GRACE + size / LEAST_RATE - time.monotonic()
        try:
            async with asyncio.timeout(max(0, left)):
                message = await receive()
        except TimeoutError:
            raise SlowBody("The body did not come in time. Send it again, faster.") from None
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        size += len(part)
        yield part
        if not message.get("more_body"):
            return
