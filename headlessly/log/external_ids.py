"""The table that leads from an id in another system to its record.

A record has its external ids in its own row (``external_ids``), so that events, the past and an undo handle
them like every other field. This table finds a record by such an id, and keeps two records from sharing one.
A trigger maintains it, and runs only for rows with such ids, so that others cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from django.db import connection, models

from headlessly.access import tenancy
from headlessly.access.models import Tenant
from headlessly.declaration.external_ids import MAX_ID, MAX_SYSTEM
from headlessly.log.row_triggers import install_row_triggers

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: How many systems of a noun are shown.
MOST_SYSTEMS = 50


class ExternalId(models.Model):
    """One id of one record that is not deleted."""

    pk = models.CompositePrimaryKey("tenant_id", "noun", "system", "value")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False)
    noun = models.CharField(max_length=64, db_collation="C")
    system = models.CharField(max_length=MAX_SYSTEM, db_collation="C")
    value = models.CharField(max_length=MAX_ID, db_collation="C")
    record = models.CharField(max_length=32, db_collation="C")

    class Meta:
        indexes: ClassVar = []

    def __str__(self) -> str:
        return f"{self.system} {self.value}: {self.record}"


def records_with(
    noun: type[Record], system: str, values: Iterable[str] | None = None
) -> models.QuerySet:
    """Returns the rows of these ids; without ``values``, of all ids of the system."""
    found = ExternalId.objects.filter(
        tenant=tenancy.require().pk, noun=noun.__name__, system=system
    )
    return found if values is None else found.filter(value__in=list(values))


def find_by_external_id(noun: type[Record], system: str, value: str) -> str | None:
    """Returns the id of the record with this external id, if the actor sees it."""
    found = records_with(noun, system, [value]).values_list("record", flat=True)
    return noun.objects.filter(pk__in=list(found)).values_list("pk", flat=True).first()


def systems_in_use(noun: type[Record]) -> list[str]:
    """Returns the systems in which records of the noun have ids, in order, with one look into the index for
    each."""
    sql = """
        WITH RECURSIVE t AS (
          (SELECT min(system) AS system FROM headlessly_externalid WHERE tenant_id = %s AND noun = %s)
          UNION ALL
          SELECT (SELECT min(e.system) FROM headlessly_externalid e
                  WHERE e.tenant_id = %s AND e.noun = %s AND e.system > t.system)
          FROM t WHERE t.system IS NOT NULL
        ) SELECT system FROM t WHERE system IS NOT NULL LIMIT %s
    """
    key: list[int | str] = [tenancy.require().pk, noun.__name__]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*key, *key, MOST_SYSTEMS])
        return [system for (system,) in cursor.fetchall()]


FUNCTION = """
CREATE OR REPLACE FUNCTION headlessly_keep_external_ids() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' AND OLD.external_ids IS NOT NULL AND OLD.deleted_at IS NULL THEN
    DELETE FROM headlessly_externalid AS x USING jsonb_array_elements(OLD.external_ids) AS e
    WHERE x.tenant_id = OLD.tenant_id AND x.noun = TG_ARGV[0] AND x.system = e->>'system'
    AND x.value = e->>'id' AND x.record = OLD.id;
  END IF;
  IF TG_OP <> 'DELETE' AND NEW.external_ids IS NOT NULL AND NEW.deleted_at IS NULL THEN
    INSERT INTO headlessly_externalid (tenant_id, noun, system, value, record)
    SELECT NEW.tenant_id, TG_ARGV[0], e->>'system', e->>'id', NEW.id
    FROM jsonb_array_elements(NEW.external_ids) AS e ORDER BY 3, 4;
  END IF;
  RETURN NULL;
END $$;
"""


def install_triggers(nouns: Iterable[type[Record]]) -> None:
    """Create or replace the triggers that maintain the table. Runs after every migration."""
    with connection.cursor() as cursor:
        cursor.execute(FUNCTION)
    install_row_triggers(nouns, "external_ids", "external_ids", "headlessly_keep_external_ids")
