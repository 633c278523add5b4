"""The client's nouns: ``acme.Lead.find(...)``, ``acme.Lead.convert(id)``, as in process.

The operations are written once, in :class:`BaseNoun`. Its two subclasses differ in what they return: a
result, or an awaitable of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, overload

from headlessly.client.calls import Call, Steps
from headlessly.client.files import (
    AsyncExport,
    Export,
    Progress,
    Source,
    filter_text,
    make_upload,
    wait_steps,
)
from headlessly.client.halves import Asked, asking, awaited, blocking
from headlessly.client.lists import LARGEST_PAGE, AsyncFound, Found
from headlessly.client.records import (
    DryRun,
    Event,
    Import,
    Record,
    record_of,
    result_of_write,
)
from headlessly.client.verbs import upsert_call
from headlessly.client.wire import (
    comma_separated,
    dumps,
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
    """A noun of the tenant."""

    _session: Session

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self.__name__ = name

    def __getattr__(self, name: str) -> Any:
        """Returns a verb of the noun, another operation on its records (``Lead.score(id)``), or
        ``lost_by``, which finds the events that an actor left by a verb."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self._session.verb(self.__name__, name)

    def __dir__(self) -> list[str]:
        declared = self._session.declared
        if declared is None:
            return list(object.__dir__(self))
        noun = declared.noun(self.__name__)
        return [*object.__dir__(self), *noun.verbs, *noun.operations]

    def __repr__(self) -> str:
        return f"<{self.__name__} at {self._session.url}>"

    def _path(self, before: str = "") -> Any:
        return lambda declared: f"{before}/{declared.noun(self.__name__).plural}"

    def _record_path(self, id: Target, behind: str = "") -> Any:
        address = self._path()
        return lambda declared: f"{address(declared)}/{path_segment(id_of(id))}{behind}"

    # -- reading ----------------------------------------------------------------------------------

    def _find(
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
    ) -> Asked:
        """The matching records, all of them or the first ``limit``, read page by page as needed.

        ``sort`` is ``"-score,createdAt"`` or ``{"score": "desc"}``; ``include`` names references to read
        along; ``fields`` the fields to read; ``q`` words in any searchable field; ``as_of`` a moment in
        the past.
        """
        asked = _list_query(filter, sort, q, fields, as_of, include=comma_separated(include))
        return {"address": self._path(), "asked": asked, "limit": limit, "page_size": page_size}

    def _get(
        self,
        id: Target,
        *,
        include: Names = (),
        fields: Names | None = None,
        as_of: Moment | None = None,
    ) -> Steps[Record]:
        """Returns one record. Raises NotFound."""
        path = yield from self._session.with_declarations(self._record_path(id))
        asked = _list_query(None, None, None, fields, as_of, include=comma_separated(include))
        found = yield from self._session.request_json(Call("GET", path, asked))
        return record_of(found, self._session)

    def _count(
        self, filter: Filter | None = None, *, q: str | None = None, as_of: Moment | None = None
    ) -> Steps[int]:
        """Returns the exact number of matching records."""
        path = yield from self._session.with_declarations(self._path())
        asked = _list_query(filter, None, q, None, as_of, count="exact", limit=1)
        return (yield from self._session.request_json(Call("GET", path, asked)))["total"]

    def _aggregate(
        self,
        filter: Filter | None = None,
        *,
        group: Names = (),
        measure: Names = "count",
        by: str | None = None,
        having: Filter | None = None,
        sort: Sort | None = None,
        limit: int | None = None,
        q: str | None = None,
        as_of: Moment | None = None,
        zone: str | None = None,
    ) -> Steps[list[dict[str, Any]]]:
        """Returns the matching records, measured by group: ``aggregate(group="source",
        measure="sum(budget)")``.

        ``by`` is a stretch of time, ``"month(createdAt)"``, in ``zone`` (UTC); ``having`` compares
        measures.
        """
        address = self._path()
        path = yield from self._session.with_declarations(lambda d: f"{address(d)}/aggregate")
        asked = _list_query(
            filter, sort, q, None, as_of,
            group=comma_separated(group), measure=comma_separated(measure), by=by,
            having=filter_text(having), limit=limit, zone=zone,
        )  # fmt: skip
        return (yield from self._session.request_json(Call("GET", path, asked)))["groups"]

    def _history(self, id: Target) -> Asked:
        """The events of one record, newest first, even if it is deleted."""
        return {"address": self._record_path(id, "/events")}

    def _export(
        self,
        format: Literal["csv", "ndjson", "json"] = "csv",
        *,
        filter: Filter | None = None,
        sort: Sort | None = None,
        fields: Names | None = None,
        q: str | None = None,
        as_of: Moment | None = None,
    ) -> Asked:
        """All matching records, as a file of any size."""
        asked = _list_query(filter, sort, q, fields, as_of, format=format)
        return {"address": self._path("/export"), "asked": asked}

    # -- writing ----------------------------------------------------------------------------------

    @overload
    def _create(self, *, dry_run: Literal[False] = False, **fields: Any) -> Steps[Record]: ...
    @overload
    def _create(self, *, dry_run: Literal[True], **fields: Any) -> Steps[DryRun]: ...
    def _create(self, *, dry_run: bool = False, **fields: Any) -> Steps[Any]:
        """Creates a record."""
        return self._session.execute(self.__name__, "create", None, fields, dry_run=dry_run)

    @overload
    def _update(
        self,
        id: Target,
        /,
        *,
        dry_run: Literal[False] = False,
        if_match: int | None = None,
        **fields: Any,
    ) -> Steps[Record]: ...
    @overload
    def _update(
        self, id: Target, /, *, dry_run: Literal[True], if_match: int | None = None, **fields: Any
    ) -> Steps[DryRun]: ...
    def _update(
        self,
        id: Target,
        /,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        **fields: Any,
    ) -> Steps[Any]:
        """Changes fields of a record. Other fields stay as they are."""
        return self._session.execute(
            self.__name__, "update", id, fields, dry_run=dry_run, if_match=if_match
        )

    def _upsert(
        self,
        name: str,
        value: Any,
        /,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        **fields: Any,
    ) -> Steps[Any]:
        """Changes the record with this unique value, or creates it: ``upsert("email", "ada@x.example")``.

        ``name`` is a unique field, or an external system: ``upsert("hubspot", "123")``. It is safe to
        repeat.
        """
        call = yield from self._session.with_declarations(
            lambda declared: upsert_call(
                declared, self.__name__, name, value, fields, dry_run=dry_run, if_match=if_match
            )
        )
        return result_of_write((yield from self._session.request_json(call)), self._session)

    @overload
    def _delete(
        self, id: Target, /, *, dry_run: Literal[False] = False, if_match: int | None = None
    ) -> Steps[None]: ...
    @overload
    def _delete(
        self, id: Target, /, *, dry_run: Literal[True], if_match: int | None = None
    ) -> Steps[DryRun]: ...
    def _delete(
        self, id: Target, /, *, dry_run: bool = False, if_match: int | None = None
    ) -> Steps[Any]:
        """Deletes a record; ``restore`` brings it back."""
        return self._session.execute(
            self.__name__, "delete", id, {}, dry_run=dry_run, if_match=if_match
        )

    def _import_(
        self,
        source: Source,
        *,
        match: str | None = None,
        dry_run: bool = False,
        format: str | None = None,
        wait: bool = True,
        timeout: float | None = None,
        progress: Progress | None = None,
        mapping: Mapping[str, Any] | str | None = None,
        **options: Any,
    ) -> Steps[Import]:
        """Imports a file (a path, an open file, bytes with their ``format``) or rows, and waits until it
        is done.

        ``match`` names the fields, separated by commas, by which rows update existing records. ``mapping``
        says what columns and words mean (``{"columns": {"Deal size": "budget"}, "values": {"status":
        {"won": "Converted"}}}``), or is ``"kept"``, or a program (``"hubspot"``). ``options`` are the
        other parameters of ``POST /import``: ``numbers``, ``days``, ``zone``, ``unknown``, ``create``,
        ``defaults``, ``encoding``, ``delimiter``, ``guess``. Good rows are imported, refused ones are in
        ``errors``. ``progress`` is called with the import as it goes on. Raises ImportFailed for a file
        that cannot be read, TimeoutError if it takes longer than ``timeout`` seconds.
        """
        upload = make_upload(source, format)
        address = yield from self._session.with_declarations(self._path("/import"))
        said = {
            name: dumps(value).decode() if isinstance(value, Mapping) else value
            for name, value in {"mapping": mapping, **options}.items()
        }
        asked = query_pairs(match=match, dryRun=dry_run, **said)
        # The server stores a large file before it responds, which takes a while.
        call = Call("POST", address, asked, upload=upload, wait=60)
        found = record_of((yield from self._session.request_json(call)), self._session)
        if not wait:
            return found
        return (yield from wait_steps(self._session, found, timeout=timeout, progress=progress))


def _list_query(
    filter: Filter | None,
    sort: Sort | None,
    q: str | None,
    fields: Names | None,
    as_of: Moment | None,
    **more: Any,
) -> tuple[tuple[str, str], ...]:
    return query_pairs(
        filter=filter_text(filter),
        sort=sort_text(sort),
        q=q,
        fields=comma_separated(fields),
        asOf=moment_text(as_of),
        **more,
    )


class Noun(BaseNoun):
    """A noun of the tenant: find, get, create, update, delete, and all verbs of its own."""

    _session: SyncSession

    find = asking(Found[Record], BaseNoun._find)
    get = blocking(BaseNoun._get)
    count = blocking(BaseNoun._count)
    aggregate = blocking(BaseNoun._aggregate)
    history = asking(Found[Event], BaseNoun._history)
    create = blocking(BaseNoun._create)
    update = blocking(BaseNoun._update)
    upsert = blocking(BaseNoun._upsert)
    delete = blocking(BaseNoun._delete)
    import_ = blocking(BaseNoun._import_)
    export = asking(Export, BaseNoun._export)


class AsyncNoun(BaseNoun):
    """A noun of the tenant; see :class:`Noun`. Lists and exports are iterated, everything else is awaited."""

    _session: AsyncSession

    find = asking(AsyncFound[Record], BaseNoun._find)
    get = awaited(BaseNoun._get)
    count = awaited(BaseNoun._count)
    aggregate = awaited(BaseNoun._aggregate)
    history = asking(AsyncFound[Event], BaseNoun._history)
    create = awaited(BaseNoun._create)
    update = awaited(BaseNoun._update)
    upsert = awaited(BaseNoun._upsert)
    delete = awaited(BaseNoun._delete)
    import_ = awaited(BaseNoun._import_)
    export = asking(AsyncExport, BaseNoun._export)
