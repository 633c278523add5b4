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
    """A few places for many. Each gets its turn, none gets the last place, and waiting takes no thread.

    To be used from one event loop. Of one name ``most_waiting`` wait, for ``patience`` seconds. A place is
    kept for ``least`` seconds, however soon its work is done: so many begin in a second at the most.
    """

    def __init__(
        self,
        places: int,
        most_waiting: int | None = None,
        patience: float | None = None,
        least: float = 0,
    ) -> None:
        self.free = places
        #: How many places one name has at the most: somebody else always finds one.
        self.most = max(1, places - 1)
        self.most_waiting = MOST_WAITING if most_waiting is None else most_waiting
        self.patience = PATIENCE if patience is None else patience
        self.least = least
        self.running: Counter[str] = Counter()
        self.waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def have_turn(self, name: str) -> AsyncIterator[None]:
        """Have a place inside the block, as soon as it is this name's turn. Raises Unavailable where too
        many wait."""
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
                self._leave(name)  # called in the same moment: the thread is not used
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
        """Let in whoever has the fewest threads; of those, who has waited for a turn the longest."""
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
        """Do ``work`` in a thread, when it is this tenant's turn. Raises Unavailable where too many wait."""
        with short_requests.count():
            async with self.have_turn(tenant):
                return await asyncio.get_running_loop().run_in_executor(self.pool, work)
