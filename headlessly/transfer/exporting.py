"""Streams records as a file: however many there are, one block at a time is in memory.

PostgreSQL itself writes tables (COPY); objects and workbooks are read with a server-side cursor. An export
has the same records as a list with the same question.
"""

from __future__ import annotations

import codecs
import csv
import io
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import psycopg
from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.utils import translation
from django.utils.translation import gettext as _

from headlessly.access import tenancy, visibility
from headlessly.database import timeouts
from headlessly.database.copying import read_blocks
from headlessly.declaration import labels
from headlessly.declaration.choices import BETWEEN
from headlessly.declaration.custom_values import is_custom
from headlessly.declaration.schema import META, Field
from headlessly.declaration.values import TEXT_TYPES
from headlessly.errors import BadRequest
from headlessly.ids import public_id
from headlessly.language.languages import ENGLISH
from headlessly.log.events import dump_json
from headlessly.log.external_ids import systems_in_use
from headlessly.query import filters, reads, rows, sorting
from headlessly.query.external_ids import field_of_system
from headlessly.query.filters import META_FIELDS
from headlessly.query.scope import Scope
from headlessly.transfer import formats
from headlessly.transfer.cells import guard_cell
from headlessly.transfer.formats import CSV, JSON, NDJSON, XLSX
from headlessly.transfer.headings import heading_for_people
from headlessly.transfer.workbook_writing import write_workbook

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: The size of blocks in bytes, and how many rows are fetched at once.
BLOCK, FETCHED = 128 * 1024, 2_000
#: The content of a file: blocks of whole rows.
Blocks = Generator[bytes, None, None]
#: The time limit for an export in seconds, and for one with a pattern, which could take any time.
LONGEST, LONGEST_SLOW = 3600, 60

MEDIA_TYPES = {
    CSV: "text/csv; charset=utf-8",
    NDJSON: "application/x-ndjson",
    JSON: "application/json",
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

#: The maximum number of rows of a workbook, because it is only sent when it is complete: this many take about
#: ten seconds.
MAX_BOOK_ROWS = 100_000
#: The types that are values in a workbook, and how they are read; others are text.
BOOK_VALUES = {
    "number": "{c}",
    "integer": "{c}",
    "money": "{c}",
    "date": "{c}",
    "datetime": "date_trunc('second', {c}::timestamp)",
}
#: How PostgreSQL formats a value, if its default is not ours. ``{c}`` is the column.
SAID = {
    # Six decimals of a second or none, as in a list. The column's own text, in UTC, costs half as much as
    # to_char, which is only used for times that end in a zero, because the text omits zeros. A zone given as
    # an interval is added, while one with a name would be looked up.
    "datetime": (
        "CASE WHEN {c} IS NULL THEN NULL WHEN {c} <> {c}::timestamptz(5) OR {c} = {c}::timestamptz(0) "
        "THEN replace(timezone(interval '0', {c})::text, ' ', 'T') || 'Z' "
        """ELSE to_char({c}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END"""
    ),
    "money": "trim_scale({c})",
}
#: Types that COPY formats as needed, without a conversion to text.
AS_IT_IS = {"number", "integer", "date"}
SESSION = "SET LOCAL datestyle = 'ISO'; SET LOCAL timezone = 'UTC'"
#: Text that a spreadsheet would execute, or that looks guarded: see :func:`.cells.guard_cell`. Few texts
#: begin with one of these characters, so only those are matched with the pattern. The first test stands
#: alone, because for NULL each part of an AND would be evaluated.
GUARDED = (
    "CASE WHEN ascii({c}) <= 64 THEN CASE WHEN ascii({c}) IN (9, 13, 39, 43, 45, 61, 64) "
    "AND {c} ~ '^''*[=+@\t\r-]' THEN '''' || {c} ELSE {c} END ELSE {c} END"
)
#: Types whose text is valid JSON, and those that only need quotes.
BARE = {"number", "integer", "money", "bool", "json", "choices"}
QUOTED = {"date", "datetime", "reference"}
#: A format of COPY that leaves lines of JSON unchanged: they contain none of these characters.
LINES = r"(FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')"


@dataclass(frozen=True)
class Question:
    """The question of an export: which records, with which fields, in which order, as for a list."""

    noun: type[Record]
    filter: Mapping[str, Any] | None = None
    conditions: Sequence[Mapping[str, Any]] = ()
    q: str | None = None
    sort: Any = None
    fields: Any = None
    as_of: Any = None
    #: For people: the language of headings and choices, with names instead of ids; None for programs.
    labels: str | None = None
    zone: str = "UTC"  #: the time zone of people's times

    @property
    def slow(self) -> bool:
        return filters.may_be_slow(self.filter, self.conditions)

    def records(self, scope: Scope) -> models.QuerySet:
        """Returns the records, in no order."""
        found = scope.queryset().filter(
            *(filters.compile_filter(scope, f) for f in (self.filter, *self.conditions))
        )
        return found.filter(filters.words_condition(scope, self.q)) if self.q else found

    def count(self) -> int | None:
        """Returns how many records there are, up to the cap of lists; None if counting takes too long."""
        scope = Scope(self.noun, reads.check_moment(self.as_of))
        try:
            with timeouts.statement_timeout():
                return reads.count_records(self.records(scope))[0]
        except timeouts.TooSlow:
            return None

    def found(self, names: Sequence[str]) -> str | None:
        """Returns the SQL of these columns of the records, as a table ``r``; None if there can be none."""
        scope = Scope(self.noun, reads.check_moment(self.as_of))
        found = self.records(scope)
        # Without an order the table is read as it is stored, which is ten times as fast.
        found = found.order_by(
            *(sorting.order_by_expressions(scope, self.sort) if self.sort else ())
        )
        found = found.values_list(*(scope.key if name == "id" else name for name in names))
        sql = _composed(found)
        quote = connection.ops.quote_name
        columns = ", ".join(quote(_column(self.noun, name)) for name in names)
        return None if sql is None else f"({sql}) r ({columns})"


def _quoted(noun: type[Record], name: str) -> str:
    return f"r.{connection.ops.quote_name(_column(noun, name))}"


def _column(noun: type[Record], name: str) -> str:
    if is_custom(name):
        return name  # the column that the version has
    return noun._meta.get_field(name).column  # type: ignore[union-attr, return-value] # a stored field


def _composed(found: models.QuerySet) -> str | None:
    """Returns the SQL of a queryset with its parameters inserted, as the driver quotes them."""
    try:
        sql, parameters = found.query.sql_with_params()
    except EmptyResultSet:
        return None
    connection.ensure_connection()
    with psycopg.ClientCursor(connection.connection) as cursor:
        return cursor.mogrify(sql, parameters)


def stream(question: Question, format: str) -> Blocks:
    """Returns the file, block by block. Raises InvalidFilter and BadRequest before the first one.

    From its first block until it is closed, the file occupies the connection, and saving a session meanwhile
    would wait for ever. So nothing is read before the file is sent.
    """
    _check(question, format)
    return WRITERS[format](question)


def _check(question: Question, format: str) -> None:
    """Raise InvalidFilter or BadRequest for a question that such a file cannot answer."""
    if format in (CSV, XLSX):
        _table_columns(question)
    else:
        reads.check_fields(question.noun, question.fields)
    if (found := question.found(["id"])) is None or format != XLSX:
        return
    with _patience(question), connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM (SELECT FROM {found} LIMIT {MAX_BOOK_ROWS + 1}) r")
        if cursor.fetchone()[0] > MAX_BOOK_ROWS:
            raise BadRequest(
                _("A workbook has at most %s rows. Narrow the list, or take it as CSV.")
                % f"{MAX_BOOK_ROWS:,}",
                type=question.noun.__name__,
                field="format",
            )


def _patience(question: Question) -> Any:
    return timeouts.statement_timeout(1000 * (LONGEST_SLOW if question.slow else LONGEST))


# -- tables -------------------------------------------------------------------------------------------


def _table_columns(question: Question) -> list[tuple[str, Field]]:
    """Returns the columns of a table: the requested fields, or all stored ones; the id first."""
    noun, asked = question.noun, question.fields
    if reads.check_fields(noun, asked) is None:
        found: list[Field] = [*META_FIELDS.values(), *noun.schema.stored]
    else:
        names = asked.split(",") if isinstance(asked, str) else asked
        named = [filters.find_field(noun, name.strip()) for name in names if name.strip()]
        first = [] if question.labels else [META_FIELDS["$id"]]
        found = list(dict.fromkeys([*first, *named]))
    for field in found:
        if field.computed:
            raise BadRequest(
                f"{field.wire} is computed: it is in format=ndjson and json, not in a table.",
                type=noun.__name__,
                field="fields",
            )
    return [
        ("id" if each.wire == "$id" else field.column, each)
        for field in found
        for each in _parts_of(noun, field)
    ]


def _parts_of(noun: type[Record], field: Field) -> list[Field]:
    """Returns a column for each system in which records have ids; other fields are one column."""
    systems = systems_in_use(noun) if field.parts else ()
    return [field_of_system(field, system) for system in systems] or [field]


def _csv(question: Question) -> Blocks:
    columns = _table_columns(question)
    noun, names = question.noun, list(dict.fromkeys(name for name, _field in columns))
    if question.labels:
        with translation.override(question.labels):
            header = _for_people([heading_for_people(noun, field) for _name, field in columns])
            cells = [_cell_for_people(noun, name, field) for name, field in columns]
    else:
        header = (",".join(field.wire for _name, field in columns) + "\n").encode()
        cells = [_cell(noun, name, field) for name, field in columns]
    return _copied(question, names, ", ".join(cells), "(FORMAT csv)", header)


def _xlsx(question: Question) -> Blocks:
    """Yields a workbook with the columns of a table, in which numbers, days and moments are values. Raises
    BadRequest."""
    columns = _table_columns(question)
    noun, names = question.noun, list(dict.fromkeys(name for name, _field in columns))
    with translation.override(question.labels or ENGLISH):
        headings = [
            guard_cell(heading_for_people(noun, field)) if question.labels else field.wire
            for _name, field in columns
        ]
        cell = _cell_for_people if question.labels else _cell
        select = [
            BOOK_VALUES[field.type].format(c=_quoted(noun, name))
            if field.type in BOOK_VALUES
            else cell(noun, name, field)
            for name, field in columns
        ]
        title = labels.plural_title(noun) if question.labels else noun.plural
    with write_workbook(title, headings, _book_rows(question, names, select)) as file:
        while block := file.read(BLOCK):
            yield block


def _book_rows(
    question: Question, names: Sequence[str], select: Sequence[str]
) -> Iterator[tuple[Any, ...]]:
    if (found := question.found(names)) is None:
        return
    with (
        _patience(question),
        connection.wrap_database_errors,
        psycopg.ServerCursor(connection.connection, public_id("export")) as cursor,
        connection.cursor() as session,
    ):
        session.execute("SELECT set_config('timezone', %s, true)", [question.zone])
        cursor.itersize = FETCHED
        cursor.execute(f"SELECT {', '.join(select)} FROM {found}")
        yield from cursor


def _for_people(headings: Sequence[str]) -> bytes:
    """Returns the header for a spreadsheet, which recognizes UTF-8 by its byte order mark."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(map(guard_cell, headings))
    return codecs.BOM_UTF8 + line.getvalue().encode()


def _cell_for_people(noun: type[Record], name: str, field: Field) -> str:
    """Returns the SQL of a cell as the list shows it: the name of a record, the label of a choice, a time in
    the reader's zone."""
    column = _quoted(noun, name)
    if field.type == "reference":
        return _name_of(field.target_noun, column)
    if field.type == "enum":
        words = [
            f"WHEN {_literal(c)} THEN {_literal(labels.choice_label(field, c))}"
            for c in dict.fromkeys((*field.spoken, *field.choices))
        ]
        return f"CASE {column} {' '.join(words)} ELSE {column} END"
    if field.type == "choices" and field.choices:
        said = [
            f"WHEN {_literal(c)} THEN {_literal(label)}"
            for c in field.choices
            if BETWEEN not in (label := labels.choice_label(field, c)) and label != c
        ]
        return _several(column, f"CASE v {' '.join(said)} ELSE v END" if said else "v")
    if field.type == "bool":
        return f"CASE WHEN {column} THEN {_literal(_('Yes'))} ELSE {_literal(_('No'))} END"
    if field.type == "datetime":
        return f"to_char({column}, 'YYYY-MM-DD HH24:MI')"
    return _cell(noun, name, field)


def _name_of(noun: type[Record], column: str) -> str:
    """Returns the SQL of the name of the record with the id in ``column``, guarded, if the actor sees it or
    its card."""
    quote = connection.ops.quote_name
    seen, persons = visibility.card_clause(noun, "named")
    name = GUARDED.format(c=f"named.{quote(noun.schema.name_field.column)}")
    sql = (
        f"(SELECT {name} FROM {quote(noun._meta.db_table)} named "
        f"WHERE named.id = {column} AND named.tenant_id = %s{seen})"
    )
    connection.ensure_connection()
    with psycopg.ClientCursor(connection.connection) as cursor:
        return cursor.mogrify(sql, [tenancy.require().pk, *persons])


def _copied(
    question: Question, names: Sequence[str], select: str, format: str, header: bytes = b""
) -> Blocks:
    """Yields the records as PostgreSQL writes them."""
    if (found := question.found(names)) is None:
        yield header
        return
    with (
        _patience(question),
        connection.wrap_database_errors,
        psycopg.Cursor(connection.connection) as cursor,
    ):
        cursor.execute(SESSION)
        if question.labels:
            cursor.execute("SELECT set_config('timezone', %s, true)", [question.zone])
        with cursor.copy(f"COPY (SELECT {select} FROM {found}) TO STDOUT {format}") as rows:
            rest = yield from read_blocks(rows, BLOCK, header)
    yield rest


def _cell(noun: type[Record], name: str, field: Field) -> str:
    column = _quoted(noun, name)
    if field.column != name and name != "id" and field.wire not in META:
        return _put_together(
            column,
            f"string_agg(e ->> 'id', '{BETWEEN} ')",
            f"jsonb_array_elements({column}) AS e WHERE e ->> 'system' = {_literal(field.column)}",
        )
    if field.type == "json":
        return GUARDED.format(c=f"{column}::text")
    if field.spoken:
        said = (f"WHEN {_literal(k)} THEN {_literal(v)}" for k, v in field.spoken.items())
        return f"CASE {column} {' '.join(said)} ELSE {column} END"
    if field.type == "choices":
        return _several(column, "v")
    if field.type in TEXT_TYPES and field.type != "enum" and field.wire not in META:
        return GUARDED.format(c=column)
    written = "{c}" if field.type in AS_IT_IS else SAID.get(field.type, "{c}::text")
    return written.format(c=column)


def _several(column: str, value: str) -> str:
    """Returns the SQL of several texts in one cell; ``value`` is the SQL for each of them, called v."""
    return _put_together(
        column,
        f"string_agg({value}, '{BETWEEN} ' ORDER BY n)",
        f"jsonb_array_elements_text({column}) WITH ORDINALITY AS t(v, n)",
    )


def _put_together(column: str, text: str, source: str) -> str:
    """Returns the SQL of an array as one guarded text. Most arrays are empty, which is checked first."""
    guarded_text = GUARDED.format(c="said.text")
    return (
        f"CASE WHEN jsonb_array_length({column}) > 0 THEN (SELECT {guarded_text} "
        f"FROM (SELECT {text} AS text FROM {source}) AS said) END"
    )


# -- objects ------------------------------------------------------------------------------------------


def _objects(question: Question) -> Blocks:
    """Yields one line of JSON for each record, as a list shows it, but with computed fields only on
    request."""
    noun = question.noun
    asked = reads.check_fields(noun, question.fields)
    context = tenancy.context_url()  # of the request, which will be over when the file is read
    if asked is not None and any(f.wire in asked for f in noun.schema.computed):
        return _records(question, asked, context)
    stored = [f for f in noun.schema.stored if asked is None or f.wire in asked]
    columns = [(META_FIELDS[wire], column) for wire, column in META.items() if column]
    columns += [(field, field.column) for field in stored]
    members = [_member(noun, column, field) for field, column in columns]
    named = {"$type": noun.__name__, "$context": context}
    members.insert(1, _literal("," + dump_json(named).decode()[1:-1]))
    select = _end_to_end(["'{'", *members, "'}'"])
    names = [column for _field, column in columns]
    return _copied(question, names, select, LINES)


def _member(noun: type[Record], name: str, field: Field) -> str:
    """Returns the SQL of a field's name and value as JSON text; the id begins the object."""
    column = _quoted(noun, name)
    said = SAID.get(field.type, "{c}::text").format(c=column)
    begins = f'"{field.wire}":' if name == "id" else f',"{field.wire}":'
    if field.type in BARE:
        there = f"{_literal(begins)} || {said}"
    elif field.type in QUOTED or field.wire in META:
        there = f"""{_literal(begins + '"')} || {said} || '"'"""
    else:
        there = f"{_literal(begins)} || to_json({column})::text"
    return f"coalesce({there}, {_literal(begins + 'null')})"


def _end_to_end(parts: Sequence[str]) -> str:
    """Returns texts concatenated in halves; in sequence, each concatenation would copy everything before
    it."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return f"({_end_to_end(parts[:half])} || {_end_to_end(parts[half:])})"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _records(question: Question, asked: tuple[str, ...], context: str) -> Blocks:
    """Yields the objects with computed fields, which need Python."""
    shape = rows.RowShape(question.noun, asked, 0)
    if (found := question.found(shape.columns)) is None:
        return
    until = time.monotonic() + LONGEST
    with (
        _patience(question),
        connection.wrap_database_errors,
        psycopg.ServerCursor(connection.connection, public_id("export")) as cursor,
    ):
        cursor.execute(f"SELECT {shape.select('r')} FROM {found}", binary=True)
        while fetched := cursor.fetchmany(FETCHED):
            yield b"".join(dump_json(shape.record(row, context)) + b"\n" for row in fetched)
            if time.monotonic() > until:
                raise TimeoutError("An export took longer than it may.")


def _json(question: Question) -> Blocks:
    return _array(_objects(question))


def _array(lines: Blocks) -> Blocks:
    before = b"["
    try:
        for block in lines:
            if block:
                # In JSON lines, a newline only ends an object.
                yield before + block[:-1].replace(b"\n", b",\n")
                before = b",\n"
        yield b"[]" if before == b"[" else b"]"
    finally:
        lines.close()


WRITERS: dict[str, Callable[[Question], Blocks]] = {
    CSV: _csv,
    NDJSON: _objects,
    JSON: _json,
    XLSX: _xlsx,
}


def filename(noun: type[Record], format: str, now: datetime) -> str:
    return f"{noun.plural}-{now:%Y-%m-%d}.{format}"


assert set(WRITERS) <= set(formats.FORMATS)
