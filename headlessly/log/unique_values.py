"""The table that keeps unique values unique that are not in a column of their own.

These are the values of a tenant's own unique field (:mod:`headlessly.declaration.custom_values`), and of a
field with several values, such as email addresses (:mod:`headlessly.declaration.others`): each value is a
row. The values themselves are in the records. The table leads from a value to its record, and keeps two
records that are not deleted from sharing one, by one index for the fields of all tenants. Triggers maintain
it: once per statement for new records, later only for rows in which such a value changes.

A field can become unique while the tenant writes. Its values are copied first. Then running writes are
awaited, new ones are blocked (:func:`hold_writes`), and the records that the log names since then are copied
too. So each write is either copied, or sees that the field is unique and maintains its own values.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import connection, models
from django.db.models.functions import Lower

from headlessly.access import tenancy
from headlessly.access.models import Tenant
from headlessly.declaration.custom_values import held_json
from headlessly.log.row_triggers import added_rows_function, install_row_triggers

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field

#: The first number of the advisory lock; the second is the tenant's id.
LOCK = 8108
#: How many shared values are shown, and how many records of each.
MOST_TOLD, MOST_RECORDS = 5, 3
#: How many values are fetched at once.
FETCHED = 1000
#: The longest text that is stored as it is; a longer one is stored as a digest, because an index entry is
#: limited.
LONGEST = 200


class UniqueValue(models.Model):
    """One value of one record that is not deleted, as it is compared: text in small letters."""

    pk = models.CompositePrimaryKey("tenant_id", "key", "value")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False)
    #: The field's key; for a declared field ``contact.email``.
    key = models.CharField(max_length=16, db_collation="C")
    value = models.CharField(max_length=255, db_collation="C")
    record = models.CharField(max_length=32, db_collation="C")

    class Meta:
        indexes: ClassVar = []

    def __str__(self) -> str:
        return f"{self.key} {self.value}: {self.record}"


@dataclass(frozen=True)
class Double:
    """A value that several records have."""

    value: str
    count: int
    records: list[str]  #: some of them


def records_holding(field: Field, wanted: Iterable[Any]) -> models.QuerySet:
    """Returns the rows of these values of a unique field, given as in Python."""
    if field.kept_as:
        small = [Lower(models.Value(value)) for value in wanted]
        return UniqueValue.objects.filter(
            tenant=tenancy.require().pk, key=field.kept_as, value__in=small
        )
    keys, texts = set(), []
    for value in wanted:
        if field.type == "money":
            value = Decimal(str(value))
        ((key, held),) = held_json(field.column, value).items()
        keys.add(key)
        texts.append(_compared(held))
    return UniqueValue.objects.filter(tenant=tenancy.require().pk, key__in=keys, value__in=texts)


def find_held_elsewhere(record: Record, field: Field) -> Any:
    """Returns the first value of ``record`` that another record has too, whoever may see it."""
    for value in record.held_values(field):
        if records_holding(field, [value]).exclude(record=record.pk).exists():
            return value
    return None


def _compared(held: Any) -> models.Func:
    """Returns the table's form of a value in JSON."""
    return models.Func(
        models.Value(json.dumps(held), output_field=models.TextField()),
        template="headlessly_unique_text((%(expressions)s)::jsonb)",
        output_field=models.TextField(),
    )


def hold_writes() -> None:
    """Wait for the tenant's running writes, and block others until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, tenancy.require().pk])


def find_doubles(noun: type[Record], key: str) -> tuple[int, list[Double]]:
    """Returns how many values of the field are shared by several records, and the first of them."""
    sql = f"""
        SELECT min(custom ->> %s), count(*), (array_agg(id ORDER BY id))[1:{MOST_RECORDS}],
          count(*) OVER ()
        FROM {noun._meta.db_table}
        WHERE tenant_id = %s AND deleted_at IS NULL AND custom ? %s
        GROUP BY headlessly_unique_text(custom -> %s) HAVING count(*) > 1
        ORDER BY count(*) DESC, 1 LIMIT {MOST_TOLD}
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [key, tenancy.require().pk, key, key])
        rows = cursor.fetchall()
    return (rows[0][3] if rows else 0), [Double(value, n, ids) for value, n, ids, _all in rows]


def count_values(
    noun: type[Record], key: str, since: int | None = None
) -> Iterator[tuple[Any, int]]:
    """Yields each value of the field in JSON and the number of records with it, including deleted ones, in
    order. With ``since``, only of records written since (``WRITTEN``)."""
    sql, given = "", list[Any]()
    if since is not None:
        sql, given = f"AND id IN ({WRITTEN})", _written(noun, since)
    sql = f"""
        SELECT custom -> %s, count(*) FROM {noun._meta.db_table}
        WHERE tenant_id = %s AND custom ? %s {sql} GROUP BY 1 ORDER BY 1
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [key, tenancy.require().pk, key, *given])
        while rows := cursor.fetchmany(FETCHED):
            for value, count in rows:
                yield json.loads(value) if isinstance(value, str) else value, count


#: Selects the records that the log names from a transaction on (``events.settled_horizon``). All others are
#: unchanged, because every verb records an event.
WRITTEN = """
SELECT target FROM headlessly_event WHERE tenant_id = %s AND xid >= %s::text::xid8 AND target_type = %s"""


def _written(noun: type[Record], since: int) -> list[Any]:
    return [tenancy.require().pk, str(since), noun.schema.name]


FILL = """
INSERT INTO headlessly_uniquevalue (tenant_id, key, value, record)
SELECT tenant_id, %s, headlessly_unique_text(custom -> %s), id FROM {table}
WHERE tenant_id = %s AND deleted_at IS NULL AND custom ? %s {narrowed}
ON CONFLICT DO NOTHING
"""


def begin_to_keep(noun: type[Record], key: str) -> None:
    """Copy the existing values, without blocking anybody; :func:`catch_up` copies what is written
    meanwhile."""
    with connection.cursor() as cursor:
        sql = FILL.format(table=noun._meta.db_table, narrowed="")
        cursor.execute(sql, [key, key, tenancy.require().pk, key])


def catch_up(noun: type[Record], key: str, since: int) -> bool:
    """Copy what was written since then, with the tenant's writes blocked; returns whether no two records
    share a value."""
    tenant, written = tenancy.require().pk, _written(noun, since)
    table = noun._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {table} WHERE tenant_id = %s AND deleted_at IS NULL AND custom ? %s "
            f"AND id IN ({WRITTEN})",
            [tenant, key, *written],
        )
        (count,) = cursor.fetchone()
        cursor.execute(
            f"DELETE FROM headlessly_uniquevalue WHERE tenant_id = %s AND key = %s AND record IN ({WRITTEN})",
            [tenant, key, *written],
        )
        sql = FILL.format(table=table, narrowed=f"AND id IN ({WRITTEN})")
        cursor.execute(sql, [key, key, tenant, key, *written])
        return bool(cursor.rowcount == count)


def cease_to_keep(key: str) -> None:
    """Delete the values of a field that is no longer unique, or was deleted."""
    UniqueValue.objects.filter(tenant=tenancy.require().pk, key=key).delete()


KEEP_NEW = """INSERT INTO headlessly_uniquevalue (tenant_id, key, value, record)
    SELECT tenant, f.key, headlessly_unique_text(n.custom -> f.key), n.id
    FROM headlessly_customfield AS f JOIN added AS n ON n.tenant_id = f.tenant_id
    WHERE f.tenant_id = tenant AND f.noun = TG_ARGV[0] AND f."unique" AND n.custom ? f.key
    AND n.deleted_at IS NULL ORDER BY 2, 3"""
FUNCTIONS = f"""{added_rows_function("headlessly_keep_new_unique_values", LOCK, KEEP_NEW)}
CREATE OR REPLACE FUNCTION headlessly_unique_text(held jsonb) RETURNS text LANGUAGE sql IMMUTABLE
PARALLEL SAFE AS $$
  SELECT CASE
    WHEN jsonb_typeof(held) = 'number' THEN trim_scale((held #>> '{{}}')::numeric)::text
    WHEN length(held #>> '{{}}') > {LONGEST}
      THEN 'sha256:' || encode(sha256(convert_to(lower(held #>> '{{}}'), 'UTF8')), 'hex')
    ELSE lower(held #>> '{{}}') END
$$;
CREATE OR REPLACE FUNCTION headlessly_keep_unique_values() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE before jsonb; after jsonb;
BEGIN
  IF OLD.deleted_at IS NULL THEN before := OLD.custom; END IF;
  IF TG_OP <> 'DELETE' AND NEW.deleted_at IS NULL THEN after := NEW.custom; END IF;
  PERFORM pg_advisory_xact_lock_shared({LOCK}, coalesce(NEW.tenant_id, OLD.tenant_id)::integer);
  IF before IS NOT NULL THEN
    DELETE FROM headlessly_uniquevalue AS x USING headlessly_customfield AS f
    WHERE f.tenant_id = OLD.tenant_id AND f.noun = TG_ARGV[0] AND f."unique"
    AND before -> f.key IS DISTINCT FROM after -> f.key AND x.tenant_id = OLD.tenant_id
    AND x.key = f.key AND x.value = headlessly_unique_text(before -> f.key) AND x.record = OLD.id;
  END IF;
  IF after IS NOT NULL THEN
    INSERT INTO headlessly_uniquevalue (tenant_id, key, value, record)
    SELECT NEW.tenant_id, f.key, headlessly_unique_text(after -> f.key), NEW.id
    FROM headlessly_customfield AS f
    WHERE f.tenant_id = NEW.tenant_id AND f.noun = TG_ARGV[0] AND f."unique" AND after ? f.key
    AND before -> f.key IS DISTINCT FROM after -> f.key ORDER BY f.key;
  END IF;
  RETURN NULL;
END $$;
"""


#: Maintains the rows of one declared field and its further values. ``{first}`` and ``{others}`` are their
#: columns, ``{key}`` is their key in the table.
KEEP_DECLARED = """
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE before text[] := '{{}}'; after text[] := '{{}}';
BEGIN
  IF TG_OP <> 'INSERT' AND OLD.deleted_at IS NULL THEN
    before := array(SELECT lower(v) FROM jsonb_array_elements_text(OLD.{others}) AS v)
      || lower(OLD.{first}::text);
  END IF;
  IF TG_OP <> 'DELETE' AND NEW.deleted_at IS NULL THEN
    after := array(SELECT lower(v) FROM jsonb_array_elements_text(NEW.{others}) AS v)
      || lower(NEW.{first}::text);
  END IF;
  DELETE FROM headlessly_uniquevalue AS x WHERE x.tenant_id = OLD.tenant_id AND x.key = '{key}'
    AND x.value = ANY(before) AND NOT x.value = ANY(array_remove(after, NULL)) AND x.record = OLD.id;
  INSERT INTO headlessly_uniquevalue (tenant_id, key, value, record)
    SELECT DISTINCT NEW.tenant_id, '{key}', v, NEW.id FROM unnest(after) AS v
    WHERE v IS NOT NULL AND NOT v = ANY(array_remove(before, NULL)) ORDER BY v;
  RETURN NULL;
END $$;
"""
#: Copies the values of one batch of records, which are locked against changes until then.
FILL_DECLARED = """
WITH held AS (
  SELECT tenant_id, id, {first} AS first, {others} AS others, deleted_at FROM {table}
  WHERE (tenant_id, id) > (%s, %s) ORDER BY tenant_id, id LIMIT {batch} FOR SHARE
), kept AS (
  INSERT INTO headlessly_uniquevalue (tenant_id, key, value, record)
  SELECT tenant_id, '{key}', lower(v), id FROM held,
    LATERAL (SELECT first UNION SELECT jsonb_array_elements_text(others)) AS values (v)
  WHERE v IS NOT NULL AND deleted_at IS NULL
  ON CONFLICT DO NOTHING
) SELECT tenant_id, id FROM held ORDER BY tenant_id DESC, id DESC LIMIT 1
"""


def install_triggers(nouns: Iterable[type[Record]]) -> None:
    """Create or replace the triggers that maintain the table. Runs after every migration."""
    nouns = list(nouns)
    with connection.cursor() as cursor:
        cursor.execute(FUNCTIONS)
    install_row_triggers(
        nouns, "unique_values", "custom", "headlessly_keep_unique_values",
        inserted="headlessly_keep_new_unique_values",
    )  # fmt: skip
    for noun in nouns:
        for others in noun.schema.others:
            if others.kept_as:
                _keep_declared(noun, others)


def _keep_declared(noun: type[Record], others: Field) -> None:
    """Maintain the values of a declared field and its further values; the first time, also copy those that
    exist."""
    table, first = noun._meta.db_table, noun.schema.by_name[others.beside[0]].column
    named = {"first": first, "others": others.column, "key": others.kept_as, "table": table}
    function = f"headlessly_keep_{table}_{others.column}"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname = %s)",
            [table, f"{table}_{others.column}_insert"],
        )
        (is_kept,) = cursor.fetchone()
        cursor.execute(KEEP_DECLARED.format(function=function, **named))
    install_row_triggers([noun], others.column, (first, others.column), function)
    if is_kept:
        return
    last: tuple[Any, Any] | None = (0, "")
    fill = FILL_DECLARED.format(batch=FETCHED, **named)
    with connection.cursor() as cursor:
        while last is not None:
            cursor.execute(fill, last)
            last = cursor.fetchone()
