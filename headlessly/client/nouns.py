"""Nouns from afar: ``acme.Lead.find(...)``, ``acme.Lead.convert(id)``, as in process.

The two classes differ in what they answer: a result, or an awaitable of it. What is done is the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, overload

from headlessly.client.calls import Call, Steps
from headlessly.client.files import (
    AsyncExport,
    Export,
    Progress,
    Source,
    filter_text,
    import_steps,
    make_upload,
)
from headlessly.client.lists import LARGEST_PAGE, AsyncFound, Found
from headlessly.client.records import DryRun, Event, Import, Record, record_of
from headlessly.client.wire import (
    comma_separated,
    id_of,
    moment_text,
    path_segment,
    query_pairs,
    sort_text,
)

if TYPE_CHECKING:
    from headlessly.client.sessions import AsyncSession, Session, SyncSession

Filter = Mapping[str, Any]
Names = str | Iterable[str]
Sort = str | Mapping[str, Any] | Iterable[str]
Moment = str | date  #: ISO 8601, words like "7d ago", or a datetime
Target = str | Record  #: a record or its id


class BaseNoun:
    """One noun of the tenant."""

    _session: Session

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self.__name__ = name

    def __getattr__(self, name: str) -> Any:
        """Any verb that the noun has, and ``lost_by``: the events that a verb of an actor left."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self._session.verb(self.__name__, name)

    def __dir__(self) -> list[str]:
        declared = self._session.declared
        verbs = declared.noun(self.__name__).verbs if declared else ()
        return [*object.__dir__(self), *verbs]

    def __repr__(self) -> str:
        return f"<{self.__name__} at {self._session.url}>"

    # -- what is asked ----------------------------------------------------------------------------

    def _path(self, before: str = "") -> Any:
        return lambda declared: f"{before}/{declared.noun(self.__name__).plural}"

    def _list_query(
        self, filter: Filter | None, sort: Sort | None, q: str | None, **more: Any
    ) -> tuple[tuple[str, str], ...]:
        return query_pairs(filter=filter_text(filter), sort=sort_text(sort), q=q, **more)

    def _get_steps(
        self, id: Target, include: Names, fields: Names | None, as_of: Moment | None
    ) -> Steps[Record]:
        path = yield from self._session.with_declarations(self._path())
        asked = query_pairs(
            include=comma_separated(include),
            fields=comma_separated(fields),
            asOf=moment_text(as_of),
        )
        call = Call("GET", f"{path}/{path_segment(id_of(id))}", asked)
        return record_of((yield from self._session.request_json(call)), self._session)

    def _count_steps(
        self, filter: Filter | None, q: str | None, as_of: Moment | None
    ) -> Steps[int]:
        path = yield from self._session.with_declarations(self._path())
        asked = self._list_query(filter, None, q, asOf=moment_text(as_of), count="exact", limit=1)
        return (yield from self._session.request_json(Call("GET", path, asked)))["total"]

    def _history_path(self, id: Target) -> Any:
        address = self._path()
        return lambda declared: f"{address(declared)}/{path_segment(id_of(id))}/events"

    def _export_query(
        self, format: str, filter: Filter | None, sort: Any, fields: Any, q: Any, as_of: Any
    ) -> tuple[tuple[str, str], ...]:
        return self._list_query(
            filter, sort, q, fields=comma_separated(fields), asOf=moment_text(as_of), format=format
        )


class Noun(BaseNoun):
    """One noun of the tenant: find, get, create, update, delete, and every verb of its own."""

    _session: SyncSession

    def find(
        self,
        filter: Filter | None = None,
        *,
        sort: Sort | None = None,
        limit: int | None = None,
        include: Names = (),
        fields: Names | None = None,
        q: str | None = None,
        as_of: Moment | None = None,
        page_size: int = LARGEST_PAGE,
    ) -> Found[Record]:
        """The records that fit, all of them or the first ``limit``, read a page at a time as needed.

        ``sort`` is ``"-score,createdAt"`` or ``{"score": "desc"}``; ``include`` names references to read
        with them; ``fields`` what to read of them; ``q`` words in any searchable field; ``as_of`` asks
        for the records as they were.
        """
        asked = self._list_query(
            filter,
            sort,
            q,
            include=comma_separated(include),
            fields=comma_separated(fields),
            asOf=moment_text(as_of),
        )
        return Found(self._session, self._path(), asked, limit=limit, page_size=page_size)

    def get(
        self,
        id: Target,
        *,
        include: Names = (),
        fields: Names | None = None,
        as_of: Moment | None = None,
    ) -> Record:
        """One record. Raises NotFound."""
        return self._session.run(self._get_steps(id, include, fields, as_of))

    def count(
        self, filter: Filter | None = None, *, q: str | None = None, as_of: Moment | None = None
    ) -> int:
        """How many records fit, exactly."""
        return self._session.run(self._count_steps(filter, q, as_of))

    def history(self, id: Target) -> Found[Event]:
        """The events of one record, newest first; also of a deleted one."""
        return Found(self._session, self._history_path(id))

    @overload
    def create(self, *, dry_run: Literal[False] = False, **fields: Any) -> Record: ...
    @overload
    def create(self, *, dry_run: Literal[True], **fields: Any) -> DryRun: ...
    def create(self, *, dry_run: bool = False, **fields: Any) -> Record | DryRun:
        """Create a record."""
        return self._session.run(
            self._session.execute(self.__name__, "create", None, fields, dry_run=dry_run)
        )

    @overload
    def update(
        self,
        id: Target,
        /,
        *,
        dry_run: Literal[False] = False,
        if_match: int | None = None,
        **fields: Any,
    ) -> Record: ...
    @overload
    def update(
        self, id: Target, /, *, dry_run: Literal[True], if_match: int | None = None, **fields: Any
    ) -> DryRun: ...
    def update(
        self,
        id: Target,
        /,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        **fields: Any,
    ) -> Record | DryRun:
        """Change fields of a record; those that are not given stay as they are."""
        return self._session.run(
            self._session.execute(
                self.__name__, "update", id, fields, dry_run=dry_run, if_match=if_match
            )
        )

    @overload
    def delete(
        self, id: Target, /, *, dry_run: Literal[False] = False, if_match: int | None = None
    ) -> None: ...
    @overload
    def delete(
        self, id: Target, /, *, dry_run: Literal[True], if_match: int | None = None
    ) -> DryRun: ...
    def delete(
        self, id: Target, /, *, dry_run: bool = False, if_match: int | None = None
    ) -> DryRun | None:
        """Delete a record; ``restore`` brings it back."""
        return self._session.run(
            self._session.execute(
                self.__name__, "delete", id, {}, dry_run=dry_run, if_match=if_match
            )
        )

    def import_(
        self,
        source: Source,
        *,
        match: str | None = None,
        dry_run: bool = False,
        format: str | None = None,
        wait: bool = True,
        timeout: float | None = None,
        progress: Progress | None = None,
    ) -> Import:
        """Import a file (a path, an open file, bytes with their ``format``) or rows, and wait until it is
        done.

        ``match`` names the unique field by which rows update what exists. Good rows are in, refused
        ones are in ``errors``. ``progress`` is called with the import as it goes on. Raises
        ImportFailed for a file that cannot be read, TimeoutError when it takes longer than ``timeout``
        seconds.
        """
        upload = make_upload(source, format)
        return self._session.run(
            import_steps(
                self._session,
                self.__name__,
                upload,
                match=match,
                dry_run=dry_run,
                wait=wait,
                timeout=timeout,
                progress=progress,
            )
        )

    def export(
        self,
        format: Literal["csv", "ndjson", "json"] = "csv",
        *,
        filter: Filter | None = None,
        sort: Sort | None = None,
        fields: Names | None = None,
        q: str | None = None,
        as_of: Moment | None = None,
    ) -> Export:
        """All records that fit, as a file of any size."""
        asked = self._export_query(format, filter, sort, fields, q, as_of)
        return Export(self._session, self._path("/export"), asked)


class AsyncNoun(BaseNoun):
    """One noun of the tenant; see :class:`Noun`. Lists and exports are iterated, the rest is awaited."""

    _session: AsyncSession

    def find(
        self,
        filter: Filter | None = None,
        *,
        sort: Sort | None = None,
        limit: int | None = None,
        include: Names = (),
        fields: Names | None = None,
        q: str | None = None,
        as_of: Moment | None = None,
        page_size: int = LARGEST_PAGE,
    ) -> AsyncFound[Record]:
        """The records that fit: ``async for lead in acme.Lead.find(...)``."""
        asked = self._list_query(
            filter,
            sort,
            q,
            include=comma_separated(include),
            fields=comma_separated(fields),
            asOf=moment_text(as_of),
        )
        return AsyncFound(self._session, self._path(), asked, limit=limit, page_size=page_size)

    async def get(
        self,
        id: Target,
        *,
        include: Names = (),
        fields: Names | None = None,
        as_of: Moment | None = None,
    ) -> Record:
        """One record. Raises NotFound."""
        return await self._session.run(self._get_steps(id, include, fields, as_of))

    async def count(
        self, filter: Filter | None = None, *, q: str | None = None, as_of: Moment | None = None
    ) -> int:
        """How many records fit, exactly."""
        return await self._session.run(self._count_steps(filter, q, as_of))

    def history(self, id: Target) -> AsyncFound[Event]:
        """The events of one record, newest first; also of a deleted one."""
        return AsyncFound(self._session, self._history_path(id))

    @overload
    def create(self, *, dry_run: Literal[False] = False, **fields: Any) -> Awaitable[Record]: ...
    @overload
    def create(self, *, dry_run: Literal[True], **fields: Any) -> Awaitable[DryRun]: ...
    def create(self, *, dry_run: bool = False, **fields: Any) -> Awaitable[Any]:
        """Create a record."""
        return self._session.run(
            self._session.execute(self.__name__, "create", None, fields, dry_run=dry_run)
        )

    @overload
    def update(
        self,
        id: Target,
        /,
        *,
        dry_run: Literal[False] = False,
        if_match: int | None = None,
        **fields: Any,
    ) -> Awaitable[Record]: ...
    @overload
    def update(
        self, id: Target, /, *, dry_run: Literal[True], if_match: int | None = None, **fields: Any
    ) -> Awaitable[DryRun]: ...
    def update(
        self,
        id: Target,
        /,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        **fields: Any,
    ) -> Awaitable[Any]:
        """Change fields of a record; those that are not given stay as they are."""
        return self._session.run(
            self._session.execute(
                self.__name__, "update", id, fields, dry_run=dry_run, if_match=if_match
            )
        )

    async def delete(
        self, id: Target, /, *, dry_run: bool = False, if_match: int | None = None
    ) -> DryRun | None:
        """Delete a record; ``restore`` brings it back."""
        return await self._session.run(
            self._session.execute(
                self.__name__, "delete", id, {}, dry_run=dry_run, if_match=if_match
            )
        )

    async def import_(
        self,
        source: Source,
        *,
        match: str | None = None,
        dry_run: bool = False,
        format: str | None = None,
        wait: bool = True,
        timeout: float | None = None,
        progress: Progress | None = None,
    ) -> Import:
        """Import a file or rows, and wait until it is done; see :meth:`Noun.import_`."""
        upload = make_upload(source, format)
        return await self._session.run(
            import_steps(
                self._session,
                self.__name__,
                upload,
                match=match,
                dry_run=dry_run,
                wait=wait,
                timeout=timeout,
                progress=progress,
            )
        )

    def export(
        self,
        format: Literal["csv", "ndjson", "json"] = "csv",
        *,
        filter: Filter | None = None,
        sort: Sort | None = None,
        fields: Names | None = None,
        q: str | None = None,
        as_of: Moment | None = None,
    ) -> AsyncExport:
        """All records that fit, as a file of any size."""
        asked = self._export_query(format, filter, sort, fields, q, as_of)
        return AsyncExport(self._session, self._path("/export"), asked)
