"""What records are called in other systems, and what is done to a record by its name."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from crm.models import Contact, Lead
from headlessly import scripts
from headlessly.access import actors, tenancy
from headlessly.errors import BadRequest, Conflict, Invalid
from headlessly.log.external_ids import ExternalId, systems_in_use

pytestmark = pytest.mark.django_db

HUBSPOT = [{"system": "hubspot", "id": "123"}]


def rows() -> list[tuple[str, str, str]]:
    found = ExternalId.objects.filter(tenant=tenancy.require().pk)
    return sorted(found.values_list("system", "value", "record"))


def test_an_id_is_kept_in_one_spelling_and_leads_to_its_record(acme: Any) -> None:
    lead = Lead.create(name="Ada", source="Web", external_ids=[{"system": "HubSpot", "id": 123}])
    assert lead.external_ids == HUBSPOT
    assert Lead.find({"externalIds.hubspot": "123"}).get() == lead
    assert Lead.find({"externalIds.HubSpot": {"$in": ["123", "9"]}}).count() == 1
    assert Lead.find({"externalIds.pipedrive": None}).count() == 1
    assert Lead.find({"externalIds.hubspot": None}).count() == 0
    assert systems_in_use(Lead) == ["hubspot"] and systems_in_use(Contact) == []


def test_some_systems_change_and_the_others_stay(acme: Any) -> None:
    lead = Lead.create(
        name="Ada", source="Web", external_ids={"hubspot": "123", "salesforce": "S1"}
    )
    lead.update(external_ids={"salesforce": None, "pipedrive": 7})
    assert [(e["system"], e["id"]) for e in lead.external_ids] == [
        ("hubspot", "123"),
        ("pipedrive", "7"),
    ]
    assert rows() == [("hubspot", "123", lead.pk), ("pipedrive", "7", lead.pk)]


def test_two_records_of_a_noun_never_share_one_and_those_of_two_nouns_may(
    acme: Any, rival: Any
) -> None:
    lead = Lead.create(name="Ada", source="Web", external_ids=HUBSPOT)
    with pytest.raises(Conflict, match="hubspot 123") as refused:
        Lead.create(name="Bob", source="Web", external_ids=HUBSPOT)
    assert refused.value.field == "externalIds"
    Contact.create(name="Ada", external_ids=HUBSPOT)
    with tenancy.active(rival):
        Lead.create(name="Eve", source="Web", external_ids=HUBSPOT)
    Lead.delete(lead.pk)
    other = Lead.create(name="Bob", source="Web", external_ids=HUBSPOT)
    with pytest.raises(Conflict):
        Lead.restore(lead.pk)
    Lead.update(other.pk, external_ids=None)
    assert Lead.restore(lead.pk).external_ids == HUBSPOT


@pytest.mark.parametrize(
    "wrong", ["hubspot 1", [{"system": "hubspot"}], {"hub spot!": "1"}, {"hubspot": ""}, [1]]
)
def test_what_is_no_id_is_refused_by_the_name_of_the_field(acme: Any, wrong: Any) -> None:
    with pytest.raises(Invalid) as refused:
        Lead.create(name="Ada", source="Web", external_ids=wrong)
    assert [detail["field"] for detail in refused.value.details] == ["external_ids"]


def test_the_past_has_them_and_an_undo_takes_them_back(acme: Any) -> None:
    lead = Lead.create(name="Ada", source="Web", external_ids=HUBSPOT)
    then = lead.updated_at
    lead.update(external_ids={"hubspot": "9"})
    assert Lead.find({"externalIds.hubspot": "123"}, as_of=then).count() == 1
    assert Lead.find({"externalIds.hubspot": "123"}).count() == 0
    assert Lead.history(lead).first().previous["externalIds"] == HUBSPOT
    Lead.rollback(lead.pk, as_of=then)
    assert rows() == [("hubspot", "123", lead.pk)]


def test_who_survives_a_merge_has_the_ids_and_tags_of_both(acme: Any) -> None:
    one = Contact.create(name="Ada", external_ids={"hubspot": "1"}, tags=["VIP"])
    two = Contact.create(name="Ada C.", external_ids={"hubspot": "2"}, tags=["Partner"])
    Contact.merge(two.pk, into=one.pk)
    there = Contact.get(one.pk)
    assert there.external_ids == [{"system": "hubspot", "id": n} for n in "12"]
    assert there.tags == ["VIP", "Partner"]
    assert Contact.upsert("hubspot", "2", title="CEO").pk == one.pk


def test_an_upsert_creates_and_then_changes_the_same(acme: Any) -> None:
    first = Contact.upsert("email", "Ada@X.example", name="Ada")
    again = Contact.upsert("email", "ada@x.example", title="CEO", email="ADA@x.example")
    assert (again.pk, again.title, again.version) == (first.pk, "CEO", 2)
    lead = Lead.upsert("hubspot", "55", name="Ada", source="Web")
    assert Lead.upsert("hubspot", "55", external_ids={"salesforce": "S"}).external_ids == [
        {"system": "hubspot", "id": "55"},
        {"system": "salesforce", "id": "S"},
    ]
    assert Lead.objects.get() == lead


@pytest.mark.parametrize("name", ["name", "emial", "no system!"])
def test_a_name_that_tells_no_record_from_others_is_refused_and_says_what_does(
    acme: Any, name: str
) -> None:
    with pytest.raises(BadRequest, match="Unique fields: email"):
        Contact.upsert(name, "x")


def test_an_address_and_a_body_that_disagree_are_refused(acme: Any) -> None:
    with pytest.raises(Invalid, match="The address says"):
        Contact.upsert("email", "ada@x.example", name="Ada", email="bob@x.example")
    assert not Contact.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("name", "value"), [("hubspot", "77"), ("email", "ada@x.example")])
def test_of_many_at_once_one_creates_it_and_the_others_change_it(
    acme: Any, name: str, value: str
) -> None:
    tenant, begin, made, problems = tenancy.require(), threading.Barrier(6), [], []

    def write(number: int) -> None:
        try:
            with tenancy.active(tenant), actors.acting(actors.SYSTEM):
                begin.wait()
                made.append(Contact.upsert(name, value, name="Ada", title=f"{number}").is_new)
        except Exception as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems and sorted(made) == [False] * 5 + [True]
    assert Contact.objects.count() == 1 and Contact.objects.get().version == 6


def test_rest_reads_and_writes_a_record_by_what_it_is_called(acme: Any, api: Any) -> None:
    address = "/contacts/by/hubspot/a%2Fb"
    assert api.call("GET", address).status_code == 404
    tried = api.call("PUT", f"{address}?dryRun=true", {"name": "Ada"})
    assert (tried.status_code, Contact.objects.count()) == (200, 0)
    made = api.call("PUT", address, {"name": "Ada"})
    assert made.status_code == 201, made.content
    assert made.json()["externalIds"] == [{"system": "hubspot", "id": "a/b"}]
    again = api.call("PUT", address, {"title": "CEO"})
    assert (again.status_code, again.json()["$version"]) == (200, 2)
    assert api.call("GET", address).json()["title"] == "CEO"
    stale = api.call("PUT", address, {"title": "CTO"}, If_Match='"1"')
    new = api.call("PUT", "/contacts/by/hubspot/9", {"name": "B"}, If_Match='"1"')
    assert (stale.status_code, new.status_code) == (412, 412)
    wrong = api.call("PUT", "/contacts/by/title/CEO", {})
    assert wrong.status_code == 400 and "email" in wrong.json()["message"]
    found = api.call("GET", "/contacts?externalIds.hubspot=a/b").json()["results"]
    assert [each["title"] for each in found] == ["CEO"]


@pytest.mark.parametrize(
    ("address", "field"),
    [("email/%20", "email"), ("email/%00", "email"), ("hubspot/%00", "hubspot")],
)
def test_what_no_record_can_be_called_is_refused(
    acme: Any, api: Any, address: str, field: str
) -> None:
    for method, data in (("GET", None), ("PUT", {"name": "Ada"})):
        answer = api.call(method, f"/contacts/by/{address}", data)
        assert (answer.status_code, answer.json()["field"]) == (400, field), answer.content
    assert api.call("GET", "/contacts?externalIds.hubspot=%00").status_code == 400
    wrong = api.call("POST", "/contacts", {"name": "Ada", "externalIds": {"hubspot": "\0"}})
    assert wrong.status_code == 422 and Contact.objects.count() == 0


def test_the_address_and_what_is_sent_say_one_id(acme: Any, api: Any) -> None:
    address = "/contacts/by/hubspot/1"
    for ids in (
        {"hubspot": "2"},
        {"system": "hubspot", "id": "2"},
        [{"system": "HubSpot", "id": "2"}],
    ):
        wrong = api.call("PUT", address, {"name": "Ada", "externalIds": ids})
        assert wrong.status_code == 422 and wrong.json()["details"][0]["field"] == "externalIds", (
            wrong.content
        )
    for ids in ({"hubspot": ["1", "2"]}, {"hubspot": 1}, {"zoho": "2"}):
        assert api.call("PUT", address, {"name": "Ada", "externalIds": ids}).status_code in (
            200,
            201,
        )
    only_new = api.call("PUT", address, {"name": "Bob"}, If_None_Match="*")
    of_a_version = api.call("PUT", address, {"name": "Bob"}, If_None_Match='"1"')
    assert (only_new.status_code, of_a_version.status_code) == (412, 400)
    assert of_a_version.json()["field"] == "If-None-Match"


def test_a_script_writes_a_record_by_what_it_is_called(acme: Any) -> None:
    code = (
        'c = Contact.upsert("hubspot", "5", name="Ada")\n'
        'c.id == Contact.upsert("hubspot", "5", title="CEO").id and c.externalIds'
    )
    assert scripts.run(code).as_json()["value"] == [{"system": "hubspot", "id": "5"}]
