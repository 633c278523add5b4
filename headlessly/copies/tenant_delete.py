"""Deletes the closed copy that a tenant leaves behind when it moves to another database, and nothing else.

The log is append-only: the database lets events be deleted only of a tenant whose log is closed, and this
module also requires the name that the move has given the copy.
"""

from __future__ import annotations

from contextlib import closing

from headlessly.access.models import Tenant
from headlessly.copies.tenant_rows import CopyRefused, connect
from headlessly.copies.tenant_tables import tenant_tables
from headlessly.database.cluster import CLOSED

#: Part of the name that :meth:`.tenant_move.Move.leave` gives a tenant.
LEFT_BEHIND = "-moved-"


def delete_left_behind(slug: str) -> int:
    """Deletes the closed copy of a tenant with all its rows, or nothing. Returns how many rows it had.

    Raises CopyRefused if the tenant is in use, or does not exist.
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
        # The past comes last, as deleting a record writes to it. References are checked at the commit.
        ordered = sorted(tables, key=lambda table: (table.model is Tenant, table.is_past))
        return sum(
            here.execute(
                f"DELETE FROM {table.name} AS t WHERE {table.owned_by}",  # type: ignore[arg-type]
                (number,),
            ).rowcount
            for table in ordered
        )
