"""The columns of a file as the fields of a noun."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from headlessly.declaration.schema import META, Field
from headlessly.errors import Invalid
from headlessly.query.filters import META_FIELDS
from headlessly.transfer import cells

if TYPE_CHECKING:
    from headlessly.nouns import Noun


#: What the list of refused rows has beside their own columns: corrected, it can be sent as it is.
ROW, REASON = ADDED = ("$row", "$reason")


@dataclass(frozen=True)
class Column:
    """A column of a table: where it stands, what it is called on the wire, how a cell is read."""

    position: int
    wire: str
    read: Callable[[Any], Any]


@cache
def names(noun: type[Noun]) -> dict[str, str]:
    """What a column may be called, in small letters and digits only, and its name on the wire.

    ``leadSource``, ``lead_source``, ``Lead Source`` and ``LEAD SOURCE`` are the same.
    """
    found = {_plain(wire): wire for wire in META}
    found |= {_plain(wire[1:]): wire for wire in META_FIELDS}
    for field in noun.schema.fields.values():
        for name in (field.label, field.name, field.wire):
            found[_plain(name)] = field.wire
    return found


def of_header(noun: type[Noun], header: Iterable[str]) -> list[Column]:
    """The columns that a header names. Raises Invalid for the unknown, the unnamed and the doubled."""
    known, problems, columns = names(noun), {}, {}
    for position, said in enumerate(header):
        name = said.strip()
        if name in ADDED:
            continue
        wire = known.get(_plain(name))
        if not name:
            problems[f"column {position + 1}"] = "This column has no name."
        elif wire is None:
            problems[name[:64]] = f"There is no such field. Fields: {', '.join(writable(noun))}."
        elif wire in columns:
            problems[name[:64]] = f"There are two columns for {wire}."
        else:
            columns[wire] = Column(position, wire, _reader(noun, wire))
    if problems:
        raise Invalid.for_fields(problems, type=noun.__name__)
    return list(columns.values())


def _plain(name: str) -> str:
    sign = "$" if name.startswith("$") else ""
    return sign + "".join(filter(str.isalnum, name)).lower()


def writable(noun: type[Noun]) -> list[str]:
    """The names of columns that an import takes, as an error lists them."""
    return [*META_FIELDS, *noun.schema.fields]


def _reader(noun: type[Noun], wire: str) -> Callable[[Any], Any]:
    field = noun.schema.fields.get(wire) or META_FIELDS.get(wire)
    if field is None or field.computed or (wire in META and wire not in ("$id", "$createdAt")):
        return lambda cell: cell
    if field.type == "reference":
        return lambda cell: cells.unguarded(cell).strip() if isinstance(cell, str) else cell
    return cells.reader(field)


def values(columns: Iterable[Column], row: list[Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """A row's values by wire name, empty cells left out; and what is wrong with their spelling."""
    found, problems = {}, {}
    for column in columns:
        cell = row[column.position]
        if cell is None or cell == "":
            continue
        try:
            found[column.wire] = column.read(cell)
        except ValueError as problem:
            problems[column.wire] = str(problem)
    return found, problems


def matching(noun: type[Noun], name: str | None) -> str | None:
    """The wire name of what records are found by. Raises Invalid for what is not unique."""
    if not name:
        return None
    unique = {"$id": "$id"} | {_plain(f.wire): f.wire for f in unique_fields(noun)}
    found = unique.get(_plain(name)) or unique.get(name)
    if found is None:
        allowed = ", ".join(dict.fromkeys(unique.values()))
        raise Invalid.for_fields(
            {"match": f"Records are found by what is unique: {allowed}."}, type=noun.__name__
        )
    return found


def unique_fields(noun: type[Noun]) -> list[Field]:
    return [f for f in noun.schema.stored if f.unique]


def by_object(noun: type[Noun], row: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of an object by wire name, whatever their spelling; the unknown as they are."""
    known = names(noun)
    return {known.get(_plain(key), key): value for key, value in row.items()}
