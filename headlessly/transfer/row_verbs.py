"""Executes rows as verbs, without values that may be left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import orjson
from django.utils.translation import gettext as _

from headlessly.access import lists
from headlessly.context import clock, running
from headlessly.declaration.schema import META
from headlessly.declaration.values import as_storable
from headlessly.errors import Conflict, HeadlesslyError, Invalid, VerbRefused
from headlessly.execution import executor
from headlessly.log.names import LEFT_OUT
from headlessly.transfer.bulk_create import Gathering, keys_of
from headlessly.transfer.cells import as_shown
from headlessly.transfer.described_records import Known
from headlessly.transfer.matching import ID
from headlessly.transfer.outcomes import CREATED, UNCHANGED, UPDATED
from headlessly.transfer.row_lookup import RowLookup
from headlessly.transfer.row_values import RowValues
from headlessly.transfer.stated_past import CREATED_AT

if TYPE_CHECKING:
    from headlessly.nouns import Noun


#: How many cells that no field holds are kept of a row, and the maximum length of all of them, in characters.
MOST_CELLS, MOST_KEPT = 200, 32_000


def writes_together() -> bool:
    """Whether the current rows are gathered, to be written together."""
    return isinstance(running.current_execution(), Gathering)


def kept_cells(cells: Mapping[str, Any], said: RowValues) -> dict[str, Any]:
    """Returns the cells that no field holds for the log, as far as there is room; the rest is reported."""
    room = MOST_KEPT
    kept: dict[str, Any] = {}
    for heading, cell in cells.items():
        if not room or len(kept) == MOST_CELLS:
            break
        text = as_storable(_as_text(cell))
        kept[as_storable(heading)[:255]] = text[:room]
        room = max(0, room - len(text))
    if len(kept) < len(cells) or not room:
        said.leave_out(LEFT_OUT, _("This row says more beside its fields than is kept of a row."))
    return kept


def _as_text(cell: Any) -> str:
    if not isinstance(cell, dict | list):
        return as_shown(cell)
    try:
        return orjson.dumps(cell, default=str).decode()
    except (TypeError, ValueError, RecursionError):  # half a surrogate pair, or an infinite number
        pass
    try:
        return str(cell)
    except RecursionError:
        return "(nested too deeply)"


class RowVerbs:
    """Executes the rows of one import, in the current execution."""

    def __init__(self, lookup: RowLookup) -> None:
        self.lookup, self.source, self.noun = lookup, lookup.source, lookup.noun
        self.schema, self.match, self.lenient = lookup.schema, lookup.match, lookup.lenient

    def take(self, said: RowValues, target: str | None, twin: str | None, made: list[Known]) -> str:
        """Execute a row: create a record, update the one it is about, or do nothing."""
        self.lookup.describer.completion.begin_row()
        if (
            self.lookup.matcher is not None
            and said.key in self.lookup.matcher.many
            and target is None
        ):
            raise Conflict(self.lookup.matcher.ambiguous(said.key), type=self.schema.name)
        if target is None and self.match == ID and said.key is not None:
            raise self.noun.not_found(said.key)
        self.lookup.describer.fill(said, self._make, self._complete, made)
        if target is not None:
            return self._update(said, target)
        if self.lookup.is_new(said, self.lookup.made, set()):
            return UPDATED  # a dry run has rolled its record back, so that it cannot be compared
        if not said.data.get(self.lookup.name.wire) and (name := self.lookup.composed_name(said)):
            said.data[self.lookup.name.wire] = name
        if self.lookup.foreign:
            for name, value in self.noun.Surface.files.otherwise.items():
                said.data.setdefault(self.schema.by_name[name].wire, value)
        if twin is not None:
            said.twin = True
            if not self._changes(twin, said):
                return UNCHANGED
        self.lookup.check_currency(said)
        if said.problems:
            raise Invalid.for_fields(said.problems, type=self.schema.name)
        record = self._run("create", None, said)
        if self.source.dry_run and not writes_together():
            self._remember(record)
        return CREATED

    def _update(self, said: RowValues, target: str) -> str:
        self._keep_currency(target, said)
        if said.problems:
            raise Invalid.for_fields(said.problems, type=self.schema.name)
        changes = self._changes(target, said)
        if not changes:
            return UNCHANGED
        said.data = changes
        self._run("update", target, said)
        return UPDATED if said.data else UNCHANGED

    def _keep_currency(self, id: str, said: RowValues) -> None:
        """Keep the record's currency for its other amounts, even if an amount of the row names another
        one."""
        currency = self.schema.currency
        if currency is None:
            return
        wire = self.schema.by_name[currency.name].wire
        if not said.currencies.get(currency.name):
            return
        record = running.current_execution().lock(self.noun, id)
        own, other = getattr(record, currency.attname), said.data.get(wire)
        stay = (f for f in self.schema.stored if f.type == "money" and f.wire not in said.data)
        if other and (own == other or all(getattr(record, f.column) is None for f in stay)):
            return
        said.data.pop(wire, None)
        said.check_currencies(currency.name, own, self.lenient)

    def _run(self, verb: str, target: str | None, said: RowValues) -> Any:
        """Execute the verb; if something that may be left out is wrong, again without it."""
        while True:
            try:
                with self._at(said, kept_cells(self.lookup.reader.left_out(said), said)):
                    return executor.run(
                        self.noun.verbs[verb], target, said.data, wire=True, text=said.text
                    )
            except Invalid as problem:
                if not self._leave_out(problem, said.data, said, "", self.lookup.may_leave_out):
                    raise
            except Conflict as problem:
                # Another program's state, for a record that took another way here.
                field = problem.field
                if field is None or field not in said.data or not self._is_state(field):
                    raise
                said.leave_out(field, problem.message)
                del said.data[field]

    def _is_state(self, wire: str) -> bool:
        """Whether this is the state of a record, in a file that is not read strictly."""
        machine = self.schema.machine
        if machine is None or not self.lenient:
            return False
        return self.schema.by_name[machine.name].wire == wire

    def _make(self, noun: Any, given: dict[str, Any], said: RowValues, wire: str) -> Any:
        """Create a record that the row describes; None, with a message, if that is not possible."""

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
            except (Conflict, VerbRefused) as problem:
                said.leave_out(wire, problem.message)
                return None

    def _complete(
        self, noun: Any, id: str, gaps: dict[str, Any], said: RowValues, wire: str
    ) -> None:
        """Fill empty fields of a record that the row describes; with a message if that is not possible."""
        execution = running.current_execution()
        execution.stated_creation, execution.left_out = None, {}
        execution.flush()  # a row above this one may have created it
        try:
            executor.run(noun.verbs["update"], id, gaps, wire=True, text=said.text)
        except HeadlesslyError as problem:
            for name in gaps:
                said.leave_out(f"{wire}.{name}", problem.message)

    def _leave_out(
        self,
        problem: Invalid,
        data: dict[str, Any],
        said: RowValues,
        above: str,
        may_go: Callable[[str], bool],
    ) -> bool:
        """Remove wrong values from ``data``, with a message; returns whether any could be left out."""
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

    def _remember(self, record: Noun) -> None:
        keys = keys_of(record)
        for key in keys:
            if key in self.lookup.made:
                raise record.taken_conflict(*key[1:])
        self.lookup.made.update(keys)

    @staticmethod
    def _at(said: RowValues, left_out: dict[str, Any] | None = None) -> AbstractContextManager[Any]:
        """Set the clock to the row's creation date, if it has one."""
        execution = running.current_execution()
        execution.stated_creation, execution.left_out = said.created_at, left_out or {}
        if said.created_at is None:
            return nullcontext()
        return clock.set_clock(said.created_at, purpose="import")

    def _changes(self, id: str, said: RowValues) -> dict[str, Any]:
        """Returns the values of a row that differ from the record's."""
        record = running.current_execution().lock(self.noun, id)
        changes = {}
        for wire, value in said.data.items():
            if wire in META or value == "":
                continue  # an empty cell changes nothing
            if wire in self.lookup.found_by:
                continue  # perhaps in another spelling, or of a record that was merged into it
            field = self.schema.fields.get(wire)
            try:
                now = None if field is None else getattr(record, field.column)
                if field is not None and field.change is not None and isinstance(value, dict):
                    value = field.change(now, value)
                clean = None if field is None else field.clean(value, text=said.text)
                if field is not None and field.list_name and clean:
                    clean = lists.spell_by_list(field.list_name, clean)
                if field is not None and clean == now:
                    continue
            except ValueError:
                pass  # the verb reports what is wrong
            changes[wire] = value
        return changes
