"""Columns are known by whatever they are called; what is no field is left out and told."""

from __future__ import annotations

from typing import Any

import pytest

from crm import Contact, Lead, Organization
from headlessly.declaration.registry import registry
from headlessly.transfer.headings import count_known, find_meaning
from tests.answered import answered, problem, unchanged
from tests.headlessly.transfer.conftest import counts, errors


@pytest.mark.parametrize(
    ("noun", "heading", "path"),
    [
        ("Lead", "leadSource", "source"),
        ("Lead", "LEAD SOURCE", "source"),
        ("Lead", "lead_source", "source"),
        ("Lead", "Quelle", "source"),
        ("Lead", "Budget (EUR)", "budget"),
        ("Lead", "Company", "organization.name"),
        ("Lead", "Email", "contact.email"),
        ("Lead", "contact email", "contact.email"),
        ("Contact", "Given Name", "firstName"),
        ("Contact", "E-mail 1 - Value", "email"),
        ("Contact", "Vorname", "firstName"),
        ("Contact", "Company Name", "organization.name"),
        ("Contact", "Lead Source", "source"),
        ("Contact", "full_name", "name"),
        ("Organization", "# Employees", "employeeCount"),
        ("Organization", "PLZ", "postalCode"),
        ("Deal", "Closing Date", "expectedCloseDate"),
        ("Campaign", "Campaign Name", "name"),
        ("Campaign", "Budgeted Cost", "budget"),
        ("Contact", "Shoe size", None),
        ("Contact", "Id", None),
    ],
)
def test_it_knows_a_column_by_what_people_call_it(
    noun: str, heading: str, path: str | None
) -> None:
    found = find_meaning(registry[noun], heading)
    assert (found and found.path) == path


def test_every_field_is_known_by_its_own_names() -> None:
    for noun in registry.values():
        for field in noun.schema.fields.values():
            for name in (field.wire, field.name):
                found = find_meaning(noun, name)
                assert found is not None and found.path == field.wire, (noun, name)
        assert count_known(noun, noun.schema.fields) == len(noun.schema.fields)


def test_it_leaves_out_what_is_no_field_and_says_so(send: Any, api: Any, work: Any) -> None:
    table = "name,email,Customer number\nAda,ada@x.example,7\n"
    begun = answered(send("contacts", table), 202)
    assert begun["unknownColumns"] == ["Customer number"]
    work()
    done = answered(api.call("GET", f"/imports/{begun['$id']}"))
    assert counts(done) == {"created": 1} and done["unknownColumns"] == ["Customer number"]


def test_it_refuses_what_is_no_field_when_it_is_told_so(send: Any, acme: Any) -> None:
    with unchanged():
        said = problem(
            send("contacts", "name,Customer number\nAda,7\n", "?unknown=refuse"),
            422,
            "validation_error",
        )
    assert said["field"] == "Customer number"


def test_it_leaves_out_entries_of_objects_that_are_no_field(imported: Any, acme: Any) -> None:
    rows = '[{"name": "Ada", "shoeSize": 38}, {"name": "Bob", "hat": "L"}]'
    done = imported("contacts", rows, kind="application/json")
    assert counts(done) == {"created": 2} and done["unknownColumns"] == ["shoeSize", "hat"]
    done = imported("contacts", rows, "?unknown=refuse", kind="application/json")
    assert counts(done) == {"refused": 2}


def test_it_makes_a_name_of_first_and_last_name(imported: Any, acme: Any) -> None:
    table = "firstName,lastName,email\nAda,Chen,ada@x.example\n,Stone,bob@x.example\n"
    assert counts(imported("contacts", table)) == {"created": 2}
    assert {c.name for c in Contact.find()} == {"Ada Chen", "Stone"}


def test_it_never_changes_a_name_for_one_it_made_up(imported: Any, people: Any) -> None:
    imported("contacts", "email,first name,title\nada@acme.example,Augusta,CEO\n", "?match=email")
    people.ada.refresh_from_db()
    assert (people.ada.name, people.ada.first_name, people.ada.title) == (
        "Ada Chen",
        "Augusta",
        "CEO",
    )


def test_it_says_only_what_is_wrong(imported: Any, acme: Any) -> None:
    Organization.create(name="Org Ltd")
    done = imported("contacts", "name,organization,$createdAt\nF,Org Ltd,3/9/2026\n")
    assert errors(done) == [(1, "$createdAt")]


def test_it_reads_choices_as_the_screen_says_them(imported: Any, acme: Any) -> None:
    table = "Name;Quelle;Status\nA;web;neu\nB;web;NEW \nC;web;KONTAKTIERT\n"
    done = imported("leads", table)
    assert counts(done) == {"created": 3}
    assert sorted(lead.status for lead in Lead.find()) == ["Contacted", "New", "New"]


def test_it_fills_in_what_rows_do_not_say(imported: Any, acme: Any) -> None:
    done = imported("leads", "name\nA\n", '?defaults={"source":"Trade fair"}')
    assert counts(done) == {"created": 1} and Lead.find().get().source == "Trade fair"


def test_a_file_of_our_own_is_taken_at_its_word(imported: Any, acme: Any) -> None:
    assert errors(imported("leads", "name\nA\n")) == [(1, "source")]
    done = imported("leads", "name,source,owner,status\nA,web,nobody@x.example,Open\n")
    assert counts(done) == {"refused": 1}
    assert {field for _row, field in errors(done)} == {"owner", "status"}


def test_an_empty_string_says_nothing(imported: Any, people: Any) -> None:
    rows = '[{"email": "ada@acme.example", "title": "", "phone": " "}]'
    done = imported("contacts", rows, "?match=email", kind="application/json")
    assert counts(done) == {"unchanged": 1}
    assert Contact.get(people.ada.pk).title == "CTO"


def test_a_null_clears(imported: Any, people: Any) -> None:
    rows = '[{"email": "ada@acme.example", "title": null}]'
    assert counts(imported("contacts", rows, "?match=email", kind="application/json")) == {
        "updated": 1
    }
    assert Contact.get(people.ada.pk).title is None


@pytest.mark.parametrize(
    ("cell", "email", "others"),
    [
        ("a@x.example, b@x.example", "a@x.example", ["b@x.example"]),
        ("a@x.example", "a@x.example", None),
    ],
)
def test_it_takes_the_first_of_two_addresses_and_the_other_beside_it(
    cell: str, email: str, others: list[str] | None, imported: Any
) -> None:
    done = imported("contacts", f'name,email\nAda,"{cell}"\n')
    ada = Contact.find().get()
    assert (ada.email, ada.other_emails, done["warnings"]) == (email, others, [])


def test_it_reads_addresses_of_websites_as_people_write_them(imported: Any, acme: Any) -> None:
    table = "name,website\nA,Acme.example\nB,www.b.example/about\nC,http://c.example\n"
    assert counts(imported("organizations", table)) == {"created": 3}
    assert {o.website for o in Organization.find()} == {
        "https://Acme.example", "https://www.b.example/about", "http://c.example"
    }  # fmt: skip


def test_it_takes_a_heading_twice_in_the_file_of_another_program(imported: Any, acme: Any) -> None:
    table = "Full Name,Phone,Phone,Email,Email\nAda,030 1234567,0171 1234567,,a@x.example\n"
    assert counts(imported("contacts", table)) == {"created": 1}
    ada = Contact.find().get()
    assert (ada.phone, ada.mobile, ada.email) == ("030 1234567", "0171 1234567", "a@x.example")


def test_it_reads_names_in_brackets_as_parts_of_a_name(imported: Any, acme: Any) -> None:
    imported("contacts", "Entry Date,Name (First),Name (Last)\n2025-03-04,Ada,Chen\n")
    ada = Contact.find().get()
    assert (ada.name, ada.created_at.date().isoformat()) == ("Ada Chen", "2025-03-04")


@pytest.mark.parametrize(
    ("noun", "heading", "path"),
    [
        ("Contact", "Person - Owner", "owner"),
        ("Contact", "Person - Organization", "organization.name"),
        ("Contact", "Address 1: City", "organization.city"),
        ("Contact", "Mailing Zip/Postal Code", "organization.postalCode"),
        ("Deal", "Deal - Deal created", "$createdAt"),
        ("Deal", "Opportunity Owner", "owner"),
        ("Lead", "Person - Email - Work", "contact.email"),
        ("Lead", "Lead - Value", "budget"),
        ("Lead", "primary_contact_primary_email", "contact.email"),
        ("Lead", "IsConverted", "convertedAt"),
        ("Contact", "DATE_CREATED_UTC", "$createdAt"),
        ("Contact", "Deal - Owner", None),
    ],
)
def test_it_knows_a_column_by_whose_it_is(noun: str, heading: str, path: str | None) -> None:
    found = find_meaning(registry[noun], heading)
    assert (found and found.path) == path
