"""The page of a record: what it says, and the verbs that are done from it."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

from headlessly.errors import VerbRefused
from tests.headlessly.admin.signed_in import WITHOUT_FRAME


def text(response: Any) -> str:
    """The page's main part as one reads it."""
    html = response.content.decode().split('<div class="hly" id="hly"', 1)[1]
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def actions(response: Any) -> str:
    """The buttons beside the heading."""
    html = response.content.decode().split('<div class="acts">', 1)[1]
    return html.split("</header>", 1)[0]


def strong(response: Any) -> list[str]:
    found = re.findall(r'<button[^>]*class="btn strong"[^>]*>([^<]*)', actions(response))
    return [label.strip() for label in found]


def test_a_lead_shows_who_it_is_what_is_known_and_what_is_next(bob, lead, address):
    response = bob.get(address(lead))
    said = text(response)
    for words in ("Acme Platform Evaluation", "Ada Chen", "Acme Corp", "Spring launch"):
        assert words in said
    assert "BANT" in said
    assert "1 of 4" in said
    assert "answered Budget $50,000" in said
    assert "missing Timeline + add" in said
    assert strong(response) == ["Move to Contacted"]


def test_where_one_calls_stands_on_top_of_a_contact_and_on_what_is_to_be_done_with_them(
    bob, lead, people, address
):
    from crm import Activity

    people.ada.update(phone="+1 212 555 527")
    call = '<a href="tel:+1212555527">+1 212 555 527</a>'
    html = bob.get(address(people.ada)).content.decode()
    assert call in html.split('<dl class="facts">')[1].split("</dl>")[0]
    task = Activity.create(subject="Call Ada", lead=lead, contact=people.ada)
    html = bob.get(address(task)).content.decode()
    about = html.split('<dl class="people">')[1].split("</dl>")[0]
    assert call in about and "Ada Chen" in about
    assert "+ add" not in about, "what it is not about is no gap"


def test_questions_without_any_answer_are_one_line_below_what_is_known(bob, people, address):
    from crm import Lead

    lead = Lead.create(name="Nothing known", source="website", contact=people.ada)
    said = text(bob.get(address(lead)))
    assert said.index("Ada Chen") < said.index("BANT")
    assert "0 of 4 Answer Not filled: Budget , Authority , Need , Timeline" in said
    assert "+ add" not in said[said.index("BANT") :].split("Details")[0]


def test_the_strong_button_is_the_step_that_the_machine_expects(bob, lead, address):
    steps = [
        ("Contacted", "Move to Qualified"),
        ("Qualified", "Convert…"),
    ]
    for state, expected in steps:
        bob.post(address(lead, "move"), {"to": state})
        assert strong(bob.get(address(lead))) == [expected]


def test_what_is_not_possible_is_greyed_and_says_why(bob, lead, address):
    html = actions(bob.get(address(lead)))
    assert (
        'aria-disabled="true" title="Possible when the lead is Qualified; it is New now."' in html
    )


def test_a_record_is_given_with_one_press(bob, lead, users, people):
    place = f"/~acme/admin/crm/lead/{lead.pk}/do/assign/"
    offered = re.findall(
        r'<button type="submit" class="btn" name="owner" value="([^"]*)">',
        bob.get(place).content.decode(),
    )
    assert offered[0] == people.bob.pk and people.cleo.pk in offered
    # What stands in the picker is sent along, before it.
    bob.post(place, {"owner": ["", people.cleo.pk], "reason": ""})
    assert type(lead).get(lead.pk).owner_id == people.cleo.pk


def test_a_dialog_that_nobody_touched_empties_nothing(bob, lead, people):
    place = f"/~acme/admin/crm/lead/{lead.pk}/do/assign/"
    html = bob.get(place).content.decode()
    (chosen,) = re.findall(r'<option value="([^"]+)" selected', html)
    assert chosen == people.bob.pk
    assert "What will happen" not in html
    untouched = bob.post(place, {"owner": chosen, "reason": ""}, follow=True)
    assert type(lead).get(lead.pk).owner_id == people.bob.pk
    assert "It is as it was." in text(untouched)
    given = bob.post(place, {"owner": people.cleo.pk, "reason": ""}, follow=True)
    assert "It is as it was." not in text(given)
    # Who empties it says so, and it is foretold.
    emptied = bob.post(place, {"owner": "", "reason": "", "preview": "1"})
    assert "This lead: owner: emptied" in strip_tags(emptied.content.decode())
    bob.post(place, {"owner": "", "reason": ""})
    assert type(lead).get(lead.pk).owner_id is None


def test_a_reply_that_waits_is_done_with_beside_the_next_step(bob, lead, people, address):
    from crm import Activity

    assert "Reply handled" not in bob.get(address(lead)).content.decode()
    lead.update(status="Contacted")
    Activity.log(subject="Re", type="Email", direction="Inbound", lead=lead)
    bar = actions(bob.get(address(lead))).split("<details")[0]
    assert "Reply handled" in bar
    bob.post(address(lead, "do", "settle"))
    lead.refresh_from_db()
    assert lead.reply_waiting_since is None


def test_what_somebody_has_is_not_offered_to_be_taken(bob, lead, people, address):
    assert "/do/claim/" not in bob.get(address(lead)).content.decode()
    type(lead).update(lead.pk, owner=None)
    assert "/do/claim/" in bob.get(address(lead)).content.decode()


def test_moving_on_is_one_click(bob, lead, address):
    response = bob.post(address(lead, "move"), {"to": "Contacted"}, follow=True)
    lead.refresh_from_db()
    assert lead.status == "Contacted"
    assert "Bob moved New → to Contacted" in text(response)


@pytest.mark.parametrize("target", ["Converted", "Lost", "Qualified", "Nope", ""])
def test_a_move_that_the_machine_does_not_allow_is_refused_with_what_is(
    bob, lead, address, unchanged, target
):
    with unchanged():
        response = bob.post(address(lead, "move"), {"to": target})
    assert response.status_code in (409, 422)
    assert 'role="alert"' in response.content.decode()


def test_an_address_leads_to_a_map(bob, address):
    from crm import Organization

    place = Organization.create(name="Mill", address="Hafenstr. 3 & 5", city="Kiel", country="DE")
    page = unescape(bob.get(address(place)).content.decode())
    map = "https://www.openstreetmap.org/search?query=Hafenstr.+3+%26+5%2C+Kiel%2C+"
    assert page.count(map) == 1 and ">Hafenstr. 3 & 5</a>" in page
    place.update(address=None)
    assert "search?query=Kiel%2C+" in bob.get(address(place)).content.decode()


def test_converting_lands_on_the_deal(bob, qualified, address):
    response = bob.post(address(qualified, "do", "convert"))
    qualified.refresh_from_db()
    assert qualified.status == "Converted"
    assert response.headers["Location"] == address(qualified.deal)
    # The lead's own timeline goes on there, and says how it came to be.
    page = bob.get(address(qualified.deal))
    seen, menu = actions(page).split("<details", 1)
    assert "Win…" in seen and "Close without result" not in seen, "what is rare is in the menu"
    assert "Close without result" in menu
    told = text(page)
    assert "converted the lead Acme Platform Evaluation" in told
    assert "created the lead" in told


def test_a_conversion_may_say_what_the_deal_is(bob, qualified, address):
    bob.post(address(qualified, "do", "convert"), {"deal-name": "Rollout", "deal-value": "75,000"})
    qualified.refresh_from_db()
    assert (qualified.deal.name, qualified.deal.value) == ("Rollout", 75_000)
    assert qualified.deal.contact_id == qualified.contact_id


def test_a_conversion_may_attach_a_deal(bob, qualified, address):
    from crm import Deal

    deal = Deal.create(name="Known", value=1)
    bob.post(address(qualified, "do", "convert"), {"deal": deal.pk})
    qualified.refresh_from_db()
    assert qualified.deal_id == deal.pk


def test_a_conversion_with_a_foreign_deal_is_refused_beside_the_input(
    bob, qualified, rival, address, unchanged
):
    from crm import Deal
    from headlessly.access import tenancy

    with tenancy.active(rival):
        theirs = Deal.create(name="Their deal", value=1)
    with unchanged():
        response = bob.post(address(qualified, "do", "convert"), {"deal": theirs.pk})
    assert response.status_code == 422
    dialog = response.content.decode().split('id="do-convert"')[1].split("</section>")[0]
    assert "There is no Deal" in dialog
    assert "Their deal" not in dialog


def test_a_wrong_value_for_the_deal_is_kept_and_explained(bob, qualified, address, unchanged):
    with unchanged():
        response = bob.post(address(qualified, "do", "convert"), {"deal-value": "a lot"})
    assert response.status_code == 422
    dialog = response.content.decode().split('id="do-convert"')[1].split("</section>")[0]
    assert 'value="a lot"' in dialog
    assert "amount" in dialog


def test_a_conversion_without_a_contact_asks_for_the_contact_right_there(
    bob, acme, people, rival, address, unchanged
):
    from crm import Contact, Lead
    from headlessly.access import tenancy

    lead = Lead.create(name="Nobody's", source="website")
    Lead.update(lead.pk, status="Contacted")
    Lead.update(lead.pk, status="Qualified")
    first = {"lacks": "contact", "first-contact": people.ada.pk}
    with tenancy.active(rival):
        stranger = Contact.create(name="Their contact")
    with unchanged():
        asked = bob.get(address(lead, "do", "convert"))
        refused = bob.post(address(lead, "do", "convert"))
        foretold = bob.post(address(lead, "do", "convert"), first | {"preview": "1"})
        wrong = bob.post(address(lead, "do", "convert"), first | {"first-contact": stranger.pk})
        other = bob.post(address(lead, "do", "convert"), {"lacks": "name", "first-name": "x"})
    assert (refused.status_code, wrong.status_code, other.status_code) == (422, 422, 422)
    for response in (asked, refused, other):
        said = text(response)
        assert said.count("Lead must have a contact before conversion") == 1
        assert 'name="first-contact"' in response.content.decode()
    assert "There is no Contact" in text(wrong)
    assert "Their contact" not in text(wrong)
    assert 'tone-green">Converted' in foretold.content.decode()
    bob.post(address(lead, "do", "convert"), first)
    lead.refresh_from_db()
    assert (lead.status, lead.contact_id) == ("Converted", people.ada.pk)


@pytest.mark.parametrize("reason", ["", "   "])
def test_losing_asks_for_the_reason(bob, lead, address, unchanged, reason):
    with unchanged():
        response = bob.post(address(lead, "do", "lose"), {"lost_reason": reason})
    assert response.status_code == 422
    dialog = response.content.decode().split('id="do-lose"')[1].split("</section>")[0]
    assert "This is required." in dialog


def test_losing_and_reopening(bob, lead, address):
    bob.post(address(lead, "do", "lose"), {"lost_reason": "No budget"})
    lead.refresh_from_db()
    assert (lead.status, lead.lost_reason) == ("Lost", "No budget")
    lost = bob.get(address(lead))
    assert "Reopen" in actions(lost)
    assert "Lost reason: No budget" in text(lost)
    bob.post(address(lead, "move"), {"to": "New"})
    lead.refresh_from_db()
    assert (lead.status, lead.lost_reason) == ("New", None)
    assert "reopened it" in text(bob.get(address(lead)))


def test_the_path_of_a_lost_lead_says_where_it_was_lost(bob, lead, address):
    def steps():
        page = bob.get(address(lead)).content.decode()
        path = page.split('<ol class="path"')[1].split("</ol>")[0]
        return [
            (is_, strip_tags(said))
            for is_, said in re.findall(r'<li class="(\w+)"[^>]*>(.*?)</li>', path)
        ]

    def go(*states):
        for state in states:
            bob.post(address(lead, "move"), {"to": state})
        bob.post(address(lead, "do", "lose"), {"lost_reason": "Price"})

    go("Contacted")
    assert steps() == [
        ("past", "New"),
        ("past", "Contacted"),
        ("now", "Lost"),
        ("ahead", "Qualified"),
        ("ahead", "Converted"),
    ]
    go("New", "Contacted", "Qualified")
    assert [said for _is, said in steps()][:4] == ["New", "Contacted", "Qualified", "Lost"]


def test_a_verb_done_twice_is_a_conflict_and_nothing_more(bob, qualified, address, unchanged):
    bob.post(address(qualified, "do", "convert"))
    with unchanged():
        response = bob.post(address(qualified, "do", "convert"))
    assert response.status_code == 409
    assert "already Converted" in text(response)


def test_a_failing_hook_is_said_and_undoes_everything(bob, qualified, address, unchanged):
    from crm import Lead

    def refuse(lead: Any, ctx: Any) -> None:
        raise VerbRefused("Not on a Friday.")

    with Lead.converted.attached(refuse), unchanged():
        response = bob.post(address(qualified, "do", "convert"))
    assert response.status_code == 422
    assert "Not on a Friday." in text(response)


@pytest.mark.parametrize("verb", ["create", "update", "delete", "rollback", "nothing", "enrich"])
def test_verbs_with_a_page_of_their_own_have_no_second_way(ann, people, address, unchanged, verb):
    with unchanged():
        assert ann.post(address(people.ada, "do", verb), {"name": "x"}).status_code == 404


@pytest.mark.parametrize("name", [("move",), ("touch", "Note")])
def test_what_changes_something_is_posted_never_fetched(bob, qualified, address, unchanged, name):
    with unchanged():
        assert bob.get(address(qualified, *name)).status_code == 405


@pytest.mark.parametrize("verb", ["convert", "lose"])
def test_fetching_a_verb_only_asks_for_its_input(bob, vic, qualified, address, unchanged, verb):
    with unchanged():
        assert bob.get(address(qualified, "do", verb)).status_code == 200
        assert vic.get(address(qualified, "do", verb)).status_code == 403


def test_posting_needs_the_csrf_token(users, qualified, address, unchanged):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(users.bob)
    with unchanged():
        assert client.post(address(qualified, "do", "convert")).status_code == 403
        assert client.post(address(qualified, "move"), {"to": "Lost"}).status_code == 403


def test_merging_leads_to_the_survivor_and_so_does_the_old_address(ann, people, address):
    from crm import Contact

    twin = Contact.create(name="Ada Ch.", email="ada.ch@acme.example")
    response = ann.post(address(twin, "do", "merge"), {"into": people.ada.pk})
    assert response.headers["Location"] == address(people.ada)
    assert ann.get(address(twin)).headers["Location"] == address(people.ada)


# -- the timeline -----------------------------------------------------------------------------


def test_the_timeline_tells_who_did_what_in_words(bob, users, lead, address):
    bob.post(address(lead, "edit"), {"budget": "60,000", "version": lead.version})
    bob.post(address(lead, "edit"), {"authority": "CTO"})
    said = text(bob.get(address(lead)))
    assert "Bob changed budget: $50,000 → $60,000" in said
    assert "Bob added authority: CTO" in said
    assert "System created this lead" in said


def test_the_timeline_names_records_and_keys(bob, lead, acme, people, address):
    from crm import Lead
    from headlessly.access import actors
    from headlessly.access.models import ApiKey

    key, _ = ApiKey.issue(acme, "site")
    with actors.acting(key.actor):
        Lead.update(lead.pk, owner=people.cleo.pk)
    said = text(bob.get(address(lead)))
    assert "API key “site” changed owner: Bob Stone → Cleo Marsh" in said


def test_what_follows_for_the_record_one_looks_at_names_it_not_again(bob, people, address):
    from crm import Lead, Rule
    from headlessly.access import actors

    about = {"type": "Lead", "filter": {}}
    rule = Rule.create(name="Half a day", kind="FirstAnswer", within=240, condition=about)
    lead = Lead.create(name="Asked", source="website", owner=people.bob)
    with actors.acting(actors.Actor(rule.pk, rule.name, "admin")):
        Lead.update(lead.pk, authority="CTO")
    bob.post(address(lead, "touch", "Call"), {"outcome": "Reached her"})
    said = text(bob.get(address(lead))).split("+ Note")[1]
    assert "Rule “Half a day” added authority: CTO" in said
    assert "Bob logged a call Reached her" in said
    assert "touched this lead" in said and "touched the lead" not in said


def test_what_an_event_caused_is_told_below_it(bob, qualified, address):
    bob.post(address(qualified, "do", "convert"))
    html = bob.get(address(qualified)).content.decode()
    below = html.split('<div class="caused">')[1]
    assert "created the deal" in below
    assert "qualified the contact" in below
    assert "recorded the sales cycle, in days: 0" in below
    assert "added deal" not in below, "that was said with the deal that was created"


def test_the_timeline_shows_fifty_and_leads_to_the_older_ones(bob, lead, address):
    from crm import Lead

    for number in range(55):
        Lead.update(lead.pk, timeline=f"Quarter {number}")
    html = bob.get(address(lead)).content.decode()
    assert "Quarter 54" in html
    assert "created this lead" not in html
    older = re.search(r'href="([^"]*history/\?before=\d+)', html).group(1)
    assert "created this lead" in text(bob.get(older))


def test_the_page_asks_as_often_with_a_long_history_as_with_a_short_one(bob, lead, people, address):
    from crm import Activity, Lead

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert bob.get(address(lead)).status_code == 200
        return len(captured)

    Lead.update(lead.pk, owner=people.cleo.pk)
    Activity.log(subject="Call", lead=lead, outcome="ok")
    queries()
    few = queries()
    for number in range(8):
        Activity.log(subject=f"Call {number}", lead=lead, outcome="ok")
        Lead.update(lead.pk, owner=(people.bob if number % 2 else people.cleo).pk, score=number)
    assert queries() == few


def test_related_records_are_listed_and_lead_to_all(bob, lead, people, address):
    from crm import Lead

    for number in range(12):
        Lead.create(name=f"Lead {number}", source="website", contact=people.ada)
    html = bob.get(address(people.ada)).content.decode()
    card = html.split('aria-label="Leads"')[1].split("</section>")[0]
    assert card.count("<li>") == 10
    assert f"/~acme/admin/crm/lead/?contact={people.ada.pk}" in card


def test_a_record_of_every_state_has_a_page(ann, acme, address):
    from tests.contract import samples

    for noun in samples.NOUNS:
        for state in samples.states(noun):
            page = ann.get(address(samples.in_state(noun, state)), headers=WITHOUT_FRAME)
            assert page.status_code == 200, (noun.__name__, state)


def test_escapes_what_people_typed(bob, people, address):
    from crm import Lead

    evil = "<img src=x onerror=alert(1)>"
    lead = Lead.create(name=evil, source=evil, need=evil, contact=people.ada)
    Lead.update(lead.pk, need=evil + "!", authority=evil)
    for name in ("change", "edit", "history"):
        assert "<img src=x" not in bob.get(address(lead, name)).content.decode()


def test_a_list_of_a_past_day_leads_to_the_record_as_it_was_then(bob, people, address):
    from datetime import UTC, datetime

    from crm import Lead
    from headlessly.context import clock

    with clock.set_clock(datetime(2026, 3, 1, 12, tzinfo=UTC), purpose="import"):
        lead = Lead.create(name="Long ago", source="web", owner=people.bob, budget=5_000)
    lead.lose(lost_reason="Too dear")
    html = bob.get(f"{address(Lead)}?asOf=2026-03-02").content.decode()
    link = re.search(r'<td class="name"[^>]*><a href="([^"]*)"', html)[1].replace("&amp;", "&")
    then = bob.get(link)
    page, now = text(then), text(bob.get(address(lead)))
    assert "This is how it was on" in page
    assert "Too dear" not in page
    assert "5,000" in page
    record = then.content.decode().split('id="record"')[1].split('id="sending"')[0]
    assert not re.search(r"<form|data-edits|data-key=.[e1-9nct]", record)
    assert "Too dear" in now
    assert "This is how it was on" not in now
