"""A field of a noun or an input of a verb, as all surfaces read it: its names, its type and its limits.

The fields of a noun are derived from the columns of its model: see :mod:`.columns_as_fields`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError

from headlessly.declaration import custom_values, days, values
from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry

#: The types whose values are the same in JSON as they are stored; not numbers, which may be decimals.
SAID_AS_STORED = frozenset(
    ("string", "text", "email", "url", "bool", "date", "datetime", "enum", "reference", "choices")
)
#: An alias for use in :class:`Field`, whose own ``type`` hides the builtin.
RecordClass = type[Record]


def snake_name(wire: str) -> str:
    """``lostReason`` → ``lost_reason``."""
    return re.sub(r"([A-Z])", r"_\1", wire).lower()


def unwrap(docstring: str) -> str:
    """Returns a docstring with each paragraph on one line."""
    return "\n\n".join(" ".join(each.split()) for each in re.split(r"\n\s*\n", docstring.strip()))


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
    clearable: bool = True  #: whether an input may be sent as null, which resets it to the default
    read_only: bool = False
    set_by: tuple[str, ...] = ()  #: the verbs that write a read-only field
    moves: bool = False  #: whether it is the state of the record's machine, which is never empty
    given_by: str | None = None  #: the reference that gives a record its states
    #: What people usually write; a tenant may have a list of its own.
    suggests: tuple[str, ...] = ()
    #: The choices of a form, computed when it is made: see :class:`.fields.String`.
    offers: Callable[[], Iterable[tuple[str, Any]]] | None = None
    told: bool = False  #: whether it may be a sentence that people read in their language
    for_programs: bool = False  #: whether pages leave it out
    example: Any = None  #: a value for programs that try it out, where not any will do
    unique: bool = False
    indexed: bool = False
    choices: tuple[str, ...] = ()
    #: Stored values and what is said instead of them.
    spoken: Mapping[str, str] = dataclasses.field(default_factory=dict)
    to: str | None = None  #: the noun that a reference leads to
    prefix: str | None = None  #: the prefix of that noun's ids
    inverse: str | None = None  #: the wire name of the other side
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    unit: str = ""  #: the unit of a number, for people
    per: str = ""  #: the field with the interval in which an amount recurs
    default: Any = None
    description: str = ""
    form_help: str = ""  #: the help in forms, where it differs from that for programs
    form_value: Callable[[Any], Any] | None = None  #: JSON of what people typed into a form
    label: str = ""
    validators: tuple[Callable[[Any], None], ...] = ()
    #: How its text, or its JSON, is stored and compared.
    normalize: Callable[[Any], Any] | None = None
    change: Callable[[Any, Any], Any] | None = None  #: the value after some of its parts changed
    unite: Callable[[Any, Any], Any] | None = None  #: the value of two records that become one
    list_name: str = ""  #: the list from which its texts are taken
    beside: tuple[str, ...] = ()  #: the fields with the first values, for a field of further ones
    item: Field | None = None  #: what each value is, for a list of more than short texts
    #: The name of its values in the table of unique values, where a record may have several of them.
    kept_as: str = ""
    parts: bool = False  #: whether its value has parts by name: ``externalIds.hubspot``
    computed: Callable[[Any], Any] | None = None
    keys: tuple[str, ...] = ()  #: the keys of the objects in a JSON value
    kinds: Mapping[str, Any] | None = None  #: how people fill in the keys, for a list of objects
    #: Whether a JSON value is a filter and its noun: True for any noun, else the nouns that it may have.
    filters: bool | tuple[str, ...] = False
    needs: tuple[str, ...] = ()  #: the columns that a computed field reads
    record: bool = False  #: a verb's input that the verb receives as a record, locked
    new: bool = False  #: such an input that also takes the fields of a new record
    day_if: str | None = None  #: the flag that makes a moment stand for its whole day
    done_at: str | None = None  #: the moment at which a deadline was met, or missed and made up for
    near_at: str | None = None  #: the moment from which a deadline is near
    cascades: bool = False  #: whether the record is deleted with the one this reference leads to
    relative: bool = False  #: a verb's moment that may also be said as "7d ago"
    nullable: bool = True  #: whether a record may be without a value
    value_labels: Mapping[str, str] | None = None  #: labels of choices that nobody translates
    retired: tuple[str, ...] = ()  #: choices that no form offers any more
    #: The colours of values that have one, as :mod:`.colors` calls them.
    tones: Mapping[str, str] = dataclasses.field(default_factory=dict)
    group: str = ""  #: the title over a tenant's own field, if it has one
    index_key: str = ""  #: the key of an own field's values in the table that puts them in order
    listed: bool = False  #: whether a tenant keeps its own list of values
    list_of: str = ""  #: the name of that list: ``Lead.source``
    #: Refuses values that are not on the list, if it is closed.
    list_check: Callable[[Any], None] | None = None
    former: tuple[str, ...] = ()  #: its former names on the wire

    @cached_property
    def is_custom(self) -> bool:
        """Whether it is one of the tenant's own fields, whose values are in :mod:`.custom_values`."""
        return custom_values.is_custom(self.column)

    @property
    def closed(self) -> bool:
        """Whether it accepts only values of its list."""
        return self.list_check is not None

    def with_default(self, value: Any) -> Field:
        """Returns the field with a default, given as JSON, for new records without a value."""
        default = replace(self, required=False).clean(value)
        return replace(self, default=default, required=False)

    def value_of(self, record: Any) -> Any:
        """Returns the value of ``record``; the id for a reference."""
        return getattr(record, self.column)

    def set_value(self, record: Any, value: Any) -> None:
        """Set the value of ``record``."""
        if self.is_custom:
            record.custom = custom_values.store_value(record.custom, self.column, value)
        else:
            setattr(record, self.column, value)

    @property
    def is_past(self) -> bool:
        """Whether it is the moment of something that has happened, and so never in the future."""
        return values.validate_not_in_future in self.validators

    @cached_property
    def target_noun(self) -> RecordClass:
        """The noun that a reference leads to."""
        if self.to is None:
            raise TypeError(f"{self.name} is no reference.")
        return registry[self.to]

    @property
    def follows_events(self) -> bool:
        """Whether it is a moment that follows from what was done, and that nobody sets."""
        return self.type == "datetime" and (self.read_only or self.name.startswith("last_"))

    def clean(self, value: Any, *, text: bool = False) -> Any:
        """Returns what the database stores for ``value``. Raises ValueError with what is allowed."""
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
        """Returns a stored value as every wire says it."""
        return self.spoken.get(value, value) if self.spoken else values.to_json_value(value)

    @property
    def is_said_as_stored(self) -> bool:
        """Whether every wire says the values as they are stored."""
        return not self.spoken and self.type in SAID_AS_STORED

    def _missing_value(self) -> Any:
        if self.required or not self.clearable:
            raise ValueError(values.required_message())
        return self.default


class FieldsByName(dict[str, Field]):
    """Fields by name, in their order; former names find them too. So filters, views, files, other programs
    and the past still work after a field is renamed."""

    @classmethod
    def of(cls, fields: Iterable[Field], *, python: bool = False) -> dict[str, Field]:
        """Returns fields by their wire names or, with ``python``, by their Python names; a plain dictionary
        if there are no former names."""
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


def field_as_input(field: Field, *, required: bool) -> Field:
    """Returns a noun's field as the input of a verb. A field that the record must have may be left out, but
    not emptied."""
    clearable = not (field.required or field.moves)
    return replace(field, required=required, clearable=clearable, read_only=False, unique=False)
