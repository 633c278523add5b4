"""What somebody says of columns and words comes before what is known of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from crm import Contact, Lead
from tests.headlessly.transfer.conftest import counts

FILES = Path(__file__).parents[2] / "data" / "files"


def mapping(columns: Any = None, values: Any = None, **more: str) -> str:
    """The query of an import with this mapping."""
    said = {"columns": columns or {}, "values": values or {}}
    others = "".join(f"&{name}={quote(value)}" for name, value in more.items())
    return f"?mapping={quote(json.dumps(said))}{others}"


def test_it_takes_columns_and_words_as_they_are_mapped(imported: Any, people: Any) -> None:
    done = imported(
        "leads",
        "Was,Wer,Stand,Wieviel,Herkunft,Betreut\nMühle,Ida Berg,gewonnen,12,Messe,Cleo Marsh\n"
        "Hof,Jo Tal,weg,7,Messe,niemand\n",
        mapping(
            {"Was": "organization.name", "wer": "contact.name", "Stand": "status", "Wieviel": "budget",
             "Betreut": "owner", "Herkunft": None},
            {"status": {"Gewonnen": "Converted", "weg": "Lost"}, "owner": {"niemand": None}},
        ),
    )  # fmt: skip
    assert counts(done) == {"created": 2}
    assert done["made"] == {"Contact": 2, "Organization": 2}
    found = {lead.name: lead for lead in Lead.find()}
    assert {name: (lead.status, lead.source) for name, lead in found.items()} == {
        "Ida Berg": ("Converted", "import"), "Jo Tal": ("Lost", "import"),
    }  # fmt: skip
    assert found["Ida Berg"].owner == people.cleo and found["Jo Tal"].owner is None
    assert found["Ida Berg"].budget == 12
    assert done["unknownColumns"] == ["Herkunft"]


@pytest.mark.parametrize(
    ("create", "new"),
    [("missing", [["contact", "organization"], [], []]), ("nothing", [[], [], []])],
)
def test_a_trial_calls_new_what_is_made_and_nothing_else(
    create: str, new: list[list[str]], imported: Any, people: Any
) -> None:
    rows = (
        "Lead Name,Contact Name,Phone,Company\n"
        "Mill,Ida Berg,+49 30 1234567,Mühle Tal\n"  # both are new
        "Yard,,+49 30 7654321,\n"  # nobody knows whose number it is
        f"Corp,,,{people.corp.name}\n"  # is here
    )
    tried = imported("leads", rows, f"?dryRun=true&create={create}")
    assert [sorted(sample["new"]) for sample in tried["samples"]] == new
    assert sum(tried["made"].values()) == sum(map(len, new))


def test_a_trial_shows_the_other_addresses_of_somebody(imported: Any, acme: Any) -> None:
    rows = "Name,Email,Email 2\nIda,ida@x.example; ida@home.example,ida@third.example\n"
    (sample,) = imported("contacts", rows, "?dryRun=true")["samples"]
    others = ["ida@home.example", "ida@third.example"]
    assert sample["also"] == [{"path": "otherEmails", "value": others}]


def test_it_maps_the_entries_of_objects_and_columns_without_a_heading(
    imported: Any, acme: Any
) -> None:
    objects = '[{"who": "Ada", "level": 3}]'
    columns = {"who": "name", "level": "title"}
    done = imported("contacts", objects, mapping(columns), kind="application/json")
    assert counts(done) == {"created": 1} and done["unknownColumns"] == []
    assert Contact.find().get().name == "Ada"
    nameless = imported(
        "contacts", "email,,title\nb@x.example,Bea Tal,CTO\n", mapping({"column 2": "name"})
    )
    assert counts(nameless) == {"created": 1}
    assert Contact.find({"email": "b@x.example"}).get().name == "Bea Tal"


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("?mapping=7", "mapping", "columns and values"),
        ('?mapping={"column":{}}', "mapping", "columns and values"),
        (mapping({"a": "colour"}), "mapping.columns.a", "There is no such field. Fields: name"),
        (mapping({"a": 7}), "mapping.columns", "for each heading"),
        (mapping(None, {"status": {"won": "Gone"}}), "mapping.values.status.won", "Converted"),
        (mapping(None, {"colour": {"won": "Gone"}}), "mapping.values.colour", "no such field"),
        (mapping(None, {"status": "won"}), "mapping.values", "object of words"),
        ("?encoding=morse", "encoding", "utf-8 or utf-16"),
        ("?delimiter=.", "delimiter", "semicolon"),
        ("?guess=stars", "guess", "headings or values"),
    ],
)  # fmt: skip
def test_it_says_what_is_wrong_with_a_mapping(
    query: str, field: str | None, message: str, send: Any, acme: Any
) -> None:
    answer = send("leads", "a,source\nx,web\n", query)
    body = answer.json()
    assert answer.status_code in (400, 422), body
    details = body.get("details") or [body]
    assert details[0].get("field") == field
    assert message in details[0]["message"]


def test_it_reads_the_file_as_is_said(imported: Any, acme: Any) -> None:
    polish = "name;email\nŁukasz Żak;l@x.example\n".encode("cp1250")
    done = imported("contacts", polish, "?encoding=windows-1250&delimiter=semicolon")
    assert (counts(done), done["reading"]["encoding"]) == ({"created": 1}, "Windows-1250")
    assert Contact.find().get().name == "Łukasz Żak"
    one = imported("contacts", "name,title;email\nAda,CTO;x\n", "?delimiter=comma")
    assert one["reading"]["delimiter"] == "," and one["unknownColumns"] == ["title;email"]


def test_it_tells_programs_what_columns_become_with_five_rows(imported: Any, acme: Any) -> None:
    table = "Wer,Stand,Egal\n" + "Ida,gewonnen,1\n" * 9
    said = mapping({"Wer": "name", "Stand": "status"}, {"status": {"gewonnen": "Converted"}})
    done = imported("leads", table, f"{said}&dryRun=true")
    assert done["columns"] == [
        {"heading": "Wer", "field": "name"}, {"heading": "Stand", "field": "status"},
        {"heading": "Egal", "field": None},
    ]  # fmt: skip
    assert [sample["row"] for sample in done["samples"]] == [1, 2, 3, 4, 5]
    assert done["samples"][0]["cells"][1] == {
        "heading": "Stand", "sent": "gewonnen", "path": "status", "value": "Converted",
    }  # fmt: skip
    assert Lead.count() == 0


def test_it_guesses_columns_by_their_values_where_somebody_looks(
    imported: Any, send: Any, acme: Any
) -> None:
    table = (
        "A,B,C,D,E,F\n"
        'Ida Berg,ida@x.example,+49 30 123456,Mühle GmbH,won,"€ 12.500,00"\n'
        "Jo van Tal,jo@x.example,030/123 456,Hof AG,in progress,€ 7.000\n"
    )
    assert send("leads", table).status_code == 422
    done = imported("leads", table, "?guess=values")
    assert counts(done) == {"created": 2} and done["unknownColumns"] == []
    lead = Lead.find({"name": "Ida Berg"}).get()
    assert (lead.status, lead.budget, lead.organization.name) == ("Converted", 12_500, "Mühle GmbH")
    assert (lead.contact.email, lead.contact.phone) == ("ida@x.example", "+49 30 123456")


def test_it_knows_members_by_parts_of_their_names(imported: Any, acme: Any, people: Any) -> None:
    from headlessly.access.models import Membership, User

    for person, user in ((people.bob, "bob"), (people.cleo, "cleo")):
        made = User.objects.create_user(f"{user}@sign.example", "x-long-enough-1")
        Membership.objects.create(user=made, tenant=acme, contact_id=person.pk)
    Contact.create(name="Bob Customer")
    names = ("Bob", "B. Stone", "Marsh, Cleo", "cleo@seller.example", "Bo", "B. Marsh", "B.")
    done = imported("leads", "Lead Name,Lead Owner\n" + "".join(f'"{n}","{n}"\n' for n in names))
    assert counts(done) == {"created": len(names)}
    owners = {lead.name: lead.owner and lead.owner.name for lead in Lead.find()}
    assert [owners[name] for name in names] == [
        "Bob Stone", "Bob Stone", "Cleo Marsh", "Cleo Marsh", None, None, None,
    ]  # fmt: skip
    assert {warning["row"] for warning in done["warnings"]} == {5, 6, 7}


def test_it_keeps_the_mapping_for_the_next_file_of_the_same_headings(
    imported: Any, acme: Any
) -> None:
    table = "Wer,Stand,source\n{},gewonnen,Messe\n"
    said = mapping({"Wer": "name", "Stand": "status"}, {"status": {"gewonnen": "Converted"}})
    imported("leads", table.format("Ida"), said)
    again = imported("leads", table.format("Jo"), "?mapping=kept")
    assert counts(again) == {"created": 1} and again["unknownColumns"] == []
    assert Lead.find({"name": "Jo"}).get().status == "Converted"
    other = imported("leads", table.replace("Stand", "Lage").format("Al"), "?mapping=kept")
    assert other["unknownColumns"] == ["Wer", "Lage"]


@pytest.mark.parametrize(
    ("file", "noun", "program"),
    [
        ("hubspot-contacts.csv", "Lead", "hubspot"), ("hubspot-contacts.csv", "Contact", "hubspot"),
        ("hubspot-companies.csv", "Organization", "hubspot"), ("hubspot-deals.csv", "Deal", "hubspot"),
        ("salesforce-leads-report.csv", "Lead", "salesforce"),
        ("salesforce-dataloader-lead.csv", "Lead", "salesforce"),
        ("salesforce-contacts-report.csv", "Contact", "salesforce"),
        ("salesforce-accounts.csv", "Organization", "salesforce"),
        ("salesforce-opportunity-loader.csv", "Deal", "salesforce"),
        ("pipedrive-leads.csv", "Lead", "pipedrive"), ("pipedrive-people.csv", "Contact", "pipedrive"),
        ("pipedrive-deals.csv", "Deal", "pipedrive"), ("zoho-leads.csv", "Lead", "zoho"),
        ("zoho-contacts.csv", "Contact", "zoho"), ("zoho-deals.csv", "Deal", "zoho"),
        ("google-contacts.csv", "Contact", "googlecontacts"),
        ("linkedin-connections.csv", "Lead", "linkedin"),
        ("meta-leadads-utf8.csv", "Lead", "metaleadads"), ("meta-leadads.xls.csv", "Lead", "metaleadads"),
        ("outlook.csv", "Contact", None), ("apollo-contacts.csv", "Contact", None),
        ("odoo-leads.csv", "Lead", None), ("deutsch.csv", "Contact", None),
    ],
)  # fmt: skip
def test_it_tells_the_program_that_a_file_comes_from(
    file: str, noun: str, program: str | None
) -> None:
    from functools import partial

    from headlessly.declaration.registry import registry
    from headlessly.transfer import formats
    from headlessly.transfer.headings import count_known
    from headlessly.transfer.programs import find_program

    with (FILES / file).open("rb") as content:
        header, _layout = formats.find_layout(content, "csv", partial(count_known, registry[noun]))
    found = find_program(registry[noun], header)
    assert (found.key if found else None) == program


def test_it_takes_the_ready_mapping_of_a_program(imported: Any, send: Any, acme: Any) -> None:
    content = (FILES / "linkedin-connections.csv").read_bytes()
    done = imported("leads", content, "?mapping=linkedin")
    assert counts(done) == {"created": 2} and done["unknownColumns"] == []
    lead = Lead.find({"name": "Jordan Leeson"}).get()
    assert lead.source == "LinkedIn" and f"{lead.first_touch_at:%d %m %Y}" == "12 03 2026"
    imported("leads", (FILES / "meta-leadads-utf8.csv").read_bytes(), "?mapping=metaleadads")
    assert Lead.count({"source": {"$in": ["Facebook", "Instagram"]}}) == 2
    refused = send("organizations", content, "?mapping=linkedin")
    assert refused.status_code == 400 and "no mapping linkedin" in refused.json()["message"]
