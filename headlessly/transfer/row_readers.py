"""Reads rows of a table, and objects, by their headings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from headlessly.declaration.schema import Field
from headlessly.transfer import cells
from headlessly.transfer.cell_reader import CellReader
from headlessly.transfer.cells import ADDITION
from headlessly.transfer.headings import (
    IN_UTC,
    Headings,
    Meaning,
    column_number,
    find_entry_meaning,
    known_headings,
)
from headlessly.transfer.mapping import FieldMapping, find_mappable
from headlessly.transfer.notations import Notation
from headlessly.transfer.objects import named_values
from headlessly.transfer.row_values import RowValues
from headlessly.transfer.rows import Row, is_blank

if TYPE_CHECKING:
    from headlessly.declaration.record import Record


class TableReader:
    """Reads the rows of a table by its headings."""

    def __init__(
        self,
        headings: Headings,
        notations: Mapping[str, Notation],
        words: Mapping[str, Mapping[str, Any]],
        *,
        lenient: bool,
    ) -> None:
        """``words`` are a mapping's values for words, by path."""
        self.lenient, self.headings = lenient, headings
        self.columns = [
            (
                column.position,
                CellReader(
                    column.meaning,
                    notations.get(path, cells.LIKELY),
                    heading=column.heading,
                    foreign=headings.foreign,
                    alone=len(columns) == 1,
                    words=words.get(path),
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
        for reader, cell in values.others:
            reader.put_another(values, cell)
        if values.currencies:
            values.take_currencies(lenient)
        return values

    def left_out(self, values: RowValues) -> dict[str, Any]:
        """Returns the cells of a row that no field holds, by heading."""
        content, width = values.row.content, self.headings.width
        unknown = self.headings.unknown
        if not (unknown or values.left_out or values.beside or len(content) > width):
            return {}
        positions = dict(unknown)
        if told := {*values.left_out, *values.beside}:
            for path, columns in self.headings.columns.items():
                if _is_within(path, told):
                    positions |= {column.position: column.heading for column in columns}
        positions |= {n: column_number(n) for n in range(width, len(content))}
        found: dict[str, Any] = {}
        for position in sorted(positions):
            if not is_blank(cell := content[position]):
                heading = positions[position]
                found[f"{heading} ({position + 1})" if heading in found else heading] = cell
        return found


def entry_finder(noun: type[Record], mapping: FieldMapping) -> Callable[[str, str], Meaning | None]:
    """Returns the cached function that finds the meaning of an object's entry by its name and path."""
    return lru_cache(5_000)(lambda name, path: find_entry_meaning(noun, name, path, mapping))


class ObjectReader:
    """Reads objects; nested entries are found by their name."""

    def __init__(
        self,
        noun: type[Record],
        mapping: FieldMapping,
        notations: Mapping[str, Notation],
        *,
        text: bool,
        lenient: bool,
        strict: bool,
    ) -> None:
        self.mapping, self.notations = mapping, notations
        self.find = entry_finder(noun, mapping)
        self.noun, self.text, self.lenient, self.strict = noun, text, lenient, strict
        self.readers: dict[tuple[Meaning, str], CellReader] = {}
        self.unknown: dict[str, None] = {}

    def meanings(self, content: Mapping[str, Any]) -> Iterator[tuple[str, Any, Meaning | None]]:
        """Yields the entries of an object with their meanings, the outermost first."""
        return named_values(content, self.find)

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
                    values.data[name] = value  # the verb reports what is allowed
                elif len(self.unknown) < MOST_NAMES:
                    self.unknown[name] = None
                continue
            if value == "" or (isinstance(value, str) and cells.is_nothing(meaning.field, value)):
                continue
            reader = self._reader(meaning, name)
            is_flag = isinstance(value, bool | int) and reader.state is not None
            is_word = not isinstance(value, list | dict) and meaning.path in self.mapping.values
            is_so_many = isinstance(value, int | float) and reader.power
            if values.text and (isinstance(value, str) or is_flag or is_word or is_so_many):
                reader.put(values, value, self.lenient or foreign)
            elif meaning.path not in taken:
                found, wire = values.values_of(meaning.path)
                found[wire] = value
            taken.add(meaning.path)
        for reader, cell in values.others:
            reader.put_another(values, cell)
        values.take_currencies(self.lenient or foreign)
        return values

    def left_out(self, values: RowValues) -> dict[str, Any]:
        """Returns the entries of an object that no field holds, by name."""
        told = {*values.left_out, *values.beside}
        return {
            name: value
            for name, value, meaning in self.meanings(values.row.content)
            if value not in (None, "", [], {})
            and (meaning is None or _is_within(meaning.path, told))
        }

    def _reader(self, meaning: Meaning, name: str) -> CellReader:
        known = meaning, name if ADDITION.search(name) or IN_UTC.search(name) else ""
        if known not in self.readers:
            self.readers[known] = CellReader(
                meaning,
                self.notations.get(meaning.path, cells.LIKELY),
                heading=known[1],
                words=self.mapping.values.get(meaning.path),
            )
        return self.readers[known]


def _is_within(path: str, paths: Collection[str]) -> bool:
    """Whether a path, or the reference before it, is one of these."""
    return path in paths or path.rpartition(".")[0] in paths


#: How many unknown names are remembered for a file of objects.
MOST_NAMES = 500


def column_kinds(headings: Headings, *types: str) -> dict[int, str]:
    """Returns the positions of the columns of these types, with the paths of their fields."""
    return _positions(headings, lambda found: found.type in types and not found.computed)


def entry_kinds(noun: type[Record], mapping: FieldMapping, *types: str) -> dict[str, str]:
    """Returns the paths of fields of these types in objects, like :func:`column_kinds` for columns."""
    known = {each.path: each.field for each in known_headings(noun).values()}
    for path in filter(None, mapping.columns.values()):
        if (found := find_mappable(noun, path)) is not None:
            known[path] = found[1]
    return {
        path: path
        for path, field in known.items()
        if field is not None and field.type in types and not field.computed
    }


def percent_columns(headings: Headings) -> dict[int, str]:
    """Returns the positions of the columns of percentages, with the paths of their fields."""
    return _positions(headings, lambda found: found.unit == "%")


def _positions(headings: Headings, is_one: Callable[[Field], bool]) -> dict[int, str]:
    return {
        column.position: path
        for path, known in headings.columns.items()
        for column in known
        if column.meaning.field is not None and is_one(column.meaning.field)
    }
