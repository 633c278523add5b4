"""Several verbs in one request: all or none of them, or each by itself.

with acme.batch() as batch:
    ada = batch.Contact.capture(name="Ada Chen", email="ada@chen.example")
    lead = batch.Lead.create(name="Chen Platform", contact=ada, source="website")
    batch.Lead.update(lead, score=82)
lead.result.contact == ada.result.id
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from headlessly.client.calls import Call, Steps
from headlessly.client.declarations import Declarations
from headlessly.client.errors import ApiError, error_from_body
from headlessly.client.halves import awaited, blocking
from headlessly.client.records import DryRun, Record, result_of_write
from headlessly.client.verbs import verb_call
from headlessly.client.wire import (
    comma_separated,
    path_segment_of,
    python_name,
    query_pairs,
    wire_name,
)

if TYPE_CHECKING:
    from headlessly.client.sessions import AsyncSession, Session, SyncSession

#: How many operations a batch may have.
MAX_OPERATIONS = 100


@dataclass(frozen=True)
class OperationField:
    """A reference to a part of an answer that does not exist yet: ``lead.deal``."""

    operation: str
    path: str

    def as_wire(self) -> dict[str, str]:
        return {"$ref": self.operation, "path": self.path}

    def as_segment(self) -> str:
        return f"{{{self.operation}.{self.path}}}"


@dataclass(eq=False)
class BatchOperation:
    """The future result of an operation. Later operations can refer to it, as a whole or by a field."""

    _name: str
    _noun: str
    _verb: str
    _target: Any
    _inputs: Mapping[str, Any]
    _options: Mapping[str, Any]
    _outcome: list[Any] = field(default_factory=list)

    @property
    def result(self) -> Any:
        """The record after the verb. Raises the operation's error, or RuntimeError before the batch has
        run."""
        if not self._outcome:
            raise RuntimeError("The batch has not run yet.")
        (outcome,) = self._outcome
        if isinstance(outcome, ApiError):
            raise outcome
        return outcome

    @property
    def error(self) -> ApiError | None:
        """The operation's error, or None."""
        return next((each for each in self._outcome if isinstance(each, ApiError)), None)

    def __getattr__(self, name: str) -> OperationField:
        if name.startswith("_"):
            raise AttributeError(name)
        return OperationField(self._name, "$id" if name == "id" else wire_name(name))

    def as_wire(self) -> dict[str, str]:
        return self.id.as_wire()

    def as_segment(self) -> str:
        return self.id.as_segment()

    def call(self, declared: Declarations) -> Call:
        """Returns the operation as a call of its own."""
        if self._verb == "get":
            path = f"/{declared.noun(self._noun).plural}/{path_segment_of(self._target)}"
            return Call("GET", path, tuple(query_pairs(**self._options)))
        return verb_call(
            declared, self._noun, self._verb, self._target, self._inputs, **self._options
        )


class BatchNoun:
    """A noun in a batch. Its verbs are collected, and executed with the others."""

    def __init__(self, batch: BaseBatch, name: str) -> None:
        self._batch, self._name = batch, name

    def get(self, id: Any, *, include: str | Iterable[str] = ()) -> BatchOperation:
        return self._batch.add_operation(
            self._name, "get", id, {}, include=comma_separated(include)
        )

    def __getattr__(self, verb: str) -> Any:
        if verb.startswith("_"):
            raise AttributeError(verb)

        def noted(
            target: Any = None, /, *, if_match: int | None = None, **inputs: Any
        ) -> BatchOperation:
            return self._batch.add_operation(self._name, verb, target, inputs, if_match=if_match)

        return noted


class BaseBatch:
    """A batch: collects up to 100 operations and sends them in one request."""

    _session: Session

    def __init__(self, session: Session, *, atomic: bool = True) -> None:
        self._session = session
        self.atomic = atomic
        self.operations: list[BatchOperation] = []

    def __getattr__(self, name: str) -> BatchNoun:
        if not name[:1].isupper():
            raise AttributeError(f"A batch has no {name}; nouns begin with a capital letter.")
        return BatchNoun(self, name)

    def add_operation(
        self, noun: str, verb: str, target: Any, inputs: Any, **options: Any
    ) -> BatchOperation:
        """Adds an operation. Raises ValueError if the batch is full."""
        if len(self.operations) == MAX_OPERATIONS:
            raise ValueError(f"A batch has at most {MAX_OPERATIONS} operations.")
        name = f"{python_name(noun)}{len(self.operations) + 1}"
        later = BatchOperation(name, noun, verb, target, inputs, options)
        self.operations.append(later)
        return later

    def _run(self, *, dry_run: bool = False) -> Steps[list[Any]]:
        """Returns the result of each operation, or its error if each is executed by itself.

        Raises Refused if the batch is atomic and an operation failed.
        """
        if not self.operations:
            return []
        operations = yield from self._session.with_declarations(
            lambda declared: [operation_json(each, each.call(declared)) for each in self.operations]
        )
        body = {"operations": operations, "atomic": self.atomic}
        call = Call("POST", "/batch", query_pairs(dryRun=dry_run), body)
        results = (yield from self._session.request_json(call))["results"]
        for operation, result in zip(self.operations, results, strict=True):
            operation._outcome[:] = [self._outcome(operation, result)]
        return [each._outcome[0] for each in self.operations]

    def _outcome(
        self, operation: BatchOperation, result: Mapping[str, Any]
    ) -> Record | DryRun | ApiError | Mapping[str, Any] | None:
        body, declared = result["body"], self._session.declared
        if result["status"] >= 400:
            return error_from_body(result["status"], body or {})
        if declared and declared.noun(operation._noun).is_operation(operation._verb):
            answer: Mapping[str, Any] = body  # the JSON of what is no record
            return answer
        return result_of_write(body, self._session)

    def _raise_first(self) -> None:
        """Raises the first error, because nobody has looked at the results."""
        failed = [(n, each.error) for n, each in enumerate(self.operations, 1) if each.error]
        for number, error in failed[:1]:
            error.add_note(
                f"Operation {number} of {len(self.operations)}; {len(failed)} failed, "
                "the others are done."
            )
            raise error


def operation_json(operation: BatchOperation, call: Call) -> dict[str, Any]:
    """Returns an operation as it is written in the request's body."""
    headers = {k: v for k, v in replace(call, body=None).headers.items() if k == "If-Match"}
    query = f"?{urlencode(call.query)}" if call.query else ""
    found = {"id": operation._name, "method": call.method, "path": call.path + query}
    return (
        found
        | ({"body": call.body} if call.body is not None else {})
        | ({"headers": headers} if headers else {})
    )


class Batch(BaseBatch):
    """A batch (see :mod:`headlessly.client.batches`). It runs at the end of its ``with``, or by
    :meth:`run`."""

    _session: SyncSession

    run = blocking(BaseBatch._run)

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        if kind is None:
            self.run()
            self._raise_first()


class AsyncBatch(BaseBatch):
    """A batch (see :mod:`headlessly.client.batches`). It runs at the end of its ``async with``, or by
    :meth:`run`."""

    _session: AsyncSession

    run = awaited(BaseBatch._run)

    async def __aenter__(self) -> AsyncBatch:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        if kind is None:
            await self.run()
            self._raise_first()
