"""Who looks at a record just now."""

from __future__ import annotations

import random
from typing import Any

from headlessly.database.prepared import execute_prepared

#: Whoever was not heard of for so long is gone, in seconds.
GONE_AFTER = 8
ENTER = """
INSERT INTO headlessly_presence AS p (tenant_id, record, actor, name, writes, seen_at)
VALUES (%s, %s, %s, %s, %s, now())
ON CONFLICT (tenant_id, record, actor) DO UPDATE SET
    name = excluded.name, writes = excluded.writes, seen_at = excluded.seen_at
WHERE p.seen_at < now() - interval '3 seconds' OR p.writes <> excluded.writes
"""
OTHERS = f"""
SELECT name, writes FROM headlessly_presence
WHERE tenant_id = %s AND record = %s AND actor <> %s
  AND seen_at > now() - interval '{GONE_AFTER} seconds' ORDER BY name LIMIT 8
"""
#: How often those who have been gone for long are forgotten, of times that somebody is written down.
CLEARED = 1 / 500
CLEAR = "DELETE FROM headlessly_presence WHERE seen_at < now() - interval '1 hour'"


def enter_record(tenant: int, record: str, actor: str, name: str, *, writes: bool) -> list[Any]:
    """Say that somebody looks at a record; answers who else does, and whether they are writing."""
    execute_prepared(ENTER, [tenant, record, actor, name, writes], rows=False)
    if random.random() < CLEARED:
        execute_prepared(CLEAR, [], rows=False)
    return [
        {"name": other, "writes": writing}
        for other, writing in execute_prepared(OTHERS, [tenant, record, actor])
    ]
