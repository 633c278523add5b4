"""Requests that wait for an event are held in the event loop, so that they occupy no thread.

The application answers such a request like any other. If there is nothing to answer yet, it leaves a
:class:`Question` beside its response, with which the front finds out later. Requests with the same question
are answered by one read, so that a thousand followers of one log cost little more than one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from headlessly.errors import Unavailable
from headlessly.web.front.reading import Gone, Receive
from headlessly.web.front.waiting_room import WaitingRoom

logger = logging.getLogger(__name__)

#: The key of the environment with the :class:`Hold` of a request.
HOLD = "headlessly.hold"
#: How many requests a process holds, in total and for one tenant. Further ones are answered immediately, as
#: if their time were over, so that connections are left for others.
MOST, MOST_OF_TENANT = 2_000, 1_000

#: Returns the ends of logs by tenant: those in ``added``, and those in ``all_held`` that may have grown. It
#: is called in a thread and may block for a moment, shorter with ``haste``.
Look = Callable[[Collection[int], Collection[int], bool], Mapping[int, Any]]


class Reading(NamedTuple):
    """What can be answered now, up to which position of the log, and whether it is an answer."""

    content: bytes
    position: Any
    is_answer: bool


@dataclass(frozen=True)
class Question:
    """What a request waits for."""

    tenant: int
    slug: str  #: of the tenant, for its turns in reading
    key: Hashable  #: equal for questions with the same answer
    seconds: float  #: how long the request waits
    first: Reading  #: what there was when it was asked
    read: Callable[[Any], Reading]  #: reads on from a position, in a thread


@dataclass
class Hold:
    """Where the application leaves its question, beside the response."""

    question: Question | None = None


@dataclass(eq=False)
class Group:
    """The requests that wait for the same."""

    question: Question
    last: Reading
    answered: asyncio.Future[bytes]
    size: int = 0


@dataclass
class Holding:
    """The requests that a process holds."""

    room: WaitingRoom
    look: Look
    groups: dict[Hashable, Group] = field(default_factory=dict)
    by_tenant: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "looks at logs")
        self._added: set[int] = set()
        self._ends: dict[int, Any] = {}
        self._reading: dict[int, asyncio.Task[None]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def wait(self, question: Question, receive: Receive) -> bytes:
        """Returns the answer as soon as there is one, or when the time is over. Raises Gone."""
        tenant = question.tenant
        if self.by_tenant.total() >= MOST or self.by_tenant[tenant] >= MOST_OF_TENANT:
            return question.first.content
        group = self._join(question)
        leaving: asyncio.Future[Any] = asyncio.ensure_future(wait_for_leaving(receive))
        try:
            ends: list[asyncio.Future[Any]] = [group.answered, leaving]
            await asyncio.wait(
                ends,
                timeout=question.seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if group.answered.done():
                return group.answered.result()
            if leaving.done():
                raise Gone
            return group.last.content
        finally:
            leaving.cancel()
            self._leave(group)

    def _join(self, question: Question) -> Group:
        if (group := self.groups.get(question.key)) is None:
            answered = asyncio.get_running_loop().create_future()
            group = self.groups[question.key] = Group(question, question.first, answered)
            self._added.add(question.tenant)
        group.size += 1
        self.by_tenant[question.tenant] += 1
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_on())
        return group

    def _leave(self, group: Group) -> None:
        group.size -= 1
        if not group.size and self.groups.get(group.question.key) is group:
            del self.groups[group.question.key]
        tenant = group.question.tenant
        self.by_tenant[tenant] -= 1
        if not self.by_tenant[tenant]:
            del self.by_tenant[tenant]
            self._ends.pop(tenant, None)

    async def _look_on(self) -> None:
        """Look at the logs as long as somebody waits, and read those that have grown."""
        loop, haste = asyncio.get_running_loop(), False
        try:
            while self.groups:
                added, self._added = self._added, set()
                asked = (added, list(self.by_tenant), haste)
                try:
                    self._ends |= await loop.run_in_executor(self._thread, self.look, *asked)
                except Exception as problem:  # the database is away: the requests go on waiting
                    logger.warning("The logs could not be looked at: %s", problem)
                    self._added |= added
                    await asyncio.sleep(1)
                    continue
                haste = self._have_read()
        finally:
            self._looking = None

    def _have_read(self) -> bool:
        """Start reading logs that have grown; returns whether there are any."""
        due: dict[int, list[Group]] = {}
        for group in self.groups.values():
            tenant = group.question.tenant
            if tenant in self._ends and self._ends[tenant] > group.last.position:
                due.setdefault(tenant, []).append(group)
        for tenant, groups in due.items():
            if tenant not in self._reading:
                task = asyncio.create_task(self._read(groups))
                self._reading[tenant] = task
                task.add_done_callback(partial(self._forget_reading, tenant))
        return bool(due)

    def _forget_reading(self, tenant: int, _: asyncio.Task[None]) -> None:
        del self._reading[tenant]

    async def _read(self, groups: list[Group]) -> None:
        """Read for the groups of a tenant, one after the other, as one turn of the tenant."""
        for group in groups:
            question = group.question
            if self.groups.get(question.key) is not group:
                continue
            reading = partial(question.read, group.last.position)
            try:
                group.last = await self.room.do(question.slug, reading)
            except Unavailable:
                continue  # too busy: try again at the next look
            except Exception:
                logger.exception("What somebody waits for could not be read.")
                self._answer(group)
                continue
            if group.last.is_answer:
                self._answer(group)

    def _answer(self, group: Group) -> None:
        """Answer the requests of a group with the last read; new requests wait for the next one."""
        group.answered.set_result(group.last.content)
        if self.groups.get(group.question.key) is group:
            del self.groups[group.question.key]


async def wait_for_leaving(receive: Receive) -> None:
    """Wait until the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass
