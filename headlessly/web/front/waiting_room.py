"""The threads of a process, shared fairly: who waits for one, and whose turn it is."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from headlessly.errors import Unavailable
from headlessly.web.front.short_requests import short_requests

T = TypeVar("T")

#: How many requests of one tenant wait in a process, and for how many seconds.
MOST_WAITING, PATIENCE = 64, 15.0


class Turns:
    """A few places for many. Everybody gets a turn, nobody can take the last place, and waiting takes no
    thread.

    For use in one event loop. At most ``most_waiting`` of one name wait, for ``patience`` seconds. A place is
    occupied for at least ``least`` seconds, however short the work is, which limits how many begin in a
    second.
    """

    def __init__(
        self,
        places: int,
        most_waiting: int | None = None,
        patience: float | None = None,
        least: float = 0,
    ) -> None:
        self.free = places
        #: How many places one name may have, so that there is always one for others.
        self.most = max(1, places - 1)
        self.most_waiting = MOST_WAITING if most_waiting is None else most_waiting
        self.patience = PATIENCE if patience is None else patience
        self.least = least
        self.running: Counter[str] = Counter()
        self.waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def have_turn(self, name: str) -> AsyncIterator[None]:
        """Have a place inside the block when it is this name's turn. Raises Unavailable if too many wait."""
        await self._enter(name)
        loop = asyncio.get_running_loop()
        ends = loop.time() + self.least
        try:
            yield
        finally:
            if loop.time() < ends:
                loop.call_at(ends, self._leave, name)
            else:
                self._leave(name)

    async def _enter(self, name: str) -> None:
        if self._may_run(name) and not self.waiting.get(name):
            self._begin(name)
            return
        line = self.waiting.setdefault(name, deque())
        if len(line) >= self.most_waiting:
            raise Unavailable("Too many requests are waiting. Try again in a moment.", 1)
        turn = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            async with asyncio.timeout(self.patience):
                await turn
        except BaseException as problem:
            if turn.done() and not turn.cancelled():
                self._leave(name)  # its turn came at the same moment: it does not use it
            else:
                self._forget(name, turn)
            if not isinstance(problem, TimeoutError):
                raise
            raise Unavailable("Too much is being asked at the moment. Try again.", 2) from None

    def _forget(self, name: str, turn: asyncio.Future[None]) -> None:
        line = self.waiting.get(name)
        if line is not None and turn in line:
            line.remove(turn)
            if not line:
                del self.waiting[name]

    def _may_run(self, name: str) -> bool:
        return self.free > 0 and self.running[name] < self.most

    def _begin(self, name: str) -> None:
        self.free -= 1
        self.running[name] += 1

    def _leave(self, name: str) -> None:
        self.free += 1
        self.running[name] -= 1
        if not self.running[name]:
            del self.running[name]
        self._call_next()

    def _call_next(self) -> None:
        """Let in the name with the fewest threads; of several, the one that has waited the longest for a
        turn."""
        while self.free:
            able = [each for each in self.waiting if self.running[each] < self.most]
            if not able:
                return
            name = min(able, key=lambda each: self.running[each])
            line = self.waiting[name]
            turn = line.popleft()
            if line:
                self.waiting.move_to_end(name)
            else:
                del self.waiting[name]
            if not turn.done():
                self._begin(name)
                turn.set_result(None)


class WaitingRoom(Turns):
    """Work of many tenants for a few threads."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="request")

    async def do(self, tenant: str, work: Callable[[], T]) -> T:
        """Run ``work`` in a thread when it is this tenant's turn. Raises Unavailable if too many wait."""
        with short_requests.count():
            async with self.have_turn(tenant):
                return await asyncio.get_running_loop().run_in_executor(self.pool, work)
