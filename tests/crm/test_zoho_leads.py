"""The table of leads that Zoho exports, sent as it is: all that it has lands, and one click takes it back."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm import Contact, Lead, Organization
from headlessly.declaration.record import Record
from headlessly.log.events import Event
from headlessly.transfer.models import RowWarning
from headlessly.undo.models import Undo
from tests.crm import zoho
from tests.headlessly.admin.conftest import ann, users  # noqa: F401  (fixtures)
from tests.headlessly.admin.test_import_wizard import Wizard, rows, wizard_of_admin  # noqa: F401
from tests.headlessly.transfer.conftest import counts, imported, send  # noqa: F401  (fixtures)

#: A small one of the same form, and the one of 3,900 leads where it is.
SMALL = Path(__file__).parents[1] / "data" / "zoho-leads-table.csv"
LARGE = zoho.FOLDER / "Leads.csv"
NOUNS: tuple[type[Record], ...] = (Lead, Contact, Organization)

files = pytest.mark.parametrize(
    "path",
    [
        pytest.param(SMALL, id="small"),
        pytest.param(
            LARGE,
            id="large",
            marks=pytest.mark.skipif(
                not (LARGE.is_file() and os.environ.get("WHOLE_FILES")),
                reason=f"it takes minutes: set WHOLE_FILES=1, and have {LARGE}",
            ),
        ),
    ],
)


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


def check_landed(path: Path) -> None:
    """Every row is a lead with its person and company, in the state that the file says."""
    told = table(path)
    assert Counter(Lead.objects.values_list("status", flat=True)) == Counter(
        map(zoho.status_of, told)
    )
    assert Lead.count() == len(told)
    people = {contact.email: contact for contact in Contact.objects.all()}
    leads = {lead.contact_id: lead for lead in Lead.objects.all()}
    companies = dict(Organization.objects.values_list("pk", "name"))
    for row in told:
        person = people[row["Email"].lower()]
        lead = leads[person.pk]
        assert (person.last_name, companies[lead.organization_id], lead.source) == (
            row["Last Name"].strip(), row["Company"].strip(), row["Lead Source"],
        )  # fmt: skip
        began = datetime.strptime(row["Created Time"], "%d %b, %Y %H:%M:%S").replace(tzinfo=UTC)
        assert lead.created_at == began


def check_kept(path: Path) -> None:
    """What is no field, and who is no member, stands in the event that made the record."""
    left = Event.log.filter(name="Lead.Created").latest("seq").data["$leftOut"]
    last = table(path)[-1]
    assert (left["LEADID"], left["Lead Owner"]) == (last["LEADID"], last["Lead Owner"])


@files
def test_it_lands_by_rest_with_the_ready_mapping(path: Path, imported: Any, acme: Any) -> None:  # noqa: F811
    done = imported("leads", path.read_bytes(), "?mapping=zoho")
    assert counts(done) == {"created": len(table(path))}
    assert done["unknownColumns"] == ["LEADID", "month_Created Time1"]
    check_landed(path)
    check_kept(path)
    if path is LARGE:
        told = Counter(Lead.objects.values_list("status", flat=True))
        assert (told["Converted"], told["Lost"]) == (3632, 43), "as its README says"


@files
def test_what_is_not_known_of_a_row_is_told(path: Path, imported: Any, acme: Any) -> None:  # noqa: F811
    imported("leads", path.read_bytes(), "?mapping=zoho")
    said = Counter(e["message"] for row in RowWarning.objects.all() for e in row.errors())
    converted = sum(row["CONVERTED"] == "Yes" for row in table(path))
    assert said.pop("It is Converted, and no column says since when.") == converted
    assert all(message.startswith("There is no Contact '") for message in said), said
    assert sum(said.values()) == len(table(path)), "nobody of theirs is a member"


@files
def test_it_comes_through_the_wizard_and_goes_with_one_click(
    path: Path,
    wizard_of_admin: Wizard,  # noqa: F811
    acme: Any,
    work: Any,
) -> None:
    before = {noun: noun.count() for noun in NOUNS}
    wizard = wizard_of_admin
    page = wizard.send("Leads.csv", path.read_bytes())
    assert {heading: cells[0] for heading, cells in rows(page).items()} == {
        "LEADID": "", "Last Name": "contact.lastName", "Company": "organization.name",
        "Lead Owner": "owner", "Email": "contact.email", "Mobile": "contact.mobile",
        "Website": "organization.website", "Industry": "organization.industry",
        "Lead Source": "source", "Lead Status": "status", "Created Time": "$createdAt",
        "CONVERTED": "convertedAt", "month_Created Time1": "", "no column": "",
    }  # fmt: skip
    assert "Zoho" in page
    wizard.go()
    source = wizard.source
    assert (source.created, source.refused, source.total) == (len(table(path)), 0, len(table(path)))
    check_landed(path)
    wizard.undo()
    if path is LARGE:
        assert "undo.run" in work()
        undo = Undo.objects.get()
        assert (undo.status, undo.stays, undo.undone) == ("completed", 0, undo.total)
        assert "3,900" in wizard.page(), "how many leads were taken back"
    assert {noun: noun.count() for noun in NOUNS} == before


def test_the_next_file_of_the_same_program_is_read_alike(
    wizard_of_admin: Wizard,  # noqa: F811
    acme: Any,
) -> None:
    wizard = wizard_of_admin
    for _time in range(2):
        wizard.send("Leads.csv", SMALL.read_bytes())
        wizard.go()
        assert Counter(Lead.objects.values_list("status", flat=True))["Converted"] == 7
        wizard.undo()
