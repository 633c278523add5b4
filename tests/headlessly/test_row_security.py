"""Beneath every statement the database answers the rows of one tenant only."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.apps import apps
from django.db import DataError, InterfaceError, ProgrammingError, connection, transaction

from crm import Contact, Lead
from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.context.tenant_scope import EVERY, every_tenant
from headlessly.database import policies, row_security
from headlessly.database.prepared import execute_prepared
from headlessly.database.row_security import (
    ROLE,
    ConnectionScope,
    forget,
    scope_of,
    setting_statement,
)
from headlessly.database.schema_editor import tenant_field
from tests.refusals import everything


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
        "INSERT INTO marketing_visitor (tenant_id) VALUES (%s)",
    ):
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            asked(statement, rival.pk)


@pytest.mark.django_db(transaction=True)
def test_behind_a_pooler_the_tenant_goes_with_each_statement(monkeypatch: Any) -> None:
    """Nothing is left on a connection that somebody else has next."""
    acme, rival = (Tenant.objects.create(slug=slug, name=slug) for slug in ("acme", "rival"))
    for tenant in (acme, rival):
        with tenancy.active(tenant), actors.acting(actors.SYSTEM):
            Lead.create(name=f"Of {tenant.slug}", source="website")
    asked(setting_statement(EVERY, local=False))
    monkeypatch.setattr(scope_of(connection.connection), "is_direct", False)
    forget(connection.connection)
    names = "SELECT name FROM crm_lead WHERE tenant_id = ANY(%s)"
    both = [[acme.pk, rival.pk]]
    left = connection.connection.execute  # as the next one finds it
    with tenancy.active(acme), actors.acting(actors.SYSTEM):
        assert asked(names, *both) == ["Of acme"]
        assert execute_prepared(names, both) == [("Of acme",)]
        assert left("SELECT current_setting('headlessly.tenant', true)").fetchone()[0] in ("", None)
        with transaction.atomic():
            assert asked(names, *both) == ["Of acme"]
            with tenancy.active(rival):
                assert execute_prepared(names, both) == [("Of rival",)]
            with suppress(ZeroDivisionError), transaction.atomic():
                asked(names, *both)
                1 / 0  # noqa: B018
            assert asked(names, *both) == ["Of acme"]
        with pytest.raises(DataError):
            asked("SELECT 1 / 0")
        with pytest.raises(DataError):
            execute_prepared("SELECT 1 / 0", ())
        assert [e.name for e in Lead.objects.all()] == ["Of acme"]
    with tenancy.active(None):
        assert asked(names, *both) == []
    connection.close()  # it is told to be what it is not


@pytest.mark.django_db(transaction=True)
def test_who_is_given_a_connection_that_was_left_in_a_transaction_has_their_tenant() -> None:
    """A request torn down leaves one. The pool rolls it back, and with it which tenant it was told."""
    acme, rival = (Tenant.objects.create(slug=slug, name=slug) for slug in ("acme", "rival"))
    with suppress(InterfaceError), transaction.atomic():
        with tenancy.active(acme):
            (left,) = asked("SELECT pg_backend_pid()")
        with tenancy.active(rival):
            asked("SELECT 1")
        connection.close()
    with tenancy.active(rival):
        while asked("SELECT pg_backend_pid()") != [left]:
            connection.close()  # this one was another of the pool
        assert asked("SELECT current_setting('headlessly.tenant')") == [str(rival.pk)]


def test_every_table_of_a_tenant_has_the_policy(db: None) -> None:
    found = asked(
        "SELECT c.relname FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid "
        "WHERE c.relrowsecurity AND p.polcmd = '*' AND p.polpermissive "
        "AND pg_get_expr(p.polqual, c.oid) = pg_get_expr(p.polwithcheck, c.oid)"
    )
    assert set(found) == {m._meta.db_table for m in apps.get_models() if tenant_field(m)}


def test_a_new_table_has_its_rights_whatever_else_the_database_has_lost(
    rival: Any, monkeypatch: Any
) -> None:
    """But nothing is enforced for the first time where something is missing."""
    monkeypatch.setattr(policies, "_declare_leakproof", lambda cursor: False)
    visitors = "SELECT id FROM marketing_visitor"
    with every_tenant():
        asked(f"DROP POLICY {policies.POLICY} ON marketing_visitor")
        asked(f"REVOKE ALL ON marketing_visitor FROM {ROLE}")
        assert policies.install_row_security()
    assert asked(visitors) == []
    assert scope_of(connection.connection).is_enforced
    with every_tenant():
        asked(f"REVOKE ALL ON headlessly_event, marketing_visitor FROM {ROLE}")
        assert not policies.install_row_security()
    assert not ConnectionScope(connection.connection).is_enforced


def test_it_answers_nothing_where_the_tenant_could_not_be_set(
    acme: Any, rival: Any, monkeypatch: Any
) -> None:
    setting = "SELECT current_setting('headlessly.tenant', true)"
    other = connection.copy()  # in no transaction, whose failure would undo what was set
    try:
        with other.cursor() as cursor:
            row_security.renew(other.connection)  # the pool may hand out one that has asked before
            with tenancy.active(acme):
                with monkeypatch.context() as broken:
                    broken.setattr(row_security, "STATE", "SELECT 1 / 0")
                    with pytest.raises(DataError):
                        cursor.execute(setting)
                cursor.execute(setting)
                assert cursor.fetchone() == (str(acme.pk),), (
                    "it asks again what the database enforces"
                )
            with tenancy.active(rival):
                with monkeypatch.context() as broken:
                    broken.setattr(
                        row_security, "setting_statement", lambda *_, **__: "SELECT 1 / 0"
                    )
                    with pytest.raises(DataError):
                        cursor.execute(setting)
                cursor.execute(setting)
                assert cursor.fetchone() == (str(rival.pk),)
    finally:
        other.close()


def test_a_refusal_is_proven_over_all_tenants(acme: Any, rival: Any) -> None:
    before = everything()
    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        Contact.create(name="Eve Rival")
    assert everything() != before
