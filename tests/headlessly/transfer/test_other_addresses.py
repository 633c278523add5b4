"""Several addresses of one person in a file: in cells and columns, and rows that find somebody by one."""

from __future__ import annotations

from typing import Any

import pytest

from crm import Contact, Lead
from tests.headlessly.transfer.conftest import counts, errors

pytestmark = pytest.mark.usefixtures("acme")
HOME, WORK, OLD = "ada@home.example", "ada@acme.example", "ada@old.example"


def ada(**fields: Any) -> Contact:
    return Contact.create(**{"name": "Ada Chen", "email": WORK, "other_emails": [HOME]} | fields)


def test_an_export_comes_back(imported: Any, exported: Any, api: Any) -> None:
    ada(other_emails=[HOME, OLD], phone="1", other_phones=["+49 30 1"])
    table = exported("contacts?fields=name,email,otherEmails,phone,otherPhones")
    assert b"ada@home.example; ada@old.example,1,'+49 30 1" in table
    Contact.find().get().delete()
    imported("contacts", table.decode())
    found = Contact.find().get()
    assert (found.email, found.other_emails, found.other_phones) == (
        WORK,
        [HOME, OLD],
        ["+49 30 1"],
    )


def test_columns_and_cells_with_more_than_one_are_the_others(imported: Any) -> None:
    imported(
        "contacts",
        "Name,Email,Email 2,Phone,Mobile,Phone 2,E-mail 3 - Value\n"
        f"Ada,{WORK}; {HOME},{OLD},030 1234567,0171 5555555,040 7654321,nonsense\n",
    )
    found = Contact.find().get()
    assert (found.email, found.other_emails) == (WORK, [HOME, OLD])
    assert (found.phone, found.mobile) == ("030 1234567", "0171 5555555")
    assert found.other_phones == ["040 7654321"]


def test_a_row_finds_its_contact_by_each_address_and_adds_to_them(imported: Any) -> None:
    first = ada(other_emails=[HOME])
    bob = Contact.create(name="Bob", email="bob@x.example")
    imported("contacts", f"Email,Email 2,Title\n{HOME},{OLD},CTO\n", "?match=email")
    found = Contact.get(first.pk)
    assert (found.title, found.email, found.other_emails) == ("CTO", WORK, [HOME, OLD])
    told = imported(
        "contacts", f"Name,Email,Email 2\nEve,eve@x.example,{OLD}\nDan,dan@x.example,\n"
    )
    assert counts(told) == {"created": 1, "refused": 1}
    assert errors(told) == [(1, "otherEmails")] and OLD in told["errors"][0]["message"]
    assert Contact.count() == 3 and bob.pk in {c.pk for c in Contact.find()}


def test_leads_of_a_file_are_about_whom_an_address_finds(imported: Any) -> None:
    first = ada()
    imported("leads", f"Name,Contact Email,Contact Email 2\nAda,{HOME},new@x.example\n")
    assert Lead.find().get().contact_id == first.pk
    imported("leads", "Name,Contact Email,Contact Email 2\nNew,n@x.example,n2@x.example\n")
    assert Contact.find({"email": "n@x.example"}).get().other_emails == ["n2@x.example"]
