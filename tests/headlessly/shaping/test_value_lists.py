"""Lists of values: ordered, closed, retired and merged, in one tenant and not in the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from crm import Lead
from headlessly.access import actors, suggestions, tenancy
from headlessly.access.models import Tenant
from headlessly.errors import Forbidden, Invalid
from headlessly.shaping import value_lists
from headlessly.shaping.value_lists import FieldList
from tests.answered import answered, problem

CLOSED = {"open": False, "values": ["Website", {"value": "Fair", "color": "#1f77b4"}]}


def test_a_closed_list_refuses_other_values_and_spells_its_own(api: Any, acme: Any) -> None:
    made = answered(api.call("PATCH", "/lists/Lead.source", CLOSED))
    assert not made["open"]
    assert made["values"] == [
        {"value": "Website", "color": None, "retired": False, "used": 0},
        {"value": "Fair", "color": "#1f77b4", "retired": False, "used": 0},
    ]
    sent = {"name": "A", "source": "website"}
    lead = answered(api.call("POST", "/leads", sent), 201)
    assert lead["source"] == "Website"
    refused = problem(
        api.call("POST", "/leads", {"name": "B", "source": "Webiste"}), 422, "validation_error"
    )
    assert refused["details"][0]["field"] == "source"
    assert "Use one of Website, Fair." in refused["details"][0]["message"]
    wrong = api.call("PATCH", f"/leads/{lead['$id']}", {"source": "Radio"})
    problem(wrong, 422, "validation_error")
    found = answered(api.call("GET", "/leads?source=WEBSITE"))["results"]
    assert [each["$id"] for each in found] == [lead["$id"]]
    document = answered(api.call("GET", "/openapi.json"))
    said = document["components"]["schemas"]["LeadFields"]["properties"]["source"]
    assert said["enum"] == ["Website", "Fair"]


def test_a_retired_value_is_offered_no_more_and_kept(api: Any, acme: Any) -> None:
    lead = answered(api.call("POST", "/leads", {"name": "A", "source": "Fair"}), 201)
    values = ["Website", {"value": "Fair", "retired": True}]
    answered(api.call("PATCH", "/lists/Lead.source", {"open": False, "values": values}))
    answered(api.call("PATCH", f"/leads/{lead['$id']}", {"name": "B", "source": "Fair"}))
    with tenancy.active(Tenant.objects.get(pk=acme.pk)):
        field = Lead.schema.fields["source"]
        assert suggestions.suggestions_for(Lead, field) == ["Website"]
        assert (field.suggests, field.retired) == (("Website",), ("Fair",))


def test_two_values_are_merged_by_events_and_the_request_is_undone(api: Any, acme: Any) -> None:
    ids = [
        answered(api.call("POST", "/leads", {"name": n, "source": "Trade show"}), 201)["$id"]
        for n in "AB"
    ]
    place = "/lists/Lead.source"
    answered(api.call("PATCH", place, {"values": ["Website", "Trade show", "Fair"]}))
    answer = api.call("POST", f"{place}/merge", {"from": "Trade show", "into": "Fair"})
    merged = answered(answer)
    assert (sorted(merged["changed"]), merged["refused"], merged["remaining"]) == (
        sorted(ids),
        [],
        0,
    )
    lead = answered(api.call("GET", f"/leads/{ids[0]}"))
    assert lead["source"] == "Fair"
    found = {v["value"]: v for v in answered(api.call("GET", place))["values"]}
    assert found["Fair"]["used"] == 2 and found["Trade show"]["retired"]
    undone = answered(api.call("POST", f"/requests/{answer.headers['X-Request-Id']}/undo"))
    assert len(undone["undone"]) == 2
    assert answered(api.call("GET", f"/leads/{ids[0]}"))["source"] == "Trade show"


def test_a_value_that_only_verbs_write_is_merged_and_undone_too(api: Any, acme: Any) -> None:
    lead = answered(api.call("POST", "/leads", {"name": "A", "source": "web"}), 201)
    answered(api.call("POST", f"/leads/{lead['$id']}/lose", {"lostReason": "Too dear"}))
    place = "/lists/Lead.lostReason"
    assert {"value": "Too dear", "used": 1} in answered(api.call("GET", place))["others"]
    answer = api.call("POST", f"{place}/merge", {"from": "Too dear", "into": "Price"})
    assert answered(answer)["refused"] == []
    assert answered(answer)["changed"] == [lead["$id"]]
    assert answered(api.call("GET", f"/leads/{lead['$id']}"))["lostReason"] == "Price"
    answered(api.call("PATCH", place, {"open": False}))
    answered(api.call("POST", f"/requests/{answer.headers['X-Request-Id']}/undo"))
    assert answered(api.call("GET", f"/leads/{lead['$id']}"))["lostReason"] == "Too dear"
    other = answered(api.call("POST", "/leads", {"name": "B", "source": "web"}), 201)
    refused = api.call("POST", f"/leads/{other['$id']}/lose", {"lostReason": "No idea"})
    assert problem(refused, 422, "validation_error")["details"][0]["field"] == "lostReason"


@pytest.mark.parametrize(
    "wrong",
    [
        {"values": "Price"},
        {"values": [{"value": "A", "color": "red"}]},
        {"values": ["A", "a"]},
        {"values": [""]},
        {"values": ["A\x00"]},
        {"values": [3]},
        {"values": [{"value": "A", "retired": "yes"}]},
        {"open": "no"},
        {"open": False, "values": []},
        {"order": 3},
    ],
)
def test_what_is_wrong_with_a_list_is_said(api: Any, wrong: dict[str, Any]) -> None:
    problem(api.call("PATCH", "/lists/Lead.source", wrong), 422, "validation_error")


@pytest.mark.parametrize(
    "wrong", [{}, {"from": 1, "into": "B"}, {"from": "A", "into": "A"}, {"from": "A", "into": ""}]
)
def test_what_is_wrong_with_a_merge_is_said(api: Any, wrong: dict[str, Any]) -> None:
    problem(api.call("POST", "/lists/Lead.source/merge", wrong), 422, "validation_error")
    assert api.call("GET", "/lists/Lead.nothing").status_code == 404


def test_it_merges_no_value_that_there_is_not_and_adds_none_for_it(api: Any, acme: Any) -> None:
    place = "/lists/Lead.source"
    before = answered(api.call("PATCH", place, {"values": ["Website", "Trade show"]}))
    wrong = {"from": "Trade shows", "into": "Fair"}
    said = problem(api.call("POST", f"{place}/merge", wrong), 422, "validation_error")
    assert said["field"] == "from" and "Did you mean 'Trade show'?" in said["message"]
    assert answered(api.call("GET", place)) == before


def test_another_tenant_has_nothing_of_it(acme: Any, rival: Any) -> None:
    with tenancy.active(acme), actors.acting(actors.SYSTEM):
        value_lists.change_list("Lead.source", CLOSED)
    with tenancy.active(Tenant.objects.get(pk=rival.pk)), actors.acting(actors.SYSTEM):
        assert not Lead.schema.fields["source"].closed
        assert Lead.create(name="A", source="Radio").source == "Radio"


def test_only_admins_change_it_and_what_fails_leaves_nothing(acme: Any) -> None:
    before = value_lists.find_list("Lead.source").values
    rep = actors.Actor("1", "Rep", actors.REP)
    with actors.acting(rep), pytest.raises(Forbidden):
        value_lists.change_list("Lead.source", CLOSED)
    with actors.acting(actors.SYSTEM), pytest.raises(Invalid):
        value_lists.change_list("Lead.source", {"values": [1]})
    assert value_lists.find_list("Lead.source").values == before


@pytest.mark.django_db(transaction=True)
def test_a_value_merged_while_others_write_it_loses_nothing(acme: Any) -> None:
    def write(number: int) -> None:
        try:
            tenant = Tenant.objects.get(pk=acme.pk)
            with tenancy.active(tenant), actors.acting(actors.SYSTEM):
                if number % 5 == 2:
                    value_lists.merge_values("Lead.source", "Fair", "Website")
                else:
                    Lead.create(name=str(number), source="fair")
        finally:
            connection.close()

    with tenancy.active(acme), actors.acting(actors.SYSTEM):
        value_lists.change_list("Lead.source", {"open": False, "values": ["Website", "Fair"]})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(20)))
    with tenancy.active(Tenant.objects.get(pk=acme.pk)), actors.acting(actors.SYSTEM):
        value_lists.merge_values("Lead.source", "Fair", "Website")
        found: FieldList = value_lists.find_list("Lead.source")
        assert found.used() == {"Website": 16}


# -- lists that several fields have, and those of choices ---------------------------------------------


def test_a_list_is_that_of_every_field_that_says_so(api: Any, acme: Any) -> None:
    """Where a lead came from is copied to its deal: one list is closed, counted and merged for all."""
    names = [each["$id"] for each in answered(api.call("GET", "/lists"))["results"]]
    assert "Lead.source" in names and "Deal.source" not in names
    lead = answered(api.call("POST", "/leads", {"name": "A", "source": "Fair"}), 201)["$id"]
    ids = {"leads": lead}
    for plural in ("deals", "contacts", "organizations"):
        body = {"name": "A", "source": "fair"} | ({"value": 1} if plural == "deals" else {})
        ids[plural] = answered(api.call("POST", f"/{plural}", body), 201)["$id"]
    answered(api.call("PATCH", "/lists/Lead.source", CLOSED))
    place = "/lists/Lead.source"
    found = answered(api.call("GET", place))
    assert found["fields"][0] == "Lead.source"
    assert set(found["fields"]) >= {"Deal.source", "Contact.source", "Organization.source"}
    assert found["values"][1] == {"value": "Fair", "color": "#1f77b4", "retired": False, "used": 1}
    assert found["others"] == [{"value": "fair", "used": 3}]
    wrong = problem(
        api.call("POST", "/deals", {"name": "B", "value": 1, "source": "Radio"}),
        422,
        "validation_error",
    )
    assert "Use one of Website, Fair." in wrong["details"][0]["message"]
    new = answered(api.call("POST", "/deals", {"name": "B", "value": 1, "source": "FAIR"}), 201)
    assert new["source"] == "Fair"
    for value in ("fair", "Fair"):
        answer = api.call("POST", f"{place}/merge", {"from": value, "into": "Website"})
        merged = answered(answer)
        assert (merged["refused"], merged["remaining"]) == ([], 0)
    for plural, id in ids.items():
        assert answered(api.call("GET", f"/{plural}/{id}"))["source"] == "Website", plural
    assert answered(api.call("GET", place))["values"][0]["used"] == 5
    groups = answered(api.call("GET", "/deals/aggregate?group=source"))["groups"]
    assert groups == [{"source": "Website", "count": 2}]
    answered(api.call("POST", f"/requests/{answer['X-Request-Id']}/undo", {}))
    assert answered(api.call("GET", f"/deals/{new['$id']}"))["source"] == "Fair"


def test_a_closed_list_refuses_nothing_that_is_there_or_that_a_hook_copies(
    api: Any, acme: Any, people: Any, client: Any
) -> None:
    body = {"name": "A", "source": "Radio", "contact": people.ada.pk}
    lead = answered(api.call("POST", "/leads", body), 201)
    for status in ("Contacted", "Qualified"):
        lead = answered(api.call("PATCH", f"/leads/{lead['$id']}", {"status": status}))
    answered(api.call("PATCH", "/lists/Lead.source", CLOSED))
    answered(api.call("PUT", f"/leads/{lead['$id']}", lead | {"name": "B"}))
    answered(api.call("POST", f"/leads/{lead['$id']}/convert", {}))
    (deal,) = answered(api.call("GET", "/deals"))["results"]
    assert deal["source"] == "Radio"
    problem(api.call("PATCH", f"/deals/{deal['$id']}", {"source": "TV"}), 422, "validation_error")
    # Nor what a visitor sends, who chose no source.
    fields = [{"name": "email", "type": "email"}]
    form = answered(api.call("POST", "/forms", {"name": "Ask", "fields": fields}), 201)["$id"]
    answered(api.call("POST", f"/forms/{form}/publish", {}))
    sent = client.post(f"/~acme/forms/{form}/submit", {"email": "eve@fair.example"})
    assert answered(sent)["$id"] == form
    assert len(answered(api.call("GET", "/leads?source=form"))["results"]) == 1


def test_a_choice_that_no_machine_needs_has_a_list_too(
    api: Any, rival_api: Any, acme: Any, people: Any
) -> None:
    place = "/lists/Contact.role"
    found = answered(api.call("GET", place))
    assert not found["open"] and found["fields"] == ["Contact.role", "DealContact.role"]
    assert [each["value"] for each in found["values"]][:2] == ["DecisionMaker", "Influencer"]
    deal = answered(api.call("POST", "/deals", {"name": "D", "value": 1}), 201)["$id"]
    person = {"deal": deal, "contact": people.ada.pk}
    first = answered(api.call("POST", "/dealcontacts", person | {"role": "User"}), 201)["$id"]
    values = [{"value": "Economic buyer", "color": "#15803d"}, "DecisionMaker", "Champion"]
    changed = answered(api.call("PATCH", place, {"values": values}))
    # What is left out stays where it is, and is offered no more.
    assert [each["value"] for each in changed["values"] if each["retired"]] == [
        "Influencer", "Blocker", "User",
    ]  # fmt: skip
    new = answered(api.call("POST", "/dealcontacts", person | {"role": "economic BUYER"}), 201)[
        "$id"
    ]
    answered(api.call("PATCH", f"/contacts/{people.ada.pk}", {"role": "Economic buyer"}))
    answered(api.call("PATCH", f"/dealcontacts/{first}", {"note": "N", "role": "User"}))
    for filter in ("role=Economic buyer", "role__in=Economic buyer,Champion"):
        (row,) = answered(api.call("GET", f"/dealcontacts?{filter.replace(' ', '%20')}"))["results"]
        assert (row["$id"], row["role"]) == (new, "Economic buyer")
    groups = answered(api.call("GET", "/dealcontacts/aggregate?group=role"))["groups"]
    assert {"role": "Economic buyer", "count": 1} in groups
    wrong = problem(
        api.call("POST", "/dealcontacts", person | {"role": "Boss"}), 422, "validation_error"
    )
    assert "Economic buyer, DecisionMaker, Champion" in wrong["details"][0]["message"]
    document = answered(api.call("GET", "/openapi.json"))["components"]["schemas"]
    assert "Economic buyer" in document["DealContactFields"]["properties"]["role"]["enum"]
    merged = api.call("POST", f"{place}/merge", {"from": "Economic buyer", "into": "Budget holder"})
    assert len(answered(merged)["changed"]) == 2
    assert answered(api.call("GET", f"/contacts/{people.ada.pk}"))["role"] == "Budget holder"
    assert answered(api.call("GET", f"/dealcontacts/{new}"))["role"] == "Budget holder"
    for values in ({"open": True}, {"values": ["x" * 33]}):
        problem(api.call("PATCH", place, values), 422, "validation_error")
    # Nothing of it elsewhere, not in an error either.
    theirs = rival_api.call("POST", "/contacts", {"name": "A", "role": "Budget holder"})
    assert "Economic" not in str(problem(theirs, 422, "validation_error")) and "Blocker" in str(
        problem(theirs, 422, "validation_error")
    )


def test_how_an_activity_ended_is_counted_by_its_value(api: Any, acme: Any, people: Any) -> None:
    place = "/lists/Activity.result"
    values = ["Reached", "No answer", "Meeting agreed"]
    answered(api.call("PATCH", place, {"values": values, "open": False}))
    about = {"subject": "Call", "type": "Call", "contact": people.ada.pk}
    for said in ("reached", "REACHED", "no answer"):
        body = about | {"outcome": "They told us more", "result": said}
        answered(api.call("POST", "/activities/log", body), 201)
    task = answered(api.call("POST", "/activities", about), 201)["$id"]
    done = {"outcome": "Friday at ten", "result": "Meeting agreed"}
    assert (
        answered(api.call("POST", f"/activities/{task}/complete", done))["result"] == done["result"]
    )
    groups = answered(api.call("GET", "/activities/aggregate?group=result"))["groups"]
    assert {each["result"]: each["count"] for each in groups} == {
        "Reached": 2, "No answer": 1, "Meeting agreed": 1,
    }  # fmt: skip
    refused = api.call("POST", "/activities/log", about | {"outcome": "O", "result": "Hung up"})
    assert problem(refused, 422, "validation_error")["details"][0]["field"] == "result"
