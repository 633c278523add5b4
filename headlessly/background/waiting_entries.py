"""Entries of search indexes that wait to be put in their place, put there by the worker.

What is written into an index of words waits in a list at first (PostgreSQL's ``fastupdate``). Whoever fills
that list puts all of it in its place, and waits for it: one save of some hundred takes seconds then. Emptied
once a minute, it is full only where very much is written.
"""

from __future__ import annotations

from django.db import connection
from procrastinate.contrib.django import app

from headlessly.context.tenant_scope import every_tenant

#: The indexes of this schema that this role may maintain: a role that owns nothing leaves it to
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
    """Once a minute, put what waits in its place."""
    with connection.cursor() as cursor:
        cursor.execute(PUT_AWAY)
