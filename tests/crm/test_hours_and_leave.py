"""Who is given a lead: by the hours in which they work, and not while they are on leave."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from crm import Calendar, Contact, Lead, Rule, Team, TeamMember
from crm.models import RuleAttempt
from crm.presence import Presence
from crm.rules import runs
from crm.rules.backtest import trial
from headlessly.access import actors, tenancy
from headlessly.access.models import Membership
from headlessly.context import clock
from headlessly.errors import Conflict, Invalid
from headlessly.language import sayings
from headlessly.log.events import Event
from tests.answered import answered, problem
from tests.headlessly.admin.conftest import *  # noqa: F403  (the people who sign in)
from tests.headlessly.test_races import at_once
from tests.refusals import details, refused

ALL = {"type": "Lead", "filter": {}}
#: Of a week of the past: in the morning of a Wednesday, at noon of the Saturday after it.
WEDNESDAY = datetime(2026, 3, 4, 10, tzinfo=UTC)
SATURDAY = datetime(2026, 3, 7, 12, tzinfo=UTC)
OFFICE = [
    {"day": day, "from": "09:00", "to": "17:00"}
    for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
]


def at(moment: datetime) -> Any:
    return clock.set_clock(moment, purpose="demo")


def came(moment: datetime, name: str = "L", **given: Any) -> Lead:
    with at(moment):
        return Lead.create(**{"name": name, "source": "x"} | given)


def office(**given: Any) -> Calendar:
    return Calendar.create(
        **{"name": "Office", "time_zone": "Europe/Berlin", "hours": OFFICE} | given
    )


@pytest.fixture
def places(users: Any, people: Any) -> dict[str, TeamMember]:
    """The places of Bob and Cleo in one team, in this order."""
    with at(WEDNESDAY - timedelta(days=30)):
        team = Team.create(name="North")
        return {
            name: TeamMember.create(team=team, member=getattr(people, name))
            for name in ("bob", "cleo")
        }


@pytest.fixture
def turns(places: Any) -> Rule:
    return gives(how="Turns", team=places["bob"].team_id)


def gives(**given: Any) -> Rule:
    with at(WEDNESDAY - timedelta(days=20)):
        return Rule.create(**{"name": "Inbound", "condition": ALL, "how": "Nobody"} | given)


def because(lead: Lead) -> str:
    return str(lead.assigned_because)


# -- hours --------------------------------------------------------------------------------------------


def test_whoever_is_off_work_is_passed_over_and_it_says_until_when(places, turns, people):
    places["bob"].update(calendar=office())
    leads = [came(SATURDAY, f"S{n}") for n in range(2)]
    assert [lead.owner_id for lead in leads] == [people.cleo.pk] * 2, (
        "who has no hours works always"
    )
    said = "turn 2 of 2; Bob Stone works again Monday (2026-03-09) 09:00"
    assert because(leads[0]).endswith(said)
    with translation.override("de"):
        told = sayings.translate_saying(because(leads[0]))
    assert "Bob Stone arbeitet wieder: Montag, 09.03.2026, 09:00" in told, told
    # They owe him nothing for it on Monday: turns go on from there.
    found = Counter(came(SATURDAY + timedelta(days=2), f"M{n}").owner_id for n in range(4))
    assert found == {people.bob.pk: 2, people.cleo.pk: 2}


def test_holidays_and_the_zone_of_the_calendar_count(places, turns, people):
    places["cleo"].update(weight=0)
    places["bob"].update(
        calendar=office(time_zone="America/New_York", days_off=[{"from": "2026-03-05"}])
    )
    assert because(came(WEDNESDAY)).endswith("Bob Stone works again Wednesday (2026-03-04) 09:00; "
                                             "Cleo Marsh takes no turns")  # fmt: skip
    assert came(datetime(2026, 3, 4, 14, tzinfo=UTC)).owner_id == people.bob.pk, "nine in New York"
    late = came(datetime(2026, 3, 4, 23, tzinfo=UTC))
    assert "works again Friday (2026-03-06) 09:00" in because(late)


def test_where_all_are_off_work_the_fallback_has_it_at_any_hour_else_nobody(places, turns, people):
    hours = office()
    for place in places.values():
        place.update(calendar=hours)
    lead = came(SATURDAY)
    assert lead.owner_id is None
    assert "nobody can take it; Bob Stone works again Monday" in because(lead)
    turns.update(fallback=people.cleo)
    lead = came(SATURDAY)
    assert lead.owner_id == people.cleo.pk and "the fallback, as nobody can take it" in because(
        lead
    )
    turns.update(off_hours="Give anyway")
    assert "turn 1 of 2" in because(came(SATURDAY))


def test_who_is_named_has_hours_and_leaves_too_and_so_does_the_fallback(places, people):
    made = gives(how="Person", person=people.bob, fallback=people.cleo)
    places["bob"].update(calendar=office())
    assert came(WEDNESDAY).owner_id == people.bob.pk
    lead = came(SATURDAY)
    assert lead.owner_id == people.cleo.pk and "Bob Stone works again Monday" in because(lead)
    places["cleo"].update(away_from=date(2026, 3, 7), away_until=date(2026, 3, 10))
    lead = came(SATURDAY)
    assert lead.owner_id is None
    assert "Cleo Marsh is away until Tuesday (2026-03-10)" in because(lead)
    made.update(off_hours="Give anyway")
    assert came(SATURDAY).owner_id == people.bob.pk
    places["bob"].update(away_until=date(2026, 3, 9))
    assert "Bob Stone is away until Monday (2026-03-09)" in because(came(SATURDAY))


def test_somebody_in_two_teams_works_in_the_hours_of_both_and_is_on_leave_in_both(
    places, turns, people
):
    with at(WEDNESDAY - timedelta(days=30)):
        other = TeamMember.create(team=Team.create(name="South"), member=people.bob)
    places["cleo"].update(weight=0)
    places["bob"].update(calendar=office())
    week_end = [{"day": "Saturday", "from": "10:00", "to": "14:00"}]
    other.update(calendar=office(name="Week end", hours=week_end))
    assert came(SATURDAY).owner_id == people.bob.pk == came(WEDNESDAY).owner_id
    assert "Bob Stone works again Monday" in because(came(SATURDAY + timedelta(hours=3)))
    other.update(away_from=date(2026, 3, 4), away_until=date(2026, 3, 6))
    assert "Bob Stone is away until Friday" in because(came(WEDNESDAY))


def test_a_calendar_by_which_nobody_ever_works_is_said(places, turns, people):
    never = [{"from": f"{year}-01-01", "to": f"{year}-12-31"} for year in range(2026, 2031)]
    hours = office(days_off=never)
    for place in places.values():
        place.update(calendar=hours)
    assert "Bob Stone works at no time, as the calendar says" in because(came(SATURDAY))
    with translation.override("de"):
        assert "dem Kalender nach zu keiner Zeit" in sayings.translate_saying(
            because(came(SATURDAY))
        )


# -- leaves -------------------------------------------------------------------------------------------


def test_a_planned_leave_begins_by_itself_and_ends_so(places, turns, people):
    places["bob"].update(away_from=date(2026, 3, 5), away_until=date(2026, 3, 9))
    by_day = {
        day: came(datetime(2026, 3, day, 12, tzinfo=UTC), f"D{day}").owner_id
        for day in range(3, 11)
    }
    assert {day for day, owner in by_day.items() if owner == people.bob.pk} & {5, 6, 7, 8} == set()
    assert by_day[3] == people.bob.pk and people.bob.pk in (by_day[9], by_day[10])


def test_a_leave_that_ends_before_it_begins_is_refused_by_name(places, api):
    path = f"/teammembers/{places['bob'].pk}"
    for body, said in (
        ({"awayFrom": "2026-03-05"}, "Say when they are back."),
        ({"awayFrom": "2026-03-05", "awayUntil": "2026-03-05"}, "after the first day"),
        ({"awayUntil": "soon"}, "2026"),
        ({"calendar": "calendar_nope"}, ""),
    ):
        found = problem(api.call("PATCH", path, body), 422, "validation_error")
        (detail,) = found["details"]
        assert detail["field"] == list(body)[-1] or detail["field"] == "awayUntil"
        assert said in detail["message"], detail
    places["bob"].update(away_from=date(2026, 3, 5), away_until=date(2026, 3, 9))
    with refused(Invalid) as caught:
        places["bob"].update(away_until=None)
    assert details(caught) == {"away_until": "Say when they are back."}
    assert places["bob"].update(away_from=None, away_until=None).away_until is None


def test_a_calendar_in_whose_hours_somebody_works_stays(places):
    hours = office()
    places["bob"].update(calendar=hours)
    with refused(Conflict):
        hours.delete()


def test_nobody_has_the_calendar_of_another_tenant(places, rival):
    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        theirs = office()
    with refused(Invalid):
        places["bob"].update(calendar=theirs.pk)


def test_how_many_are_asked_for_costs_no_more_statements(places, turns, people, users):
    hours = office()
    for place in places.values():
        place.update(calendar=hours)

    def statements() -> int:
        with CaptureQueriesContext(connection) as found:
            came(WEDNESDAY)
        return len(found)

    statements()
    few = statements()
    with at(WEDNESDAY - timedelta(days=3)):
        for n in range(8):
            rep = Contact.create(name=f"Rep {n}", email=f"rep{n}@seller.example")
            TeamMember.create(team=turns.team_id, member=rep, calendar=hours)
    assert statements() == few


def test_what_is_known_of_a_stretch_is_what_asking_anew_says():
    """Moments in order, as the back-test asks, and at random, as nobody does, against a plain answer."""
    hours = Calendar(time_zone="Europe/Berlin", hours=OFFICE, country="DE").working_time()
    remembering = Presence(hours=(hours,))
    start = datetime(2026, 3, 1, tzinfo=UTC)
    moments = [start + timedelta(minutes=37 * n) for n in range(1_500)]
    for moment in (*moments, *random.Random(7).sample(moments, 300)):
        first, _last = hours.next_stretch(moment)
        assert remembering.opens_at(moment) == max(first, moment)
        soon = moment + timedelta(seconds=1)
        assert remembering.works_at(moment) == bool(hours.between(moment, soon))


@pytest.mark.parametrize("hour", [0, 1])
def test_in_the_hour_that_comes_twice_whoever_works_all_night_works(hour: int):
    night = [{"day": "Sunday", "from": "00:00", "to": "24:00"}]
    hours = Calendar(time_zone="Europe/Berlin", hours=night).working_time()
    moment = datetime(2025, 10, 26, hour, 30, tzinfo=UTC)
    assert Presence(hours=(hours,)).works_at(moment)


# -- on the past --------------------------------------------------------------------------------------


def tried(rule: Rule) -> dict[str, int]:
    period = trial.Period(WEDNESDAY - timedelta(days=9), SATURDAY + timedelta(days=9))
    found = trial.try_on_the_past(rule, period)
    return {
        each["name"]: each["would"]["count"] for each in found["people"] if each["would"]["count"]
    }


def test_the_past_is_tried_by_hours_and_by_leaves_as_they_were_known(places, people):
    for n in range(4):
        (
            came(WEDNESDAY + timedelta(minutes=n), f"W{n}"),
            came(SATURDAY + timedelta(minutes=n), f"S{n}"),
        )
    rule = gives(how="Turns", team=places["bob"].team_id, is_active=False)
    assert tried(rule) == {"Bob Stone": 4, "Cleo Marsh": 4}
    places["bob"].update(calendar=office())
    assert tried(rule) == {"Bob Stone": 2, "Cleo Marsh": 6}
    with at(WEDNESDAY - timedelta(days=5)):
        places["cleo"].update(away_from=date(2026, 3, 4), away_until=date(2026, 3, 6))
    assert tried(rule) == {"Bob Stone": 4, "Cleo Marsh": 4}, "she was on leave that Wednesday"
    with at(SATURDAY + timedelta(days=10)):
        places["cleo"].update(away_from=None, away_until=None)
    assert tried(rule) == {"Bob Stone": 4, "Cleo Marsh": 4}, "that she is back says nothing of then"
    places["cleo"].update(calendar=places["bob"].calendar_id)
    assert tried(rule) == {"Bob Stone": 4, None: 4}
    rule.update(fallback=people.cleo)
    assert tried(rule) == {"Bob Stone": 4, "Cleo Marsh": 4}
    rule.update(off_hours="Give anyway", fallback=None)
    assert tried(rule) == {"Bob Stone": 6, "Cleo Marsh": 2}


def test_the_past_agrees_with_what_the_rule_really_does(places, turns, people):
    places["bob"].update(calendar=office())
    with at(WEDNESDAY - timedelta(days=10)):
        places["cleo"].update(away_from=date(2026, 3, 5), away_until=date(2026, 3, 6))
    for hour in range(0, 96, 5):
        came(WEDNESDAY + timedelta(hours=hour), f"H{hour}")
    really = Counter(Lead.objects.values_list("owner__name", flat=True))
    assert None in really and len(really) == 3
    period = trial.Period(WEDNESDAY - timedelta(hours=1), SATURDAY + timedelta(days=9))
    found = trial.try_on_the_past(turns, period)
    assert {each["record"]: each["would"] for each in found["records"]} == dict(
        Lead.objects.values_list("pk", "owner")
    )


# -- all at once --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_weighted_turns_are_exact_by_twenty_at_once_and_who_is_off_gets_none(users, people):
    contacts = [people.bob, people.cleo]
    for n, user in enumerate((users.vic, users.ann)):
        contacts.append(Contact.create(name=f"Rep {n}", email=f"rep{n}@seller.example"))
        Membership.objects.filter(user=user).update(contact=contacts[-1])
    team = Team.create(name="A")
    today = datetime.now(UTC).date()
    gone = [
        {
            "from": (today - timedelta(days=2)).isoformat(),
            "to": (today + timedelta(days=300)).isoformat(),
        }
    ]
    off = Calendar.create(name="Off", time_zone="UTC", days_off=gone)
    weights = (3, 1, 1, 5)
    for contact, weight in zip(contacts, weights, strict=True):
        more = {"calendar": off} if weight == 5 else {}
        TeamMember.create(team=team, member=contact, weight=weight, **more)
    Rule.create(name="Web", condition=ALL, how="Turns", team=team)
    for rounds in (1, 2):
        answers = at_once(*[partial(Lead.create, name=f"T{n}", source="x") for n in range(20)])
        assert all(isinstance(each, Lead) for each in answers), answers
        got = Counter(Lead.objects.values_list("owner", flat=True))
        for contact, weight in zip(contacts[:3], weights, strict=False):
            assert abs(got[contact.pk] - rounds * 20 * weight / 5) <= 1, got
        assert got[contacts[3].pk] == 0 and sum(got.values()) == rounds * 20


# -- what is there ------------------------------------------------------------------------------------


def test_leads_that_are_nobodys_are_given_away_when_a_rule_is_asked_for_it(
    places, people, api, cleo
):
    leads = {
        name: came(WEDNESDAY + timedelta(minutes=n), name, source="web")
        for n, name in enumerate(("A", "B", "C", "D"))
    }
    (
        came(WEDNESDAY, "Other", source="fair"),
        came(WEDNESDAY, "Owned", source="web", owner=people.bob),
    )
    leads["D"].lose(lost_reason="Price")
    gives(name="First", position=1, condition={"type": "Lead", "filter": {"name": "C"}})
    web = {"type": "Lead", "filter": {"source": "web"}}
    rule = gives(name="Web", position=2, condition=web, how="Turns", team=places["bob"].team_id)
    dry = answered(api.call("POST", f"/rules/{rule.pk}/runs?dryRun=true"))
    assert dry == {"dryRun": True, "count": 2, "records": [leads["A"].pk, leads["B"].pk]}
    assert not RuleAttempt.objects.exists() and Lead.get(leads["A"].pk).version == 1
    page = cleo.get(f"/~acme/admin/crm/rule/{rule.pk}/run/").content.decode()
    assert (
        "2 leads are nobody" in page and 'class="name">A<' in page and 'class="name">C<' not in page
    )
    assert (
        "Run on what is there…"
        in cleo.get(f"/~acme/admin/crm/rule/{rule.pk}/change/").content.decode()
    )
    leads["A"].update(owner=people.cleo)  # meanwhile
    asked = answered(api.call("POST", f"/rules/{rule.pk}/runs"), 202)
    assert asked["count"] == 1
    runs.work()
    lead = Lead.get(leads["B"].pk)
    assert (lead.owner_id, because(lead)) == (people.bob.pk, 'Rule "Web", version 1: turn 1 of 2')
    event = Event.objects.get(name="Lead.Assigned", target=lead.pk)
    assert event.actor == rule.pk
    assert not RuleAttempt.objects.exists()
    assert Lead.get(leads["C"].pk).owner_id is Lead.get(leads["D"].pk).owner_id is None
    rule.update(is_active=False)
    problem(api.call("POST", f"/rules/{rule.pk}/runs"), 409, "conflict")


def test_the_browser_gives_away_what_is_there(places, people, cleo):
    lead = came(WEDNESDAY)
    rule = gives(how="Person", person=people.bob)
    cleo.get(f"/~acme/admin/crm/rule/{rule.pk}/run/")
    assert Lead.get(lead.pk).owner_id is None
    assert cleo.post(f"/~acme/admin/crm/rule/{rule.pk}/run/").status_code == 302
    runs.work()
    assert Lead.get(lead.pk).owner_id == people.bob.pk


def test_more_than_may_be_asked_for_is_refused(places, people, api, monkeypatch):
    for n in range(3):
        came(WEDNESDAY, f"L{n}")
    rule = gives(how="Person", person=people.bob)
    monkeypatch.setattr(runs, "MOST_ASKED", 2)
    problem(api.call("POST", f"/rules/{rule.pk}/runs"), 409, "conflict")
    assert not RuleAttempt.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_give_each_lead_once(users, people):
    team = Team.create(name="N")
    for member in (people.bob, people.cleo):
        TeamMember.create(team=team, member=member)
    for n in range(12):
        Lead.create(name=f"L{n}", source="x")
    rule = Rule.create(name="Web", condition=ALL, how="Turns", team=team)
    assert len(runs.run_on_what_is_there(rule)) == 12
    at_once(*[runs.work] * 4)
    runs.work()
    assert Event.objects.filter(name="Lead.Assigned").count() == 12
    got = Counter(Lead.objects.values_list("owner", flat=True))
    assert got == {people.bob.pk: 6, people.cleo.pk: 6}
