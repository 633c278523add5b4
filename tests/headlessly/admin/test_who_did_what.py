"""Admins see who did what: by person, verb, record and day, and as a file."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

LOG = "/~acme/admin/settings/log/"


def told(client: Any, **asked: str) -> list[str]:
    rows = client.get(LOG, asked).context["rows"]
    return [
        f"{row['event'].name} {row['about'][0] if row['about'] else ''}".strip() for row in rows
    ]


def test_is_asked_by_person_verb_record_and_day(ann, bob, people, acme):
    from crm import Lead
    from headlessly.context import clock

    lead = Lead.create(name="Acme pilot", source="web")
    with clock.set_clock(datetime(2026, 1, 31, 12, tzinfo=UTC), purpose="replay"):
        Lead.create(name="Of January", source="web")
    bob.post(f"/~acme/admin/crm/lead/{lead.pk}/move/", {"to": "Contacted"})
    assert {"Session.Started", "Lead.Updated Acme pilot"} <= set(told(ann))
    by_bob = told(ann, who=bob.session["_auth_user_id"])
    assert "Lead.Updated Acme pilot" in by_bob
    assert "Lead.Created Acme pilot" not in by_bob
    assert told(ann, what="Lead.Created") == ["Lead.Created Of January", "Lead.Created Acme pilot"]
    assert told(ann, record=lead.pk) == ["Lead.Updated Acme pilot", "Lead.Created Acme pilot"]
    page = f"https://x.example/~acme/admin/crm/lead/{lead.pk}/change/"
    assert told(ann, record=page, what="Lead.Created") == ["Lead.Created Acme pilot"]
    assert told(ann, since="2026-01-31", until="2026-01-31") == ["Lead.Created Of January"]
    assert told(ann, until="2026-01-30") == []
    for problem in ({"since": "soon"}, {"record": "nobody"}):
        answer = ann.get(LOG, problem)
        assert answer.context["asked"].problem
        assert not answer.context["rows"]


def test_goes_on_where_a_page_ends_also_by_days(ann, people, monkeypatch):
    from crm import Lead
    from headlessly.admin.settings import who_did_what
    from headlessly.log import newest

    for number in range(7):
        Lead.create(name=f"Lead {number}", source="web")
    monkeypatch.setattr(who_did_what, "PAGE", 2)
    monkeypatch.setattr(newest, "EVENTS_PER_PAGE", 3)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    for asked in ({"what": "Lead.Created"}, {"what": "Lead.Created", "since": today}):
        seen, place = [], LOG + "?" + "&".join(f"{k}={v}" for k, v in asked.items())
        while place:
            context = ann.get(place).context
            seen += [row["about"][0] for row in context["rows"]]
            place = context["older"] and LOG + context["older"]
        assert seen == [f"Lead {number}" for number in reversed(range(7))]


def test_is_a_file_and_the_file_is_told_too(ann, people):
    from openpyxl import load_workbook

    from crm import Lead

    Lead.create(name="=1+1", source="web")
    answer = ann.get(LOG, {"what": "Lead.Created", "as": "csv"})
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("When,Who,")
    assert "Lead.Created" in lines[1]
    assert "'=1+1" in lines[1]
    book = ann.get(LOG, {"as": "xlsx"}).content
    rows = list(load_workbook(io.BytesIO(book)).active.values)
    assert "Export.Started" in {row[4] for row in rows}


def test_is_for_admins_and_of_their_own_tenant(ann, bob, theirs):
    assert bob.get(LOG).status_code == 403
    assert told(ann, record=theirs.lead.pk) == []


def test_asks_as_often_for_fifty_events_as_for_five(ann, people):
    from crm import Lead

    def asked() -> int:
        with CaptureQueriesContext(connection) as seen:
            ann.get(LOG)
        return len(seen)

    for number in range(5):
        Lead.create(name=f"Lead {number}", source="web", owner=people.bob)
    ann.get(LOG)
    few = asked()
    for number in range(40):
        Lead.create(name=f"More {number}", source="web", owner=people.bob)
    assert asked() == few


def test_has_a_workbook_whatever_control_characters_somebody_asked_for(ann):
    from openpyxl import load_workbook

    assert ann.get(LOG, {"what": "x\x0by\x0cz", "as": "csv"}).status_code == 200
    book = ann.get(LOG, {"as": "xlsx"})
    assert book.status_code == 200
    rows = list(load_workbook(io.BytesIO(book.content)).active.values)
    assert any("x y z" in str(cell) for row in rows for cell in row)


def test_says_that_no_person_and_no_event_has_what_no_text_can_hold(ann):
    for name in ("who", "what", "record", "since"):
        for more in ({}, {"as": "csv"}):
            answer = ann.get(LOG, {name: "a\x00b", **more})
            assert answer.status_code == 200
            assert answer.context["asked"].problem
            assert not answer.context["rows"]


def test_leaves_no_line_of_what_changed_nothing_or_only_followed(ann, bob, people):
    from crm import Activity, Lead

    lead = Lead.create(name="Quiet", source="web", owner=people.bob)
    Lead.update(lead.pk, name="Quiet")
    Activity.log(subject="Call", type="Call", lead=lead)
    assert told(ann, record=lead.pk) == ["Lead.Created Quiet"]
    Lead.update(lead.pk, last_activity_at=datetime(2026, 1, 1, tzinfo=UTC))
    page = ann.get(LOG, {"record": lead.pk}).content.decode()
    assert "Last activity" in page and "without a change" not in page


def test_what_entered_a_view_is_called_by_its_name(ann, bob, people, acme):
    from crm import Lead
    from headlessly.access import actors
    from headlessly.access.models import Membership
    from headlessly.query import saved_views
    from headlessly.subscriptions import following, from_log

    member = Membership.objects.select_related("tenant", "user").get(
        user=bob.session["_auth_user_id"]
    )
    with actors.acting(member.actor):
        view = saved_views.save_view(Lead, "Hot", "score__gte=80")
        following.follow(view, member)
        Lead.create(name="Acme pilot", source="web", score=85)
    from_log.read_log()
    assert "View.Entered Acme pilot" in told(ann)
