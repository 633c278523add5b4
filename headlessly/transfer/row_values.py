"""What a row says: values by field, what is wrong with them, and what is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from headlessly.declaration import normalization
from headlessly.declaration.schema import META, Field
from headlessly.transfer import cells
from headlessly.transfer.headings import (
    ADDITION,
    IN_UTC,
    Column,
    Headings,
    Meaning,
    find_meaning,
)
from headlessly.transfer.notations import Notation, currency_of
from headlessly.transfer.objects import named_values
from headlessly.transfer.rows import Row

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: Between two addresses or two numbers in one cell. A slash is also part of a number: ``030/123 456``.
BETWEEN = re.compile(r"\s*(?:::+|[;,|/\n])\s*|\s+(?:or|and|oder|und)\s+", re.I)


@dataclass
class RowValues:
    """What one row says, by wire name."""

    row: Row
    text: bool = True  #: whether its values are text, as those of a table are
    data: dict[str, Any] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)  #: for which it is refused
    left_out: dict[str, str] = field(default_factory=dict)  #: without which it is taken
    #: What it says of records beside its own, by the reference to them.
    described: dict[str, dict[str, Any]] = field(default_factory=dict)
    created_at: Any = None
    key: Any = None  #: what its record is found by
    again: bool = False  #: whether it refers to what a row above it may have created
    #: The currencies that amounts name, by where the record says its own.
    currencies: dict[str, str] = field(default_factory=dict)
    twin: bool = False  #: whether a record like it is here already

    def values_of(self, path: str) -> tuple[dict[str, Any], str]:
        """Where the value of a path belongs, and under which name."""
        reference, _dot, wire = path.rpartition(".")
        return (self.described.setdefault(reference, {}) if reference else self.data), wire

    def take_currencies(self) -> None:
        """Let the record have the currency of its amounts, where the row says no other."""
        for path, code in self.currencies.items():
            found, wire = self.values_of(path)
            found.setdefault(wire, code)

    def leave_out(self, path: str, message: str) -> None:
        known = self.left_out.get(path)
        self.left_out[path] = f"{known} {message}" if known and message not in known else message


class CellReader:
    """Reads the cells of one meaning, and puts them where they belong."""

    def __init__(
        self,
        meaning: Meaning,
        notation: Notation = cells.LIKELY,
        *,
        heading: str = "",
        foreign: bool = True,
    ) -> None:
        self.meaning, self.path, self.field = meaning, meaning.path, meaning.field
        self.read = _reader(meaning, notation, IN_UTC.search(heading) is not None, foreign)
        kind = self.field.type if self.field is not None else ""
        self.is_email, self.is_phone = kind == "email", is_phone(self.field)
        #: Where the record says the currency of its amounts.
        self.currency = None
        if kind == "money" and (own := meaning.noun.schema.currency) is not None:
            self.currency = f"{self.path.rpartition('.')[0]}.{own.name}".lstrip(".")
            addition = ADDITION.search(heading)
            self.usual_currency = currency_of(addition[0]) if addition else None
        pattern = None
        if not meaning.own and self.field is not None:
            pattern = meaning.noun.Surface.files.patterns.get(self.field.name)
        self.pattern = re.compile(pattern) if pattern else None

    def put(self, values: RowValues, cell: Any, lenient: bool) -> None:
        """Take a cell that says something."""
        if self.currency is not None:
            code = (isinstance(cell, str) and currency_of(cell)) or self.usual_currency
            if code:
                values.currencies.setdefault(self.currency, code)
        others: list[str] = []
        if (self.is_email or self.is_phone) and isinstance(cell, str):
            cell, *others = several(cell, phones=self.is_phone)
        self._put(values, cell, lenient)
        for other in others:
            self._put_another(values, other)

    def _put(self, values: RowValues, cell: Any, lenient: bool) -> None:
        found, wire = values.values_of(self.path)
        try:
            if self.pattern is not None and not self.pattern.search(str(cell)):
                raise ValueError(_("%s is not what this field is for.") % str(cell)[:64])
            value = self.read(cell)
        except ValueError as problem:
            if lenient and not self.meaning.required:
                values.leave_out(self.path, str(problem))
            else:
                values.problems[self.path] = str(problem)
            return
        if wire not in found:
            found[wire] = value
        elif found[wire] != value:
            self._put_another(values, cell)

    def _put_another(self, values: RowValues, cell: Any) -> None:
        """What a row has more than the field can hold: another number has a field of its own."""
        found, _wire = values.values_of(self.path)
        if self.is_phone:
            for other in self.meaning.noun.schema.stored:
                if is_phone(other) and other.wire not in found:
                    found[other.wire] = self.read(cell)
                    return
        if cell not in found.values():
            values.leave_out(
                self.path, _("There is room for one; %s is left out.") % str(cell)[:64]
            )


def is_phone(field: Field | None) -> bool:
    return field is not None and field.normalize is normalization.normalize_phone


def several(cell: str, *, phones: bool) -> list[str]:
    """The addresses or numbers in one cell."""
    parts = [part for part in BETWEEN.split(cell) if part]
    if phones:
        whole = all(
            sum(map(str.isdigit, part)) >= normalization.DIGITS_OF_A_PHONE for part in parts
        )
    else:
        whole = all("@" in part for part in parts)
    return parts if whole and len(parts) > 1 else [cell]


def _reader(meaning: Meaning, notation: Notation, utc: bool, foreign: bool) -> cells.Read:
    found = meaning.field
    if (
        found is None
        or found.computed
        or (found.wire in META and found.wire not in ("$id", "$createdAt"))
    ):
        return lambda cell: cell
    if found.type == "reference":
        return lambda cell: cells.unguarded(cell).strip() if isinstance(cell, str) else cell
    if found.type == "enum":
        words = meaning.noun.Surface.files.words.get(found.name, {}) if foreign else {}
        return cells.choice_reader(
            found, tuple((word, value) for value, others in words.items() for word in others)
        )
    return cells.reader(found, notation, utc=utc)


class TableReader:
    """Reads the rows of a table under its headings."""

    def __init__(
        self, headings: Headings, notations: Mapping[str, Notation], *, lenient: bool
    ) -> None:
        self.lenient = lenient
        self.columns = [
            (
                column.position,
                CellReader(
                    column.meaning,
                    notations.get(path, cells.LIKELY),
                    heading=column.heading,
                    foreign=headings.foreign,
                ),
                cells.words_for_nothing(column.meaning.field),
            )
            for path, columns in headings.columns.items()
            for column in columns
        ]

    def read(self, row: Row) -> RowValues:
        values = RowValues(row)
        content, lenient = row.content, self.lenient
        for position, reader, nothing in self.columns:
            cell = content[position]
            if cell is None or cell == "":
                continue
            if isinstance(cell, str) and len(cell) < 20:
                word = cell.strip()
                if not word or word.lower() in nothing:
                    continue
            reader.put(values, cell, lenient)
        if values.currencies:
            values.take_currencies()
        return values


class ObjectReader:
    """Reads objects; of one within another what is known by its name."""

    def __init__(self, noun: type[Record], *, text: bool, lenient: bool, strict: bool) -> None:
        self.noun, self.text, self.lenient, self.strict = noun, text, lenient, strict
        self.readers: dict[Meaning, CellReader] = {}
        self.unknown: dict[str, None] = {}

    def meanings(self, content: Mapping[str, Any]) -> Iterator[tuple[str, Any, Meaning | None]]:
        """The entries of an object, what is nearest to its surface first."""
        return named_values(content, lambda name: find_meaning(self.noun, name))

    def read(self, row: Row) -> RowValues:
        values = RowValues(row, self.text)
        entries = list(self.meanings(row.content))
        entries.sort(key=lambda entry: (not entry[2].own, entry[2].rank) if entry[2] else (True, 0))
        foreign = any(meaning is not None and not meaning.own for _name, _value, meaning in entries)
        values.text = self.text or foreign
        taken: set[str] = set()
        for name, value, meaning in entries:
            if meaning is None:
                if self.strict:
                    values.data[name] = value  # the verb says what there is
                elif len(self.unknown) < MOST_NAMES:
                    self.unknown[name] = None
                continue
            if value == "" or (isinstance(value, str) and cells.is_nothing(meaning.field, value)):
                continue
            if values.text and isinstance(value, str):
                self._reader(meaning).put(values, value, self.lenient or foreign)
            elif meaning.path not in taken:
                found, wire = values.values_of(meaning.path)
                found[wire] = value
            taken.add(meaning.path)
        values.take_currencies()
        return values

    def _reader(self, meaning: Meaning) -> CellReader:
        if meaning not in self.readers:
            self.readers[meaning] = CellReader(meaning)
        return self.readers[meaning]


#: How many names of entries are remembered of a file of objects.
MOST_NAMES = 500


def column_kinds(headings: Headings, *types: str) -> dict[int, str]:
    """The positions of the columns of these types, with the paths of their fields."""

    def is_one(column: Column) -> bool:
        found = column.meaning.field
        return found is not None and found.type in types and not found.computed

    return {
        column.position: path
        for path, known in headings.columns.items()
        for column in known
        if is_one(column)
    }
