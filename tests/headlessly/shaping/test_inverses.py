"""The other side of a reference that a tenant added: included, and in filters."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import Contact, Deal
from headlessly.access import actors, tenancy
from headlessly.access.models import Membership, User
from headlessly.context.tenant_scope import every_tenant
from headlessly.declaration.custom_values import held_json
from headlessly.errors import InvalidFilter
from headlessly.query import reads
from headlessly.shaping import custom_fields
from tests.answered import answered


@pytest.fixture
def decider(acme: Any) -> Any:
    return custom_fields.create_field(
        {"noun": "Deal", "label": "Decider", "type": "reference", "to": "Contact"}
    )


def test_it_is_included_in_lists_and_records_now_and_then(
    decider: Any, people: Any, api: Any, rival_api: Any
) -> None:
    deals = [Deal.create(name=name, value=1, decider=people.ada) for name in ("A", "B")]
    Deal.create(name="C", value=1, contact=people.ada)
    found = answered(api.call("GET", f"/contacts/{people.ada.pk}?include=dealsByDecider"))
    assert [each["name"] for each in found["dealsByDecider"]] == ["B", "A"]
    then = answered(api.call("GET", f"/deals/{deals[1].pk}"))["$updatedAt"]
    Deal.update(deals[1].pk, decider=people.bob)
    page = answered(api.call("GET", "/contacts?include=dealsByDecider&sort=name"))
    told = {each["name"]: [d["name"] for d in each["dealsByDecider"]] for each in page["results"]}
    assert told == {"Ada Chen": ["A"], "Bob Stone": ["B"], "Cleo Marsh": []}
    past = answered(
        api.call("GET", f"/contacts/{people.ada.pk}?include=dealsByDecider&asOf={then}")
    )
    assert [each["name"] for each in past["dealsByDecider"]] == ["B", "A"]
    refused = rival_api.call("GET", "/contacts?include=dealsByDecider")
    assert (
        refused.status_code == 400
        and "dealsByDecider" not in refused.json()["message"].split("Include:")[-1]
    )
    with pytest.raises(InvalidFilter, match="Python"):
        Contact.find(include=["dealsByDecider"])


def test_it_is_told_and_asked_for_like_every_other_side(
    decider: Any, people: Any, api: Any
) -> None:
    Deal.create(name="A", value=1, decider=people.ada)
    schema = answered(api.call("GET", "/schema/Contact"))
    assert schema["relations"]["dealsByDecider"] == {
        "direction": "<-", "to": "Deal", "inverse": "decider",
    }  # fmt: skip
    assert answered(api.call("GET", "/schema/Deal"))["fields"]["decider"]["inverse"] == (
        "dealsByDecider"
    )
    some = Contact.find({"dealsByDecider": {"$some": {"name": "A"}}})
    assert [each.pk for each in some] == [people.ada.pk]
    none = Contact.find({"dealsByDecider": {"$none": {"name": "A"}}})
    assert {each.pk for each in none} == {people.bob.pk, people.cleo.pk}
    custom_fields.archive_field(decider)
    assert "dealsByDecider" not in Contact.schema.relations


def test_an_index_leads_to_those_who_refer(decider: Any, people: Any) -> None:
    Deal.create(name="A", value=1, decider=people.ada)
    with CaptureQueriesContext(connection) as caught:
        found = reads.record_json(Contact, people.ada.pk, include="dealsByDecider")
    assert [each["name"] for each in found["dealsByDecider"]] == ["A"]
    assert len(caught) <= 2
    field = Deal.schema.by_name["decider"]
    held = json.dumps(held_json(field.column, people.ada.pk))
    columns = ", ".join(
        f.column for f in Deal._meta.concrete_fields if f.column not in ("id", "custom")
    )
    with every_tenant(), connection.cursor() as cursor:
        cursor.execute(
            f"""SET CONSTRAINTS ALL IMMEDIATE;
            INSERT INTO crm_deal (id, custom, {columns})
            SELECT 'deal_' || n, jsonb_build_object('k1', n), {columns}
            FROM crm_deal, generate_series(1, 5000) AS n WHERE tenant_id = {people.ada.tenant_id};
            ANALYZE crm_deal"""
        )
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # as for a million
        cursor.execute(
            """EXPLAIN SELECT k.id, r.name FROM unnest(%s::text[], %s::jsonb[]) AS k(id, held)
            CROSS JOIN LATERAL (SELECT * FROM (SELECT * FROM crm_deal r WHERE r.custom @> k.held
            AND r.tenant_id = %s OFFSET 0) r ORDER BY created_at DESC LIMIT 25) r""",
            [[people.ada.pk], [held], people.ada.tenant_id],
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "deal_custom" in plan and "custom @> k.held" in plan.split("Index Cond:")[1], plan


def test_hidden_records_stay_hidden(decider: Any, people: Any, acme: Any) -> None:
    acme.limits_reps = True
    acme.save()
    user = User.objects.create_user("bob@sign.example", first_name="Bob")
    bob = Membership.objects.create(user=user, tenant=acme, role="rep", contact=people.bob)
    Deal.create(name="Hush", value=1, decider=people.ada, owner=people.cleo)
    Deal.create(name="Mine", value=1, decider=people.ada, owner=people.bob)
    with actors.acting(bob.actor):
        found = reads.record_json(Contact, people.ada.pk, include="dealsByDecider")
        assert [each["name"] for each in found["dealsByDecider"]] == ["Mine"]
        assert not Contact.find({"dealsByDecider": {"$some": {"name": "Hush"}}})


def test_a_field_of_another_tenant_makes_no_side(decider: Any, rival: Any) -> None:
    assert "dealsByDecider" in Contact.schema.relations
    with tenancy.active(rival):
        assert "dealsByDecider" not in Contact.schema.relations
