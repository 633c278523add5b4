"""The table of the values of indexed own fields, by which lists are sorted and ranges are found.

The values are in the JSON of the records. This table repeats them as text or as a number, with two indexes
for the fields of all tenants: a list can be read in the order of such a field, or from one value to another,
without reading every record. A trigger maintains it for rows whose own fields change.

Each time a field becomes indexed, its values get a new key, so that old rows are never mistaken for current
ones. Existing values are copied in the background while people write (:func:`take_up_values`). From the start
the trigger handles changes; until the copy is complete it leaves an empty row for a removed value, so that
the copy does not bring back the old value.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import connection, models
from django.db.models import Q

from headlessly.access import tenancy
from headlessly.access.models import Tenant
from headlessly.declaration.folding import FOLD
from headlessly.log.row_triggers import added_rows_function, install_row_triggers
from headlessly.log.unique_values import LOCK

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field

#: Text is sorted by this many of its first characters.
LONGEST = 255
#: How many records' values are copied in one statement, and how many rows are deleted in one.
AT_ONCE = 5_000
#: The types whose values are sorted as text.
TEXTS = ("string", "email", "enum")
EPOCH = date(1970, 1, 1)


class IndexedValue(models.Model):
    """One value of one record that is not deleted; both columns are empty if the value was removed."""

    pk = models.CompositePrimaryKey("tenant_id", "key", "record")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=16, db_collation="C")  #: ``CustomField.index_key``
    record = models.CharField(max_length=32, db_collation="C")
    text = models.TextField(null=True, db_collation="C")
    number = models.FloatField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "key", "number", "record"],
                name="indexed_by_number",
                condition=Q(number__isnull=False),
            ),
            models.Index(
                fields=["tenant", "key", "text", "record"],
                name="indexed_by_text",
                condition=Q(text__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.text or self.number}: {self.record}"


def rank_column(field: Field) -> str:
    """Returns the column for the values of a field."""
    return "text" if field.type in TEXTS else "number"


def rank(value: Any) -> Any:
    """Returns a Python value as the table has it; text has to be folded already."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).timestamp() * 1e6
    if isinstance(value, date):
        return float((value - EPOCH).days)
    return value[:LONGEST] if isinstance(value, str) else float(value)


def values_of(field: Field) -> models.QuerySet[IndexedValue]:
    """Returns the rows of an indexed field that have a value."""
    rows = IndexedValue.objects.filter(tenant=tenancy.require().pk, key=field.index_key)
    return rows.filter(**{f"{rank_column(field)}__isnull": False})


def take_up_values(noun: type[Record], key: str, index_key: str, type: str, after: str) -> str:
    """Copy the values of the next records by id. Returns the last id, or an empty string if there are no
    more.

    A value that the trigger has written in the meantime stays.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            TAKE_UP.format(table=noun._meta.db_table),
            {
                "tenant": tenancy.require().pk, "after": after, "most": AT_ONCE, "key": key,
                "index_key": index_key, "type": type,
            },
        )  # fmt: skip
        return cursor.fetchone()[0] or ""


def forget_values(index_key: str) -> bool:
    """Delete some of the rows under a key that is no longer used; returns whether there are more."""
    tenant = tenancy.require().pk
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM headlessly_indexedvalue WHERE tenant_id = %s AND key = %s AND record IN ("
            "SELECT record FROM headlessly_indexedvalue WHERE tenant_id = %s AND key = %s LIMIT %s)",
            [tenant, index_key, tenant, index_key, AT_ONCE],
        )
        return cursor.rowcount == AT_ONCE


def forget_empty_rows(index_key: str) -> None:
    """Delete the rows for values that were removed before the copy was complete."""
    rows = IndexedValue.objects.filter(tenant=tenancy.require().pk, key=index_key)
    rows.filter(text=None, number=None).delete()


TAKE_UP = """
WITH batch AS MATERIALIZED (
  SELECT tenant_id, id, deleted_at, custom FROM {table}
  WHERE tenant_id = %(tenant)s AND id > %(after)s ORDER BY id LIMIT %(most)s
), taken AS (
  INSERT INTO headlessly_indexedvalue (tenant_id, key, record, text, number)
  SELECT tenant_id, %(index_key)s, id, headlessly_rank_text(%(type)s, custom -> %(key)s),
    headlessly_rank_number(%(type)s, custom -> %(key)s)
  FROM batch WHERE deleted_at IS NULL AND custom ? %(key)s
  ON CONFLICT DO NOTHING
)
SELECT max(id) FROM batch
"""

KEEP_NEW = """INSERT INTO headlessly_indexedvalue AS x (tenant_id, key, record, text, number)
    SELECT tenant, f.index_key, n.id, headlessly_rank_text(f.type, n.custom -> f.key),
      headlessly_rank_number(f.type, n.custom -> f.key)
    FROM headlessly_customfield AS f JOIN added AS n ON n.tenant_id = f.tenant_id
    WHERE f.tenant_id = tenant AND f.noun = TG_ARGV[0] AND f.index_key <> ''
    AND n.custom ? f.key AND n.deleted_at IS NULL ORDER BY f.key, n.id
    ON CONFLICT (tenant_id, key, record) DO UPDATE SET text = EXCLUDED.text, number = EXCLUDED.number"""
FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION headlessly_rank_text(type text, held jsonb) RETURNS text LANGUAGE sql IMMUTABLE
PARALLEL SAFE AS $$
  SELECT left(CASE WHEN type IN ('string', 'email', 'phone') THEN {FOLD}(held #>> '{{}}')
    WHEN type = 'choice' THEN held #>> '{{}}' END, {LONGEST})
$$;
CREATE OR REPLACE FUNCTION headlessly_rank_number(type text, held jsonb) RETURNS float8 LANGUAGE sql STABLE
PARALLEL SAFE AS $$
  SELECT CASE type WHEN 'date' THEN ((held #>> '{{}}')::date - date '1970-01-01')::float8
    WHEN 'datetime' THEN (extract(epoch FROM (held #>> '{{}}')::timestamptz) * 1000000)::float8
    WHEN 'integer' THEN (held #>> '{{}}')::numeric::float8
    WHEN 'number' THEN (held #>> '{{}}')::float8
    WHEN 'money' THEN (held #>> '{{}}')::numeric::float8 END
$$;{added_rows_function("headlessly_keep_new_indexed_values", LOCK, KEEP_NEW)}
CREATE OR REPLACE FUNCTION headlessly_keep_indexed_values() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE before jsonb; after jsonb; tenant bigint := coalesce(NEW.tenant_id, OLD.tenant_id);
  changed text := coalesce(NEW.id, OLD.id);
BEGIN
  IF OLD.deleted_at IS NULL THEN before := OLD.custom; END IF;
  IF TG_OP <> 'DELETE' AND NEW.deleted_at IS NULL THEN after := NEW.custom; END IF;
  PERFORM pg_advisory_xact_lock_shared({LOCK}, tenant::integer);
  INSERT INTO headlessly_indexedvalue AS x (tenant_id, key, record, text, number)
  SELECT tenant, f.index_key, changed, headlessly_rank_text(f.type, after -> f.key),
    headlessly_rank_number(f.type, after -> f.key)
  FROM headlessly_customfield AS f
  WHERE f.tenant_id = tenant AND f.noun = TG_ARGV[0] AND f.index_key <> ''
  AND before -> f.key IS DISTINCT FROM after -> f.key AND (after ? f.key OR f.indexed_at IS NULL)
  ORDER BY f.key
  ON CONFLICT (tenant_id, key, record) DO UPDATE SET text = EXCLUDED.text, number = EXCLUDED.number;
  IF before IS NOT NULL THEN
    DELETE FROM headlessly_indexedvalue AS x USING headlessly_customfield AS f
    WHERE f.tenant_id = tenant AND f.noun = TG_ARGV[0] AND f.indexed_at IS NOT NULL AND before ? f.key
    AND NOT coalesce(after ? f.key, false) AND x.tenant_id = tenant AND x.key = f.index_key
    AND x.record = changed;
  END IF;
  RETURN NULL;
END $$;
"""


def install_triggers(nouns: Iterable[type[Record]]) -> None:
    """Create or replace the triggers that maintain the table. Runs after every migration."""
    with connection.cursor() as cursor:
        cursor.execute(FUNCTIONS)
    install_row_triggers(
        nouns, "indexed_values", "custom", "headlessly_keep_indexed_values",
        inserted="headlessly_keep_new_indexed_values",
    )  # fmt: skip
