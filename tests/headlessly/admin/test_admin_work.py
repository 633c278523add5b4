"""Working on a record: what a verb would do, touches in place, undo, editing in place, neighbours."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.headlessly.admin.signed_in import without_frame
from tests.headlessly.admin.test_admin_record import text


def newest(record: Any) -> Any:
    return type(record).history(record).first()


UNDO = "/~acme/admin/undo/"


def undo(client: Any, address: Any, record: Any, event: Any) -> Any:
    sent = {"request": event.request_id, "event": event.id, "back": address(record)}
    return client.post(UNDO, sent, follow=True)


# -- dialogs ----------------------------------------------------------------------------------


def test_a_conversion_says_first_what_will_happen(bob, qualified, address, unchanged):
    with unchanged():
        said = text(bob.get(address(qualified, "do", "convert")))
    assert "This lead becomes Converted" in said
    assert "A deal is created: Acme Platform Evaluation" in said
    assert "value $50,000" in said
    assert "organization Acme Corp" in said
    assert "owner Bob Stone" in said
    assert "Ada Chen becomes Qualified" in said


def test_what_will_happen_follows_what_is_typed(bob, qualified, address, unchanged):
    from crm import Deal

    known = Deal.create(name="Known deal", value=1)
    with unchanged():
        new = bob.post(
            address(qualified, "do", "convert"),
            {"preview": "1", "deal-how": "new", "deal-name": "Rollout", "deal-value": "75000"},
        )
        attached = bob.post(
            address(qualified, "do", "convert"),
            {"preview": "1", "deal-how": "existing", "deal": known.pk},
        )
    assert "Rollout" in new.content.decode()
    assert "75,000" in new.content.decode()
    assert "Known deal" in attached.content.decode()
    assert "is created" not in attached.content.decode()


def test_a_conversion_hands_the_currency_of_the_lead_to_the_deal(bob, qualified, address):
    qualified.update(currency="EUR")
    dialog = bob.get(address(qualified, "do", "convert"))
    assert "value €50,000" in text(dialog)
    html = dialog.content.decode()
    (shown,) = re.findall(r'<input[^>]*name="deal-currency"[^>]*>', html)
    assert 'value="EUR"' in shown
    bob.post(
        address(qualified, "do", "convert"),
        {"deal-how": "new", "deal-value": "75000", "deal-currency": "CHF"},
    )
    deal = type(qualified).get(qualified.pk).deal
    assert (deal.value, deal.currency) == (75_000, "CHF")
    deal.update(value=80_000, currency="EUR")
    timeline = text(bob.get(address(deal, "history")))
    assert "75,000 CHF" in timeline.replace("\u00a0", " ") and "€80,000" in timeline


def test_an_existing_deal_has_to_be_chosen(bob, qualified, address, unchanged):
    with unchanged():
        response = bob.post(address(qualified, "do", "convert"), {"deal-how": "existing"})
    assert response.status_code == 422
    assert "Choose the deal that it becomes." in text(response)


def test_losing_offers_the_reasons_of_the_tenant(bob, lead, acme, address):
    assert 'value="Not a fit"' in bob.get(address(lead, "do", "lose")).content.decode()
    acme.choices = {"Lead.lostReason": ["Too far away"]}
    acme.save()
    html = bob.get(address(lead, "do", "lose")).content.decode()
    assert 'value="Too far away"' in html
    assert 'value="Not a fit"' not in html


@pytest.mark.parametrize(
    "wrong", [[], {"Lead.nothing": ["x"]}, {"Lead.lostReason": "x"}, {"Lead.lostReason": [""]}]
)
def test_suggestions_are_lists_of_texts_for_known_fields(acme, wrong):
    from django.core.exceptions import ValidationError

    acme.choices = wrong or [1]
    with pytest.raises(ValidationError) as refused:
        acme.full_clean()
    assert "choices" in refused.value.message_dict


def test_a_note_is_written_with_the_verb_or_not_at_all(bob, lead, address, unchanged):
    from crm import Activity

    with unchanged():
        bob.post(address(lead, "do", "lose"), {"lost_reason": " ", "note": "They went elsewhere"})
    bob.post(address(lead, "do", "lose"), {"lost_reason": "Price", "note": "They went elsewhere"})
    lead.refresh_from_db()
    note = Activity.objects.get(lead=lead)
    assert (lead.status, note.type, note.subject) == ("Lost", "Note", "They went elsewhere")
    assert "They went elsewhere" in text(bob.get(address(lead)))


# -- touches ----------------------------------------------------------------------------------


def test_a_call_is_written_in_place_and_told_in_the_timeline(bob, lead, people, address):
    from crm import Activity

    bob.post(address(lead, "touch", "Call"), {"outcome": "Wants a pilot", "duration": "12"})
    call = Activity.objects.get(lead=lead)
    assert (call.type, call.status, call.duration) == ("Call", "Completed", 12)
    assert (call.contact_id, call.assignee_id) == (people.ada.pk, people.bob.pk)
    said = text(bob.get(address(lead)))
    assert "Bob logged a call Wants a pilot" in said
    assert "Duration: 12" in said


def test_a_call_of_yesterday_is_logged_on_its_day_and_one_press_says_how_it_ended(
    bob, lead, address
):
    from crm import Activity

    page = bob.get(address(lead)).content.decode()
    form = page.partition(address(lead, "touch", "Call"))[2].partition("</form>")[0]
    assert 'data-when="past"' in form
    assert 'value="No answer"' in form
    bob.post(
        address(lead, "touch", "Call"), {"result": "No answer", "completed_at": "yesterday 15"}
    )
    call = Activity.objects.get(lead=lead)
    zone = timezone.get_current_timezone()
    day = timezone.localtime(timezone.now(), zone).date() - timedelta(days=1)
    assert (call.subject, call.result) == ("No answer", "No answer")
    assert timezone.localtime(call.completed_at, zone).replace(tzinfo=None) == datetime.combine(
        day, time(15)
    )


def test_a_task_is_next_until_it_is_done(bob, lead, address):
    from crm import Activity

    bob.post(address(lead, "touch", "Task"), {"subject": "Call about rollout"})
    task = Activity.objects.get(lead=lead)
    page = bob.get(address(lead))
    assert "Done: Call about rollout" in text(page)
    done = address(task, "do", "complete")
    assert done in page.content.decode()
    response = bob.post(done, {"outcome": "They agreed", "back": address(lead)})
    assert response.headers["Location"] == address(lead)
    assert "Nothing planned." in text(bob.get(address(lead)))


def test_what_comes_next_stands_in_one_place_and_is_planned_from_there(bob, vic, address, people):
    from crm import Deal

    deal = Deal.create(name="Rollout", value=5, owner=people.bob, next_step="Confirm the scope")

    def next_card(client: Any) -> str:
        page = client.get(address(deal)).content.decode()
        assert page.count("Confirm the scope") == 1, "a fact is on a page once"
        return page.partition('aria-label="Next"')[2].partition("</section>")[0]

    card = next_card(bob)
    assert "Confirm the scope" in card and "Nothing planned." in card
    assert 'href="?next=1"><u>Plan a step</u></a>' in card
    page = bob.get(address(deal), {"next": 1}).content.decode()
    task = page.partition(address(deal, "touch", "Task"))[2].partition("</form>")[0]
    assert 'value="Confirm the scope"' in task and 'value="tomorrow"' in task
    assert "Plan a step" not in next_card(vic)


@pytest.mark.parametrize("name", ["Note", "Call", "Task"])
def test_an_empty_touch_is_refused_beside_its_input(bob, lead, address, unchanged, name):
    with unchanged():
        response = bob.post(address(lead, "touch", name), {})
    assert response.status_code == 422
    assert "This is required." in text(response)


def test_those_who_only_read_write_no_touches(vic, lead, address, unchanged):
    assert "composer" not in vic.get(address(lead)).content.decode()
    with unchanged():
        assert vic.post(address(lead, "touch", "Note"), {"description": "x"}).status_code == 404
        said = text(undo(vic, address, lead, newest(lead)))
    assert "As viewer you may not" in said


def test_the_page_leads_back_only_within_the_workplace(bob, lead, address):
    from crm import Activity

    for back in ("https://evil.example/", "//evil.example/~acme/admin/", "/elsewhere/"):
        task = Activity.create(subject="Call", lead=lead)
        response = bob.post(address(task, "do", "complete"), {"outcome": "ok", "back": back})
        assert response.headers["Location"] == address(task)


def test_the_timeline_shows_all_or_changes_or_activities(bob, lead, address):
    bob.post(address(lead, "touch", "Note"), {"description": "Met at the fair"})
    bob.post(address(lead, "edit"), {"authority": "CTO"})

    def shown(show: str) -> tuple[bool, bool]:
        html = bob.get(address(lead) + f"?show={show}").content.decode()
        timeline = html.split('class="timeline"')[1].split("</ol>")[0]
        return "Met at the fair" in timeline, "authority" in timeline

    assert shown("all") == shown("nonsense") == (True, True)
    assert shown("changes") == (False, True)
    assert shown("activities") == (True, False)


# -- undo -------------------------------------------------------------------------------------


def test_a_changed_field_is_taken_back_even_when_others_changed_since(bob, lead, address):
    bob.post(address(lead, "edit"), {"budget": "60000"})
    event = newest(lead)
    bob.post(address(lead, "edit"), {"score": "12"})
    undo(bob, address, lead, event)
    lead.refresh_from_db()
    assert (lead.budget, lead.score) == (50_000, 12)


def test_a_field_that_changed_again_is_not_overwritten(bob, lead, address, unchanged):
    bob.post(address(lead, "edit"), {"budget": "60000"})
    event = newest(lead)
    bob.post(address(lead, "edit"), {"budget": "70000"})
    assert "Budget: changed again since." in bob.get(address(lead)).content.decode()
    with unchanged():
        response = undo(bob, address, lead, event)
    assert "Nothing of this can be taken back: Budget: changed again since." in text(response)


@pytest.mark.parametrize("verb", ["move", "lose"])
def test_a_step_is_taken_back_with_everything_it_set(bob, lead, address, verb):
    if verb == "move":
        bob.post(address(lead, "move"), {"to": "Contacted"})
    else:
        bob.post(address(lead, "do", "lose"), {"lost_reason": "Price"})
    page = bob.get(address(lead)).content.decode()
    assert 'id="toasts"' in page
    assert "Undo" in page.split('id="toasts"')[1]
    undo(bob, address, lead, newest(lead))
    lead.refresh_from_db()
    assert (lead.status, lead.lost_reason, lead.lost_at) == ("New", None, None)


def test_a_conversion_is_taken_back_with_its_deal(bob, qualified, address):
    from crm import Deal

    bob.post(address(qualified, "do", "convert"))
    event = type(qualified).history(qualified).get(name="Lead.Converted")
    assert f'value="{event.id}"' in bob.get(address(qualified)).content.decode()
    assert "Taken back: 3 records." in text(undo(bob, address, qualified, event))
    qualified.refresh_from_db()
    assert (qualified.status, qualified.deal_id, Deal.count()) == ("Qualified", None, 0)


def test_a_conversion_whose_deal_somebody_touched_stays_and_says_so(
    bob, qualified, address, unchanged
):
    from crm import Deal

    bob.post(address(qualified, "do", "convert"))
    Deal.objects.get().advance()
    event = type(qualified).history(qualified).get(name="Lead.Converted")
    with unchanged():
        said = text(undo(bob, address, qualified, event))
    assert "Nothing of this can be taken back: " in said


def test_what_stays_is_listed_with_its_reason(bob, people, address):
    from crm import Lead

    leads = [Lead.create(name=f"Lead {n}", source="event", owner=people.bob) for n in range(3)]
    page = "/~acme/admin/crm/lead/"
    sent = {"ids": ",".join(x.pk for x in leads), "go": "1", "query": "", "status": "Contacted"}
    told = bob.post(f"{page}bulk/move/", sent, follow=True)
    request = re.search(r'data-undo="(req_\w+)"', told.content.decode()).group(1)
    leads[1].update(status="Qualified")
    said = text(bob.post(UNDO, {"request": request, "back": page}))
    assert "Not all of it was taken back" in said and "Taken back: 2 records." in said
    assert "Lead 1" in said and "Status" in said and "changed again since." in said
    assert [Lead.get(x.pk).status for x in leads] == ["New", "Qualified", "New"]


def test_what_was_taken_back_can_be_done_again(bob, lead, address):
    bob.post(address(lead, "move"), {"to": "Contacted"}, follow=True)
    page = undo(bob, address, lead, newest(lead)).content.decode()
    toast = page.split('id="toasts"')[1].split("</form>")[0]
    again = re.search(r'data-undo="(req_\w+)" data-redo', toast).group(1)
    page = bob.post(UNDO, {"request": again, "redo": "1", "back": address(lead)}, follow=True)
    lead.refresh_from_db()
    assert lead.status == "Contacted"
    assert "data-redo" not in page.content.decode().split('id="toasts"')[1].split("</form>")[0]


def test_an_undo_leads_back_only_within_the_workplace(bob, lead, address):
    for back in ("https://evil.example/", "//evil.example/~acme/admin/", "/elsewhere/", ""):
        bob.post(address(lead, "edit"), {"budget": "60000"})
        event = newest(lead)
        response = bob.post(UNDO, {"request": event.request_id, "back": back})
        assert response.headers["Location"] == "/~acme/admin/"


def test_a_touch_written_by_mistake_is_deleted(bob, lead, address):
    from crm import Activity

    bob.post(address(lead, "touch", "Note"), {"description": "Wrong lead"})
    note = Activity.objects.get(lead=lead)
    undo(bob, address, note, newest(note))
    assert not Activity.objects.filter(lead=lead).exists()


def test_what_was_deleted_is_restored(ann, lead, address):
    from crm import Lead

    page = ann.post(address(lead, "delete"), follow=True).content.decode()
    assert "data-undo" in page.split('id="toasts"')[1]
    undo(ann, address, lead, newest(lead))
    assert Lead.objects.filter(pk=lead.pk).exists()


def test_an_event_of_another_record_or_tenant_is_none(
    bob, lead, people, theirs, address, unchanged
):
    known, other = newest(lead).request_id, newest(people.ada).id
    with unchanged():
        for request, event in ((known, other), (known, "\x00"), ("\x00", ""), ("", ""), ("x", "")):
            said = text(bob.post(UNDO, {"request": request, "event": event}, follow=True))
            assert ("has no event" if request == known else "changed no record here") in said
        assert bob.get(UNDO).status_code == 405


# -- in place ---------------------------------------------------------------------------------


def test_one_field_is_edited_in_place(bob, lead, address):
    html = bob.get(address(lead, "edit") + "?only=budget").content.decode()
    assert 'name="budget"' in html
    assert 'name="authority"' not in html
    version = re.search(r'name="version" value="(\d+)"', html).group(1)
    bob.post(address(lead, "edit"), {"only": "budget", "version": version, "budget": "60,000"})
    lead.refresh_from_db()
    assert lead.budget == 60_000


def test_a_conflict_in_place_is_only_one_in_the_same_field(bob, cleo, lead, address, unchanged):
    read = lead.version
    cleo.post(address(lead, "edit"), {"budget": "70000"})
    one = {"only": "authority", "version": read, "authority": "The board"}
    assert bob.post(address(lead, "edit"), one).status_code == 302
    with unchanged():
        response = bob.post(
            address(lead, "edit"), {"only": "budget", "version": read, "budget": "60000"}
        )
    assert response.status_code == 412
    html = response.content.decode()
    assert "made this $70,000 meanwhile" in html
    assert 'value="60000"' in html
    version = re.search(r'name="version" value="(\d+)"', html).group(1)
    bob.post(address(lead, "edit"), {"only": "budget", "version": version, "budget": "60000"})
    lead.refresh_from_db()
    assert (lead.budget, lead.authority) == (60_000, "The board")


def test_the_questions_of_a_panel_are_answered_together(bob, cleo, lead, address, unchanged):
    html = bob.get(address(lead)).content.decode()
    assert 'data-edits="bant" data-key="q"' in html
    form = bob.get(address(lead, "edit") + "?only=bant").content.decode()
    names = re.findall(r'<(?:input|textarea)[^>]* name="(\w+)"', form.split('data-one="bant"')[1])
    assert [n for n in names if n in lead.BANT] == list(lead.BANT)
    read = {"only": "bant", "version": lead.version, "budget": "50000"}
    cleo.post(address(lead, "edit"), {"authority": "The board"})
    given = read | {"authority": "", "need": "Replace five tools", "timeline": "Q1"}
    # What they left empty and somebody else filled meanwhile stays; what both changed is said.
    bob.post(address(lead, "edit"), given)
    lead.refresh_from_db()
    assert (lead.authority, lead.need, lead.timeline) == ("The board", given["need"], "Q1")
    with unchanged():
        response = bob.post(address(lead, "edit"), given | {"authority": "CTO", "need": "Other"})
    assert response.status_code == 412
    assert "made this The board meanwhile" in response.content.decode()


def test_who_may_not_write_is_offered_no_questions_to_answer(vic, lead, address):
    assert "data-edits" not in vic.get(address(lead)).content.decode()


# -- neighbours -------------------------------------------------------------------------------


@pytest.fixture
def line(people: Any) -> list[Any]:
    """Leads of one source with scores that tie and that are missing, and one of another source."""
    from crm import Lead

    Lead.create(name="Other", source="event", score=50)
    return [
        Lead.create(name=f"L{n}", source="line", score=score)
        for n, score in enumerate([None, 10, 90, 10, None, 90, 40])
    ]


@pytest.mark.parametrize("query", ["source=line", "source=line&o=-2", "source=line&o=2", "q=L"])
def test_next_and_previous_walk_the_list_as_it_is_shown(bob, line, address, query):
    from urllib.parse import urlencode

    html = bob.get(address(type(line[0]), "change") + f"?{query}").content.decode()
    shown = re.findall(r'<td class="name"[^>]*><a href="[^"]*/(lead_\w+)/change/', html)
    for number, id in enumerate(shown):
        lead = next(one for one in line if one.pk == id)
        page = without_frame(bob, f"{address(lead)}?{urlencode({'in': query})}")
        steps = dict(re.findall(r'rel="(prev|next)" href="[^"]*/(lead_\w+)/change/', page))
        around = {"prev": shown[number - 1] if number else None}
        around["next"] = shown[number + 1] if number + 1 < len(shown) else None
        assert steps == {rel: id for rel, id in around.items() if id}
        assert f"{number + 1} of {len(shown)}" in page
    assert len(shown) == 7


def shown_rows(client: Any, place: str) -> list[tuple[str, str]]:
    """The rows of a list: the address of each one's page, as the list links it, and its id."""
    page = client.get(place).content.decode()
    found = re.findall(r'<td class="name"[^>]*><a href="([^"]*/(lead_\w+)/change/[^"]*)"', page)
    return [(unescape(url), id) for url, id in found]


@pytest.mark.parametrize("query", ["source=line&status=New&o=-score", "source=line&status=New"])
def test_working_on_a_record_leaves_its_place_in_the_list(bob, line, address, query):
    rows = shown_rows(bob, address(type(line[0]), "change") + f"?{query}")
    seen, url = [rows[0][1]], rows[0][0]
    page = bob.get(url).content.decode()
    while True:
        lead = next(one for one in line if one.pk == seen[-1])
        lead.update(score=99)
        if len(seen) % 3 == 0:
            lead.update(status="Contacted")
        # As after each thing that is done on the page: it is shown anew.
        page = without_frame(bob, url)
        assert ("no longer in this list" in page) == (len(seen) % 3 == 0)
        after = re.search(r'rel="next" href="([^"]*/(lead_\w+)/change/[^"]*)"', page)
        if after is None:
            break
        url, id = unescape(after[1]), after[2]
        seen.append(id)
    assert seen == [id for _url, id in rows]


def test_a_place_of_another_order_or_record_or_nonsense_is_none(bob, line, address):
    rows = shown_rows(bob, address(type(line[0]), "change") + "?source=line&o=-score")
    (first, _id), (second, _id) = rows[:2]
    place = first.partition("%26at%3D")[2]
    plain = second.partition("%26at%3D")[0]
    for odd in (place, "x", "W10"):
        page = bob.get(f"{plain}%26at%3D{odd}").content.decode()
        assert "2 of 7" in page
        assert 'href="/~acme/admin/crm/lead/?source=line&amp;o=-score"' in page


def test_a_list_that_does_not_exist_has_no_neighbours(bob, lead, address):
    for query in ("nothing=1", "status=Nope&score__gte=x", "q=%00", "o=99", "p=x"):
        from urllib.parse import urlencode

        response = bob.get(f"{address(lead)}?{urlencode({'in': query})}")
        assert response.status_code == 200


def test_the_page_asks_as_often_among_many_as_among_few(bob, lead, address):
    from crm import Lead

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert bob.get(address(lead) + "?in=source%3Dwebsite").status_code == 200
        return len(captured)

    Lead.create(name="Before", source="website")
    Lead.create(name="Between", source="website")
    queries()
    few = queries()
    for number in range(30):
        Lead.create(name=f"L{number}", source="website")
    assert queries() == few


# -- when it is due ---------------------------------------------------------------------------


def test_a_task_with_a_day_and_no_time_is_of_the_whole_day(bob, lead, address):
    from crm import Activity

    bob.cookies["timezone"] = "America/Los_Angeles"
    sent = {"subject": "Send info", "due_at": "2031-12-24", "due_at-time": ""}
    assert bob.post(address(lead, "touch", "Task"), sent).status_code == 302
    bob.post(address(lead, "touch", "Task"), sent | {"subject": "Call", "due_at-time": "09:30"})
    whole, timed = Activity.objects.order_by("created_at")
    assert (whole.all_day, timed.all_day) == (True, False)
    assert f"{timed.due_at:%Y-%m-%dT%H:%M}" == "2031-12-24T17:30"
    assert "Dec 24, 2031" in text(bob.get(address(lead)))


@pytest.mark.parametrize(("day", "time"), [("", "09:30"), ("2031-13-40", ""), ("soon", "09:30")])
def test_what_is_no_day_is_refused_and_stays(bob, lead, address, day, time):
    from crm import Activity

    sent = {"subject": "Send info", "due_at": day, "due_at-time": time}
    answer = bob.post(address(lead, "touch", "Task"), sent)
    assert answer.status_code == 422
    assert "Send info" in answer.content.decode()
    assert not Activity.objects.exists()


def test_overdue_reads_as_overdue_on_every_page(bob, people, lead, address):
    from datetime import UTC, datetime, timedelta

    from crm import Activity, Deal

    now = datetime.now(UTC)
    late = Activity.create(
        subject="Late", type="Task", lead=lead, assignee=people.bob, due_at=now - timedelta(days=7)
    )
    Activity.create(
        subject="Soon",
        type="Task",
        lead=lead,
        assignee=people.bob,
        due_at=now + timedelta(days=7, hours=1),
    )
    gone = Deal.create(
        name="Gone",
        value=1,
        owner=people.bob,
        expected_close_date=f"{now - timedelta(days=9):%Y-%m-%d}",
    )
    for place in (f"{address(Activity)}?view=all", address(lead), "/~acme/admin/"):
        page = " ".join(re.sub(r"<[^>]+>", " ", bob.get(place).content.decode()).split())
        assert "7 d overdue" in page, place
        assert "in 7 d" in page or place == "/~acme/admin/", place
        assert page.count("d overdue") == 1, place
    for place in (address(Deal), address(gone)):
        assert "· overdue" in text(bob.get(place)), place
    late.complete(outcome="Done")
    gone.lose(lost_reason="Price")
    for place in (address(late), address(gone)):
        assert "overdue" not in text(bob.get(place)), place
