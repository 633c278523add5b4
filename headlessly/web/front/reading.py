"""Reads the body of a request before a thread works on it: with a deadline and a minimum rate, into a spool
file."""

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

#: A body may take so many seconds, and one more for each so many bytes received.
GRACE, LEAST_RATE = 5.0, 8 * 1024
#: The maximum size of any body, in bytes. Views with a smaller limit check it themselves.
MOST_BYTES = 201 * 1024 * 1024
#: The maximum number of bytes of all bodies that a process holds at once.
MOST_TOGETHER = 1024 * 1024 * 1024
#: How much of each body is kept in memory, in bytes.
IN_MEMORY = 64 * 1024
#: How many bodies of one address, and in total, a process reads at once.
MOST_OF_ADDRESS, MOST_OF_ALL = 32, 512


class SlowBody(BadRequest):
    """The body did not come in time."""

    status = 408


class Gone(Exception):
    """The client has disconnected."""


class BodyReader:
    """Reads the bodies of one process."""

    def __init__(self) -> None:
        self.by_address: Counter[str] = Counter()
        self.bytes_held = 0  #: of bodies being received or processed

    @asynccontextmanager
    async def read(
        self, receive: Receive, address: str, announced: int, most: int = MOST_BYTES
    ) -> AsyncIterator[IO[bytes]]:
        """Yields the body of up to ``most`` bytes as a file, which exists until the end of the block.

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
    """Yields a body as it arrives. Raises SlowBody, and Gone."""
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
