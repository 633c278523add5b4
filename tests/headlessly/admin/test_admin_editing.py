"""Adding, editing and deleting in the browser: the verbs, with their errors beside the inputs."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from headlessly.declaration.registry import registry
from headlessly.log.events import Event
from tests.contract import samples

NOUNS = list(registry.values())
nouns = pytest.mark.parametrize("noun", NOUNS, ids=[n.__name__ for n in NOUNS])
changing = pytest.mark.parametrize("noun", samples.CHANGING, ids=lambda n: n.__name__)

ADD = "/~acme/admin/crm/lead/add/"


def newest() -> Event:
    return Event.objects.order_by("-seq").first()


def error_of(response: Any, name: str) -> str:
    """What is said beside one input."""
    html = response.content.decode()
    part = re.split(rf'<label for="id_{name}">', html)[1].split('<div class="input')[0]
    return " ".join(re.findall(r'<p class="wrong" role="alert"[^>]*>([^<]*)', part))


def form_of(client: Any, address: str) -> dict[str, str]:
    """The form as a browser would send it back untouched."""
    html = client.get(address).content.decode()
    html = html.split('<form method="post" novalidate>')[1].split("</form>")[0]
    sent: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", html):
        name = re.search(r'name="([^"]*)"', tag)
        if name and ("checkbox" not in tag or re.search(r" checked[ >=]", tag)):
            value = re.search(r'value="([^"]*)"', tag)
            sent[name.group(1)] = unescape(value.group(1) if value else "")
    texts = r'<textarea[^>]*name="([^"]*)"[^>]*>\n?(.*?)</textarea>'
    for name, value in re.findall(texts, html, re.S):
        sent[name] = unescape(value)
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', html, re.S):
        chosen = re.search(r'<option value="([^"]*)"[^>]* selected', options)
        sent[name] = unescape(chosen.group(1) if chosen else "")
    sent.pop("csrfmiddlewaretoken")
    return sent


def test_adds_a_record_by_the_verb(bob, users, people):
    response = bob.post(
        ADD,
        {"name": "Fresh", "source": "website", "contact": people.ada.pk, "budget": "12,500.50",
         "first_touch_at": "2026-01-31T09:00", "score": "", "need": "a\r\nb"},
    )  # fmt: skip
    event = newest()
    assert (event.name, event.actor) == ("Lead.Created", users.bob.pk)
    assert response.headers["Location"] == f"/~acme/admin/crm/lead/{event.target}/change/"
    assert event.data["budget"] == 12_500.5
    assert event.data["contact"] == people.ada.pk
    assert event.data["firstTouchAt"] == "2026-01-31T09:00:00Z"
    assert event.data["score"] is None
    assert event.data["need"] == "a\nb"


def test_says_what_is_missing_or_wrong_beside_each_input_and_keeps_what_was_typed(
    bob, people, theirs, unchanged
):
    with unchanged():
        response = bob.post(
            ADD,
            {"name": "", "source": "website", "score": "many", "need": "<Kept> & safe",
             "contact": people.ada.pk},
        )  # fmt: skip
    assert response.status_code == 422
    assert error_of(response, "name") == "This is required."
    assert "number" in error_of(response, "score")
    html = response.content.decode()
    assert "&lt;Kept&gt; &amp; safe" in html
    assert 'value="many"' in html
    assert "Ada Chen" in html


def test_says_that_one_of_the_name_is_there_before_another_is_made(
    bob, people, lead, theirs, unchanged
):
    sent = {"name": " acme  PLATFORM evaluation", "source": "website", "need": "Kept"}
    with unchanged():
        html = bob.post(ADD, sent).content.decode()
    assert "There is one like it already." in html and "same name" in html
    assert f"/~acme/admin/crm/lead/{lead.pk}/change/" in html
    assert "Ada Chen" in html and "Kept</textarea>" in html and "Create anyway" in html
    assert bob.post(ADD, sent | {"anyway": "1"}).status_code == 302
    assert newest().name == "Lead.Created"
    # What another tenant has, and what is gone, is not there.
    assert bob.post(ADD, {"name": theirs.lead.name, "source": "website"}).status_code == 302
    people.corp.update(name="Gone Corp")
    place = "/~acme/admin/crm/organization/add/"
    assert bob.post(place, {"name": "Acme Corp"}).status_code == 302
    assert "Create anyway" in bob.post(place, {"name": "acmé corp"}).content.decode()


def alike(client, noun, **values):
    """What a form for a new record tells of those that are like it: their names, and in which fields."""
    html = client.post(f"/~acme/admin/crm/{noun}/add/", values).content.decode()
    told = re.findall(r'<li><a href="[^"]+">([^<]+)</a>.*?<span class="quiet">([^<]+)</span>', html)
    return dict(told) if "like it already" in html else {}


@pytest.mark.parametrize("number", ["+49 30 1234567", "030/1234567", "0049 (0)30 12 34 567"])
def test_says_that_somebody_has_the_telephone_already(number, bob, people):
    people.ada.update(mobile="+49 30 1234567")
    assert alike(bob, "contact", name="Somebody else", phone=number) == {"Ada Chen": "same phone"}
    assert alike(bob, "contact", name="ADA chen", phone=number) == {
        "Ada Chen": "same name and phone"
    }
    assert alike(bob, "contact", name="Else", phone="30 7654321") == {}
    assert alike(bob, "contact", name="Another", phone="4567") == {}


def test_says_that_a_company_with_the_domain_of_the_website_is_there(bob, people):
    told = alike(bob, "organization", name="Acme", website="https://www.ACME.example/about")
    assert told == {"Acme Corp": "same website"}
    assert alike(bob, "organization", name="Other", website="https://other.example") == {}


def test_says_that_the_person_has_an_open_lead_already(bob, lead, theirs):
    person = lead.contact.pk
    told = alike(bob, "lead", name="Another", source="web", contact=person)
    assert told == {lead.name: "same contact"}
    lead.lose(lost_reason="Price")
    assert alike(bob, "lead", name="Another one", source="web", contact=person) == {}
    assert alike(bob, "lead", name="Third", source="web", contact=theirs.eve.pk) == {}


def test_refuses_an_email_that_somebody_has_and_leads_there(bob, people, unchanged):
    with unchanged():
        sent = {"name": "Else", "email": "ADA@acme.example"}
        html = bob.post("/~acme/admin/crm/contact/add/", sent).content.decode()
    assert "Open the contact that has it" in html and people.ada.pk in html


def test_refuses_what_is_no_text_before_it_looks_for_others(bob, people, unchanged):
    with unchanged():
        assert bob.post(ADD, {"name": "a\0b", "source": "web"}).status_code == 422


def test_refuses_another_tenants_record_as_a_reference_without_naming_it(
    bob, people, theirs, unchanged
):
    with unchanged():
        response = bob.post(ADD, {"name": "x", "source": "y", "contact": theirs.eve.pk})
    assert response.status_code == 422
    assert "There is no Contact" in error_of(response, "contact")
    assert "Eve" not in response.content.decode()


def test_an_address_suggests_values(bob, lead):
    html = bob.get(f"/~acme/admin/crm/activity/add/log/?lead={lead.pk}").content.decode()
    assert f'<option value="{lead.pk}" selected>Acme Platform Evaluation</option>' in html


def test_adds_by_another_verb_that_creates(bob, lead):
    bob.post(
        "/~acme/admin/crm/activity/add/log/",
        {"subject": "Call", "type": "Call", "lead": lead.pk, "outcome": "wants a pilot"},
    )
    events = Event.objects.order_by("-seq")[:2]
    assert {e.name for e in events} == {"Activity.Logged", "Lead.Updated"}


@pytest.mark.parametrize("verb", ["convert", "update", "nothing"])
def test_adds_by_no_verb_that_does_not_create(bob, acme, unchanged, verb):
    with unchanged():
        assert bob.post(f"/~acme/admin/crm/lead/add/{verb}/", {"name": "x"}).status_code == 404


@changing
def test_a_form_sent_back_untouched_changes_nothing_and_one_that_is_edited_only_what_was(
    ann, users, acme, noun, address, unchanged
):
    record = samples.create(noun, full=True)
    sent = form_of(ann, address(record, "edit"))
    with unchanged():
        response = ann.post(address(record, "edit"), sent)
    assert response.status_code == 302, response.content.decode()[:2000]
    # One of those that lists show; where each can only be what it is, any other one.
    shown = [noun.schema.by_name[name] for name in noun.schema.columns]
    fields = [*shown, *(f for f in noun.schema.inputs() if f.type in ("string", "text"))]
    others = ((f, "Another" if f.name == "name" else samples.value(f, record)) for f in fields)
    name, other = next((f.name, v) for f, v in others if v != getattr(record, f.column))
    assert ann.post(address(record, "edit"), sent | {name: other}).status_code == 302
    event = newest()
    assert event.name == f"{noun.__name__}.Updated"
    assert list(event.previous) == [name]
    assert event.actor == users.ann.pk


def test_a_field_that_is_not_sent_stays_as_it_is(bob, lead, address):
    bob.post(address(lead, "change"), {"budget": "60000"})
    lead.refresh_from_db()
    assert (lead.budget, lead.score, lead.contact_id is not None) == (60_000, 82, True)


def test_empties_a_field(bob, lead, address):
    bob.post(address(lead, "edit"), {"budget": "", "owner": ""})
    lead.refresh_from_db()
    assert (lead.budget, lead.owner_id) == (None, None)


def test_an_edit_that_is_refused_keeps_what_was_typed(bob, lead, address, unchanged):
    with unchanged():
        response = bob.post(
            address(lead, "edit"),
            {"budget": "-5", "authority": "The board", "version": lead.version},
        )
    assert response.status_code == 422
    assert "0" in error_of(response, "budget")
    html = response.content.decode()
    assert 'value="-5"' in html
    assert 'value="The board"' in html


def test_a_unique_value_that_is_taken_is_said_beside_it(ann, people, address, unchanged):
    with unchanged():
        response = ann.post(address(people.bob, "edit"), {"email": "ADA@acme.example"})
    assert response.status_code == 409
    assert "already" in error_of(response, "email")
    assert f'href="{address(people.ada)}"' in response.content.decode()


def test_the_status_does_not_jump_by_an_edit(bob, lead, address, unchanged):
    with unchanged():
        response = bob.post(address(lead, "edit"), {"status": "Converted"})
    assert response.status_code == 409
    with unchanged():
        response = bob.post(address(lead, "edit"), {"lost_reason": "x", "deal": "deal_x"})
    assert response.status_code == 302


def test_a_closed_record_keeps_its_closed_fields(bob, qualified, address, unchanged):
    qualified.convert()
    assert 'name="budget"' not in bob.get(address(qualified, "edit")).content.decode()
    with unchanged():
        response = bob.post(address(qualified, "edit"), {"budget": "1"})
    assert response.status_code == 409
    assert "no longer changes" in response.content.decode()


def test_saving_what_somebody_else_saved_meanwhile_shows_both_and_loses_nothing(
    bob, cleo, lead, address, unchanged
):
    mine = form_of(bob, address(lead, "edit"))
    theirs = form_of(cleo, address(lead, "edit"))
    cleo.post(address(lead, "edit"), theirs | {"budget": "70000", "score": "12"})
    with unchanged():
        response = bob.post(
            address(lead, "edit"), mine | {"budget": "60000", "authority": "The board"}
        )
    assert response.status_code == 412
    html = response.content.decode()
    assert "Somebody else saved this" in html
    assert "Cleo" in html
    assert 'value="60000"' in html
    assert 'value="The board"' in html
    assert 'value="12"' in html, "what I did not touch is as it is now"
    assert "Cleo made this $70,000" in error_of(response, "budget")
    version = re.search(r'name="version" value="(\d+)"', html).group(1)
    again = mine | {"budget": "60000", "authority": "The board", "score": "12", "version": version}
    assert bob.post(address(lead, "edit"), again).status_code == 302
    lead.refresh_from_db()
    assert (lead.budget, lead.score, lead.authority) == (60_000, 12, "The board")


def test_json_that_cannot_be_read_is_said_and_kept(ann, acme, address, unchanged):
    from crm import Pipeline

    pipeline = Pipeline.create(name="Sales")
    with unchanged():
        response = ann.post(address(pipeline, "edit"), {"stages": "[{'name': 1}"})
    assert response.status_code == 422
    assert "not JSON" in error_of(response, "stages")
    assert "[{&#x27;name&#x27;: 1}" in response.content.decode()


# -- deleting ---------------------------------------------------------------------------------


@nouns
def test_deletes_after_asking(ann, acme, noun, address):
    record = samples.create(noun)
    assert "Keep it" in ann.get(address(record, "delete")).content.decode()
    response = ann.post(address(record, "delete"))
    assert response.headers["Location"] == address(noun)
    assert newest().name == f"{noun.__name__}.Deleted"
    assert ann.get(address(record)).status_code == 404


def test_what_is_referred_to_is_not_deleted_and_says_by_whom(ann, lead, people, address, unchanged):
    with unchanged():
        response = ann.post(address(people.ada, "delete"), follow=True)
    assert response.status_code == 200
    assert "still needed by 1 lead" in response.content.decode()


def test_no_way_around_the_verbs(ann, lead, address, unchanged):
    with unchanged():
        ann.post(
            "/~acme/admin/crm/lead/",
            {"action": "delete_selected", "_selected_action": lead.pk, "post": "yes"},
        )
        ann.post(
            "/~acme/admin/crm/lead/",
            {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": lead.pk,
             "form-0-name": "x", "_save": "Save"},
        )  # fmt: skip


def test_djangos_own_log_stays_empty(ann, lead, address):
    from django.contrib.admin.models import LogEntry

    ann.post(address(lead, "edit"), {"name": "Other"})
    ann.post(address(lead, "move"), {"to": "Contacted"})
    ann.post(address(lead, "delete"))
    assert not LogEntry.objects.exists()
