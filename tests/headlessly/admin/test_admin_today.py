"""The first page: what is next for whom, as its lists say it, and what is done about it from there."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import Activity, Deal, Lead, Rule
from headlessly.admin.today import agenda
from headlessly.context import clock
from tests.headlessly.admin.signed_in import client_of, without_frame

TODAY = "/~acme/admin/"
NOW = datetime.now(UTC)


def parts(client: Any, query: str = "") -> dict[str, list[str]]:
    """The reasons on the page with the records below each."""
    html = without_frame(client, f"{TODAY}?{query}")
    found = re.findall(
        r'<section class="card agenda" aria-label="([^"]*)">(.*?)</section>', html, re.S
    )
    return {name: re.findall(r'class="name" href="[^"]*">([^<]*)<', part) for name, part in found}


def links(client: Any, query: str = "") -> dict[str, str]:
    html = without_frame(client, f"{TODAY}?{query}")
    return dict(
        re.findall(
            r'<section class="card agenda" aria-label="([^"]*)">.*?</h2><a href="([^"]*)"',
            html,
            re.S,
        )
    )


@pytest.fixture
def work(people: Any) -> Any:
    """A day of Bob's, with something of each kind, and some of Cleo's."""
    old = NOW - timedelta(days=30)
    quiet = Lead.create(name="Quiet", source="x", owner=people.bob)
    quiet.update(status="Contacted", last_activity_at=old)
    waiting = Lead.create(name="Waiting", source="x", owner=people.bob)
    Lead.create(name="Nobodys", source="x")
    Lead.create(name="Cleos", source="x", owner=people.cleo)
    Deal.create(
        name="Old deal",
        value=5,
        owner=people.bob,
        expected_close_date=date.today() - timedelta(days=3),
    )
    task = {"type": "Task", "assignee": people.bob}
    Activity.create(subject="Late call", due_at=NOW - timedelta(days=2), lead=quiet, **task)
    Activity.create(subject="Later", due_at=NOW + timedelta(days=9), **task)
    Activity.create(subject="All day", due_at=date.today(), all_day=True, **task)
    return waiting


def test_each_reason_is_there_with_its_records_most_urgent_first(bob, work):
    assert parts(bob) == {
        "Overdue": ["Late call"],
        "Due today": ["All day"],
        "Waits for a first answer": ["Waiting"],
        "New, and nobody&#x27;s": ["Nobodys"],
        "Should be closed by now": ["Old deal"],
    }
    Activity.complete(Activity.find({"subject": "Late call"})[0], outcome="Done")
    Lead.update(Lead.find({"name": "Quiet"})[0], last_activity_at=NOW - timedelta(days=30))
    assert parts(bob)["Leads gone quiet"] == ["Quiet"]


def test_a_part_of_the_page_has_its_trail_too(bob):
    part = bob.get("/~acme/admin/", headers={"X-Region": "1"}).content.decode()
    assert re.findall(r'<nav class="frame-trail">\s*(.*?)</nav>', part, re.S)[0].count("Today") == 1


def test_what_is_planned_is_neither_quiet_nor_waiting(bob, work):
    Activity.create(subject="Call her", type="Task", lead=work, due_at=NOW + timedelta(days=2))
    assert "Waits for a first answer" not in parts(bob)


def test_each_number_opens_a_list_that_has_as_many(bob, cleo, work):
    for client, query in ((bob, ""), (bob, "of=team"), (cleo, "")):
        shown = parts(client, query)
        for name, url in links(client, query).items():
            html = client.get(url.replace("&amp;", "&")).content.decode()
            rows = re.findall(r'<td class="name"[^>]*><a href="[^"]*">([^<]*)</a>', html)
            assert sorted(rows) == sorted(shown[name]), name


def test_a_manager_begins_with_the_team_and_a_rep_with_their_own(bob, cleo, work, people):
    assert parts(cleo)["Waits for a first answer"] == ["Waiting", "Cleos"]
    assert parts(cleo, "of=me")["Waits for a first answer"] == ["Cleos"]
    assert parts(bob, "of=team") == parts(cleo)
    assert parts(cleo, f"of={people.bob.pk}") == parts(bob)
    assert parts(bob, "of=nobody") == parts(bob)
    assert parts(bob, f"of={people.ada.pk}") == parts(bob), "who is no member has no day"


def standing(client: Any, query: str = "") -> dict[str, str]:
    """The address of each number beside the day, by its address without whose it is."""
    html = without_frame(client, f"{TODAY}?{query}").partition('<ul class="standing">')[2]
    found = re.findall(r'class="at" href="([^"]*)">.*?</span> (\d+)<', html)
    return {unescape(url): number for url, number in found}


def test_what_stands_beside_the_day_is_of_whose_day_it_is(bob, work, people):
    from crm import Team, TeamMember

    leads = "/~acme/admin/crm/lead/?status=New"
    assert standing(bob, "of=me")[f"{leads}&owner=me"] == "1"
    assert standing(bob, f"of={people.cleo.pk}")[f"{leads}&owner={people.cleo.pk}"] == "1"
    assert standing(bob, "of=team")[leads] == "3"
    north = Team.create(name="North")
    for person in (people.bob, people.cleo):
        TeamMember.create(team=north, member=person)
    assert standing(bob, f"of={north.pk}")[f"{leads}&owner.team={north.pk}"] == "2"
    assert "/~acme/admin/crm/activity/?status=Pending&assignee=me" in standing(bob, "of=me")


def test_a_limited_rep_sees_their_own_day_and_what_is_nobodys(bob, work, acme, people):
    acme.limits_reps = True
    acme.save()
    assert parts(bob, "of=team") == parts(bob) == parts(bob, f"of={people.cleo.pk}")
    assert "Cleos" not in str(parts(bob))


def test_nothing_of_another_tenant_stands_there(users, work):
    eve = client_of(users.eve)
    assert eve.get("/~rival/admin/").status_code == 200
    assert "Waiting" not in eve.get("/~rival/admin/?of=team").content.decode()
    ref = f"Lead.{work.pk}"
    for place, sent in (("later", {"until": "tomorrow"}), ("take", {})):
        eve.post(f"/~rival/admin/today/{place}/", {"record": ref, **sent})
    assert not Activity.objects.filter(lead=work).exists()
    assert "comes next" not in eve.get(f"/~rival/admin/?next={ref}").content.decode()


def test_from_a_record_of_the_day_one_goes_on_to_the_next_of_its_reason(bob, work, people):
    task = {"type": "Task", "assignee": people.bob}
    Activity.create(subject="Later call", due_at=NOW - timedelta(days=1), **task)
    html = without_frame(bob, TODAY)
    place = re.search(r'href="([^"]*)">Late call<', html)[1].replace("&amp;", "&")
    page = bob.get(place).content.decode()
    assert "1 of 2" in page and 'rel="next"' in page
    following = re.search(r'rel="next" href="([^"]*)"', page)[1].replace("&amp;", "&")
    assert "<bdi>Later call</bdi>" in bob.get(following).content.decode()


def test_done_asks_what_comes_next_and_plans_it(bob, work):
    late = Activity.find({"subject": "Late call"})[0]
    html = bob.get(TODAY).content.decode()
    form = re.search(
        rf'<form method="post" action="([^"]*{late.pk}/do/complete/)"[^>]*>(.*?)</form>', html, re.S
    )
    sent = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[2]))
    sent.pop("csrfmiddlewaretoken", None)
    answer = bob.post(form[1], {k: v.replace("&amp;", "&") for k, v in sent.items()})
    late.refresh_from_db()
    assert (late.status, late.outcome) == ("Completed", "Done")
    html = bob.get(answer.headers["Location"]).content.decode()
    assert "What comes next with Quiet?" in html
    form = re.search(r'<section class="card next".*?action="([^"]*)"(.*?)</form>', html, re.S)
    ask, sent = form[1], dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[2]))
    assert (sent["due_at"], sent["proposed"]) == ("tomorrow", "tomorrow")
    # A day in the task itself is meant more than the one that was proposed beside it.
    answer = bob.post(ask, sent | {"subject": "Send a quote in 3 days", "back": TODAY})
    assert answer.headers["Location"] == TODAY
    planned = Activity.find({"subject": "Send a quote"})[0]
    assert (planned.lead.name, planned.all_day) == ("Quiet", True)
    assert planned.due_at.date() == (NOW + timedelta(days=3)).date()
    # Where a step is planned, nobody asks.
    assert "comes next" not in bob.get(f"{TODAY}?next=Lead.{planned.lead_id}").content.decode()


@pytest.fixture
def waits(work: Any, people: Any) -> Any:
    """Ada wrote to Bob about a lead three hours ago, about a deal an hour ago; somebody wrote to Cleo."""
    at = {hours: NOW - timedelta(hours=hours) for hours in (1, 2, 3)}
    given = {"contact": people.ada, "owner": people.bob}
    with clock.set_clock(NOW - timedelta(days=2), purpose="demo"):
        lead = Lead.create(name="Wrote", source="x", **given)
        lead.update(status="Contacted")
        deal = Deal.create(name="Wrote too", value=1, **given)
        cleos = Lead.create(name="To Cleo", source="x", owner=people.cleo)
        cleos.update(status="Contacted")
    mail = {"subject": "Mail", "type": "Email", "direction": "Inbound"}
    Activity.log(lead=lead, completed_at=at[3], **mail)
    Activity.log(deal=deal, completed_at=at[1], **mail)
    Activity.log(lead=cleos, completed_at=at[2], **mail)
    return lead


def test_replies_that_wait_come_before_what_is_planned_and_say_who_answered(
    bob, cleo, waits, people
):
    people.ada.update(phone="+44 20 7946 950")
    found = parts(bob)
    assert list(found)[:2] == ["Replies waiting", "Overdue"]
    html = bob.get(TODAY).content.decode()
    told = re.sub(r"<[^>]+>", "", html)
    assert "answered 3 h ago" in told and "answered 1 h ago" in told
    assert '<span class="when">answered' in html, "her name stands below the lead's already"
    assert html.count('Ada Chen · <a href="tel:+44207946950">+44 20 7946 950</a>') == 2
    assert "To Cleo" not in told
    assert "Somebody answered 2 h ago" in re.sub(r"<[^>]+>", "", cleo.get(TODAY).content.decode())


def test_a_reply_that_is_answered_while_the_day_is_read_says_nothing_of_it(bob, waits, monkeypatch):
    read = agenda.read_pages

    def answered_meanwhile(lists):
        lists = list(lists)
        read(lists)
        for record in (record for each in lists for record in each.records):
            record.reply_waiting_since = None

    monkeypatch.setattr(agenda, "read_pages", answered_meanwhile)
    page = bob.get(TODAY)
    assert page.status_code == 200
    assert "answered" not in page.content.decode()


def test_a_reply_is_done_with_one_key_and_the_next_step_is_asked_for(bob, waits):
    html = bob.get(TODAY).content.decode()
    row = re.search(rf'<li data-entry="Lead.{waits.pk}">.*?</li>', html, re.S)[0]
    assert 'data-does="d"' in row and 'data-does="s"' not in row
    action = re.search(r'action="([^"]*/do/settle/)"', row)[1]
    back = re.search(r'name="back" value="([^"]*)"', row)[1].replace("&amp;", "&")
    answer = bob.post(action, {"back": back})
    waits.refresh_from_db()
    assert waits.reply_waiting_since is None
    html = bob.get(answer.headers["Location"]).content.decode()
    assert "What comes next with Wrote?" in html
    assert f'data-entry="Lead.{waits.pk}"' not in html


def test_lists_boards_and_pages_say_that_a_reply_waits(bob, waits):
    for address in ("lead/?is=reply-waiting", "lead/board/", "deal/?is=reply-waiting"):
        html = bob.get(f"/~acme/admin/crm/{address}").content.decode()
        assert '<span class="plan reply">reply waits' in html, address
    names = re.findall(
        r'<td class="name"[^>]*><a href="[^"]*">([^<]*)</a>',
        bob.get("/~acme/admin/crm/lead/?is=reply-waiting").content.decode(),
    )
    assert sorted(names) == ["To Cleo", "Wrote"]
    page = bob.get(f"/~acme/admin/crm/lead/{waits.pk}/change/").content.decode()
    assert "/do/settle/" in page
    Lead.settle(waits.pk)
    assert (
        "/do/settle/" not in bob.get(f"/~acme/admin/crm/lead/{waits.pk}/change/").content.decode()
    )


def later(client: Any, record: Any, until: str, moment: str = "") -> str:
    sent = {"record": f"{type(record).__name__}.{record.pk}", "until": until, "moment": moment}
    assert client.post(f"{TODAY}today/later/", sent).status_code == 302
    return client.get(TODAY).content.decode()


def test_what_has_a_day_is_put_off_and_of_all_else_a_step_is_planned(bob, work):
    task = Activity.find({"subject": "Late call"})[0]
    assert "Late call: " in later(bob, task, "tomorrow 9:30", "due_at")
    task.refresh_from_db()
    assert (task.due_at.hour, task.due_at.minute, task.all_day) == (9, 30, False)
    later(bob, task, "in 2 weeks", "due_at")
    task.refresh_from_db()
    assert task.all_day and task.due_at.date() == date.today() + timedelta(days=14)
    deal = Deal.find({"name": "Old deal"})[0]
    later(bob, deal, "in 2 weeks", "expected_close_date")
    deal.refresh_from_db()
    assert deal.expected_close_date == date.today() + timedelta(days=14)
    assert "Planned: Waiting" in later(bob, work, "3 days", "first_touch_at")
    assert Activity.find({"lead": work.pk})[0].subject == "Follow up"
    assert "Waits for a first answer" not in parts(bob)


@pytest.mark.parametrize("until", ["", "soon", "32.13.", "\x00", "x" * 500])
def test_what_is_no_day_puts_nothing_off(bob, work, until, unchanged):
    with unchanged():
        assert "No day is understood of this" in later(bob, work, until)


@pytest.mark.parametrize("ref", ["", "Lead.", "Lead.nope", "Nope.1", "Lead.\x00", "x" * 300])
def test_what_is_not_there_is_neither_put_off_nor_taken(bob, work, ref, unchanged):
    with unchanged():
        for place in ("later", "take"):
            bob.post(f"{TODAY}today/{place}/", {"record": ref, "until": "tomorrow"})
            assert "not there any more" in bob.get(TODAY).content.decode()


def test_what_is_nobodys_is_taken_by_the_first(bob, cleo, work, people):
    lead = Lead.find({"name": "Nobodys"})[0]
    sent = {"record": f"Lead.{lead.pk}"}
    cleo.post(f"{TODAY}today/take/", sent)
    assert "Nobodys is yours." in cleo.get(TODAY).content.decode()
    bob.post(f"{TODAY}today/take/", sent)
    assert "Nobodys is Cleo Marsh&#x27;s by now." in bob.get(TODAY).content.decode()
    lead.refresh_from_db()
    assert lead.owner_id == people.cleo.pk


@pytest.mark.parametrize("text", ["%00", "x%00y", "%ED%A0%80", "%20", "Lead.%00", "x" * 3000])
def test_an_address_that_makes_no_sense_shows_ones_own_day(bob, work, text):
    for name in ("of", "next"):
        answer = bob.get(f"{TODAY}?{name}={text}")
        assert answer.status_code == 200 and "Late call" in answer.content.decode(), name


def test_who_only_looks_is_offered_nothing_to_do(vic, work, unchanged):
    html = vic.get(f"{TODAY}?of=team").content.decode()
    assert "Late call" in html and 'data-does="' not in html
    with unchanged():
        later(vic, work, "tomorrow")
        vic.post(f"{TODAY}today/take/", {"record": f"Lead.{Lead.find({'name': 'Nobodys'})[0].pk}"})


def test_an_admin_is_told_what_is_not_set_up(ann, bob, acme):
    for name in ("Import your leads from a file", "Put a form on your site", "Make an API key"):
        assert name in ann.get(TODAY).content.decode()
        assert name not in bob.get(TODAY).content.decode()
    Lead.create(name="A", source="x")
    assert "Import your leads" not in ann.get(TODAY).content.decode()
    assert "Link yourself to a contact" in ann.get(TODAY).content.decode()


def test_a_long_day_asks_as_often_as_a_short_one(bob, work, people):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert bob.get(TODAY).status_code == 200
        return len(captured)

    queries()
    few = queries()
    for number in range(20):
        lead = Lead.create(name=f"L{number}", source="x", owner=people.bob, contact=people.ada)
        Activity.create(
            subject="T", type="Task", lead=lead, assignee=people.bob, due_at=NOW - timedelta(days=1)
        )
    # More than the page shows are counted: one statement for each reason of which there are more.
    assert queries() <= few + 2
    assert few <= 60


def rows(client: Any, query: str = "") -> dict[str, str]:
    """The entries of leads on the page, as they are told, by their names."""
    html = without_frame(client, f"{TODAY}?{query}")
    found = re.findall(r'<li data-entry="Lead\..*?</li>', html, re.S)
    told = {re.search(r'class="name"[^>]*>([^<]*)<', each)[1]: each for each in found}
    assert len(told) == len(found), "one stands there twice"
    return {
        name: (re.search(r'class="also">([^<]*)<', each) or [None, ""])[1]
        for name, each in told.items()
    }


def test_what_stands_there_for_two_reasons_is_one_row_with_both(bob, work, monkeypatch):
    Rule.create(
        name="Soon", kind="FirstAnswer", condition={"type": "Lead", "filter": {}}, within=60
    )
    due = [Lead.create(name=f"Due {n}", source="x") for n in range(2)]
    found = parts(bob, "of=team")
    assert found["Answer due"] == ["Due 0", "Due 1"]
    assert found["New, and nobody&#x27;s"] == ["Nobodys"]
    both = "also: New, and nobody&#x27;s"
    of_team = rows(bob, "of=team")
    assert (of_team["Due 0"], of_team["Due 1"], of_team["Nobodys"]) == (both, both, "")
    html = bob.get(f"{TODAY}?of=team").content.decode()
    assert "2 of them stand further up." in html
    # One's own day has them once anyhow, and takes them.
    assert parts(bob)["New, and nobody&#x27;s"] == ["Due 1", "Due 0", "Nobodys"]
    monkeypatch.setattr("headlessly.admin.today.agenda.SHOWN", 1)
    beyond = {"Due 0": both, "Due 1": "also: Answer due", "Waiting": ""}
    assert rows(bob, "of=team") == beyond, "also of what the day does not show any more"
    bob.post("/~acme/admin/today/take/", {"record": f"Lead.{due[0].pk}"})
    assert rows(bob)["Due 0"] == ""


def test_lists_and_cards_say_what_is_planned(bob, work):
    Activity.create(subject="Call", type="Task", lead=work, due_at=NOW + timedelta(days=2, hours=1))
    html = bob.get("/~acme/admin/crm/lead/?view=all").content.decode()
    told = dict(re.findall(r'<a href="[^"]*">([^<]*)</a><small>.*?<span class="plan (\w+)">', html))
    assert told == {"Quiet": "late", "Waiting": "some", "Nobodys": "none", "Cleos": "none"}
    text = re.sub(r"<[^>]+>", "", html)
    assert "2 d overdue" in text and "next: in 2 d" in text and "nothing planned" in text
    board = bob.get("/~acme/admin/crm/lead/board/").content.decode()
    assert sorted(re.findall(r'<span class="plan (\w+)">', board)) == [
        "late",
        "none",
        "none",
        "some",
    ]
    Lead.lose(work.pk, lost_reason="Price")
    assert bob.get("/~acme/admin/crm/lead/?view=all").content.decode().count('class="plan') == 3


def test_the_lists_filter_of_what_has_nothing_planned(bob, work):
    html = bob.get("/~acme/admin/crm/lead/?is=nothing-planned").content.decode()
    rows = re.findall(r'<td class="name"[^>]*><a href="[^"]*">([^<]*)</a>', html)
    assert sorted(rows) == ["Cleos", "Nobodys", "Waiting"]


def test_it_leads_to_the_week_of_whose_day_it_is(bob, cleo, people):
    Activity.create(subject="Mine", assignee=people.bob, due_at=NOW)
    Activity.create(subject="Hers", assignee=people.cleo, due_at=NOW)
    shown = {}
    for client in (bob, cleo):
        html = unescape(without_frame(client, "/~acme/admin/"))
        week = re.search(r'href="([^"]*/calendar/week/[^"]*)"', html)[1]
        days = without_frame(client, week)
        shown[client] = [subject for subject in ("Mine", "Hers") if subject in days]
    assert shown == {bob: ["Mine"], cleo: ["Mine", "Hers"]}
