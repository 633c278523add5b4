"""The values of a tenant's own fields: one JSON object per record, by the keys of their fields.

To the rest of the product such a field has a column like every other, ``custom__integer_k3f9``: Django
resolves it in every filter, order and sum to the value in its type, and a record answers it as an attribute.
The key of a field stays for ever, so that its name may change; and all values under one key are of one type,
so that no cast of them can fail.
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
#: All texts among the values as one, as an index for searching has them.
TEXTS = f"{PREFIX}texts"
#: What a key may be: nothing that means anything in SQL, and no underscore, which ends the type.
KEY = re.compile(r"k[a-z0-9]{1,15}\Z")


@dataclass(frozen=True)
class Storage:
    """How values of a type lie in JSON: how SQL reads them, and what Python has of them."""

    sql: str  #: of the whole JSON ``{0}`` and the key ``{1}``
    output_field: models.Field[Any, Any]
    load: Callable[[Any], Any] | None = None
    dump: Callable[[Any], Any] | None = None


def _dump_moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat()


def _dump_amount(value: Decimal) -> float | int:
    """15 digits: every amount is exact as a JSON number."""
    return int(value) if value == value.to_integral_value() else float(value)


#: A number whose field had another type before, or has it in the past: rounded, and no larger than fits.
#: PostgreSQL's least and greatest pass over what is NULL: where there is no value there is none.
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
    """The name of the column of a field: ``custom__integer_k3f9``."""
    return f"{PREFIX}{type}_{key}"


def is_custom(column: str) -> bool:
    return column.startswith(PREFIX)


@lru_cache(maxsize=10_000)
def find_column(column: str) -> tuple[Storage, str] | None:
    """How the values of a column are stored, and under which key; None for what is none."""
    type, _, key = column.removeprefix(PREFIX).partition("_")
    storage = STORAGES.get(type)
    return None if storage is None or not KEY.match(key) else (storage, key)


def parse_column(column: str) -> tuple[Storage, str]:
    """The same. Raises ValueError for what is none."""
    if (found := find_column(column)) is None:
        raise ValueError(f"{column} is no column of a tenant's own field.")
    return found


def column_sql(alias: str, column: str) -> str:
    """The value in its type, in a statement that is written by hand; ``alias`` is that of the table."""
    storage, key = parse_column(column)
    return storage.sql.format(f"{alias}.{COLUMN}", key)


def json_reader(column: str) -> tuple[str, Callable[[Any], Any] | None]:
    """The key of a column's value in the JSON of a record; and the function that makes of it the value of an
    answer, where the two differ."""
    storage, key = parse_column(column)
    return key, storage.load if storage in (STORAGES["date"], STORAGES["datetime"]) else None


def load_value(values: dict[str, Any] | None, column: str) -> Any:
    """The value of a column in the JSON of a record, as Python has it; None without any."""
    if not values or (found := find_column(column)) is None:
        return None
    storage, key = found
    value = values.get(key)
    return value if value is None or storage.load is None else storage.load(value)


def held_json(column: str, value: Any) -> dict[str, Any]:
    """What the JSON of a record holds that has this value in a column: ``custom__contains`` finds it by an
    index, whatever the field; of a field with several values each of these."""
    storage, key = parse_column(column)
    return {key: value if storage.dump is None else storage.dump(value)}


def has_value(column: str, value: Any) -> models.Q:
    """The condition that a record has ``value`` in a column, of whichever field; an index finds it. Of a
    tenant's own reference it may be an expression, such as the id of a record of the query outside."""
    if not is_custom(column):
        return models.Q(**{column: value})
    if isinstance(value, models.expressions.Combinable):
        _storage, key = parse_column(column)
        return models.Q(custom__contains=JSONObject(**{key: value}))
    return models.Q(custom__contains=held_json(column, value))


def has_value_sql(alias: str, column: str, value: str) -> str:
    """The same of a tenant's own reference in a statement that is written by hand; ``value`` is SQL."""
    _storage, key = parse_column(column)
    return f"{alias}.{COLUMN} @> jsonb_build_object('{key}', {value})"


def store_value(values: dict[str, Any] | None, column: str, value: Any) -> dict[str, Any] | None:
    """The JSON of a record with this value in a column: a new object, None where nothing is left in it."""
    storage, key = parse_column(column)
    found = dict(values or {})
    if value is None or value == []:
        found.pop(key, None)
    else:
        found[key] = value if storage.dump is None else storage.dump(value)
    return found or None


class CustomValue(Transform):
    """The value of one field in its type: ``custom__integer_k3f9``."""

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
    """The texts among the values of a record as JSON: ``custom__texts``. Without the keys, which all have."""

    template = """jsonb_path_query_array(%(expressions)s, '$.* ? (@.type() == "string")')::text"""
    output_field = models.TextField()


class CustomValues(Hidden, models.JSONField):
    """The column of every noun that holds the values of the tenant's own fields; NULL without any."""

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
    """What has such a column: its values are attributes, by the names of their columns."""

    class Meta:
        abstract = True

    custom = CustomValues()

    if not TYPE_CHECKING:  # a name that nobody declared is a mistake to the type checker

        def __getattr__(self, name: str) -> Any:
            """Only for what is not there otherwise."""
            if name.startswith(PREFIX):
                return load_value(self.__dict__.get(COLUMN), name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
