"""Empties the pending lists of search indexes in a worker.

New entries of a GIN index first go to a pending list (PostgreSQL's ``fastupdate``). Whoever fills that list
has to move all of it into the index, so that one of some hundred saves would take seconds. A list that is
emptied once a minute only fills up under very heavy writing.
"""

from __future__ import annotations

from django.db import connection
from procrastinate.contrib.django import app

from headlessly.context.tenant_scope import every_tenant

#: Selects the indexes of this schema that this role may maintain; a role that owns nothing leaves it to
#: PostgreSQL's own cleaning.
PUT_AWAY = """
SELECT gin_clean_pending_list(i.oid) FROM pg_class AS i JOIN pg_am AS a ON a.oid = i.relam
WHERE a.amname = 'gin' AND i.relkind = 'i' AND i.relnamespace = current_schema()::regnamespace
AND pg_has_role(i.relowner, 'USAGE')
"""


@app.periodic(cron="* * * * *")
@app.task(name="database.put_away", queueing_lock="database.put_away")
@every_tenant()
def put_away(timestamp: int) -> None:
    """Once a minute, move pending entries into the indexes."""
    with connection.cursor() as cursor:
        cursor.execute(PUT_AWAY)
