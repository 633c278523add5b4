"""The threads of a process, shared fairly: who waits for one, and whose turn it is."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from headlessly.errors import Unavailable

T = TypeVar("T")

#: How many requests of one tenant wait in a process, and for how many seconds.
MOST_WAITING, PATIENCE = 64, 15.0


class WaitingRoom:
    """Work of many tenants for a few threads. Each gets its turn, and none gets the last thread.

    To be used from one event loop.
    """

    def __init__(self, threads: int) -> None:
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="request")
        self.free = threads
        #: How many threads one tenant has at the most: somebody else always finds one.
        self.most = max(1, threads - 1)
        self.running: Counter[str] = Counter()
        self.waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    async def do(self, tenant: str, work: Callable[[], T]) -> T:
        """Do ``work`` in a thread, when it is this tenant's turn. Raises Unavailable where too many wait."""
        await self._enter(tenant)
        try:
            return await asyncio.get_running_loop().run_in_executor(self.pool, work)
        finally:
            self._leave(tenant)

    async def _enter(self, tenant: str) -> None:
        if self._may_run(tenant) and not self.waiting.get(tenant):
            self._begin(tenant)
            return
        line = self.waiting.setdefault(tenant, deque())
        if len(line) >= MOST_WAITING:
            raise Unavailable("Too many requests are waiting. Try again in a moment.", 1)
        turn = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            async with asyncio.timeout(PATIENCE):
                await turn
        except BaseException as problem:
            if turn.done() and not turn.cancelled():
                self._leave(tenant)  # called in the same moment: the thread is not used
            else:
                self._forget(tenant, turn)
            if not isinstance(problem, TimeoutError):
                raise
            raise Unavailable("Too much is being asked at the moment. Try again.", 2) from None

    def _forget(self, tenant: str, turn: asyncio.Future[None]) -> None:
        line = self.waiting.get(tenant)
        if line is not None and turn in line:
            line.remove(turn)
            if not line:
                del self.waiting[tenant]

    def _may_run(self, tenant: str) -> bool:
        return self.free > 0 and self.running[tenant] < self.most

    def _begin(self, tenant: str) -> None:
        self.free -= 1
        self.running[tenant] += 1

    def _leave(self, tenant: str) -> None:
        self.free += 1
        self.running[tenant] -= 1
        if not self.running[tenant]:
            del self.running[tenant]
        self._call_next()

    def _call_next(self) -> None:
        """Let in whoever has the fewest threads; of those, who has waited for a turn the longest."""
        while self.free:
            able = [name for name in self.waiting if self.running[name] < self.most]
            if not able:
                return
            tenant = min(able, key=lambda name: self.running[name])
            line = self.waiting[tenant]
            turn = line.popleft()
            if line:
                self.waiting.move_to_end(tenant)
            else:
                del self.waiting[tenant]
            if not turn.done():
                self._begin(tenant)
                turn.set_result(None)
