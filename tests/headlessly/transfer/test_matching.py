"""A file that comes twice does not double its records."""

from __future__ import annotations

from typing import Any

import pytest

from crm import Activity, Contact, Lead, Organization
from headlessly.shaping import custom_fields
from marketing import Campaign
from tests.answered import problem
from tests.headlessly.transfer.conftest import counts

LEADS = "name,source,contact,score\nOne,web,ada@acme.example,5\nTwo,web,bob@seller.example,\nThree,fair,,\n"


def test_it_finds_records_by_a_set_of_fields(imported: Any, people: Any) -> None:
    assert counts(imported("leads", LEADS, "?match=contact,name")) == {"created": 3}
    assert counts(imported("leads", LEADS, "?match=contact,name")) == {"unchanged": 3}
    changed = LEADS.replace(",5", ",6")
    assert counts(imported("leads", changed, "?match=name,contact")) == {
        "updated": 1,
        "unchanged": 2,
    }
    assert Lead.find({"name": "One"}).get().score == 6
    assert Lead.count() == 3


def test_it_finds_records_by_those_that_a_row_describes(imported: Any, acme: Any) -> None:
    table = (
        "First Name,Last Name,Email Address,Company,Lead Source,Deal Size\n"
        "Mia,Holm,mia@x.example,Quill,web,5\nTom,Ray,tom@x.example,Quill,web,7\n"
    )
    for query in ("?match=contact,name", "?match=contact", "?match=organization,name"):
        assert counts(imported("leads", table, "?match=contact,name"))
        assert counts(imported("leads", table, query)) == {"unchanged": 2}
    changed = table.replace(",7\n", ",9\n")
    assert counts(imported("leads", changed, "?match=contact")) == {"updated": 1, "unchanged": 1}
    assert sorted(lead.budget for lead in Lead.find()) == [5, 9]


def test_it_finds_what_a_row_above_made(imported: Any, acme: Any) -> None:
    table = "name,source,score\nA,web,1\nA,web,2\n"
    for query in ("?match=name,source&dryRun=true", "?match=name,source"):
        assert counts(imported("leads", table, query)) == {"created": 1, "updated": 1}
    assert Lead.find().get().score == 2


def test_it_refuses_a_row_that_is_about_two(imported: Any, acme: Any) -> None:
    for _ in range(2):
        Lead.create(name="A", source="web")
    done = imported("leads", "name,source,score\nA,web,1\n", "?match=name,source")
    assert counts(done) == {"refused": 1}
    assert "There are 2" in done["errors"][0]["message"]


def test_it_says_what_records_can_be_found_by(send: Any, acme: Any) -> None:
    said = problem(send("leads", LEADS, "?match=shoe"), 422, "validation_error")
    assert "contact" in said["message"]
    problem(send("leads", LEADS, "?match=$id,name"), 422, "validation_error")


def test_it_says_how_many_are_here_already(imported: Any, people: Any) -> None:
    assert imported("leads", LEADS)["alreadyHere"] == 0
    again = imported("leads", LEADS)
    assert again["alreadyHere"] == 3
    assert counts(again) == {"unchanged": 3}
    other = imported("leads", LEADS.replace("fair", "event"))
    assert other["alreadyHere"] == 3
    assert counts(other) == {"created": 1, "unchanged": 2}
    assert Lead.count() == 4


def test_a_trial_says_it_too(imported: Any, people: Any) -> None:
    imported("leads", LEADS)
    assert imported("leads", LEADS, "?dryRun=true")["alreadyHere"] == 3


def test_the_same_row_twice_in_one_file_is_two(imported: Any, acme: Any) -> None:
    """And each later one is told with the one that it is like, in the trial too."""
    told = "The same as row 1 by contact and name."
    for query in ("?dryRun=true", ""):
        done = imported("leads", "name,source\nA,web\nB,web\n a ,fair\nA,web\n", query)
        assert counts(done) == {"created": 4} and done["alreadyHere"] == 0
        assert [(each["row"], each["message"]) for each in done["warnings"]] == [
            (3, told),
            (4, told),
        ]
        assert done["warned"] == 2


def test_rows_are_alike_by_the_person_whom_they_make(imported: Any, acme: Any) -> None:
    people = "Ada,Chen,ada@x.example\nAda,Chen,ADA@x.example\nAda,Chen,a@y.example\n"
    table = f"First Name,Last Name,Email\n{people}"
    for query in ("?dryRun=true", ""):
        done = imported("leads", table, query)
        assert [each["row"] for each in done["warnings"]] == [2]


def test_it_cannot_say_it_of_what_has_no_such_rule(imported: Any, acme: Any) -> None:
    row = "subject\nCall\n"
    assert imported("activities", row)["alreadyHere"] is None
    assert imported("activities", row)["created"] == 1
    assert Activity.count() == 2


@pytest.mark.parametrize(
    ("collection", "table"),
    [
        ("contacts", "name,phone\nAda,+49 30 1234567\nBob,\n"),
        ("contacts", "name,email\nAda,a@x.example\nBob,b@x.example\n"),
        ("organizations", "name,domain,city\nA,a.example,Oslo\nB,,Rome\n"),
    ],
)
def test_people_and_companies_that_come_twice_are_not_doubled(
    collection: str, table: str, imported: Any, acme: Any
) -> None:
    assert counts(imported(collection, table)) == {"created": 2}
    again = imported(collection, table)
    assert (counts(again), again["alreadyHere"]) == ({"unchanged": 2}, 2)


def test_what_is_spelled_otherwise_is_the_same(imported: Any, acme: Any) -> None:
    """Whatever its capitals, accents and spaces; a number by its digits."""
    there = "name,domain,city\nAcme GmbH,acme.example,Oslo\n Café  Zürich,,Rome\n"
    imported("organizations", there)
    assert Organization.count({"name": "Café Zürich"}) == 1
    for query in ("", "?match=name,domain"):
        table = "name,domain,city\n  ACME  GMBH,ACME.example,Oslo\ncafe zurich,,Rome\n"
        again = imported("organizations", table, query)
        assert counts(again) == {"unchanged": 2} and again["alreadyHere"] in (2, None)
    assert counts(imported("organizations", "name,city\nacme gmbh,Bergen\n", "?match=name")) == {
        "updated": 1
    }
    assert {(row.name, row.city) for row in Organization.find()} == {
        ("Acme GmbH", "Bergen"),
        ("Café Zürich", "Rome"),
    }
    imported("contacts", "name,phone\nAda Chen,+49 (0)171 5551234\n")
    table = "name,phone,organization\nADA CHEN,0049 171 555-1234,  acme  GMBH\n"
    again = imported("contacts", table)
    assert (counts(again), again["alreadyHere"]) == (
        {"created": 1},
        1,
    )  # it says for whom she works
    assert Contact.find({"name": "ADA CHEN"}).get().organization.name == "Acme GmbH"


def test_of_names_that_differ_in_capitals_the_one_that_is_written_is_meant(
    imported: Any, acme: Any
) -> None:
    first, _second = (Organization.create(name=name) for name in ("ACME", "Acme"))
    done = imported("contacts", "name,organization\nAda,ACME\nBob,acme\n")
    assert Contact.find({"name": "Ada"}).get().organization == first
    assert "There are 2 organizations called 'acme'" in done["errors"][0]["message"]


def test_people_described_in_a_file_that_comes_twice_are_not_doubled(
    imported: Any, acme: Any
) -> None:
    table = "First Name,Last Name,Email,Company,Lead Source\nAda,Chen,a@x.example,X Ltd,web\n"
    assert counts(imported("leads", table)) == {"created": 1}
    again = imported("leads", table)
    assert (counts(again), again["alreadyHere"], again["made"]) == ({"unchanged": 1}, 1, {})
    assert Contact.count() == Lead.count() == 1


def test_it_finds_records_by_what_another_system_calls_them(imported: Any, people: Any) -> None:
    table = "name,HubSpot ID,tags\nAda,1,VIP; Partner\nBob,2,vip\n"
    assert counts(imported("contacts", table, "?match=externalIds.hubspot")) == {"created": 2}
    assert counts(imported("contacts", table, "?match=externalIds.hubspot")) == {"unchanged": 2}
    changed = table.replace("Ada,1", "Ada Chen,1")
    assert counts(imported("contacts", changed, "?match=externalIds.hubspot")) == {
        "updated": 1,
        "unchanged": 1,
    }
    assert Contact.find({"externalIds.hubspot": "1"}).get().name == "Ada Chen"
    assert Contact.find({"tags": "VIP"}).count() == 2
    mapped = imported(
        "contacts",
        "name,Number\nAda C.,1\n",
        '?match=externalIds.hubspot&mapping={"columns":{"Number":"externalIds.hubspot"}}',
    )
    assert counts(mapped) == {"updated": 1}


def test_it_finds_records_by_a_unique_field_of_the_tenants_own(imported: Any, acme: Any) -> None:
    custom_fields.create_field(
        {"noun": "Lead", "label": "Customer number", "type": "string", "unique": True}
    )
    table = "name,source,customerNumber\nAda,web,K1\nBob,web,K2\nEve,web,k1\n"
    assert counts(imported("leads", table)) == {"created": 2, "refused": 1}
    table = "name,source,customerNumber\nMia,web,K4\nZoe,web,k1\n"
    assert counts(imported("leads", table)) == {"created": 1, "refused": 1}
    table = "customerNumber,name,source\nk1,Ada Chen,web\nK9,Zed,web\n"
    assert counts(imported("leads", table, "?match=customerNumber")) == {"created": 1, "updated": 1}
    assert Lead.find({"customerNumber": "K1"}).get().name == "Ada Chen"


def test_it_asks_for_what_people_know_of_a_record_and_for_its_id_last(
    imported: Any, acme: Any
) -> None:
    for number in range(2):
        Contact.create(name="Ada", email=f"ada{number}@x.example")
    done = imported("leads", "name,source,contact\nA,web,Ada\n")
    message = done["errors"][0]["message"]
    assert message == "There are 2 contacts called 'Ada': give email or its id (contact_…)."


def test_a_wrong_name_is_told_with_the_one_that_is_nearest(imported: Any, acme: Any) -> None:
    for name in ("Winter webinar", "Spring fair"):
        Campaign.create(name=name)
    table = "name,source,campaign\nA,web,Wintr webinar\nB,web,Somewhere else\n"
    told = {each["row"]: each["message"] for each in imported("leads", table)["errors"]}
    assert told[1].endswith("Did you mean 'Winter webinar'?") and "Did you" not in told[2]
