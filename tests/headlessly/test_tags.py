"""Tags: short texts that every record may have, spelled once in a tenant."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext

from crm.models import Contact, Organization
from headlessly.access import suggestions, tenancy
from headlessly.access.lists import ListValue
from headlessly.context import clock
from headlessly.declaration.registry import registry
from headlessly.errors import Invalid, InvalidFilter
from headlessly.query.ranking import best_matches
from headlessly.query.scope import Scope
from headlessly.query.search import Search
from tests.answered import answered
from tests.contract import samples
from tests.headlessly.test_search import looked_up_by

pytestmark = pytest.mark.django_db


def test_a_tag_is_one_whatever_its_case_and_accents(acme: Any, rival: Any) -> None:
    Contact.create(name="Ada", tags=["VIP", " vip ", "Café"])
    bob = Contact.create(name="Bob", tags=["vip", "CAFE"])
    company = Organization.create(name="Acme", tags=["Vip"])
    assert (bob.tags, company.tags) == (["VIP", "Café"], ["VIP"])
    with tenancy.active(rival):
        assert Contact.create(name="Eve", tags=["vip"]).tags == ["vip"]
        assert suggestions.suggestions_for(Contact, Contact.schema.by_name["tags"]) == ["vip"]


def test_records_are_found_by_any_all_and_none_of_them(acme: Any, api: Any) -> None:
    for name, tags in (("A", ["x"]), ("B", ["x", "y"]), ("C", ["y"]), ("D", None)):
        Contact.create(name=name, tags=tags)

    def names(filter: dict[str, Any]) -> str:
        return "".join(sorted(Contact.find(filter).values_list("name", flat=True)))

    assert names({"tags": "X"}) == "AB"
    assert names({"tags": {"$in": ["x", "Y"]}}) == "ABC"
    assert names({"tags": {"$all": ["x", "y"]}}) == "B"
    assert names({"tags": {"$nin": ["x"]}}) == "CD"
    assert names({"tags": {"$exists": False}}) == "D"
    assert names({"tags": None}) == "D"
    for query, found in (
        ("tags=x", "AB"), ("tags=y", "BC"), ("tags__in=x,y", "ABC"), ("tags__in=z,x", "AB"),
        ("tags__all=x,y", "B"), ("tags__isnull=true", "D"),
    ):  # fmt: skip
        answer = api.call("GET", f"/contacts?{query}").json()["results"]
        assert "".join(sorted(each["name"] for each in answer)) == found, query
        counted = api.call("GET", f"/contacts/aggregate?{query}").json()["groups"]
        assert sum(each["count"] for each in counted) == len(found), query
    with pytest.raises(InvalidFilter, match="several"):
        names({"tags": {"$gt": "x"}})
    groups = Contact.aggregate(group="tags")
    assert {each["tags"]: each["count"] for each in groups} == {"x": 2, "y": 2, None: 1}


def test_some_are_added_and_taken_away_and_the_others_stay(acme: Any) -> None:
    ada = Contact.create(name="Ada", tags=["VIP", "Partner"])
    Contact.update(ada.pk, tags={"add": ["vip", "New"], "remove": ["PARTNER"]})
    assert Contact.get(ada.pk).tags == ["VIP", "New"]
    Contact.update(ada.pk, tags={"remove": ["vip", "new"]})
    assert Contact.get(ada.pk).tags is None
    event = Contact.history(ada.pk).first()
    assert (event.previous["tags"], event.data["tags"]) == (["VIP", "New"], None)


@pytest.mark.parametrize(
    "wrong",
    ["VIP", [1], {"set": []}, ["a;b"], ["x" * 65], [""], ["VIP", " "], [f"{n}" for n in range(51)]],
)
def test_what_is_no_tag_is_refused_and_remembered_nowhere(acme: Any, wrong: Any) -> None:
    with pytest.raises(Invalid) as refused:
        Contact.create(name="Ada", tags=wrong)
    assert [each["field"] for each in refused.value.details] == ["tags"]
    assert not ListValue.objects.exists()


# -- found by the search ----------------------------------------------------------------------------


def tagged() -> None:
    Contact.create(name="Ada", tags=["Trade press", "VIP"])
    Contact.create(name="Bob", tags=["Vipers"])
    Contact.create(name="Cleo Press", tags=["Café"])
    Contact.create(name="Dan")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("vip", "Ada Bob"), ("VIPE", "Bob"), ("press", "Ada Cleo Press"), ("trade press", "Ada"),
        ("cafe", "Cleo Press"), ("ada vip", "Ada"), ("ip", ""), ("dan vip", ""), ("v", "Ada Bob"),
    ],
)  # fmt: skip
def test_a_search_finds_what_has_a_tag_that_begins_so(
    words: str, found: str, acme: Any, rival: Any, api: Any
) -> None:
    with tenancy.active(rival):
        tagged()
    tagged()
    then = clock.now()
    answer = answered(api.call("GET", f"/contacts?q={words.replace(' ', '+')}&sort=name"))
    assert " ".join(each["name"] for each in answer["results"]) == found
    assert " ".join(c.name for c in Contact.find(q=words, sort="name", as_of=then)) == found
    Contact.update(Contact.find({"name": "Ada"}).get().pk, tags=None)
    assert "Ada" not in [c.name for c in Contact.find(q="vip trade")]


def test_every_noun_is_found_by_a_tag(acme: Any, people: Any) -> None:
    for noun in registry.values():
        record = samples.create(noun)
        if "update" not in noun.verbs:
            continue
        noun.update(record.pk, tags=["Zebra crossing"])
        assert [each.pk for each in noun.find(q="zebr")] == [record.pk], noun
    keys = {match.noun for match in best_matches([Contact, Organization], "crossing")}
    assert keys == {"Contact", "Organization"}


def test_a_search_by_a_tag_is_answered_by_the_index_of_tags(acme: Any) -> None:
    tagged()
    (own, _company) = Search(Scope(Contact), "vip").tables
    wanted = list(own.listed["tags"]["vip"])
    assert sorted(wanted) == ["VIP", "Vipers"]
    looked_up_by("contact_by_tags", Contact, [Q(tags__has_any_keys=wanted)])
    with CaptureQueriesContext(connection) as caught:
        best_matches([Contact, Organization], "vip")
    assert len([q for q in caught if "listvalue" in q["sql"]]) == 1, "one look for all nouns"
