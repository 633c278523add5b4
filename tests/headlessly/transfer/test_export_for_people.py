"""An export from the browser is what the reader sees: its columns, in words, for a spreadsheet."""

from __future__ import annotations

import codecs
import csv
import errno
import io
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from crm import Contact, Lead
from headlessly.access import actors, tenancy
from headlessly.errors import BadRequest, InvalidFilter
from headlessly.transfer.workbook_writing import write_workbook
from tests.answered import problem
from tests.headlessly.transfer.conftest import counts

FIELDS = "fields=name,status,owner,score,firstTouchAt"


def rows(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(codecs.BOM_UTF8)
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_it_has_names_instead_of_ids_under_the_headings_of_the_list(
    exported: Any, lead: Lead, people: Any
) -> None:
    (row,) = rows(exported(f"leads?{FIELDS}&labels=en"))
    assert list(row) == ["Name", "Status", "Owner", "Score", "First touch"]
    assert (row["Name"], row["Owner"], row["Status"]) == (lead.name, "Bob Stone", "New")


def test_it_speaks_the_readers_language_in_their_zone(exported: Any, acme: Any) -> None:
    Lead.create(name="A", source="web", first_touch_at="2026-03-15T13:05:00Z")
    (row,) = rows(exported(f"leads?{FIELDS}&labels=de&zone=Europe/Berlin"))
    assert row["Status"] == "Neu" and "2026-03-15 14:05" in row.values()


def test_it_keeps_cells_from_being_run(exported: Any, acme: Any) -> None:
    owner = Contact.create(name="=1+1")
    Lead.create(name="@home", source="web", owner=owner)
    (row,) = rows(exported(f"leads?{FIELDS}&labels=en"))
    assert (row["Name"], row["Owner"]) == ("'@home", "'=1+1")


def test_it_comes_back_as_it_was(exported: Any, imported: Any, lead: Lead, people: Any) -> None:
    for language in ("en", "de"):
        table = exported(f"leads?fields=name,status,owner,contact,source&labels={language}")
        done = imported("leads", table, "?match=name")
        assert counts(done) == {"unchanged": 1}, done


def test_own_fields_that_are_called_alike_come_back_as_they_were(
    exported: Any, imported: Any, api: Any, people: Any
) -> None:
    options = [{"value": "a", "label": "Alpha"}, {"value": "b", "label": "Be; ta"}]
    for name, label, more in (
        ("ownerTwo", "Owner", {}), ("care", "Betreuung", {}), ("first", "Same", {}),
        ("second", "Same", {}), ("kinds", "Kinds", {"type": "choices", "options": options}),
    ):  # fmt: skip
        sent = {"noun": "Lead", "name": name, "label": label, "type": "string", **more}
        assert api.call("POST", "/fields", sent).status_code == 201
    own = {"ownerTwo": "o", "care": "q", "first": "1", "second": "2", "kinds": ["a", "b"]}
    sent = {"name": "A", "source": "web", "owner": people.bob.pk, **own}
    made = api.call("POST", "/leads", sent).json()
    own_headings = {"Owner (ownerTwo)", "Betreuung (care)", "Same", "Same (second)"}
    for language in ("en", "de"):
        fields = ",".join(["name", "owner", "source", *own])
        table = exported(f"leads?fields={fields}&labels={language}")
        (row,) = rows(table)
        assert own_headings <= row.keys()
        assert row["Kinds"] == "Alpha; b"
        changed = api.call("PATCH", f"/leads/{made['$id']}", dict.fromkeys(own))
        assert changed.status_code == 200
        assert counts(imported("leads", table, "?match=name")) == {"updated": 1}
        back = api.call("GET", f"/leads/{made['$id']}").json()
        assert {name: back[name] for name in own} == own
        assert back["owner"] == people.bob.pk
    imported("leads", "Name,Source,Owner\nB,web,Cleo Marsh\n")
    assert Lead.find({"name": "B"}).get().owner_id == people.cleo.pk


def test_it_names_nobody_whom_the_reader_does_not_see(acme: Any, people: Any, api: Any) -> None:
    from headlessly.transfer import exporting

    acme.limits_reps = True
    acme.save()
    hidden = Contact.create(name="Hidden Person", owner=people.cleo)
    Lead.create(name="Nobody's", source="web", contact=hidden)
    rep = actors.Actor("user_x", "Bob", "rep", people.bob.pk, limited=True)
    with tenancy.active(acme), actors.acting(rep):
        question = exporting.Question(Lead, fields="name,contact", labels="en")
        (row,) = rows(b"".join(exporting.stream(question, "csv")))
        assert row["Name"] == "Nobody's" and "Hidden" not in row["Contact"]
    Lead.create(name="Mine", source="web", owner=people.bob, contact=hidden)
    with tenancy.active(acme), actors.acting(rep):
        found = rows(b"".join(exporting.stream(question, "csv")))
    assert {row["Name"]: row["Contact"] for row in found}["Mine"] == "Hidden Person"


@pytest.mark.parametrize(
    "query", ["labels=fr", "labels=en&format=ndjson", "zone=Europe/Berlin", "labels=en&zone=Mars"]
)
def test_it_says_what_it_can_be_asked_for(query: str, api: Any) -> None:
    problem(api.call("GET", f"/export/leads?{query}"), 400, "bad_request")


# -- as a workbook ----------------------------------------------------------------------------------


def book_rows(content: bytes) -> list[list[Any]]:
    sheet = load_workbook(io.BytesIO(content)).active
    return [[(cell.value, cell.data_type) for cell in row] for row in sheet]


def test_a_workbook_that_is_not_made_to_its_end_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def too_slow() -> Iterator[list[str]]:
        yield ["Ada Chen"]
        raise InvalidFilter("This takes too long.")

    def no_room(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InvalidFilter):
        write_workbook("People", ["Name"], too_slow())
    monkeypatch.setattr(Workbook, "save", no_room)
    with pytest.raises(OSError):
        write_workbook("People", ["Name"], [["Ada Chen"]])
    assert not list(tmp_path.iterdir())


def test_it_is_a_workbook_of_values_with_nothing_that_runs(
    exported: Any, acme: Any, people: Any
) -> None:
    Lead.create(
        name='=HYPERLINK("http://x")', source="web\x0bsite", score=82, budget=1200.5,
        owner=people.bob, first_touch_at="2026-03-15T13:05:00Z",
    )  # fmt: skip
    asked = "fields=name,owner,status,source,score,budget,firstTouchAt&labels=de&zone=Europe/Berlin"
    head, row = book_rows(exported(f"leads?format=xlsx&{asked}"))
    assert [value for value, _type in head][:3] == ["Name", "Betreuung", "Status"], head
    assert row == [
        ("'=HYPERLINK(\"http://x\")", "s"), ("Bob Stone", "s"), ("Neu", "s"), ("web site", "s"),
        (82, "n"), (1200.5, "n"), (datetime(2026, 3, 15, 14, 5), "d"),
    ]  # fmt: skip


def test_a_workbook_has_what_the_table_has_and_comes_back(
    exported: Any, imported: Any, lead: Lead, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Lead.create(name="Other", source="fair")
    asked = "fields=name,status,owner,source&labels=en&sort=name"
    (head, *table) = csv.reader(io.StringIO(exported(f"leads?{asked}").decode("utf-8-sig")))
    (book_head, *book) = book_rows(exported(f"leads?format=xlsx&{asked}"))
    assert [value for value, _type in book_head] == head
    assert [[value or "" for value, _type in row] for row in book] == table
    from headlessly.transfer import exporting

    monkeypatch.setattr(exporting, "MAX_BOOK_ROWS", 1)
    with pytest.raises(BadRequest, match="at most 1 rows"):
        exporting.stream(exporting.Question(Lead, labels="en"), "xlsx")
