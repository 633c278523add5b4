"""Who reads which language, and that programs always read English."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from django.utils.html import strip_tags

from headlessly.declaration import describe
from headlessly.declaration.shapes import Shape, shaped_by
from headlessly.language import languages
from tests.headlessly.languages.english import Page

GERMAN = "de-AT,de;q=0.9,en;q=0.5"


def language(html: str) -> str:
    return Page(html).language


# -- which language -------------------------------------------------------------------------------


def test_somebodys_own_choice_comes_first(ann, get):
    assert language(get(ann)) == language(get(ann, Accept_Language="en-US")) == "de"


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [("", "en"), (GERMAN, "de"), ("en-US,en", "en"), ("en-GB", "en-gb"), ("fr,de;q=0.5", "de"),
     ("fr", "en"), ("*", "en"), ("x" * 5_000, "en")],
)  # fmt: skip
def test_else_it_is_the_browsers_among_those_shipped_else_english(bob, get, asked, spoken):
    assert language(get(bob, Accept_Language=asked)) == spoken


def test_one_that_is_not_shipped_any_more_counts_for_nothing(users, bob, get):
    users.bob.language = "tlh"
    users.bob.save()
    assert language(get(bob, Accept_Language=GERMAN)) == "de"


def test_pages_before_signing_in_are_in_the_browsers_language(db):
    client = Client(headers={"Accept-Language": GERMAN})
    page = client.get("/")
    assert "Anmelden" in page.content.decode() and language(page.content.decode()) == "de"
    refused = client.post("/", {"username": "x@y.example", "password": "no"}).content.decode()
    assert "E-Mail und Passwort passen nicht zusammen." in refused
    assert "Dieser Link funktioniert nicht" in client.get("/invitation/x/y").content.decode()
    assert "Hier ist nichts" in client.get("/nothing").content.decode()


def test_says_on_what_a_page_depends(bob, get):
    answer = bob.get("/~acme/admin/", headers={"Accept-Language": GERMAN})
    assert answer["Content-Language"] == "de"
    assert {"Accept-Language", "Cookie"} <= {v.strip() for v in answer["Vary"].split(",")}


# -- choosing one ---------------------------------------------------------------------------------


def test_a_language_and_a_zone_are_chosen_by_post_and_kept(users, bob, get):
    page = "/~acme/admin/preferences/"
    assert 'href="/~acme/admin/preferences/"' in get(bob)
    bob.get(page, {"language": "de"})
    users.bob.refresh_from_db()
    assert users.bob.language == ""
    answer = bob.post(page, {"language": "de", "time_zone": "Europe/Berlin"}, follow=True)
    html = answer.content.decode()
    assert "Gespeichert." in html and language(html) == "de"
    users.bob.refresh_from_db()
    assert (users.bob.language, users.bob.time_zone) == ("de", "Europe/Berlin")
    bob.post(page, {"language": "", "time_zone": ""})
    assert language(get(bob)) == "en"


@pytest.mark.parametrize("sent", [{"language": "tlh"}, {"time_zone": "Mars/Olympus"}])
def test_an_unknown_choice_is_refused_and_changes_nothing(users, bob, sent):
    answer = bob.post("/~acme/admin/preferences/", sent)
    assert answer.status_code == 422
    users.bob.refresh_from_db()
    assert (users.bob.language, users.bob.time_zone) == ("", "")


def test_the_operator_chooses_too(users):
    client = Client()
    client.force_login(users.olga)
    client.post("/admin/preferences/", {"language": "de"})
    html = client.get("/admin/").content.decode()
    assert language(html) == "de" and "Mandanten" in html


# -- programs read English --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mounted", "path", "people"),
    [(True, "/admin/crm/lead/", True), (True, "/leads", False), (True, "/mcp", False),
     (True, "/openapi.json", False), (True, "/administration", False), (True, "/", False),
     (False, "/", True), (False, "/admin/", True)],
)  # fmt: skip
def test_only_pages_are_read_by_people(mounted, path, people):
    request = SimpleNamespace(mounted=mounted, path_info=path)
    assert languages.is_read_by_people(request) is people


@pytest.fixture
def asked(acme, lead):
    """What programs ask and are refused: paths, methods and bodies."""
    at = f"/leads/{lead.pk}"
    return [
        ("GET", "/schema", None),
        ("GET", "/schema/Lead", None),
        ("GET", "/openapi.json", None),
        ("GET", at, None),
        ("GET", "/leads?color=red", None),
        ("GET", "/leads/lead_nothing0000", None),
        ("GET", "/leads?score__gte=50.000,5", None),
        ("POST", "/leads", {"name": "", "source": 1, "budget": "50.000,5", "status": "Neu"}),
        ("POST", f"{at}/convert", {}),
        ("POST", f"{at}/lose", {}),
        ("PATCH", at, {"status": "Converted"}),
    ]


def test_rest_is_english_whatever_it_is_sent(api, asked):
    cookies = {"django_language": "de", languages.TIME_ZONE_COOKIE: "Europe/Berlin"}
    plain = [api.call(*each) for each in asked]
    api.cookies.load(cookies)
    german = [api.call(*each, Accept_Language="de") for each in asked]
    for before, after in zip(plain, german, strict=True):
        old, new = before.json(), after.json()
        for body in (old, new):
            body.pop("requestId", None)
        assert new == old
        assert "Content-Language" not in after


def test_rest_is_english_to_somebody_who_chose_german(ann, get, lead):
    assert language(get(ann)) == "de"
    answer = ann.get("/~acme/leads?color=red", headers={"Accept-Language": "de"})
    assert answer.json()["message"].startswith("Lead has no field 'color'.")
    missing = ann.get("/~acme/leads/lead_nothing0000").json()
    assert missing["message"] == "There is no Lead lead_nothing0000."


def test_what_is_described_once_stays_english_whoever_reads_first(ann, acme, get, api):
    with shaped_by(Shape(acme.pk, 1)), translation.override("de"):
        german = describe.describe_nouns()
    with shaped_by(Shape(acme.pk, 2)):
        assert german == describe.describe_nouns()
    fields = api.call("GET", "/schema/Lead").json()["fields"]
    assert fields["budget"]["description"] == "BANT: what can they spend?"


def test_python_is_english(lead):
    from headlessly.errors import Invalid, VerbRefused

    with pytest.raises(Invalid, match="This is an amount: send a number"):
        lead.update(budget="much")
    lead.update(status="Contacted")
    lead.update(status="Qualified")
    lead.update(contact=None)
    with pytest.raises(VerbRefused, match="Lead must have a contact before conversion"):
        lead.convert()


def test_a_page_leaves_no_language_behind(ann, bob, get):
    before = translation.get_language(), timezone.get_current_timezone_name()
    assert language(get(ann)) == "de"
    assert (translation.get_language(), timezone.get_current_timezone_name()) == before
    assert language(get(bob)) == "en"
    assert "Neu" not in get(bob) and "Add lead" in get(bob)


# -- what a German page shows, and what it sends -----------------------------------------------------


def test_shows_german_words_and_posts_the_declared_ones(ann, get, lead):
    html = get(ann, "crm/lead/?status=New")
    assert '<option value="New" selected>Neu</option>' in html
    assert "Status: Neu" in html
    page = get(ann, f"crm/lead/{lead.pk}/change/")
    assert '<input type="hidden" name="to" value="Contacted">' in page
    assert "Weiter zu „Kontaktiert“" in page
    answer = ann.post(f"/~acme/admin/crm/lead/{lead.pk}/move/", {"to": "Contacted"}, follow=True)
    assert "ist jetzt im Status „Kontaktiert“." in answer.content.decode()
    lead.refresh_from_db()
    assert lead.status == "Contacted"
    refused = ann.post(f"/~acme/admin/crm/lead/{lead.pk}/move/", {"to": "Qualifiziert"})
    assert refused.status_code == 422
    lead.refresh_from_db()
    assert lead.status == "Contacted"


def test_tells_what_happened_in_german_sentences(ann, get, qualified):
    qualified.convert()
    html = get(ann, f"crm/lead/{qualified.pk}/change/")
    said = " ".join(strip_tags(html).split())
    assert "hat diesen Lead konvertiert" in said
    assert f"hat den Deal {qualified.name} angelegt" in said
    assert "hat verschoben: Neu →" in said


def test_refuses_in_german_beside_the_field(ann, get, lead, unchanged):
    with unchanged():
        answer = ann.post(
            f"/~acme/admin/crm/lead/{lead.pk}/edit/",
            {"version": "1", "score": "120", "budget": "viel", "name": ""},
        )
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "Eine Zahl von 0 bis 100 angeben." in html
    assert "Das ist kein Betrag: nur Ziffern schreiben, etwa 1250,50." in html
    assert "Das ist erforderlich." in html
    assert "Bitte die markierten Felder prüfen." in html


def test_a_hooks_refusal_is_german_and_leads_to_the_field(ann, qualified):
    qualified.update(contact=None)
    answer = ann.get(f"/~acme/admin/crm/lead/{qualified.pk}/do/convert/")
    html = answer.content.decode()
    assert "Vor der Konversion braucht der Lead einen Kontakt" in html
    assert '<label for="convert_first-contact">Kontakt' in html


def test_asks_the_database_as_often_in_any_language(bob, get, lead):
    counts = []
    for asked in ("en", "de"):
        get(bob, Accept_Language=asked)
        with CaptureQueriesContext(connection) as captured:
            get(bob, f"crm/lead/{lead.pk}/change/", Accept_Language=asked)
        counts.append(len(captured))
    assert counts[0] == counts[1]
