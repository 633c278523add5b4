"""Lists that are read page by page: matching records, a history, the log."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from headlessly.client.calls import Call, Pause, Steps, may_be_over_soon
from headlessly.client.declarations import Declarations
from headlessly.client.errors import HeadlesslyError
from headlessly.client.halves import awaited, blocking
from headlessly.client.records import Event, Record, record_of
from headlessly.client.wire import query_pairs

if TYPE_CHECKING:
    from headlessly.client.sessions import AsyncSession, Session, SyncSession

R = TypeVar("R", bound=Record)

#: How many records a page has at most.
LARGEST_PAGE = 100
#: How many seconds following the log pauses before the next request: after a response that did not wait
#: for an event, for instance because too many clients wait, and after a failure.
NO_WAIT, NO_ANSWER = 1.0, 8.0


@dataclass(frozen=True)
class Page(Generic[R]):
    """A page of a list. ``total`` stops at 10,000 unless an exact count was requested; then it
    ``is_exact``.

    A page of the log has no total unless it was requested.
    """

    results: list[R]
    total: int | None
    is_exact: bool
    has_more: bool
    cursor: str | None

    def __iter__(self) -> Iterator[R]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)


@dataclass
class ReadPosition:
    """How far a list has been read."""

    cursor: str | None = None
    offset: int = 0
    read: int = 0
    is_over: bool = False


class Listing(Generic[R]):
    """A query whose results are read page by page, when they are needed.

    ``limit`` bounds the records of one iteration. Each iteration queries anew.
    """

    _session: Session

    def __init__(
        self,
        session: Session,
        address: Callable[[Declarations], str],
        asked: Sequence[tuple[str, str]] = (),
        *,
        limit: int | None = None,
        page_size: int = LARGEST_PAGE,
    ) -> None:
        if limit is not None and limit < 0:
            raise ValueError("limit is a number of records, 0 or more.")
        if not 1 <= page_size <= LARGEST_PAGE:
            raise ValueError(f"page_size is a number from 1 to {LARGEST_PAGE}.")
        self._session = session
        self._address = address
        self._asked = tuple(asked)
        self._limit = limit
        self._size = page_size

    def _read_page(self, place: ReadPosition, size: int, *more: tuple[str, str]) -> Steps[Page[R]]:
        """Reads the page at ``place``, and moves ``place`` past it."""
        path = yield from self._session.with_declarations(self._address)
        at = query_pairs(cursor=place.cursor, offset=place.offset or None, limit=size)
        call = Call("GET", path, (*self._asked, *more, *at), wait=self._server_wait)
        data = yield from self._session.request_json(call)
        results = [record_of(each, self._session) for each in data["results"]]
        page = Page(
            results,
            data.get("total"),
            data.get("totalIsExact", True),
            data["hasMore"],
            data.get("cursor"),
        )
        place.read += len(results)
        place.is_over = not page.has_more
        if page.cursor is not None:
            place.cursor = page.cursor
        else:
            place.offset += len(results)
        return page

    @property
    def _server_wait(self) -> float:
        return 0

    def _pages(self) -> Iterator[Steps[list[R]]]:
        """Yields the steps of each page until there are no more."""
        place = ReadPosition()
        while not place.is_over:
            left = self._size if self._limit is None else min(self._size, self._limit - place.read)
            if left <= 0:
                return
            yield self._page_results(place, left)

    def _page_results(self, place: ReadPosition, size: int) -> Steps[list[R]]:
        page = yield from self._read_page(place, size)
        return page.results

    def _page(self, cursor: str | None = None) -> Steps[Page[R]]:
        """Returns one page, after ``cursor``, which comes from the page before."""
        size = self._size if self._limit is None else max(1, min(self._size, self._limit))
        return (yield from self._read_page(ReadPosition(cursor), size))

    def _first(self) -> Steps[R | None]:
        """Returns the first record, or None."""
        page = yield from self._read_page(ReadPosition(), 1)
        return page.results[0] if page.results else None

    def _total(self) -> Steps[int]:
        """The number of records; counting stops at 10,000."""
        page = yield from self._read_page(ReadPosition(), 1)
        return page.total or 0

    def _count(self) -> Steps[int]:
        """Returns the exact number of records."""
        page = yield from self._read_page(ReadPosition(), 1, ("count", "exact"))
        return page.total or 0


class Found(Listing[R]):
    """The results of a query: iterate over them, or ask for a :meth:`page`, the :meth:`first`, the total."""

    _session: SyncSession

    def __iter__(self) -> Iterator[R]:
        for steps in self._pages():
            yield from self._session.run(steps)

    page = blocking(Listing[R]._page)
    first = blocking(Listing[R]._first)
    count = blocking(Listing[R]._count)

    @property
    def total(self) -> int:
        """The number of records; counting stops at 10,000."""
        return self._session.run(self._total())

    def all(self) -> list[R]:
        return list(self)


class AsyncFound(Listing[R]):
    """The results of a query: iterate with ``async for``, or await a page, the first, the total."""

    _session: AsyncSession

    async def __aiter__(self) -> AsyncIterator[R]:
        for steps in self._pages():
            for each in await self._session.run(steps):
                yield each

    page = awaited(Listing[R]._page)
    first = awaited(Listing[R]._first)
    count = awaited(Listing[R]._count)
    total = awaited(Listing[R]._total)

    async def all(self) -> list[R]:
        return [each async for each in self]


class BaseEvents(Listing[Event]):
    """The log, oldest first; with ``follow`` also everything that happens from now on, without end.

    ``cursor`` is the position after the last page of which every event was taken: start there to continue.
    After stopping within a page, the whole page is read again: some events come twice, but none is lost.
    To process each exactly once, read the log by ``page``.

    Once it has started, following survives a server that restarts or is unreachable for hours: it
    continues when the server is back. ``interrupted`` is called with the error, once each time.
    """

    def __init__(
        self,
        session: Session,
        asked: Sequence[tuple[str, str]],
        *,
        cursor: str | None = None,
        follow: bool = False,
        wait: float = 20,
        limit: int | None = None,
        page_size: int = LARGEST_PAGE,
        interrupted: Callable[[HeadlesslyError], Any] | None = None,
    ) -> None:
        if not 0 <= wait <= 25:
            raise ValueError("wait is a number of seconds from 0 to 25.")
        super().__init__(session, lambda _: "/events", asked, limit=limit, page_size=page_size)
        self.cursor = cursor
        self._follow = follow
        self._wait = wait if follow else 0
        self._interrupted = interrupted
        if self._wait:
            self._asked += query_pairs(wait=self._wait)

    @property
    def _server_wait(self) -> float:
        return self._wait

    def _pages(self) -> Iterator[Steps[list[Event]]]:
        place = ReadPosition(self.cursor)
        has_begun = False
        while not place.is_over or self._follow:
            left = self._size if self._limit is None else min(self._size, self._limit - place.read)
            if left <= 0:
                return
            yield self._next_results(place, left) if has_begun else self._page_results(place, left)
            has_begun = self._follow
            self.cursor = place.cursor  # the next page is only requested when this one is used up

    def _next_results(self, place: ReadPosition, size: int) -> Steps[list[Event]]:
        """Returns the results of the next page of a followed log, however long the server is away."""
        is_away = False
        while True:
            asked_at = time.monotonic()
            try:
                results = yield from self._page_results(place, size)
            except HeadlesslyError as problem:
                if not may_be_over_soon(problem):
                    raise
                if self._interrupted is not None and not is_away:
                    self._interrupted(problem)
                is_away = True
                yield Pause(NO_ANSWER)
                continue
            if not results and place.is_over and time.monotonic() - asked_at < NO_WAIT:
                yield Pause(NO_WAIT)
            return results

    def _page(self, cursor: str | None = None) -> Steps[Page[Event]]:
        return super()._page(cursor or self.cursor)

    def _total(self) -> Steps[int]:
        return self._count()  # the log is only counted on request


class Events(BaseEvents, Found[Event]):
    __doc__ = BaseEvents.__doc__


class AsyncEvents(BaseEvents, AsyncFound[Event]):
    __doc__ = BaseEvents.__doc__
