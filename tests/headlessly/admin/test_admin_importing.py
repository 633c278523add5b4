"""Files in the browser: tried first, imported with the same file, told row by row."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from headlessly.access import actors, tenancy
from headlessly.transfer.models import Import

PLACE = "/~acme/admin/imports/"
ROWS = "name,source,contact\nFair visitor,fair,ada@acme.example\nNobody,fair,nobody@else.example\n"


def send(client: Any, content: str = ROWS, name: str = "fair.csv", **more: str) -> Any:
    file = SimpleUploadedFile(name, content.encode())
    return client.post(PLACE, {"type": "Lead", "file": file, **more})


@pytest.fixture
def tried(bob: Any, work: Any) -> str:
    """The page of a file that was tried."""
    page = send(bob).headers["Location"]
    work()
    return page


def test_tries_a_file_before_anything_is_saved(bob, tried, people):
    from crm import Lead

    html = bob.get(tried).content.decode()
    assert "Would be added" in html
    assert "There is no Contact" in html
    assert "Import this row" in html
    assert Lead.count() == 0


def test_imports_what_was_tried_with_the_same_file(bob, tried, work, people):
    from crm import Lead

    done = bob.post(f"{tried}go/").headers["Location"]
    assert done != tried
    assert "data-polls" in bob.get(done).content.decode()
    work()
    assert "To the leads" in bob.get(done).content.decode()
    assert [(lead.name, lead.contact) for lead in Lead.find()] == [("Fair visitor", people.ada)]
    assert bob.post(f"{tried}go/").status_code == 409
    work()
    assert Lead.count() == 1


def test_says_what_is_wrong_with_a_file(bob, unchanged):
    with unchanged():
        assert "Choose a file first." in bob.post(PLACE, {"type": "Lead"}).content.decode()
        assert "ends with one of .csv" in send(bob, name="leads.pdf").content.decode()
        assert "not UTF-8" in bob.post(
            PLACE, {"type": "Lead", "file": SimpleUploadedFile("a.csv", b"name,source\n\x81,web\n")}
        ).content.decode()  # fmt: skip
    assert not Import.objects.exists()


def test_updates_those_that_are_found(cleo, people, work):
    page = send(cleo, "email,title\nada@acme.example,CEO\n", type="Contact", match="email")
    work()
    assert "Would be changed" in cleo.get(page.headers["Location"]).content.decode()
    cleo.post(f"{page.headers['Location']}go/")
    work()
    people.ada.refresh_from_db()
    assert people.ada.title == "CEO"


def test_an_import_that_is_stopped_takes_no_more(bob, people, work):
    from crm import Lead

    page = send(bob).headers["Location"]
    bob.post(f"{page}cancel/")
    assert "cancelled" in bob.get(page).content.decode()
    work()
    assert Lead.count() == 0
    assert bob.post(f"{page}go/").status_code == 409


def test_others_have_no_part_in_it(bob, users, tried, vic, unchanged):
    from tests.headlessly.admin.signed_in import client_of

    with unchanged():
        assert vic.get(PLACE).status_code == 403
        assert send(vic).status_code == 403
        for client in (vic, client_of(users.eve)):
            assert client.get(tried).status_code == 404
            assert client.post(f"{tried}go/").status_code == 404
        assert client_of(users.eve).get(tried.replace("acme", "rival")).status_code == 404
        assert bob.get(f"{PLACE}columns/Campaign.csv").status_code == 404
    assert bob.get(f"{PLACE}columns/Lead.csv").content.startswith(b"name,")


def test_the_file_of_a_trial_is_forgotten_after_a_day(bob, tried, people):
    from datetime import timedelta

    from headlessly.transfer.import_job import clear_old_imports

    done = Import.objects.get()
    Import.objects.update(created_at=done.created_at - timedelta(days=1, minutes=1))
    lost = Import.objects.get(pk=done.pk)
    lost.pk, lost.status = "import_lost", Import.Status.RUNNING
    lost.created_at -= timedelta(days=4)
    lost.save(force_insert=True)
    with tenancy.active(None), actors.acting(None):
        clear_old_imports()
    lost.refresh_from_db()
    assert lost.status == Import.Status.FAILED
    assert "Import this row" not in bob.get(tried).content.decode()
    said = bob.post(f"{tried}go/")
    assert said.status_code == 409
    assert "older than a day" in said.content.decode()


def test_says_what_is_here_already_and_what_is_left_out(bob, people, work):
    people.ada.phone = None
    table = "name;source;contact;colour\nFair visitor;fair;ada@acme.example;red\n"
    for _ in range(2):
        page = send(bob, table).headers["Location"]
        work()
        html = bob.get(page).content.decode()
        assert "colour" in html
        bob.post(f"{page}go/")
        work()
    assert "One of these is here already, by Contact and Name." in html


def test_tells_a_german_reader_in_german(bob, people, work, users):
    from crm import Lead

    users.bob.language, users.bob.time_zone = "de", "Europe/Berlin"
    users.bob.save()
    table = "name,source,budget,firstTouchAt\nA,web,1.250,15.03.2026 14:05\n,web,1,\n"
    page = send(bob, table).headers["Location"]
    work()
    html = bob.get(page).content.decode()
    assert "Das ist ein Pflichtfeld." in html or "Pflicht" in html or "erforderlich" in html
    assert "This is required" not in html
    bob.post(f"{page}go/")
    work()
    (lead,) = Lead.find()
    assert lead.budget == 1250
    assert lead.first_touch_at.isoformat() == "2026-03-15T13:05:00+00:00"


def test_takes_the_notation_that_the_reader_chose(bob, people, work):
    from crm import Lead

    page = send(bob, "name,source,budget\nA,web,1.250\n", numbers="comma").headers["Location"]
    work()
    bob.post(f"{page}go/")
    work()
    assert Lead.find().get().budget == 1250


def test_finds_leads_by_contact_and_name(bob, people, work):
    from crm import Lead

    for _ in range(2):
        page = send(bob, ROWS, match="contact,name").headers["Location"]
        work()
        assert 'value="contact,name" selected' in bob.get(page).content.decode()
        bob.post(f"{page}go/")
        work()
    assert Lead.count() == 1


def test_shows_on_a_record_what_its_file_said_beside(bob, people, work, address):
    from crm import Lead

    content = "name,source,Badge\nFair visitor,fair,<b>007</b>\n"
    page = send(bob, content).headers["Location"]
    work()
    bob.post(f"{page}go/")
    work()
    html = bob.get(address(Lead.find().get())).content.decode()
    assert "Also in fair.csv" in html
    assert "&lt;b&gt;007&lt;/b&gt;" in html


def test_tells_in_the_timeline_what_a_file_said_with_a_change(bob, cleo, people, work, address):
    content = "email,title,Badge\nada@acme.example,CEO,007\n"
    page = send(cleo, content, type="Contact", match="email").headers["Location"]
    work()
    cleo.post(f"{page}go/")
    work()
    html = cleo.get(address(people.ada)).content.decode()
    assert "Badge" in html and "007" in html
