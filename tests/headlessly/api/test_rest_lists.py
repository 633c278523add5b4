"""Lists: plain parameters, filters, search, order, pages, counts, moments."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest

from crm import Activity, Contact, Lead, Organization
from headlessly.access import actors
from headlessly.errors import InvalidFilter
from headlessly.execution.executor import one_transaction
from headlessly.query import reads
from headlessly.query.names import resolve_names
from tests.answered import answered, problem


@pytest.fixture
def leads(people: SimpleNamespace) -> dict[str, Any]:
    """Five leads: alpha to epsilon."""
    rows = {
        "Alpha": {"score": 90, "budget": 1000.5, "source": "website", "campaign": people.spring},
        "Beta": {"score": 80, "source": "Referral", "organization": people.corp},
        "Gamma": {"score": 70.5, "source": "website", "owner": people.bob},
        "Delta": {"source": "event", "owner": people.cleo, "need": "Speed & 100% uptime"},
        "Epsilon": {"score": 0, "source": "website"},
    }
    with one_transaction():
        made = {
            name: Lead.create(name=name, contact=people.ada, **fields)
            for name, fields in rows.items()
        }
    made["Beta"].update(status="Contacted")
    made["Gamma"].lose(lost_reason="No budget")
    return made


@pytest.fixture
def names(api: Any, leads: Any) -> Any:
    """Asks for leads and answers their names, in order."""

    def ask(**query: Any) -> list[str]:
        found = answered(api.call("GET", f"/leads?{urlencode({'sort': 'createdAt'} | query)}"))
        return [lead["name"] for lead in found["results"]]

    return ask


def lookup(key: str, value: str, *names: str) -> Any:
    return pytest.param(key, value, list(names), id=f"{key}={value}")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        lookup("status", "New", "Alpha", "Delta", "Epsilon"),
        lookup("status__exact", "Contacted", "Beta"),
        lookup("status__ne", "New", "Beta", "Gamma"),
        lookup("status__in", "Contacted,Lost", "Beta", "Gamma"),
        lookup("status__nin", "Contacted,Lost", "Alpha", "Delta", "Epsilon"),
        lookup("score", "80", "Beta"),
        lookup("score", "80.0", "Beta"),
        lookup("score", "0", "Epsilon"),
        lookup("score__gt", "80", "Alpha"),
        lookup("score__gte", "80", "Alpha", "Beta"),
        lookup("score__lt", "70.5", "Epsilon"),
        lookup("score__lte", "70.5", "Gamma", "Epsilon"),
        lookup("score__gte", "100000"),
        lookup("score__isnull", "true", "Delta"),
        lookup("score__isnull", "false", "Alpha", "Beta", "Gamma", "Epsilon"),
        lookup("score__ne", "80", "Alpha", "Gamma", "Delta", "Epsilon"),
        lookup("budget", "1000.50", "Alpha"),
        lookup("budget__gte", "1000.5", "Alpha"),
        lookup("campaign__isnull", "true", "Beta", "Gamma", "Delta", "Epsilon"),
        lookup("source", "website", "Alpha", "Gamma", "Epsilon"),
        lookup("source__iexact", "referral", "Beta"),
        lookup("source__in", "event,Referral", "Beta", "Delta"),
        lookup("name__icontains", "ETA", "Beta"),
        lookup("name__contains", "ETA"),
        lookup("name__contains", "eta", "Beta"),
        lookup("name__startswith", "d"),
        lookup("name__istartswith", "d", "Delta"),
        lookup("name__regex", "^[AE].*[an]$", "Alpha", "Epsilon"),
        lookup("need__icontains", "& 100% UP", "Delta"),
        lookup("need__icontains", "_"),
        lookup("organization.industry", "Technology", "Beta"),
        lookup("organization.industry__icontains", "tech", "Beta"),
        lookup("contact.organization.industry", "Technology",
               "Alpha", "Beta", "Gamma", "Delta", "Epsilon"),
        lookup("contact.organization.industry__isnull", "true"),
        lookup("createdAt__gte", "7d ago", "Alpha", "Beta", "Gamma", "Delta", "Epsilon"),
        lookup("createdAt__lt", "7d ago"),
        lookup("$createdAt__gte", "today", "Alpha", "Beta", "Gamma", "Delta", "Epsilon"),
        lookup("$createdAt__lt", "2026-01-01"),
        lookup("$createdAt__lt", "2026-01-01T09:00:00+02:00"),
        lookup("$version__gt", "1", "Beta", "Gamma"),
        lookup("$createdBy", "system", "Alpha", "Beta", "Gamma", "Delta", "Epsilon"),
    ],
)  # fmt: skip
def test_it_looks_up(key: str, value: str, expected: list[str], names: Any) -> None:
    assert names(**{key: value}) == expected


def test_it_looks_up_by_reference(names: Any, people: SimpleNamespace) -> None:
    assert names(campaign=people.spring.pk) == ["Alpha"]
    assert names(owner__in=f"{people.bob.pk},{people.cleo.pk}") == ["Gamma", "Delta"]
    assert names(owner="contact_222222222222") == []


def test_it_looks_up_by_the_name_of_a_reference(
    names: Any, people: SimpleNamespace, api: Any
) -> None:
    assert names(campaign="Spring launch") == names(campaign="spring  LAUNCH") == ["Alpha"]
    assert names(owner__in="Bob Stone,cleo marsh") == ["Gamma", "Delta"]
    assert names(owner="bob@seller.example") == ["Gamma"]
    assert names(filter='{"$or": [{"owner": "Bob Stone"}, {"campaign": "Spring launch"}]}') == [
        "Alpha",
        "Gamma",
    ]
    assert names(**{"contact.organization": "acme corp"}, owner__ne="Bob Stone") == [
        "Alpha", "Beta", "Delta", "Epsilon",
    ]  # fmt: skip
    exported = api.call("GET", "/export/leads?format=csv&fields=name&owner=Cleo Marsh")
    rows = b"".join(exported.streaming_content)
    assert b"Delta" in rows and b"Gamma" not in rows
    lead = answered(api.call("GET", "/leads?name=Gamma"))["results"][0]["$id"]
    Activity.create(subject="Call", type="Call", lead=lead, assignee=people.bob)
    assert names(filter='{"activities": {"$some": {"assignee": "Bob Stone"}}}') == ["Gamma"]
    comma = Organization.create(name="Widgets, Inc.")
    Lead.create(name="Zeta", source="website", organization=comma)
    assert names(organization="Widgets, Inc.") == ["Zeta"]
    with actors.acting(actors.Actor("user_x", "Bob", actors.REP, people.bob.pk)):
        mine = reads.record_page(Lead, resolve_names(Lead, {"owner": "me"})).results
        with pytest.raises(InvalidFilter, match="no Campaign is called 'me'"):
            resolve_names(Lead, {"campaign": "me"})
    assert [lead["name"] for lead in mine] == ["Gamma"]


@pytest.mark.parametrize(
    ("query", "saying"),
    [
        ({"owner": "Bob Stoen"}, "no Contact is called 'Bob Stoen'. Did you mean 'Bob Stone'?"),
        ({"owner": "Ada Chen"}, "2 contacts are called 'Ada Chen'. Give the id of one, such as"),
        ({"filter": '{"owner": "Nobody"}'}, "no Contact is called 'Nobody'."),
        ({"owner": "Bob & Stoen"}, "no Contact is called 'Bob & Stoen'. Did you mean 'Bob Stone'?"),
        ({"filter": '{"owner": {"$in": ["&"]}}'}, "no Contact is called '&'."),
        ({"owner__in": "Bob Stone,Eve Rival"}, "no Contact is called 'Eve Rival'."),
        ({"owner": "contact_a,contact_b"}, "owner__in=contact_a,contact_b"),
    ],
)
def test_it_says_when_a_name_is_that_of_none_or_of_several(
    query: dict[str, str], saying: str, api: Any, leads: Any, theirs: Any
) -> None:
    Contact.create(name="Ada Chen")
    said = problem(api.call("GET", f"/leads?{urlencode(query)}"), 400, "invalid_filter")
    assert saying in said["message"]
    assert said["field"] == next(iter(query)).partition("__")[0].replace("filter", "owner")


@pytest.mark.parametrize("query", ["name=J%FCrgen", "q=J%FCrgen", 'filter={"name": "J%FCrgen"}'])
def test_it_refuses_letters_of_another_encoding(query: str, api: Any, leads: Any) -> None:
    found = problem(api.call("GET", f"/leads?{query}"), 400, "bad_request")
    assert "UTF-8" in found["message"]


def test_it_takes_a_zone_whose_plus_was_not_encoded(api: Any, leads: Any) -> None:
    found = api.call("GET", "/leads?createdAt__gt=2020-01-01T09:00:00+02:00")
    assert answered(found)["total"] == 5


def test_it_joins_parameters_with_and(names: Any) -> None:
    assert names(source="website", score__gte=50, score__lt=80) == ["Gamma"]
    assert names(source="website", filter='{"score": {"$gte": 90}}') == ["Alpha"]
    assert names(source="website", q="alp") == ["Alpha"]


def test_it_takes_the_filter_language_as_json(names: Any) -> None:
    hot = {"$or": [{"score": {"$gte": 85}}, {"organization.industry": "Technology"}]}
    assert names(filter=json.dumps(hot)) == ["Alpha", "Beta"]
    assert names(filter='{"createdAt": {"$lt": "1d ago"}}') == []
    assert len(names(filter="{}")) == 5


def test_it_searches_words_in_any_searchable_field(names: Any) -> None:
    assert names(q="gam") == ["Gamma"]
    assert names(q="acme corp") == ["Beta"]
    assert len(names(q="ada chen")) == 5
    assert names(q="nobody") == []


def test_it_sorts_and_puts_what_has_no_value_last(names: Any) -> None:
    assert names(sort="-score") == ["Alpha", "Beta", "Gamma", "Epsilon", "Delta"]
    assert names(sort="score") == ["Epsilon", "Gamma", "Beta", "Alpha", "Delta"]
    assert names(sort="source,-name") == ["Delta", "Beta", "Gamma", "Epsilon", "Alpha"]
    assert names(sort="-$createdAt")[0] == "Epsilon"


def test_it_pages_by_limit_and_offset(api: Any, leads: Any) -> None:
    first = answered(api.call("GET", "/leads?sort=createdAt&limit=2"))
    assert [lead["name"] for lead in first["results"]] == ["Alpha", "Beta"]
    assert (first["total"], first["hasMore"]) == (5, True)
    last = answered(api.call("GET", "/leads?sort=createdAt&limit=2&offset=4"))
    assert [lead["name"] for lead in last["results"]] == ["Epsilon"]
    assert (last["total"], last["hasMore"]) == (5, False)
    beyond = answered(api.call("GET", "/leads?offset=40"))
    assert (beyond["results"], beyond["total"], beyond["hasMore"]) == ([], 5, False)


def test_it_counts_exactly_up_to_a_cap_unless_all_are_asked_for(
    api: Any, leads: Any, monkeypatch: Any
) -> None:
    from headlessly.query import paging

    monkeypatch.setattr(paging, "COUNT_CAP", 3)
    capped = answered(api.call("GET", "/leads?limit=2"))
    assert (capped["total"], capped["totalIsExact"]) == (3, False)
    counted = answered(api.call("GET", "/leads?limit=2&count=exact"))
    assert counted["total"] == 5
    assert "totalIsExact" not in counted


def test_it_includes_references_and_other_sides(api: Any, leads: Any, people: Any) -> None:
    found = answered(api.call("GET", "/leads?name=Alpha&include=contact,campaign&include=deal"))
    lead = found["results"][0]
    assert (lead["contact"]["email"], lead["campaign"]["$type"]) == ("ada@acme.example", "Campaign")
    assert lead["deal"] is None
    contact = answered(api.call("GET", f"/contacts/{people.ada.pk}?include=leads,organization"))
    assert {lead["name"] for lead in contact["leads"]} == set(leads)
    assert contact["organization"]["name"] == "Acme Corp"


def test_it_answers_only_the_fields_that_are_asked_for(api: Any, leads: Any) -> None:
    found = answered(api.call("GET", "/leads?name=Alpha&fields=name,status"))["results"][0]
    assert [key for key in found if not key.startswith("$")] == ["name", "status"]


def test_it_lists_as_of_a_moment(api: Any, leads: Any, names: Any) -> None:
    then = leads["Beta"].created_at.isoformat()
    assert names(asOf=then) == ["Alpha", "Beta"]
    assert names(asOf=then, status="New") == ["Alpha", "Beta"]
    assert names(status="New") == ["Alpha", "Delta", "Epsilon"]
    assert names(asOf="1d ago") == []


REFUSED = {
    "limit=1_0": "limit",
    "limit=%2010.0": "limit",
    "score__gte=1_0": "score",
    "budget=1_0": "budget",
    "bogus=1": "bogus",
    "bogus__gte=1": "bogus",
    "score__bogus=1": "score__bogus",
    "organization__industry=x": "organization__industry",
    "organization.bogus=x": "bogus",
    "name.first=x": "name.first",
    "manager.bogus=x": "manager",
    "bant=true": "bant",
    "bant.budget=true": "bant.budget",
    "status=Open": "status",
    "status=": "status",
    "status__in=New,": "status",
    "score=high": "score",
    "score=NaN": "score",
    "score__gte=1e999": "score",
    "score__gte=": "score",
    "score__icontains=8": "score",
    "score__isnull=maybe": "score__isnull",
    "budget=12.345": "budget",
    "createdAt__lt=yesteryear": "createdAt",
    "createdAt__lt=9999999y ago": "createdAt",
    "createdAt__lt=99999y ago": "createdAt",
    "campaign=lead_222222222222": "campaign",
    "campaign=null": "campaign",
    "name=%00": "name",
    "name__icontains=%00": "name",
    "name__regex=(": "name",
    "status=New&status=Lost": "status",
    "q=a&q=b": "q",
    "q=%00": "q",
    "sort=" + "name," * 9: "sort",
    "limit=0": "limit",
    "limit=101": "limit",
    "limit=ten": "limit",
    "limit=1.5": "limit",
    "offset=-1": "offset",
    "offset=99999999999999999999": "offset",
    "sort=bogus": "bogus",
    "sort=bant": "bant",
    "include=bogus": "bogus",
    "include=status": "status",
    "fields=bogus": "bogus",
    "count=all": "count",
    "asOf=never": "asOf",
    "filter=": "filter",
    "filter={": "filter",
    "filter=[]": "filter",
    "filter=null": "filter",
    'filter={"bogus":1}': "bogus",
    'filter={"score":{"$bogus":1}}': "score",
    'filter={"score":{"icontains":"8"}}': "score",
    'filter={"score":"80"}': "score",
    'filter={"score":{"$gte":1e999}}': "filter",
    'filter={"name":"\\ud800"}': "filter",
    'filter={"name":"\\u0000"}': "name",
    'filter={"name":{"$regex":"("}}': "name",
    'filter={"$text":5}': "$text",
    'filter={"$text":"!"}': "$text",
    'filter={"$not":[]}': "filter",
    'filter={"$or":[]}': "$or",
    'filter={"$where":"1"}': "$where",
    'filter={"score":{}}': "score",
}


#: What a message need not name, for there is one of it.
UNNAMED = ("q", "sort", "filter", "$text")


@pytest.mark.parametrize("query", REFUSED)
def test_it_refuses_and_names(query: str, api: Any, leads: Any) -> None:
    response = api.call("GET", f"/leads?{query}")
    assert response.status_code == 400, response.content.decode()
    found = problem(response, 400, response.json()["error"])
    assert found["error"] in ("invalid_filter", "bad_request")
    if (field := REFUSED[query]) is not None:
        assert found["field"] == field
        assert field in found["message"] or field in UNNAMED


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("bogus=1", ["lostReason", "$createdAt", "filter", "include", "asOf"]),
        ("score__bogus=1", ["gte", "icontains", "isnull"]),
        ("include=bogus", ["contact", "activities"]),
        ("fields=bogus", ["lostReason", "$createdAt"]),
        ("status=Open", ["Qualified", "Converted"]),
        ('filter={"score":{"$bogus":1}}', ["$gte", "$exists"]),
        ("status=New&status=Lost", ["status__in"]),
    ],
)
def test_it_lists_what_exists(query: str, words: list[str], api: Any, leads: Any) -> None:
    message = answered(api.call("GET", f"/leads?{query}"), 400)["message"]
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "meant"),
    [
        ("GET", "/leads?scor=1", None, "score"),
        ("GET", "/leads?limt=1", None, "limit"),
        ("GET", "/leads?score__gtee=1", None, "gte"),
        ("GET", "/leads?include=contacts", None, "contact"),
        ("GET", "/leads?fields=nam", None, "name"),
        ("GET", "/leads/aggregate?measur=count", None, "measure"),
        ("GET", "/events?targettype=Lead", None, "targetType"),
        ("POST", "/leads", {"name": "L", "source": "x", "sourcedetail": "y"}, "sourceDetail"),
        ("POST", "/leads", {"name": "L", "source": "x", "scoer": 1}, "score"),
        ("POST", "/leads/lead_x/convrt", {}, "convert"),
        ("POST", "/webhooks", {"url": "https://x.example", "evnts": ["*"]}, "events"),
        ("POST", "/batch", {"operations": [], "atomc": True}, "atomic"),
    ],
)
def test_it_says_what_was_meant(
    method: str, path: str, body: Any, meant: str, api: Any, leads: Any
) -> None:
    message = api.call(method, path, body).json()["message"]
    assert f"Did you mean {meant!r}?" in message


def test_it_never_shows_what_lies_behind_a_reference_of_another_tenant(
    api: Any, leads: Any, theirs: SimpleNamespace
) -> None:
    found = answered(api.call("GET", "/leads?contact.name=Eve Rival"))
    assert found["results"] == []
    found = answered(api.call("GET", f"/leads?contact={theirs.eve.pk}"))
    assert found["results"] == []
