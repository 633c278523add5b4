"""Imports and exports of files of any size."""

from __future__ import annotations

import io
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import httpx

from headlessly.client.calls import Call, Pause, Steps, Upload, exchange
from headlessly.client.declarations import Declarations
from headlessly.client.errors import ConnectionFailed, ImportFailed
from headlessly.client.records import Import, record_of
from headlessly.client.wire import dumps, path_segment, query_pairs

if TYPE_CHECKING:
    from headlessly.client.sessions import AsyncSession, Session, SyncSession

FORMATS = ("csv", "json", "ndjson", "xlsx", "vcf")
#: How many seconds to wait before polling an import again: the first time, and at most.
SOON, LATER = 0.1, 2.0

#: Sources of an import: a path, an open file, the bytes of one, or rows.
Source = str | Path | bytes | IO[bytes] | Iterable[Mapping[str, Any]]
Progress = Callable[[Import], Any]


def make_upload(source: Source, format: str | None = None) -> Upload:
    """Returns the upload for a source. Raises ValueError if its format is unknown."""
    if format is not None and format not in FORMATS:
        raise ValueError(f"format is one of {', '.join(FORMATS)}, not {format!r}.")
    match source:
        case str() | Path():
            path = Path(source)
            with path.open("rb"):
                pass  # fails here, before anything is sent
            name = path.name if format is None else f"{path.stem}.{format}"
            return Upload(name, lambda: path.open("rb"))
        case bytes() | bytearray():
            return Upload(f"rows.{_require_format(format)}", lambda: io.BytesIO(source))
    if hasattr(source, "read"):
        name = Path(str(getattr(source, "name", "") or "rows")).name
        content = source.read()
        if isinstance(content, str):
            content = content.encode()
        named = name if format is None else f"{Path(name).stem}.{format}"
        if not Path(named).suffix:
            named = f"{named}.{_require_format(format)}"
        return Upload(named, lambda: io.BytesIO(content))
    rows = b"".join(dumps(dict(row)) + b"\n" for row in source)
    return Upload("rows.ndjson", lambda: io.BytesIO(rows))


def _require_format(format: str | None) -> str:
    if format is None:
        raise ValueError(f"Say what these bytes are: format={' | '.join(FORMATS)}.")
    return format


def wait_steps(
    session: Session, found: Import, *, timeout: float | None, progress: Progress | None
) -> Steps[Import]:
    """Polls an import and returns it when it has finished. Raises ImportFailed, or TimeoutError after
    ``timeout`` seconds."""
    until = None if timeout is None else time.monotonic() + timeout
    pause = SOON
    while True:
        if progress is not None:
            progress(found)
        if found.is_finished:
            break
        if until is not None and time.monotonic() >= until:
            raise TimeoutError(
                f"{found.id} is not done after {timeout:g} s: {found.done} of {found.total} rows. "
                "It goes on by itself."
            )
        yield Pause(pause)
        pause = min(LATER, pause * 1.5)
        call = Call("GET", f"/imports/{path_segment(found.id)}", query_pairs(limit=100))
        found = record_of((yield from session.request_json(call)), session)
    if found["status"] == "failed":
        raise ImportFailed(found["message"] or f"{found.id} failed.", found)
    return found


class BaseExport:
    """A download that starts when it is read: iterate over its blocks, or :meth:`save` it."""

    _session: Session

    def __init__(
        self,
        session: Session,
        address: Callable[[Declarations], str],
        asked: tuple[tuple[str, str], ...],
    ) -> None:
        self._session = session
        self._address = address
        self._asked = asked

    def _open_steps(self) -> Steps[httpx.Response]:
        path = yield from self._session.with_declarations(self._address)
        call = Call("GET", path, self._asked, wait=60)
        return (yield from exchange(call, self._session.retries, stream=True))


@contextmanager
def _explained_break(taken: list[int]) -> Iterator[None]:
    """Raises ConnectionFailed with the number of bytes read if a download breaks off."""
    try:
        yield
    except httpx.HTTPError as problem:
        raise ConnectionFailed(f"The file broke off after {sum(taken):,} bytes.") from problem


@contextmanager
def _replaced_when_whole(path: str | Path) -> Iterator[IO[bytes]]:
    """Opens a file for writing that gets its name only when it has been written completely."""
    target = Path(path)
    partial_file = target.with_name(f"{target.name}.part")
    try:
        with partial_file.open("wb") as file:
            yield file
        partial_file.replace(target)
    except BaseException:
        partial_file.unlink(missing_ok=True)
        raise


class Export(BaseExport):
    """A download that starts when it is read: ``for block in export``, ``export.save("leads.csv")``."""

    _session: SyncSession

    def __iter__(self) -> Iterator[bytes]:
        response = self._session.run(self._open_steps())
        taken: list[int] = []
        try:
            with _explained_break(taken):
                for block in response.iter_bytes():
                    taken.append(len(block))
                    yield block
        finally:
            response.close()

    def read(self) -> bytes:
        """Reads the whole file into memory."""
        return b"".join(self)

    def save(self, path: str | Path) -> int:
        """Writes it to a file, all or nothing. Returns its size in bytes."""
        with _replaced_when_whole(path) as file:
            return sum(file.write(block) for block in self)


class AsyncExport(BaseExport):
    """A download that starts when it is read: ``async for block in export``, ``await export.save(...)``."""

    _session: AsyncSession

    async def __aiter__(self) -> AsyncIterator[bytes]:
        response = await self._session.run(self._open_steps())
        taken: list[int] = []
        try:
            with _explained_break(taken):
                async for block in response.aiter_bytes():
                    taken.append(len(block))
                    yield block
        finally:
            await response.aclose()

    async def read(self) -> bytes:
        """Reads the whole file into memory."""
        return b"".join([block async for block in self])

    async def save(self, path: str | Path) -> int:
        """Writes it to a file, all or nothing. Returns its size in bytes."""
        size = 0
        with _replaced_when_whole(path) as file:
            async for block in self:
                size += file.write(block)
        return size


def filter_text(filter: Mapping[str, Any] | None) -> str | None:
    """Returns a filter as the text of a query parameter."""
    return None if not filter else dumps(filter).decode()
