"""The values of a tenant's own fields: one JSON object per record, with the keys of the fields.

For the rest of the product such a field has a column like any other: ``custom__integer_k3f9``. Django
resolves it to the typed value in filters, orders and sums, and a record has it as an attribute. The key of a
field never changes, so that its name may. All values under one key have the same type, so that casts cannot
fail.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Transform
from django.db.models.functions import JSONObject

from headlessly.declaration import values
from headlessly.declaration.fields import Hidden

#: The column with the values of a record.
COLUMN = "custom"
PREFIX = f"{COLUMN}__"
#: All texts among the values as one, for the search index.
TEXTS = f"{PREFIX}texts"
#: A key has nothing that means something in SQL, and no underscore, which ends the type.
KEY = re.compile(r"k[a-z0-9]{1,15}\Z")


@dataclass(frozen=True)
class Storage:
    """How values of a type are stored in JSON, and read by SQL and Python."""

    sql: str  #: with ``{0}`` for the whole JSON and ``{1}`` for the key
    output_field: models.Field[Any, Any]
    load: Callable[[Any], Any] | None = None
    dump: Callable[[Any], Any] | None = None


def _dump_moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat()


def _dump_amount(value: Decimal) -> float | int:
    """Returns the amount as a JSON number, which is exact, because amounts have at most 15 digits."""
    return int(value) if value == value.to_integral_value() else float(value)


#: SQL for a number whose field has, or had in the past, another type: rounded, and cut to what fits. The CASE
#: is needed because PostgreSQL's ``least`` and ``greatest`` ignore NULL.
_BOUNDED = (
    "CASE WHEN {{0}} ->> '{{1}}' IS NOT NULL "
    "THEN least(greatest(({{0}} ->> '{{1}}')::numeric, -{most}), {most})::{type} END"
)
_STRING = Storage("({0} ->> '{1}')", models.CharField(max_length=2000))
#: By the type of the field, as it stands in its column's name.
STORAGES: dict[str, Storage] = {
    **dict.fromkeys(("string", "email", "url", "enum", "reference"), _STRING),
    "text": Storage("({0} ->> '{1}')", models.TextField()),
    "number": Storage(
        "({0} ->> '{1}')::float8", models.FloatField(), load=float, dump=values.to_json_value
    ),
    "integer": Storage(_BOUNDED.format(most=2**31 - 1, type="integer"), models.IntegerField()),
    "money": Storage(
        _BOUNDED.format(most="9999999999999.99", type="numeric(15, 2)"),
        models.DecimalField(max_digits=15, decimal_places=2),
        load=lambda value: Decimal(str(value)),
        dump=_dump_amount,
    ),
    "bool": Storage("({0} ->> '{1}')::boolean", models.BooleanField()),
    "date": Storage(
        "({0} ->> '{1}')::date", models.DateField(), load=date.fromisoformat, dump=date.isoformat
    ),
    "datetime": Storage(
        "({0} ->> '{1}')::timestamptz",
        models.DateTimeField(),
        load=datetime.fromisoformat,
        dump=_dump_moment,
    ),
    "choices": Storage("({0} -> '{1}')", models.JSONField()),
}


def column_of(type: str, key: str) -> str:
    """Returns the name of the column of a field: ``custom__integer_k3f9``."""
    return f"{PREFIX}{type}_{key}"


def is_custom(column: str) -> bool:
    return column.startswith(PREFIX)


@lru_cache(maxsize=10_000)
def find_column(column: str) -> tuple[Storage, str] | None:
    """Returns the storage and the key of a column, or None for the name of no such column."""
    type, _, key = column.removeprefix(PREFIX).partition("_")
    storage = STORAGES.get(type)
    return None if storage is None or not KEY.match(key) else (storage, key)


def parse_column(column: str) -> tuple[Storage, str]:
    """Returns the storage and the key of a column. Raises ValueError for the name of no such column."""
    if (found := find_column(column)) is None:
        raise ValueError(f"{column} is no column of a tenant's own field.")
    return found


def column_sql(alias: str, column: str) -> str:
    """Returns the SQL for the typed value; ``alias`` is that of the table."""
    storage, key = parse_column(column)
    return storage.sql.format(f"{alias}.{COLUMN}", key)


def json_reader(column: str) -> tuple[str, Callable[[Any], Any] | None]:
    """Returns the key of a column's value in the JSON of a record, and the function that makes the value of
    an answer from it, if the two differ."""
    storage, key = parse_column(column)
    return key, storage.load if storage in (STORAGES["date"], STORAGES["datetime"]) else None


def load_value(values: dict[str, Any] | None, column: str) -> Any:
    """Returns the value of a column from the JSON of a record, as Python has it, or None."""
    if not values or (found := find_column(column)) is None:
        return None
    storage, key = found
    value = values.get(key)
    return value if value is None or storage.load is None else storage.load(value)


def held_json(column: str, value: Any) -> dict[str, Any]:
    """Returns the part of a record's JSON that holds this value of a column. ``custom__contains`` finds it by
    an index, whatever the field; for a field with several values, each of them."""
    storage, key = parse_column(column)
    return {key: value if storage.dump is None else storage.dump(value)}


def has_value(column: str, value: Any) -> models.Q:
    """Returns the condition that a record has ``value`` in a column of any field; an index finds it. For a
    tenant's own reference it may be an expression, such as the id of an outer query's record."""
    if not is_custom(column):
        return models.Q(**{column: value})
    if isinstance(value, models.expressions.Combinable):
        _storage, key = parse_column(column)
        return models.Q(custom__contains=JSONObject(**{key: value}))
    return models.Q(custom__contains=held_json(column, value))


def has_value_sql(alias: str, column: str, value: str) -> str:
    """Returns this condition for a tenant's own reference as SQL; ``value`` is SQL too."""
    _storage, key = parse_column(column)
    return f"{alias}.{COLUMN} @> jsonb_build_object('{key}', {value})"


def store_value(values: dict[str, Any] | None, column: str, value: Any) -> dict[str, Any] | None:
    """Returns a record's JSON with this value in a column, as a new object; None if nothing is left in it."""
    storage, key = parse_column(column)
    found = dict(values or {})
    if value is None or value == []:
        found.pop(key, None)
    else:
        found[key] = value if storage.dump is None else storage.dump(value)
    return found or None


class CustomValue(Transform):
    """The typed value of one field: ``custom__integer_k3f9``."""

    def __init__(self, column: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.column = column

    @property
    def output_field(self) -> Any:  # type: ignore[override]  # Django's is cached, and found in the same way
        return parse_column(self.column)[0].output_field

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, Any]:  # type: ignore[override]  # the stubs give `**extra` names
        sql, given = compiler.compile(self.lhs)
        storage, key = parse_column(self.column)
        return storage.sql.format(sql, key), given


class OwnTexts(Transform):
    """The texts among a record's values as JSON: ``custom__texts``. Without the keys, because all records
    have the same."""

    template = """jsonb_path_query_array(%(expressions)s, '$.* ? (@.type() == "string")')::text"""
    output_field = models.TextField()


class CustomValues(Hidden, models.JSONField):
    """The column of every noun that holds the values of the tenant's own fields; NULL if there are none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"null": True, "blank": True, "editable": False} | kwargs)

    def get_transform(self, name: str) -> Any:
        column = f"{PREFIX}{name}"
        if column == TEXTS:
            return OwnTexts
        if find_column(column) is None:
            return super().get_transform(name)
        return lambda *args, **kwargs: CustomValue(column, *args, **kwargs)


class HoldsCustomValues(models.Model):
    """A model with the column for own fields: their values are attributes, by the names of their columns."""

    class Meta:
        abstract = True

    custom = CustomValues()

    if not TYPE_CHECKING:  # a name that nobody declared is a mistake to the type checker

        def __getattr__(self, name: str) -> Any:
            """Called only for attributes that do not exist otherwise."""
            if name.startswith(PREFIX):
                return load_value(self.__dict__.get(COLUMN), name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
