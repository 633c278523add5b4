"""The other side of a reference that a tenant added: on the page of what it leads to, included, and in filters."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from crm import Contact, Deal
from headlessly.access import actors, tenancy
from headlessly.access.models import Membership
from headlessly.errors import InvalidFilter
from headlessly.shaping import custom_fields
from tests.answered import answered
from tests.headlessly.admin.signed_in import client_of


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
    assert refused.status_code == 400 and "dealsByDecider" not in refused.json()["message"].split(
        "Include:"
    )[-1]
    with pytest.raises(InvalidFilter, match="Python"):
        Contact.find(include=["dealsByDecider"])


def test_it_is_told_and_asked_for_like_every_other_side(decider: Any, people: Any, api: Any) -> None:
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
    from headlessly.query.rows import row_statement

    statement = row_statement(Contact, None, ("dealsByDecider",))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = on")
    seen: list[str] = []

    def keep(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    assert statement.find(people.ada.pk)["dealsByDecider"][0]["name"] == "A"
    field = Deal.schema.by_name["decider"]
    from headlessly.declaration.custom_values import held_json

    plan = Deal.objects.filter(custom__contains=held_json(field.column, people.ada.pk)).explain()
    assert "deal_custom" in plan or "Index" in plan, plan


def test_the_page_of_the_contact_lists_them(decider: Any, people: Any, bob: Any) -> None:
    place = f"/~acme/admin/crm/contact/{people.ada.pk}/change/"
    assert "Deals: Decider" not in bob.get(place).content.decode()
    Deal.create(name="Fleet", value=1, decider=people.ada)
    shown = bob.get(place).content.decode()
    card = shown[shown.index('aria-label="Deals: Decider"') :]
    assert "Fleet" in card[: card.index("</section>")]
    assert f"?decider={people.ada.pk}" in card


def test_hidden_records_stay_hidden(decider: Any, people: Any, users: Any, acme: Any) -> None:
    acme.limits_reps = True
    acme.save()
    Deal.create(name="Hush", value=1, decider=people.ada, owner=people.cleo)
    Deal.create(name="Mine", value=1, decider=people.ada, owner=people.bob)
    place = f"/~acme/admin/crm/contact/{people.ada.pk}/change/"
    shown = client_of(users.bob).get(place).content.decode()
    assert "Mine" in shown and "Hush" not in shown
    member = Membership.objects.get(user=users.bob)
    with actors.acting(actors.actor_of(member)):
        from headlessly.query import reads

        found = reads.record_json(Contact, people.ada.pk, include="dealsByDecider")
    assert [each["name"] for each in found["dealsByDecider"]] == ["Mine"]


def test_a_field_of_another_tenant_makes_no_side(decider: Any, rival: Any) -> None:
    assert "dealsByDecider" in Contact.schema.relations
    with tenancy.active(rival):
        assert "dealsByDecider" not in Contact.schema.relations
