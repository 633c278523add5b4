"""Previews of a dry run: the first rows as they will be, and the words of its columns.

A sample is a cell as it was sent, with the value that it becomes; a word is one of the values in a column of
choices or people, with the number of its cells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from headlessly.declaration.schema import Field
from headlessly.declaration.surface import WORKERS
from headlessly.declaration.values import as_storable, to_json_value
from headlessly.transfer.cells import as_shown, words_for_nothing
from headlessly.transfer.headings import Headings, Meaning, column_number
from headlessly.transfer.mapping import word_key
from headlessly.transfer.row_lookup import RowLookup
from headlessly.transfer.row_values import RowValues
from headlessly.transfer.rows import Row, is_blank

#: How many rows are shown, and the maximum length of a cell.
SHOWN, LONGEST = 5, 200
#: How many different words of a column are counted, and how many of them are kept.
MOST_COUNTED, MOST_WORDS = 1_000, 60


class WordCounter:
    """Counts the words of the columns of a table with a limited set of values."""

    def __init__(self, headings: Headings) -> None:
        self.positions = {
            column.position: (path, words_for_nothing(column.meaning.field))
            for path, columns in headings.columns.items()
            for column in columns
            if has_words(column.meaning.field)
        }
        #: The first spelling of each word in the file, ignoring case and spaces.
        self.spelled: dict[str, str] = {}
        self.counts: dict[str, Counter[str]] = {
            path: Counter() for path, _ in self.positions.values()
        }

    def add(self, content: Any) -> None:
        for position, (path, nothing) in self.positions.items():
            cell = content[position]
            if is_blank(cell):
                continue
            word = " ".join(as_shown(cell).split())[:LONGEST]
            counts, key = self.counts[path], word_key(word)
            if key not in nothing and (key in counts or len(counts) < MOST_COUNTED):
                self.spelled.setdefault(key, word)
                counts[key] += 1

    def found(self) -> dict[str, list[list[Any]]]:
        """Returns the words of each column with their counts, the most frequent first."""
        return {
            path: [
                [as_storable(self.spelled[key]), count]
                for key, count in counts.most_common(MOST_WORDS)
            ]
            for path, counts in self.counts.items()
            if counts
        }


def has_words(field: Field | None) -> bool:
    """Whether the cells of a column have a limited set of values: choices, or members."""
    return field is not None and (field.type == "enum" or field.name in WORKERS)


def sample_rows(lookup: RowLookup, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Returns the rows as they will be, as JSON: each with its number, its cells, and what else it has."""
    said = [lookup.read(row) for row in rows]
    lookup.look_up(said)
    return [_sample(lookup, each) for each in said]


def _sample(lookup: RowLookup, said: RowValues) -> dict[str, Any]:
    row = said.row
    if row.problem is not None:
        return {"row": row.number, "problem": row.problem, "cells": [], "also": [], "new": []}
    named = lookup.name.wire
    if not said.data.get(named) and (name := lookup.composed_name(said)):
        said.data[named] = name
    if lookup.foreign:
        for name, value in lookup.noun.Surface.files.otherwise.items():
            said.data.setdefault(lookup.schema.by_name[name].wire, value)
    cells, shown = [], set()
    for heading, sent, meaning in _cells_of(lookup, row):
        cell: dict[str, Any] = {"heading": heading[:255], "sent": _text(sent)}
        if meaning is not None:
            shown.add(meaning.path)
            cell |= {"path": meaning.path} | _became(said, meaning.path, meaning.field)
        cells.append(cell)
    also = [
        {"path": wire} | _became(said, wire, lookup.schema.fields[wire])
        for wire in said.data
        if wire not in shown and wire in lookup.schema.fields
    ]
    describer = lookup.describer
    new = [field.wire for field in describer.fields if describer.makes(field, said)]
    return {"row": row.number, "cells": cells, "also": also, "new": new}


def _cells_of(lookup: RowLookup, row: Row) -> Iterable[tuple[str, Any, Meaning | None]]:
    """Returns the cells of a row with their headings and meanings."""
    content: Any = row.content
    if isinstance(content, Mapping):
        return list(lookup.reader.meanings(content))  # type: ignore[union-attr]  # it reads objects
    headings: Headings = lookup.reader.headings  # type: ignore[union-attr]
    known = {c.position: c for columns in headings.columns.values() for c in columns}
    return [
        (known[n].heading, cell, known[n].meaning)
        if n in known
        else (headings.unknown.get(n, column_number(n)), cell, None)
        for n, cell in enumerate(content[: headings.width])
    ]


def _became(said: RowValues, path: str, field: Field | None) -> dict[str, Any]:
    """Returns the value at ``path`` as it will be stored, or why it will not."""
    if path in said.flags:
        return {"value": said.flags[path][1]}
    found, wire = (said.described.get(path.rpartition(".")[0], {}), path.rpartition(".")[2])
    value = (found if "." in path else said.data).get(wire)
    if path == "$createdAt" and said.created_at is not None:
        value = said.created_at
    problem = said.problems.get(path) or said.left_out.get(path)
    told = {"problem": problem} if problem else {}
    if value in (None, "") or path in said.problems:
        return told
    try:
        if field is not None and field.change is not None and isinstance(value, Mapping):
            value = field.change(None, value)  # in addition to the record's values
        if field is not None and field.type != "reference" and path != "$createdAt":
            value = field.clean(value, text=said.text)
        value = to_json_value(value)
        return told | {"value": value.isoformat() if isinstance(value, date) else value}
    except (ValueError, TypeError) as wrong:
        return {"problem": str(wrong)}


def _text(sent: Any) -> str:
    if sent is None:
        return ""
    text = sent if isinstance(sent, str) else as_shown(sent)
    return as_storable(text[:LONGEST])
