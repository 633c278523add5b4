"""What watches the statements of all tests sees those that do not name their tenant."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from crm import Contact, Lead
from headlessly.database import prepared
from headlessly.log import events
from tests.tenancy_of_statements import OVER_ALL_TENANTS, watch, without_tenant

SAYS = "SELECT id FROM crm_lead WHERE tenant_id = %s"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM crm_lead WHERE id = %s",
        'SELECT "crm_lead"."tenant_id" FROM "crm_lead" WHERE "crm_lead"."id" = %s',
        "UPDATE crm_lead SET score = 1 WHERE id = %s",
        "DELETE FROM crm_lead WHERE id = %s",
        "INSERT INTO crm_lead (id, name) VALUES (%s, %s)",
        "SELECT r.id FROM crm_lead r LEFT JOIN crm_lead other ON other.id = r.deal_id "
        "WHERE r.tenant_id = %s",
        "SELECT r.id FROM crm_lead r WHERE EXISTS (SELECT FROM crm_lead AS own WHERE own.id = r.id) "
        "AND r.tenant_id = %s",
    ],
)
def test_it_sees_a_statement_without_its_tenant(sql: str) -> None:
    assert without_tenant(sql) == ("crm_lead",)


@pytest.mark.parametrize(
    "sql",
    [
        SAYS,
        'UPDATE "crm_lead" SET "score" = 1 WHERE ("crm_lead"."id" = %s AND "crm_lead"."tenant_id" = %s)',
        "INSERT INTO crm_lead (tenant_id, id) VALUES (%s, %s)",
        "SELECT r.id FROM crm_lead r JOIN crm_contact c ON c.tenant_id = r.tenant_id AND c.id = "
        "r.contact_id WHERE r.tenant_id = %s",
        "SELECT slug FROM headlessly_tenant",
    ],
)
def test_it_passes_one_with_its_tenant(sql: str) -> None:
    assert without_tenant(sql) == ()


def test_it_names_who_asked(lead: Lead, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test asks itself is its own business."""
    with watch() as found:
        Contact.get(lead.contact_id)
        prepared.execute_prepared("SELECT id FROM crm_lead WHERE id = %s", [lead.pk])
        assert found == []
        careless = events.LAST_SINCE_SQL.replace("e.tenant_id = %s", "%s > 0")
        monkeypatch.setattr(events, "LAST_SINCE_SQL", careless)
        events.last_events_since([{"target": lead.pk, "seq": 0, "fields": []}])
    assert len(found) == 1
    assert found[0].startswith("headlessly.log.events.last_events_since: headlessly_event in")


def test_what_asks_over_all_tenants_is_there() -> None:
    """The list has no entry of a function that is gone."""
    for name in OVER_ALL_TENANTS:
        module, _, function = name.rpartition(".")
        code = Path(str(import_module(module).__file__)).read_text()
        assert function == "<lambda>" or f"def {function}(" in code, name


def test_a_join_over_a_reference_names_the_tenant_of_both_sides(acme: Any) -> None:
    sql = str(Lead.objects.filter(contact__name="Ada").order_by("organization__name").query)
    assert '"crm_contact"."tenant_id" = ("crm_lead"."tenant_id")' in sql
    assert '"crm_organization"."tenant_id" = ("crm_lead"."tenant_id")' in sql
