"""The base of every noun: a Django model that only changes through verbs.

A subclass declares its fields, its state machine, its verbs and how it appears (``Surface``). When Django has
prepared the class, :func:`register_noun` adds the verbs and hooks that every noun has, registers it, and
creates the model of its past. Nothing else needs to know of it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models.signals import class_prepared
from django.utils import timezone
from django.utils.translation import gettext as _

from headlessly.access import tenancy
from headlessly.access.managers import NounManager, WithDeletedManager
from headlessly.context import clock, running
from headlessly.declaration import days, labels, noun_indexes, others, values
from headlessly.declaration.fields import PublicId, Stated, StatusField
from headlessly.declaration.merging import known_together, said_otherwise
from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import Machine, Schema
from headlessly.declaration.shapes import SchemaOfTenant
from headlessly.declaration.surface import Board, CalendarView, Computed, Reason, Surface, computed
from headlessly.declaration.verbs import Verb, verb
from headlessly.errors import Invalid, NotFound, VerbRefused
from headlessly.execution import executor
from headlessly.execution import table as execution_table
from headlessly.execution import upsert as upserts
from headlessly.execution.bound_verbs import BoundVerb, EventsByActor
from headlessly.execution.executor import DryRun
from headlessly.log import events, versions
from headlessly.log.unique_lookups import UniqueLookupMixin
from headlessly.query import aggregates, reads


class Noun(UniqueLookupMixin):
    """One entity type. See ``docs/contributing.md`` for how to declare one."""

    Surface: ClassVar[type[Surface]] = Surface
    registry: ClassVar[dict[str, type[Record]]] = registry

    objects = NounManager()
    with_deleted = WithDeletedManager()

    class Meta:
        abstract = True
        default_manager_name = "objects"
        base_manager_name = "with_deleted"

    def __str__(self) -> str:
        field = self.schema.name_field
        name = getattr(self, field.name, None)
        if not name:
            return str(self.pk)
        return labels.choice_label(field, name) if field.type == "enum" else str(name)

    #: The implementation behind ``Lead.convert`` and ``Lead.converted_by``. Verbs get it from their noun, so
    #: that declarations need not import the executor and the log.
    _call: ClassVar[Any] = BoundVerb
    _by_actor: ClassVar[Any] = EventsByActor

    # -- the verbs of every noun ------------------------------------------------------------------

    @verb(creates=True)
    def create(self, **fields: Any) -> None:
        """Create a record."""

    @verb
    def update(self, **fields: Any) -> None:
        """Change fields; a change of status goes through the state machine."""
        self.fill(fields)

    @verb(deletes=True)
    def delete(self) -> None:  # type: ignore[override]  # a verb, and the row stays
        """Delete the record, and what says that it goes with it; events and the past stay."""
        self.refuse_if_referred_to()
        self.deleted_at = self.moment()

    @verb(restores=True)
    def restore(self) -> None:
        """Bring a deleted record back as it was, with what went with it."""
        self.refuse_if_it_cannot_return()
        self.deleted_at = None

    @verb(event="Updated")
    def rollback(self, *, as_of: datetime) -> None:
        """Give the record the field values that it had at a moment, as a new event."""
        if clock.is_in_future(as_of):
            raise VerbRefused(_("This is in the future."), code="in_future", field="asOf")
        versions.restore_values(self, as_of)

    # -- the verbs by which a request is taken back: see `headlessly.undo.at_once` ---------------

    @verb(corrects=True)
    def correct(self, *, before: int, after: int) -> None:
        """Take back what changed from one version to another, as if it had not been done."""
        versions.restore_changed_values(self, before, after)

    @verb(corrects=True)
    def reword(self, *, listed: str, wording: str) -> None:
        """Give a field another value of its list, as two values of it became one."""
        field = self.schema.fields[listed]
        field.set_value(self, field.clean(wording))

    @verb(corrects=True, restores=True)
    def unmerge(self) -> None:
        """Bring back a record that was merged into another."""
        self.deleted_at = self.successor = None

    @verb(corrects=True, deletes=True, merges=True)
    def remerge(self, *, before: int, after: int) -> None:
        """Take back that a record was brought back that had been merged into another."""
        versions.restore_changed_values(self, before, after)

    # -- reading ----------------------------------------------------------------------------------

    @classmethod
    def find(
        cls,
        filter: Mapping[str, Any] | None = None,
        *,
        sort: Any = None,
        limit: int | None = None,
        include: Any = (),
        q: str | None = None,
        as_of: Any = None,
    ) -> models.QuerySet[Self]:
        """Returns the records that fit `filter` (see :mod:`headlessly.query.filters`), as a queryset.

        `sort` is ``"-score,created_at"`` or ``{"score": "desc"}``; `include` names references to load with
        them; `as_of` asks for the records as they were at a moment.
        """
        return reads.find_queryset(
            cls, filter, sort=sort, limit=limit, include=include, q=q, as_of=as_of
        )

    @classmethod
    def get(cls, id: str, *, include: Any = (), as_of: Any = None) -> Self:
        """Returns one record. Raises NotFound, also for another tenant's record and for a deleted one."""
        return reads.find_record(cls, id, include=include, as_of=as_of)

    @classmethod
    def upsert(
        cls,
        name: str,
        value: Any,
        /,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        **fields: Any,
    ) -> Self | DryRun:
        """Update the record with this unique value, or create it.

        ``Contact.upsert("email", "ada@x.example")`` names a unique field, ``Lead.upsert("hubspot", "123")``
        an external system with ids of its own. It is safe to repeat: of two at once one creates, and the
        other updates.
        """
        named = upserts.name_record(cls, name, value)
        return upserts.upsert(named, fields, dry_run=dry_run, if_match=if_match)

    @classmethod
    def count(cls, filter: Mapping[str, Any] | None = None, *, as_of: Any = None) -> int:
        """Returns how many records fit `filter`, exactly."""
        return reads.find_queryset(cls, filter, sort=None, as_of=as_of).order_by().count()

    @classmethod
    def aggregate(
        cls, filter: Mapping[str, Any] | None = None, **asked: Any
    ) -> list[dict[str, Any]]:
        """Returns the records that fit `filter`, measured by group.

        ``Lead.aggregate(group="source", measure="count,sum(budget)")``; see
        :func:`headlessly.query.aggregates.aggregate`.
        """
        return aggregates.aggregate(cls, filter, **asked).groups

    @classmethod
    def history(cls, id: str | Noun) -> models.QuerySet:
        """Returns the events of one record, the newest first."""
        return events.record_history(cls, id.pk if isinstance(id, Noun) else id)

    # -- saving is a verb -------------------------------------------------------------------------

    @classmethod
    def from_db(  # type: ignore[override]  # the stubs are of a later Django, with a fetch_mode
        cls, db: str | None, field_names: Any, values: Any
    ) -> Self:
        record = super().from_db(db, field_names, values)
        record._read = dict(record.__dict__)
        return record

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Create or update the record through the verb. The input is what differs from what was read."""
        if hasattr(self, "as_of"):
            raise TypeError(
                "A record of the past cannot be saved. Read the present one, or roll back."
            )
        fields = [f for f in self.schema.stored if f.column in self.__dict__]
        own = {f.name: self.__dict__[f.name] for f in self.schema.custom if f.name in self.__dict__}
        if self._state.adding:
            given = {f.name: getattr(self, f.column) for f in fields} | own
            given = {name: value for name, value in given.items() if value not in (None, "")}
            self.take_over(executor.run(type(self).verbs["create"], None, given))
            return
        changed = {
            f.name: getattr(self, f.column)
            for f in fields
            if f.column not in self._read or self._read[f.column] != getattr(self, f.column)
        }
        self.update(**changed, **own)

    def insert(self) -> None:
        """Insert the new row. Only the executor calls this and :meth:`take_as_written`."""
        execution_table.table_of(type(self)).insert(self)
        self._state.adding = False
        self._read = dict(self.__dict__)

    def take_as_written(self) -> tuple[Self, Self]:
        """Note that the present values are written. Returns copies of the record as it was read, and as it is
        now."""
        before, self._read = self._read, dict(self.__dict__)
        state = self.copy_of(self._read)
        for name in execution_table.table_of(type(self)).json_names:
            if isinstance(value := state.__dict__[name], list | dict):
                # A hook may change its own copy; only a verb changes what is written.
                state.__dict__[name] = copy.deepcopy(value)
        return self.copy_of(before), state

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done with the record; always true for nouns without states."""
        machine = self.schema.machine
        return machine is None or getattr(self, machine.name) in getattr(
            self, "OPEN", machine.states
        )

    def as_it_is(self) -> Self:
        """Returns a copy that does not change with the record."""
        return self.copy_of(self.__dict__)

    def copy_of(self, values: Mapping[str, Any]) -> Self:
        made = type(self).__new__(type(self))
        made.__dict__.update(values)
        return made

    def columns_unlike(self, other: Self) -> list[str]:
        """Returns the columns in which this record differs from `other`."""
        return self._columns_unlike(other.__dict__)

    def has_changes(self) -> bool:
        """Whether the record, with its derived columns, differs from what was read."""
        self.derive_columns()
        return bool(self._columns_unlike(self._read))

    def _columns_unlike(self, values: Mapping[str, Any]) -> list[str]:
        own, names = self.__dict__, execution_table.table_of(type(self)).names
        return [
            name
            for name in names
            if (value := values[name]) is not (now := own[name]) and value != now
        ]

    # -- what verbs and the executor need of a record ---------------------------------------------

    def fill(self, fields: Mapping[str, Any]) -> None:
        """Set these values; the status of an existing record moves through its state machine."""
        schema = self.schema
        for name, value in fields.items():
            if schema.machine and name == schema.machine.name and not self._state.adding:
                self.take_step(value)
            else:
                schema.by_name[name].set_value(self, value)
        for column in schema.followers:
            if column.name in fields:
                stated = fields[column.name] is not None
                setattr(self, f"{column.name}{Stated.SUFFIX}", stated)

    def only_empty(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Returns those of `fields` for which the record has no value yet. A flag that is not set counts as
        none.

        For a tenant's own field "no" is a value: the field is empty until somebody sets it.
        """
        found = {}
        for name, value in fields.items():
            field = self.schema.by_name[name]
            now = getattr(self, field.column)
            if value != now and (now is None or (now is False and not field.is_custom)):
                found[name] = value
        return found

    def gaps_filled_by(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the same, without values that belong to others which the record knows differently.

        The first name of somebody else fills no gap.
        """
        others = said_otherwise(type(self), known_together(self), fields)
        return {n: value for n, value in self.only_empty(fields).items() if n not in others}

    @property
    def machine(self) -> Machine | None:
        """The state machine of this record: that of its own path, if another record decides its states."""
        found = self.schema.machine
        return None if found is None else found.of(self)

    def step_target(self, verb: Verb, inputs: Mapping[str, Any]) -> str:
        """Returns the state to which a verb leads, if its steps depend on the record or on a choice.

        Raises Invalid if the choice is no open state of the record's path. If only another path is chosen,
        the record keeps its state there if the path has it, else it goes to the first open state.
        """
        machine = self.schema.require_machine().of(self)
        if not verb.chooses:
            return machine.targets[verb.name][getattr(self, machine.name)][0]
        target = inputs.get(verb.chooses)
        if target is None and inputs.get(machine.field.path_from or "") is not None:
            state = getattr(self, machine.name)
            return state if state in machine.entry else machine.entry[0]
        if target not in machine.entry:
            raise self.wrong_state(machine.entry)
        return target

    def wrong_state(self, allowed: Iterable[str]) -> Invalid:
        """Returns the error for a state that is not on the record's path."""
        machine = self.schema.require_machine()
        field, names = self.schema.by_name[machine.name], map(machine.state_in_error, allowed)
        return Invalid.for_fields(
            {field.wire: _("Use one of %s.") % ", ".join(names)}, type=type(self).__name__
        )

    def take_step(self, target: str) -> None:
        """Move to a state that updating the status may reach. Raises Conflict for any other state."""
        machine = self.schema.require_machine()
        state = getattr(self, machine.name)
        if target == state:
            return
        if target not in machine.field.moves.get(state, ()):
            raise self.illegal_step_conflict(target)
        getattr(self, f"_move_to_{target.lower()}")()

    def after_move(self, source: str, target: str) -> None:
        """Override: set columns that depend on the state. Called after every step of the machine."""

    def before_write(self) -> None:
        """Override: set columns that are derived from others. Called before a row is written."""

    def derive_columns(self) -> None:
        """Set the columns that follow from others.

        These are the noun's own, choices that nobody made, the currency of amounts, and moments that stand
        for a day.
        """
        self.before_write()
        schema, read = self.schema, self._read
        others.settle_others(self, read)
        for column in schema.followers:
            if column.follows and not getattr(self, f"{column.name}{Stated.SUFFIX}"):
                source, results = column.follows
                value = results(self) if callable(results) else results.get(getattr(self, source))
                setattr(self, column.attname, value)
        currency = schema.currency
        if currency is not None and not getattr(self, currency.attname):
            setattr(self, currency.attname, tenancy.require().currency)
        for field in schema.day_moments:
            if (moment := getattr(self, field.column)) is None:
                continue
            if not getattr(self, field.day_if or ""):
                moment = moment.astimezone(UTC)
            else:
                if moment is read.get(field.column) and not read.get(field.day_if or ""):
                    # the flag is new: it is the day of the user who set it
                    moment = timezone.localtime(moment)
                moment = days.moment_of_its_day(moment)
            setattr(self, field.column, moment)

    @classmethod
    def stale_after(cls) -> timedelta | None:
        """Returns how long an open record may go without a touch before it is stale, or None for no limit."""
        return None

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Checks between fields: put a message under a field's name to refuse the input."""

    def moment(self) -> datetime:
        """Returns the moment of the verb that is running."""

        return running.current_moment()

    def take_over(self, other: Noun) -> None:
        """Take over the values of `other`, which is the same record after a verb."""
        state = copy.copy(other._state)
        state.fields_cache = {}
        self.__dict__ = {k: v for k, v in other.__dict__.items() if k != "_state"} | {
            "_state": state
        }

    def as_json(self) -> dict[str, Any]:
        """Returns the record in the form of JSON, without ``$context``, as its address depends on the
        request."""
        record = {
            "$id": self.id,
            "$type": type(self).__name__,
            "$version": self.version,
            "$createdAt": self.created_at,
            "$createdBy": self.created_by,
            "$updatedAt": self.updated_at,
        }
        schema, values = self.schema, self.__dict__
        for wire, column, said in schema.said:
            value = values[column] if column in values else getattr(self, column)
            record[wire] = value if said is None or value is None else said(value)
        for wire, function in schema.functions:
            record[wire] = function(self)
        return record

    def said_before(self, was: Noun) -> dict[str, Any]:
        """Returns what the JSON of this record said otherwise when it was as `was`, by wire name."""
        before, now = was.__dict__, self.__dict__
        found = {}
        for wire, column, said in self.schema.said:
            old = before[column] if column in before else getattr(was, column)
            new = now[column] if column in now else getattr(self, column)
            if old is new or old == new:
                continue
            if said is not None:
                old, new = (value if value is None else said(value) for value in (old, new))
            if old != new:
                found[wire] = old
        return found

    # -- look-ups ---------------------------------------------------------------------------------

    @classmethod
    def not_found(cls, id: Any) -> NotFound:
        id = str(id)[:64]
        said = _("There is no %(noun)s %(id)s.") % {"noun": labels.noun_in_error(cls), "id": id}
        return NotFound(said, type=cls.__name__, id=id)

    @classmethod
    def lock_by_id(cls, id: Any, *, deleting: bool = False, restoring: bool = False) -> Self:
        """Returns the record, locked against everything if it is to be deleted, else only against other
        verbs.

        A deleted record is only found to be restored.
        """
        if not isinstance(id, str) or not values.is_storable(id):
            raise cls.not_found(id)
        table = execution_table.table_of(cls)
        record = table.lock(id, deleting=deleting, restoring=restoring)
        if record is None:
            raise cls.not_found(id)
        return record

    @classmethod
    def status_field(cls) -> str:
        return next(f.name for f in cls._meta.concrete_fields if isinstance(f, StatusField))


def register_noun(sender: type[models.Model], **_: Any) -> None:
    """Turn a class that Django has just prepared into a noun."""
    if not issubclass(sender, Noun) or sender._meta.abstract or sender._meta.proxy:
        return
    noun = sender
    noun.prefix = noun.__dict__.get("prefix") or noun.__name__.lower()
    if isinstance(key := noun._meta.pk, PublicId):
        key.prefix = noun.prefix
    noun.plural = noun.__dict__.get("plural") or f"{noun.__name__.lower()}s"
    noun.Surface = type("Surface", (noun.Surface, Surface), {})
    noun.computed_fields = [v for v in noun.__dict__.values() if isinstance(v, Computed)]
    noun.reference_columns = tuple(
        f.attname for f in noun._meta.concrete_fields if f.is_relation and f.name != "tenant"
    )
    if noun.Surface.owner is None and "owner" in {f.name for f in noun._meta.concrete_fields}:
        noun.Surface.owner = "owner"
    noun.schema = SchemaOfTenant(Schema(noun))  # type: ignore[assignment]  # it answers one
    own = [v for v in noun.__dict__.values() if isinstance(v, Verb)]
    common = [v for v in Noun.__dict__.values() if isinstance(v, Verb)]
    names = {v.name for v in own}
    noun.verbs, noun.corrections = {}, {}
    for each in [v for v in common if v.name not in names] + own:
        bound = each.bind(noun)
        if each.corrects:
            noun.corrections[each.name] = bound
        elif not (noun.immutable and each.changes_fields):
            noun.verbs[each.name] = bound
    noun_indexes.add_unique_constraints(noun)
    noun_indexes.add_search_indexes(noun)
    noun_indexes.add_index_of_own_fields(noun)
    registry[noun.__name__] = noun
    labels.translate_verbose_names(noun)
    noun.past = versions.make_version_model(noun)


class_prepared.connect(register_noun, dispatch_uid="headlessly.enrol")

__all__ = ["Board", "CalendarView", "Noun", "Reason", "computed", "registry", "verb"]
