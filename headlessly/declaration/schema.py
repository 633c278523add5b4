"""What a noun is, as data: fields, machine, verbs, relations, wire names. What all surfaces read.

A schema is derived from the noun's class once, when it is first asked for, and never declared again.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models

from headlessly.declaration import custom_values, days, values
from headlessly.declaration import fields as columns
from headlessly.declaration.gates import Gate
from headlessly.declaration.paths import OPEN, WON, Path
from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry

if TYPE_CHECKING:
    from headlessly.declaration.verbs import Verb

#: For :class:`Field`, whose own ``type`` is another.
RecordClass = type[Record]

#: What every record carries on every wire: wire name → column.
META = {
    "$id": "id",
    "$type": None,
    "$context": None,
    "$version": "version",
    "$createdAt": "created_at",
    "$createdBy": "created_by",
    "$updatedAt": "updated_at",
}
#: Columns of every noun that are no fields of it.
SYSTEM_COLUMNS = {
    "id", "tenant", "version", "created_at", "created_by", "updated_at", "deleted_at", "successor"
}  # fmt: skip

#: Columns of every noun that are fields of it.
COMMON_COLUMNS = ("tags", "external_ids")
#: The title under which they stand.
MORE = "More"
#: By which every list is narrowed.
EVERYWHERE_FACETS = ("tags",)

COLUMN_TYPES: tuple[tuple[type[models.Field], str], ...] = (
    (columns.StatusField, "enum"),
    (columns.Choice, "enum"),
    (columns.Email, "email"),
    (models.URLField, "url"),
    (models.ForeignKey, "reference"),
    (models.DecimalField, "money"),
    (models.FloatField, "number"),
    (models.IntegerField, "integer"),
    (models.BooleanField, "bool"),
    (models.DateTimeField, "datetime"),
    (models.DateField, "date"),
    (columns.Choices, "choices"),
    (models.JSONField, "json"),
    (models.TextField, "text"),
    (models.CharField, "string"),
)


def snake_name(wire: str) -> str:
    """``lostReason`` → ``lost_reason``."""
    return re.sub(r"([A-Z])", r"_\1", wire).lower()


def wire_name(name: str) -> str:
    """``lost_reason`` → ``lostReason``."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


@dataclass(frozen=True, eq=False)
class Field:
    """One field of a noun, or one input of a verb."""

    name: str  #: in Python
    wire: str  #: in JSON
    column: str  #: the attribute that holds the value: ``contact_id`` for a reference
    type: str
    required: bool = False
    clearable: bool = True  #: whether an input may be sent as null, back to the default
    read_only: bool = False
    set_by: tuple[str, ...] = ()  #: the verbs that write a read-only field
    moves: bool = False  #: where the record stands in its machine: never empty
    given_by: str | None = None  #: the reference that gives a record its states
    suggests: tuple[
        str, ...
    ] = ()  #: what people usually write; a tenant may have a list of its own
    #: What a form has to choose from, asked when it is made: see :class:`.fields.String`.
    offers: Callable[[], Iterable[tuple[str, Any]]] | None = None
    told: bool = False  #: whether it may be a sentence that people read in their language
    example: Any = None  #: a value for programs that try it out, where not any will do
    unique: bool = False
    indexed: bool = False
    choices: tuple[str, ...] = ()
    spoken: Mapping[str, str] = dataclasses.field(default_factory=dict)  #: values said otherwise
    to: str | None = None  #: the noun that a reference leads to
    prefix: str | None = None  #: the prefix of that noun's ids
    inverse: str | None = None  #: the wire name of the other side
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    unit: str = ""  #: what a number is counted in, for people
    default: Any = None
    description: str = ""
    form_help: str = ""  #: what a form says of it, where that is not what programs read
    label: str = ""
    validators: tuple[Callable[[Any], None], ...] = ()
    normalize: Callable[[Any], Any] | None = (
        None  #: how its text, or its JSON, is stored and compared
    )
    change: Callable[[Any, Any], Any] | None = None  #: its value after a change of some parts of it
    unite: Callable[[Any, Any], Any] | None = None  #: its value where two records become one
    list_name: str = ""  #: the list of values that its texts are taken from
    beside: tuple[str, ...] = ()  #: the fields with the first values, of one that has the others
    item: Field | None = None  #: what each of several values is, where it is more than a short text
    #: Under which name the table of unique values has its values, where a record may have several of them.
    kept_as: str = ""
    parts: bool = False  #: whether its value has parts by name: ``externalIds.hubspot``
    computed: Callable[[Any], Any] | None = None
    keys: tuple[str, ...] = ()  #: what the objects of a JSON value have
    kinds: Mapping[str, Any] | None = None  #: how these are filled in, of a list of such objects
    #: Whether a JSON value is a filter, with the noun that it is of: any, or one of these.
    filters: bool | tuple[str, ...] = False
    needs: tuple[str, ...] = ()  #: the columns that a computed field is made of
    record: bool = False  #: a verb's input that the verb receives as a record, locked
    new: bool = False  #: such an input that may also be the fields of a new record
    day_if: str | None = None  #: the flag of the record that makes a moment stand for its whole day
    done_at: str | None = None  #: the moment at which a deadline was met, or missed and made up for
    near_at: str | None = None  #: the moment from which on a deadline is near
    cascades: bool = False  #: a reference whose record is deleted together with what it refers to
    relative: bool = False  #: a verb's moment that may also be said as "7d ago"
    nullable: bool = True  #: whether a record may be without a value
    value_labels: Mapping[str, str] | None = (
        None  #: how its choices read, where nobody translates them
    )
    retired: tuple[str, ...] = ()  #: those of its choices that no form offers any more
    #: The colours of values that have one, as :mod:`.colors` calls them.
    tones: Mapping[str, str] = dataclasses.field(default_factory=dict)
    group: str = ""  #: under which title a tenant's own field stands, where it says one
    index_key: str = ""  #: under which the values of a tenant's own field are put in order
    listed: bool = False  #: whether a tenant keeps the list of its values
    list_of: str = ""  #: the name of that list: ``Lead.source``
    #: What refuses values that the list does not have, where it is closed.
    list_check: Callable[[Any], None] | None = None
    former: tuple[str, ...] = ()  #: what it was called on the wire before

    @property
    def is_custom(self) -> bool:
        """Whether it is a field of the tenant's own, whose values are in :mod:`.custom_values`."""
        return custom_values.is_custom(self.column)

    @property
    def closed(self) -> bool:
        """Whether it takes no values but those of the list."""
        return self.list_check is not None

    def with_default(self, value: Any) -> Field:
        """The field with a default, in JSON, for new records that say nothing."""
        default = replace(self, required=False).clean(value)
        return replace(self, default=default, required=False)

    def value_of(self, record: Any) -> Any:
        """What ``record`` has in it; of a reference the id."""
        return getattr(record, self.column)

    def set_value(self, record: Any, value: Any) -> None:
        """Give ``record`` this value."""
        if self.is_custom:
            record.custom = custom_values.store_value(record.custom, self.column, value)
        else:
            setattr(record, self.column, value)

    @cached_property
    def target_noun(self) -> RecordClass:
        """The noun that a reference leads to."""
        if self.to is None:
            raise TypeError(f"{self.name} is no reference.")
        return registry[self.to]

    @property
    def follows_events(self) -> bool:
        """Whether it is a moment that follows from what was done, and that nobody states."""
        return self.type == "datetime" and (self.read_only or self.name.startswith("last_"))

    def clean(self, value: Any, *, text: bool = False) -> Any:
        """What the database stores for ``value``. Raises ValueError with what is allowed."""
        if value is None or (value == "" and (text or self.type != "json")):
            return self._missing_value()
        if self.relative and isinstance(value, str):
            value = days.relative_moment(value) or value
        value = values.CLEANERS[self.type](self, value, text)
        if value is None:
            return self._missing_value()
        if isinstance(value, str) and not value.strip():
            return self._missing_value()
        try:
            for check in self.validators:
                check(value)
            if self.list_check is not None:
                self.list_check(value)
        except ValidationError as problem:
            raise ValueError(" ".join(map(str, problem.messages))) from None
        return value

    def to_json(self, value: Any) -> Any:
        """What is said of a stored value on every wire."""
        return self.spoken.get(value, value) if self.spoken else values.to_json_value(value)

    def _missing_value(self) -> Any:
        if self.required or not self.clearable:
            raise ValueError(values.required_message())
        return self.default


class FieldsByName(dict[str, Field]):
    """Fields by what they are called, in their order; found also by what they were called before. So what
    holds names (filters, views, files, other programs, the past) goes on when a field is renamed."""

    @classmethod
    def of(cls, fields: Iterable[Field], *, python: bool = False) -> dict[str, Field]:
        """Fields by what they are called on the wire, or in ``python``; a plain dictionary where none was
        called otherwise."""
        fields = tuple(fields)
        found = {field.name if python else field.wire: field for field in fields}
        former = {snake_name(n) if python else n: f for f in fields for n in f.former}
        return cls(found, former) if former else found

    def __init__(self, fields: Mapping[str, Field], former: dict[str, Field]) -> None:
        super().__init__(fields)
        self._former = former

    def __missing__(self, name: str) -> Field:
        return self._former[name]

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._former

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name) or self._former.get(name, default)


@dataclass(frozen=True)
class Relation:
    """The other side of another noun's reference: ``Contact.leads``."""

    wire: str
    accessor: str
    noun: str
    field: str  #: the reference over there, in Python
    is_custom: bool = False  #: whether that is a field of the tenant's own


@dataclass(frozen=True)
class Join:
    """What records are put into by those of another noun (``Surface.joins``): a person's teams."""

    noun: type[Record]  #: whose records join the two
    column: str  #: its reference to the record that is put somewhere
    field: Field  #: its reference to where


@dataclass(frozen=True)
class Step:
    """One arrow of a state machine; ``via`` is the verb that takes it, ``update`` for a plain change."""

    source: str
    target: str
    via: str


class Machine:
    """The states of a noun and the steps between them."""

    def __init__(
        self,
        field: columns.StatusField,
        verbs: list[Verb],
        path: tuple[str, ...] = (),
        paths: tuple[Path, ...] = (),
        *,
        is_one_of_many: bool = False,
    ) -> None:
        """``is_one_of_many`` says of the machine of one path that there are others to go to."""
        self.field, self.verbs = field, verbs
        if field.path_from and not any(each.is_default for each in paths):
            # A record that refers to none is on the usual one.
            paths = (field.usual_path, *paths)
        self.paths, self.has_others = paths, is_one_of_many or len(paths) > 1
        self.declared_path = tuple(str(state) for state in path)
        self.name = field.name
        self.states, self.entry, self.closed = field.states, field.entry, field.closed
        if self.paths:
            self.states = tuple(dict.fromkeys(s.key for path in self.paths for s in path.states))
            opened = dict.fromkeys(key for path in self.paths for key in path.of_kind(OPEN))
            self.entry = tuple(opened)
            self.declared_path = (*self.default_path.of_kind(OPEN), self.default_path.first(WON))
        #: Where each verb leads from each state; the first is what it leads to by itself.
        self.targets = {verb.name: self._targets(verb) for verb in verbs if verb.declared_steps}
        self.steps = tuple(
            Step(source, target, "update")
            for source, targets in field.moves.items()
            for target in targets
        ) + tuple(
            Step(source, target, name)
            for name, by_source in self.targets.items()
            for source, targets in by_source.items()
            for target in targets
        )

    def _targets(self, verb: Verb) -> dict[str, tuple[str, ...]]:
        if not self.paths:
            return {source: (target,) for source, target in verb.declared_steps.items()}
        found: dict[str, tuple[str, ...]] = {}
        for path in self.paths:
            steps = path.steps(verb.declared_steps, leaves=bool(verb.chooses) and self.has_others)
            for source, targets in steps.items():
                found[source] = tuple(dict.fromkeys((*found.get(source, ()), *targets)))
        return found

    @cached_property
    def default_path(self) -> Path:
        """The path of a record that refers to none."""
        return next((path for path in self.paths if path.is_default), self.paths[0])

    @cached_property
    def names(self) -> dict[str, str]:
        """What the states are called whose name is not what is stored of them."""
        given = (state for path in self.paths for state in path.states)
        return {state.key: state.name for state in given if state.key != state.name}

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Of which kind the states are, where others give them."""
        return {state.key: state.kind for path in self.paths for state in path.states}

    def of_kind(self, *kinds: str) -> tuple[str, ...]:
        """The states of these kinds, of all paths."""
        return tuple(state for state in self.states if self.kinds[state] in kinds)

    def path_of(self, record: Record) -> Path:
        """The path that ``record`` is on."""
        id = getattr(record, f"{self.field.path_from}_id")
        return next((path for path in self.paths if path.id == id), self.default_path)

    def of(self, record: Record) -> Machine:
        """The machine of one record: that of its own path, where it has one."""
        return self.on(self.path_of(record)) if self.paths else self

    def on(self, path: Path) -> Machine:
        """The machine of one path."""
        if path not in self._by_path:
            alone = replace(path, is_default=True)
            self._by_path[path] = Machine(
                self.field, self.verbs, (), (alone,), is_one_of_many=self.has_others
            )
        return self._by_path[path]

    @cached_property
    def _by_path(self) -> dict[Path, Machine]:
        return {}

    @cached_property
    def path(self) -> tuple[str, ...]:
        """The states from first to last when all goes well: declared, else the longest way ahead."""
        if self.declared_path:
            return self.declared_path
        order = {state: number for number, state in enumerate(self.states)}

        def longest(state: str) -> tuple[str, ...]:
            ahead = [s.target for s in self.steps_from(state) if order[s.target] > order[state]]
            ways = [longest(str(target)) for target in dict.fromkeys(ahead)]
            return (state, *max(ways, key=len, default=()))

        return longest(self.states[0])

    def from_on(self, state: str) -> tuple[str, ...]:
        """The states of the path from ``state`` to its end."""
        return self.path[self.path.index(state) :]

    def furthest(self, state: str, reached: str | None) -> str:
        """How far a record has come that stands in ``state``; off the path and with nothing remembered
        (an import of what was lost) it was at its first state at least."""
        known = [str(s) for s in (state, reached) if s in self.path]
        return max(known, key=self.path.index, default=self.path[0])

    def reached_after_step(self, reached: str | None, source: str, target: str) -> str | None:
        """What to remember of how far a record had come when it steps from ``source`` to ``target``:
        the furthest state, unless ``target`` says as much or it is the first, which all came to."""
        before = self.furthest(source, reached)
        least = self.path.index(target) if target in self.path else 0
        return before if self.path.index(before) > least else None

    def steps_from(self, state: str) -> list[Step]:
        """The steps out of ``state``, plain changes first, each target once per way."""
        return [step for step in self.steps if step.source == state]

    def allowed(self, state: str) -> list[str]:
        """The states that can be reached from ``state`` in one step, in the machine's order."""
        reachable = {step.target for step in self.steps_from(state)} - {state}
        return [state for state in self.states if state in reachable]

    def allowed_verbs(self, state: str) -> list[str]:
        return list(dict.fromkeys(s.via for s in self.steps_from(state) if s.via != "update"))


class Schema:
    """Everything that a surface may want to know of one noun."""

    def __init__(self, noun: type[Record]) -> None:
        self.noun = noun
        self.paths: tuple[Path, ...] = ()  #: the states of a tenant, where they are its own
        self.gates: tuple[Gate, ...] = ()  #: what a tenant wants filled to enter a state
        #: The days after which records are stale, by their state, None for all others: a tenant's own.
        self.stale_limits: Mapping[str | None, int] = {}
        self.name = noun.__name__
        self.prefix = noun.prefix
        self.plural = noun.plural
        self.many = str(noun._meta.verbose_name_plural).capitalize()  #: ``Leads``
        self.description = (noun.__doc__ or "").strip()
        surface = noun.Surface
        self.area: str = surface.area
        self.columns: tuple[str, ...] = surface.columns
        self.facets: tuple[str, ...] = (*surface.facets, *EVERYWHERE_FACETS)
        self.not_offered: frozenset[str] = frozenset(surface.not_offered)
        self.search: tuple[str, ...] = surface.search
        self.ordering: tuple[str, ...] = surface.ordering
        self.groups: tuple[tuple[str, tuple[str, ...]], ...] = _with_common(surface.groups)

    def begin_copy(self) -> Schema:
        """Another schema of the noun with the same fields; all else is derived of it when it is asked for."""
        derived = {n for n, v in vars(Schema).items() if isinstance(v, cached_property)}
        copied = Schema.__new__(Schema)
        copied.__dict__ = {n: v for n, v in self.__dict__.items() if n not in derived}
        copied.set_fields(self.fields.values())
        return copied

    def set_fields(self, fields: Iterable[Field]) -> None:
        """Have these fields, in their order, instead of those that there were."""
        self.fields = FieldsByName.of(fields)

    def add_relations(self, relations: Iterable[Relation]) -> None:
        """Have these other sides too: of references that are a tenant's own."""
        own = {each.wire: each for each in relations if each.wire not in self.fields}
        self.relations = dict(sorted((own | self.relations).items()))

    def set_states(self, paths: tuple[Path, ...], gates: tuple[Gate, ...]) -> None:
        """Have the states of ``paths``, where they are a tenant's own, and ``gates`` before some."""
        self.paths, self.gates = paths, gates
        machine = self.require_machine()
        choices = tuple(machine.names.get(state, state) for state in machine.states)
        usual = machine.field.states
        given = (s for path in paths for s in path.states if s.name != s.key or s.key not in usual)
        own = {said: state.name for state in given for said in (state.key, state.name)}
        self.set_fields(
            replace(each, choices=choices, spoken=machine.names, value_labels=own)
            if each.moves
            else each
            for each in self.fields.values()
        )

    @cached_property
    def fields(self) -> dict[str, Field]:
        """Every field by its wire name, in the order of declaration, the computed ones last."""
        declared = (
            self._field(f)
            for f in self.noun._meta.concrete_fields
            if f.name not in SYSTEM_COLUMNS and not isinstance(f, columns.Hidden)
        )
        # What every noun has stands after what is its own.
        stored = sorted(declared, key=lambda field: field.name in COMMON_COLUMNS)
        return {field.wire: field for field in (*stored, *self._computed())}

    @cached_property
    def phones(self) -> tuple[str, ...]:
        """The columns that hold telephone numbers: searched by their digits wherever the noun is."""
        return tuple(
            f.name for f in self.noun._meta.concrete_fields if isinstance(f, columns.Phone)
        )

    @cached_property
    def others(self) -> tuple[Field, ...]:
        """The fields that hold more values of what a record has more than one of (:mod:`.others`)."""
        return tuple(field for field in self.stored if field.beside)

    @cached_property
    def long_texts(self) -> frozenset[str]:
        """The columns that hold texts: searched by how their words begin."""
        return frozenset(
            f.name for f in self.noun._meta.concrete_fields if isinstance(f, columns.Text)
        )

    @cached_property
    def currency(self) -> columns.Currency | None:
        """The column with the currency of the amounts; without one they are in the tenant's."""
        found = (f for f in self.noun._meta.concrete_fields if isinstance(f, columns.Currency))
        return next(found, None)

    @cached_property
    def followers(self) -> tuple[columns.Choice, ...]:
        """The columns whose values follow from others until somebody states one."""
        found = (f for f in self.noun._meta.concrete_fields if isinstance(f, columns.Choice))
        return tuple(column for column in found if column.follows is not None)

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Every field by its Python name."""
        return FieldsByName.of(self.fields.values(), python=True)

    @cached_property
    def stored(self) -> tuple[Field, ...]:
        return tuple(field for field in self.fields.values() if field.computed is None)

    @cached_property
    def custom(self) -> tuple[Field, ...]:
        """The fields of the tenant's own."""
        return tuple(field for field in self.stored if field.is_custom)

    @cached_property
    def day_moments(self) -> tuple[Field, ...]:
        """The moments that stand for a whole day where a flag of the record says so."""
        return tuple(field for field in self.stored if field.day_if is not None)

    @cached_property
    def computed(self) -> tuple[Field, ...]:
        return tuple(field for field in self.fields.values() if field.computed is not None)

    @cached_property
    def functions(self) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
        """The wire names of the computed fields, and what computes each from a record."""
        return tuple((f.wire, f.computed) for f in self.fields.values() if f.computed is not None)

    @cached_property
    def references(self) -> dict[str, Field]:
        """The references by Python name."""
        return {f.name: f for f in self.stored if f.type == "reference"}

    @cached_property
    def owner(self) -> Field | None:
        """The reference to whom a record belongs, where it belongs to somebody."""
        return self.by_name[name] if (name := self.noun.Surface.owner) else None

    @cached_property
    def ranges(self) -> tuple[str, ...]:
        """The fields by which a list is narrowed from one value to another."""
        if (declared := self.noun.Surface.ranges) is not None:
            return declared
        measured = ("number", "integer", "money", "date", "datetime")
        return tuple(name for name in self.columns if self.by_name[name].type in measured)

    @cached_property
    def inline(self) -> tuple[str, ...]:
        """The fields that are changed in the list itself."""
        if (declared := self.noun.Surface.inline) is not None:
            return declared
        standing = (self.machine.name,) if self.machine else ()
        return (*standing, *((self.owner.name,) if self.owner else ()))

    @cached_property
    def about(self) -> tuple[Field, ...]:
        """The references whose records decide who sees one that belongs to nobody."""
        return tuple(self.by_name[name] for name in self.noun.Surface.about)

    @cached_property
    def becomes(self) -> tuple[Field, ...]:
        """The references to what a record becomes by a step of its machine: the deal of a converted lead."""
        verbs = self.noun.verbs
        return tuple(
            field
            for field in self.references.values()
            if field.read_only and any(verbs[name].steps for name in field.set_by)
        )

    @property
    def is_limited(self) -> bool:
        """Whether not everybody sees all of its records: they have owners, or are about such that do."""
        return self.owner is not None or bool(self.about)

    @cached_property
    def introduced_by(self) -> tuple[tuple[type[Record], Field], ...]:
        """The nouns that have owners, and their references which introduce one of these to them."""
        return tuple(
            (noun, field)
            for noun in self.noun.registry.values()
            if noun.schema.owner is not None
            for field in (noun.schema.by_name[name] for name in noun.Surface.introduces)
            if field.to == self.name
        )

    @cached_property
    def joins(self) -> dict[str, Join]:
        """What its records are put into, by the wire name of the reference over there: filters alone have
        it."""
        found: dict[str, Join] = {}
        for noun in self.noun.registry.values():
            if noun.Surface.joins is not None:
                one, other = (noun.schema.by_name[name] for name in noun.Surface.joins)
                if one.to == self.name and self.field(other.wire) is None:
                    found[other.wire] = Join(noun, one.column, other)
        return found

    @cached_property
    def joined_facets(self) -> tuple[Field, ...]:
        """What its records are narrowed by through their owner: ``owner.team``."""
        if self.owner is None:
            return ()
        found = self.owner.target_noun.schema.joins.values()
        paths = ((f"{self.owner.wire}.{join.field.wire}", join.field) for join in found)
        return tuple(replace(field, name=path, wire=path) for path, field in paths)

    @cached_property
    def card(self) -> tuple[Field, ...]:
        """What is shown of a record to whom it was introduced: its name, and how to reach it."""
        names = dict.fromkeys((self.columns[0], *self.noun.Surface.card))
        return tuple(self.by_name[name] for name in names)

    @cached_property
    def relations(self) -> dict[str, Relation]:
        """The other sides (``<-``) by wire name."""
        found = {}
        for rel in self.noun._meta.related_objects:
            noun, accessor = as_noun(rel.related_model), rel.get_accessor_name()
            if noun and accessor and not rel.hidden:
                wire = wire_name(accessor)
                found[wire] = Relation(wire, accessor, noun.__name__, rel.field.name)
        return dict(sorted(found.items()))

    @cached_property
    def referrers(self) -> list[tuple[type[Record], str]]:
        """Every noun and field that may refer to this one, hidden relations included."""
        return [
            (noun, rel.field.name)
            for rel in self.noun._meta.get_fields(include_hidden=True)
            if isinstance(rel, models.ForeignObjectRel)
            and (rel.one_to_many or rel.one_to_one)
            and (noun := as_noun(rel.related_model))
        ]

    @property
    def custom_referrers(self) -> list[tuple[type[Record], Field]]:
        """Every noun with a field of the tenant's own that refers to this one. The database keeps none of
        these: a record that goes is referred to still."""
        nouns = registry.values()
        return [
            (noun, field)
            for noun in nouns
            for field in noun.schema.stored
            if field.is_custom and field.to == self.name
        ]

    @property
    def cascading_referrers(self) -> list[tuple[type[Record], str]]:
        """Those of them whose records are deleted together with the one that they refer to."""
        return [(noun, name) for noun, name in self.referrers if noun.schema.by_name[name].cascades]

    @cached_property
    def platform_referrers(self) -> list[tuple[type[models.Model], str]]:
        """The tables of the platform that may refer to this noun: a user's membership to a contact."""
        return [
            (rel.related_model, rel.field.name)
            for rel in self.noun._meta.related_objects
            if rel.on_delete is models.PROTECT and not as_noun(rel.related_model)
        ]

    @cached_property
    def verbs(self) -> dict[str, Verb]:
        """Every verb by name: create, update and delete first, then in the order of declaration."""
        return dict(self.noun.verbs)

    @cached_property
    def verbs_by_event(self) -> dict[str, Verb]:
        """The verbs by the names of the events that they leave, the plainest of several; those that no
        surface has as well."""
        found: dict[str, Verb] = {}
        for verb in (*self.noun.verbs.values(), *self.noun.corrections.values()):
            found.setdefault(verb.event, verb)
        return found

    @cached_property
    def machine(self) -> Machine | None:
        for field in self.noun._meta.concrete_fields:
            if isinstance(field, columns.StatusField):
                verbs = list(self.noun.verbs.values())
                return Machine(field, verbs, self.noun.Surface.path, self.paths)
        return None

    def require_machine(self) -> Machine:
        """The machine of a noun that has one. Raises TypeError for another."""
        if self.machine is None:
            raise TypeError(f"{self.name} has no StatusField.")
        return self.machine

    @cached_property
    def set_by(self) -> dict[str, tuple[str, ...]]:
        """The read-only fields and the verbs that write them."""
        found: dict[str, tuple[str, ...]] = {}
        for verb in self.noun.verbs.values():
            for name in verb.sets:
                found[name] = (*found.get(name, ()), verb.name)
        return found

    def field(self, name: str) -> Field | None:
        """A field by its wire or Python name."""
        return self.fields.get(name) or self.by_name.get(name)

    @property
    def kind(self) -> Field | None:
        """The choice that says of which kind a record is, where its fields differ by it."""
        return self.by_name[kinds.choice] if (kinds := self.noun.Surface.kinds) else None

    def fields_of_others(self, kind: str | None) -> frozenset[str]:
        """The fields that no record of ``kind`` has, and the kind itself: a record keeps it."""
        kinds = self.noun.Surface.kinds
        return kinds.of_others(kind or "") | {kinds.choice} if kinds else frozenset()

    def inputs(self) -> Iterator[Field]:
        """The fields that a client may write."""
        return (field for field in self.fields.values() if not field.read_only)

    def _item(self, column: models.Field) -> Field | None:
        """What each of the others is that a column holds."""
        if not isinstance(column, columns.Others):
            return None
        columns_here = self.noun._meta.concrete_fields
        first = self._field(next(each for each in columns_here if each.name == column.beside[0]))
        return replace(first, required=False, clearable=True, read_only=False, unique=False)

    def _kept_as(self, column: models.Field) -> str:
        """Under which name a unique column and the others beside it are kept."""
        if isinstance(column, columns.Others):
            first = column.beside[0]
        elif any(
            isinstance(other, columns.Others) and other.beside[0] == column.name
            for other in self.noun._meta.concrete_fields
        ):
            first = column.name
        else:
            return ""
        return f"{self.prefix}.{first}" if first in self.noun.unique_fields else ""

    def _is_listed(self, column: models.Field) -> bool:
        """Whether a tenant keeps the list of a column's values."""
        if self.noun.Surface.setting:
            return False
        if isinstance(column, columns.Choice):
            return column.listed
        return type(column) is columns.String and bool(column.suggests)

    def _field(self, column: models.Field) -> Field:
        kind = next(name for cls, name in COLUMN_TYPES if isinstance(column, cls))
        to = as_noun(column.related_model) if column.is_relation else None
        default = column.get_default() if column.has_default() else None
        bounds = (MinValueValidator, MaxValueValidator, MaxLengthValidator)
        return Field(
            name=column.name,
            wire=wire_name(column.name),
            column=column.attname,
            type=kind,
            required=not column.blank and not column.has_default() and not column.null,
            read_only=not column.editable or column.name in self.set_by,
            set_by=self.set_by.get(column.name, ()),
            moves=isinstance(column, columns.StatusField),
            given_by=getattr(column, "path_from", None),
            suggests=getattr(column, "suggests", ()),
            # What is more than a text, such as a currency, knows its values itself.
            listed=(listed := self._is_listed(column)),
            list_of=(
                getattr(column, "list_of", "") or f"{self.noun.__name__}.{wire_name(column.name)}"
            )
            if listed
            else "",
            example=getattr(column, "example", None),
            offers=getattr(column, "offers", None),
            told=getattr(column, "told", False),
            unique=column.name in self.noun.unique_fields,
            indexed=column.name in self._indexed,
            choices=values_of(column),
            to=to.__name__ if to else None,
            prefix=to.prefix if to else None,
            cascades=getattr(column.remote_field, "on_delete", None) is models.CASCADE,
            inverse=self._inverse(column),
            minimum=getattr(column, "minimum", None),
            maximum=getattr(column, "maximum", getattr(column, "most", None)),
            max_length=getattr(column, "MAX_LENGTH", None)
            or getattr(column, "length", None)
            or column.max_length,
            nullable=column.null,
            default=default,
            unit=getattr(column, "unit", ""),
            day_if=getattr(column, "day_if", None),
            done_at=getattr(column, "done_at", None),
            near_at=getattr(column, "near_at", None),
            normalize=getattr(column, "normalize", None),
            change=getattr(column, "change", None),
            unite=getattr(column, "unite", None),
            list_name=getattr(column, "list_name", ""),
            beside=getattr(column, "beside", ()),
            item=self._item(column),
            kept_as=self._kept_as(column),
            parts=isinstance(column, columns.ExternalIds),
            keys=getattr(column, "keys", ()),
            kinds=getattr(column, "kinds", None),
            filters=getattr(column, "filters", False),
            description=str(column.help_text),
            form_help=getattr(column, "form_help", ""),
            label=str(column.verbose_name).capitalize(),
            # Those it was declared with, without Django's own, which the stubs do not know.
            validators=tuple(
                v
                for v in (vars(column)["_validators"] if kind != "url" else ())
                if not isinstance(v, bounds)
            ),
        )

    @property
    def _indexed(self) -> set[str]:
        return {name.lstrip("-") for index in self.noun._meta.indexes for name in index.fields[1:2]}

    @staticmethod
    def _inverse(column: models.Field) -> str | None:
        other = column.remote_field
        accessor = other.get_accessor_name() if other and not other.hidden else None
        return wire_name(accessor) if accessor else None

    def _computed(self) -> Iterator[Field]:
        for computed in self.noun.computed_fields:
            yield Field(
                name=computed.name,
                wire=wire_name(computed.name),
                column=computed.name,
                type=computed.type,
                read_only=True,
                description=(computed.function.__doc__ or "").strip(),
                label=computed.name.replace("_", " ").capitalize(),
                computed=computed.function,
                needs=computed.needs,
            )


def _with_common(
    groups: tuple[tuple[str, tuple[str, ...]], ...],
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The groups of a noun, with what every noun has under the last title, which is the same for all."""
    if not groups:
        return groups
    placed = {name for _title, names in groups for name in names}
    common = tuple(name for name in COMMON_COLUMNS if name not in placed)
    *before, (title, names) = groups
    if title == MORE:
        return (*before, (title, (*names, *common)))
    return (*groups, (MORE, common)) if common else groups


def field_as_input(field: Field, *, required: bool) -> Field:
    """A noun's field as the input of a verb: what the record must have may be left out, not emptied."""
    clearable = not (field.required or field.moves)
    return replace(field, required=required, clearable=clearable, read_only=False, unique=False)


def as_noun(model: Any) -> type[Record] | None:
    """The model at the other end of a relation, where it is a noun."""
    return model if isinstance(model, type) and issubclass(model, Record) else None


def values_of(column: models.Field[Any, Any]) -> tuple[str, ...]:
    """What a column of a closed list may hold."""
    if isinstance(column, columns.StatusField):
        return column.states
    return column.values if isinstance(column, columns.Choice) else ()
