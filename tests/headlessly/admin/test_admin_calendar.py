"""The calendar: on which days records stand, moving them, and the address for other calendar programs."""

from __future__ import annotations

import re
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from icalendar import Calendar

from headlessly.admin.calendars import calendar as calendars
from headlessly.undo.at_once import undo_request
from tests.headlessly.admin.signed_in import without_frame

ACTIVITIES = "/~acme/admin/crm/activity/calendar/"
MAY = f"{ACTIVITIES}month/2026-05-01/"


def activity(subject: str, **fields: Any) -> Any:
    from crm import Activity

    return Activity.create(subject=subject, **fields)


def in_zone(user: Any, zone: str, language: str = "") -> None:
    user.time_zone, user.language = zone, language
    user.save(update_fields=["time_zone", "language"])


def days_of(html: str) -> dict[str, list[str]]:
    """What stands on each day, in order, with its time."""
    found = {}
    for part in html.split(' data-day="')[1:]:
        # What stands there is before the end of its list.
        inside = part.split("</ol>")[0]
        found[part[:10]] = [
            unescape(
                re.sub(
                    r"(?s)<span class=\"visually-hidden\">.*?</span>|<small>.*</small>|<[^>]+>",
                    "",
                    name,
                )
            ).strip()
            for name in re.findall(r'<a class="name"[^>]*>(.*?)</a>', inside)
        ]
    return {day: names for day, names in found.items() if names}


def shown(client: Client, address: str = MAY) -> dict[str, list[str]]:
    return days_of(without_frame(client, address))


def move(client: Client, record: Any, since: str, until: str, **more: Any) -> Any:
    version = more.pop("version", None) or type(record).get(record.pk).version
    return client.post(more.pop("at", MAY), {"move": f"{record.pk} {version} {since} {until}"})


# -- on which days ----------------------------------------------------------------------------------


def test_activities_stand_by_their_start_else_by_when_they_are_due(ann):
    activity("Meeting", start_at="2026-05-04T09:00:00Z", due_at="2026-05-20T09:00:00Z")
    activity("Task", due_at="2026-05-06T15:30:00Z")
    activity("Whole day", due_at="2026-05-06T00:00:00Z", all_day=True)
    activity("Without a day")
    assert shown(ann) == {
        "2026-05-04": ["9:00 AM Meeting"],
        "2026-05-06": ["Whole day", "3:30 PM Task"],
    }


def test_days_are_those_of_the_reader(users, ann):
    activity("Late", due_at="2026-05-06T23:30:00Z")
    activity("Whole", due_at="2026-05-06T00:00:00Z", all_day=True)
    in_zone(users.ann, "Europe/Berlin", "de")
    assert shown(ann) == {"2026-05-06": ["Whole"], "2026-05-07": ["01:30 Late"]}
    in_zone(users.ann, "America/Los_Angeles", "en")
    assert shown(ann) == {"2026-05-06": ["Whole", "4:30 PM Late"]}


def test_what_is_of_the_whole_day_stands_at_the_edges_too(users, ann):
    activity("First", due_at="2026-05-04T00:00:00Z", all_day=True)
    activity("Last", due_at="2026-05-10T00:00:00Z", all_day=True)
    week = f"{ACTIVITIES}week/2026-05-06/"
    for zone in ("Pacific/Auckland", "America/Los_Angeles"):
        in_zone(users.ann, zone, "de")
        assert shown(ann, week) == {"2026-05-04": ["First"], "2026-05-10": ["Last"]}


def test_what_lasts_several_days_stands_on_each_of_them(ann):
    activity("Fair", start_at="2026-05-06", end_at="2026-05-08", all_day=True)
    activity("Night", start_at="2026-05-06T22:00:00Z", end_at="2026-05-07T00:00:00Z")
    activity("Over night", start_at="2026-05-07T22:00:00Z", end_at="2026-05-08T00:01:00Z")
    assert shown(ann) == {
        "2026-05-06": ["Fair", "10:00 PM Night"],
        "2026-05-07": ["Fair", "10:00 PM Over night"],
        "2026-05-08": ["Fair", "Over night"],
    }
    # Also those that began before the first day.
    assert shown(ann, f"{ACTIVITIES}day/2026-05-08/") == {"2026-05-08": ["Fair", "Over night"]}


def test_an_end_without_a_start_lasts_no_days(ann):
    activity("Due", due_at="2026-05-06T10:00:00Z", end_at="2026-05-09T10:00:00Z")
    assert shown(ann) == {"2026-05-06": ["10:00 AM Due"]}


def test_weeks_begin_on_monday_as_those_of_reports(ann):
    html = without_frame(ann, f"{ACTIVITIES}week/2026-05-10/")
    assert re.findall(r' data-day="([^"]*)"', html)[::6] == ["2026-05-04", "2026-05-10"]


def test_a_month_shows_its_weeks_whole_and_a_day_itself(ann):
    count = {
        by: without_frame(ann, f"{ACTIVITIES}{by}/2026-05-06/").count(" data-day=")
        for by in ("month", "week", "day")
    }
    assert count == {"month": 35, "week": 7, "day": 1}  # from April 27 to May 31


def test_a_day_shows_the_first_and_how_many_more(ann):
    for hour in range(7):
        activity(f"Call {hour}", due_at=f"2026-05-06T{hour + 9:02}:00:00Z")
    html = without_frame(ann, MAY)
    assert [name[-1] for name in days_of(html)["2026-05-06"]] == ["0", "1", "2", "3"]
    more = re.search(r'<a class="more" href="([^"]*)"[^>]*>([^<]*)<', html)
    assert more[2] == "3 more"
    assert len(shown(ann, unescape(more[1]))["2026-05-06"]) == 7


def test_deals_and_campaigns_have_calendars_and_contacts_have_none(ann, people):
    from crm import Deal
    from marketing import Campaign

    Deal.create(name="Acme pilot", value=100, expected_close_date="2026-05-12")
    Campaign.create(name="Summer", start_date="2026-02-01", end_date="2026-05-02")
    assert shown(ann, "/~acme/admin/crm/deal/calendar/month/2026-05-01/") == {
        "2026-05-12": ["Acme pilot"]
    }
    days = shown(ann, "/~acme/admin/marketing/campaign/calendar/month/2026-05-01/")
    assert list(days) == [f"2026-{day}" for day in
                          ("04-27", "04-28", "04-29", "04-30", "05-01", "05-02")]  # fmt: skip
    assert ann.get("/~acme/admin/crm/contact/calendar/").status_code == 404


def test_what_lasts_is_named_where_a_week_or_the_month_begins(ann):
    from marketing import Campaign

    Campaign.create(name="Spring", start_date="2026-04-20", end_date="2026-05-05")
    html = without_frame(ann, "/~acme/admin/marketing/campaign/calendar/month/2026-05-01/")
    named = [
        part[:10]
        for part in html.split(' data-day="')[1:]
        if re.search(r'class="slot(?![^"]* same)', part)
    ]
    assert named == ["2026-04-27", "2026-05-01", "2026-05-04"]


@pytest.mark.parametrize(
    "place", ["month/2026-13-01/", "week/soon/", "year/", "day/0001-01-01/", "day/9999-12-31/"]
)
def test_an_address_of_no_day_is_none(ann, place):
    assert ann.get(ACTIVITIES + place).status_code == 404


def test_the_filters_of_the_list_hold(ann, people):
    activity("Call Ada", type="Call", assignee=people.bob, due_at="2026-05-06T10:00:00Z")
    activity("Write Ada", type="Email", assignee=people.cleo, due_at="2026-05-07T10:00:00Z")
    assert shown(ann, MAY + "?type=Call") == {"2026-05-06": ["10:00 AM Call Ada"]}
    assert shown(ann, MAY + "?q=write") == {"2026-05-07": ["10:00 AM Write Ada"]}
    assert shown(ann, MAY + "?q=nothing") == {}
    html = without_frame(ann, MAY + "?colour=red")
    assert 'class="notice bad"' in html and days_of(html) == {}
    # The filters go on to other days, and to the list and the board.
    html = without_frame(ann, MAY + "?type=Call")
    for place in ("calendar/month/2026-06-01/", "calendar/week/2026-05-01/", "board/", ""):
        assert f'href="/~acme/admin/crm/activity/{place}?type=Call"' in html, place


def test_a_view_of_the_list_is_one_of_the_calendar(bob, people):
    activity("Mine", assignee=people.bob, due_at="2026-05-06T10:00:00Z")
    activity("Hers", assignee=people.cleo, due_at="2026-05-06T11:00:00Z")
    answer = bob.get(f"{MAY}?view=mine")
    assert answer.status_code == 302
    assert answer["Location"].startswith(MAY)
    assert shown(bob, answer["Location"]) == {"2026-05-06": ["10:00 AM Mine"]}
    saved = bob.post(
        "/~acme/admin/crm/activity/views/",
        {"name": "Calls", "query": "type=Call", "on": "calendar"},
    )
    assert saved["Location"].startswith(ACTIVITIES + "?type=Call&view=")
    refused = bob.post(
        "/~acme/admin/crm/activity/views/", {"name": "", "query": "", "on": "calendar"}
    )
    assert refused.status_code == 422
    assert b"data-calendar" in refused.content


def test_nothing_of_another_tenant_or_hidden_from_a_limited_rep_stands_there(
    acme, rival, ann, bob, people
):
    from headlessly.access import tenancy

    activity("Hers", assignee=people.cleo, due_at="2026-05-06T11:00:00Z")
    activity("His", assignee=people.bob, due_at="2026-05-06T12:00:00Z")
    with tenancy.active(rival):
        activity("Rival's", due_at="2026-05-06T10:00:00Z")
    assert shown(ann) == {"2026-05-06": ["11:00 AM Hers", "12:00 PM His"]}
    acme.limits_reps = True
    acme.save()
    assert shown(bob) == {"2026-05-06": ["12:00 PM His"]}


def test_the_statements_of_a_calendar_do_not_grow_with_it(ann, people):
    def statements() -> int:
        ann.get(MAY)
        with CaptureQueriesContext(connection) as asked:
            ann.get(MAY)
        return len(asked)

    activity("First", lead=None, assignee=people.bob, due_at="2026-05-06T10:00:00Z")
    before = statements()
    for n in range(30):
        activity(f"Call {n}", contact=people.ada, assignee=people.bob,
                 due_at=f"2026-05-{n % 28 + 1:02}T10:00:00Z")  # fmt: skip
    # One more for whom they are about.
    assert statements() <= before + 1


def test_the_statement_reads_only_the_records_of_its_days(ann, people):
    from django.db.models import QuerySet

    from crm import Activity
    from headlessly.query import calendar_days

    with CaptureQueriesContext(connection) as asked:
        found: QuerySet = Activity.objects.filter(assignee_id=people.bob.pk)
        calendar_days.first_of_each_day(found, date(2026, 5, 1), date(2026, 5, 31), 4)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + asked.captured_queries[-1]["sql"])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    condition = re.search(r"activity_by_day[^\n]*\n\s*Index Cond: (.*)", plan)
    assert condition, plan
    for part in ("tenant_id", "start_at IS NOT NULL", "assignee"):
        assert part in condition[1], plan


def test_a_calendar_that_takes_too_long_says_so(ann, monkeypatch):
    activity("Task", due_at="2026-05-06T15:30:00Z")
    monkeypatch.setattr(calendars, "PATIENCE", 1)
    monkeypatch.setattr(
        calendars.calendar_days,
        "FIRST_OF_EACH_DAY",
        calendars.calendar_days.FIRST_OF_EACH_DAY.replace(
            "SELECT id, day, many", "SELECT pg_sleep(1)::text, day, many"
        ),
    )
    assert 'class="notice bad"' in without_frame(ann, MAY)


# -- moving -----------------------------------------------------------------------------------------


def test_moved_to_another_day_it_keeps_its_time_and_what_belongs_to_it(users, ann, people):
    from crm import Activity

    in_zone(users.ann, "Europe/Berlin")
    # On March 29 the clocks change: it stays at ten.
    made = activity("Meeting", start_at="2026-03-28T09:00:00Z", end_at="2026-03-28T10:00:00Z",
                    due_at="2026-03-28T10:00:00Z", reminder_at="2026-03-28T08:45:00Z")  # fmt: skip
    at = f"{ACTIVITIES}month/2026-03-01/?type=Task"
    answer = move(ann, made, "2026-03-28", "2026-03-30", at=at)
    assert (answer.status_code, answer["Location"]) == (302, at)
    now = Activity.get(made.pk)
    assert [f"{each:%d %H:%M}" for each in (now.start_at, now.end_at, now.due_at, now.reminder_at)] == [
        "30 08:00", "30 09:00", "30 09:00", "30 07:45",
    ]  # fmt: skip
    assert now.version == made.version + 1
    said = without_frame(ann, at)
    assert "Meeting is on Mar 30, 2026 now." in said and "data-undo" in said
    request = Activity.history(now).first().request_id
    undo_request(request)
    assert Activity.get(made.pk).start_at == made.start_at


def test_a_whole_day_stays_one(users, ann):
    from crm import Activity

    in_zone(users.ann, "America/Los_Angeles")
    made = activity("Fair", start_at="2026-05-06", end_at="2026-05-08", all_day=True)
    # Taken by its second day and put on the one after.
    move(ann, made, "2026-05-07", "2026-05-08")
    now = Activity.get(made.pk)
    assert (f"{now.start_at:%m-%d}", f"{now.end_at:%m-%d}", now.all_day) == ("05-07", "05-09", True)
    assert shown(ann) == {f"2026-05-{day}": ["Fair"] for day in ("07", "08", "09")}


def test_a_deal_s_closing_day_is_moved(ann):
    from crm import Deal

    made = Deal.create(name="Acme pilot", value=100, expected_close_date="2026-05-12")
    at = "/~acme/admin/crm/deal/calendar/"
    assert move(ann, made, "2026-05-12", "2026-06-01", at=at).status_code == 302
    assert Deal.get(made.pk).expected_close_date == date(2026, 6, 1)


def test_who_moved_it_meanwhile_is_named_and_another_change_does_not_matter(ann, people):
    from crm import Activity

    made = activity("Call", due_at="2026-05-06T10:00:00Z")
    Activity.update(made.pk, priority="High")
    assert move(ann, made, "2026-05-06", "2026-05-07", version=made.version).status_code == 302
    refused = move(ann, made, "2026-05-06", "2026-05-08", version=made.version)
    assert refused.status_code == 412
    assert "Ann moved this meanwhile." in refused.content.decode()
    assert Activity.get(made.pk).due_at.day == 7


@pytest.mark.parametrize(
    "sent",
    [
        "", "x", "{id} 1", "{id} 1 2026-05-06", "{id} one 2026-05-06 2026-05-07", "{id} 1 soon 2026-05-07",
        "{id} 1 2026-05-06 9999-12-31", "{id} 1 2026-05-06 2026-05-07 x", "{id} -1 2026-05-06 2026-05-07",
    ],
)  # fmt: skip
def test_a_move_that_cannot_be_read_is_refused(ann, sent):
    made = activity("Call", due_at="2026-05-06T10:00:00Z")
    answer = ann.post(MAY, {"move": sent.format(id=made.pk)})
    assert answer.status_code == 400
    assert "move: send an id" in answer.content.decode()


def test_what_is_gone_or_stands_on_no_day_is_not_moved(ann):
    from crm import Activity

    made = activity("Call", due_at="2026-05-06T10:00:00Z")
    Activity.delete(made.pk)
    answer = ann.post(MAY, {"move": f"{made.pk} 1 2026-05-06 2026-05-07"})
    assert (answer.status_code, "is gone" in answer.content.decode()) == (404, True)
    note = activity("Note")
    answer = ann.post(MAY, {"move": f"{note.pk} 1 2026-05-06 2026-05-07"})
    assert (answer.status_code, "stands on no day" in answer.content.decode()) == (400, True)


def test_who_may_not_change_it_may_not_move_it(vic):
    made = activity("Call", due_at="2026-05-06T10:00:00Z")
    html = without_frame(vic, MAY)
    assert "data-movable" not in html and "calendar-help" not in html
    assert move(vic, made, "2026-05-06", "2026-05-07").status_code == 403


def test_the_form_of_a_day_begins_with_it(ann):
    html = without_frame(ann, MAY)
    link = re.search(r'<a class="adds" href="([^"]*2026-05-06)"', html)[1]
    form = without_frame(ann, unescape(link))
    assert 'value="2026-05-06"' in form or "May 6, 2026" in form


# -- for other programs -----------------------------------------------------------------------------


def address(client: Client) -> str:
    html = client.get("/~acme/admin/account/calendar/").content.decode()
    found = re.search(r"data-secret>http://[^/]*([^<]*)<", html)
    return found[1] if found else ""


@pytest.fixture
def feed(bob: Client) -> str:
    """The path of Bob's calendar."""
    assert address(bob) == ""
    bob.post("/~acme/admin/account/calendar/", {"do": "make"})
    return address(bob)


def read(path: str) -> list[Any]:
    answer = Client().get(path)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    return Calendar.from_ical(answer.content.decode()).walk("VEVENT")


def test_another_program_reads_what_one_has_planned(feed, people):
    soon = timezone.now().replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=3)
    meeting = activity("Meeting; with, Ada", type="Meeting", contact=people.ada, assignee=people.bob,
                       start_at=soon, end_at=soon + timedelta(hours=1))  # fmt: skip
    first, last = soon.date().isoformat(), (soon.date() + timedelta(days=1)).isoformat()
    activity("Fair", assignee=people.bob, all_day=True, start_at=first, end_at=last)
    activity("Task", assignee=people.bob, due_at=soon + timedelta(hours=5))
    activity("Hers", assignee=people.cleo, due_at=soon)
    activity("Long ago", assignee=people.bob, due_at="2020-01-01T09:00:00Z")
    activity("Some day", assignee=people.bob)
    found = {str(event["summary"]): event for event in read(feed)}
    assert sorted(found) == ["Fair", "Meeting; with, Ada", "Task"]
    first = found["Meeting; with, Ada"]
    assert (first.decoded("dtstart"), first.decoded("dtend")) == (soon, soon + timedelta(hours=1))
    assert str(first["uid"]).startswith(meeting.pk)
    assert "Ada Chen" in first["description"]
    assert str(first["url"]).endswith(f"/~acme/admin/crm/activity/{meeting.pk}/")
    assert [found[name]["transp"] for name in found] and first["transp"] == "OPAQUE"
    assert found["Task"]["transp"] == "TRANSPARENT" and "dtend" not in found["Task"]
    fair = found["Fair"]
    assert (fair.decoded("dtstart"), fair.decoded("dtend")) == (
        soon.date(), soon.date() + timedelta(days=2),
    )  # fmt: skip


def test_the_address_ends_with_another_one_with_its_end_and_with_its_person(
    feed, bob, users, rival
):
    page = "/~acme/admin/account/calendar/"
    bob.post(page, {"do": "make"})
    newer = address(bob)
    assert newer != feed
    assert Client().get(feed).status_code == 404
    assert Client().get(newer.replace("~acme", "~rival")).status_code == 404
    assert Client().get(newer[:-5] + "x.ics").status_code == 404
    assert Client().get("/~acme/feeds/x.ics").status_code == 404
    assert Client().post(newer).status_code == 405
    read(newer)
    users.bob.is_active = False
    users.bob.save()
    assert Client().get(newer).status_code == 404
    users.bob.is_active = True
    users.bob.save()
    read(newer)
    bob.force_login(users.bob)
    bob.post(page, {"do": "end"})
    assert address(bob) == ""
    assert Client().get(newer).status_code == 404


def test_a_limited_rep_s_calendar_names_nobody_hidden(feed, acme, people):
    from crm import Contact

    hidden = Contact.create(name="Hidden Hal", owner=people.cleo)
    soon = timezone.now() + timedelta(days=1)
    activity("Call", contact=hidden, assignee=people.bob, due_at=soon)
    acme.limits_reps = True
    acme.save()
    assert [str(event["summary"]) for event in read(feed)] == ["Call"]


def test_a_member_without_a_contact_has_an_empty_calendar(ann):
    assert ann.post("/~acme/admin/account/calendar/", {"do": "make"}).status_code == 302
    assert read(address(ann)) == []
    assert ann.post("/~acme/admin/account/calendar/", {"do": "sing"}).status_code == 404
