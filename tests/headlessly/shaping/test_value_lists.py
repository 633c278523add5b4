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
