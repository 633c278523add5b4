"""How much a verb writes: counted in the write-ahead log, not in time."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from crm import Contact, Lead, Organization
from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.database.schema_editor import FILLED
from headlessly.declaration.registry import registry

from .written import measure_writing

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def leads() -> Any:
    """Qualified leads, each with a person."""
    tenant = Tenant.objects.create(slug="acme", name="Acme")
    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        corp = Organization.create(name="Acme Corp")
        ada = Contact.create(name="Ada", email="ada@acme.example", organization=corp)
        found = [
            Lead.create(name=f"Lead {number}", source="website", contact=ada, budget=1000)
            for number in range(12)
        ]
        for lead in found:
            lead.update(status="Contacted")
            lead.update(status="Qualified")
        yield found


def test_an_update_of_what_no_index_has_writes_little(leads: list[Lead]) -> None:
    written = measure_writing(lambda number: leads[number].update(budget=number))
    assert written.total <= 11.8, written.entries  # with pages that are split
    assert not [name for name in written.entries if name.startswith(("lead_by", "crm_lead_pkey"))]
    assert written.bytes <= 3_200, written


def test_a_conversion_writes_little(leads: list[Lead]) -> None:
    """Deal, lead and four events; their person has been qualified by another one."""
    leads[-1].convert()
    written = measure_writing(lambda number: leads[number].convert())
    split = written.total > 60  # a page of an index, by what other tests have left in it
    assert written.total <= 61, written.entries
    assert written.bytes <= (12_800 if split else 12_000), written


def test_a_full_page_leaves_room_to_change_what_no_index_has() -> None:
    """In the tables of all records and of their versions: a row is changed beside itself then."""
    tables = [model._meta.db_table for noun in registry.values() for model in (noun, noun.past)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname = ANY(%s) AND reloptions @> %s",
            [tables, [f"fillfactor={FILLED}"]],
        )
        assert {name for (name,) in cursor.fetchall()} == set(tables)
