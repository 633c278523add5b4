"""Nouns from afar: ``acme.Lead.find(...)``, ``acme.Lead.convert(id)``, as in process.

What can be asked of a noun is written once, in :class:`BaseNoun`. The two classes made of it differ in what
they answer: a result, or an awaitable of it.
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
    """One noun of the tenant."""

    _session: Session

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self.__name__ = name

    def __getattr__(self, name: str) -> Any:
        """Any verb that the noun has, what else is asked of its records (``Lead.score(id)``), and
        ``lost_by``: the events that a verb of an actor left."""
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
        """The records that fit, all of them or the first ``limit``, read a page at a time as needed.

        ``sort`` is ``"-score,createdAt"`` or ``{"score": "desc"}``; ``include`` names references to read
        with them; ``fields`` what to read of them; ``q`` words in any searchable field; ``as_of`` asks
        for the records as they were.
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
        """One record. Raises NotFound."""
        path = yield from self._session.with_declarations(self._record_path(id))
        asked = _list_query(None, None, None, fields, as_of, include=comma_separated(include))
        found = yield from self._session.request_json(Call("GET", path, asked))
        return record_of(found, self._session)

    def _count(
        self, filter: Filter | None = None, *, q: str | None = None, as_of: Moment | None = None
    ) -> Steps[int]:
        """How many records fit, exactly."""
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
        """The records that fit, measured by group: ``aggregate(group="source", measure="sum(budget)")``.

        ``by`` is a stretch of time, ``"month(createdAt)"``, in ``zone`` (UTC); ``having`` compares measures.
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
        """The events of one record, newest first; also of a deleted one."""
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
        """All records that fit, as a file of any size."""
        asked = _list_query(filter, sort, q, fields, as_of, format=format)
        return {"address": self._path("/export"), "asked": asked}

    # -- writing ----------------------------------------------------------------------------------

    @overload
    def _create(self, *, dry_run: Literal[False] = False, **fields: Any) -> Steps[Record]: ...
    @overload
    def _create(self, *, dry_run: Literal[True], **fields: Any) -> Steps[DryRun]: ...
    def _create(self, *, dry_run: bool = False, **fields: Any) -> Steps[Any]:
        """Create a record."""
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
        """Change fields of a record; those that are not given stay as they are."""
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
        """Change the record that is called so, or create it: ``upsert("email", "ada@x.example")``.

        ``name`` is a unique field, or a system that has ids of its own: ``upsert("hubspot", "123")``. Safe to
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
        """Delete a record; ``restore`` brings it back."""
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
        """Import a file (a path, an open file, bytes with their ``format``) or rows, and wait until it is
        done.

        ``match`` names the fields, with commas, by which rows update what exists. ``mapping`` says what
        columns and words mean (``{"columns": {"Deal size": "budget"}, "values": {"status": {"won":
        "Converted"}}}``), is ``"kept"``, or a program (``"hubspot"``); ``options`` are the other parameters
        of ``POST /import``: ``numbers``, ``days``, ``zone``, ``unknown``, ``create``, ``defaults``,
        ``encoding``, ``delimiter``, ``guess``. Good rows are in, refused ones are in ``errors``.
        ``progress`` is called with the import as it goes on. Raises ImportFailed for a file that cannot be
        read, TimeoutError when it takes longer than ``timeout`` seconds.
        """
        upload = make_upload(source, format)
        address = yield from self._session.with_declarations(self._path("/import"))
        said = {
            name: dumps(value).decode() if isinstance(value, Mapping) else value
            for name, value in {"mapping": mapping, **options}.items()
        }
        asked = query_pairs(match=match, dryRun=dry_run, **said)
        # A large file takes a while to be taken in before there is an answer.
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
    """One noun of the tenant: find, get, create, update, delete, and every verb of its own."""

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
    """One noun of the tenant; see :class:`Noun`. Lists and exports are iterated, the rest is awaited."""

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
