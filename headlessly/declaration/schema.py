"""Everything that surfaces read about a noun: fields, machine, verbs, relations, wire names.

A schema is derived from the noun's class when it is first used, and never declared separately. A tenant with
its own shape has a copy (:mod:`headlessly.shaping`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db import models

from headlessly.declaration import fields as columns
from headlessly.declaration.columns_as_fields import (
    SYSTEM_COLUMNS,
    as_noun,
    computed_fields,
    fields_of_columns,
)
from headlessly.declaration.described_field import (
    Field,
    FieldsByName,
    field_as_input,
    snake_name,
    unwrap,
    wire_name,
)
from headlessly.declaration.gates import Gate
from headlessly.declaration.machine import Machine, Step
from headlessly.declaration.paths import Path
from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry

if TYPE_CHECKING:
    from headlessly.declaration.verbs import Verb

__all__ = [
    "META", "MORE", "SYSTEM_COLUMNS", "Field", "FieldsByName", "Introduction", "Join", "Machine", "Relation",
    "Schema", "Step", "field_as_input", "snake_name", "wire_name",
]  # fmt: skip

#: The meta-fields that every record has on every wire: wire name → column.
META = {
    "$id": "id",
    "$type": None,
    "$context": None,
    "$version": "version",
    "$createdAt": "created_at",
    "$createdBy": "created_by",
    "$updatedAt": "updated_at",
}
#: Columns of every noun that are fields.
COMMON_COLUMNS = ("tags", "external_ids")
#: The title of their group.
MORE = "More"
#: The facets of every list.
EVERYWHERE_FACETS = ("tags",)


@dataclass(frozen=True)
class Relation:
    """The other side of another noun's reference: ``Contact.leads``."""

    wire: str
    accessor: str
    noun: str
    field: str  #: the referring field, in Python
    is_custom: bool = False  #: whether it is one of the tenant's own fields

    @property
    def source_noun(self) -> type[Record]:
        """The noun whose records refer to these."""
        return registry[self.noun]


@dataclass(frozen=True)
class Join:
    """The groups into which records are put by the records of another noun (``Surface.joins``): a person's
    teams."""

    noun: type[Record]  #: the noun that joins the two
    column: str  #: its reference to the record
    field: Field  #: its reference to the group


@dataclass(frozen=True)
class Introduction:
    """A reference that shows a record's card to somebody other than its owner (``Surface.introduces``)."""

    noun: type[Record]  #: the noun whose records refer to it
    field: Field  #: their reference
    #: The reference to the record whose owner sees the card, such as the deal of a person; None if the
    #: referring record has an owner itself.
    of: Field | None

    @property
    def owning(self) -> type[Record]:
        """The noun whose owners see the card."""
        return self.noun if self.of is None else self.of.target_noun


class Schema:
    """Everything that a surface may want to know about one noun."""

    def __init__(self, noun: type[Record]) -> None:
        self.noun = noun
        self.paths: tuple[Path, ...] = ()  #: the states of a tenant, if they are its own
        self.gates: tuple[Gate, ...] = ()  #: the fields that a tenant requires to enter a state
        #: A tenant's own limits: the days after which records are stale, by state; None for all others.
        self.stale_limits: Mapping[str | None, int] = {}
        self.name = noun.__name__
        self.prefix = noun.prefix
        self.plural = noun.plural
        self.many = str(noun._meta.verbose_name_plural).capitalize()  #: ``Leads``
        self.description = unwrap(noun.__doc__ or "")
        surface = noun.Surface
        self.area: str = surface.area
        self.columns: tuple[str, ...] = surface.columns
        self.facets: tuple[str, ...] = (*surface.facets, *EVERYWHERE_FACETS)
        self.not_offered: frozenset[str] = frozenset(surface.not_offered)
        self.search: tuple[str, ...] = surface.search
        self.ordering: tuple[str, ...] = surface.ordering
        self.groups: tuple[tuple[str, tuple[str, ...]], ...] = _with_common(surface.groups)

    def begin_copy(self) -> Schema:
        """Returns a copy with the same fields; everything else is derived again from these."""
        derived = {n for n, v in vars(Schema).items() if isinstance(v, cached_property)}
        copied = Schema.__new__(Schema)
        copied.__dict__ = {n: v for n, v in self.__dict__.items() if n not in derived}
        copied.set_fields(self.fields.values())
        return copied

    def set_fields(self, fields: Iterable[Field]) -> None:
        """Replace the fields."""
        self.fields = FieldsByName.of(fields)

    def add_relations(self, relations: Iterable[Relation]) -> None:
        """Add the other sides of a tenant's own references."""
        own = {each.wire: each for each in relations if each.wire not in self.fields}
        self.relations = dict(sorted((own | self.relations).items()))

    def set_states(self, paths: tuple[Path, ...], gates: tuple[Gate, ...]) -> None:
        """Set a tenant's own states and the gates before them."""
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
        declared = fields_of_columns(self.noun, self.set_by)
        # Common columns come last.
        stored = sorted(declared, key=lambda field: field.name in COMMON_COLUMNS)
        return {field.wire: field for field in (*stored, *computed_fields(self.noun))}

    @cached_property
    def phones(self) -> tuple[str, ...]:
        """The columns that hold telephone numbers. A search of the noun always includes their digits."""
        return tuple(
            f.name for f in self.noun._meta.concrete_fields if isinstance(f, columns.Phone)
        )

    @cached_property
    def others(self) -> tuple[Field, ...]:
        """The fields with further values beside a first one (:mod:`.others`)."""
        return tuple(field for field in self.stored if field.beside)

    def others_beside(self, field: Field) -> tuple[Field, ...]:
        """Returns the fields with further values of this field: a record is found by these too."""
        return tuple(each for each in self.others if field.name in each.beside)

    def kept_with(self, field: Field) -> tuple[Field, ...]:
        """Returns those of them whose values are unique together with this field's."""
        return tuple(each for each in self.others if each.kept_as and each.kept_as == field.kept_as)

    @cached_property
    def long_texts(self) -> frozenset[str]:
        """The columns with long texts: searched by the beginnings of their words."""
        return frozenset(
            f.name for f in self.noun._meta.concrete_fields if isinstance(f, columns.Text)
        )

    @cached_property
    def currency(self) -> columns.Currency | None:
        """The column with the currency of the amounts; without it they are in the tenant's."""
        found = (f for f in self.noun._meta.concrete_fields if isinstance(f, columns.Currency))
        return next(found, None)

    @cached_property
    def followers(self) -> tuple[columns.Choice, ...]:
        """The columns whose values follow other fields until somebody sets them."""
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
    def said(self) -> tuple[tuple[str, str, Callable[[Any], Any] | None], ...]:
        """The stored fields as the JSON of a record has them: the wire name, the column, and the function
        that makes the value of JSON, where that is another."""
        return tuple(
            (field.wire, field.column, None if field.is_said_as_stored else field.to_json)
            for field in self.stored
        )

    @cached_property
    def text_wires(self) -> tuple[str, ...]:
        """The wire names of long texts."""
        return tuple(field.wire for field in self.stored if field.type == "text")

    @cached_property
    def custom(self) -> tuple[Field, ...]:
        """The tenant's own fields."""
        return tuple(field for field in self.stored if field.is_custom)

    @cached_property
    def day_moments(self) -> tuple[Field, ...]:
        """The moments that stand for a whole day if a flag of the record says so."""
        return tuple(field for field in self.stored if field.day_if is not None)

    @cached_property
    def computed(self) -> tuple[Field, ...]:
        return tuple(field for field in self.fields.values() if field.computed is not None)

    @cached_property
    def functions(self) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
        """The wire names of the computed fields, and the functions that compute them."""
        return tuple((f.wire, f.computed) for f in self.fields.values() if f.computed is not None)

    @cached_property
    def references(self) -> dict[str, Field]:
        """The references by Python name."""
        return {f.name: f for f in self.stored if f.type == "reference"}

    @cached_property
    def owner(self) -> Field | None:
        """The reference to a record's owner, if the noun has one."""
        return self.by_name[name] if (name := self.noun.Surface.owner) else None

    @cached_property
    def ranges(self) -> tuple[str, ...]:
        """The fields by which a list can be filtered from and to."""
        if (declared := self.noun.Surface.ranges) is not None:
            return declared
        measured = ("number", "integer", "money", "date", "datetime")
        return tuple(name for name in self.columns if self.by_name[name].type in measured)

    @cached_property
    def inline(self) -> tuple[str, ...]:
        """The fields that can be edited in the list itself."""
        if (declared := self.noun.Surface.inline) is not None:
            return declared
        standing = (self.machine.name,) if self.machine else ()
        return (*standing, *((self.owner.name,) if self.owner else ()))

    @cached_property
    def about(self) -> tuple[Field, ...]:
        """The references whose records decide who sees a record without an owner."""
        return tuple(self.by_name[name] for name in self.noun.Surface.about)

    @cached_property
    def becomes(self) -> tuple[Field, ...]:
        """The references to records that this one becomes by a step of its machine: the deal of a converted
        lead."""
        verbs = self.noun.verbs
        return tuple(
            field
            for field in self.references.values()
            if field.read_only and any(verbs[name].steps for name in field.set_by)
        )

    @property
    def is_limited(self) -> bool:
        """Whether some members see only some records: those with owners, or about records with owners."""
        return self.owner is not None or bool(self.about)

    @cached_property
    def introduced_by(self) -> tuple[Introduction, ...]:
        """The references that show the card of these records to the owners of the referring ones. A referring
        record without an owner counts as owned by the owners of the records it is about."""
        found = []
        for noun in self.noun.registry.values():
            about = [
                each for each in noun.schema.about if each.target_noun.schema.owner is not None
            ]
            for field in (noun.schema.by_name[name] for name in noun.Surface.introduces):
                if field.to == self.name:
                    owned_by: list[Field | None] = (
                        [None] if noun.schema.owner is not None else [*about]
                    )
                    found += [Introduction(noun, field, of) for of in owned_by]
        return tuple(found)

    @cached_property
    def joins(self) -> dict[str, Join]:
        """The groups that filters of this noun can name, by the wire name of the reference to the group."""
        found: dict[str, Join] = {}
        for noun in self.noun.registry.values():
            if noun.Surface.joins is not None:
                one, other = (noun.schema.by_name[name] for name in noun.Surface.joins)
                if one.to == self.name and self.field(other.wire) is None:
                    found[other.wire] = Join(noun, one.column, other)
        return found

    @cached_property
    def joined_facets(self) -> tuple[Field, ...]:
        """The facets of a list through the owner's groups: ``owner.team``."""
        if self.owner is None:
            return ()
        found = self.owner.target_noun.schema.joins.values()
        paths = ((f"{self.owner.wire}.{join.field.wire}", join.field) for join in found)
        return tuple(replace(field, name=path, wire=path) for path, field in paths)

    @cached_property
    def name_field(self) -> Field:
        """The field with a record's name: the first of its columns."""
        return self.by_name[self.columns[0]]

    @cached_property
    def named_by(self) -> str | None:
        """The column with a record's name; None if the noun composes the name."""
        first = self.name_field
        return first.name if "__str__" not in vars(self.noun) and not first.computed else None

    @cached_property
    def card(self) -> tuple[Field, ...]:
        """The fields of a record's card: its name, and how to reach it."""
        names = dict.fromkeys((self.columns[0], *self.noun.Surface.card))
        return tuple(self.by_name[name] for name in names)

    @cached_property
    def relations(self) -> dict[str, Relation]:
        """The other sides of references (``<-``) by wire name."""
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
        """Every noun with an own field of the tenant that refers to this one. The database does not enforce
        these references: they remain when the record is deleted."""
        nouns = registry.values()
        return [
            (noun, field)
            for noun in nouns
            for field in noun.schema.stored
            if field.is_custom and field.to == self.name
        ]

    @property
    def all_referrers(self) -> list[tuple[type[Record], Field]]:
        """Every noun and field that may refer to this one, including the tenant's own fields."""
        return [
            *((noun, noun.schema.by_name[name]) for noun, name in self.referrers),
            *self.custom_referrers,
        ]

    @property
    def cascading_referrers(self) -> list[tuple[type[Record], str]]:
        """The referrers whose records are deleted with the record that they refer to."""
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
        """The verbs by the names of their events; the first declared if several share one; including those
        that no surface has."""
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
        """Returns the machine of a noun that has one. Raises TypeError otherwise."""
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
        """Returns a field by its wire or Python name."""
        return self.fields.get(name) or self.by_name.get(name)

    def relation(self, name: str) -> Relation | None:
        """Returns the relation with this wire name; None if a field has the same name."""
        return self.relations.get(name) if self.field(name) is None else None

    @property
    def kind(self) -> Field | None:
        """The choice of a record's kind, if its fields depend on it."""
        return self.by_name[kinds.choice] if (kinds := self.noun.Surface.kinds) else None

    def fields_of_others(self, kind: str | None) -> frozenset[str]:
        """Returns the fields that no record of ``kind`` has, and the choice of the kind, which cannot
        change."""
        kinds = self.noun.Surface.kinds
        return kinds.of_others(kind or "") | {kinds.choice} if kinds else frozenset()

    def inputs(self) -> Iterator[Field]:
        """Yields the fields that a client may write."""
        return (field for field in self.fields.values() if not field.read_only)


def _with_common(
    groups: tuple[tuple[str, tuple[str, ...]], ...],
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Returns the groups of a noun, with the common fields in the last one."""
    if not groups:
        return groups
    placed = {name for _title, names in groups for name in names}
    common = tuple(name for name in COMMON_COLUMNS if name not in placed)
    *before, (title, names) = groups
    if title == MORE:
        return (*before, (title, (*names, *common)))
    return (*groups, (MORE, common)) if common else groups
