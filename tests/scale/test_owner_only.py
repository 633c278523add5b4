"""Where nobody is a superuser the product works as the owner, and says what a superuser would run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from crm import Lead
from headlessly.access import tenancy
from headlessly.access.models import Tenant
from headlessly.context.tenant_scope import every_tenant
from headlessly.database import policies
from headlessly.query import reads

from .clusters import Cluster, acme_at
from .conftest import fill_with_tables

pytestmark = pytest.mark.django_db


def statement(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def test_it_works_as_the_owner_until_a_superuser_has_run_what_migrate_says(
    new_cluster: Callable[[], Cluster], caplog: Any
) -> None:
    cluster = fill_with_tables(new_cluster().start())
    admin = cluster.connect(user="postgres", autocommit=True)
    admin.execute("DROP OWNED BY headlessly_tenant; DROP ROLE headlessly_tenant")
    admin.execute("ALTER ROLE headlessly NOCREATEROLE NOSUPERUSER")

    def missing() -> list[str]:
        """The statements that a migrate names."""
        caplog.clear()
        with cluster.in_use(), every_tenant():
            policies.install_row_security()
        return [record.args[1] for record in caplog.records if len(record.args or ()) == 2]

    first = missing()
    assert len(first) == 2 and "LEAKPROOF" in first[0] and "CREATE ROLE" in first[1]
    with cluster.in_use(), every_tenant():
        Tenant.objects.create(slug="acme", name="Acme")
    with acme_at(cluster):
        Lead.create(name="Made by the owner", source="website", need="Searched by words too")
        assert reads.record_page(Lead, q="owner words").results
        assert statement("SELECT current_user::text") == "headlessly"

    said = first
    for _ in range(3):
        for sql in said:
            admin.execute(sql)
        said = missing()
    assert not said
    admin.close()
    with acme_at(cluster):
        assert statement("SELECT current_user::text") == policies.ROLE
        assert reads.record_page(Lead, q="owner words").results
    with cluster.in_use(), tenancy.active(None):
        assert statement("SELECT count(*) FROM crm_lead") == 0, "of no tenant there is nothing"
