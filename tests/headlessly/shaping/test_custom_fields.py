"""Fields of a tenant's own: made, renamed, archived and deleted, in one tenant and not in the other."""

from __future__ import annotations

from typing import Any

import pytest

from crm import Deal, Lead
from headlessly.access import actors, tenancy
from headlessly.declaration.shapes import current_shape
from headlessly.errors import Conflict, Forbidden, Invalid
from headlessly.shaping import custom_fields
from tests.answered import answered, problem

REGION = {
    "noun": "Lead",
    "label": "Sales region",
    "type": "choice",
    "options": ["EMEA", {"value": "US", "label": "United States", "color": "#1f77b4"}],
}


def test_one_that_is_made_archived_is_on_no_surface(api: Any, acme: Any) -> None:
    made = answered(api.call("POST", "/fields", REGION | {"archived": True}), 201)
    assert made["archived"] is True
    lead = answered(api.call("POST", "/leads", {"name": "A", "source": "web"}), 201)
    assert made["name"] not in lead
    answered(api.call("PATCH", f"/fields/{made['$id']}", {"archived": False}))
    assert answered(api.call("GET", f"/leads/{lead['$id']}"))[made["name"]] is None


def test_it_is_made_renamed_archived_and_deleted_by_rest(api: Any, acme: Any) -> None:
    made = answered(api.call("POST", "/fields", REGION), 201)
    assert (made["name"], made["order"], made["archived"]) == ("salesRegion", 0, False)
    assert made["options"][0] == {"value": "EMEA", "label": "EMEA"}
    lead = answered(
        api.call("POST", "/leads", {"name": "A", "source": "web", "salesRegion": "US"}), 201
    )
    place = f"/fields/{made['$id']}"
    changed = {
        "name": "region",
        "options": [{"value": "US", "label": "USA"}, {"value": "EMEA", "label": "Europe"}],
    }
    renamed = answered(api.call("PATCH", place, changed))
    assert renamed["name"] == "region" and renamed["options"][0]["label"] == "USA"
    assert answered(api.call("GET", f"/leads/{lead['$id']}"))["region"] == "US"
    found = answered(api.call("GET", "/leads?region=US"))["results"]
    assert [each["$id"] for each in found] == [lead["$id"]]
    before = lead["$createdAt"]
    then = answered(api.call("GET", f"/leads/{lead['$id']}?asOf={before}"))
    assert then["region"] == "US" and "salesRegion" not in then
    tried = answered(api.call("PATCH", f"{place}?dryRun=true", {"archived": True, "help": "x"}))
    assert (tried["archived"], tried["help"]) == (True, "x")
    assert answered(api.call("GET", place)) == renamed
    answered(api.call("PATCH", place, {"archived": True}))
    assert "region" not in answered(api.call("GET", f"/leads/{lead['$id']}"))
    assert api.call("GET", "/leads?region=US").status_code == 400
    assert api.call("PATCH", f"/leads/{lead['$id']}", {"name": "B"}).status_code == 200
    answered(api.call("PATCH", place, {"archived": False}))
    assert answered(api.call("GET", f"/leads/{lead['$id']}"))["region"] == "US"
    assert "in 1 record." in problem(api.call("DELETE", place), 422, "validation_error")["message"]
    assert api.call("DELETE", f"{place}?name=region").status_code == 204
    assert api.call("GET", place).status_code == 404
    assert "region" not in answered(api.call("GET", f"/leads/{lead['$id']}"))
    for name, count in (
        ("Created", 1),
        ("Changed", 1),
        ("Archived", 1),
        ("Restored", 1),
        ("Deleted", 1),
    ):
        log = answered(api.call("GET", f"/events?name=Field.{name}"))["results"]
        assert len(log) == count and log[0]["target"] == made["$id"], name


@pytest.mark.parametrize(("type", "value"), [("choice", "US"), ("choices", ["EMEA", "US"])])
def test_an_option_that_records_have_is_retired_where_it_is_left_out(
    api: Any, type: str, value: Any
) -> None:
    options = [*REGION["options"], "Mars"]
    made = answered(api.call("POST", "/fields", REGION | {"type": type, "options": options}), 201)
    sent = {"name": "A", "source": "web", "salesRegion": value}
    lead = answered(api.call("POST", "/leads", sent), 201)
    place = f"/leads/{lead['$id']}"
    api.call("DELETE", place)
    changed = answered(api.call("PATCH", f"/fields/{made['$id']}", {"options": ["EMEA"]}))
    assert [(each["value"], each.get("retired", False)) for each in changed["options"]] == [
        ("EMEA", False), ("US", True),
    ]  # fmt: skip
    answered(api.call("POST", f"{place}/restore", {}))
    answered(api.call("PATCH", place, {"name": "B", "salesRegion": value}))
    assert len(answered(api.call("GET", "/leads?salesRegion__in=US"))["results"]) == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"noun": "Nothing"}, "noun"),
        ({"type": "colour"}, "type"),
        ({"name": "status"}, "name"),
        ({"name": "Region"}, "name"),
        ({"name": "sales_region"}, "name"),
        ({"name": "convert"}, "name"),
        ({"name": "activities"}, "name"),
        ({"name": "save"}, "name"),
        ({"name": "class"}, "name"),
        ({"name": "limit"}, "name"),
        ({"name": "asOf"}, "name"),
        ({"name": "dryRun"}, "name"),
        ({"name": "view"}, "name"),
        ({"name": "match"}, "name"),
        ({"name": []}, "name"),
        ({"order": 1.5}, "order"),
        ({"options": [{"value": "A", "retired": "x"}]}, "options"),
        ({"options": []}, "options"),
        ({"options": ["A", "A"]}, "options"),
        ({"options": [{"value": "A", "color": "red"}]}, "options"),
        ({"default": "Mars"}, "default"),
        ({"minimum": 3}, "minimum"),
        ({"to": "Contact"}, "to"),
        ({"required": "yes"}, "required"),
        ({"help": 7}, "help"),
        ({"shape": "round"}, "shape"),
    ],
)
def test_it_names_what_is_wrong_with_a_field(acme: Any, values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        custom_fields.create_field(REGION | values)
    assert [detail["field"] for detail in refused.value.details or ()] == [field]
    assert current_shape() is None and acme.shape == 0


def test_only_admins_decide_which_fields_there_are(acme: Any) -> None:
    with actors.acting(actors.Actor("user_x", "Rep", "rep")), pytest.raises(Forbidden):
        custom_fields.create_field(REGION)


def test_a_noun_has_so_many_and_a_name_once(acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    custom_fields.create_field(REGION)
    with pytest.raises(Invalid):
        custom_fields.create_field(
            REGION | {"type": "string", "options": [], "name": "SALESREGION"}
        )
    with pytest.raises(Invalid):
        custom_fields.create_field(REGION)
    custom_fields.create_field(REGION | {"noun": "Deal"})
    monkeypatch.setattr(custom_fields, "MOST_FIELDS", 1)
    with pytest.raises(Conflict):
        custom_fields.create_field(REGION | {"name": "other"})


def test_fields_of_one_name_in_two_tenants_have_nothing_in_common(acme: Any, rival: Any) -> None:
    custom_fields.create_field(REGION | {"name": "region"})
    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        number = {"noun": "Lead", "name": "region", "type": "integer", "label": "Region number"}
        custom_fields.create_field(number)
        theirs = Lead.create(name="Theirs", source="web", region=7)
        assert Lead.schema.by_name["region"].type == "integer"
    ours = Lead.create(name="Ours", source="web", region="US")
    assert Lead.schema.by_name["region"].type == "enum"
    with pytest.raises(Invalid) as refused:
        Lead.create(name="Ours", source="web", region=7)
    assert "EMEA" in str(refused.value)
    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        assert list(Lead.find({"region": {"$gt": 6}})) == [theirs]
        with pytest.raises(Invalid) as refused:
            Lead.create(name="Theirs", source="web", region="US")
        assert "EMEA" not in str(refused.value)
    assert list(Lead.find({"region": "US"})) == [ours]


def test_nothing_that_is_kept_of_one_tenants_field_is_answered_to_another(
    api: Any, rival_api: Any, acme: Any, rival: Any
) -> None:
    """Asked in turns, so that what one process keeps of the one would be at hand for the other."""
    ours = {"noun": "Lead", "name": "region", "type": "choices", "options": ["Our own", "Ours too"]}
    theirs = {"noun": "Lead", "name": "region", "type": "integer", "maximum": 5}
    mine, other = (api, ours, ["Our own"]), (rival_api, theirs, 3)
    for who, field, value in (mine, other):
        answered(who.call("POST", "/fields", field), 201)
        answered(who.call("POST", "/leads", {"name": "L", "source": "web", "region": value}), 201)
    asked = (
        ("GET", "/schema/Lead", None),
        ("GET", "/openapi.json", None),
        ("GET", "/leads", None),
        ("GET", "/leads?region=Ours", None),
        ("GET", "/leads?sort=region", None),
        ("GET", "/leads/aggregate?group=region", None),
        ("GET", "/fields", None),
        ("GET", "/fields/Lead.region", None),
        ("POST", "/leads", {"name": "L", "source": "web", "region": "wrong"}),
    )
    for method, path, body in (*asked, *asked):
        said = [who.call(method, path, body).content.decode() for who, *_more in (mine, other)]
        assert "Our own" not in said[1], path
        assert said[0] != said[1], path


def test_a_default_is_of_new_records_and_a_hook_need_not_know_what_is_required(
    acme: Any, qualified: Any
) -> None:
    tier = {"noun": "Deal", "label": "Tier", "type": "integer", "default": 3}
    custom_fields.create_field(tier)
    custom_fields.create_field(
        {"noun": "Deal", "label": "Plan", "type": "string", "required": True}
    )
    qualified.convert()
    deal = Deal.find().get()
    assert (deal.tier, deal.plan) == (3, None)
    with pytest.raises(Invalid) as refused:
        Deal.create(name="Without")
    assert "plan" in [detail["field"] for detail in refused.value.details or ()]
    deal.update(tier=None)
    assert deal.tier == 3
    with pytest.raises(Invalid):
        deal.update(plan=None)


def test_what_a_reference_leads_to_is_kept(acme: Any, people: Any) -> None:
    custom_fields.create_field(
        {"noun": "Lead", "label": "Partner", "type": "reference", "to": "Organization"}
    )
    lead = Lead.create(name="With a partner", source="web", partner=people.corp)
    assert lead.partner == people.corp and list(Lead.find({"partner.name": "Acme Corp"})) == [lead]
    people.ada.update(organization=None)
    with pytest.raises(Conflict) as refused:
        people.corp.delete()
    assert refused.value.extra["referredBy"] == {"Lead": 1}
    with pytest.raises(Invalid):
        Lead.create(name="To nobody", source="web", partner="org_fX9bL5nRdK2a")


def test_numbers_add_up_whatever_they_are(api: Any) -> None:
    answered(api.call("POST", "/fields", {"noun": "Lead", "name": "atoms", "type": "number"}), 201)
    lead = {"name": "L", "source": "web"}
    large = api.call("POST", "/leads", lead | {"atoms": 1.7e308})
    assert problem(large, 422, "validation_error")["details"][0]["field"] == "atoms"
    for _ in range(2):
        answered(api.call("POST", "/leads", lead | {"atoms": 1e300}), 201)
    found = answered(api.call("GET", "/leads/aggregate?measure=sum(atoms),avg(atoms)"))
    assert "2e+300" in str(found)


def test_what_holds_the_former_name_of_a_field_goes_on(api: Any, acme: Any, rival: Any) -> None:
    made = answered(
        api.call("POST", "/fields", {"noun": "Lead", "name": "area", "type": "string"}), 201
    )
    place = f"/fields/{made['$id']}"
    new = {"name": "L", "source": "web", "area": "a"}
    lead = answered(api.call("POST", "/leads", new), 201)["$id"]
    changed = api.call("PATCH", f"/leads/{lead}", {"area": "b"})
    criteria = {"type": "Lead", "filter": {"area": "b"}}
    segment = answered(api.call("POST", "/segments", {"name": "S", "criteria": criteria}), 201)
    for name in ("region", "salesRegion"):
        answered(api.call("PATCH", place, {"name": name}))
    refreshed = answered(api.call("POST", f"/segments/{segment['$id']}/refresh", {}))
    assert refreshed["memberCount"] == 1
    for query in ("area=b", "region=b", "salesRegion=b", "sort=-area", "fields=area"):
        (found,) = answered(api.call("GET", f"/leads?{query}"))["results"]
        assert found["$id"] == lead and found["salesRegion"] == "b" and "area" not in found
    answered(api.call("PATCH", f"/leads/{lead}", {"region": "c"}))
    assert answered(api.call("GET", f"/leads/{lead}"))["salesRegion"] == "c"
    # The past too is taken back by what it was called then.
    answered(api.call("PATCH", f"/leads/{lead}", {"salesRegion": "b"}))
    request = changed["X-Request-Id"]
    answered(api.call("POST", f"/requests/{request}/undo", {}))
    assert answered(api.call("GET", f"/leads/{lead}"))["salesRegion"] == "a"
    # So no other field takes such a name, until there is nothing to be mistaken for.
    other = {"noun": "Lead", "name": "area", "type": "integer"}
    problem(api.call("POST", "/fields", other), 422, "validation_error")
    answered(api.call("PATCH", place, {"name": "area"}))
    assert "region" not in answered(api.call("GET", f"/leads/{lead}"))
    assert api.call("DELETE", f"{place}?name=area").status_code == 204
    answered(api.call("POST", "/fields", other), 201)
    assert api.call("PATCH", f"/leads/{lead}", {"area": "b"}).status_code == 422
    with tenancy.active(rival):
        assert Lead.schema.field("region") is None


def test_a_name_is_made_of_any_label(api: Any) -> None:
    for label, name in (
        ("Größe 名前", "groesse"), ("Año de cierre", "anoDeCierre"), ("名前", "field1"),
        ("اسم العميل", "field2"), ("🎉", "field3"),
    ):  # fmt: skip
        made = answered(
            api.call("POST", "/fields", {"noun": "Lead", "label": label, "type": "string"}), 201
        )
        assert (made["name"], made["label"]) == (name, label)


def test_a_former_name_holds_beside_whatever_else_shapes_the_noun(api: Any, acme: Any) -> None:
    """Stages of the tenant's own and a list of values: each puts other fields into the schema."""
    made = answered(
        api.call("POST", "/fields", {"noun": "Deal", "name": "salesArea", "type": "string"}), 201
    )
    stages = [{"name": "Talk"}, {"name": "Offer"}]
    asked = {"name": "Renewals", "isDefault": True, "stages": stages}
    answered(api.call("POST", "/pipelines", asked), 201)
    answered(api.call("PATCH", "/lists/Deal.lostReason", {"values": ["Price"], "open": False}))
    deal = answered(api.call("POST", "/deals", {"name": "D", "value": 1, "salesArea": "a"}), 201)
    answered(api.call("PATCH", f"/fields/{made['$id']}", {"name": "region"}))
    (found,) = answered(api.call("GET", "/deals?salesArea=a"))["results"]
    assert (found["$id"], found["region"], found["stage"]) == (deal["$id"], "a", "Talk")


def test_who_is_merged_is_referred_to_no_more_by_own_fields_either(api: Any, people: Any) -> None:
    for noun in ("Lead", "Contact"):
        field = {"noun": noun, "name": "partner", "type": "reference", "to": "Contact"}
        answered(api.call("POST", "/fields", field), 201)
    twin = answered(api.call("POST", "/contacts", {"name": "Ada C."}), 201)["$id"]
    new = {"name": "L", "source": "web", "partner": twin}
    lead = answered(api.call("POST", "/leads", new), 201)["$id"]
    answered(api.call("PATCH", f"/contacts/{people.ada.pk}", {"partner": twin}))
    merged = api.call("POST", f"/contacts/{twin}/merge", {"into": people.ada.pk})
    answered(merged)
    assert answered(api.call("GET", f"/leads/{lead}"))["partner"] == people.ada.pk
    assert answered(api.call("GET", f"/contacts/{people.ada.pk}"))["partner"] is None
    answered(api.call("POST", f"/requests/{merged['X-Request-Id']}/undo", {}))
    assert answered(api.call("GET", f"/leads/{lead}"))["partner"] == twin


@pytest.mark.parametrize("type", ["integer", "number", "money", "date", "datetime"])
def test_what_has_no_value_is_smaller_than_nothing_and_comes_last(acme: Any, type: str) -> None:
    custom_fields.create_field({"noun": "Lead", "label": "Rank", "type": type})
    low, high = ("2026-01-01", "2026-02-01") if type.startswith("date") else (1, 5)
    values = {"Low": low, "High": high, "None": None}
    for name, value in values.items():
        Lead.create(name=name, source="web", rank=value)

    def names(filter: Any = None, sort: str = "name") -> list[str]:
        return [lead.name for lead in Lead.find(filter, sort=sort)]

    assert names({"rank": {"$lt": high}}) == ["Low"]
    assert names({"rank": {"$lte": high}}) == ["High", "Low"]
    assert names({"rank": {"$exists": False}}) == ["None"] == names({"rank": None})
    assert names({"rank": {"$ne": low}}) == ["High", "None"]
    assert names(sort="rank") == ["Low", "High", "None"]
    assert names(sort="-rank") == ["High", "Low", "None"]
