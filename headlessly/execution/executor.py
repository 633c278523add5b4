"""The one place where a verb is executed, on every surface.

:func:`run` executes a verb in one transaction: lock, permission, version; validation; before-hooks; machine
and row; event; after-hooks (:mod:`.execution`). Verbs of hooks join the same transaction, and their events
name the event that caused them. An exception anywhere rolls back everything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, overload

from django.db import DatabaseError, transaction

from headlessly.context import tracing
from headlessly.context.running import _execution
from headlessly.declaration.record import Record
from headlessly.execution.contention import retry_on_deadlock
from headlessly.execution.execution import MAX_HOOK_DEPTH, Execution
from headlessly.execution.hook_context import Context
from headlessly.log import event_visibility

if TYPE_CHECKING:
    from headlessly.declaration.verbs import Verb
    from headlessly.log.events import Event

__all__ = [
    "MAX_HOOK_DEPTH", "Context", "DryRun", "Execution", "one_transaction", "run", "update_references",
]  # fmt: skip

N = TypeVar("N", bound=Record)
E = TypeVar("E", bound="Execution")


@dataclass(frozen=True)
class DryRun:
    """The result of a dry run: the record as it would be and the events that would be recorded."""

    record: Record
    events: list[Event]


def run(
    verb: Verb,
    target: Record | str | None,
    data: Mapping[str, Any],
    *,
    wire: bool = False,
    text: bool = False,
    if_match: int | Collection[int] | None = None,
    dry_run: bool = False,
) -> Any:
    """Execute ``verb`` on ``target`` (a record or its id; None where the verb creates).

    ``wire`` says that the keys of ``data`` are the wire's, ``text`` that its values are text from a
    form or a file. Returns the record after the verb, or a DryRun. Raises NotFound, Forbidden, Stale,
    Invalid, VerbRefused or Conflict; then nothing has changed.
    """
    if (outer := _execution.get()) is not None:
        if not dry_run:
            return outer.perform(verb, target, data, wire=wire, text=text, if_match=if_match)
        if outer.frames:
            raise ValueError("A hook cannot make a dry run.")
        # Between the verbs of one transaction: the dry run sees what they did so far.
        outer.flush()
    with tracing.request_id_scope():
        execution, answer = _in_transaction(
            verb, target, data, dry_run=dry_run, wire=wire, text=text, if_match=if_match
        )
    if dry_run:
        return DryRun(answer, execution.events)
    if isinstance(target, Record) and target.pk == answer.pk:
        target.take_over(answer)
        return target
    return answer


def update_references(noun: type[N], id: str, **references: Any) -> N:
    """Update references of a record, even if it is immutable.

    For corrections by the platform itself: a merge, a visitor who became known.
    """
    return run(noun.__dict__["update"], id, references)


def _in_transaction(
    verb: Verb, target: Any, data: Mapping[str, Any], *, dry_run: bool, **options: Any
) -> tuple[Execution, Record]:
    """Execute in one transaction; again after a deadlock, or if the record searched for was just created."""
    try:
        return retry_on_deadlock(lambda: _try_once(verb, target, data, dry_run, **options))
    except _JustCreated:
        return retry_on_deadlock(
            lambda: _try_once(verb, target, data, dry_run, again=True, **options)
        )


class _JustCreated(Exception):
    """Raised if somebody has just created the record that a verb, or one of its hooks, searched for."""


def _try_once(
    verb: Verb,
    target: Any,
    data: Mapping[str, Any],
    dry_run: bool,
    *,
    again: bool = False,
    **options: Any,
) -> tuple[Execution, Record]:
    execution = Execution()
    token = _execution.set(execution)
    try:
        with transaction.atomic():
            execution.lock_in_order()
            answer = execution.perform(verb, target, data, **options)
            execution.finish()
            if dry_run:
                execution.events = event_visibility.visible_of_recorded(execution.events, answer)
                transaction.set_rollback(True)
        return execution, answer
    except DatabaseError as problem:
        if (violation := execution.violation(problem)) is None:
            raise
        if not again and (verb.finds or execution.attempted_by_hook):
            raise _JustCreated from problem
        raise execution.integrity_conflict(violation) from violation
    finally:
        _execution.reset(token)
        execution.restore_shape(undone=not execution.is_done or dry_run)


@overload
def one_transaction(
    *, savepoint: bool = True, dry_run: bool = False, ids: Collection[str] = ()
) -> AbstractContextManager[Execution]: ...
@overload
def one_transaction(
    *, savepoint: bool = True, make: Callable[[], E], dry_run: bool = False
) -> AbstractContextManager[E]: ...
@contextmanager
def one_transaction(
    *,
    savepoint: bool = True,
    make: Callable[[], Execution] | None = None,
    dry_run: bool = False,
    ids: Collection[str] = (),
) -> Iterator[Any]:
    """Execute several verbs as one: one transaction, one actor, one request id; all of them or none.

    Records that one of them locked stay locked for the next, and their events are written together. The
    caller may catch a refusal that changed nothing; any other error undoes all. Within a larger transaction
    an error undoes that one too, unless there is a ``savepoint``. ``make`` creates an execution of a
    subclass. With ``dry_run`` everything is executed and then rolled back. ``ids`` are records that will
    certainly be written: they are locked first, in one order.
    """
    if (outer := _execution.get()) is not None:
        yield outer
        return
    with tracing.request_id_scope():
        execution = (make or Execution)()
        token = _execution.set(execution)
        try:
            with transaction.atomic(savepoint=savepoint):
                execution.lock_in_order(ids)
                yield execution
                execution.finish()
                if dry_run:
                    transaction.set_rollback(True)
        except DatabaseError as problem:  # outside: a broken transaction answers no questions
            if (violation := execution.violation(problem)) is None:
                raise
            raise execution.integrity_conflict(violation) from violation
        finally:
            _execution.reset(token)
            execution.restore_shape(undone=not execution.is_done or dry_run)
