"""Rows into records: what a row says, what it is about, and which verb that makes of it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import OperationalError, transaction

from headlessly import errors
from headlessly.access import actors
from headlessly.context import clock, running, tracing
from headlessly.declaration import values
from headlessly.declaration.refusals import unique_index_name
from headlessly.declaration.schema import Field
from headlessly.errors import Conflict, HeadlesslyError
from headlessly.execution import executor, inputs
from headlessly.query.filters import META_FIELDS
from headlessly.query.scope import Scope
from headlessly.transfer import columns, formats
from headlessly.transfer.bulk_create import Gathering, Importing, key_of, keys_of
from headlessly.transfer.formats import Row
from headlessly.transfer.models import Import
from headlessly.transfer.references import References, by_unique

if TYPE_CHECKING:
    from headlessly.nouns import Noun

logger = logging.getLogger(__name__)

CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"


@dataclass
class Refusal:
    """A row that was not taken, and why: ``[{field, message}]``."""

    row: Row
    problems: list[dict[str, Any]]


@dataclass
class Outcome:
    """What became of some rows."""

    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys((CREATED, UPDATED, UNCHANGED), 0)
    )
    refusals: list[Refusal] = field(default_factory=list)

    def __iadd__(self, other: Outcome) -> Outcome:
        for name, count in other.counts.items():
            self.counts[name] += count
        self.refusals += other.refusals
        return self


@dataclass
class Said:
    """What one row says, by wire name, and what is wrong with how it says it."""

    row: Row
    data: dict[str, Any]
    problems: dict[str, str]
    created_at: Any = None
    key: Any = None  #: the value that its record is found by
    again: bool = False  #: whether it refers to what a row above it may have created


class Taker:
    """Takes the rows of one import, in the tenant and as the actor at hand."""

    def __init__(self, source: Import) -> None:
        self.source, self.noun = source, source.noun
        self.schema = self.noun.schema
        self.text = source.format in (formats.CSV, formats.XLSX)
        self.columns = columns.of_header(self.noun, source.columns) if self.text else []
        self.sets_protected_fields = actors.current().role == actors.ADMIN
        self.match = source.match
        self.unique = columns.unique_fields(self.noun)
        self.by = next((f for f in self.unique if f.wire == self.match), None)
        self.references = References(self.noun)
        self.computed = {f.wire for f in self.schema.computed}
        verbs = [self.noun.verbs["create"], *([self.noun.verbs["update"]] if self.match else [])]
        #: Without hooks nothing can tell rows that are written together from rows written one by one.
        self.together = not any(hook.receivers for v in verbs for hook in (v.before, v.after))
        #: Of a dry run, which forgets what it did: the unique values of what it created.
        self.made: set[tuple[str, Any]] = set()

    # -- many at once -----------------------------------------------------------------------------

    def gathering(self) -> Gathering:
        return Gathering(self.sets_protected_fields, set(self.made))

    def take_together(self, rows: Sequence[Row], gathering: Gathering) -> Outcome:
        """Take rows in the execution at hand. Raises Collision when one cannot be told from others."""
        said = [self._said(row) for row in rows]
        found = self._prepare(said, gathering)
        outcome = Outcome()
        for each in said:
            target = found.get(each.key) if each.key is not None else None
            if target is None and self._is_new(each, gathering.taken):
                gathering.flush()
                target = self._target(each.key)
            if each.again:
                gathering.flush()
                self._resolve_again(each)
            self._note(outcome, each, lambda each=each, target=target: self._take(each, target))
        if self.source.dry_run:
            self.made |= gathering.taken
        return outcome

    def _prepare(self, said: Sequence[Said], gathering: Gathering) -> dict[Any, str]:
        """Ask for all rows at once what each would ask; the records by what they are found by."""
        data = [each.data for each in said if not each.problems]
        self.references.look_up(data)
        for each in said:
            self._resolve(each)
        for name, ids in self.references.ids(data).items():
            inputs.lock_references(gathering, self.noun.registry[name], ids)
        found = {}
        if self.match:
            found = self._targets({e.key for e in said if isinstance(e.key, str | int | float)})
        for each in self.unique:
            there = by_unique(
                self.noun.objects.all(), each, self._given(each, (e.data for e in said))
            )
            gathering.taken.update((each.name, key) for key in there)
        return found

    def _given(self, field: Field, rows: Iterable[dict[str, Any]]) -> Iterable[Any]:
        for row in rows:
            if (value := self._cleaned(field, row.get(field.wire))) is not None:
                yield value

    def _is_new(self, each: Said, taken: set[tuple[str, Any]]) -> bool:
        """Whether a row above this one created what this one is about."""
        return self.by is not None and each.key is not None and (self.by.name, each.key) in taken

    # -- one by one -------------------------------------------------------------------------------

    def take_singly(self, rows: Sequence[Row]) -> Outcome:
        """Take rows, each in a savepoint of its own, with all that its hooks do."""
        outcome = Outcome()
        said = [self._said(row) for row in rows]
        self.references.look_up(each.data for each in said)
        for each in said:
            self._resolve(each)
            if each.again:
                self._resolve_again(each)
            self._note(outcome, each, lambda each=each: self._alone(each))
        return outcome

    def _alone(self, said: Said) -> str:
        for attempt in (1, 2):
            try:
                target = None if said.key is None else self._target(said.key)
                with executor.one_transaction(make=lambda: Importing(self.sets_protected_fields)):
                    return self._take(said, target)
            except Conflict as problem:
                # Somebody else made it after we looked: now it is there.
                made = self.by is not None and problem.extra.get("existingId")
                if not (made and problem.field == self.match and target is None and attempt == 1):
                    raise
        raise AssertionError("unreachable")

    def _note(self, outcome: Outcome, said: Said, take: Any) -> None:
        """Take one row, and count it as what it became."""
        if said.row.problem is not None:
            problems = [{"field": None, "message": said.row.problem}]
        elif said.problems:
            problems = _listed(said.problems | self._also_wrong(said))
        else:
            try:
                outcome.counts[take()] += 1
                return
            except HeadlesslyError as problem:
                problems = told(problem)
            except OperationalError:
                raise
            except Exception as problem:
                if transaction.get_connection().needs_rollback or self.together_now:
                    raise
                logger.exception("row %s of %s failed", said.row.number, self.source.pk)
                problems = told(problem)
        outcome.refusals.append(Refusal(said.row, problems))

    @property
    def together_now(self) -> bool:
        return isinstance(running.current_execution(), Gathering)

    # -- one row ----------------------------------------------------------------------------------

    def _said(self, row: Row) -> Said:
        if row.problem is not None:
            return Said(row, {}, {})
        if self.text:
            data, problems = columns.values(self.columns, row.content)
        else:
            data, problems = columns.by_object(self.noun, row.content), {}
        for wire in self.computed.intersection(data):
            del data[wire]
        said = Said(row, data, problems)
        self._take_meta(said)
        return said

    def _take_meta(self, said: Said) -> None:
        """What every record carries is not the verb's: the key, and an admin's moment of creation."""
        value = said.data.pop("$createdAt", None)
        if self.sets_protected_fields and value is not None:
            try:
                said.created_at = values.clean_moment(None, value, self.text)
                if said.created_at > clock.now():
                    raise ValueError("This is in the future.")
            except ValueError as problem:
                said.problems["$createdAt"] = str(problem)
        if self.match == "$id":
            said.key = said.data.get("$id") or None
            if said.key is not None and not isinstance(said.key, str):
                said.problems["$id"] = "This is text: send a string."
        elif self.by is not None:
            value = self._cleaned(self.by, said.data.get(self.by.wire))
            said.key = None if value is None else key_of(value)

    def _cleaned(self, field: Field, value: Any) -> Any:
        """A unique value as it would be stored; None for what would be refused."""
        try:
            value = None if value in (None, "") else field.clean(value, text=self.text)
        except (ValueError, TypeError):
            return None
        return value if isinstance(value, str | int | float) else values.to_json_value(value)

    def _resolve(self, said: Said) -> None:
        """Put ids where the row refers to records by other things."""
        for wire, message in self.references.resolve(said.data).items():
            if self.references.fields[wire].to == self.schema.name:
                said.again = True
            else:
                said.problems[wire] = message

    def _resolve_again(self, said: Said) -> None:
        """The same, now that the rows above are written."""
        self.references.look_up([said.data])
        problems = self.references.resolve(said.data)
        for wire in list(problems):
            # A dry run no longer has what it made.
            if any((f.name, key_of(said.data[wire])) in self.made for f in self.unique):
                del problems[wire], said.data[wire]
        said.problems |= problems

    def _also_wrong(self, said: Said) -> dict[str, str]:
        """What else a row has wrong that will not be tried: all of it is told at once."""
        found = {}
        for wire, value in said.data.items():
            field = self.schema.fields.get(wire)
            if field is not None and wire not in said.problems:
                try:
                    field.clean(value, text=self.text)
                except ValueError as problem:
                    found[wire] = str(problem)
        return found

    def _targets(self, keys: Iterable[Any]) -> dict[Any, str]:
        scope = Scope(self.noun).queryset()
        if self.by is not None:
            return by_unique(scope, self.by, keys, merged=True)
        ids = [key for key in keys if not values.UNSTORABLE.search(key)]
        return {id: id for id in scope.filter(pk__in=ids).order_by().values_list("pk", flat=True)}

    def _target(self, key: Any) -> str | None:
        return self._targets([key]).get(key)

    def _take(self, said: Said, target: str | None) -> str:
        """Do what the row says: create a record, update the one it is about, or nothing."""
        if target is not None:
            changes = self._changes(target, said.data)
            if not changes:
                return UNCHANGED
            executor.run(self.noun.verbs["update"], target, changes, wire=True, text=self.text)
            return UPDATED
        if self.match == "$id" and said.key is not None:
            raise self.noun.not_found(said.key)
        if self._is_new(said, self.made):
            return UPDATED  # what a dry run made and forgot cannot be looked at
        with self._at(said):
            verb = self.noun.verbs["create"]
            record = executor.run(verb, None, said.data, wire=True, text=self.text)
        if self.source.dry_run and not self.together_now:
            self._remember(record)
        return CREATED

    def _remember(self, record: Noun) -> None:
        keys = keys_of(record)
        for key in keys:
            if key in self.made:
                raise record.duplicate_conflict(unique_index_name(type(record), key[0]))
        self.made.update(keys)

    def _at(self, said: Said) -> AbstractContextManager[Any]:
        if said.created_at is None:
            return nullcontext()
        return clock.set_clock(said.created_at, purpose="import")

    def _changes(self, id: str, data: dict[str, Any]) -> dict[str, Any]:
        """What a row says that the record does not have already."""
        record = running.current_execution().lock(self.noun, id)
        changes = {}
        for wire, value in data.items():
            if wire in META_FIELDS or value == "":
                continue  # an empty cell says nothing
            if self.by is not None and wire == self.by.wire:
                continue  # by which it was found: perhaps what one had that was merged into it
            field = self.schema.fields.get(wire)
            try:
                if field is not None and field.clean(value, text=self.text) == getattr(
                    record, field.column
                ):
                    continue
            except ValueError:
                pass  # the verb says so
            changes[wire] = value
        return changes


def told(problem: Exception) -> list[dict[str, Any]]:
    """What went wrong, as ``[{field, message}]``."""
    if isinstance(problem, HeadlesslyError) and problem.details:
        return [{"field": d["field"], "message": d["message"][:1000]} for d in problem.details]
    _, body = errors.status_and_body(problem)
    message = body["message"][:1000]
    if not isinstance(problem, HeadlesslyError):
        message += f" ({tracing.request_id()})"
    return [{"field": body.get("field"), "message": message}]


def _listed(problems: dict[str, str]) -> list[dict[str, Any]]:
    return [{"field": name, "message": message[:1000]} for name, message in problems.items()]
