"""Sessions: the connections to one tenant, which run operations in a thread or in an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, TypeVar

import httpx

from headlessly.client import lists, nouns
from headlessly.client.calls import Call, Pause, Retries, Send, Steps, exchange, parse_json
from headlessly.client.declarations import Declarations, Unknown
from headlessly.client.records import Event, Record, result_of_write
from headlessly.client.verbs import ByActor, Verb, verb_call
from headlessly.client.wire import query_pairs

T = TypeVar("T")

#: How many seconds old the declarations must be to be loaded again for an unknown name.
STALE = 10.0
AGENT = "headlessly-client"


class Session:
    """Base of both sessions: everything but sending and waiting."""

    #: The class of httpx that sends its requests.
    http_kind: ClassVar[Callable[..., Any]]

    def __init__(
        self, url: str, api_key: str, timeout: float, retries: Retries, transport: Any = None
    ) -> None:
        self.url = url
        self.api_key = api_key
        self.retries = retries
        self.timeout = timeout
        self.http = self.http_kind(
            headers={
                "Authorization": f"Bearer {api_key}",
                "Accept": "application/json",
                "User-Agent": AGENT,
            },
            timeout=self._patience(),
            transport=transport,
            follow_redirects=False,  # the key is for this address only
        )
        self.declared: Declarations | None = None
        self._declared_at = 0.0

    def run(self, steps: Steps[T]) -> Any:
        """Runs an operation. Returns its result, or an awaitable of it."""
        raise NotImplementedError

    def noun(self, name: str) -> Any:
        """Returns a noun."""
        raise NotImplementedError

    def check_noun(self, name: str) -> None:
        """Raises UnknownName for an unknown noun, if that can be found out without awaiting."""

    # -- requests ---------------------------------------------------------------------------------

    def _patience(self, more: float = 0) -> httpx.Timeout:
        """Returns the timeouts of a response and of a connection."""
        return httpx.Timeout(self.timeout + more, connect=min(self.timeout, 10.0))

    def request_arguments(self, call: Call) -> dict[str, Any]:
        """Returns the arguments of httpx's ``build_request``."""
        files = None
        if call.upload is not None:
            files = {"file": (call.upload.name, call.upload.open())}
        return {
            "method": call.method,
            "url": self.url + call.path,
            "params": call.query or None,
            "headers": call.headers,
            "content": call.content,
            "files": files,
            "timeout": self._patience(call.wait),
        }

    # -- operations -------------------------------------------------------------------------------

    def request_json(self, call: Call) -> Steps[Any]:
        """Returns the JSON of the response to a call."""
        return parse_json((yield from exchange(call, self.retries)))

    def declarations(self, *, fresh: bool = False) -> Steps[Declarations]:
        """Returns the declarations, which are loaded once."""
        if self.declared is None or fresh:
            self.remember_declarations((yield from self.request_json(Call("GET", "/schema"))))
        assert self.declared is not None
        return self.declared

    def remember_declarations(self, schema: Mapping[str, Any]) -> None:
        """Stores the declarations of ``GET /schema``."""
        self.declared = Declarations(schema)
        self._declared_at = time.monotonic()

    def with_declarations(self, look: Callable[[Declarations], T]) -> Steps[T]:
        """Returns the result of ``look`` on the declarations. If it finds a name unknown, they are loaded
        again."""
        declared = yield from self.declarations()
        try:
            return look(declared)
        except Unknown:
            if time.monotonic() - self._declared_at < STALE:
                raise
        return look((yield from self.declarations(fresh=True)))

    def execute(
        self,
        noun: str,
        verb: str,
        target: Any,
        inputs: Mapping[str, Any],
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        record: Record | None = None,
    ) -> Steps[Any]:
        """Executes a verb. Returns the record after it, a DryRun, or None if no record is left; for
        another operation its answer."""
        call, is_operation = yield from self.with_declarations(
            lambda declared: (
                verb_call(declared, noun, verb, target, inputs, dry_run=dry_run, if_match=if_match),
                declared.noun(noun).is_operation(verb),
            )
        )
        answer = yield from self.request_json(call)
        if is_operation:
            return answer
        result = result_of_write(answer, self)
        if record is not None and isinstance(result, Record):
            record.replace_data(result)
            return record
        return result

    def by_actor(self, noun: str, past: str, actor: str) -> Steps[list[Event]]:
        """Returns the events of one verb by one actor, newest first."""

        def look(declared: Declarations) -> str:
            found = declared.noun(noun)
            name = found.verbs_by_past.get(past) or found.verb(f"{past}_by")[0]
            return found.verbs[name]["event"]

        event = yield from self.with_declarations(look)
        listing: lists.BaseEvents = lists.BaseEvents(self, query_pairs(name=event, actor=actor))
        found: list[Event] = []
        for steps in listing._pages():
            found += yield from steps
        return found[::-1]

    def verb(self, noun: str, name: str, record: Record | None = None) -> Any:
        """Returns a verb, or a search by actor. Raises UnknownName if the noun is known and has neither."""
        declared = self.declared.nouns.get(noun) if self.declared else None
        past = name.removesuffix("_by")
        if past != name and (declared is None or past in declared.verbs_by_past):
            return ByActor(self, noun, past)
        if declared is not None:
            declared.word(name)
        return Verb(self, noun, name, record)


class SyncSession(Session):
    """Runs operations in the calling thread."""

    http: httpx.Client
    http_kind = httpx.Client
    sleep: Callable[[float], Any] = staticmethod(time.sleep)

    def run(self, steps: Steps[T]) -> T:
        outcome: Any = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as end:
                return end.value
            outcome = self.sleep(step.seconds) if isinstance(step, Pause) else self._send(step)

    def _send(self, step: Send) -> httpx.Response | httpx.HTTPError:
        arguments = self.request_arguments(step.call)
        try:
            request = self.http.build_request(**arguments)
            response = self.http.send(request, stream=step.stream)
            if step.stream and not response.is_success:
                response.read()
            return response
        except httpx.HTTPError as problem:
            return problem
        finally:
            close_files(arguments)

    def noun(self, name: str) -> nouns.Noun:
        return nouns.Noun(self, name)

    def check_noun(self, name: str) -> None:
        self.run(self.with_declarations(lambda declared: declared.noun(name)))

    def verb(self, noun: str, name: str, record: Record | None = None) -> Any:
        def look(declared: Declarations) -> None:
            found = declared.noun(noun)
            if name.removesuffix("_by") not in found.verbs_by_past or not name.endswith("_by"):
                found.word(name)

        self.run(self.with_declarations(look))
        return super().verb(noun, name, record)

    def close(self) -> None:
        self.http.close()


class AsyncSession(Session):
    """Runs operations in an event loop."""

    http: httpx.AsyncClient
    http_kind = httpx.AsyncClient
    sleep: Callable[[float], Awaitable[Any]] = staticmethod(asyncio.sleep)

    async def run(self, steps: Steps[T]) -> T:
        outcome: Any = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as end:
                return end.value
            if isinstance(step, Pause):
                outcome = await self.sleep(step.seconds)
            else:
                outcome = await self._send(step)

    async def _send(self, step: Send) -> httpx.Response | httpx.HTTPError:
        arguments = self.request_arguments(step.call)
        try:
            request = self.http.build_request(**arguments)
            response = await self.http.send(request, stream=step.stream)
            if step.stream and not response.is_success:
                await response.aread()
            return response
        except httpx.HTTPError as problem:
            return problem
        finally:
            close_files(arguments)

    def noun(self, name: str) -> nouns.AsyncNoun:
        return nouns.AsyncNoun(self, name)

    async def close(self) -> None:
        await self.http.aclose()


def close_files(arguments: Mapping[str, Any]) -> None:
    """Closes the file that was sent."""
    for _, file in (arguments["files"] or {}).values():
        file.close()
