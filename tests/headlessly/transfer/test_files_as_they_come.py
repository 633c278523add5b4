"""The exports of other programs come in as they are: what they have is in, the rest is told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm import Contact, Lead, Organization
from headlessly.transfer import formats
from tests.headlessly.transfer.conftest import counts

FILES = Path(__file__).parents[2] / "data" / "files"
KINDS = {format: kind for kind, format in reversed(formats.MEDIA_TYPES.items())}


@pytest.fixture
def land(imported: Any, acme: Any) -> Any:
    """Import a file into a noun; answers the import as it is told then."""

    def land(name: str, noun: str, query: str = "") -> dict[str, Any]:
        kind = KINDS[formats.by_name(name) or ""]
        return imported(noun, (FILES / name).read_bytes(), query, kind=kind)

    return land


#: What each file brings, by the name of its people: what a person would look for.
BROUGHT: dict[str, dict[str, dict[str, Any]]] = {
    "apollo-contacts.csv": {
        "Lucas Steinhof": {
            "email": "lucas@nimbus.example", "title": "Co-Founder", "phone": "+49 30 5550134",
            "organization.name": "Nimbus Example", "organization.website": "https://nimbus.example",
            "organization.annual_revenue": 1_200_000, "organization.employee_count": 13,
            "linkedin_url": "http://www.linkedin.com/in/lucas-example",
        }
    },
    "calendly-invitee.json": {
        "Kai Berg": {
            "email": "kai@berg.example", "timezone": "Europe/Oslo", "phone": "+47 555 01 345",
            "source": "newsletter", "created_at": datetime(2026, 11, 20, 10, tzinfo=UTC),
        }
    },
    "contacts.vcf": {
        "Dr. Mia Holm": {
            "email": "mia@quill.example", "mobile": "+46 70 555 01 34", "organization.name": "Quill Example",
            "department": "Sales", "title": "VP Sales",
        },
        "Petr Šilhavý": {"phone": "+420604555134", "last_name": "Šilhavý"},
    },
    "fair-badge-scans.csv": {
        "Katrin Bäumler": {
            "email": "k.baeumler@baeumler.example", "organization.name": "Bäumler Maschinenbau",
            "created_at": datetime(2026, 11, 24, 10, 31, tzinfo=UTC),
        },
        "Li Wei": {"created_at": datetime(2026, 11, 5, 10, 33, tzinfo=UTC), "title": "Engineering"},
    },
    "google-contacts.csv": {
        "Rob Smithers": {
            "email": "rob@widgets.example", "phone": "+1 415 555 0134", "mobile": "+1 415 555 0135",
            "title": "Manager", "organization.name": "Acme Widgets",
        },
        "翼 愛川": {"email": "tsubasa@kaze.example"},
    },
    "hubspot-contacts.csv": {
        "Mirela Kowalczyk": {
            "stage": "Qualified", "source": "Organic Search", "organization.name": "Northbarn Tools",
            "created_at": datetime(2026, 3, 2, 14, 5, tzinfo=UTC), "status": "Active",
        },
        "Tomo": {"status": "Unsubscribed", "phone": "0161 496 0132"},
    },
    "linkedin-connections.csv": {
        "Jordan Leeson": {"title": "VP Engineering", "organization.name": "Leeson Example"},
        "Ana García Ruiz": {"email": "ana.g@studio.example", "organization.name": "Studio, Norte"},
    },
    "meta-leadads-utf8.csv": {
        "Zoë Ångström": {"phone": "+46705550134", "organization.name": "Ångström AB"},
        "O’Neil Duarte": {"created_at": datetime(2026, 11, 13, 14, tzinfo=UTC)},
    },
    "meta-leadads.xls.csv": {
        "Zoë Ångström": {"phone": "+46705550134", "email": "zoe@angstrom.example"},
        "O’Neil Duarte": {"phone": "+12025550134"},
    },
    "salesforce-dataloader-lead.csv": {
        "Yusuf Adebayo": {"email": "yusuf@brightmoor.example", "organization.annual_revenue": 1_250_000}
    },
    "salesforce-leads-report.csv": {
        "Yusuf Adebayo": {"title": "CFO", "created_at": datetime(2026, 3, 9, tzinfo=UTC)},
        "Okafor": {"phone": "+44 113 496 0999", "organization.name": "Okafor & Sons"},
    },
    "typeform-responses.csv": {
        "Elif Demir": {
            "email": "elif@demir.example", "marketing_consent": True,
            "created_at": datetime(2026, 11, 20, 10, 3, 4, tzinfo=UTC),
        }
    },
    "typeform-webhook.json": {"Elif Demir": {"email": "elif2@demir.example", "source": "google"}},
    "zoho-leads.csv": {
        "Inge Solberg": {
            "organization.annual_revenue": 22_700, "source": "Trade Show",
            "created_at": datetime(2026, 4, 15, 0, 3, tzinfo=UTC),
        }
    },
}  # fmt: skip


def look(record: Any, path: str) -> Any:
    for name in path.split("."):
        record = getattr(record, name)
    return record


@pytest.mark.parametrize("name", sorted(BROUGHT))
def test_it_lands_a_file_with_all_that_it_has(name: str, land: Any) -> None:
    done = land(name, "contacts")
    brought = BROUGHT[name]
    assert counts(done) == {"created": len(brought)}
    for person, values in brought.items():
        contact = Contact.find({"name": person}).get()
        assert {path: look(contact, path) for path in values} == values


#: The same as leads: where each comes from, and where it stands.
LEADS = {
    "meta-leadads.xls.csv": ("ig", "New"),
    "salesforce-dataloader-lead.csv": ("Web", "New"),
    "salesforce-leads-report.csv": ("Web", "New"),
    "zoho-leads.csv": ("Trade Show", "New"),
    "fair-badge-scans.csv": ("import", "New"),
    "typeform-responses.csv": ("import", "New"),
}


@pytest.mark.parametrize("name", sorted(LEADS))
def test_it_makes_leads_with_their_people_and_companies(name: str, land: Any) -> None:
    done = land(name, "leads")
    people = BROUGHT[name]
    assert counts(done) == {"created": len(people)}
    assert done["made"]["Contact"] == len(people) == Contact.count()
    first = Lead.find({"name": next(iter(people))}).get()
    assert (first.source, first.status) == LEADS[name]
    assert first.contact.name == first.name
    assert first.organization == first.contact.organization
    assert Organization.count() == done["made"].get("Organization", 0)


def test_it_says_what_it_left_out(land: Any, send: Any) -> None:
    done = land("salesforce-leads-report.csv", "leads")
    assert {"Rating", "Lead ID"} <= set(done["unknownColumns"])
    assert done["reading"]["linesBelow"][0] == "Open Leads, this quarter"
    assert {(w["row"], w["field"]) for w in done["warnings"]} >= {(1, "owner"), (2, "owner")}
    assert done["warned"] == 2
    done = land("typeform-responses.csv", "leads")
    told = [w for w in done["warnings"] if w["field"] == "budget"]
    assert "$5,000 - $10,000 is no number" in told[0]["message"]


def test_it_makes_nobody_beside_the_rows_when_it_is_told_so(land: Any) -> None:
    done = land("zoho-leads.csv", "leads", "?create=nothing")
    assert counts(done) == {"created": 1} and done["made"] == {}
    assert Contact.count() == Organization.count() == 0
    assert {w["field"] for w in done["warnings"]} >= {"contact", "organization"}


def test_it_finds_the_people_that_are_here(land: Any, people: Any) -> None:
    people.ada.email = "inge@fjordline.example"
    people.ada.save()
    before = Contact.count()
    done = land("zoho-leads.csv", "leads")
    assert done["made"] == {"Organization": 1}
    assert Contact.count() == before
    assert Lead.find().get().contact_id == people.ada.pk


def test_a_trial_says_what_would_be_made_and_makes_nothing(land: Any) -> None:
    done = land("salesforce-leads-report.csv", "leads", "?dryRun=true")
    assert counts(done) == {"created": 2}
    assert done["made"] == {"Contact": 2, "Organization": 2}
    assert Contact.count() == Lead.count() == Organization.count() == 0


MESSY = Path(__file__).resolve().parents[4] / "shared" / "data" / "messy.csv"


@pytest.mark.skipif(not MESSY.exists(), reason="the file is not on this machine")
def test_it_reads_a_table_as_a_small_company_has_it(imported: Any, acme: Any) -> None:
    done = imported("leads", MESSY.read_bytes())
    assert done["created"] >= 460, done
    assert done["unknownColumns"] == []
    for row in (3_000, 12_500, 1_200.5, 5_000):
        assert Lead.find({"budget": row}).count() > 50
    assert Lead.find({"budget": {"$lt": 100}}).count() == 0
