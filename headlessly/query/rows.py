"""Records read as JSON, without creating model instances.

The statement that reads the columns of a noun and of what it includes depends only on their names, so it is
written once per shape, cached, and prepared by the server. A queryset of a filter decides before which
records it reads, by their keys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from operator import itemgetter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import orjson
from django.db import connection

from headlessly.access import tenancy, visibility
from headlessly.database import prepared
from headlessly.declaration import custom_values
from headlessly.declaration.schema import META, Field
from headlessly.declaration.shapes import cached_by_shape
from headlessly.declaration.values import to_json_value
from headlessly.log import versions

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: How many records of the other side of a reference an include shows.
INVERSE_LIMIT = 25
#: A row begins with the key by which it was asked for.
KEY_WIDTH = 1
META_COLUMNS = [(wire, column) for wire, column in META.items() if column]

#: Conversions to JSON for types that the driver does not return as JSON has them; JSON itself is read as
#: text.
CONVERTERS = {
    "money": to_json_value,
    "number": to_json_value,
    "json": orjson.loads,
    "choices": orjson.loads,
}


def _converter(noun: type[Record], field: Field) -> Callable[[Any], Any] | None:
    if field.moves and field.given_by:
        # The names of states are the active tenant's; the statement is shared by all tenants.
        return lambda value: noun.schema.fields[field.wire].to_json(value)
    return CONVERTERS.get(field.type)


class RowShape:
    """One noun's columns on the wire, and how a row with them from ``start`` on becomes a record."""

    def __init__(
        self, noun: type[Record], only: tuple[str, ...] | None, start: int = KEY_WIDTH
    ) -> None:
        schema = noun.schema
        chosen = [f for f in schema.fields.values() if only is None or f.wire in only]
        self.noun, self.start = noun, start
        self.stored = [f for f in chosen if f.computed is None]
        computed = [f for f in chosen if f.computed is not None]
        self.functions = [(f.wire, f.computed) for f in computed if f.computed is not None]
        columns = [column for _, column in META_COLUMNS]
        # Read the JSON once instead of extracting each field from it.
        read = {f.wire: custom_values.json_reader(f.column) for f in self.stored if f.is_custom}
        self.custom = {wire: key for wire, (key, _load) in read.items()}
        self.loads = [(wire, load) for wire, (_key, load) in read.items() if load]
        self.plain = [f for f in self.stored if not f.is_custom]
        columns += [f.column for f in self.plain]
        columns += [custom_values.COLUMN] if self.custom else []
        extra = [name for f in computed for name in f.needs]
        self.columns = list(dict.fromkeys([*columns, *extra]))
        # Meta-fields without a column are built in place.
        wires = {wire: column or "id" for wire, column in META.items()}
        wires |= {f.wire: f.column for f in self.plain}
        # A list has thousands of values: take those of a row at once, and convert only the few that need it.
        self.wires = tuple(wires)
        self.take = itemgetter(*(start + self.columns.index(column) for column in wires.values()))
        converted = ((f.wire, _converter(noun, f)) for f in self.plain)
        self.convert = [(wire, convert) for wire, convert in converted if convert is not None]
        as_json = {f.column for f in schema.stored if f.type in ("json", "choices")}
        self.json = as_json | {custom_values.COLUMN}
        self.at_custom = start + self.columns.index(custom_values.COLUMN) if self.custom else 0
        self.needed = [
            (name, start + self.columns.index(name), name in self.json) for name in extra
        ]

    @property
    def end(self) -> int:
        """The position in a row after its columns."""
        return self.start + len(self.columns)

    def select(self, alias: str, key: str = "id") -> str:
        quote = connection.ops.quote_name
        return ", ".join(
            f"{alias}.{quote(self._column(key if name == 'id' else name))}"
            + ("::text" if name in self.json else "")
            for name in self.columns
        )

    def _column(self, name: str) -> str:
        fields = self.noun._meta.concrete_fields
        return next((f.column for f in fields if f.attname == name and f.column), name)

    def record(self, row: Sequence[Any], context: str) -> dict[str, Any]:
        found = dict(zip(self.wires, self.take(row), strict=True))
        found["$type"], found["$context"] = self.noun.__name__, context
        for wire, convert in self.convert:
            if (value := found[wire]) is not None:
                found[wire] = convert(value)
        if self.custom:
            held = row[self.at_custom]
            known = {} if held is None else orjson.loads(held)
            found.update(zip(self.custom, map(known.get, self.custom.values()), strict=True))
            for wire, load in self.loads:
                if found[wire] is not None:
                    found[wire] = load(found[wire])
        if self.functions:
            columns = SimpleNamespace()
            for name, at, is_json in self.needed:
                value = row[at]
                is_text = is_json and value is not None
                setattr(columns, name, orjson.loads(value) if is_text else value)
            for wire, function in self.functions:
                found[wire] = function(columns)
        return found


class RowStatement:
    """A statement for one noun and its included references, and how its rows become records."""

    def __init__(
        self,
        noun: type[Record],
        only: tuple[str, ...] | None,
        includes: tuple[str, ...],
        past: bool,
    ) -> None:
        quote = connection.ops.quote_name
        schema = noun.schema
        self.noun, self.past = noun, past
        references = [schema.fields[name] for name in includes if name in schema.fields]
        self.inverse = [schema.relations[name] for name in includes if name in schema.relations]
        if only is not None:
            only = (*only, *(f.wire for f in references))
        self.shape = RowShape(noun, only)
        self.includes: list[tuple[Field, RowShape]] = []
        selects = [self.shape.select("r")]
        joins = []
        position = self.shape.end
        for number, field in enumerate(references):
            other = field.target_noun
            shape, alias = RowShape(other, None, position), f"i{number}"
            selects.append(shape.select(alias))
            joins.append(_join(noun, field, other, alias, past))
            self.includes.append((field, shape))
            position = shape.end
        table = noun.past._meta.db_table if past else noun._meta.db_table
        source = f"{quote(table)} r" if not past else LAST_UNTIL.format(table=quote(table))
        self.columns, self.joins = f"r.id, {', '.join(selects)}", " ".join(joins)
        select = f"SELECT {self.columns} FROM {source} {self.joins} "
        self.sql = select if past else f"{select} WHERE r.tenant_id = %s AND r.id = ANY(%s)"
        self.one = f"{select} WHERE r.id = %s AND "
        self.joined_moments = versions.VALID_TAKES * len(joins) if past else 0

    def fetch(self, keys: Sequence[Any], as_of: datetime | None = None) -> list[dict[str, Any]]:
        """Returns the records with these keys, in this order, without those that are gone."""
        if not keys:
            return []
        given: list[Any] = [tenancy.require().pk, list(keys)]
        if self.past:
            given = [*reversed(given), as_of, as_of, *[as_of] * self.joined_moments]
        rows = prepared.execute_prepared(self.sql, given, binary=True)
        return self.records(rows, keys, as_of)

    def find(self, id: str) -> dict[str, Any] | None:
        """Returns the active tenant's record with this id, or None if it is deleted or the actor does not see
        it."""
        visible, parameters = visibility.visible_rows(self.noun, "r")
        rows = prepared.execute_prepared(self.one + visible, [id, *parameters], binary=True)
        return self.records(rows, [id])[0] if rows else None

    def records(
        self, rows: Sequence[Any], keys: Sequence[Any], as_of: datetime | None = None
    ) -> list[dict[str, Any]]:
        """Returns the records with these keys, in this order, from rows of ``columns``."""
        context = tenancy.context_url()
        by_key: dict[Any, dict[str, Any]] = {}
        for row in rows:
            by_key[row[0]] = record = self.shape.record(row, context)
            for field, shape in self.includes:
                if row[shape.start] is not None:
                    record[field.wire] = shape.record(row, context)
        found = [by_key[key] for key in keys if key in by_key]
        for field, shape in self.includes:
            _hide_invisible(found, field, shape.noun)
        for relation in self.inverse:
            self._fetch_inverse(relation, {record["$id"]: record for record in found}, as_of)
        return found

    def _fetch_inverse(self, relation: Any, found: dict[str, dict], as_of: datetime | None) -> None:
        """Add the other side of a reference: the newest 25 for each record, in one statement for all
        records."""
        other = relation.source_noun
        shape = RowShape(other, None)
        quote = connection.ops.quote_name
        table = quote((other.past if as_of else other)._meta.db_table)
        reference = other.schema.by_name[relation.field]
        if reference.is_custom:
            # The index of own fields finds all of them. Without OFFSET the planner would walk the tenant's
            # newest records until there are enough.
            wanted = (custom_values.held_json(reference.column, id) for id in found)
            held = [orjson.dumps(each).decode() for each in wanted]
            keys = "unnest(%s::text[], %s::jsonb[]) AS k(id, held)"
            refers, ends = "r.custom @> k.held", "OFFSET 0"
        else:
            column = prepared.quoted_column(other, relation.field)
            held, keys, ends = None, "unnest(%s::text[]) AS k(id)", ""
            refers = f"r.{column} = k.id"
        valid = f"AND {versions.valid_sql('r')}" if as_of else ""
        visible, shown = visibility.visible_rows(other, "r", past=as_of is not None)
        sql = (
            f"SELECT k.id, r.* FROM {keys} CROSS JOIN LATERAL ("
            f"SELECT {shape.select('r')} FROM (SELECT * FROM {table} r WHERE {refers} AND {visible} "
            f"{valid} {ends}) r ORDER BY r.created_at DESC, r.id DESC LIMIT %s) r"
        )
        moments = [as_of] * versions.VALID_TAKES if as_of else []
        asked = [list(found)] if held is None else [list(found), held]
        parameters = [*asked, *shown, *moments, INVERSE_LIMIT]
        rows = prepared.execute_prepared(sql, parameters, binary=True)
        context = tenancy.context_url()
        for record in found.values():
            record[relation.wire] = []
        for row in rows:
            found[row[0]][relation.wire].append(shape.record(row, context))


def _hide_invisible(found: Sequence[dict[str, Any]], field: Field, other: type[Record]) -> None:
    """Reduce included records that the actor does not see to the card, or the id."""
    included = [record for record in found if isinstance(record[field.wire], dict)]
    hidden = visibility.invisible_ids(other, (record[field.wire]["$id"] for record in included))
    introduced = visibility.introduced_ids(other, hidden)
    card = ("$id", "$type", "$context", *(f.wire for f in other.schema.card))
    for record in included:
        if (id := record[field.wire]["$id"]) in hidden:
            whole = record[field.wire]
            record[field.wire] = {n: whole[n] for n in card} if id in introduced else id


#: The version of each record that was valid at a moment: the last that had begun and, of several that began
#: at that moment, the one that did not end there, in whichever order they were written. Found by the key,
#: however many versions there are. Takes the ids, the tenant, and the moment twice.
LAST_UNTIL = """(
    SELECT last.* FROM unnest(%s::text[]) AS k(id) CROSS JOIN LATERAL (
        SELECT p.* FROM {table} p WHERE p.tenant_id = %s AND p.id = k.id AND p.valid_from <= %s
        AND (p.valid_to IS NULL OR p.valid_to > %s)
        ORDER BY p.valid_from DESC, p.seq DESC LIMIT 1) AS last) AS r"""


def _join(noun: type[Record], field: Field, other: type[Record], alias: str, past: bool) -> str:
    quote = connection.ops.quote_name
    column = (
        custom_values.column_sql("r", field.column)
        if field.is_custom
        else f"r.{prepared.quoted_column(noun, field.name)}"
    )
    table = quote((other.past if past else other)._meta.db_table)
    valid = f"AND {versions.valid_sql(alias)}" if past else ""
    return (
        f"LEFT JOIN {table} {alias} ON {alias}.tenant_id = r.tenant_id "
        f"AND {alias}.id = {column} {valid}"
    )


#: Limited, because clients choose the shape.
@cached_by_shape(most=1024)
def row_statement(
    noun: type[Record],
    only: tuple[str, ...] | None = None,
    includes: tuple[str, ...] = (),
    past: bool = False,
) -> RowStatement:
    """Returns the statement for this shape, written once per process."""
    return RowStatement(noun, only, includes, past)
