"""Rows into records: what a row is about, and which verb that makes of it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import OperationalError, transaction
from django.utils.translation import gettext as _

from headlessly import errors
from headlessly.access import actors
from headlessly.context import clock, running, tracing
from headlessly.declaration import values
from headlessly.declaration.refusals import unique_index_name
from headlessly.declaration.schema import META, Field
from headlessly.errors import Conflict, HeadlesslyError, Invalid
from headlessly.execution import executor, inputs
from headlessly.query.scope import Scope
from headlessly.transfer.bulk_create import Collision, Gathering, Importing, Key, key_of, keys_of
from headlessly.transfer.described import Describer, Known, composed_name
from headlessly.transfer.matching import ID, Matcher, Twins, unique_fields
from headlessly.transfer.options import MISSING, Options
from headlessly.transfer.references import References, by_unique, naming_field
from headlessly.transfer.row_values import ObjectReader, RowValues, TableReader, is_phone
from headlessly.transfer.rows import Row
from headlessly.transfer.stated_past import CREATED_AT

if TYPE_CHECKING:
    from headlessly.nouns import Noun
    from headlessly.transfer.models import Import

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
    #: What was left out of the rows that were taken, by their numbers.
    warnings: list[tuple[int, list[dict[str, Any]]]] = field(default_factory=list)
    already_here: int = 0
    made: Counter[str] = field(default_factory=Counter)


class Taker:
    """Takes the rows of one import, in the tenant and as the actor at hand."""

    def __init__(
        self, source: Import, reader: TableReader | ObjectReader, *, foreign: bool
    ) -> None:
        self.source, self.reader = source, reader
        self.noun: type[Noun] = source.noun
        self.options = Options(**source.options)
        self.schema = self.noun.schema
        #: Whether what is not understood is left out: the file is not ours, and not to be taken strictly.
        self.lenient = foreign and not self.options.strict
        self.foreign = foreign
        self.sets_protected_fields = actors.current().role == actors.ADMIN
        self.match = source.match
        self.unique = unique_fields(self.noun)
        self.matcher = self._matcher(self.match) if self.match and self.match != ID else None
        self.twins = self._twins()
        self.references = References(self.noun)
        self.describer = Describer(self.noun, making=self.options.create == MISSING)
        self.name = naming_field(self.noun)
        self.computed = {f.wire for f in self.schema.computed}
        self.refers_to_itself = any(
            f.to == self.schema.name for f in self.references.fields.values()
        )
        #: What the rows at hand are called, in a file whose rows may refer to each other.
        self.named_here: set[Any] = set()
        self.together = not any(
            hook.needs_rows for verb in self._verbs() for hook in (verb.before, verb.after)
        )
        #: Of a dry run, which forgets what it did: the unique values of what it created, and the keys of
        #: the rows that made something.
        self.made: set[Key] = set()
        self.made_keys: set[Any] = set()

    def _verbs(self) -> list[Any]:
        """What may be executed. Unless a hook asks for rows, nothing tells those written together."""
        described = [f.target_noun for f in self.describer.fields]
        updating = [self.noun.verbs["update"]] if self.match else []
        return [noun.verbs["create"] for noun in (self.noun, *described)] + updating

    def _matcher(self, names: str) -> Matcher:
        return Matcher(self.noun, [self.schema.fields[wire] for wire in names.split(",")])

    def _twins(self) -> Twins | None:
        """How rows are told that are here already, where nobody said how to find their records."""
        alike = self.noun.Surface.files.alike
        if self.match or not alike:
            return None
        return Twins(Matcher(self.noun, [self.schema.by_name[name] for name in alike]))

    # -- many at once -----------------------------------------------------------------------------

    def gathering(self) -> Gathering:
        return Gathering(self.sets_protected_fields, self.source.event, set(self.made))

    def take_together(self, rows: Sequence[Row], gathering: Gathering) -> Outcome:
        """Take rows in the execution at hand. Raises Collision when one cannot be told from others."""
        self.describer.forget()
        said = [self._read(row) for row in rows]
        found, twins = self._prepare(said, gathering)
        outcome = Outcome()
        keys: set[Any] = set()
        for each in said:
            target = found.get(each.key) if each.key is not None else None
            if target is None and self._is_new(each, gathering.taken, keys):
                gathering.flush()
                target = self._target(each.key)
            if each.again:
                gathering.flush()
                self._resolve_again(each)
            twin = twins.get(self._twin_key(each)) if twins else None
            made: list[Known] = []
            self._note(outcome, each, made, partial(self._take, each, target, twin, made))
            keys.add(each.key)
        if self.source.dry_run:
            self.made |= gathering.taken
            self.made_keys |= keys
            self.describer.forget()
        return outcome

    def _prepare(
        self, said: Sequence[RowValues], gathering: Gathering
    ) -> tuple[dict[Any, str], dict[Any, str]]:
        """Ask for all rows at once what each would ask: what they refer to, and what is there already."""
        self._look_up(said)
        data = [each.data for each in said if not each.problems]
        for name, ids in self.references.ids(data).items():
            inputs.lock_references(gathering, self.noun.registry[name], ids)
        for each in self.unique:
            there = by_unique(self.noun.objects.all(), each, self._given(each, (e for e in said)))
            gathering.taken.update((self.schema.name, each.name, key) for key in there)
        found = self._targets({e.key for e in said if e.key is not None}) if self.match else {}
        return found, self._find_twins(said)

    def _look_up(self, said: Sequence[RowValues]) -> None:
        if self.refers_to_itself:
            known = [self.name.wire, *(f.wire for f in self.unique)]
            self.named_here = {
                key_of(value)
                for each in said
                for wire in known
                if isinstance(value := each.data.get(wire), str)
            }
        self.references.look_up(each.data for each in said)
        self.describer.look_up(said)
        for each in said:
            self._resolve(each)
            self._take_key(each)

    def _find_twins(self, said: Sequence[RowValues]) -> dict[Any, str]:
        if self.twins is None or self.source.started_at is None:
            return {}
        keys = {self._twin_key(each) for each in said}
        return self.twins.find(keys - {None}, self.source.started_at)

    def _twin_key(self, said: RowValues) -> Any:
        if self.twins is None or said.problems:
            return None
        data = said.data
        for field_ in self.describer.fields:
            given = said.described.get(field_.wire)
            if given and not data.get(field_.wire):
                id = self.describer.found_id(field_, given)
                if id is None:
                    return None  # whom it is about is not here yet
                data = data | {field_.wire: id}
        if not data.get(self.name.wire):
            data = data | {self.name.wire: self._composed(said)}
        return self.twins.matcher.key(data, said.text)

    def _given(self, field: Field, rows: Iterable[RowValues]) -> Iterable[Any]:
        for row in rows:
            value = row.data.get(field.wire)
            try:
                value = None if value in (None, "") else field.clean(value, text=row.text)
            except (ValueError, TypeError):
                continue
            if value is not None:
                yield value if isinstance(value, str | int | float) else values.to_json_value(value)

    def _is_new(self, each: RowValues, taken: set[Key], keys: set[Any]) -> bool:
        """Whether a row above this one created what this one is about."""
        if self.matcher is None or each.key is None:
            return False
        unique = self.matcher.unique
        if unique is not None:
            return (self.schema.name, unique.name, each.key[0]) in taken
        return each.key in keys or each.key in self.made_keys

    # -- one by one -------------------------------------------------------------------------------

    def take_singly(self, rows: Sequence[Row]) -> Outcome:
        """Take rows, each in a savepoint of its own, with all that its hooks do."""
        outcome = Outcome()
        self.describer.forget()
        said = [self._read(row) for row in rows]
        self._look_up(said)
        twins = self._find_twins(said)
        for each in said:
            if each.again:
                self._resolve_again(each)
            twin = twins.get(self._twin_key(each)) if twins else None
            made: list[Known] = []
            self._note(outcome, each, made, partial(self._alone, each, twin, made))
            if self.source.dry_run and each.key is not None:
                self.made_keys.add(each.key)
        if self.source.dry_run:
            self.describer.forget()
        return outcome

    def _alone(self, said: RowValues, twin: str | None, made: list[Known]) -> str:
        for attempt in (1, 2):
            try:
                target = None if said.key is None else self._target(said.key)
                with executor.one_transaction(
                    make=lambda: Importing(self.sets_protected_fields, self.source.event)
                ):
                    return self._take(said, target, twin, made)
            except Conflict as problem:
                self.describer.forget(made)
                made.clear()
                # Somebody else made it after we looked: now it is there.
                there = self.matcher is not None and problem.extra.get("existingId")
                if not (there and problem.field == self.match and target is None and attempt == 1):
                    raise
        raise AssertionError("unreachable")

    def _note(
        self, outcome: Outcome, said: RowValues, made: list[Known], take: Callable[[], str]
    ) -> None:
        """Take one row, and count it as what it became."""
        if said.row.problem is not None:
            problems = [{"field": None, "message": said.row.problem}]
        elif said.problems:
            problems = _listed(said.problems | self._also_wrong(said))
        else:
            try:
                became = take()
                outcome.counts[became] += 1
                outcome.made += self.describer.count(made)
                if said.left_out:
                    outcome.warnings.append((said.row.number, _listed(said.left_out)))
                if became in (CREATED, UNCHANGED) and said.twin:
                    outcome.already_here += 1
                return
            except HeadlesslyError as problem:
                if made and self.together_now:
                    raise Collision from problem  # what it made may not stay: one by one
                self.describer.forget(made)
                problems = told(problem)
            except (OperationalError, Collision):
                raise
            except Exception as problem:
                if transaction.get_connection().needs_rollback or self.together_now:
                    raise
                self.describer.forget(made)
                logger.exception("row %s of %s failed", said.row.number, self.source.pk)
                problems = told(problem)
        outcome.refusals.append(Refusal(said.row, problems))

    @property
    def together_now(self) -> bool:
        return isinstance(running.current_execution(), Gathering)

    # -- one row ----------------------------------------------------------------------------------

    def _read(self, row: Row) -> RowValues:
        if row.problem is not None:
            return RowValues(row)
        said = self.reader.read(row)
        for wire in self.computed.intersection(said.data):
            del said.data[wire]
        for name, value in self.options.defaults.items():
            said.data.setdefault(name, value)
        self._take_meta(said)
        return said

    def _take_meta(self, said: RowValues) -> None:
        """What every record carries is not the verb's: an admin's moment of creation."""
        value = said.data.pop("$createdAt", None)
        if self.sets_protected_fields and value is not None:
            try:
                said.created_at = values.clean_moment(None, value, said.text)
                if said.created_at > clock.now():
                    said.created_at = None
                    raise ValueError(_("This is in the future."))
            except ValueError as problem:
                if self.lenient:
                    said.leave_out("$createdAt", str(problem))
                else:
                    said.problems["$createdAt"] = str(problem)

    def _take_key(self, said: RowValues) -> None:
        if self.match == ID:
            said.key = said.data.get(ID) or None
            if said.key is not None and not isinstance(said.key, str):
                said.problems[ID] = _("This is text: send a string.")
                said.key = None
        elif self.matcher is not None:
            said.key = self.matcher.key(said.data, said.text)

    def _resolve(self, said: RowValues) -> None:
        """Put ids where the row refers to records by other things."""
        for wire, message in self.references.resolve(said.data).items():
            if self.references.fields[wire].to == self.schema.name and self._may_be_above(
                said.data[wire]
            ):
                said.again = True
            else:
                self._refuse_reference(said, wire, message)

    def _refuse_reference(self, said: RowValues, wire: str, message: str) -> None:
        if self._may_leave_out(wire):
            del said.data[wire]
            said.leave_out(wire, message)
        else:
            said.problems[wire] = message

    def _may_be_above(self, text: str) -> bool:
        """Whether a row of this chunk, or of a dry run before it, is called so."""
        key = key_of(text.strip())
        name = self.schema.name
        return key in self.named_here or any((name, f.name, key) in self.made for f in self.unique)

    def _resolve_again(self, said: RowValues) -> None:
        """The same, now that the rows above are written."""
        self.references.look_up([said.data])
        problems = self.references.resolve(said.data)
        for wire in list(problems):
            # A dry run no longer has what it made.
            name = self.schema.name
            if any((name, f.name, key_of(said.data[wire])) in self.made for f in self.unique):
                del problems[wire], said.data[wire]
        for wire, message in problems.items():
            self._refuse_reference(said, wire, message)

    def _also_wrong(self, said: RowValues) -> dict[str, str]:
        """What else a row has wrong that will not be tried: all of it is told at once."""
        found = {}
        for wire, value in said.data.items():
            field = self.schema.fields.get(wire)
            if field is not None and wire not in said.problems:
                try:
                    field.clean(value, text=said.text)
                except ValueError as problem:
                    found[wire] = str(problem)
        return found

    def _targets(self, keys: Iterable[Any]) -> dict[Any, str]:
        if self.matcher is not None:
            return self.matcher.find(keys)
        scope = Scope(self.noun).queryset()
        ids = [key for key in keys if not values.UNSTORABLE.search(key)]
        return {id: id for id in scope.filter(pk__in=ids).order_by().values_list("pk", flat=True)}

    def _target(self, key: Any) -> str | None:
        return self._targets([key]).get(key)

    def _take(
        self, said: RowValues, target: str | None, twin: str | None, made: list[Known]
    ) -> str:
        """Do what the row says: create a record, update the one it is about, or nothing."""
        if self.matcher is not None and said.key in self.matcher.many and target is None:
            raise Conflict(self.matcher.ambiguous(said.key), type=self.schema.name)
        if target is None and self.match == ID and said.key is not None:
            raise self.noun.not_found(said.key)
        self.describer.fill(said, self._make, made)
        if target is not None:
            return self._update(said, target)
        if self._is_new(said, self.made, set()):
            return UPDATED  # what a dry run made and forgot cannot be looked at
        if not said.data.get(self.name.wire) and (name := self._composed(said)):
            said.data[self.name.wire] = name
        if self.foreign:
            for name, value in self.noun.Surface.files.otherwise.items():
                said.data.setdefault(self.schema.by_name[name].wire, value)
        if twin is not None:
            said.twin = True
            if not self._changes(twin, said):
                return UNCHANGED
        record = self._run("create", None, said)
        if self.source.dry_run and not self.together_now:
            self._remember(record)
        return CREATED

    def _update(self, said: RowValues, target: str) -> str:
        changes = self._changes(target, said)
        if not changes:
            return UNCHANGED
        said.data = changes
        self._run("update", target, said)
        return UPDATED if said.data else UNCHANGED

    def _composed(self, said: RowValues) -> str | None:
        return composed_name(self.noun, said.data, said.described)

    def _run(self, verb: str, target: str | None, said: RowValues) -> Any:
        """Execute the verb; without what may be left out, where that is what is wrong."""
        while True:
            try:
                with self._at(said):
                    return executor.run(
                        self.noun.verbs[verb], target, said.data, wire=True, text=said.text
                    )
            except Invalid as problem:
                if not self._leave_out(problem, said.data, said, "", self._may_leave_out):
                    raise

    def _make(self, noun: Any, given: dict[str, Any], said: RowValues, wire: str) -> Any:
        """Create a record that the row describes; None, and told, where it cannot be."""

        def may_go(name: str) -> bool:
            field = noun.schema.fields.get(name)
            return field is None or not field.required

        while True:
            try:
                with self._at(said):
                    return executor.run(
                        noun.verbs["create"], None, given, wire=True, text=said.text
                    )
            except Invalid as problem:
                if not self._leave_out(problem, given, said, f"{wire}.", may_go):
                    said.leave_out(wire, problem.message)
                    return None
            except (Conflict, errors.VerbRefused) as problem:
                said.leave_out(wire, problem.message)
                return None

    def _leave_out(
        self,
        problem: Invalid,
        data: dict[str, Any],
        said: RowValues,
        above: str,
        may_go: Callable[[str], bool],
    ) -> bool:
        """Take what is wrong out of ``data`` and tell it; whether there was any that may go."""
        names = {d["field"]: d["message"] for d in problem.details or ()}
        if CREATED_AT in names and self.lenient:
            said.created_at = None
            said.leave_out(CREATED_AT, names[CREATED_AT])
            return True
        going = [name for name in names if name in data and may_go(name)]
        for name in going:
            del data[name]
            said.leave_out(above + name, names[name])
        return bool(going)

    def _may_leave_out(self, wire: str) -> bool:
        """Whether a row is taken without this: what another's file says, and numbers a spreadsheet broke."""
        field = self.schema.fields.get(wire)
        if field is None:
            return self.lenient
        return not field.required and (self.lenient or is_phone(field))

    def _remember(self, record: Noun) -> None:
        keys = keys_of(record)
        for key in keys:
            if key in self.made:
                raise record.duplicate_conflict(unique_index_name(type(record), key[1]))
        self.made.update(keys)

    @staticmethod
    def _at(said: RowValues) -> AbstractContextManager[Any]:
        """The moment of what the row makes: when it was created, if the row says so."""
        running.current_execution().stated_creation = said.created_at
        if said.created_at is None:
            return nullcontext()
        return clock.set_clock(said.created_at, purpose="import")

    def _changes(self, id: str, said: RowValues) -> dict[str, Any]:
        """What a row says that the record does not have already."""
        record = running.current_execution().lock(self.noun, id)
        changes = {}
        for wire, value in said.data.items():
            if wire in META or value == "":
                continue  # an empty cell says nothing
            if self.match and wire == self.match:
                continue  # by which it was found: perhaps what one had that was merged into it
            field = self.schema.fields.get(wire)
            try:
                if field is not None and field.clean(value, text=said.text) == getattr(
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
    _status, body = errors.status_and_body(problem)
    message = body["message"][:1000]
    if not isinstance(problem, HeadlesslyError):
        message += f" ({tracing.request_id()})"
    return [{"field": body.get("field"), "message": message}]


def _listed(problems: dict[str, str]) -> list[dict[str, Any]]:
    return [{"field": name, "message": message[:1000]} for name, message in problems.items()]
