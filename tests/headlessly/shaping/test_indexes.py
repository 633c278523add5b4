"""A value in a tenant's own field is found by the index that all of them share, also by the bound role."""

from __future__ import annotations

from typing import Any

from django.db import connection

from crm import Lead
from headlessly.context.tenant_scope import every_tenant
from headlessly.declaration.custom_values import COLUMN
from headlessly.query.reads import find_queryset
from headlessly.query.scope import Scope
from headlessly.query.search import Search
from headlessly.shaping.custom_fields import create_field

ASKED: list[dict[str, Any]] = [
    {"filter": {"region": "Region 7"}},
    {"filter": {"region": {"$in": ["Region 7", "Region 8"]}}},
    {"filter": {"products": "Tin"}},
    {"filter": {"products": {"$all": ["Gold", "Tin"]}}},
    {"filter": {"employees": 12}},
]


def test_its_condition_is_led_by_the_index(acme: Any) -> None:
    keys = [
        create_field({"noun": "Lead", "label": label, "type": type, **more}).key
        for label, type, more in (
            ("Region", "string", {}),
            ("Employees", "integer", {}),
            ("Products", "choices", {"options": ["Gold", "Tin"]}),
        )
    ]
    Lead.create(name="A", source="web", region="Zinnober", products=["Gold", "Tin"])
    columns = [f.column for f in Lead._meta.concrete_fields]
    others = ", ".join(f'"{name}"' for name in columns if name not in ("id", COLUMN))
    with every_tenant(), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO crm_lead (id, {COLUMN}, {others}) SELECT 'lead_' || n, jsonb_build_object("
            f"%s::text, 'Region ' || n, %s::text, n, %s::text, jsonb_build_array('Gold')), {others} "
            "FROM crm_lead, generate_series(1, 3000) AS n",
            keys,
        )
        # Unlike a table at work it has nothing sorted in yet.
        cursor.execute("SELECT gin_clean_pending_list('lead_custom')")
        cursor.execute("ANALYZE crm_lead")
    for asked in ASKED:
        found = find_queryset(Lead, **asked).order_by()
        assert found.count() in (1, 2), asked
        assert "lead_custom" in found.explain(), asked
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plans = [part.explain() for part in Search(Scope(Lead), "zinnober").parts(Lead.objects.all())]
    assert any("lead_custom" in plan and "lead_search" in plan for plan in plans), plans
