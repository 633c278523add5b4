"""How many records of each noun are in which state."""

from __future__ import annotations

from typing import Any

from django.db import connection

from headlessly.access import tenancy, visibility
from headlessly.database import prepared
from headlessly.declaration.registry import registry
from headlessly.query.reads import COUNT_CAP


def counts_by_state() -> dict[str, dict[str, Any]]:
    """The records of every noun with a machine, by state: one statement, counts are capped."""
    quote = connection.ops.quote_name
    tenant = tenancy.require().pk
    parts, parameters = [], []
    found: dict[str, dict[str, Any]] = {}
    for noun in registry.values():
        if (machine := noun.schema.machine) is None:
            continue
        seen, persons = visibility.visible_clause(noun, "n")
        found[noun.__name__] = {"field": noun.schema.by_name[machine.name].wire, "states": {}}
        for state in machine.states:
            parts.append(
                "SELECT %s, %s, (SELECT count(*) FROM (SELECT FROM "
                f"{quote(noun._meta.db_table)} n WHERE n.tenant_id = %s AND n.deleted_at IS NULL "
                f"AND n.{quote(machine.field.column)} = %s{seen} LIMIT {COUNT_CAP + 1}) AS r)"
            )
            parameters += [noun.__name__, state, tenant, state, *persons]
    for name, state, count in prepared.execute_prepared(" UNION ALL ".join(parts), parameters):
        found[name]["states"][state] = min(count, COUNT_CAP)
        found[name]["total"] = found[name].get("total", 0) + min(count, COUNT_CAP)
        if count > COUNT_CAP:
            found[name]["totalIsExact"] = False
    return found
