"""What the headings of a file mean: the fields of a noun, under any of their names.

A field is known by its own names (on the wire, in Python, its label in every language), and by those that
other programs and people use (``Surface.files``). A file of our own is read strictly; from other files,
everything that can be understood is imported, and the rest is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from headlessly.declaration import labels
from headlessly.declaration.schema import META, Field
from headlessly.declaration.shapes import cached_by_shape
from headlessly.errors import Invalid
from headlessly.query.external_ids import field_of_system
from headlessly.query.filters import META_FIELDS
from headlessly.transfer.cells import ADDITION
from headlessly.transfer.mapping import NO_MAPPING, FieldMapping, find_mappable, heading_key
from headlessly.transfer.programs import program_keys

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: Additional columns in the list of refused rows, so that it can be corrected and sent as it is.
ROW, REASON = ADDED = ("$row", "$reason")
#: Another program's prefix of a heading: "Deal - Deal created".
WHOSE = re.compile(r"\s*(\w+)\s*[-:]\s+")
#: The id of a record in another program: "HubSpot ID", "Salesforce record id".
SYSTEM_ID = re.compile(r"\s*(\w+)[\s_-]*(?:record|object)?[\s_-]+id\s*\Z", re.I)
IN_UTC = re.compile(r"(?:\b|_)(UTC|GMT)\b")


@dataclass(frozen=True)
class Meaning:
    """What a heading names: a field of the noun, or of a record that a row describes besides its own."""

    path: str  #: wire names: ``email``, or ``contact.email``
    noun: type[Record]
    field: Field | None  #: None for a meta-field
    own: bool = True  #: whether it is the product's own name for it
    rank: int = 0  #: the order among several columns for the same field
    #: The reference to the described record, if the heading does not name it: "Email", not "Contact Email".
    row_is: str | None = None

    @property
    def required(self) -> bool:
        return self.field is not None and self.field.required


@cached_by_shape
def known_headings(noun: type[Record]) -> dict[str, Meaning]:
    """Returns every known heading, reduced to small letters and digits.

    ``leadSource``, ``lead_source``, ``Lead Source`` and ``LEAD SOURCE`` are the same.
    """
    found = {plain_heading(wire): Meaning(wire, noun, META_FIELDS.get(wire)) for wire in META}
    for wire, field in META_FIELDS.items():
        if wire != "$id":  # "Id" is usually another program's
            found[plain_heading(field.name)] = Meaning(wire, noun, field)
    fields = noun.schema.fields.values()
    declared = [field for field in fields if not field.is_custom]
    own = [field for field in fields if field.is_custom]
    for field in declared:
        for name in (labels.english_label(field), field.label, field.name, field.wire):
            found[plain_heading(name)] = Meaning(field.wire, noun, field)
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            for field in declared:
                found.setdefault(
                    plain_heading(labels.field_label(field)), Meaning(field.wire, noun, field)
                )
    for (
        field
    ) in own:  # own names take precedence, because a label may also be the name of another field
        meaning = Meaning(field.wire, noun, field)
        found |= {plain_heading(name): meaning for name in (field.name, field.wire)}
        for name in (field.label, f"{field.label} {field.wire}", *field.former):
            found.setdefault(plain_heading(name), meaning)
    for name, field, rank in _other_headings(noun):
        found.setdefault(
            plain_heading(name), Meaning(field.wire, noun, field, own=False, rank=rank)
        )
    described = dict(_described(noun))
    for heading, meaning in list(found.items()):  # "Lead Status", as other programs write it
        if meaning.field is not None and meaning.field.name not in noun.Surface.files.described:
            for name in names_of(noun):
                found.setdefault(name + heading, replace(meaning, own=False))
    for heading, meaning in described.items():
        found.setdefault(heading, meaning)
        found.setdefault(plain_heading(noun.__name__) + heading, meaning)
    return found


def heading_for_people(noun: type[Record], field: Field) -> str:
    """Returns the heading of a column in a file for people: the field's label, followed by its name if the
    label alone would be taken for another field, such as a tenant's own field called Owner."""
    label = labels.field_label(field)
    means = known_headings(noun).get(plain_heading(label)) if field.is_custom else None
    return label if means is None or means.path == field.wire else f"{label} ({field.wire})"


def names_of(noun: type[Record]) -> tuple[str, ...]:
    """Returns the names of a noun before a heading, as they are compared."""
    return tuple(map(plain_heading, (noun.__name__, *noun.Surface.files.called)))


def _other_headings(noun: type[Record]) -> Iterator[tuple[str, Field, int]]:
    for name, headings in noun.Surface.files.headings.items():
        field = noun.schema.by_name[name] if name != "created_at" else META_FIELDS["$createdAt"]
        yield from ((heading, field, rank) for rank, heading in enumerate(headings, 1))


def _described(noun: type[Record]) -> Iterator[tuple[str, Meaning]]:
    """Yields the headings for the records that a row describes, with and without their noun's name."""
    for name, fields in noun.Surface.files.described.items():
        reference = noun.schema.by_name[name]
        other = reference.target_noun
        wires = {other.schema.by_name[each].wire for each in fields}
        for heading, meaning in known_headings(other).items():
            if meaning.path in wires:
                path = f"{reference.wire}.{meaning.path}"
                rank = meaning.rank + (0 if meaning.own else 1)
                described = Meaning(path, other, meaning.field, own=False, rank=rank)
                for name in dict.fromkeys((plain_heading(reference.wire), *names_of(other))):
                    yield name + heading, described
                yield heading, replace(described, row_is=reference.wire)


def plain_heading(name: str) -> str:
    """Returns a heading as it is compared."""
    sign = "$" if name.startswith("$") else ""
    return sign + "".join(filter(str.isalnum, name)).lower()


def find_meaning(
    noun: type[Record], heading: str, mapping: FieldMapping = NO_MAPPING
) -> Meaning | None:
    """Returns the meaning of a heading, from the mapping or the known ones; None if it is no field."""
    usual = _find_known(noun, heading)
    if not mapping.names_heading(heading):
        return usual
    path = mapping.columns[heading_key(heading)]
    if path is None or (usual is not None and usual.path == path):
        return usual if path else None
    if (mappable := find_mappable(noun, path)) is None:
        return usual
    other, field = mappable
    return Meaning(path, other, field, own=False)


def find_entry_meaning(
    noun: type[Record], name: str, path: str, mapping: FieldMapping = NO_MAPPING
) -> Meaning | None:
    """Returns the meaning of an object's entry; a mapping may name it by its path: ``payload.email``."""
    return find_meaning(noun, path if mapping.names_heading(path) else name, mapping)


def _find_known(noun: type[Record], heading: str) -> Meaning | None:
    known = known_headings(noun)
    found = known.get(plain_heading(heading))
    if found is None and (short := ADDITION.sub("", heading)) != heading:
        found = known.get(plain_heading(short))
    if (
        found is None
        and (owner := WHOSE.match(heading))
        and plain_heading(owner[1]) in names_of(noun)
    ):
        rest = plain_heading(heading[owner.end() :])
        found = known.get(plain_heading(noun.__name__) + rest) or known.get(rest)
    return found or _find_system(noun, heading)


def _find_system(noun: type[Record], heading: str) -> Meaning | None:
    """Returns the meaning of ids in another system: ``externalIds.hubspot`` in our own files, or ``HubSpot
    ID``."""
    if (own := find_mappable(noun, heading)) is not None and own[1].wire not in noun.schema.fields:
        return Meaning(own[1].wire, noun, own[1])
    if (said := SYSTEM_ID.match(heading)) is None or (
        key := plain_heading(said[1])
    ) not in program_keys():
        return None
    ids = noun.schema.by_name["external_ids"]
    path = f"{ids.wire}.{key}"
    return Meaning(path, noun, field_of_system(ids, key), own=False)


def count_known(
    noun: type[Record], names: Iterable[str], mapping: FieldMapping = NO_MAPPING
) -> int:
    """Returns how many of these names are headings, which distinguishes a header from a title and from a
    row."""
    return sum(
        1
        for name in set(names)
        if name and (mapping.names_heading(name) or find_meaning(noun, name) is not None)
    )


def column_number(position: int) -> str:
    """Returns the name of a column without a heading."""
    return _("column %d") % (position + 1)


def nameless_heading(position: int) -> str:
    """Returns the name of a column without a heading in a mapping, which does not depend on the language."""
    return f"column {position + 1}"


@dataclass(frozen=True)
class Column:
    """A column of a table that has a meaning."""

    position: int
    heading: str
    meaning: Meaning


@dataclass(frozen=True)
class Headings:
    """The header of a table: its columns by meaning, those that take precedence first."""

    columns: Mapping[str, list[Column]]
    unknown: Mapping[int, str]  #: the headings that are no field, by position
    header: Sequence[str] = ()  #: as in the file

    @property
    def width(self) -> int:
        return len(self.header)

    @property
    def foreign(self) -> bool:
        """Whether the file is not one of the product's own, but made by another program or a person."""
        return any(not c.meaning.own for columns in self.columns.values() for c in columns)


def _precise(noun: type[Record], path: str) -> set[str]:
    """Returns the headings that fit the field at ``path`` better than its own name."""
    field = noun.schema.fields.get(path)
    declared = noun.Surface.files.precise.get(field.name, ()) if field else ()
    return set(map(plain_heading, declared))


def _precedence(precise: set[str], column: Column) -> tuple[bool, bool, int]:
    meaning = column.meaning
    return plain_heading(column.heading) not in precise, not meaning.own, meaning.rank


def read_headings(
    noun: type[Record],
    header: Sequence[str],
    *,
    mapping: FieldMapping = NO_MAPPING,
    strict: bool = False,
    asks: bool = False,
) -> Headings:
    """Returns the meanings of a header. Raises Invalid if it names no field, or one of our own files has a
    field twice.

    ``strict`` refuses unknown headings that the ``mapping`` does not leave out. ``asks`` means that somebody
    sees the unknown ones, and says what they are.
    """
    columns: dict[str, list[Column]] = {}
    unknown: dict[int, str] = {}
    problems: dict[str, str] = {}
    twice: dict[str, str] = {}
    for position, said in enumerate(header):
        heading = said.strip()
        if heading in ADDED:
            continue
        named = heading or nameless_heading(position)
        meaning = find_meaning(noun, named, mapping) if heading or mapping else None
        if meaning is None:
            unknown[position] = heading or column_number(position)
            continue
        known = columns.setdefault(meaning.path, [])
        if meaning.own and any(column.meaning.own for column in known):
            twice[heading[:64]] = _("There are two columns for %s.") % meaning.path
        known.append(Column(position, heading, meaning))
    allowed = ", ".join([*META_FIELDS, *noun.schema.fields])
    if unknown and not asks and (strict or not columns):
        for name in unknown.values():
            if columns and mapping.names_heading(name):
                continue
            problems[name[:64]] = _("There is no such field. Fields: %s.") % allowed
    found = Headings(columns, unknown, header)
    if strict or not found.foreign:  # our own files have each column only once
        problems |= twice
    if problems:
        raise Invalid.for_fields(problems, type=noun.__name__)
    for path, known in columns.items():
        known.sort(key=partial(_precedence, _precise(noun, path)))
    return found
