"""What the headings of a file mean: the fields of a noun, under whatever name they come.

A field is known by its own names (on the wire, in Python, its label in every language), and by those that
other programs and people give it (``Surface.files``). A file of our own is taken at its word; of another's
comes in what can be understood, and the rest is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from headlessly.declaration import labels
from headlessly.declaration.schema import META, Field
from headlessly.errors import Invalid
from headlessly.query.filters import META_FIELDS

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: What the list of refused rows has beside their own columns: corrected, it can be sent as it is.
ROW, REASON = ADDED = ("$row", "$reason")
#: What people add to a heading: a unit, a currency, a zone, a star for what is required.
ADDITION = re.compile(r"\s*(\([^()]*\)|\[[^\[\]]*\]|\*)\s*\Z")
IN_UTC = re.compile(r"\b(UTC|GMT)\b")


@dataclass(frozen=True)
class Meaning:
    """What a heading names: a field of the noun, or of a record that a row describes beside it."""

    path: str  #: on the wire: ``email``, or ``contact.email``
    noun: type[Record]
    field: Field | None  #: None for what every record carries
    own: bool = True  #: whether it is the product's own name for it
    rank: int = 0  #: which of several columns of a field is taken first

    @property
    def required(self) -> bool:
        return self.field is not None and self.field.required


@cache
def meanings(noun: type[Record]) -> dict[str, Meaning]:
    """Every heading that is known, in small letters and digits only.

    ``leadSource``, ``lead_source``, ``Lead Source`` and ``LEAD SOURCE`` are the same.
    """
    found = {plain(wire): Meaning(wire, noun, META_FIELDS.get(wire)) for wire in META}
    for wire, field in META_FIELDS.items():
        if wire != "$id":  # "Id" is another program's
            found[plain(field.name)] = Meaning(wire, noun, field)
    fields = noun.schema.fields
    for field in fields.values():
        for name in (labels.english_label(field), field.label, field.name, field.wire):
            found[plain(name)] = Meaning(field.wire, noun, field)
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            for field in fields.values():
                found.setdefault(plain(labels.field_label(field)), Meaning(field.wire, noun, field))
    for field in fields.values():  # "Lead Status", as other programs say whose it is
        for name in (field.wire, labels.english_label(field)):
            found.setdefault(
                plain(noun.__name__ + name), Meaning(field.wire, noun, field, own=False)
            )
    for name, field, rank in _other_headings(noun):
        found.setdefault(plain(name), Meaning(field.wire, noun, field, own=False, rank=rank))
    for heading, meaning in _described(noun):
        found.setdefault(heading, meaning)
    return found


def _other_headings(noun: type[Record]) -> Iterator[tuple[str, Field, int]]:
    for name, headings in noun.Surface.files.headings.items():
        field = noun.schema.by_name[name] if name != "created_at" else META_FIELDS["$createdAt"]
        yield from ((heading, field, rank) for rank, heading in enumerate(headings, 1))


def _described(noun: type[Record]) -> Iterator[tuple[str, Meaning]]:
    """The headings of the records that a row describes, also with what they are before them."""
    for name, fields in noun.Surface.files.described.items():
        reference = noun.schema.by_name[name]
        other = reference.target_noun
        wires = {other.schema.by_name[each].wire for each in fields}
        for heading, meaning in meanings(other).items():
            if meaning.path in wires:
                path = f"{reference.wire}.{meaning.path}"
                rank = meaning.rank + (0 if meaning.own else 1)
                described = Meaning(path, other, meaning.field, own=False, rank=rank)
                yield plain(reference.wire) + heading, described
                yield heading, described


def plain(name: str) -> str:
    """A heading as it is compared."""
    sign = "$" if name.startswith("$") else ""
    return sign + "".join(filter(str.isalnum, name)).lower()


def find_meaning(noun: type[Record], heading: str) -> Meaning | None:
    """What a heading means; None for what is no field."""
    known = meanings(noun)
    found = known.get(plain(heading))
    if found is None and (short := ADDITION.sub("", heading)) != heading:
        found = known.get(plain(short))
    return found


def count_known(noun: type[Record], names: Iterable[str]) -> int:
    """How many of these are headings: so a header is told from a title and from a row."""
    return sum(1 for name in set(names) if name and find_meaning(noun, name) is not None)


@dataclass(frozen=True)
class Column:
    """A column of a table that has a meaning."""

    position: int
    heading: str
    meaning: Meaning


@dataclass(frozen=True)
class Headings:
    """The header of a table: its columns by what they mean, the first to be taken first."""

    columns: Mapping[str, list[Column]]
    unknown: list[str]

    @property
    def foreign(self) -> bool:
        """Whether another program or a person made the file, and not the product."""
        return any(not c.meaning.own for columns in self.columns.values() for c in columns)


def read_headings(noun: type[Record], header: Iterable[str], *, strict: bool = False) -> Headings:
    """What a header names. Raises Invalid where it names no field, and one of ours twice.

    ``strict`` refuses what is no field.
    """
    columns: dict[str, list[Column]] = {}
    unknown, problems = [], {}
    for position, said in enumerate(header):
        heading = said.strip()
        if heading in ADDED:
            continue
        meaning = find_meaning(noun, heading) if heading else None
        if meaning is None:
            unknown.append(heading or _("column %d") % (position + 1))
            continue
        known = columns.setdefault(meaning.path, [])
        if meaning.own and any(column.meaning.own for column in known):
            problems[heading[:64]] = _("There are two columns for %s.") % meaning.path
        known.append(Column(position, heading, meaning))
    allowed = ", ".join([*META_FIELDS, *noun.schema.fields])
    if unknown and (strict or not columns):
        for name in unknown:
            problems[name[:64]] = _("There is no such field. Fields: %s.") % allowed
    if problems:
        raise Invalid.for_fields(problems, type=noun.__name__)
    for known in columns.values():
        known.sort(key=lambda column: (not column.meaning.own, column.meaning.rank))
    return Headings(columns, unknown)
