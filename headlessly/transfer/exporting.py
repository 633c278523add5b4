"""Records as a file, streamed: however many there are, a block of them at a time is in memory.

A table is written by PostgreSQL itself (COPY); objects are read by a cursor on the server. What is in an
export is what a list with the same question shows.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import psycopg
from django.core.exceptions import EmptyResultSet
from django.db import connection, models

from .. import filters, reads, rows, sorting, tenancy
from ..errors import BadRequest
from ..events import dumps
from ..filters import META_FIELDS, Scope
from ..ids import public_id
from ..schema import META, Field
from ..values import TEXT
from . import formats
from .formats import CSV, JSON, NDJSON, XLSX

if TYPE_CHECKING:
    from ..nouns import Noun

#: How much is sent at once, in bytes, and how many rows are fetched at once.
BLOCK, FETCHED = 128 * 1024, 2_000
#: How long an export may take, in seconds; with a pattern, whose time nothing bounds, and without.
LONGEST, LONGEST_SLOW = 3600, 60

MEDIA_TYPES = {
    CSV: "text/csv; charset=utf-8",
    NDJSON: "application/x-ndjson",
    JSON: "application/json",
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

#: How PostgreSQL writes a value as a cell. ``{c}`` is the column.
CELLS = {
    "datetime": "to_char({c} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    "money": "trim_scale({c})",
    "bool": "{c}::text",
}
#: Text that a spreadsheet would run, or take for text that is guarded: see :func:`.cells.guarded`.
GUARDED = (
    "CASE WHEN ascii({c}) IN (61, 43, 45, 64, 9, 13) OR (ascii({c}) = 39 AND {c} ~ "
    "'^''+[=+@\t\r-]') THEN '''' || {c} ELSE {c} END"
)


@dataclass(frozen=True)
class Question:
    """Which records, of which fields, in which order: what a list can be asked for."""

    noun: type[Noun]
    filter: Mapping[str, Any] | None = None
    conditions: Sequence[Mapping[str, Any]] = ()
    q: str | None = None
    sort: Any = None
    fields: Any = None
    as_of: Any = None

    @property
    def slow(self) -> bool:
        return filters.may_be_slow(self.filter, self.conditions)

    def found(self, names: Sequence[str]) -> str | None:
        """These columns of the records, as a table ``r`` in SQL; None when there can be none."""
        scope = Scope(self.noun, reads.when(self.as_of))
        found = scope.queryset()
        found = found.filter(*(filters.compile(scope, f) for f in (self.filter, *self.conditions)))
        if self.q:
            found = found.filter(filters.words(scope, self.q))
        # Without an order the table is read as it lies there, which is ten times as fast.
        found = found.order_by(*(sorting.order(scope, self.sort) if self.sort else ()))
        found = found.values_list(*(scope.key if name == "id" else name for name in names))
        sql = _composed(found)
        quote = connection.ops.quote_name
        columns = ", ".join(quote(_column(self.noun, name)) for name in names)
        return None if sql is None else f"({sql}) r ({columns})"


def _column(noun: type[Noun], name: str) -> str:
    return noun._meta.get_field(name).column


def _composed(found: models.QuerySet) -> str | None:
    """The SQL of a queryset with its parameters in place, as the driver quotes them."""
    try:
        sql, parameters = found.query.sql_with_params()
    except EmptyResultSet:
        return None
    connection.ensure_connection()
    with psycopg.ClientCursor(connection.connection) as cursor:
        return cursor.mogrify(sql, parameters)


def stream(question: Question, format: str) -> Iterator[bytes]:
    """The file, block by block; the first is read at once, so that what is wrong is raised here.

    Raises InvalidFilter and BadRequest.
    """
    blocks = _joined(WRITERS[format](question))
    first = next(blocks, b"")
    return _Stream(first, blocks)


class _Stream:
    """The blocks, with an end that gives the connection back whether all were read or not."""

    def __init__(self, first: bytes, rest: Iterator[bytes]) -> None:
        self.blocks, self.rest = itertools.chain((first,), rest), rest

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self.blocks)

    def close(self) -> None:
        self.rest.close()


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    block = bytearray()
    try:
        for piece in pieces:
            block += piece
            if len(block) >= BLOCK:
                yield bytes(block)
                block.clear()
        yield bytes(block)
    finally:
        pieces.close()


def _patience(question: Question) -> Any:
    return reads.patience(1000 * (LONGEST_SLOW if question.slow else LONGEST))


# -- tables -------------------------------------------------------------------------------------------


def _table_columns(question: Question) -> list[tuple[str, Field]]:
    """The columns of a table: the fields that are asked for, or all that are stored; the id first."""
    noun, asked = question.noun, question.fields
    if reads.chosen(noun, asked) is None:
        found: list[Field] = [*META_FIELDS.values(), *noun.schema.stored]
    else:
        names = asked.split(",") if isinstance(asked, str) else asked
        named = [filters.field_of(noun, name.strip()) for name in names if name.strip()]
        found = list(dict.fromkeys([META_FIELDS["$id"], *named]))
    for field in found:
        if field.computed:
            raise BadRequest(
                f"{field.wire} is computed: it is in format=ndjson and json, not in a table.",
                type=noun.__name__,
                field="fields",
            )
    return [("id" if field.wire == "$id" else field.column, field) for field in found]


def _csv(question: Question) -> Iterator[bytes]:
    columns = _table_columns(question)
    header = ",".join(field.wire for _, field in columns) + "\n"
    found = question.found([name for name, _ in columns])
    yield header.encode()
    if found is None:
        return
    cells = ", ".join(_cell(question.noun, name, field) for name, field in columns)
    sql = f"COPY (SELECT {cells} FROM {found}) TO STDOUT (FORMAT csv)"
    with (
        _patience(question),
        connection.wrap_database_errors,
        psycopg.Cursor(connection.connection) as cursor,
        cursor.copy(sql) as copy,
    ):
        yield from copy


def _cell(noun: type[Noun], name: str, field: Field) -> str:
    column = f"r.{connection.ops.quote_name(_column(noun, name))}"
    if field.type == "json":
        return GUARDED.format(c=f"{column}::text")
    if field.type in TEXT and field.type != "enum" and field.wire not in META:
        return GUARDED.format(c=column)
    return CELLS.get(field.type, "{c}").format(c=column)


# -- objects ------------------------------------------------------------------------------------------


def _records(question: Question) -> Iterator[list[dict[str, Any]]]:
    """The records as JSON says them, some at a time."""
    noun = question.noun
    shape = rows.reading(noun, reads.chosen(noun, question.fields)).shape
    context = tenancy.context_url()
    found = question.found(shape.columns)
    if found is None:
        return
    sql = f"SELECT {shape.select('r')} FROM {found}"
    until = time.monotonic() + LONGEST
    with (
        _patience(question),
        connection.wrap_database_errors,
        psycopg.ServerCursor(connection.connection, public_id("export")) as cursor,
    ):
        cursor.execute(sql, binary=True)
        while fetched := cursor.fetchmany(FETCHED):
            yield [shape.record(row, context) for row in fetched]
            if time.monotonic() > until:
                raise TimeoutError("An export took longer than it may.")


def _ndjson(question: Question) -> Iterator[bytes]:
    for some in _records(question):
        yield b"".join([dumps(record) + b"\n" for record in some])


def _json(question: Question) -> Iterator[bytes]:
    before = b"["
    for some in _records(question):
        for record in some:
            yield before + dumps(record)
            before = b",\n"
    yield b"[]" if before == b"[" else b"]"


WRITERS: dict[str, Callable[[Question], Iterator[bytes]]] = {
    CSV: _csv,
    NDJSON: _ndjson,
    JSON: _json,
}


def filename(noun: type[Noun], format: str, now: datetime) -> str:
    return f"{noun.plural}-{now:%Y-%m-%d}.{format}"


assert set(WRITERS) <= set(formats.FORMATS)
