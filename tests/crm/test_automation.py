"""Automations: what follows an event by itself, once, in steps that can be looked at."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm import Activity, Calendar, Contact, Deal, Lead, Rule
from crm.models import RuleRun
from crm.models.steps import Wait, read_distance
from crm.rules import automation, runs
from headlessly.access import actors, tenancy
from headlessly.context import clock
from headlessly.errors import Invalid
from headlessly.log.events import Event
from headlessly.notifications.models import Notification
from headlessly.shaping import custom_fields
from headlessly.shaping.models import CustomField
from headlessly.webhooks import registration
from headlessly.webhooks.models import Delivery, Webhook
from tests.answered import answered, problem
from tests.headlessly.admin.conftest import *  # noqa: F403  (the people who sign in)
from tests.headlessly.test_races import at_once
from tests.headlessly.transfer.conftest import imported, send  # noqa: F401
from tests.refusals import details, refused

CALL = {
    "do": "Activity.create",
    "with": {"subject": "Call {{contact}} of {{name}}", "type": "Call", "lead": "{{$id}}"},
}
NOW = timezone.now()


def rule(*steps: Any, events: Any = ("Lead.Created",), type: str = "Lead", **given: Any) -> Rule:
    filter = given.pop("filter", {})
    return Rule.create(
        **{
            "name": "Greet",
            "kind": "Automation",
            "condition": {"type": type, "filter": filter},
            "events": list(events),
            "steps": list(steps or (CALL,)),
        }
        | given
    )


def lead(name: str = "L", **given: Any) -> Lead:
    return Lead.create(**{"name": name, "source": "x"} | given)


def work() -> None:
    runs.work()


def at(days: float) -> Any:
    """The clock so many days ago."""
    return clock.set_clock(NOW - timedelta(days=days), purpose="demo")


def run() -> RuleRun:
    return RuleRun.objects.get()


def states() -> list[str]:
    return [step["state"] for step in run().steps or ()]


def a_webhook() -> Webhook:
    made = {"url": "https://receiver.example/in", "events": ["Deal.Won"]}
    return registration.create_webhook(made)


def subjects() -> list[str]:
    return sorted(Activity.objects.values_list("subject", flat=True))


# -- doing --------------------------------------------------------------------------------------------


def test_what_follows_an_event_is_done_once_and_by_the_rule(people, cleo):
    greet = rule()
    made = lead("Acme", contact=people.ada)
    assert Activity.count() == 0, "nobody's work waits for it"
    work()
    work()
    (call,) = Activity.objects.all()
    assert (call.subject, call.lead_id) == ("Call Ada Chen of Acme", made.pk)
    assert call.created_by == greet.pk
    created = Event.objects.get(name="Lead.Created")
    (ran,) = Event.objects.filter(name=automation.RAN)
    effect = Event.objects.get(target=call.pk)
    assert (ran.cause, effect.cause, effect.actor) == (created.id, ran.id, greet.pk)
    assert (ran.data["rule"], ran.data["ruleVersion"], ran.data["ruleName"]) == (
        greet.pk, 1, "Greet"
    )  # fmt: skip
    assert (run().state, states()) == ("Done", ["Done"])
    assert run().steps[0]["did"] == {"type": "Activity", "id": call.pk}
    record = cleo.get(f"/~acme/admin/crm/lead/{made.pk}/change/").content.decode()
    assert "did step 1 of the rule “Greet”" in record and "Rule version" not in record


def test_only_records_that_fit_when_the_event_is_over_have_runs(people):
    rule(filter={"source": "web", "contact.email": {"$exists": True}})
    lead("Fits", source="web", contact=people.ada)
    lead("Other source", contact=people.ada)
    lead("Nobody", source="web")
    changed = lead("Changed since", source="web", contact=people.ada)
    changed.update(source="x")  # at another moment: the event's counts
    work()
    assert subjects() == ["Call Ada Chen of Changed since", "Call Ada Chen of Fits"]
    assert RuleRun.objects.count() == 2


def test_what_an_assignment_gave_in_the_same_moment_counts(people, users):
    Rule.create(name="To Bob", condition={"type": "Lead", "filter": {}}, how="Person",
                person=people.bob)  # fmt: skip
    rule(filter={"owner.name": "Bob Stone"})
    lead("Given")
    work()
    assert subjects() == ["Call of Given"]


def test_verbs_are_done_on_what_the_record_refers_to(people):
    rule(
        {
            "do": "Contact.update",
            "of": "contact",
            "with": {"title": "{{contact.title}} ({{source}})"},
        },
        {"do": "Lead.update", "with": {"budget": 12}},
    )
    made = lead(contact=people.ada)
    work()
    assert Contact.get(people.ada.pk).title == "CTO (x)"
    assert Lead.get(made.pk).budget == 12


def test_a_person_is_told_and_a_webhook_is_called(people, users):
    hook = a_webhook()
    rule({"notify": "owner", "text": "{{name}} came"}, {"webhook": hook.pk})
    new = lead("Acme", owner=people.bob)
    work()
    (told,) = Notification.objects.filter(kind="rule")
    assert (told.user_id, told.record, told.excerpt) == (users.bob.pk, new.pk, "Acme came")
    (delivery,) = Delivery.objects.all()
    assert delivery.event.data["record"]["name"] == "Acme"
    assert run().state == "Done"


def test_a_limited_rep_reads_nothing_of_others_leads_in_what_ran(people, users, bob, acme):
    acme.limits_reps = True
    acme.save()
    lead("Secret", owner=people.cleo)
    greet = rule({"webhook": a_webhook().pk})
    runs.run_on_what_is_there(greet)
    mine = lead("Mine", owner=people.bob)
    work()
    ran = Event.objects.filter(name=automation.RAN)
    assert {each.data["record"]["name"] for each in ran} == {"Secret", "Mine"}
    seen = answered(bob.get(f"/~acme/events?name={automation.RAN}"))["results"]
    assert [each["data"]["record"]["$id"] for each in seen] == [mine.pk]
    assert "Secret" not in bob.get("/~acme/events?limit=100").content.decode()


def test_every_way_in_is_followed_and_the_past_is_not(people, imported, api):  # noqa: F811
    rule()
    answered(api.call("POST", "/leads", {"name": "REST", "source": "x"}), 201)
    rows = "".join(f"Row {n},x\n" for n in range(3))
    assert imported("leads", f"name,source\n{rows}".encode())["created"] == 3
    work()
    assert len(subjects()) == 4
    kept = f"name,source,$createdAt\nOld,x,{(NOW - timedelta(days=90)).isoformat()}\n"
    assert imported("leads", kept.encode())["created"] == 1
    work()
    assert len(subjects()) == 4, "an import of a past is no news"


# -- waiting ------------------------------------------------------------------------------------------


def test_a_wait_is_shown_and_ends_at_its_moment(people):
    rule({"wait": "3 days"}, CALL)
    with at(10):
        lead()
        work()
    assert (run().state, states()) == ("Waiting", ["Waiting", "Planned"])
    assert run().next_at == NOW - timedelta(days=7)
    with at(7.1):
        work()
    assert (run().state, subjects()) == ("Waiting", [])
    with at(7):
        work()
    assert (run().state, states(), len(subjects())) == ("Done", ["Done", "Done"], 1)


def test_a_month_is_waited_by_the_calendar() -> None:
    begins = datetime(2025, 1, 31, 9, tzinfo=UTC)
    for said, until in (
        ("1 month", datetime(2025, 2, 28, 9, tzinfo=UTC)),
        ("1 year", datetime(2026, 1, 31, 9, tzinfo=UTC)),
        ("4 weeks", datetime(2025, 2, 28, 9, tzinfo=UTC)),
    ):
        assert automation.moment_of(Wait(distance=read_distance(said)), begins, None) == until
    for wrong in ("37 months", "0 days", "99999 years", "a while"):
        with pytest.raises(ValueError, match="wait: send a time"):
            read_distance(wrong)


def test_the_condition_is_asked_again_when_a_wait_ends(people):
    rule({"wait": "3 days"}, CALL, filter={"status": "New"})
    with at(10):
        made = lead()
        work()
    made.update(status="Contacted")
    work()
    assert (run().state, subjects()) == ("Stopped", [])
    assert "did not hold" in run().because
    RuleRun.objects.all().delete()
    with at(10):
        gone = lead()
        work()
    gone.delete()
    work()
    assert (run().state, run().because) == ("Stopped", "The record is gone.")


def test_a_date_that_is_put_off_is_waited_for(people):
    day = (NOW - timedelta(days=5)).date()
    rule({"wait": {"until": "expectedCloseDate", "at": "09:30"}},
         {"do": "Activity.create", "with": {"subject": "Ask", "deal": "{{$id}}"}},
         events=["Deal.Created"], type="Deal")  # fmt: skip
    with at(10):
        deal = Deal.create(name="D", value=1, expected_close_date=day, owner=people.bob)
        work()
    assert run().next_at == datetime(day.year, day.month, day.day, 9, 30, tzinfo=UTC)
    deal.update(expected_close_date=day + timedelta(days=3))
    with at(4):
        work()
    assert (run().state, run().next_at.date()) == ("Waiting", day + timedelta(days=3))
    work()
    assert subjects() == ["Ask"]


def test_a_working_day_is_waited_for(people):
    rule({"wait": "until workingDay 09:00"}, CALL)
    friday = datetime(2026, 1, 2, 17, tzinfo=UTC)
    with clock.set_clock(friday, purpose="demo"):
        lead()
        work()
    assert run().next_at == datetime(2026, 1, 5, 9, tzinfo=UTC)
    work()
    assert run().state == "Done"
    stretches = [{"day": day, "from": "08:00", "to": "17:00"} for day in ("Monday", "Tuesday")]
    off = [{"from": "2026-01-05", "to": "2026-01-05", "name": "Closed"}]
    Calendar.create(name="Office", time_zone="Europe/Berlin", hours=stretches, days_off=off,
                    is_default=True)  # fmt: skip
    RuleRun.objects.all().delete()
    with clock.set_clock(friday, purpose="demo"):
        lead()
        work()
    assert run().next_at == datetime(2026, 1, 6, 8, tzinfo=UTC), "9:00 in Berlin, Monday is off"


def test_a_rule_that_is_disabled_stops_what_waits_and_what_is_edited_goes_on_as_it_was(people):
    greet = rule({"wait": "3 days"}, CALL)
    with at(10):
        lead("Old")
        work()
    greet.update(steps=[{"do": "Lead.update", "with": {"budget": 1}}])
    assert Lead.count({"budget": 1}) == 0, "an edit runs nothing"
    work()
    assert subjects() == ["Call of Old"]
    assert Event.objects.get(name=automation.RAN).data["ruleVersion"] == 1
    greet.update(steps=[{"wait": "3 days"}, CALL])
    with at(10):
        lead("Waits")
        work()
        lead("Not begun")
    greet.update(is_active=False)
    work()
    stopped = RuleRun.objects.exclude(state="Done").get()
    assert (stopped.state, stopped.because) == ("Stopped", "The rule is not active any more.")
    assert len(subjects()) == 1
    greet.update(is_active=True)
    work()
    assert len(subjects()) == 1, "what stopped stays so"


# -- failing ------------------------------------------------------------------------------------------


def test_a_step_that_fails_is_shown_tried_again_and_holds_up_nobody(people):
    rule({"do": "Contact.update", "of": "contact", "with": {"title": "X"}}, CALL)
    made = lead("Without")
    lead("With", contact=people.ada)
    work()
    failed = RuleRun.objects.get(record=made.pk)
    assert (failed.state, failed.because) == ("Retrying", "contact is empty.")
    assert subjects() == ["Call Ada Chen of With"]
    assert Event.objects.filter(name=automation.RAN).count() == 2, "nothing of the attempt is left"
    assert failed.next_at > timezone.now()
    made.update(contact=people.ada)
    RuleRun.objects.filter(pk=failed.pk).update(next_at=timezone.now())
    work()
    assert len(subjects()) == 2


def test_what_fails_again_and_again_has_failed(people):
    rule({"do": "Contact.update", "of": "contact", "with": {"title": "X"}})
    lead()
    for _attempt in range(9):
        RuleRun.objects.exclude(next_at=None).update(next_at=timezone.now())
        work()
    assert (run().state, run().next_at, run().attempts) == ("Failed", None, 5)
    assert run().steps[0]["error"] == "contact is empty."


def test_a_condition_that_means_nothing_any_more_is_an_error_of_the_run(people):
    custom_fields.create_field({"noun": "Lead", "name": "region", "type": "string"})
    rule(filter={"region": "DACH"})
    custom_fields.archive_field(CustomField.objects.get())
    lead()
    work()
    assert run().state == "Retrying" and "region" in run().because


def test_steps_follow_a_field_that_is_called_otherwise_now(people):
    for name, type in (("region", "string"), ("start", "date")):
        custom_fields.create_field({"noun": "Lead", "name": name, "type": type})
    given = rule(
        {"wait": "until start 09:00"},
        {"do": "Activity.create", "of": "", "with": {"subject": "{{region}} {{name}}", "lead": "{{$id}}"}},
        {"do": "Lead.update", "with": {"region": "Of {{lead.region}}"}},
    )  # fmt: skip
    region, start = CustomField.objects.order_by("name")
    custom_fields.change_field(region, {"name": "area"})
    custom_fields.archive_field(start)
    custom_fields.change_field(CustomField.objects.get(pk=start.pk), {"name": "begin"})
    custom_fields.bring_back_field(CustomField.objects.get(pk=start.pk))
    steps = Rule.get(given.pk).steps
    assert Rule.get(given.pk).error is None
    assert steps[0] == {"wait": "until begin 09:00"}
    assert steps[1]["with"]["subject"] == "{{area}} {{name}}"
    assert steps[2]["with"] == {"area": "Of {{lead.area}}"}
    # What knows the former name alone, as a program that wrote it down, is understood as well.
    given.update(steps=[{"do": "Lead.update", "with": {"region": "{{region}}!"}}])
    made = lead(area="DACH")
    work()
    assert Lead.get(made.pk).as_json()["area"] == "DACH!"


def test_rules_that_cause_each_other_stop_at_16_with_their_path(people):
    rule({"do": "Lead.update", "with": {"sourceDetail": "{{sourceDetail}}x"}},
         events=["Lead.Updated"], name="Ping")  # fmt: skip
    made = lead(source_detail="a")
    made.update(source_detail="b")
    for _turn in range(20):
        work()
    assert Lead.get(made.pk).source_detail == "b" + "x" * 16
    failed = RuleRun.objects.get(state="Failed")
    assert failed.because.count('"Ping"') == 16
    assert failed.because.startswith("Rules cause each other without end: Lead.Updated → ")
    assert RuleRun.objects.filter(state="Done").count() == 16


# -- once ---------------------------------------------------------------------------------------------


class Killed(BaseException):
    """What ends a worker at once."""


def test_a_worker_that_is_killed_at_any_step_loses_and_doubles_nothing(people, monkeypatch):
    rule(CALL, {"wait": "1 hours"}, {"do": "Lead.update", "with": {"budget": 7}}, CALL)
    with at(1):
        for n in range(5):
            lead(f"L{n}")
    saves = RuleRun.save
    kills = [0]

    def save(self: RuleRun, *args: Any, **more: Any) -> None:
        kills[0] += 1
        if kills[0] % 3:
            raise Killed
        saves(self, *args, **more)

    monkeypatch.setattr(RuleRun, "save", save)
    for days in (1, 0.5):
        for _life in range(100):
            try:
                with at(days):
                    work()
                break
            except Killed:
                continue
    assert kills[0] > 40
    assert set(RuleRun.objects.values_list("state", flat=True)) == {"Done"}
    assert Counter(subjects()) == {f"Call of L{n}": 2 for n in range(5)}
    assert Lead.count({"budget": 7}) == 5


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_do_each_step_once(people):
    rule(CALL, {"do": "Lead.update", "with": {"budget": 7}})
    for n in range(12):
        lead(f"L{n}")
    RuleRun.objects.update(next_at=NOW)
    assert at_once(*[work] * 4) == [None] * 4
    work()
    assert set(RuleRun.objects.values_list("state", flat=True)) == {"Done"}
    assert Counter(subjects()) == {f"Call of L{n}": 1 for n in range(12)}


@pytest.mark.django_db(transaction=True)
def test_a_rule_disabled_while_a_step_is_taken_waits_for_it(people):
    greet = rule()
    lead()
    answers = at_once(work, partial(Rule.update, greet.pk, is_active=False))
    assert all(a is None or isinstance(a, Rule) for a in answers), answers
    there = RuleRun.objects.first()
    assert (there is None or there.state in ("Done", "Stopped")) and Activity.count() == int(
        there is not None and there.state == "Done"
    )


def test_the_clock_finds_what_is_due(people, work, rival):
    rule({"wait": "1 hours"}, CALL)
    with at(1):
        lead()
        runs.work()
    runs.tick(60)
    assert "rules.work" in work()
    assert run().state == "Done"


def test_what_is_undone_leaves_no_run(people):
    rule()
    with refused(Invalid):
        Lead.create(name="", source="x")
    Lead.create(name="Tried", source="x", dry_run=True)
    assert RuleRun.objects.count() == 0


def test_tenants_do_not_run_one_anothers_rules(people, rival):
    rule()
    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        lead("Theirs")
        work()
        assert Activity.count() == 0
        assert RuleRun.objects.count() == 0
    assert RuleRun.objects.count() == 0


def test_a_tenant_without_automations_pays_nothing(people):
    def statements() -> list[str]:
        with CaptureQueriesContext(connection) as found:
            lead()
        return [each["sql"] for each in found]

    other = rule(is_active=False)
    lead()
    without = statements()
    assert not any("rulerun" in sql for sql in without)
    other.update(is_active=True)
    lead()
    assert len(statements()) == len(without) + 1


# -- saying -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"events": ["Deal.Won"]}, "events", "Lead.Converted"),
        ({"events": []}, "events", "Lead.Created"),
        ({"events": ["Lead.Deleted"]}, "events", "Lead.Deleted: Say after what"),
        ({"steps": []}, "steps", "1 to 20"),
        ({"steps": None}, "steps", "1 to 20"),
        ({"steps": [CALL, {"wait": "3 days"}]}, "steps", "Step 2: nothing comes after"),
        ({"steps": [{"wait": "soon"}, CALL]}, "steps", '"3 days"'),
        ({"steps": [{"wait": "0 days"}, CALL]}, "steps", '"3 days"'),
        ({"steps": [{"wait": {"until": "nope"}}, CALL]}, "steps", "workingDay"),
        ({"steps": [{"wait": "until workingday"}, CALL]}, "steps", "workingDay"),
        ({"steps": [{"wait": {"until": "workingDay", "at": "9"}}, CALL]}, "steps", '"09:00"'),
        ({"steps": [{"sleep": 1}]}, "steps", "wait, do, notify, webhook"),
        ({"steps": [{"do": "Lead.nope"}]}, "steps", "no verb Lead.nope"),
        ({"steps": [{"do": "Contact.update", "with": {"title": "X"}}]}, "steps", "reference"),
        ({"steps": [{"do": "Contact.update", "of": "name"}]}, "steps", "contact"),
        ({"steps": [{"do": "Activity.create", "with": {}}]}, "steps", "needs subject"),
        ({"steps": [{"do": "Lead.update", "with": {"budgt": 1}}]}, "steps", "budget"),
        ({"steps": [{"do": "Lead.update", "with": {"budget": "x"}}]}, "steps", "amount"),
        ({"steps": [{"do": "Lead.update", "with": {"name": "{{contact.nam}}"}}]}, "steps", "name"),
        ({"steps": [{"notify": "contact.organization", "text": "x"}]}, "steps", "owner"),
        ({"steps": [{"notify": "owner"}]}, "steps", "text"),
        ({"steps": [{"webhook": "webhook_none"}]}, "steps", "id of a webhook"),
        ({"steps": [CALL | {"if": 1}]}, "steps", "there is no if"),
        ({"condition": {"type": "Leed", "filter": {}}}, "condition", "Lead"),
    ],
)
def test_bad_input_is_named(api, given, field, said):
    body = {
        "name": "R", "kind": "Automation", "condition": {"type": "Lead", "filter": {}},
        "events": ["Lead.Created"], "steps": [CALL],
    } | given  # fmt: skip
    found = problem(api.call("POST", "/rules", body), 422, "validation_error")
    said_of = {each["field"]: each["message"] for each in found["details"]}
    assert said in said_of[field], said_of
    assert Rule.count() == 0


def test_a_webhook_of_another_tenant_is_none(people, rival):
    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        theirs = a_webhook()
    with refused(Invalid) as caught:
        rule({"webhook": theirs.pk})
    assert "webhook" in details(caught)["steps"]


# -- looking ------------------------------------------------------------------------------------------


def test_rest_answers_runs_stops_them_and_tries_again(people, api, rival_api):
    greet = rule({"do": "Contact.update", "of": "contact", "with": {"title": "X"}})
    made = lead("Without")
    work()
    there = f"/rules/{greet.pk}/runs"
    (found,) = answered(api.call("GET", there))["results"]
    assert (found["state"], found["record"], found["ruleVersion"]) == ("Retrying", made.pk, 1)
    assert found["steps"][0]["error"] == "contact is empty."
    assert answered(api.call("GET", f"{there}?state=Done"))["results"] == []
    assert "Stopped" in problem(api.call("GET", f"{there}?state=x"), 400, "bad_request")["message"]
    assert answered(api.call("POST", f"{there}/{found['id']}/stop"), 202)["state"] == "Stopped"
    problem(api.call("POST", f"{there}/{found['id']}/retry"), 409, "conflict")
    RuleRun.objects.update(state="Failed", next_at=None)
    made.update(contact=people.ada)
    assert answered(api.call("POST", f"{there}/{found['id']}/retry"), 202)["state"] == "Running"
    work()
    assert run().state == "Done"
    problem(api.call("POST", f"{there}/run_none/stop"), 404, "not_found")
    problem(rival_api.call("GET", there), 404, "not_found")


def test_rest_goes_on_in_the_runs_where_a_page_ended_whatever_came_meanwhile(people, api):
    greet = rule()
    for name in "ABC":
        lead(name)
        work()
    there = f"/rules/{greet.pk}/runs?limit=2"
    first = answered(api.call("GET", there))
    lead("D")
    work()
    rest = answered(api.call("GET", f"{there}&cursor={first['cursor']}"))
    told = [each["id"] for each in first["results"] + rest["results"]]
    assert len(set(told)) == 3 == len(told) and not rest["hasMore"]
    wrong = f"/rules/{greet.pk}/failures?cursor={first['cursor']}"
    problem(api.call("GET", wrong), 400, "invalid_filter", field="cursor")


def test_a_rule_runs_on_what_is_there_only_when_it_is_asked(people, api):
    lead("A", source="web"), lead("B")
    greet = rule(filter={"source": "web"})
    there = f"/rules/{greet.pk}/runs"
    said = answered(api.call("POST", f"{there}?dryRun=true"))
    assert (said["count"], RuleRun.objects.count()) == (1, 0)
    assert answered(api.call("POST", there), 202)["count"] == 1
    work()
    assert subjects() == ["Call of A"]
    greet.update(is_active=False)
    problem(api.call("POST", there), 409, "conflict")


def test_only_who_may_change_rules_sees_what_they_did(people, users, bob, cleo):
    greet = rule({"wait": "3 days"}, CALL)
    made = lead("Acme", owner=people.bob)
    work()
    page = f"/~acme/admin/crm/rule/{greet.pk}/"
    seen = cleo.get(f"{page}change/").content.decode()
    assert "waiting" in seen and "Wait 3 days" in seen and "Stop" in seen
    shown = bob.get(f"{page}change/").content.decode()
    assert "What it did" not in shown and "waiting" not in shown
    assert bob.post(f"{page}runs/{run().pk}/stop/").status_code == 403
    record = bob.get(f"/~acme/admin/crm/lead/{made.pk}/change/").content.decode()
    assert "Greet" in record and "Wait 3 days" in record
    assert cleo.get(f"{page}runs/{run().pk}/stop/").status_code == 405
    cleo.post(f"{page}runs/{run().pk}/stop/")
    assert run().state == "Stopped" and "Cleo" in run().because
    assert "Wait 3 days" not in bob.get(f"/~acme/admin/crm/lead/{made.pk}/change/").content.decode()


def test_the_browser_runs_a_rule_on_what_is_there_after_it_said_on_what(people, cleo):
    lead("There")
    greet = rule()
    page = f"/~acme/admin/crm/rule/{greet.pk}/run/"
    assert "There" in cleo.get(page).content.decode() and RuleRun.objects.count() == 0
    cleo.post(page)
    work()
    assert subjects() == ["Call of There"]


def test_a_verb_that_is_none_is_answered_with_those_there_are(acme: Any) -> None:
    given = {"name": "A", "kind": "Automation", "condition": {"type": "Lead", "filter": {}}}
    for named, there in (("Lead.drop", "Lead.create, Lead.update"), ("Leed.update", "Activity, ")):
        with pytest.raises(Invalid, match=f"there is no verb {named}.*Use one of .*{there}"):
            Rule.create(**given, events=["Lead.Created"], steps=[{"do": named}])


def test_a_german_reads_reasons_steps_and_runs_in_german(people, users, cleo):
    users.cleo.language = "de"
    users.cleo.save(update_fields=["language"])
    Rule.create(
        name="DACH", condition={"type": "Lead", "filter": {}}, how="Person", person=people.bob
    )
    steps = [{"wait": "3 days"}, {"notify": "owner", "text": "Ask {{name}}"}]
    follows = rule(*steps)
    made = lead("Acme")
    work()
    page = cleo.get(f"/~acme/admin/crm/lead/{made.pk}/change/").content.decode()
    assert page.count("Regel „DACH“, Version 1: für Bob Stone") == 2, "its field and its timeline"
    assert "Warten: 3 Tage" in page
    answer = made.__class__.get(made.pk)
    assert answer.assigned_because == 'Rule "DACH", version 1: for Bob Stone'
    Rule.update(follows, is_active=False)
    page = cleo.get(f"/~acme/admin/crm/rule/{follows.pk}/change/").content.decode()
    assert "Die Regel ist nicht mehr aktiv." in page and "angehalten" in page
    assert "Betreuung benachrichtigen: Ask {{name}}" in page and "Lead: angelegt" in page
    form = cleo.get(f"/~acme/admin/crm/rule/{follows.pk}/edit/").content.decode()
    assert "Activity.create" in form and "Lead.Created" in form and "until workingDay 09:00" in form


def test_its_page_says_in_words_after_what_it_does_what(people, cleo):
    greet = rule({"wait": "until workingDay 09:00"}, CALL)
    seen = cleo.get(f"/~acme/admin/crm/rule/{greet.pk}/change/").content.decode()
    assert "<li>Wait until a working day 09:00</li><li>Activity: Create (Call" in seen
    assert "Lead: created" in seen and "Lead.Created" not in seen
    assert "workingDay" not in seen and "{&quot;" not in seen


def test_a_list_of_rules_says_nothing_of_other_kinds(people, cleo):
    rule({"wait": "3 days"}, CALL)
    Rule.create(name="To nobody", condition={"type": "Lead", "filter": {}})
    rows = cleo.get("/~acme/admin/crm/rule/").content.decode().split("<tr")[1:]
    greet, other = (next(row for row in rows if name in row) for name in ("Greet", "To nobody"))
    assert "Nobody" in other and "Nobody" not in greet and "Lead: created" in greet
