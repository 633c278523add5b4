"""Clients of a tenant: :class:`Headlessly` for threads, :class:`AsyncHeadlessly` for an event loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, ClassVar, Self
from urllib.parse import quote

from headlessly.client import logins
from headlessly.client.batches import AsyncBatch, Batch
from headlessly.client.calls import Call, Retries, Steps
from headlessly.client.errors import HeadlesslyError
from headlessly.client.halves import Asked, asking, awaited, blocking
from headlessly.client.lists import LARGEST_PAGE, AsyncEvents, Events
from headlessly.client.nouns import AsyncNoun, Moment, Noun
from headlessly.client.records import DryRun, Event, Record, result_of_write
from headlessly.client.scripts import Ran, script_steps
from headlessly.client.sessions import AsyncSession, Session, SyncSession
from headlessly.client.undos import undo_steps
from headlessly.client.wire import id_of, moment_text, query_pairs, wire_name

#: How many seconds undoing a large request may take in addition to the timeout.
LONGEST_UNDO = 60


class BaseClient:
    """The operations of both clients."""

    _session: Session
    _session_kind: ClassVar[type[Session]]

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        profile: str | None = None,
        timeout: float = 30.0,
        retries: Retries | None = None,
        transport: Any = None,
    ) -> None:
        login = logins.resolve_login(url, api_key, profile)
        key = login.api_key.strip()
        if not (key.isascii() and key.isprintable() and key):
            raise ValueError("This is no API key: one looks like hly_sk_...")
        self._session = self._session_kind(login.url, key, timeout, retries or Retries(), transport)

    @property
    def url(self) -> str:
        """The tenant's address."""
        return self._session.url

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    def __dir__(self) -> list[str]:
        declared = self._session.declared
        return [*object.__dir__(self), *(declared.nouns if declared else ())]

    def _noun(self, name: str) -> Any:
        """Returns a noun by its name. Raises AttributeError, for an unknown noun as far as that is known
        without waiting."""
        if not name[:1].isupper():
            raise AttributeError(
                f"{type(self).__name__} has no {name}; nouns begin with a capital."
            )
        self._session.check_noun(name)
        return self._session.noun(name)

    def _batch(self, *, atomic: bool = True) -> Asked:
        """Several verbs in one request; see :mod:`headlessly.client.batches`."""
        return {"atomic": atomic}

    def _events(
        self,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        name: str | None = None,
        target: Any = None,
        type: str | None = None,
        actor: Any = None,
        request: str | None = None,
        cursor: str | None = None,
        follow: bool = False,
        wait: float = 20,
        limit: int | None = None,
        page_size: int = LARGEST_PAGE,
        interrupted: Callable[[HeadlesslyError], Any] | None = None,
    ) -> Asked:
        """The log, oldest first: from its beginning, from the moment ``since``, or after a ``cursor``.

        With ``follow`` it never ends: each request waits up to ``wait`` seconds for the next event. If the
        server is away it continues once it is back, and calls ``interrupted`` with the error. Raises
        ValueError for ``follow`` with ``until``, after which nothing would follow.
        """
        if follow and until is not None:
            raise ValueError("Who follows the log waits for what is to come: leave out until.")
        asked = query_pairs(
            since=moment_text(since),
            until=moment_text(until),
            name=name,
            target=None if target is None else id_of(target),
            targetType=type,
            actor=None if actor is None else id_of(actor),
            requestId=request,
        )
        return {
            "asked": asked,
            "cursor": cursor,
            "follow": follow,
            "wait": wait,
            "limit": limit,
            "page_size": page_size,
            "interrupted": interrupted,
        }

    def _track(
        self,
        name: str,
        properties: Mapping[str, Any] | None = None,
        *,
        timestamp: date | str | None = None,
        dry_run: bool = False,
        **about: Any,
    ) -> Steps[Event | DryRun]:
        """Tracks something that happened outside: ``track("page_view", {"plan": "pro"},
        path="/pricing")``.

        ``about`` may have session_id, user_id, anonymous_id, url, path, referrer.
        """
        body = {wire_name(k): v for k, v in about.items()} | {"name": name}
        if properties is not None:
            body["properties"] = dict(properties)
        if timestamp is not None:
            body["timestamp"] = timestamp
        call = Call("POST", "/events", query_pairs(dryRun=dry_run), body)
        done: Any = result_of_write((yield from self._session.request_json(call)), self._session)
        return done

    def _schema(self) -> Steps[dict[str, Any]]:
        """Returns the nouns as the server declares them now."""
        return dict((yield from self._session.declarations(fresh=True)).data)

    def _status(self) -> Steps[dict[str, Any]]:
        """Returns the number of records by state, for each noun with states."""
        return self._session.request_json(Call("GET", "/status"))

    def _report(self, name: str | None = None, /, **asked: Any) -> Steps[dict[str, Any]]:
        """Returns all named numbers, or one: ``report("newLeads", period="last_month", owner="me")``.

        ``from_`` and ``to`` are days; ``asOf`` is a moment.
        """
        if name is None:
            return self._session.request_json(Call("GET", "/reports"))
        said = {key.rstrip("_"): str(value) for key, value in asked.items() if value is not None}
        path = f"/reports/{quote(name, safe='')}"
        return self._session.request_json(Call("GET", path, tuple(said.items())))

    def _me(self) -> Steps[Record]:
        """Returns who the key belongs to, and what it may do."""
        return Record((yield from self._session.request_json(Call("GET", "/me"))), self._session)

    def _notifications(
        self,
        *,
        unread: bool = False,
        kind: str | None = None,
        since: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Steps[dict[str, Any]]:
        """Returns a page of the person's notifications, the newest first: ``results``, ``hasMore``,
        ``cursor``.

        ``kind`` is one kind or several, separated by commas. Raises Forbidden for a key without a person.
        """
        query = query_pairs(unread=unread, kind=kind, since=since, cursor=cursor, limit=limit)
        return self._session.request_json(Call("GET", "/notifications", query))

    def _views(
        self,
        *,
        noun: str | None = None,
        limit: int | None = None,
        offset: int = 0,
        cursor: str | None = None,
    ) -> Steps[dict[str, Any]]:
        """Returns a page of the saved views that the person may use, by name: ``results``, ``hasMore``,
        ``cursor``."""
        query = query_pairs(noun=noun, limit=limit, offset=offset or None, cursor=cursor)
        return self._session.request_json(Call("GET", "/views", query))

    def _do(self, code: str, *, dry_run: bool = False) -> Steps[Ran]:
        """Runs a short Python script on the server, all of it or nothing: ``Lead.find(...)``, loops,
        verbs.

        Names are those of the wire (``lead.lostReason``). Raises the script's error: ScriptFailed,
        LimitExceeded or the error of a verb, each with its ``line``.
        """
        return script_steps(self._session, code, dry_run)

    def _undo(
        self,
        request: str | Event,
        *,
        event: str | None = None,
        dry_run: bool = False,
        wait: bool = True,
        timeout: float | None = None,
        progress: Callable[[dict[str, Any]], Any] | None = None,
    ) -> Steps[dict[str, Any]]:
        """Undoes a request: ``undo("req_...")``, or one event with everything that it caused.

        ``request`` is the ``requestId`` of events. Returns ``undone`` and ``stays``: the records that
        somebody has touched since, with the reason why they stay. Raises Conflict if nothing can be
        undone.

        A large request is undone in the background, and both are numbers (``$type`` is ``LargeUndo``;
        ``/undos/{id}/stays`` lists the records that stay). ``wait`` until it has finished, at most
        ``timeout`` seconds; ``progress`` is called with its state. Raises UndoFailed, TimeoutError.
        """
        if isinstance(request, Event):
            said = request.to_dict()
            request, event = str(said["requestId"]), event or str(said["$id"])
        path = f"/requests/{quote(request, safe='')}/undo"
        body = {} if event is None else {"event": event}
        call = Call("POST", path, query_pairs(dryRun=dry_run), body, wait=LONGEST_UNDO)
        done: dict[str, Any] = yield from self._session.request_json(call)
        if not wait or done.get("$type") != "LargeUndo":
            return done
        return (yield from undo_steps(self._session, done, timeout=timeout, progress=progress))

    def _request(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None
    ) -> Steps[Any]:
        """Makes any other call of the API, relative to the tenant's address: ``request("GET",
        "/webhooks")``."""
        if not path.startswith("/"):
            raise ValueError(f"A path begins with a slash, below {self.url}: /leads.")
        given = {name: value for name, value in (query or {}).items() if value is not None}
        parameters = tuple((name, str(value)) for name, value in given.items())
        return self._session.request_json(Call(method.upper(), path, parameters, body))


class Headlessly(BaseClient):
    """A tenant of a headlessly server: ``acme.Lead.find({"status": "Qualified"})``.

    ``url`` is the tenant's address, like https://crm.example.com/~acme. Without it, or without a key, they
    come from HEADLESSLY_URL and HEADLESSLY_API_KEY, or from the login that ``headlessly login`` stored
    (``profile`` names one of several). ``timeout`` is how many seconds a response may take. Use it in a
    ``with``, or :meth:`close` it. Threads may share it.
    """

    _session: SyncSession
    _session_kind = SyncSession

    def __getattr__(self, name: str) -> Noun:
        """Returns a noun by its name. Raises AttributeError, which lists those that exist."""
        return self._noun(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._session.close()

    batch = asking(Batch, BaseClient._batch)
    events = asking(Events, BaseClient._events)
    track = blocking(BaseClient._track)
    schema = blocking(BaseClient._schema)
    status = blocking(BaseClient._status)
    report = blocking(BaseClient._report)
    me = blocking(BaseClient._me)
    notifications = blocking(BaseClient._notifications)
    views = blocking(BaseClient._views)
    do = blocking(BaseClient._do)
    undo = blocking(BaseClient._undo)
    request = blocking(BaseClient._request)


class AsyncHeadlessly(BaseClient):
    """A tenant of a headlessly server, for an event loop; see :class:`Headlessly`.

    ``await acme.Lead.get(id)``, ``async for lead in acme.Lead.find(...)``, ``await lead.convert()``.
    """

    _session: AsyncSession
    _session_kind = AsyncSession

    def __getattr__(self, name: str) -> AsyncNoun:
        """Returns a noun by its name. An unknown one raises when it is first used."""
        return self._noun(name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._session.close()

    batch = asking(AsyncBatch, BaseClient._batch)
    events = asking(AsyncEvents, BaseClient._events)
    track = awaited(BaseClient._track)
    schema = awaited(BaseClient._schema)
    status = awaited(BaseClient._status)
    report = awaited(BaseClient._report)
    me = awaited(BaseClient._me)
    notifications = awaited(BaseClient._notifications)
    views = awaited(BaseClient._views)
    do = awaited(BaseClient._do)
    undo = awaited(BaseClient._undo)
    request = awaited(BaseClient._request)
