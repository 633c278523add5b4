"""A tenant from afar: :class:`Headlessly` with a thread, :class:`AsyncHeadlessly` with an event loop."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Self

from headlessly.client import logins
from headlessly.client.batches import AsyncBatch, Batch
from headlessly.client.calls import Call, Retries, Steps
from headlessly.client.declarations import Declarations
from headlessly.client.lists import LARGEST_PAGE, AsyncEvents, Events
from headlessly.client.nouns import AsyncNoun, Moment, Noun
from headlessly.client.records import DryRun, Event, Record, result_of_write
from headlessly.client.scripts import Ran, script_steps
from headlessly.client.sessions import AsyncSession, Session, SyncSession
from headlessly.client.wire import id_of, moment_text, query_pairs, wire_name


class BaseClient:
    """What both have in common: where they are, and what they know of the nouns."""

    _session: Session

    @property
    def url(self) -> str:
        """The tenant's address."""
        return self._session.url

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    def __dir__(self) -> list[str]:
        declared = self._session.declared
        return [*object.__dir__(self), *(declared.nouns if declared else ())]

    def _events_query(
        self,
        since: Moment | None,
        until: Moment | None,
        name: str | None,
        target: Any,
        type: str | None,
        actor: Any,
    ) -> tuple[tuple[str, str], ...]:
        return query_pairs(
            since=moment_text(since),
            until=moment_text(until),
            name=name,
            target=None if target is None else id_of(target),
            targetType=type,
            actor=None if actor is None else id_of(actor),
        )

    def _track_steps(
        self,
        name: str,
        properties: Mapping[str, Any] | None,
        timestamp: date | str | None,
        dry_run: bool,
        about: Mapping[str, Any],
    ) -> Steps[Any]:
        body = {wire_name(k): v for k, v in about.items()} | {"name": name}
        if properties is not None:
            body["properties"] = dict(properties)
        if timestamp is not None:
            body["timestamp"] = timestamp
        call = Call("POST", "/events", query_pairs(dryRun=dry_run), body)
        return result_of_write((yield from self._session.request_json(call)), self._session)

    def _schema_steps(self) -> Steps[dict[str, Any]]:
        declared: Declarations = yield from self._session.declarations(fresh=True)
        return dict(declared.data)

    def _me_steps(self) -> Steps[Record]:
        return Record((yield from self._session.request_json(Call("GET", "/me"))), self._session)

    def _request_steps(
        self, method: str, path: str, query: Mapping[str, Any], body: Any
    ) -> Steps[Any]:
        if not path.startswith("/"):
            raise ValueError(f"A path begins with a slash, below {self.url}: /leads.")
        parameters = tuple((name, str(value)) for name, value in query.items())
        return (yield from self._session.request_json(Call(method.upper(), path, parameters, body)))


class Headlessly(BaseClient):
    """One tenant of a headlessly server: ``acme.Lead.find({"status": "Qualified"})``.

    ``url`` is the tenant's address, like https://crm.example.com/~acme. Without it, or without a key,
    HEADLESSLY_URL and HEADLESSLY_API_KEY say it, or the login that ``headlessly login`` stored
    (``profile`` names one of several). ``timeout`` is how long an answer may take, in seconds. Use it
    in a ``with``, or :meth:`close` it. It may be shared by threads.
    """

    _session: SyncSession

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
        self._session = SyncSession(
            login.url, login.api_key, timeout, retries or Retries(), transport
        )

    def __getattr__(self, name: str) -> Noun:
        """A noun by its name. Raises AttributeError that lists those that exist."""
        if not name[:1].isupper():
            raise AttributeError(
                f"{type(self).__name__} has no {name}; nouns begin with a capital."
            )
        self._session.check_noun(name)
        return self._session.noun(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def batch(self, *, atomic: bool = True) -> Batch:
        """Several verbs in one call; see :mod:`headlessly.client.batches`."""
        return Batch(self._session, atomic=atomic)

    def events(
        self,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        name: str | None = None,
        target: Any = None,
        type: str | None = None,
        actor: Any = None,
        cursor: str | None = None,
        follow: bool = False,
        wait: float = 20,
        limit: int | None = None,
        page_size: int = LARGEST_PAGE,
    ) -> Events:
        """The log, oldest first, from its beginning, ``since`` a moment or behind a ``cursor``.

        With ``follow`` it does not end: each question waits up to ``wait`` seconds for the next event.
        """
        asked = self._events_query(since, until, name, target, type, actor)
        return Events(
            self._session,
            asked,
            cursor=cursor,
            follow=follow,
            wait=wait,
            limit=limit,
            page_size=page_size,
        )

    def track(
        self,
        name: str,
        properties: Mapping[str, Any] | None = None,
        *,
        timestamp: date | str | None = None,
        dry_run: bool = False,
        **about: Any,
    ) -> Event | DryRun:
        """Record that something happened outside: ``track("page_view", {"plan": "pro"}, path="/pricing")``.

        ``about`` is session_id, user_id, anonymous_id, url, path, referrer.
        """
        return self._session.run(self._track_steps(name, properties, timestamp, dry_run, about))

    def schema(self) -> dict[str, Any]:
        """The nouns as the server declares them now."""
        return self._session.run(self._schema_steps())

    def status(self) -> dict[str, Any]:
        """The numbers of the pipeline: records by state, for each noun with states."""
        return self._session.run(self._session.request_json(Call("GET", "/status")))

    def me(self) -> Record:
        """Who I am here, and what I may do."""
        return self._session.run(self._me_steps())

    def do(self, code: str, *, dry_run: bool = False) -> Ran:
        """Run a short Python script at the server, all of it or nothing: ``Lead.find(...)``, loops, verbs.

        Names are those of the wire (``lead.lostReason``). Raises what went wrong in it: ScriptFailed,
        LimitExceeded or the error of a verb, each with its ``line``.
        """
        return self._session.run(script_steps(self._session, code, dry_run))

    def request(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None
    ) -> Any:
        """Any other call of the API, below the tenant's address: ``request("GET", "/webhooks")``."""
        return self._session.run(self._request_steps(method, path, query or {}, body))


class AsyncHeadlessly(BaseClient):
    """One tenant of a headlessly server, for an event loop; see :class:`Headlessly`.

    ``await acme.Lead.get(id)``, ``async for lead in acme.Lead.find(...)``, ``await lead.convert()``.
    """

    _session: AsyncSession

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
        self._session = AsyncSession(
            login.url, login.api_key, timeout, retries or Retries(), transport
        )

    def __getattr__(self, name: str) -> AsyncNoun:
        """A noun by its name; one that does not exist is told when it is first asked."""
        if not name[:1].isupper():
            raise AttributeError(
                f"{type(self).__name__} has no {name}; nouns begin with a capital."
            )
        return self._session.noun(name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    def batch(self, *, atomic: bool = True) -> AsyncBatch:
        """Several verbs in one call; see :mod:`headlessly.client.batches`."""
        return AsyncBatch(self._session, atomic=atomic)

    def events(
        self,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        name: str | None = None,
        target: Any = None,
        type: str | None = None,
        actor: Any = None,
        cursor: str | None = None,
        follow: bool = False,
        wait: float = 20,
        limit: int | None = None,
        page_size: int = LARGEST_PAGE,
    ) -> AsyncEvents:
        """The log, oldest first: ``async for event in acme.events(follow=True)``."""
        asked = self._events_query(since, until, name, target, type, actor)
        return AsyncEvents(
            self._session,
            asked,
            cursor=cursor,
            follow=follow,
            wait=wait,
            limit=limit,
            page_size=page_size,
        )

    async def track(
        self,
        name: str,
        properties: Mapping[str, Any] | None = None,
        *,
        timestamp: date | str | None = None,
        dry_run: bool = False,
        **about: Any,
    ) -> Event | DryRun:
        """Record that something happened outside; see :meth:`Headlessly.track`."""
        return await self._session.run(
            self._track_steps(name, properties, timestamp, dry_run, about)
        )

    async def schema(self) -> dict[str, Any]:
        """The nouns as the server declares them now."""
        return await self._session.run(self._schema_steps())

    async def status(self) -> dict[str, Any]:
        """The numbers of the pipeline: records by state, for each noun with states."""
        return await self._session.run(self._session.request_json(Call("GET", "/status")))

    async def me(self) -> Record:
        """Who I am here, and what I may do."""
        return await self._session.run(self._me_steps())

    async def do(self, code: str, *, dry_run: bool = False) -> Ran:
        """Run a short Python script at the server, all of it or nothing; see :meth:`Headlessly.do`."""
        return await self._session.run(script_steps(self._session, code, dry_run))

    async def request(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None
    ) -> Any:
        """Any other call of the API, below the tenant's address."""
        return await self._session.run(self._request_steps(method, path, query or {}, body))
