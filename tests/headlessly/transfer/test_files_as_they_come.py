"""The exports of other programs come in as they are: what they have is in, the rest is told."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from crm import Contact, Deal, Lead, Organization
from headlessly.context import clock
from headlessly.log.events import Event
from headlessly.log.names import LEFT_OUT
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


#: What each file brings as each noun: the records with all that they have, what is not understood, what is
#: told, and what the log keeps beside the fields.
LANDED = orjson.loads((FILES / "landed.json").read_bytes())


def landed(done: dict[str, Any], began: datetime) -> dict[str, Any]:
    """What an import brought, in the words of ``landed.json``."""
    records = {
        noun.__name__: sorted((values(each, began) for each in noun.find()), key=str)
        for noun in (Lead, Deal, Contact, Organization)
    }
    made = Event.objects.filter(target_type=done["type"], version=1)
    kept = {e.data["name"]: cells for e in made if (cells := e.data.get(LEFT_OUT))}
    return {
        "counts": counts(done),
        "unknown": done["unknownColumns"],
        "told": sorted([w["row"], w["field"]] for w in done["warnings"]),
        "kept": kept,
        "records": {noun: found for noun, found in records.items() if found},
    }


def values(record: Any, began: datetime) -> dict[str, Any]:
    """What a record has: references by name, and no moment of the import itself."""
    found = {}
    for field in record.schema.stored:
        value = getattr(record, field.column)
        if value is not None and value != field.default:
            told = getattr(record, field.name) if field.type == "reference" else value
            is_told = isinstance(told, int | float | bool | str)
            found[field.name] = told if is_told else str(told)
    found["created_at"] = str(record.created_at)
    return {
        name: each for name, each in found.items() if str(each) < str(began) or "_at" not in name
    }


@pytest.mark.parametrize("case", sorted(LANDED))
def test_it_lands_a_file_with_all_that_it_has(case: str, land: Any) -> None:
    began = clock.now()
    file, noun = case.split(" as ")
    assert landed(land(file, noun), began) == LANDED[case]


def test_no_file_of_these_is_forgotten() -> None:
    files = {path.name for path in FILES.iterdir()} - {"landed.json"}
    assert {case.split(" as ")[0] for case in LANDED} == files


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
