"""What search and fetch answer: small, complete about what is missing, and helpful when it is wrong."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from crm import Contact, Deal, ExchangeRate, Lead
from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey
from headlessly.declaration.registry import registry
from headlessly.errors import InvalidFilter
from headlessly.mcp import schemas, tools
from headlessly.query import names
from marketing import Campaign
from tests.answered import answered, unchanged
from tests.headlessly.admin.conftest import users
from tests.headlessly.mcp.conftest import Agent
from tests.headlessly.test_visibility import WHISPER, bob, world  # noqa: F401

__all__ = ["users"]
PAGE = {
    "type": "Lead",
    "filter": {"status": "New", "source": "website"},
    "sort": {"score": "desc"},
    "limit": 25,
}
#: What a list of leads shows by itself.
MAIN = {"name", "status", "score", "owner", "source", "campaign", "lastActivityAt"}
#: What every record carries.
META = {"$id", "$type", "$context", "$version", "$createdAt", "$createdBy", "$updatedAt"}


# -- search ---------------------------------------------------------------------------------------


def test_it_answers_the_customers_page(agent: Any, lead: Any, theirs: Any) -> None:
    best = Lead.create(name="Better", source="website", score=95)
    Lead.create(name="Elsewhere", source="referral", score=99)
    found = agent.tool("search", **PAGE)
    assert [record["$id"] for record in found["results"]] == [best.pk, lead.pk]
    assert (found["total"], found["hasMore"], found["cursor"]) == (2, False, None)


def test_it_answers_the_main_fields_and_says_which_it_left_out(agent: Any, lead: Any) -> None:
    found = agent.tool("search", type="Lead")
    (record,) = found["results"]
    assert record.keys() == META | MAIN
    assert set(found["leftOut"]["fields"]) == Lead.schema.fields.keys() - MAIN
    assert '"fields"' in found["leftOut"]["how"]
    found = agent.tool("search", type="Lead", fields=["budget", "$createdAt"])
    (record,) = found["results"]
    assert record.keys() == META | {"budget"}
    assert "leftOut" not in found
    assert agent.tool("search", type="Lead", fields="budget,$createdAt") == found


def test_it_answers_what_rest_answers(agent: Any, lead: Any) -> None:
    """But for what it leaves out, whatever is asked."""
    Lead.create(name="Other", source="website", score=4)
    asked = [
        ({"filter": {"score": {"$gte": 50}}}, "score__gte=50"),
        ({"filter": {"organization.industry": "Technology"}}, "organization.industry=Technology"),
        ({"q": "acme platform"}, "q=acme+platform"),
        ({"sort": "-score,name", "limit": 1}, "sort=-score,name&limit=1"),
        ({"sort": {"name": "asc"}}, "sort=name"),
        ({"include": ["owner", "activities"]}, "include=owner,activities"),
        ({"asOf": "1d ago"}, "asOf=1d+ago"),
    ]
    for arguments, query in asked:
        ours = agent.tool("search", type="Lead", **arguments)
        rests = answered(agent.call("GET", f"/leads?{query}"))
        assert ours["total"] == rests["total"]
        assert ours["hasMore"] == rests["hasMore"]
        for mine, other in zip(ours["results"], rests["results"], strict=True):
            for name, value in mine.items():
                if isinstance(value, dict) and name != "bant":
                    assert value.items() <= other[name].items()
                else:
                    assert value == other[name]


def test_it_measures_groups_as_rest_aggregates_them(agent: Any, lead: Any) -> None:
    Lead.create(name="Second", source="event", score=10, budget=500)
    Deal.create(name="Dollars", value=5)
    Deal.create(name="Yen", value=700, currency="JPY")
    asked: list[tuple[str, dict[str, Any], str]] = [
        ("Lead", {"group": "source"}, "group=source"),
        ("Lead", {"group": "source,owner", "measure": "count,avg(score)"},
         "group=source,owner&measure=count,avg(score)"),
        ("Lead", {"measure": "max(score)", "filter": {"source": "event"}},
         "measure=max(score)&source=event"),
        ("Lead", {"by": "month(createdAt)", "sort": "-count", "limit": 1},
         "by=month(createdAt)&sort=-count&limit=1"),
        ("Lead", {"group": "organization.industry", "asOf": "1d ago"},
         "group=organization.industry&asOf=1d+ago"),
        ("Deal", {"group": "stage", "measure": "sum(value)"}, "group=stage&measure=sum(value)"),
    ]  # fmt: skip
    for noun, arguments, query in asked:
        ours = agent.tool("search", type=noun, **arguments)
        rests = answered(agent.call("GET", f"/{noun.lower()}s/aggregate?{query}"))
        assert (ours["groups"], ours["hasMore"]) == (rests["groups"], rests["hasMore"])
    (stage,) = agent.tool("search", type="Deal", group="stage", measure="sum(value)")["groups"]
    assert stage["sum(value)"] == {"USD": 5.0, "JPY": 700.0}, "currencies are never added"


def test_it_tells_once_at_which_rates_amounts_were_converted(agent: Any) -> None:
    ExchangeRate.create(currency="EUR", day="2026-01-01", rate=1.25)
    for stage in ("Prospecting", "Qualification"):
        Deal.create(name="Dollars", value=5, stage=stage)
        Deal.create(name="Euros", value=4, currency="EUR", stage=stage)
    rate = [{"currency": "EUR", "day": "2026-01-01", "rate": 1.25}]
    query = {"group": "stage", "measure": "sum(value)"}
    ours = agent.tool("search", type="Deal", **query)
    assert [each["converted"]["sum(value)"] for each in ours["groups"]] == [
        {"currency": "USD", "value": 10.0}
    ] * 2
    assert ours["rates"] == rate
    report = agent.tool("fetch", type="Report", id="pipelineByStage")
    assert report["rates"] == rate and '"rates":' not in orjson.dumps(report["rows"]).decode()
    whole = agent.tool("fetch", type="Report", id="pipelineByStage", include=["lists"])
    assert whole["converted"]["rates"] == rate and "rates" not in whole


@pytest.mark.parametrize(
    ("arguments", "field", "allowed"),
    [
        ({"group": "colour"}, "group", "source"),
        ({"group": "budget"}, "group", "cannot be grouped by"),
        ({"measure": "sum(name)"}, "measure", "score"),
        ({"measure": "mode(score)"}, "measure", "median"),
        ({"by": "decade(createdAt)"}, "by", "month(createdAt)"),
        ({"group": "source", "sort": "-score"}, "sort", "count"),
        ({"group": "source", "include": ["owner"]}, "include", "filter"),
        ({"group": "source", "limit": 0}, "limit", "1"),
        ({"group": 5}, "group", "text"),
    ],
)
def test_it_says_what_cannot_be_measured_and_what_can(
    agent: Any, arguments: dict[str, Any], field: str, allowed: str
) -> None:
    body = agent.refused("search", type="Lead", **arguments)
    assert body["field"] == field
    assert allowed in body["message"]


def test_it_pages_by_cursor(agent: Any, acme: Any) -> None:
    names = [Contact.create(name=f"Contact {number:02}").name for number in range(7)]
    found, cursor = [], None
    while True:
        page = agent.tool("search", type="Contact", sort="name", limit=3, cursor=cursor)
        found += [record["name"] for record in page["results"]]
        if not page["hasMore"]:
            break
        assert "cursor" in page["leftOut"]["records"]
        cursor = page["cursor"]
    assert found == names
    assert agent.refused("search", type="Contact", sort="-name", cursor=cursor)["field"] == "cursor"


def test_it_answers_25_records_unless_told_otherwise(agent: Any, acme: Any) -> None:
    for number in range(26):
        Contact.create(name=f"Contact {number}")
    page = agent.tool("search", type="Contact")
    assert (len(page["results"]), page["total"], page["hasMore"]) == (25, 26, True)
    assert len(orjson.dumps(page)) / 4 < 2_500, "tokens for a page of 25 contacts"


def test_it_includes_records_with_their_main_fields(agent: Any, lead: Any) -> None:
    found = agent.tool("search", type="Lead", include=["contact", "organization"])
    (record,) = found["results"]
    assert record["contact"]["name"] == "Ada Chen"
    assert record["contact"].keys() == META | {
        "name", "organization", "title", "email", "stage", "owner", "lastEngagement",
    }  # fmt: skip
    assert record["organization"]["industry"] == "Technology"
    assert "fetch" in found["leftOut"]["included"]
    found = agent.tool(
        "search", type="Contact", include=["leads"], filter={"email": "ada@acme.example"}
    )
    (found,) = found["results"]
    assert [each["name"] for each in found["leads"]] == [lead.name]
    assert found["leads"][0].keys() == META | MAIN


def test_it_searches_the_log_as_rest_lists_it(agent: Any, lead: Any) -> None:
    lead.update(score=90)
    found = agent.tool("search", type="Event", filter={"target": lead.pk})
    assert [event["name"] for event in found["results"]] == ["Lead.Created", "Lead.Updated"]
    assert found["results"][1]["previous"] == {"score": 82.0}
    assert "data" not in found["results"][0]
    assert "data" in found["leftOut"]["fields"]
    (event,) = agent.tool(
        "search",
        type="Event",
        filter={"name": "Lead.Updated", "since": "1d ago"},
        fields=["data", "seq"],
    )["results"]
    assert event.keys() == {"$id", "$type", "data", "seq"}
    assert event["data"]["score"] == 90
    page = agent.tool("search", type="Event", limit=2)
    rest = answered(agent.call("GET", "/events?limit=2"))
    assert page["cursor"] == rest["cursor"]
    following = agent.tool("search", type="Event", limit=2, cursor=page["cursor"])
    assert following["results"][0]["$id"] not in {event["$id"] for event in page["results"]}


def test_it_finds_events_by_when_they_happened_by_whom_and_by_request(
    agent: Any, lead: Any
) -> None:
    did = agent.tool("do", code=f'Lead.update("{lead.pk}", score=5)')

    def found(**filter: Any) -> list[str]:
        page = agent.tool("search", type="Event", filter=filter)
        return [each["$id"] for each in page["results"]]

    own = [each["$id"] for each in did["events"]]
    assert found(requestId=did["requestId"]) == found(actor="me") == own
    assert (
        agent.call("GET", f"/events?requestId={did['requestId']}").json()["results"][0]["$id"]
        in own
    )
    at = agent.tool("fetch", type="Event", id=own[1])["timestamp"]
    assert found(timestamp={"$gte": at}, actor="me") == [own[1]]
    assert found(timestamp={"$gt": at}, actor="me") == found(timestamp={"$lt": "7d ago"}) == []
    assert own[1] in found(timestamp={"$lte": at, "$gt": "1h ago"}, name="Lead.Updated")
    for wrong in ({"$in": [at]}, at, {"$gt": at, "$gte": at}, {}):
        said = agent.refused("search", type="Event", filter={"timestamp": wrong})
        assert "since and until" in said["message"]
    twice = {"timestamp": {"$gt": at}, "since": at}
    assert agent.refused("search", type="Event", filter=twice)["field"] == "timestamp"


# -- fetch ----------------------------------------------------------------------------------------


def test_it_fetches_a_record_as_rest_answers_it(agent: Any, lead: Any) -> None:
    rest = answered(agent.call("GET", f"/leads/{lead.pk}?include=contact,campaign"))
    assert agent.tool("fetch", type="Lead", id=lead.pk, include=["contact", "campaign"]) == rest
    few = agent.tool("fetch", type="Lead", id=lead.pk, fields=["score"])
    assert few["score"] == 82
    assert "name" not in few


def test_it_fetches_the_past(agent: Any, lead: Any) -> None:
    then = lead.updated_at.isoformat()
    lead.update(score=5)
    assert agent.tool("fetch", type="Lead", id=lead.pk, asOf=then)["score"] == 82
    assert agent.tool("fetch", type="Lead", id=lead.pk)["score"] == 5
    (before,) = agent.tool("search", type="Lead", asOf=then, filter={"score": 82})["results"]
    assert before["$id"] == lead.pk


def test_it_tells_what_there_is_in_few_words(agent: Any, reader: Any) -> None:
    found = agent.tool("fetch", type="Schema")
    assert found["types"].keys() == registry.keys()
    assert found["types"]["Lead"]["description"].startswith("An inbound lead")
    assert found["usual"] == ["create", "update", "delete", "restore", "rollback"]
    assert found["types"]["Lead"]["verbs"][:2] == ["usual", "convert"]
    assert found["types"]["Touchpoint"]["verbs"] == ["create", "delete", "restore"]
    assert all("\n" not in each["description"] for each in found["types"].values())
    assert found["types"]["Rule"]["description"].endswith("what it is worth, what follows.")
    assert found["you"] | {"name": None} == {
        "name": None, "role": "manager", "contact": None, "sees": "all", "tenant": "Acme",
    }  # fmt: skip
    assert len(orjson.dumps(found)) / 4 < 46 * len(registry), "tokens, as is usually reckoned"
    assert reader.tool("fetch", type="Schema")["types"]["Lead"]["verbs"] == []


@pytest.mark.parametrize("name", list(registry))
def test_it_tells_all_of_a_type(agent: Any, name: str) -> None:
    noun, found = registry[name], agent.tool("fetch", type="Schema", id=name)
    assert found["fields"].keys() == noun.schema.fields.keys()
    assert len(found["verbs"]) == len(noun.verbs)
    for verb in noun.verbs.values():
        said = next(v for v in found["verbs"].values() if v["description"] == verb.summary)
        taken = {*said.get("required", ()), *said.get("optional", ()), *said.get("input", ())}
        if schemas.EVERY_FIELD in taken:
            taken |= {name for name, field in found["fields"].items() if "readOnly" not in field}
        assert set(verb.inputs) <= taken or verb.summary != said["description"]
    assert len(orjson.dumps(found)) / 4 < 1_950


def test_it_tells_what_is_possible_from_which_state(agent: Any) -> None:
    found = agent.tool("fetch", type="Schema", id="Lead")
    assert "A lost lead is not converted." in found["verbs"]["convert"]["requires"]
    assert found["states"]["field"] == "status"
    assert found["states"]["from"] == {
        "New": {"update": ["Contacted"], "lose": ["Lost"]},
        "Contacted": {"update": ["Qualified"], "lose": ["Lost"]},
        "Qualified": {"convert": ["Converted"], "lose": ["Lost"]},
        "Converted": {},
        "Lost": {"update": ["New"]},
    }
    assert found["verbs"]["lose"]["required"] == ["lostReason"]
    assert found["fields"]["status"]["choices"] == [
        "New",
        "Contacted",
        "Qualified",
        "Converted",
        "Lost",
    ]
    assert "name" in found["verbs"]["create"]["required"]
    assert found["verbs"]["convert"]["input"]["deal"] == {"new": schemas.OR_NEW}
    assert found["relations"]["activities"] == "Activity.lead"
    assert agent.tool("fetch", type="Schema", id="Segment").get("states") is None


def test_it_counts_by_state_as_rest_does(agent: Any, lead: Any) -> None:
    rest = answered(agent.call("GET", "/status"))
    assert agent.tool("fetch", type="Status")["nouns"] == rest["nouns"]


def test_it_tells_what_happened_to_a_record_whatever_its_noun(agent: Any, lead: Any) -> None:
    lead.update(score=90)
    found = agent.tool("fetch", type="History", id=lead.pk)
    assert [event["name"] for event in found["results"]] == ["Lead.Updated", "Lead.Created"]
    lead.delete()
    found = agent.tool("fetch", type="History", id=lead.pk)
    assert found["results"][0]["name"] == "Lead.Deleted"
    assert agent.tool("fetch", type="History", id=lead.contact_id)["total"] == 1
    event = agent.tool("fetch", type="Event", id=found["results"][0]["$id"])
    assert event == answered(agent.call("GET", f"/events/{event['$id']}"))


# -- references by name ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "filter",
    [
        {"owner": "Bob Stone"},
        {"owner": "bob  STONE"},
        {"owner": "Bob@Seller.example"},
        {"campaign": "Spring launch"},
        {"organization": "acme.example"},
        {"contact.organization": "Acme Corp"},
        {"owner": {"$in": ["Ada Chen", "Bob Stone"]}},
        {"owner": {"$not": {"$eq": "Cleo Marsh"}}, "$or": [{"campaign": "spring launch"}]},
        {"owner": {"$ne": "Cleo Marsh"}, "$not": {"contact": "Cleo Marsh"}},
    ],
)
def test_it_takes_a_name_for_the_one_record_that_has_it(
    agent: Any, lead: Any, people: Any, filter: Any
) -> None:
    Lead.create(name="Other", owner=people.cleo, source="event")
    found = agent.tool("search", type="Lead", filter=filter)
    assert [record["$id"] for record in found["results"]] == [lead.pk]
    code = f"Lead.find({filter!r}).first(), Lead.count({filter!r})"
    assert agent.tool("do", code=code)["value"][1] == 1


@pytest.mark.parametrize(
    ("filter", "saying"),
    [
        ({"owner": "Bob Stoen"}, "no Contact is called 'Bob Stoen'. Did you mean 'Bob Stone'?"),
        (
            {"campaign": "The spring"},
            "no Campaign is called 'The spring'. There is 'Spring launch'.",
        ),
        ({"owner": "Nobody"}, "no Contact is called 'Nobody'. An id is like contact_"),
        ({"owner": "Ada Chen"}, "2 contacts are called 'Ada Chen'. Give the id of one, such as"),
        ({"owner": "lead_x"}, "There is no Contact lead_x"),
        ({"owner": "Eve Rival"}, "no Contact is called 'Eve Rival'. An id is like"),
        ({"$or": [{"contact.colour": "x"}]}, "Contact has no field 'colour'"),
        ({"owner": {"$gt": "Bob Stone"}}, "$gt compares numbers, dates and text"),
        ({"owner": ""}, "There is no Contact"),
        ({"owner": {"$in": ["Bob Stone", "Cleo Marsh", "Eve"]}}, "may have 2 names at the most"),
    ],
)
def test_it_says_which_are_near_when_a_name_is_that_of_none_or_of_several(
    agent: Any, lead: Any, theirs: Any, filter: Any, saying: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "MAX_NAMES", 2)
    Contact.create(name="Ada Chen")
    found = agent.refused("search", type="Lead", filter=filter)
    assert found["error"] == "invalid_filter"
    assert saying.lower() in found["message"].lower()
    assert "Eve Rival" not in found["message"].replace("'Eve Rival'", "", 1)


def test_it_tells_all_names_where_none_is_near_and_they_are_few(
    agent: Any, lead: Any, people: Any, users: Any, acme: Any
) -> None:
    """The second campaign's word is in no question, and Ada works nowhere here."""
    Campaign.create(name="Trade fair, autumn")
    asked = agent.refused("search", type="Lead", filter={"campaign": "cold mails"})
    assert "There is 'Spring launch', 'Trade fair, autumn'." in asked["message"]
    asked = agent.refused("search", type="Lead", filter={"owner": "Zyx"})
    assert "'Bob Stone', 'Cleo Marsh'" in asked["message"]
    assert "Ada Chen" not in asked["message"]
    # What a limited rep sees of others might be few among a million.
    acme.limits_reps = True
    acme.save()
    rep = actors.Actor("user_bob", "Bob", "rep", people.bob.pk, limited=True)
    for name, told in (("contact", False), ("owner", True)):
        with tenancy.active(acme), actors.acting(rep), pytest.raises(InvalidFilter) as refused:
            names.resolve_names(Lead, {name: "Zyx"})
        assert ("There is" in refused.value.message) is told


def test_it_takes_me_for_the_person_whose_key_this_is_and_for_nobody_of_a_service_key(
    agent: Any, acme: Any, lead: Any, people: Any, users: Any
) -> None:
    Lead.create(name="Other", owner=people.cleo, source="event")
    own = Agent(acme, "read")
    ApiKey.objects.filter(pk=own.key.pk).update(user=users.cleo)
    mine = {"type": "Lead", "filter": {"owner": "me"}}
    assert [each["name"] for each in own.tool("search", **mine)["results"]] == ["Other"]
    assert own.tool("fetch", type="Schema")["you"]["contact"] == people.cleo.pk
    assert [
        each["name"]
        for each in answered(own.call("GET", "/leads?filter=%7B%22owner%22:%22me%22%7D"))["results"]
    ] == ["Other"]
    assert answered(own.call("GET", "/me"))["contact"] == people.cleo.pk
    assert "you are not linked to a contact" in agent.refused("search", **mine)["message"]
    grouped = agent.refused("search", type="Lead", group=["owner"])
    assert 'group is text, as in "source,owner.name".' in grouped["message"]


def test_it_tells_the_numbers_by_name_and_what_one_includes(agent: Any) -> None:
    found = agent.tool("fetch", type="Report")
    assert found["reports"]["returnByCampaign"] == "Return by campaign"
    assert "period" in found["parameters"]["usual"]
    assert len(orjson.dumps(found)) / 4 < 900
    # What a running campaign brought is in no field of it: the field says where.
    roi = agent.tool("fetch", type="Schema", id="Campaign")["fields"]["roi"]["description"]
    assert roi.partition("so far: report ")[2] in found["reports"]
    refused = agent.refused("fetch", type="Report", id="newLeads", include=["owner"])
    assert refused["field"] == "include" and "lists" in refused["message"]


def test_it_says_that_what_is_asked_beside_a_record_is_a_field_of_it(agent: Any, lead: Any) -> None:
    refused = agent.refused("fetch", type="Lead", id=f"{lead.pk}/owner")
    assert "<id>/score. owner is a field: fetch the id alone." in refused["message"]
    assert "search" not in refused["next"]


# -- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "arguments", "code", "saying"),
    [
        (
            "search",
            {},
            "bad_request",
            "One of Activity, Attachment, Calendar, Contact, Deal, DealContact, EmailTemplate, ",
        ),
        (
            "search",
            {"type": "leads"},
            "bad_request",
            "Types: Activity, Attachment, Calendar, Contact, Deal, DealContact, EmailTemplate, ",
        ),
        ("search", {"type": "Schema"}, "bad_request", "to search. Types:"),
        ("search", {"type": "Lead", "order": "x"}, "bad_request", "Arguments: type, filter, sort"),
        ("search", {"type": "Lead", "filtr": {}}, "bad_request", "Did you mean 'filter'?"),
        ("search", {"type": "Event", "fields": ["nme"]}, "invalid_filter", "Did you mean 'name'?"),
        ("search", {"type": "Lead", "filter": "x"}, "bad_request", "filter is an object"),
        ("search", {"type": "Lead", "filter": {"x": 1}}, "invalid_filter", "Fields: name, contact"),
        ("search", {"type": "Lead", "filter": {"score": {"$x": 1}}}, "invalid_filter", "$gte"),
        ("search", {"type": "Lead", "filter": {"status": "Hot"}}, "invalid_filter", "Qualified"),
        (
            "search",
            {"type": "Lead", "filter": {"status": "Contactd"}},
            "invalid_filter",
            "Did you mean 'Contacted'?",
        ),
        ("search", {"type": "Lead", "sort": {"score": "up"}}, "invalid_filter", '"desc"'),
        ("search", {"type": "Lead", "fields": ["x"]}, "invalid_filter", "Fields: name, contact"),
        ("search", {"type": "Lead", "include": ["x"]}, "invalid_filter", "Include: contact"),
        ("search", {"type": "Lead", "limit": 1000}, "invalid_filter", "from 1 to 100"),
        ("search", {"type": "Lead", "limit": "ten"}, "bad_request", "a whole number"),
        ("search", {"type": "Lead", "cursor": "x"}, "invalid_filter", "cursor"),
        ("search", {"type": "Lead", "asOf": "soon"}, "invalid_filter", "asOf"),
        ("search", {"type": "Event", "sort": "name"}, "bad_request", "Arguments: filter, limit"),
        ("search", {"type": "Event", "filter": {"x": "y"}}, "invalid_filter", "targetType, actor"),
        ("search", {"type": "Event", "filter": {"name": 1}}, "invalid_filter", "name is text"),
        ("search", {"type": "Event", "fields": ["x"]}, "invalid_filter", "previous, cause"),
        ("search", {"type": "History"}, "bad_request", "Use fetch."),
        (
            "search",
            {"type": "Lead", "sort": ["score"]},
            "bad_request",
            'as in {"score": "desc"} or',
        ),
        ("search", {"type": "Lead", "filter": "{}"}, "bad_request", "an object, not text, as in {"),
        ("fetch", {"type": "Lead"}, "bad_request", "needs an id"),
        ("fetch", {"type": "Lead", "id": "lead_nothing"}, "not_found", "There is no Lead"),
        ("fetch", {"type": "Lead", "id": "contact_x"}, "not_found", "the id of a Contact"),
        ("fetch", {"type": "Lead", "id": 7}, "bad_request", "id is text"),
        (
            "fetch",
            {"type": "Schema", "id": "Leed"},
            "not_found",
            "Types: Activity, Attachment, Calendar",
        ),
        ("fetch", {"type": "Status", "id": "Lead"}, "bad_request", "It takes none"),
        ("fetch", {"type": "Schema", "asOf": "now"}, "bad_request", "Arguments: id"),
        ("fetch", {"type": "History"}, "bad_request", "needs an id"),
        ("fetch", {"type": "History", "id": "evt_x"}, "not_found", "lead_..."),
        ("fetch", {"type": "History", "id": "lead_x"}, "not_found", "There is no Lead"),
        ("fetch", {"type": "Event", "id": "evt_x"}, "not_found", "There is no Event"),
        ("do", {}, "bad_request", "do needs code"),
        ("do", {"code": 1}, "bad_request", "code is text"),
        ("do", {"code": "1", "dryRun": "no"}, "bad_request", "true or false"),
    ],
)
def test_it_says_what_is_wrong_and_what_there_is_instead(
    agent: Any, tool: str, arguments: dict[str, Any], code: str, saying: str
) -> None:
    with unchanged():
        found = agent.refused(tool, **arguments)
    assert found["error"] == code
    assert saying in found["message"]


def test_it_says_what_to_do_next(agent: Any) -> None:
    found = agent.refused("search", type="Lead", filter={"status": "new"})
    assert '{"type": "Schema", "id": "Lead"}' in found["next"]
    found = agent.refused("fetch", type="Lead", id="lead_nothing")
    assert found["type"] == "Lead"
    assert 'search {"type": "Lead"' in found["next"]
    found = agent.refused("search", type="Lead", filter={"x": 1})
    assert 'fetch {"type": "Schema", "id": "Lead"}' in found["next"]


def test_it_shows_nothing_of_another_tenant(
    agent: Any, rivals_agent: Any, lead: Any, theirs: Any
) -> None:
    for id, kind in ((theirs.lead.pk, "Lead"), (theirs.eve.pk, "Contact")):
        nothing = agent.refused("fetch", type=kind, id=id)
        none = agent.refused("fetch", type=kind, id=f"{id[:-3]}xxx")
        assert nothing["message"].replace(id, "") == none["message"].replace(f"{id[:-3]}xxx", "")
        assert agent.refused("fetch", type="History", id=id)["error"] == "not_found"
    for arguments in ({"type": "Lead"}, {"type": "Contact"}, {"type": "Event", "limit": 100}):
        assert "ival" not in str(agent.tool("search", **arguments))
        assert "Acme" not in str(rivals_agent.tool("search", **arguments))
    assert agent.tool("search", type="Event", filter={"target": theirs.lead.pk})["results"] == []
    assert rivals_agent.tool("fetch", type="Status")["nouns"]["Lead"]["total"] == 1


def test_it_shows_a_limited_rep_what_is_theirs(bob: Any, world: SimpleNamespace) -> None:  # noqa: F811
    calls = [("search", {"type": name, "limit": 100}) for name in registry]
    calls += [("search", {"type": "Lead", "include": ["contact", "owner", "activities", "deal"]})]
    calls += [
        ("search", {"type": "Lead", "q": WHISPER}),
        ("search", {"type": "Event", "limit": 100}),
    ]
    calls += [("search", {"type": "Lead", "filter": {"campaign": "Campaign"}})]
    calls += [("search", {"type": "Event", "fields": ["data"], "limit": 100})]
    calls += [("fetch", {"type": "Lead", "id": world.theirs.pk})]
    calls += [("fetch", {"type": "History", "id": world.theirs.pk})]
    calls += [("fetch", {"type": "Lead", "id": world.own.pk, "include": ["contact", "activities"]})]
    with actors.acting(bob.actor):
        for name, arguments in calls:
            answer, _ = tools.call_tool(name, arguments)
            assert WHISPER.lower() not in answer.decode().lower(), (name, arguments)
        found = orjson.loads(tools.call_tool("fetch", {"type": "Schema"})[0])
        assert found["you"]["sees"] == "own"
        answer, failed = tools.call_tool("fetch", {"type": "Lead", "id": world.own.pk})
        assert not failed
        assert orjson.loads(answer)["name"] == "Own lead"


def test_it_fetches_by_an_id_alone(agent: Any, lead: Any) -> None:
    assert agent.tool("fetch", id=lead.pk)["$type"] == "Lead"
    event = agent.tool("search", type="Event", limit=1)["results"][0]["$id"]
    assert agent.tool("fetch", id=event)["$type"] == "Event"


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ({"type": "lead"}, "Lead"),
        ({"type": "Organisation"}, "Organization"),
        ({"type": "Lead", "filter": {"scor": 1}}, "score"),
        ({"type": "Lead", "sort": "-createdat"}, "$createdAt"),
    ],
)
def test_it_says_what_was_meant(arguments: dict[str, Any], meant: str, agent: Any) -> None:
    found = agent.refused("search", **arguments)
    assert f"Did you mean {meant!r}?" in found["message"]
