"""Runs a script in one transaction: all of it takes effect, or nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.db import IntegrityError

from headlessly.access import actors, visibility
from headlessly.context import clock, running
from headlessly.database.instances import new_instance
from headlessly.errors import Conflict, HeadlesslyError
from headlessly.execution import executor
from headlessly.execution.contention import retry_on_deadlock
from headlessly.ids import public_id
from headlessly.log import event_visibility, events
from headlessly.log.events import Event, dump_json
from headlessly.log.names import SCRIPT_RAN
from headlessly.scripts import hints, marshalling, sandbox, source, workers
from headlessly.scripts import limits as limiting
from headlessly.scripts.failures import LimitExceeded, ScriptError, ScriptFailed
from headlessly.scripts.host import Host, bound_statements
from headlessly.scripts.limits import Limits
from headlessly.scripts.script_run import MAX_VALUE_LENGTH, ScriptRun

#: Text in a script that may be the id of a record.
ID = re.compile(r"\b[a-z]+(?:_[a-z]+)*_[0-9A-Za-z]{12}\b")


class ScriptExecution(executor.Execution):
    """The execution of a script's verbs, whose events name the script's own event as their cause.

    The script's event comes before them in the log, but is written last, when its content is known. If the
    script reads the log before that, its number is reserved.
    """

    def __init__(self, about: dict[str, Any], *, is_rehearsal: bool) -> None:
        super().__init__()
        self.about, self.is_rehearsal = about, is_rehearsal
        self.has_begun = False
        self.script_event: Event = new_instance(
            Event,
            id=public_id(Event.prefix),
            tenant_id=self.tenant.pk,
            name=SCRIPT_RAN,
            target=None,
            target_type=None,
            actor=self.actor.id,
            timestamp=clock.now(),
            version=None,
            data=about,
            previous=None,
            cause=None,
            request_id=self.request_id,
            seq=None,
        )
        self.ended = False

    def perform(self, *arguments: Any, **options: Any) -> Any:
        if not self.has_begun:
            # Not before the first verb: a script that only reads locks nothing.
            self.has_begun = True
            if not self.is_rehearsal:
                self.lock_in_order(ID.findall(self.about["code"]))
        return super().perform(*arguments, **options)

    def append(self, **what: Any) -> Event:
        event = super().append(**what)
        event.cause = event.cause or self.script_event.id
        return event

    def flush(self) -> None:
        if self.events and not self.ended and self.script_event.seq is None:
            self.script_event.seq = events.reserve_seq()
        super().flush()

    def finish(self) -> None:
        if self.failure is not None:
            raise self.failure
        if not self.events:
            return  # it only read
        self.ended = True
        self.about["events"] = len(self.events)
        if self.script_event.seq is None:
            self.events.insert(0, self.script_event)
            self.flush()
        else:
            self.flush()
            events.append_reserved(self.script_event)
            self.events.insert(0, self.script_event)


@dataclass
class Plan:
    """How to run a script: what happens around it, in the same transaction."""

    dry_run: bool = False
    #: Whether the sender may only propose: then the trial gets in nobody's way.
    is_rehearsal: bool = False
    #: Whether it is a proposal, which may only do what leaves events to look at and approve.
    only_events: bool = False
    about: dict[str, Any] = field(default_factory=dict)  #: data of its event
    moment: datetime | None = None  #: its own clock, instead of now
    seed: str | None = None  #: of its random numbers
    before: Callable[[], None] = lambda: None
    #: Checks what it recorded, before the commit; an exception rolls everything back.
    after: Callable[[ScriptRun], None] = lambda run: None


def perform(code: str, plan: Plan) -> ScriptRun:
    """Run a script by a plan. Raises what :func:`run` does, and what the plan's functions raise."""
    if running.current_execution() is not None:
        raise RuntimeError(
            "A script runs in a transaction of its own, not within another execution."
        )
    limits = limiting.limits_of(actors.current())
    try:
        prepared = source.prepare(code, limits.code)
    except LimitExceeded as problem:
        raise ScriptFailed(problem, line=None) from None
    return retry_on_deadlock(lambda: _perform_once(code, prepared, limits, plan))


def _perform_once(code: str, prepared: str, limits: Limits, plan: Plan) -> ScriptRun:
    with workers.reserve_worker(limits, moment=plan.moment, seed=plan.seed) as session:
        end = time.monotonic() + limits.seconds
        host = Host(limits, end, is_rehearsal=plan.is_rehearsal, only_events=plan.only_events)
        script = sandbox.RunningScript(session, code, limits, host)
        about = {"code": code} | plan.about
        make = partial(ScriptExecution, about, is_rehearsal=plan.is_rehearsal)
        try:
            with executor.one_transaction(make=make, dry_run=plan.dry_run) as execution:
                plan.before()
                try:
                    value = _checked_value(script, script.run(prepared), limits)
                except ScriptFailed:
                    raise
                except HeadlesslyError as problem:
                    raise script.as_failure(problem) from problem
                bound_statements(0)
                about |= {"value": _value_for_log(value), "calls": host.calls}
                script_event = execution.script_event.id
                plan.after(
                    ScriptRun(value, list(execution.events), script.output, event=script_event)
                )
        except Conflict as problem:
            if isinstance(problem.__cause__, IntegrityError):
                raise script.as_failure(problem) from problem
            raise
        recorded = execution.events
        if visibility.visible_owner() is not None:
            recorded = event_visibility.visible_of_recorded(recorded)
    return ScriptRun(value, list(recorded), script.output, plan.dry_run, event=script_event)


def _checked_value(script: sandbox.RunningScript, value: Any, limits: Limits) -> Any:
    """Returns the value as JSON. Raises ScriptFailed, with the line of the value, if it is not JSON or too
    large."""
    try:
        return _as_json(value, limits)
    except HeadlesslyError as problem:
        raise script.as_failure(problem, script.last_line()) from problem


def _as_json(value: Any, limits: Limits) -> Any:
    try:
        checked = marshalling.to_caller(value, limits.answer)
    except marshalling.NotJson as problem:
        if problem.size:
            raise limits.exceeded("answer") from None
        raise ScriptError(f"This cannot be answered: {problem}") from None
    except Exception as problem:
        reason = hints.explain_unreadable(problem)
        raise ScriptError(f"This cannot be answered: {reason}") from problem
    if len(dump_json(checked)) > limits.answer:
        raise limits.exceeded("answer")
    return checked


def _value_for_log(value: Any) -> Any:
    """Returns the value for the log, shortened if it is too long."""
    text = dump_json(value).decode()
    return value if len(text) <= MAX_VALUE_LENGTH else text[:MAX_VALUE_LENGTH] + "…"
