"""Answers the calls of a script: the only way out of the sandbox.

A script may call with any values, and bypass the classes of the prelude, so every argument is checked. Reads
and verbs are the same as on every surface; tenant, actor and visibility are ambient as everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import OperationalError
from psycopg import errors as postgres

from headlessly.access import actors, visibility
from headlessly.database import prepared, timeouts
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import wire_name
from headlessly.errors import BadRequest, Forbidden, NotFound, did_you_mean
from headlessly.execution import executor, results
from headlessly.execution import upsert as upserts
from headlessly.log import events, tracking
from headlessly.log.events import plain_json
from headlessly.query import aggregates, names, reads
from headlessly.query.record_operations import (
    RecordOperation,
    named_operation,
    record_operations,
)
from headlessly.scripts import marshalling, own_fields
from headlessly.scripts.failures import LimitExceeded, ScriptError
from headlessly.scripts.limits import MAX_FIND, Limits
from headlessly.scripts.prelude import EVENT, READS, REQUEST, SCHEMA, UPSERT
from headlessly.undo import undos
from headlessly.web.front.short_requests import SHORT, short_requests

if TYPE_CHECKING:
    from headlessly.declaration.verbs import Verb
    from headlessly.nouns import Noun

#: The parameters of reads, in this order or by name.
READ_ARGUMENTS = {
    "find": ("filter", "sort", "limit", "include", "fields", "q", "asOf"),
    "get": ("id", "include", "fields", "asOf"),
    "count": ("filter", "asOf"),
    "aggregate": (
        "filter", "group", "measure", "by", "having", "sort", "limit", "q", "asOf", "zone"
    ),
    "history": ("id", "limit"),
}  # fmt: skip
TRACK = ("name", "properties")
UNDO = ("request", "event")
#: How long a proposed script may hold its locks, in seconds, and how long it waits for those of others, in
#: milliseconds.
REHEARSAL_SECONDS, REHEARSAL_PATIENCE = 0.8, 20
LOCK_BOUND = "SELECT set_config('lock_timeout', %s, true)"


class Host:
    """Answers the calls of one script, and counts what it uses."""

    def __init__(
        self,
        limits: Limits,
        deadline: float,
        *,
        is_rehearsal: bool = False,
        only_events: bool = False,
    ) -> None:
        self.limits, self.deadline = limits, deadline
        self.is_rehearsal, self.only_events = is_rehearsal, only_events
        self.calls = self.records = 0
        self.seconds = limits.seconds
        self.has_written = False
        #: Seconds spent on answers, and on waiting for short requests in between.
        self.worked = self.waited = 0.0
        self.on_shorter_deadline: Callable[[], None] = lambda: None

    def begin_writing(self) -> None:
        """Called before the first verb: makes sure that the trial of a proposed script gets in nobody's way.
        It waits for no lock, and holds its own only for a moment."""
        if self.has_written or not self.is_rehearsal:
            return
        self.has_written = True
        prepared.execute_prepared(LOCK_BOUND, [str(REHEARSAL_PATIENCE)])
        if (end := time.monotonic() + REHEARSAL_SECONDS) < self.deadline:
            self.deadline, self.seconds = end, REHEARSAL_SECONDS
            self.on_shorter_deadline()

    def exceeded_time(self) -> LimitExceeded:
        """Returns the error for a script that has run out of time."""
        if self.seconds == self.limits.seconds:
            return self.limits.exceeded("seconds")
        return LimitExceeded(
            "seconds",
            self.seconds,
            f"What is only proposed is tried within {self.seconds:g} s of its first change. Propose less.",
        )

    def answer(self, question: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """Returns the answer to one call: ``question`` is (noun, method, positional arguments, named
        arguments).

        Raises a HeadlesslyError, which the script may catch; any other exception ends it.
        """
        self.calls += 1
        if self.calls > self.limits.calls:
            raise self.limits.exceeded("calls")
        if named or len(question) != 4:
            raise ScriptError("Ask a noun, as in Lead.find({...}).")
        name, what, given, options = question
        if not isinstance(given, list | tuple) or not isinstance(options, dict):
            raise ScriptError("Ask a noun, as in Lead.find({...}).")
        ask = self._resolve_call(name, what)
        given = [self._from_sandbox(value, f"argument {n}") for n, value in enumerate(given, 1)]
        options = {str(key): self._from_sandbox(value, key) for key, value in options.items()}
        self.let_others_pass()
        self._bound_database()
        began = time.monotonic()
        try:
            with timeouts.read_until(self.deadline):
                return ask(given, options)
        except OperationalError as problem:
            if isinstance(problem.__cause__, postgres.QueryCanceled):
                raise self.exceeded_time() from problem
            raise
        finally:
            self.worked += time.monotonic() - began

    def let_others_pass(self) -> None:
        """Let short requests go first once this script has computed for long. It waits for others at most as
        long as it has worked, so that it takes at most twice the time."""
        left = min(self.worked - self.waited, self.deadline - time.monotonic())
        if self.worked > SHORT and left > 0:
            self.waited += short_requests.let_pass(left)

    def _bound_database(self) -> None:
        """Limit the database to the script's remaining time. Raises LimitExceeded."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise self.exceeded_time()
        bound_statements(left)

    def _from_sandbox(self, value: Any, name: Any) -> Any:
        try:
            return marshalling.to_host(value)
        except marshalling.NotJson as problem:
            raise BadRequest(f"{str(name)[:64]}: {problem}", field=str(name)[:64]) from None

    # -- what there is ----------------------------------------------------------------------------

    def _resolve_call(self, name: Any, what: Any) -> Callable[[list[Any], dict[str, Any]], Any]:
        if name == EVENT and what == "create":
            return self._track
        if name == REQUEST and what == "undo":
            return _undo
        if name == SCHEMA and what in own_fields.CALLS:
            return lambda given, options: self._ask_of_fields(what, given, options)
        noun = registry.get(name) if isinstance(name, str) else None
        if noun is None:
            raise ScriptError(
                f"There is no noun {str(name)[:64]}. Nouns: {', '.join([*registry, EVENT])}."
            )
        if not actors.may(actor := actors.current(), "read", noun):
            raise Forbidden(f"As {actor.role} you may not run scripts.", type=name)
        if what in READS:
            read = {
                "find": _find,
                "get": _get,
                "count": _count,
                "aggregate": _aggregate,
                "history": _history,
            }[what]
            names = READ_ARGUMENTS[what]
            return lambda given, options: read(
                self, noun, _named_arguments(name, what, names, given, options)
            )
        if what == UPSERT:
            return lambda given, options: self._upsert(noun, given, options)
        if isinstance(what, str) and (found := named_operation(noun, what, writes=True)):
            return lambda given, options: self._operate(found, given, options)
        verb = noun.verbs.get(what) if isinstance(what, str) else None
        if verb is None:
            if elsewhere := asked_elsewhere(noun, str(what)):
                raise ScriptError(elsewhere)
            near = did_you_mean(str(what), [*READS, UPSERT, *noun.verbs])
            raise ScriptError(f"{name} has no {str(what)[:64]}.{near} {methods_sentence(noun)}")
        return lambda given, options: self._execute_verb(verb, given, options)

    def _execute_verb(self, verb: Verb, given: list[Any], options: dict[str, Any]) -> Any:
        self.begin_writing()
        return _execute(verb, given, options)

    def _operate(
        self, found: RecordOperation, given: list[Any], options: dict[str, Any]
    ) -> dict[str, Any]:
        """Execute an operation of a record beside its verbs. Raises Forbidden in a proposal, because an
        operation leaves no event to look at."""
        if self.only_events:
            raise Forbidden(
                f"{found.key} leaves no event to look at: it cannot be proposed.",
                type=found.noun.__name__,
            )
        names = ("id", *found.takes)
        asked = _named_arguments(found.noun.__name__, found.name, names, given, options)
        self.begin_writing()
        return plain_json(found.answer(asked.pop("id", None), asked))

    def _upsert(self, noun: type[Noun], given: list[Any], options: dict[str, Any]) -> Any:
        self.begin_writing()
        name = noun.__name__
        if len(given) not in (2, 3) or not isinstance(given[0], str):
            raise BadRequest(
                f"{name}.upsert takes a unique field or a system, the value, and the fields by name: "
                f'{name}.upsert("hubspot", "123", ...).'
            )
        named = upserts.name_record(noun, given[0], given[1])
        update = noun.verbs.get("update") or noun.verbs["create"]
        data, version = _input_of(f"{name}.upsert", update, given[2:], options)
        return _packed(upserts.upsert(named, data, wire=True, if_match=version))

    def _track(self, given: list[Any], options: dict[str, Any]) -> Any:
        if len(given) == 1 and isinstance(given[0], dict):  # one object, as for a noun
            given, options = [], given[0] | options
        asked = _named_arguments(EVENT, "create", TRACK, given, options)
        tracking.permit_tracking()
        properties = asked.get("properties")
        if properties is not None and not isinstance(properties, dict):
            raise BadRequest("properties: give an object.", field="properties")
        event = tracking.Tracker.create(name=asked.get("name") or "", properties=properties)
        return marshalling.pack_record(event.as_json())

    def _ask_of_fields(self, what: str, given: list[Any], options: dict[str, Any]) -> Any:
        if what != "fields":
            self.begin_writing()
        return plain_json(own_fields.call_own_fields(what, given, options))

    def count_read(self, found: Sequence[Any]) -> None:
        """Count records that were read. Raises LimitExceeded."""
        self.records += len(found)
        if self.records > self.limits.records:
            raise self.limits.exceeded("records")


def methods_sentence(noun: type[Noun]) -> str:
    """Returns a sentence with the methods of a noun."""
    others = [each.name for each in record_operations(noun) if each.writes]
    return f"There is: {', '.join([*READS, UPSERT, *noun.verbs, *others])}."


def asked_elsewhere(noun: type[Noun], what: str) -> str:
    """Returns a hint for an operation that is not available in scripts; empty for other names."""
    if (found := named_operation(noun, wire_name(what), writes=False)) is None:
        return ""
    return f"{found.key} is asked outside of scripts: by REST, or by fetch of <id>/{found.name}."


def bound_statements(seconds: float) -> None:
    """Limit the statements of this transaction; 0 resets the limit to that of the process."""
    if seconds:
        prepared.execute_prepared(timeouts.BOUND, [str(max(1, int(seconds * 1000)))])
    else:
        prepared.execute_prepared(timeouts.UNBOUND, [], rows=False)


def _named_arguments(
    noun: str, what: str, names: Sequence[str], given: list[Any], options: dict[str, Any]
) -> dict[str, Any]:
    """Returns the arguments by name, also if given in snake_case. Raises BadRequest."""
    if len(given) > len(names):
        raise BadRequest(f"{noun}.{what} takes {', '.join(names)}.")
    asked = dict(zip(names, given, strict=False))
    for key, value in options.items():
        name = wire_name(key)
        if name not in names:
            raise BadRequest(
                f"{noun}.{what} has no {key[:64]}.{did_you_mean(key, names)} It takes {', '.join(names)}."
                f"{_condition_hint(noun, what, key, names)}",
                field=key[:64],
            )
        if name in asked:
            raise BadRequest(f"{noun}.{what}: {name} is given twice.", field=name)
        asked[name] = value
    return asked


def _condition_hint(noun: str, what: str, key: str, names: Sequence[str]) -> str:
    """Returns a hint how to write a condition, if a field was given as an argument."""
    schema = registry[noun].schema if noun in registry and "filter" in names else None
    if schema is None or (field := schema.fields.get(key) or schema.by_name.get(key)) is None:
        return ""
    return f' Conditions are one object: {noun}.{what}({{"{field.wire}": ...}}).'


# -- reads ----------------------------------------------------------------------------------------


def _find(host: Host, noun: type[Noun], asked: dict[str, Any]) -> Any:
    limit = asked.get("limit")
    if limit is not None and (
        not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MAX_FIND
    ):
        raise BadRequest(f"limit is a whole number from 1 to {MAX_FIND:,}.", field="limit")
    if asked.get("q") is not None and not isinstance(asked["q"], str):
        raise BadRequest("q is text.", field="q")
    moment = reads.check_moment(asked.get("asOf"))
    most = min(limit or MAX_FIND, max(0, host.limits.records - host.records) + 1)
    found, more = reads.first_records(
        noun,
        names.resolve_names(noun, asked.get("filter")),
        sort=asked.get("sort"),
        limit=most,
        include=asked.get("include") or (),
        fields=asked.get("fields"),
        q=asked.get("q"),
        as_of=moment,
    )
    host.count_read(found)
    if more and limit is None:
        raise BadRequest(
            f"More than {MAX_FIND:,} {noun.schema.plural} fit, and find would answer only some. "
            "Give a limit, or a narrower filter.",
            field="limit",
        )
    included = reads.check_include(noun, asked.get("include") or ())
    return [marshalling.pack_record(record, included, moment) for record in found]


def _get(host: Host, noun: type[Noun], asked: dict[str, Any]) -> Any:
    include, moment = asked.get("include") or (), reads.check_moment(asked.get("asOf"))
    try:
        found = reads.record_json(
            noun, asked.get("id"), include=include, fields=asked.get("fields"), as_of=moment
        )
    except NotFound:
        if moment is not None or (card := _card_json(noun, asked.get("id"))) is None:
            raise
        found, include = card, ()
    host.count_read([found])
    return marshalling.pack_record(found, reads.check_include(noun, include), moment)


def _card_json(noun: type[Noun], id: Any) -> dict[str, Any] | None:
    """Returns the card of a record that a limited rep may see only as that, or None."""
    if not isinstance(id, str) or not visibility.introduced_ids(noun, [id]):
        return None
    whole = results.record_json(visibility.with_cards(noun).get(pk=id))
    shown = ("$id", "$type", "$context", *(field.wire for field in noun.schema.card))
    return {name: whole[name] for name in shown}


def _aggregate(host: Host, noun: type[Noun], asked: dict[str, Any]) -> list[dict[str, Any]]:
    filter = names.resolve_names(noun, asked.pop("filter", None))
    found = aggregates.aggregate(noun, filter, as_of=asked.pop("asOf", None), **asked).groups
    host.count_read(found)
    return found


def _count(host: Host, noun: type[Noun], asked: dict[str, Any]) -> int:
    return noun.count(names.resolve_names(noun, asked.get("filter")), as_of=asked.get("asOf"))


def _history(host: Host, noun: type[Noun], asked: dict[str, Any]) -> Any:
    record = reads.record_json(noun, asked.get("id"), fields=["$id"])
    size = reads.check_limit(asked.get("limit"))
    found = [event.as_json() for event in events.record_history(noun, record["$id"])[:size]]
    host.count_read(found)
    return [marshalling.pack_record(event) for event in found]


# -- verbs ----------------------------------------------------------------------------------------


def _undo(given: list[Any], options: dict[str, Any]) -> dict[str, Any]:
    asked = _named_arguments(REQUEST, "undo", UNDO, given, options)
    done = undos.take_back(asked.get("request"), event=asked.get("event"))
    return plain_json(done.as_json())


def _execute(verb: Verb, given: list[Any], options: dict[str, Any]) -> Any:
    target = None
    name = f"{verb.noun.__name__}.{verb.name}"
    if not verb.creates:
        if not given:
            raise BadRequest(f"{name} needs a record or its id.", field="id")
        target, given = given[0], given[1:]
        if not isinstance(target, str):
            raise verb.noun.not_found(target)
    data, version = _input_of(name, verb, given, options)
    return _packed(executor.run(verb, target, data, wire=True, if_match=version))


def _packed(record: Any) -> Any:
    """Returns the record for a script; only its id if the actor does not see it."""
    noun = type(record)
    if visibility.invisible_ids(noun, [record.pk]):
        return marshalling.pack_record({"$id": record.pk, "$type": noun.__name__})
    return marshalling.pack_record(results.record_json(record))


def _input_of(
    name: str, verb: Verb, given: list[Any], options: dict[str, Any]
) -> tuple[dict[str, Any], int | None]:
    """Returns the input of a verb by wire names, and the requested version. Raises BadRequest."""
    data: dict[str, Any] = {}
    if given:
        if len(given) > 1 or not isinstance(given[0], dict):
            inputs = verb.inputs
            need = [n for n, field in inputs.items() if field.required] or [*inputs][:1]
            raise BadRequest(
                f"{name} takes what it needs by name, or as one object: "
                f"{verb.name}({', '.join(([] if verb.creates else ['id']) + [f'{n}=...' for n in need])})."
            )
        data |= given[0]
    if twice := data.keys() & options.keys():
        raise BadRequest(f"{name}: {min(twice)[:64]} is given twice.", field=min(twice)[:64])
    data |= options
    version = data.pop("ifMatch", data.pop("if_match", None))
    if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
        raise BadRequest("ifMatch is the version of the record.", field="ifMatch")
    return _by_wire_name(verb, data), version


def _by_wire_name(verb: Verb, data: dict[str, Any]) -> dict[str, Any]:
    """Returns the input by wire names, if the script used snake_case; the executor checks it."""
    named = {}
    for key, value in data.items():
        field = verb.python_inputs.get(key) if key not in verb.inputs else None
        field = field or verb.noun.schema.by_name.get(key)
        wire = field.wire if field is not None else key
        if wire in named:
            raise BadRequest(f"{wire} is given twice.", field=wire)
        named[wire] = value
    return names.resolve_input(verb, named)
