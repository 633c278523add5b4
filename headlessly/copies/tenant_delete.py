"""What a tenant that has moved to another database has left behind is deleted, and nothing else ever is.

The log is append-only: the database lets events go only of a tenant whose log is closed, and this asks that
the move has given it another name.
"""

from __future__ import annotations

from contextlib import closing

from headlessly.access.models import Tenant
from headlessly.copies.tenant_rows import CopyRefused, connect
from headlessly.copies.tenant_tables import tenant_tables
from headlessly.database.cluster import CLOSED

#: What :meth:`.tenant_move.Move.leave` gives a tenant as a name.
LEFT_BEHIND = "-moved-"


def delete_left_behind(slug: str) -> int:
    """Delete the closed copy of a tenant with all its rows, all of it or nothing. Returns how many they were.

    Raises CopyRefused for a tenant that is in use, and for one that there is not.
    """
    with closing(connect()) as here, here.transaction():
        found = here.execute(
            "SELECT id, log_cluster FROM headlessly_tenant WHERE slug = %s FOR UPDATE", (slug,)
        ).fetchone()
        if found is None:
            raise CopyRefused(f"There is no tenant {slug}.")
        number, cluster = found
        if cluster != CLOSED or LEFT_BEHIND not in slug:
            raise CopyRefused(
                f"{slug} is no closed copy: only what `tenant move` left behind is deleted, "
                f"and that is called like acme{LEFT_BEHIND}1767225600."
            )
        tables = tenant_tables(with_secrets=True, with_moment=True)
        # The past last of all: deleting a record writes in it. References are checked at the commit.
        ordered = sorted(tables, key=lambda table: (table.model is Tenant, table.is_past))
        return sum(
            here.execute(
                f"DELETE FROM {table.name} AS t WHERE {table.owned_by}",  # type: ignore[arg-type]
                (number,),
            ).rowcount
            for table in ordered
        )
