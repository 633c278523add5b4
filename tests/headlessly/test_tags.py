"""Tags: short texts that every record may have, spelled once in a tenant."""

from __future__ import annotations

from typing import Any

import pytest

from crm.models import Contact, Organization
from headlessly.access import suggestions, tenancy
from headlessly.access.lists import ListValue
from headlessly.errors import Invalid, InvalidFilter

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
    for query, found in (("tags=x", "AB"), ("tags__all=x,y", "B"), ("tags__isnull=true", "D")):
        answer = api.call("GET", f"/contacts?{query}").json()["results"]
        assert "".join(sorted(each["name"] for each in answer)) == found, query
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
    "wrong", ["VIP", [1], {"set": []}, ["a;b"], ["x" * 65], [f"{n}" for n in range(51)]]
)
def test_what_is_no_tag_is_refused_and_remembered_nowhere(acme: Any, wrong: Any) -> None:
    with pytest.raises(Invalid) as refused:
        Contact.create(name="Ada", tags=wrong)
    assert [each["field"] for each in refused.value.details] == ["tags"]
    assert not ListValue.objects.exists()
