"""Rules that fail: nobody's work is held up, what failed is shown with its rule, and is tried again."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import translation

from crm import Lead, Rule, ScoreRun
from crm.models import RuleAttempt
from crm.rules import assignment, attempts, first_answer, reasons, runs
from crm.rules.score import counting, hooks, recount
from headlessly.access import actors, tenancy
from headlessly.context import clock
from headlessly.errors import Invalid, VerbRefused
from headlessly.language import sayings
from headlessly.log.events import Event
from headlessly.shaping import custom_fields
from headlessly.shaping.models import CustomField
from tests.answered import answered, problem
from tests.headlessly.admin.conftest import *  # noqa: F403  (the people who sign in)
from tests.refusals import details, refused

ALL = {"type": "Lead", "filter": {}}
WEB = {"name": "From the site", "points": 30, "type": "Lead", "filter": {"source": "website"}}
REAL = assignment.decide_owner


def gives(**given: Any) -> Rule:
    return Rule.create(**{"name": "Inbound", "condition": ALL, "how": "Nobody"} | given)


def make(name: str = "L", **given: Any) -> Lead:
    return Lead.create(**{"name": name, "source": "website"} | given)


def fail_of(rule: Rule, how: Any) -> Any:
    """What stands in for the decision: it fails where this rule is asked."""

    def decide(asked: Rule) -> Any:
        return how() if asked.pk == rule.pk else REAL(asked)

    return decide


def divide_by_zero(*_: Any, **__: Any) -> Any:
    return 1 / 0


def take_too_long(*_: Any, **__: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '20ms'")
        cursor.execute("SELECT pg_sleep(5)")


def be_refused(*_: Any, **__: Any) -> Any:
    raise VerbRefused("Not today.", code="not_today")


def write_nonsense(*_: Any, **__: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO crm_ruleattempt (rule_version) VALUES (1)")


def row() -> RuleAttempt:
    return RuleAttempt.objects.get()


def be_due() -> None:
    RuleAttempt.objects.filter(next_at__isnull=False).update(next_at=clock.now())


def own(lead: Lead) -> tuple[str | None, str | None]:
    found = Lead.get(lead.pk)
    return found.owner_id, found.assigned_because


# -- assignment ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (divide_by_zero, "It could not be done (ZeroDivisionError)"),
        (take_too_long, "It took longer than the database allows."),
        (be_refused, "Not today."),
        (write_nonsense, "It could not be done ("),
    ],
)
def test_whatever_goes_wrong_the_lead_is_there_and_the_next_rule_has_it(
    people, users, api, monkeypatch, how, said
):
    broken = gives(name="Broken", position=1, how="Person", person=people.cleo)
    gives(name="Rest", position=2, how="Person", person=people.bob)
    monkeypatch.setattr(assignment, "decide_owner", fail_of(broken, how))
    lead = answered(api.call("POST", "/leads", {"name": "L", "source": "x"}), 201)
    assert lead["owner"] == people.bob.pk, "who asks is answered whose it is"
    assert [e.name for e in Event.objects.filter(target=lead["$id"]).order_by("seq")] == [
        "Lead.Created", "Lead.Assigned"
    ]  # fmt: skip
    (found,) = answered(api.call("GET", f"/rules/{broken.pk}/failures"))["results"]
    assert said in found["because"], found
    assert (found["record"], found["failures"], found["ruleVersion"]) == (lead["$id"], 1, 1)
    # The lead has an owner: nothing is to be tried, and what happened can still be seen.
    be_due()
    runs.work()
    assert (row().next_at, row().failures) == (None, 1)


def test_what_an_assignment_had_done_when_it_failed_is_undone(people, users, monkeypatch):
    """A hook of the verb fails when the lead has been written already."""
    gives(name="Broken", position=1, how="Person", person=people.cleo)
    gives(name="Rest", position=2, how="Person", person=people.bob)
    calls: list[str] = []

    def fail_once(lead: Lead, ctx: Any) -> None:
        calls.append(str(lead.owner_id))
        if len(calls) == 1:
            raise RuntimeError("in a hook")

    Lead.assigned(fail_once)
    try:
        lead = make()
    finally:
        Lead.assigned.remove(fail_once)
    assert calls == [people.cleo.pk, people.bob.pk]
    assert (lead.owner_id, lead.version) == (people.bob.pk, 2)
    assert own(lead)[0] == people.bob.pk
    assert lead.update(budget=5).version == 3


def test_a_lead_that_stayed_nobodys_is_tried_again_until_it_comes_through(
    people, users, monkeypatch
):
    broken = gives(how="Person", person=people.bob)
    monkeypatch.setattr(assignment, "decide_owner", fail_of(broken, divide_by_zero))
    lead = make()
    for wait in attempts.WAITS:
        assert row().next_at - row().last_at == wait
        be_due()
        runs.work()
    assert (row().next_at, row().failures) == (None, len(attempts.WAITS) + 1)
    assert own(lead) == (None, None)
    monkeypatch.undo()
    runs.work()
    assert own(lead) == (None, None), "it has given up"
    broken.update(name="Mended")  # a change of the rule has it tried as it is now
    runs.work()
    assert own(lead) == (people.bob.pk, 'Rule "Mended", version 2: for Bob Stone')
    assert not RuleAttempt.objects.exists()
    created, assigned = Event.objects.filter(target=lead.pk).order_by("seq")
    assert (assigned.cause, assigned.actor) == (created.id, broken.pk)


def test_an_error_of_a_shape_that_went_away_is_made_up_for(people, users, api, cleo):
    custom_fields.create_field({"noun": "Lead", "name": "region", "type": "string"})
    broken = gives(
        condition={"type": "Lead", "filter": {"region": {"$exists": False}}},
        how="Person",
        person=people.bob,
    )
    field = CustomField.objects.get()
    custom_fields.archive_field(field)
    lead = make()
    assert "region" in row().because
    page = cleo.get(f"/~acme/admin/crm/rule/{broken.pk}/change/").content.decode()
    assert "What failed" in page and "region" in page and lead.name in page
    assert "It does nothing at the moment" in page
    other = make("Other")
    page = cleo.get(f"/~acme/admin/crm/rule/{broken.pk}/change/").content.decode()
    assert other.name in page and page.count('class="wrong apart"') == 1, "why is said once"
    custom_fields.bring_back_field(CustomField.objects.get())
    RuleAttempt.objects.update(next_at=None)
    cleo.post(f"/~acme/admin/crm/rule/{broken.pk}/again/")
    runs.work()
    assert own(lead)[0] == own(other)[0] == people.bob.pk
    page = cleo.get(f"/~acme/admin/crm/rule/{broken.pk}/change/").content.decode()
    assert "What failed" not in page and "It does nothing" not in page
    again = api.call("POST", f"/rules/{broken.pk}/failures/retry")
    assert answered(again, 202) == {"count": 0}


def test_what_was_asked_of_one_rule_is_asked_of_no_other_after_it_failed(
    people, users, api, monkeypatch
):
    lead = make()
    broken = gives(name="Asked", position=1, how="Person", person=people.cleo)
    gives(name="Rest", position=2, how="Person", person=people.bob)
    monkeypatch.setattr(assignment, "decide_owner", fail_of(broken, divide_by_zero))
    there = f"/rules/{broken.pk}"
    assert answered(api.call("POST", f"{there}/runs"), 202)["count"] == 1
    assert answered(api.call("GET", f"{there}/failures"))["results"] == [], "it was only asked"
    for failures in (1, 2):
        be_due()
        runs.work()
        (failed,) = answered(api.call("GET", f"{there}/failures"))["results"]
        assert (failed["failures"], bool(failed["askedAt"])) == (failures, True)
        assert own(lead) == (None, None), "the other rule was not asked for it"
    monkeypatch.undo()
    be_due()
    runs.work()
    assert own(lead)[0] == people.cleo.pk and not RuleAttempt.objects.exists()


def test_what_failed_by_itself_says_that_it_was_asked_for_since(people, users, api, monkeypatch):
    broken = gives(name="Broken", how="Person", person=people.cleo)
    monkeypatch.setattr(assignment, "decide_owner", fail_of(broken, divide_by_zero))
    lead = make()
    (failed,) = answered(api.call("GET", f"/rules/{broken.pk}/failures"))["results"]
    assert failed["askedAt"] is None
    gives(name="Rest", how="Person", person=people.bob, position=200)
    answered(api.call("POST", f"/rules/{broken.pk}/runs"), 202)
    runs.work()
    (failed,) = answered(api.call("GET", f"/rules/{broken.pk}/failures"))["results"]
    assert failed["askedAt"] and failed["failures"] == 2 and own(lead) == (None, None)


def test_what_is_gone_or_switched_off_is_tried_no_more(people, users, monkeypatch):
    broken = gives(how="Person", person=people.bob)
    monkeypatch.setattr(assignment, "decide_owner", fail_of(broken, divide_by_zero))
    gone, left = make("Gone"), make("Left")
    gone.delete()
    broken.update(is_active=False)
    monkeypatch.undo()
    runs.work()
    assert set(RuleAttempt.objects.values_list("next_at", flat=True)) == {None}
    assert own(left) == (None, None)


def test_only_who_may_change_rules_sees_what_failed_and_no_other_tenant(
    people, users, api, bob, rival_api, monkeypatch, rival
):
    broken = gives()
    monkeypatch.setattr(assignment, "decide_owner", divide_by_zero)
    make()
    assert rival_api.call("GET", f"/rules/{broken.pk}/failures").status_code == 404
    assert rival_api.call("POST", f"/rules/{broken.pk}/failures/retry").status_code == 404
    assert (
        "What failed" not in bob.get(f"/~acme/admin/crm/rule/{broken.pk}/change/").content.decode()
    )
    assert bob.post(f"/~acme/admin/crm/rule/{broken.pk}/again/").status_code == 403
    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        assert not RuleAttempt.objects.exists()
    problem(api.call("POST", f"/rules/{broken.pk}/failures/retry", {"x": 1}), 400, "bad_request")


def test_what_was_given_up_long_ago_is_forgotten(people, users, monkeypatch):
    gives()
    monkeypatch.setattr(assignment, "decide_owner", divide_by_zero)
    make("Old"), make("New")
    old = clock.now() - runs.KEPT_FOR - timedelta(days=1)
    first = RuleAttempt.objects.order_by("pk").first()
    RuleAttempt.objects.filter(pk=first.pk).update(last_at=old, next_at=None)
    runs.tick(0)
    assert RuleAttempt.objects.count() == 1


def test_the_clock_finds_what_is_to_be_tried(people, users, rival, work, monkeypatch):
    broken = gives(how="Person", person=people.bob)
    monkeypatch.setattr(assignment, "decide_owner", fail_of(broken, divide_by_zero))
    lead = make()
    monkeypatch.undo()
    be_due()
    runs.tick(60)
    work()
    assert own(lead)[0] == people.bob.pk


def test_one_that_fails_costs_the_others_nothing(people, users, monkeypatch):
    broken = gives(how="Person", person=people.bob)
    monkeypatch.setattr(assignment, "decide_owner", divide_by_zero)
    leads = [make(f"L{n}") for n in range(3)]
    monkeypatch.undo()
    bad = leads[1].pk
    fits = attempts.fits

    def not_of_one(rule: Rule, lead: Lead) -> bool:
        return 1 / 0 if lead.pk == bad else fits(rule, lead)  # type: ignore[return-value]

    monkeypatch.setattr(attempts, "fits", not_of_one)
    be_due()
    runs.work()
    assert [own(lead)[0] for lead in leads] == [people.bob.pk, None, people.bob.pk]
    assert (row().record, row().failures, row().rule_id) == (bad, 2, broken.pk)


def test_a_german_reads_what_failed(people, users, cleo, monkeypatch):
    broken = gives()
    monkeypatch.setattr(assignment, "decide_owner", take_too_long)
    make()
    users.cleo.language = "de"
    users.cleo.save()
    page = cleo.get(f"/~acme/admin/crm/rule/{broken.pk}/change/").content.decode()
    assert "Was misslang" in page and "Es dauerte länger, als die Datenbank erlaubt" in page
    assert not re.search(r"It took longer", page)


# -- first answers ------------------------------------------------------------------------------------


def test_a_first_answer_that_failed_is_said_when_it_comes_through(acme, users, monkeypatch):
    made = Rule.create(name="Web", kind="FirstAnswer", condition=ALL, within=60)
    monkeypatch.setattr(attempts, "fits", divide_by_zero)
    lead = make()
    monkeypatch.undo()
    assert (lead.answer_due_at, row().rule_id) == (None, made.pk)
    be_due()
    runs.work()
    found = Lead.get(lead.pk)
    assert found.answer_due_at == lead.created_at + timedelta(minutes=60)
    assert not RuleAttempt.objects.exists()


def test_a_verb_that_is_refused_costs_no_lead_its_creation(acme, users, monkeypatch):
    Rule.create(name="Web", kind="FirstAnswer", condition=ALL, within=60)

    def refuse(lead: Lead, ctx: Any) -> None:
        raise VerbRefused("Not today.", code="not_today")

    Lead.expecting_answer(refuse)
    try:
        lead = make()
    finally:
        Lead.expecting_answer.remove(refuse)
    assert (lead.version, lead.answer_due_at, row().because) == (1, None, "Not today.")


def test_a_missed_answer_that_cannot_be_noted_holds_up_none_of_the_others(acme, users, monkeypatch):
    made = Rule.create(name="Web", kind="FirstAnswer", condition=ALL, within=60)
    with clock.set_clock(clock.now() - timedelta(hours=3), purpose="demo"):
        leads = [make(f"L{n}") for n in range(3)]
    note = first_answer.note_missed_answer
    monkeypatch.setattr(
        first_answer, "note_missed_answer", lambda id: 1 / 0 if id == leads[0].pk else note(id)
    )
    first_answer.note_missed_answers()
    assert [Lead.get(lead.pk).answer for lead in leads] == ["Waiting", "Late", "Late"]
    assert (row().record, row().rule_id) == (leads[0].pk, made.pk)
    monkeypatch.undo()
    first_answer.note_missed_answers()
    assert Lead.get(leads[0].pk).answer == "Late"
    be_due()
    runs.work()
    assert not RuleAttempt.objects.exists()


# -- scores -------------------------------------------------------------------------------------------


def scores(*lines: Any, **given: Any) -> Rule:
    said = {"name": "Worth", "kind": "Score", "condition": ALL}
    return Rule.create(**said | {"lines": list(lines or (WEB,))} | given)


def test_a_score_that_failed_is_counted_when_it_can_be(acme, users, monkeypatch):
    good, bad = (
        scores(name="Good", position=1),
        scores({**WEB, "points": 5}, name="Bad", position=2),
    )
    real = counting.count_scores

    def count(leads: Any, models: Any, *args: Any, **more: Any) -> Any:
        if any(model.rule == bad.pk for model in models):
            take_too_long()
        return real(leads, models, *args, **more)

    for module in (hooks, recount):
        monkeypatch.setattr(module, "count_scores", count)
    lead = make()
    assert (lead.score, row().rule_id) == (None, bad.pk), "the one that fails is named"
    monkeypatch.undo()
    be_due()
    runs.work()
    found = Lead.get(lead.pk)
    assert (found.score, found.scored_with) == (30, f"{good.pk}@1")
    assert not RuleAttempt.objects.exists()


def recounted() -> recount.Progress | None:
    for descends in (False, True):
        recount.recount_all(descends=descends)
    return recount.progress()


def test_all_are_counted_when_a_models_error_goes_away(acme, users):
    custom_fields.create_field({"noun": "Lead", "name": "region", "type": "string"})
    scores({**WEB, "filter": {"region": {"$exists": False}}})
    lead = make()
    recounted()
    custom_fields.archive_field(CustomField.objects.get())
    lead = make("Meanwhile")
    assert lead.score is None
    recount.tick(0)  # what counts is no longer what counted
    recounted()
    custom_fields.bring_back_field(CustomField.objects.get())
    recount.tick(0)
    assert recounted().counted == 2
    assert Lead.get(lead.pk).score == 30
    begun = ScoreRun.objects.values_list("started_at", flat=True)
    before = list(begun)
    recount.tick(0)
    assert list(begun) == before, "as long as nothing is another nothing is counted anew"


def test_one_lead_that_cannot_be_counted_holds_up_no_recount(acme, users, monkeypatch):
    leads = [make(f"L{n}") for n in range(4)]
    made = scores()
    bad, real = leads[2].pk, recount.count_scores

    def count(asked: Any, *args: Any, **more: Any) -> Any:
        if bad in asked:
            write_nonsense()
        return real(asked, *args, **more)

    monkeypatch.setattr(recount, "count_scores", count)
    assert recounted().finished_at is not None
    assert [Lead.get(lead.pk).score for lead in leads] == [30, 30, None, 30]
    assert (row().record, row().rule_id) == (bad, made.pk)
    monkeypatch.undo()
    be_due()
    runs.work()
    assert Lead.get(bad).score == 30 and not RuleAttempt.objects.exists()


def test_a_recount_that_fails_says_so_and_that_it_has_given_up(acme, users, ann, monkeypatch):
    [make(f"L{n}") for n in range(3)]
    made = scores()
    monkeypatch.setattr(recount, "count_scores", take_too_long)
    page = f"/~acme/admin/crm/rule/{made.pk}/change/"
    for attempt in range(recount.MOST_ATTEMPTS):
        with pytest.raises(Exception, match="statement timeout"):
            recount.recount_all()
        said = ann.get(page).content.decode()
        assert "longer than the database allows" in said
        assert ("It has given up" in said) == (attempt + 1 == recount.MOST_ATTEMPTS)
    monkeypatch.undo()
    ann.post(f"/~acme/admin/crm/rule/{made.pk}/again/")
    assert recounted().because is None
    assert "longer than" not in ann.get(page).content.decode()


def test_a_recount_goes_on_whose_jobs_stayed_behind(acme, users, work):
    lead = make()
    scores()
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM procrastinate_jobs"
        )  # as where the tenant was copied from elsewhere
    work()
    assert recount.progress().finished_at is None
    recount.tick(0)
    recount.tick(0)
    work()
    assert recount.progress().finished_at is not None
    assert Lead.get(lead.pk).score == 30


def test_try_again_of_a_score_waits_for_no_retry(acme, users, api, work):
    lead = make()
    made = scores()
    ScoreRun.objects.update(attempts=9, because="It took longer than the database allows.")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs SET scheduled_at = now() + interval '17 minutes', attempts = 9 "
            "WHERE task_name = 'score.recount' AND status = 'todo'"
        )
        assert cursor.rowcount == 2
    assert "score.recount" not in work(), "it waits until it is tried again"
    answered(api.call("POST", f"/rules/{made.pk}/failures/retry"), 202)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(attempts) FROM procrastinate_jobs "
            "WHERE task_name = 'score.recount' AND status = 'todo'"
        )
        assert cursor.fetchone() == (0,), "it is tried as often as a new one"
    assert "score.recount" in work()
    assert Lead.get(lead.pk).score == 30 and recount.progress().because is None


# -- automations --------------------------------------------------------------------------------------

CALL = {"do": "Activity.create", "with": {"subject": "Call {{lead.name}}", "lead": "{{lead.$id}}"}}


def follows(*steps: Any, **given: Any) -> Rule:
    said = {"name": "Greet", "kind": "Automation", "condition": ALL, "events": ["Lead.Created"]}
    return Rule.create(**said | {"steps": list(steps or (CALL,))} | given)


@pytest.mark.parametrize("kind", ["Score", "FirstAnswer"])
def test_a_rule_that_is_not_run_on_what_is_there_says_why(acme, users, api, cleo, kind):
    made = (
        scores() if kind == "Score" else Rule.create(name="W", kind=kind, condition=ALL, within=9)
    )
    lead = make()
    for query in ("", "?dryRun=true"):
        found = problem(api.call("POST", f"/rules/{made.pk}/runs{query}"), 409, "conflict")
        assert "counts all leads" in found["message"] or "is for new leads" in found["message"]
    assert cleo.post(f"/~acme/admin/crm/rule/{made.pk}/run/").status_code == 302
    assert cleo.get(f"/~acme/admin/crm/rule/{made.pk}/run/").status_code == 302
    assert runs.RuleRun.objects.count() == RuleAttempt.objects.count() == 0
    assert own(lead) == (None, None)


def test_runs_that_cannot_begin_hold_up_none_of_the_others(acme, users, monkeypatch):
    good, other = follows(), gives()
    lead = make()
    # Such runs were made before rules of another kind were refused.
    runs.RuleRun.objects.bulk_create([runs.new_run(other, lead.pk, "Lead", clock.now())])
    runs.work()
    states = dict(runs.RuleRun.objects.values_list("rule", "state"))
    assert states == {good.pk: "Done", other.pk: "Retrying"}
    failed = runs.RuleRun.objects.get(rule=other.pk)
    assert failed.because == "It was no automation then: it has no steps."


def test_why_a_run_stopped_is_told_in_german(acme, users):
    told = {}
    with translation.override("de"):
        for said in (
            reasons.EMPTY(path="expectedCloseDate"),
            reasons.FITS_NO_MORE(),
            reasons.NO_STEPS(),
            reasons.TOO_LONG(),
        ):
            told[said] = sayings.translate_saying(said)
    assert told["The condition did not hold any more after the wait."] == (
        "Nach dem Warten galt die Bedingung nicht mehr."
    )
    assert all(said != text for said, text in told.items()), told


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("lead.name", "Ada"),
        ("name", "Ada"),
        ("lead.contact.name", "Ada Chen"),
        ("lead.owner", "Bob Stone"),
    ],
)
def test_the_record_may_stand_by_its_noun(people, users, place, text):
    step = {
        "do": "Activity.create",
        "with": {"subject": f"Ask {{{{{place}}}}} !", "lead": "{{lead.$id}}"},
    }
    follows(step)
    lead = make("Ada", contact=people.ada, owner=people.bob)
    runs.work()
    (done,) = lead.activities.all()
    assert done.subject == f"Ask {text} !"


@pytest.mark.parametrize(("place", "said"), [("lead.nope", "nope"), ("deals.name", "deals")])
def test_what_is_no_place_is_refused_by_name(acme, place, said):
    step = {"do": "Activity.create", "with": {"subject": f"{{{{{place}}}}}"}}
    with refused(Invalid) as caught:
        follows(step)
    assert said in details(caught)["steps"]


def test_a_rule_keeps_its_kind_so_that_what_waits_means_something(acme, users, api):
    made = follows({"wait": "3 days"}, CALL)
    make()
    runs.work()
    with refused(Invalid):
        made.update(kind="Assignment", events=None, steps=None)
    body = {"kind": "Assignment", "events": None, "steps": None}
    problem(api.call("PATCH", f"/rules/{made.pk}", body), 422, "validation_error")
    assert runs.RuleRun.objects.get().state == "Waiting"
    assert Rule.get(made.pk).kind == "Automation"
