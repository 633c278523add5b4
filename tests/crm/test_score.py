"""Score rules: what a lead is worth, why, and that the number follows what happens, then as now."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from crm import Activity, Lead, Rule, ScoreDue, ScoreRun
from crm.rules.score import recount
from headlessly.access import actors, tenancy
from headlessly.log.events import Event
from headlessly.notifications import from_log
from headlessly.notifications.models import Follower, Notification
from headlessly.shaping import custom_fields
from headlessly.shaping.models import CustomField
from tests.answered import answered, problem
from tests.crm.scoring import ALL, CALLS, RICH, TECH, WEB, at, recount_now, rule, score
from tests.headlessly.admin.conftest import *  # noqa: F403  (the people who sign in)
from tests.headlessly.test_races import at_once
from tests.headlessly.transfer.conftest import imported, send  # noqa: F401


def test_a_lead_is_worth_what_its_lines_bring(people):
    made = rule(WEB, RICH, TECH)
    lead = Lead.create(name="L", source="website", budget=5_000, organization=people.corp)
    assert (lead.score, lead.scored_by) == (40, 'Rule "Worth", version 1')
    lead.update(budget=20_000)
    assert score(lead) == 65
    created, first, updated, second = Event.objects.filter(target=lead.pk).order_by("seq")
    assert [first.name, second.name] == ["Lead.Rescored"] * 2
    assert [first.cause, second.cause] == [created.id, updated.id]
    assert {first.actor, second.actor} == {made.pk}
    assert second.previous["score"] == 40 and second.data["score"] == 65


def test_a_change_that_no_line_asks_about_costs_one_statement_less_than_counting(people):
    lead = Lead.create(name="L", source="website")

    def statements(**given: Any) -> int:
        with CaptureQueriesContext(connection) as found:
            lead.update(**given)
        return len(found)

    statements(name="A")
    without = statements(name="B")
    rule(WEB, RICH)
    statements(name="C")
    assert statements(name="D") == without
    assert statements(need="x") == without


def test_without_a_score_rule_a_number_is_typed_as_ever(people):
    lead = Lead.create(name="L", source="website", score=65)
    assert (lead.score, lead.scored_by, lead.version) == (65, None, 1)
    assert lead.update(score=12).scored_by is None
    assert lead.rescore().scored_by is None
    assert score(lead) == 12, "where no rule counts it keeps its own"


def test_a_number_set_by_hand_is_kept_and_can_be_lifted(people):
    rule(WEB, RICH)
    lead = Lead.create(name="L", source="website")
    lead.update(score=90)
    assert (lead.score, lead.scored_by) == (90, "by hand")
    lead.update(budget=20_000)
    assert score(lead) == 90
    lead.rescore()
    assert (lead.score, lead.scored_by) == (55, 'Rule "Worth", version 1')
    lead.update(score=1)
    lead.update(score=None)
    assert (score(lead), Lead.get(lead.pk).scored_by) == (55, 'Rule "Worth", version 1')
    typed = Lead.create(name="T", source="website", score=65)
    assert (typed.score, typed.scored_by) == (65, "by hand")


def test_a_number_that_comes_with_a_merge_is_of_the_hand_that_set_it(people):
    rule(WEB, RICH, condition={"type": "Lead", "filter": {"source": {"$ne": "fair"}}})
    counted = Lead.create(name="Counted", source="website")
    none = Lead.create(name="None", source="fair")
    assert (counted.score, none.score) == (30, None)
    now = counted.merge(into=none)
    assert (now.score, now.scored_by) == (30, None), "no rule is for it, and no hand set it"
    counted = Lead.create(name="Counted", source="website")
    richer = Lead.create(name="Richer", source="website", budget=20_000)
    counted.merge(into=richer, keep={"score": "this"})
    now = Lead.get(richer.pk)
    assert (now.score, now.scored_by) == (55, 'Rule "Worth", version 1'), "the rule counts on"
    typed = Lead.create(name="Typed", source="website", score=90)
    typed.merge(into=richer, keep={"score": "this"})
    now = Lead.get(richer.pk)
    assert (now.score, now.scored_by) == (90, "by hand")


def test_a_number_that_was_lifted_is_forgotten_again(people):
    with at(0):
        rule(CALLS)
        lead = Lead.create(name="L", source="x")
        Activity.log(subject="Call", type="Call", lead=lead)
        lead.update(score=5)
        assert ScoreDue.objects.count() == 0
        lead.rescore()
    with at(10.1):
        recount.count_due()
    assert score(lead) == 10


def test_the_first_rule_that_fits_counts_and_where_none_does_nothing_is_written(people):
    web = {"type": "Lead", "filter": {"source": "website"}}
    rule(WEB, name="Web", condition=web, position=1)
    rule({**WEB, "filter": {"source": "phone"}, "points": 7}, name="Phone", position=2,
         condition={"type": "Lead", "filter": {"source": {"$in": ["phone", "website"]}}})  # fmt: skip
    leads = {s: Lead.create(name=s, source=s) for s in ("website", "phone", "event")}
    assert [each.score for each in leads.values()] == [30, 7, None]
    assert leads["event"].version == 1
    # A lead that no rule is for any more keeps its number; one that another is for gets that one's.
    assert leads["website"].update(source="event").score == 30
    assert leads["phone"].update(source="website").score == 30


def test_what_happens_counts_until_it_is_forgotten(people):
    with at(0):
        rule(WEB, CALLS)
        lead = Lead.create(name="L", source="website")
    with at(1):
        Activity.log(subject="Call", type="Call", lead=lead)
    assert score(lead) == 50
    with at(2):
        Activity.log(subject="Call", type="Call", lead=lead)
        Activity.log(subject="Note", type="Note", lead=lead)
    assert score(lead) == 65, "20 + 18.7, and no line brings more than its cap"
    seen = []
    for day in range(3, 80):
        with at(day):
            recount.count_due()
        seen.append(score(lead))
    assert seen == sorted(seen, reverse=True) and seen[-1] == 30
    assert ScoreDue.objects.count() == 0, "where time changes nothing nothing is asked again"
    written = Event.objects.filter(target=lead.pk, name="Lead.Rescored").count()
    assert written <= 3 + 35, "it is written when its number changes, not every day"
    with at(20):
        expected = 30 + round(20 * 2 ** (-19 / 10) + 20 * 2 ** (-18 / 10))
    assert seen[17] == expected


def test_what_is_over_brings_nothing_and_a_closed_lead_keeps_its_number(people):
    line = {**CALLS, "halfLife": None, "within": 5}
    with at(0):
        rule(line)
        lead, closed = (Lead.create(name=name, source="x") for name in "AB")
        for each in (lead, closed):
            Activity.log(subject="Call", type="Call", lead=each)
    with at(1):
        closed.lose(lost_reason="Price")
    with at(4.9):
        recount.count_due()
    assert [score(lead), score(closed)] == [20, 20]
    with at(5.1):
        recount.count_due()
        recount.recount([lead.pk, closed.pk])
    assert [score(lead), score(closed)] == [0, 20]


def test_an_activity_that_moves_is_counted_of_both_leads(people):
    rule(CALLS)
    one, other = (Lead.create(name=name, source="x") for name in "AB")
    call = Activity.log(subject="Call", type="Call", lead=one)
    assert [score(one), score(other)] == [20, 0]
    call.update(lead=other)
    assert [score(one), score(other)] == [0, 20]
    call.delete()
    assert [score(one), score(other)] == [0, 0]


def test_what_a_lead_refers_to_is_followed(people, django_capture_on_commit_callbacks):
    rule(TECH)
    lead = Lead.create(name="L", source="x", organization=people.corp)
    assert lead.score == 10
    people.corp.update(industry="Farming")
    recount.recount_referring(column="organization_id", id=people.corp.pk)
    assert score(lead) == 0


def test_a_change_of_the_rule_counts_all_and_goes_on_where_it_ended(people, monkeypatch):
    monkeypatch.setattr(recount, "CHUNK", 3)
    leads = [Lead.create(name=f"L{n}", source="website", score=n) for n in range(10)]
    gone = Lead.create(name="Gone", source="website")
    gone.delete()
    made = rule(WEB)
    changed = Event.objects.get(target=made.pk)
    assert [recount.count_chunk(descends) for descends in (False, True)] == [True, True]
    run = recount.progress()
    assert (run.counted, run.changed, run.finished_at) == (6, 6, None)
    run = recount_now()
    assert (run.counted, run.changed) == (10, 10) and run.finished_at
    rows = Lead.objects.values_list("score", "scored_by", "version").distinct()
    assert list(rows) == [(30, 'Rule "Worth", version 1', 2)]
    events = Event.objects.filter(name="Lead.Rescored")
    assert {(e.cause, e.actor) for e in events} == {(changed.id, made.pk)}
    assert events.get(target=leads[3].pk).previous["score"] == 3
    past = Lead.past.objects.filter(record=leads[3].pk).order_by("valid_from")
    assert list(past.values_list("score", "valid_to"))[1] == (30, None)
    assert past[0].valid_to == past[1].valid_from
    made.update(lines=[{**WEB, "points": 31}])
    leads[0].update(score=1)
    assert (recount_now().changed, score(leads[0]), score(leads[1])) == (9, 1, 31)
    made.update(name="Same")
    assert recount_now().changed == 0
    made.update(is_active=False)
    assert recount_now().counted == 0
    assert leads[1].update(source="x").score == 31


def test_leads_of_one_moment_are_all_counted_and_once_where_most_change(people, monkeypatch):
    Lead.create(name="Before", source="website")
    with at(0):
        for n in range(9):
            Lead.create(name=f"L{n}", source="website")
    monkeypatch.setattr(recount, "CHUNK", 3)
    asked: list[int] = []
    count = recount.count_scores

    def counting(leads: Any, *args: Any, **given: Any) -> Any:
        asked.append(len(leads))
        return count(leads, *args, **given)

    monkeypatch.setattr(recount, "count_scores", counting)
    made = rule(WEB)
    found = recount_now()
    assert (found.counted, found.changed) == (10, 10)
    # Only the first chunk is looked at before it is locked: until then nobody knows that most change.
    assert sum(asked) == 10 + 3
    asked.clear()
    made.update(name="Same")
    found = recount_now()
    assert (found.counted, found.changed, sum(asked)) == (10, 0, 10)


def test_rows_of_a_file_are_counted_soon(people, imported):  # noqa: F811
    rule(WEB)
    told = imported("leads", b"name,source,score\nA,website,\nB,website,77\nC,event,\n")
    assert told["created"] == 3, told
    recount.count_due()
    found = dict(Lead.objects.values_list("name", "score"))
    assert found == {"A": 30, "B": 77, "C": 0}
    assert ScoreDue.objects.count() == 0


def test_a_rule_that_fails_says_so_and_holds_up_nobody(people, api):
    custom_fields.create_field({"noun": "Lead", "name": "region", "type": "string"})
    broken = rule({**WEB, "filter": {"region": "DACH"}}, position=1)
    rule(WEB, name="Rest", position=2)
    custom_fields.archive_field(CustomField.objects.get())
    assert Lead.create(name="L", source="website").score == 30
    assert "region" in answered(api.call("GET", f"/rules/{broken.pk}"))["error"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"name": None}, "name"),
        ({"points": 0}, "points"),
        ({"points": 101}, "100"),
        ({"points": "ten"}, "points"),
        ({"half": 3}, "half"),
        ({"halfLife": -1}, "halfLife"),
        ({"halfLife": 3}, "since"),
        ({"cap": 0}, "cap"),
        ({"about": "love"}, "engagement"),
        ({"type": "Deal"}, "Activity"),
        ({"filter": {"nope": 1}}, "nope"),
        ({"filter": {"score": {"$gt": 1}}}, "score"),
        ({"filter": {"lastActivityAt": {"$lt": "14d ago"}}}, "moves"),
        ({"filter": {"$or": [{"createdAt": {"$gt": "today"}}]}}, "moves"),
        ({"filter": {"organization.parent.industry": "x"}}, "further"),
        ({"filter": {"owner.team": "team_x"}}, "further"),
        ({"since": "name"}, "moment"),
        ({"since": "nope"}, "nope"),
    ],
)
def test_a_wrong_line_is_named(api, line, said):
    body = {"name": "R", "kind": "Score", "condition": ALL, "lines": [WEB | line]}
    found = problem(api.call("POST", "/rules", body), 422, "validation_error")
    said_of = {each["field"]: each["message"] for each in found["details"]}
    assert "Line 1" in said_of["lines"] and said in said_of["lines"], said_of
    assert Rule.count() == 0


def test_the_whole_of_a_model_is_checked(api):
    for body, field in (
        ({}, "lines"),
        ({"lines": []}, "lines"),
        ({"lines": [WEB, WEB]}, "lines"),
        ({"lines": [WEB], "thresholds": [{"name": "Hot"}]}, "thresholds"),
        ({"lines": [WEB], "thresholds": [{"name": "Hot", "from": 101}]}, "thresholds"),
        ({"lines": [WEB], "condition": {"type": "Lead", "filter": {"score": 1}}}, "condition"),
    ):
        given = {"name": "R", "kind": "Score", "condition": ALL} | body
        found = problem(api.call("POST", "/rules", given), 422, "validation_error")
        assert [each["field"] for each in found["details"]] == [field]


def test_a_tenant_counts_by_its_own_rules(people, rival):
    rule(WEB)
    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        lead = Lead.create(name="Theirs", source="website")
        assert (lead.score, lead.version) == (None, 1)
        recount.recount_all()
        assert ScoreRun.objects.count() == 0


# -- pages, and several at once -----------------------------------------------------------------------


def page(client: Any, path: str) -> str:
    response = client.get(f"/~acme/admin/{path}")
    assert response.status_code == 200
    return response.content.decode()


def test_the_page_of_a_lead_shows_what_its_score_is_made_of(people, cleo):
    with at(0):
        made = rule(WEB, {**RICH, "points": -7, "filter": {"budget": None}}, CALLS,
                    thresholds=[{"name": "Hot", "from": 40}])  # fmt: skip
        lead = Lead.create(name="L", source="website")
    with at(1):
        Activity.log(subject="Call", type="Call", lead=lead)
    lead.update(score=99)
    said = page(cleo, f"crm/lead/{lead.pk}/change/")
    assert "Set by hand to 99. By the rule it would be 23." in said
    assert f'href="/~acme/admin/crm/rule/{made.pk}/change/"' in said
    bars = said.split("How it adds up</summary>")[1].split("</details>")[0]
    assert bars.count("<li") == 3 and "Enough would be" not in bars
    assert said.count('<li class="up">') == 1 and said.count('<li class="down">') == 1
    assert "17 points to Hot (40). Enough would be: Calls (+20)." in said
    assert "Source is website" in said and "Nothing by: Calls." in said
    past = page(cleo, f"crm/lead/{lead.pk}/change/?in=asOf%3D2026-03-03")
    assert "43: 23 by what they are, 20 by what they did. Hot." in past
    assert "once, last Mar 2, 2026; half after 10 days" in past


def test_a_line_that_costs_points_and_would_have_to_end_is_said_to(people, cleo):
    rule(WEB, {**RICH, "points": -7, "filter": {"budget": None}}, CALLS,
         thresholds=[{"name": "Hot", "from": 50}])  # fmt: skip
    lead = Lead.create(name="L", source="website")
    said = page(cleo, f"crm/lead/{lead.pk}/change/")
    assert f"Enough would be: Calls (+20) + no more “{RICH['name']}” (+7)." in said


def test_a_page_without_a_score_rule_costs_and_shows_nothing_more(people, cleo):
    lead = Lead.create(name="L", source="website", score=5)
    page(cleo, f"crm/lead/{lead.pk}/change/")
    with CaptureQueriesContext(connection) as found:
        said = page(cleo, f"crm/lead/{lead.pk}/change/")
    assert "falls" not in said
    assert not [each for each in found if "crm_rule" in each["sql"]]


def test_the_page_of_a_rule_says_what_it_does_and_is_tried(people, ann):
    for n in range(20):
        lead = Lead.create(name=f"L{n}", source="website" if n < 10 else "x", score=1)
        lead.update(status="Contacted").update(status="Qualified", contact=people.ada)
        if n < 8:
            lead.convert(without_deal=True)
        else:
            lead.lose(lost_reason="Price")
    made = rule(WEB, {**RICH, "filter": {"lostReason": "Price"}})
    recount_now()
    said = page(ann, f"crm/rule/{made.pk}/change/")
    assert "20 leads counted, 20 got another score" in said
    assert "of all, 40\N{NO-BREAK SPACE}%" in said and "Source is website" in said
    assert f"/crm/rule/{made.pk}/panels/try/" in said and "Fewest" not in said
    tried = page(ann, f"crm/rule/{made.pk}/panels/try/")
    assert "All 20 leads were counted; nothing was written." in tried
    assert "prove nothing: Has money" in tried
    other = Rule.create(name="Who", condition=ALL, how="Nobody")
    assert "panels/try" not in page(ann, f"crm/rule/{other.pk}/change/")
    assert ann.get(f"/~acme/admin/crm/rule/{other.pk}/panels/try/").status_code == 404
    assert "data-rows" in page(ann, f"crm/rule/{made.pk}/edit/")


def test_a_chunk_that_fails_is_done_again(people, monkeypatch):
    leads = [Lead.create(name=f"L{n}", source="website") for n in range(3)]
    rule(WEB)

    def fail(*_args: Any, **_given: Any) -> int:
        leads[0].update(name="Written meanwhile")
        raise RuntimeError("the worker is gone")

    with monkeypatch.context() as patched:
        patched.setattr(recount, "recount", fail)
        with pytest.raises(RuntimeError), transaction.atomic():
            recount.count_chunk()
    assert recount.progress().counted == 0 and Lead.get(leads[0].pk).name == "L0"
    assert recount_now().changed == 3


@pytest.mark.django_db(transaction=True)
def test_all_that_happens_at_once_is_counted(people):
    rule({**CALLS, "points": 10, "cap": None, "halfLife": None})
    lead = Lead.create(name="L", source="x")
    answers = at_once(*[
        partial(Activity.log, subject="Call", type="Call", lead=lead.pk) for _n in range(8)
    ])  # fmt: skip
    assert all(isinstance(each, Activity) for each in answers), answers
    assert score(lead) == 80


def test_who_follows_a_lead_is_not_told_each_time_it_is_counted(people, users):
    made = rule(WEB, RICH)
    lead = Lead.create(name="L", source="website")
    from_log.read_log()
    tenant = tenancy.require()
    Follower.objects.create(tenant=tenant, user=users.bob, record=lead.pk)
    tenant.has_followers = True
    tenant.save(update_fields=["has_followers"])
    lead.update(budget=20_000)
    made.update(lines=[RICH])
    assert recount_now().changed == 1
    from_log.read_log()
    told = Notification.objects.filter(user=users.bob, kind="followed")
    assert [n.name for n in Event.objects.filter(target=lead.pk).order_by("-seq")[:1]] == [
        "Lead.Rescored"
    ]
    assert told.count() == 1, "of the change of the budget"
