"""A tenant from afar: :class:`Headlessly` with a thread, :class:`AsyncHeadlessly` with an event loop."""

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

#: How much longer than a call taking back a large request may take, in seconds.
LONGEST_UNDO = 60


class BaseClient:
    """What can be asked of a tenant, for both halves."""

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
        """A noun by its name; one that does not exist is told where that can be known at once."""
        if not name[:1].isupper():
            raise AttributeError(
                f"{type(self).__name__} has no {name}; nouns begin with a capital."
            )
        self._session.check_noun(name)
        return self._session.noun(name)

    def _batch(self, *, atomic: bool = True) -> Asked:
        """Several verbs in one call; see :mod:`headlessly.client.batches`."""
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
        """The log, oldest first, from its beginning, ``since`` a moment or behind a ``cursor``.

        With ``follow`` it does not end: each question waits up to ``wait`` seconds for the next event, and
        it goes on when a server that was away is back; ``interrupted`` is told of that. Raises
        ValueError for an ``until``, behind which nothing would follow.
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
        """Record that something happened outside: ``track("page_view", {"plan": "pro"}, path="/pricing")``.

        ``about`` is session_id, user_id, anonymous_id, url, path, referrer.
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
        """The nouns as the server declares them now."""
        return dict((yield from self._session.declarations(fresh=True)).data)

    def _status(self) -> Steps[dict[str, Any]]:
        """The numbers of the pipeline: records by state, for each noun with states."""
        return self._session.request_json(Call("GET", "/status"))

    def _report(self, name: str | None = None, /, **asked: Any) -> Steps[dict[str, Any]]:
        """The numbers by name, or one: ``report("newLeads", period="last_month", owner="me")``.

        ``from_`` and ``to`` are days; ``asOf`` is a moment.
        """
        if name is None:
            return self._session.request_json(Call("GET", "/reports"))
        said = {key.rstrip("_"): str(value) for key, value in asked.items() if value is not None}
        path = f"/reports/{quote(name, safe='')}"
        return self._session.request_json(Call("GET", path, tuple(said.items())))

    def _me(self) -> Steps[Record]:
        """Who I am here, and what I may do."""
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
        """A page of what I was told, the newest first: ``results``, ``hasMore``, ``cursor``.

        ``kind`` is one or several with commas between. Raises Forbidden for a key that is nobody's.
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
        """A page of the saved views that I may use, by name: ``results``, ``hasMore``, ``cursor``."""
        query = query_pairs(noun=noun, limit=limit, offset=offset or None, cursor=cursor)
        return self._session.request_json(Call("GET", "/views", query))

    def _do(self, code: str, *, dry_run: bool = False) -> Steps[Ran]:
        """Run a short Python script at the server, all of it or nothing: ``Lead.find(...)``, loops, verbs.

        Names are those of the wire (``lead.lostReason``). Raises what went wrong in it: ScriptFailed,
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
        """Take back what a request did: ``undo("req_...")``, or an event, and what that caused.

        A request is known by the ``requestId`` of its events. Answers ``undone`` and ``stays``: what
        somebody touched since, and why it stays. Raises Conflict where nothing can be taken back.

        A large one is taken back in the background and answers the two as numbers (``$type`` is
        ``LargeUndo``; ``/undos/{id}/stays`` lists what stays). ``wait`` until it is done, for ``timeout``
        seconds at the most; ``progress`` is called with how far it is. Raises UndoFailed, TimeoutError.
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
        """Any other call of the API, below the tenant's address: ``request("GET", "/webhooks")``."""
        if not path.startswith("/"):
            raise ValueError(f"A path begins with a slash, below {self.url}: /leads.")
        given = {name: value for name, value in (query or {}).items() if value is not None}
        parameters = tuple((name, str(value)) for name, value in given.items())
        return self._session.request_json(Call(method.upper(), path, parameters, body))


class Headlessly(BaseClient):
    """One tenant of a headlessly server: ``acme.Lead.find({"status": "Qualified"})``.

    ``url`` is the tenant's address, like https://crm.example.com/~acme. Without it, or without a key,
    HEADLESSLY_URL and HEADLESSLY_API_KEY say it, or the login that ``headlessly login`` stored
    (``profile`` names one of several). ``timeout`` is how long an answer may take, in seconds. Use it
    in a ``with``, or :meth:`close` it. It may be shared by threads.
    """

    _session: SyncSession
    _session_kind = SyncSession

    def __getattr__(self, name: str) -> Noun:
        """A noun by its name. Raises AttributeError that lists those that exist."""
        return self._noun(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
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
    """One tenant of a headlessly server, for an event loop; see :class:`Headlessly`.

    ``await acme.Lead.get(id)``, ``async for lead in acme.Lead.find(...)``, ``await lead.convert()``.
    """

    _session: AsyncSession
    _session_kind = AsyncSession

    def __getattr__(self, name: str) -> AsyncNoun:
        """A noun by its name; one that does not exist is told when it is first asked."""
        return self._noun(name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
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
