"""First answers: until when a new lead is to be touched, how it went, and that it was missed, once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import Activity, Calendar, Lead, Rule, Team, TeamMember
from crm.rules import attempts, first_answer
from crm.rules.backtest import trial
from headlessly.access import actors, tenancy
from headlessly.access.actors import ADMIN, Actor
from headlessly.access.models import Membership
from headlessly.context import clock
from headlessly.context.tenant_scope import every_tenant
from headlessly.errors import Forbidden, Invalid, VerbRefused
from headlessly.log.events import Event
from headlessly.notifications import from_clock, wording
from headlessly.notifications.models import Notification
from headlessly.query import periods, reads
from headlessly.query.named_reports import measure, reports
from headlessly.query.reports import Slice
from tests.answered import answered, problem
from tests.headlessly.admin.conftest import *  # noqa: F403  (the people who sign in)
from tests.headlessly.mcp.conftest import agent  # noqa: F401
from tests.headlessly.test_races import at_once
from tests.headlessly.transfer.conftest import imported, send  # noqa: F401
from tests.refusals import refused

ALL = {"type": "Lead", "filter": {}}
NOW = datetime.now(UTC).replace(microsecond=0)
#: A Friday in the evening.
FRIDAY = datetime(2026, 1, 2, 16, tzinfo=UTC)


def at(moment: datetime) -> Any:
    return clock.set_clock(moment, purpose="demo")


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


def by(user: Any) -> Any:
    return actors.acting(Membership.objects.select_related("tenant").get(user=user).actor)


def rule(**given: Any) -> Rule:
    said = {"name": "Web", "kind": "FirstAnswer", "condition": ALL, "within": 60}
    return Rule.create(**said | given)


def make(**given: Any) -> Lead:
    return Lead.create(**{"name": "L", "source": "web"} | given)


def came(moment: datetime, **given: Any) -> Lead:
    with at(moment):
        return make(**given)


def now_of(lead: Lead) -> Lead:
    return Lead.get(lead.pk)


def names(lead: Lead) -> list[str]:
    found = Event.objects.filter(target=lead.pk).order_by("seq")
    return [name.removeprefix("Lead.") for name in found.values_list("name", flat=True)]


def told(user: Any) -> list[str]:
    found = Notification.objects.filter(user=user, kind__startswith="answer")
    with by(user):
        return [line.text for line in wording.lines_of(list(found.order_by("created_at", "id")))]


# -- until when ---------------------------------------------------------------------------------------


def test_a_new_lead_that_fits_is_due_in_working_time_and_says_by_which_rule(acme):
    Calendar.create(name="Office", time_zone="UTC")
    condition = {"type": "Lead", "filter": {"source": "web"}}
    first = rule(within=240, warn_before=60, condition=condition)
    lead = came(FRIDAY)
    assert lead.answer_due_at == datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert lead.answer_near_at == datetime(2026, 1, 5, 11, tzinfo=UTC)
    assert (lead.answer, lead.answered_at) == ("Waiting", None)
    assert lead.answer_because == 'Rule "Web", version 1: within 4 h of working time'
    created, expected = Event.objects.filter(target=lead.pk).order_by("seq")
    assert (expected.name, expected.cause, expected.actor) == (
        "Lead.AnswerExpected", created.id, first.pk
    )  # fmt: skip
    other = came(FRIDAY, source="phone")
    assert (other.answer, other.answer_due_at, other.version) == (None, None, 1)


def test_the_first_rule_decides_and_what_was_said_stays_unless_asked(acme, api):
    calendar = Calendar.create(name="Office", time_zone="UTC")
    rule(position=1, within=30, condition={"type": "Lead", "filter": {"source": "ads"}})
    rest = rule(position=2)
    lead = came(FRIDAY)
    assert came(FRIDAY, source="ads").answer_due_at == FRIDAY + timedelta(minutes=30)
    due = lead.answer_due_at
    rest.update(within=120)
    calendar.update(days_off=[{"from": "2026-01-05"}])
    assert now_of(lead).answer_due_at == due == FRIDAY + timedelta(minutes=60)
    again = answered(api.call("POST", f"/leads/{lead.pk}/expectAnswer", {}))
    assert again["answerDueAt"] == "2026-01-06T10:00:00Z", "over the new day off"
    rest.update(is_active=False)
    assert answered(api.call("POST", f"/leads/{lead.pk}/expectAnswer", {}))["answer"] is None
    said = {"answerDueAt": "2030-01-01T09:00:00Z", "reason": "promised"}
    told = answered(api.call("POST", f"/leads/{lead.pk}/expectAnswer", said))
    assert (told["answer"], told["answerBecause"]) == ("Waiting", "promised")
    wrong = {"answerDueAt": "2030-01-01T09:00:00Z", "answerNearAt": "2030-01-01T09:00:00Z"}
    refusal = answered(api.call("POST", f"/leads/{lead.pk}/expectAnswer", wrong), 422)
    assert (refusal["field"], refusal["reason"]) == ("answerNearAt", "warned_too_late")


def test_every_way_in_is_due_once_and_a_past_is_not_new(acme, people, api, agent, imported):  # noqa: F811
    rule()
    answered(api.call("POST", "/leads", {"name": "REST", "source": "x"}), 201)
    agent.tool("do", code='Lead.create(name="MCP", source="x")')
    told = imported("leads", b"name,source\nRow 1,x\nRow 2,x\n")
    assert told["created"] == 2, told
    dues = Lead.objects.values_list("answer_due_at", flat=True)
    assert len(dues) == 4 and all(dues)
    assert Event.objects.filter(name="Lead.AnswerExpected").count() == 4
    told = imported(
        "leads",
        b"name,source,$createdAt,status\nOld,x,2019-01-01T09:00:00Z,New\nWarm,x,,Qualified\n",
    )
    old = Lead.objects.filter(name__in=["Old", "Warm"])
    assert {lead.name: lead.answer for lead in old} == {"Old": None, "Warm": None}, told


def test_without_such_rules_nothing_is_asked_or_written(acme, people):
    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            lead = make(owner=people.bob)
            lead.update(status="Contacted")
            Activity.log(subject="Call", type="Call", lead=lead)
        assert lead.version == 2
        return len(asked)

    statements()
    before = statements()
    made = rule()
    made.update(is_active=False)
    statements()
    assert statements() == before
    made.update(is_active=True)
    assert make().version == 2


# -- the first answer -----------------------------------------------------------------------------------


def test_the_first_touch_by_a_person_is_the_answer(acme, people, users):
    made = rule(warn_before=30)
    moved, called, late = (came(ago(hours=2), name=name) for name in ("moved", "called", "late"))
    with at(ago(hours=1.5)):
        with actors.acting(Actor(made.pk, made.name, ADMIN)):
            called.update(status="Contacted")
            Activity.log(subject="By itself", type="Email", lead=moved)
        assert (now_of(called).answer, now_of(moved).answer) == ("Waiting", "Waiting")
        moved.update(status="Contacted")
        Activity.log(subject="Call", type="Call", lead=called)
    with at(ago(hours=0.5)):
        late.lose(lost_reason="Price")
        Activity.log(subject="Again", type="Call", lead=called)
    for lead in (moved, called):
        lead = now_of(lead)
        assert (lead.answer, lead.answered_at, lead.answer_near_at) == ("Met", ago(hours=1.5), None)
    late = now_of(late)
    assert (late.answer, late.answered_at) == ("Waiting", ago(hours=0.5)), "until it is noted"
    first_answer.note_missed_answers()
    assert now_of(late).answer == "Missed"


def test_a_touch_by_a_rule_is_the_first_one_nowhere(acme, people, users):
    greet = Rule.create(
        name="Greet", kind="Automation", condition=ALL, events=["Lead.Created"],
        steps=[{"do": "Lead.update", "with": {"status": "Contacted"}}],
    )  # fmt: skip
    moved, called = (
        came(ago(hours=3), name=name, owner=people.bob) for name in ("moved", "called")
    )
    with at(ago(hours=2.5)), actors.acting(Actor(greet.pk, greet.name, ADMIN)):
        moved.update(status="Contacted")
        Activity.log(subject="By itself", type="Email", lead=called)
    with at(ago(hours=2)):
        moved.update(name="moved by a rule")  # a change that is no move

    def told() -> tuple[Any, Any]:
        said = {"from": f"{ago(days=2):%Y-%m-%d}", "to": f"{NOW:%Y-%m-%d}"}
        slice = Slice(periods.read_period(said))
        rows = measure(reports.require("team"), slice).rows or ()
        by_owner = {row.key: row.values["firstAnswer"] for row in rows}
        return measure(reports.require("firstTouch"), slice).value, by_owner.get(people.bob.pk)

    answer = rule(within=300)
    period = trial.Period(ago(days=1), NOW)
    found = trial.try_on_the_past(answer, period)
    assert told() == (None, None)
    assert [first_answer.first_touch_of(each) for each in (moved, called)] == [None, None]
    assert (found["met"]["count"], found["waiting"]["count"]) == (0, 2)
    with at(ago(hours=1)):
        moved.update(status="Qualified")
        Activity.log(subject="Call", type="Call", lead=called)
    assert told() == (2 * 3600, 2 * 3600)
    assert [first_answer.first_touch_of(each) for each in (moved, called)] == [ago(hours=1)] * 2
    assert trial.try_on_the_past(answer, period)["met"]["count"] == 2


def test_a_call_that_is_logged_later_or_turns_out_to_be_with_the_lead_counts(acme, people):
    rule()
    lead, other = came(ago(hours=3)), came(ago(hours=3))
    first_answer.note_missed_answers()
    assert now_of(lead).answer == "Late"
    Activity.log(subject="Call", type="Call", lead=lead, completed_at=ago(hours=2.5))
    Activity.log(subject="Before", type="Call", lead=other, completed_at=ago(hours=4))
    call = Activity.log(subject="Call", type="Call", completed_at=ago(hours=1))
    assert now_of(other).answered_at is None
    call.update(lead=other)
    lead, other = now_of(lead), now_of(other)
    assert (lead.answer, lead.answered_at) == ("Met", ago(hours=2.5))
    assert (other.answer, other.answered_at) == ("Missed", ago(hours=1))
    assert names(lead).count("AnswerMissed") == 1, "it was noted when nobody knew better"


def test_whoever_asks_for_a_lead_that_was_touched_knows_how_it_went(acme):
    lead = came(ago(hours=3))
    with at(ago(hours=2.5)):
        Activity.log(subject="Call", type="Call", lead=lead)
    with at(ago(hours=2)):
        lead.update(status="Contacted")
    rule()
    lead.expect_answer()
    assert (lead.answer, lead.answered_at) == ("Met", ago(hours=2.5))


def test_undoing_the_touch_undoes_the_answer(acme, api):
    rule()
    lead = make()
    reply = api.call("PATCH", f"/leads/{lead.pk}", {"status": "Contacted"})
    assert answered(reply)["answer"] == "Met"
    event = Event.objects.filter(target=lead.pk).order_by("-seq").first()
    answered(api.call("POST", f"/requests/{event.request_id}/undo", {}))
    lead = now_of(lead)
    assert (lead.status, lead.answer, lead.answered_at) == ("New", "Waiting", None)


# -- too late -------------------------------------------------------------------------------------------


def test_what_is_missed_is_an_event_once_by_the_rule_whoever_looks(acme, rival, people, users):
    made = rule()
    late, early = came(ago(hours=2), owner=people.bob), came(ago(minutes=30))
    gone = came(ago(hours=2), name="gone")
    gone.delete()
    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        theirs = came(ago(hours=2))
    first_answer.tick(0)
    for _again in range(2):
        first_answer.note_missed_answers()
    assert names(late) == ["Created", "AnswerExpected", "AnswerMissed"]
    missed = Event.objects.get(name="Lead.AnswerMissed")
    assert (missed.target, missed.actor, missed.data["answer"]) == (late.pk, made.pk, "Late")
    # By which version of the rule it was due stays said, whatever the rule says by now.
    assert missed.data["answerBecause"] == 'Rule "Web", version 1: within 1 h of working time'
    assert now_of(early).answer == "Waiting"
    with refused(VerbRefused):
        first_answer.note_missed_answer(late.pk)
    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        assert names(theirs) == ["Created"]


@pytest.mark.django_db(transaction=True)
def test_many_workers_note_and_tell_once(acme, users, people, work):
    rule()
    leads = [came(ago(hours=2), name=f"L{n}", owner=people.bob) for n in range(5)]
    at_once(*[first_answer.note_missed_answers] * 4)
    assert Event.objects.filter(name="Lead.AnswerMissed").count() == len(leads)
    assert len(told(users.bob)) == len(leads)


def test_one_that_breaks_in_the_middle_is_told_by_the_next(acme, users, people, monkeypatch):
    rule()
    lead = came(ago(hours=2), owner=people.bob)

    class Killed(BaseException):
        """What nobody catches."""

    def broken(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(first_answer, "tell", broken)
        first_answer.note_missed_answers()
    assert (names(lead), told(users.bob)) == (["Created", "AnswerExpected"], [])
    first_answer.note_missed_answers()
    assert names(lead)[-1] == "AnswerMissed"
    assert told(users.bob) == ["First answer missed: L"]


def with_no_other_index(name: str) -> None:
    """Leave leads this index alone: with few rows each does, and which is taken hangs on what ran before."""
    with every_tenant(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL enable_seqscan = off")
        cursor.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'crm_lead' AND indexname <> %s "
            "AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)",
            [name],
        )
        for (other,) in cursor.fetchall():
            cursor.execute(f'DROP INDEX "{other}"')


def test_the_clock_finds_a_tenant_by_an_index_and_puts_one_job_in_line(acme, rival):
    rule()
    came(ago(hours=2))
    with_no_other_index("lead_to_answer")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {first_answer.LATE}", [NOW])
        plan = "\n".join(row for (row,) in cursor.fetchall())
    assert "lead_to_answer" in plan, plan
    for _twice in range(2):
        first_answer.tick(0)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'first_answer.note_missed'"
        )
        assert cursor.fetchone() == (1,)


# -- who is told ------------------------------------------------------------------------------------------


def test_the_owner_is_warned_once_and_who_leads_them_hears_what_was_missed(acme, users, people):
    team = Team.create(name="North")
    TeamMember.create(team=team, member=people.bob)
    TeamMember.create(team=team, member=people.cleo, role="Leader")
    rule(warn_before=30)
    came(ago(minutes=45), owner=people.bob, name="near")
    answered_one = came(ago(minutes=45), owner=people.bob, name="answered")
    answered_one.update(status="Contacted")
    for _again in range(2):
        from_clock.tell_what_is_due(NOW)
    assert told(users.bob) == ["First answer due soon: near"]
    came(ago(hours=2), owner=people.bob, name="late")
    for _again in range(2):
        first_answer.note_missed_answers()
    assert told(users.bob)[1:] == ["First answer missed: late"]
    assert told(users.cleo) == ["First answer missed: late"]
    assert told(users.vic) == []


def test_of_what_is_nobodys_all_managers_hear(acme, users, people):
    rule()
    managers = set(Membership.objects.filter(role="manager").values_list("user", flat=True))
    assert managers
    came(ago(hours=2), name="late")
    first_answer.note_missed_answers()
    found = Notification.objects.filter(kind="answer_missed")
    assert set(found.values_list("user", flat=True)) == managers


# -- where it is seen -------------------------------------------------------------------------------------


def test_lists_boards_pages_and_the_day_say_what_is_left(acme, users, people, bob):
    def pages() -> dict[str, str]:
        found = {
            "list": "crm/lead/",
            "board": "crm/lead/board/",
            "page": f"crm/lead/{soon.pk}/change/",
            "day": "",
        }
        return {name: bob.get(f"/~acme/admin/{at}").content.decode() for name, at in found.items()}

    soon = make(name="Soon", owner=people.bob)
    assert 'data-label="Answer due"' not in pages()["list"], "nobody has rules"
    assert "First answer" not in pages()["page"]
    rule(within=210, warn_before=60)
    soon = came(ago(hours=1), name="Soon", owner=people.bob)
    near = came(ago(hours=2.75), name="Near", owner=people.bob)
    late = came(ago(hours=5.25), name="Late", owner=people.bob)
    first_answer.note_missed_answers()
    found = pages()
    for page in ("list", "board", "day"):
        html = found[page]
        assert 'class="left"' in html and ">2 h left<" in html, page
        assert 'class="near"' in html and re.search(r">\d+ min left<", html), page
        assert 'class="late"' in html and ">1 h late<" in html, page
    assert ">2 h left<" in found["page"] and "within 210 min of working time" in found["page"]
    day = found["day"]
    assert day.index("Answer due") < day.index("Late") < day.index("Near") < day.index("Soon")
    assert day.count(">Soon<") == 2, "the other one is nobody's by any rule, and waits as ever"
    for lead in (near, late):
        lead.update(status="Contacted")
    found = pages()
    assert ">in time<" in found["list"] and "late<" in found["list"]
    assert 'class="late"' not in found["list"], "what is done alarms nobody"
    assert ">in time<" not in found["board"], "what was met is no news"
    assert "Answer due" in found["day"] and ">1 h late<" not in found["day"]
    head = found["page"].split('<dl class="facts">')[1].split("</dl>")[0]
    assert "<dt>Answer due</dt>" in head
    answered = bob.get(f"/~acme/admin/crm/lead/{near.pk}/change/").content.decode()
    head = answered.split('<dl class="facts">')[1].split("</dl>")[0]
    assert re.search(r"<dt>Answered</dt><dd>.*>in time<", head) and "Answer due" not in head


def test_nothing_alarms_of_a_lead_that_is_closed(acme, people, bob):
    rule(within=210, warn_before=60)
    lost, near = (came(ago(hours=hours), owner=people.bob) for hours in (5.25, 2.75))
    first_answer.note_missed_answers()
    for lead in (lost, near):
        page = f"/~acme/admin/crm/lead/{lead.pk}/change/"
        assert re.search('class="(late|near)"', bob.get(page).content.decode())
        Lead.lose(lead.pk, lost_reason="Timing")
        assert not re.search('class="(late|near)"', bob.get(page).content.decode())


def test_the_day_reads_an_index_of_what_waits(acme, people):
    rule()
    came(ago(hours=2), owner=people.bob)
    waiting = Lead.find({"answer": {"$in": ["Waiting", "Late"]}, "answered_at": {"$exists": False}})
    with_no_other_index("lead_to_answer")
    assert "lead_to_answer" in waiting.order_by("answer_due_at").explain()


def test_reports_count_what_was_met_and_missed_and_open_the_lists(acme, people, cleo):
    rule()
    for name, source, owner in (
        ("met", "web", people.bob), ("missed", "web", people.bob), ("late", "fair", None),
        ("waiting", "fair", people.cleo),
    ):  # fmt: skip
        lead = came(
            ago(minutes=5 if name == "waiting" else 120), source=source, owner=owner, name=name
        )
        if name in ("met", "missed"):
            with at(ago(minutes=100 if name == "met" else 10)):
                lead.update(status="Contacted")
    first_answer.note_missed_answers()
    # An hour before midnight what waits is due tomorrow.
    days = {"from": ago(minutes=60 * 48), "to": ago(minutes=-60 * 24)}
    slice = Slice(periods.read_period({name: f"{day:%Y-%m-%d}" for name, day in days.items()}))
    expected = {
        "answersByOwner": {
            "Bob Stone": (50, 1, 1, 0), "Cleo Marsh": (None, 0, 0, 1), "Nobody": (0, 0, 1, 0)
        },
        "answersBySource": {"web": (50, 1, 1, 0), "fair": (0, 0, 1, 1)},
    }  # fmt: skip
    for name, rows in expected.items():
        found = measure(reports.require(name), slice)
        assert {row.name: tuple(row.values.values()) for row in found.rows or ()} == rows
        assert round(found.value or 0) == 33
        for row in found.rows or ():
            for column in ("met", "missed", "waiting"):
                who = row.lists[column]
                assert reads.record_page(Lead, who.filter).total == row.values[column], (
                    row,
                    column,
                )
    team = {row.name: row for row in measure(reports.require("team"), slice).rows or ()}
    assert team["Bob Stone"].values["answeredInTime"] == 50
    assert team["Cleo Marsh"].values["answeredInTime"] is None
    html = cleo.get(
        "/~acme/admin/dashboard/tables/answersByOwner/?period=this_year"
    ).content.decode()
    assert "answer=Late%2CMissed" in html or "answer=Late,Missed" in html, html
    before = Slice(periods.read_period({"from": "2020-01-01", "to": "2020-12-31"}))
    assert not measure(reports.require("answersByOwner"), before).rows


# -- rules ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"within": None}, "within", "minutes"),
        ({"within": 0}, "within", "1"),
        ({"within": 30, "warnBefore": 30}, "warnBefore", "less"),
        ({"condition": {"type": "Deal", "filter": {}}}, "condition", "Lead"),
    ],
)
def test_bad_input_is_named(api, given, field, said):
    body = {"name": "R", "kind": "FirstAnswer", "condition": ALL, "within": 60} | given
    found = problem(api.call("POST", "/rules", body), 422, "validation_error")
    said_of = {each["field"]: each["message"] for each in found["details"]}
    assert said in said_of[field], said_of
    assert Rule.count() == 0


def test_nobody_writes_how_it_went_and_a_rule_that_fails_costs_no_lead(
    acme, api, users, monkeypatch
):
    made = rule()
    lead = make()
    for name, value in (("answer", "Met"), ("answerDueAt", "2030-01-01T00:00:00Z")):
        problem(api.call("PATCH", f"/leads/{lead.pk}", {name: value}), 422, "validation_error")
    assert "missAnswer" not in answered(api.call("GET", f"/leads/{lead.pk}"))
    assert api.call("POST", f"/leads/{lead.pk}/missAnswer", {}).status_code == 404
    with by(users.vic), refused(Forbidden):
        lead.expect_answer()
    with refused(Invalid):
        made.update(within=10, warn_before=20)
    with monkeypatch.context() as patched:
        patched.setattr(attempts, "fits", lambda *_: 1 / 0)
        assert make().answer_due_at is None
    # Nobody ever works: no time is over, and the lead is there all the same.
    Calendar.create(
        name="C", time_zone="UTC", hours=[{"day": "Friday", "from": "09:00", "to": "09:01"}]
    )
    made.update(within=100_000)
    assert make().answer_due_at is None
