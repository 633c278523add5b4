"""Beneath every statement the database answers the rows of one tenant only."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db import ProgrammingError, connection, transaction

from crm import Lead
from headlessly.access import tenancy
from headlessly.database.schema_editor import tenant_field


def asked(sql: str, *parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [row[0] for row in cursor.fetchall()] if cursor.description else []


def test_a_statement_that_forgot_its_tenant_answers_that_of_the_moment(
    acme: Any, lead: Lead, theirs: Any, rival: Any
) -> None:
    everything = "SELECT id FROM crm_lead"
    assert asked(everything) == [lead.id]
    with tenancy.active(rival):
        assert asked(everything) == [theirs.lead.id]
    with tenancy.active(None):
        assert asked(everything) == []
        assert asked("SELECT id FROM headlessly_event") == []
    assert asked("UPDATE crm_lead SET name = 'x' WHERE id = %s RETURNING id", theirs.lead.id) == []
    for statement in (
        "UPDATE crm_lead SET tenant_id = %s",
        "INSERT INTO headlessly_savedview SELECT %s",
        "INSERT INTO headlessly_presence (tenant_id) VALUES (%s)",
    ):
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            asked(statement, rival.pk)


def test_every_table_of_a_tenant_has_the_policy(db: None) -> None:
    found = asked(
        "SELECT c.relname FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid "
        "WHERE c.relrowsecurity AND p.polcmd = '*' AND p.polpermissive "
        "AND pg_get_expr(p.polqual, c.oid) = pg_get_expr(p.polwithcheck, c.oid)"
    )
    assert set(found) == {m._meta.db_table for m in apps.get_models() if tenant_field(m)}
