"""The numbers of sales: a small world counted by hand, then random ones counted in plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from random import Random
from statistics import median
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.db import connection
from django.db.models import Count

from crm import Activity, Contact, Deal, Lead, Pipeline, reports
from headlessly.access import actors, tenancy
from headlessly.access.actors import Actor
from headlessly.context import clock
from headlessly.context.tenant_scope import every_tenant
from headlessly.declaration import days
from headlessly.log.events import Event
from headlessly.query import periods, querystring, reads
from headlessly.query.reports import Records, Slice, Spread

DAY = 86_400
MARCH = periods.Period(
    date(2025, 3, 1), date(2025, 4, 1), "March", date(2025, 2, 1), date(2025, 3, 1), "February"
)


@contextmanager
def on(month: int, day: int, hour: int = 10) -> Iterator[None]:
    with clock.set_clock(datetime(2025, month, day, hour, tzinfo=UTC), purpose="replay"):
        yield


def lead(month: int, day: int, name: str, **fields: Any) -> Lead:
    with on(month, day):
        return Lead.create(**{"name": name, "source": "website"} | fields)


def move(lead: Lead, month: int, day: int, *states: str, hour: int = 10) -> None:
    with on(month, day, hour):
        for state in states:
            lead.update(status=state)


def lose(lead: Lead, month: int, day: int, reason: str) -> None:
    with on(month, day):
        Lead.lose(lead.pk, lost_reason=reason)


def convert(lead: Lead, month: int, day: int) -> None:
    with on(month, day):
        Lead.convert(lead.pk)


@pytest.fixture
def world(people: SimpleNamespace, rival: Any) -> SimpleNamespace:
    """Six leads of March, one of February, one that was deleted, and the rival's."""
    bob, cleo, spring = people.bob, people.cleo, people.spring
    won = lead(3, 3, "Won", owner=bob, campaign=spring, contact=people.ada, budget=1_000)
    move(won, 3, 4, "Contacted")
    move(won, 3, 6, "Qualified")
    convert(won, 3, 13)
    called = lead(3, 5, "Called", owner=bob)
    with on(3, 5, 12):
        Activity.log(subject="A call", type="Call", lead=called)
    move(called, 3, 7, "Contacted")
    lose(called, 3, 20, "No budget")
    close = lead(3, 10, "Close", source="referral", owner=cleo, campaign=spring)
    move(close, 3, 12, "Contacted", "Qualified")
    lose(close, 4, 2, "Cheaper, they say")
    lead(3, 15, "Waiting", source="referral")
    spam = lead(3, 20, "Spam", source="event", owner=cleo)
    lose(spam, 3, 21, "No budget")
    again = lead(3, 25, "Again", source="event", owner=cleo)
    move(again, 3, 26, "Contacted", "Qualified")
    lose(again, 3, 27, "Timing")
    move(again, 3, 28, "New")
    gone = lead(3, 25, "Gone")
    Lead.delete(gone.pk)
    older = lead(2, 10, "Older", contact=people.ada, owner=bob)
    move(older, 2, 11, "Contacted", "Qualified")
    convert(older, 3, 10)
    with tenancy.active(rival):
        lead(3, 5, "Theirs", source="rivalsource")
    return people


@pytest.fixture
def march(world: SimpleNamespace) -> Slice:
    return Slice(MARCH)


def names(records: Records) -> set[str]:
    return {str(record) for record in records.queryset()}


def listed(records: Records) -> int:
    """How many records the list at the number's address has, read like REST and the lists read it."""
    conditions = []
    for name, text in parse_qsl(records.query.removeprefix("?"), strict_parsing=True):
        if name == "is":
            conditions += [records.noun.Surface.preset(slug) for slug in text.split(",")]
            continue
        path, lookup = querystring.parse_lookup(records.noun, name)
        several = querystring.field_at_path(records.noun, path).type in ("enum", "reference")
        if "__" not in name and text == "-":
            conditions.append({path: None})
        elif "__" not in name and several:
            conditions.append({path: {"$in": text.split(",")}})
        else:
            conditions.append(querystring.lookup_filter(records.noun, path, lookup, text))
    return reads.record_page(records.noun, conditions=conditions, count_all=True).total


# -- the cohort ------------------------------------------------------------------------------------


def test_the_funnel_has_each_lead_once_and_keeps_the_lost_where_they_were(march: Slice) -> None:
    found = reports.lead_funnel(march)
    assert [(s.state, s.reached, s.lost) for s in found.stages] == [
        ("New", 6, 1),
        ("Contacted", 4, 1),
        ("Qualified", 3, 1),
        ("Converted", 1, 0),
    ]
    assert names(found.stage("Qualified").who) == {"Won", "Close", "Again"}
    assert names(found.stage("Contacted").who_lost) == {"Called"}
    assert [s.reached for s in reports.lead_funnel(march.before).stages] == [1, 1, 1, 1]


def test_the_numbers_of_a_funnel_are_those_of_their_lists(march: Slice) -> None:
    for stage in reports.lead_funnel(march).stages:
        assert listed(stage.who) == stage.reached
        assert listed(stage.who_lost) == stage.lost


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("source", {"website": (2, 1, 1), "referral": (2, 1, 0), "event": (2, 1, 0)}),
        ("owner", {"Bob Stone": (2, 1, 1), "Cleo Marsh": (3, 2, 0), None: (1, 0, 0)}),
        ("campaign", {"Spring launch": (2, 2, 1), None: (4, 1, 0)}),
    ],
)
def test_conversion_is_told_by_source_owner_and_campaign(
    march: Slice, world: SimpleNamespace, by: str, expected: dict[str | None, tuple[int, ...]]
) -> None:
    known = {r.pk: str(r) for r in (world.bob, world.cleo, world.spring)}
    groups = reports.conversion_by_field(march, by)
    assert {
        known.get(g.value, g.value): (g.leads, g.qualified, g.converted) for g in groups
    } == expected
    for group in groups:
        assert listed(group.who) == group.leads
        assert listed(group.who_qualified) == group.qualified
        assert listed(group.who_converted) == group.converted


def test_what_is_rare_is_summed_up_and_still_has_its_list(
    march: Slice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.reports.leads.MAX_GROUPS", 1)
    for by in ("source", "owner", "campaign"):
        first, rest = reports.conversion_by_field(march, by)
        assert rest.is_rest and first.leads + rest.leads == 6
        assert listed(rest.who) == rest.leads
        assert listed(rest.who_qualified) == rest.qualified


def test_one_pass_counts_by_each_column_what_a_pass_for_each_would(march: Slice) -> None:
    columns = ("source", "owner_id", "campaign_id", "status")
    won = {"won": Records(Lead, {"status__in": "Converted"}).condition}
    for records in (
        reports.lead_cohort(march),
        reports.lead_cohort(march).where(source__exact="nowhere"),
    ):
        found = records.count_groups_by_each(*columns, parts=won)
        for column in columns:
            sums = {"won": Count("pk", filter=won["won"])}
            assert sorted(found[column], key=repr) == sorted(
                records.count_groups(column, more=sums), key=repr
            )
            counts = [count for _, count, _ in found[column]]
            assert counts == sorted(counts, reverse=True)


def test_the_conversions_of_a_slice_are_read_once_for_all_fields(
    march: Slice, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        for by in reports.leads.GROUPED_BY:
            assert sum(group.leads for group in march.cached(reports.conversion_by_field, by)) == 6


def test_a_slice_is_narrowed_to_an_owner_and_a_campaign(world: SimpleNamespace) -> None:
    def reached(**narrowed: str | None) -> list[int]:
        return [s.reached for s in reports.lead_funnel(Slice(MARCH, narrowed)).stages]

    assert reached(owner=world.cleo.pk) == [3, 2, 2, 0]
    assert reached(owner=None) == [1, 0, 0, 0]
    assert reached(owner=world.cleo.pk, campaign=world.spring.pk) == [1, 1, 1, 0]
    assert reached(campaign=None) == [4, 2, 1, 0]
    assert reached(owner="contact_nobodyknows") == [0, 0, 0, 0]


# -- speed and losses ------------------------------------------------------------------------------


def test_the_cycle_is_that_of_what_was_converted_in_the_period(march: Slice) -> None:
    found = reports.cycle_time(march)
    assert (found.count, found.median) == (2, 19 * DAY)
    assert (found.lower, found.upper) == (14.5 * DAY, 23.5 * DAY)
    assert reports.cycle_time(march.before) == Spread(0)
    assert names(reports.converted_leads(march)) == {"Won", "Older"}


def test_the_first_touch_is_an_activity_or_a_move_whichever_came_first(march: Slice) -> None:
    found = reports.first_response(march)
    assert (found.leads, found.all, found.is_sample) == (6, 6, False)
    # Won, Spam and Again a day, Close two, Called two hours by a call; nobody touched Waiting.
    assert (found.spread.count, found.spread.median) == (5, DAY)
    assert found.spread.tenth == pytest.approx(2 * 3600 + 0.4 * (DAY - 2 * 3600))


def test_the_first_touch_is_measured_on_the_latest_of_many(
    march: Slice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.reports.speed.SAMPLE_SIZE", 2)
    found = reports.first_response(march)
    assert found.is_sample and found.leads == 2
    assert found.spread.count == 2  # Again and Spam


def test_the_first_touch_is_looked_up_once_a_lead_however_much_is_made_of_it(
    march: Slice, django_assert_num_queries: Any
) -> None:
    march.cached(reports.lead_funnel)
    with django_assert_num_queries(1) as asked:
        march.cached(reports.first_response)
    assert plan_of(asked[0]["sql"]).count("on crm_lead_version") == 1


@pytest.mark.parametrize(
    ("report", "index"), [("cycle_time", "lead_by_converted"), ("lost_reasons", "lead_by_loss")]
)
def test_what_happened_in_a_period_is_read_from_an_index_alone(
    march: Slice, report: str, index: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1) as asked:
        getattr(reports, report)(march)
    # In a table of three rows any other would do as well; who owns it may drop them.
    with every_tenant(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'crm_lead' AND indexname LIKE 'lead\\_%%'"
            " AND indexname <> %s",
            [index],
        )
        cursor.execute(f"DROP INDEX {', '.join(name for (name,) in cursor.fetchall())}")
    assert f"Index Only Scan using {index} " in plan_of(asked[0]["sql"])


def plan_of(sql: str) -> str:
    """How the database goes about it where it does not just read the whole of a small table."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(line for (line,) in cursor.fetchall())


def test_reasons_are_those_of_what_was_lost_in_the_period_and_is_still(march: Slice) -> None:
    found = reports.lost_reasons(march)
    assert [(reason.text, reason.leads) for reason in found] == [("No budget", 2)]
    assert listed(found[0].who) == 2
    april = periods.period_between(date(2025, 4, 1), date(2025, 4, 30))
    (only,) = reports.lost_reasons(Slice(april))
    assert (only.text, only.leads, listed(only.who)) == ("Cheaper, they say", 1, 1)


# -- deals -----------------------------------------------------------------------------------------


@pytest.fixture
def deals(people: SimpleNamespace, rival: Any) -> None:
    today = days.today()
    later = {"expected_close_date": today + timedelta(days=400)}
    Deal.create(name="Own chance", value=1_000, probability=40, expected_close_date=today)
    Deal.create(name="Of its stage", value=500, stage="Proposal", owner=people.bob, **later)
    Deal.create(name="Late", value=200, expected_close_date=today - timedelta(days=1))
    Deal.create(name="No day", value=100, currency="EUR", campaign=people.spring)
    Deal.win(Deal.create(name="Won", value=9_000).pk)
    with tenancy.active(rival):
        Deal.create(name="Theirs", value=77_777)


def test_the_forecast_weighs_by_the_deals_chance_else_by_that_of_its_stage(
    acme: Any, deals: None
) -> None:
    found = reports.open_pipeline(Slice(MARCH))
    usd, eur = found.whole.amounts["USD"], found.whole.amounts["EUR"]
    assert (usd.deals, usd.value, usd.weighted) == (3, 1_700, 400 + 250 + 20)
    assert (eur.deals, eur.value, eur.weighted) == (1, 100, 10)
    assert found.currencies == ["USD", "EUR"]
    worth = {part.name: part.amounts.get("USD", reports.Amount()).value for part in found.stages}
    assert worth == {"Prospecting": 1_200, "Qualification": 0, "Proposal": 500, "Negotiation": 0}
    when = {part.name: part for part in found.months}
    assert list(when) == ["overdue", f"{days.today():%Y-%m}", "later", "undated"]
    for part in (*found.stages, *found.months, found.whole):
        assert listed(part.who) == sum(amount.deals for amount in part.amounts.values())


def test_the_tenants_pipeline_says_the_chances_and_when_something_is_stale(
    acme: Any, deals: None, people: SimpleNamespace
) -> None:
    Pipeline.create(
        name="Ours",
        is_default=True,
        deal_rotting=3,
        stages=[{"name": "Proposal", "probability": 80, "order": 1}, {"name": "Prospecting"}],
    )
    slice = Slice(MARCH)
    assert reports.open_pipeline(slice).whole.amounts["USD"].weighted == 400 + 400 + 20
    assert reports.pipeline_rules(slice).rotting == 3
    with clock.set_clock(clock.now() - timedelta(days=4), purpose="replay"):
        Lead.create(name="Forgotten", source="website", owner=people.bob)
        Deal.create(name="Sleeping", value=1, stage="Proposal")
    Lead.create(name="Fresh", source="website")
    found = reports.stale_by_state(slice)
    assert [(w.name, w.count) for w in found["Lead"] if w.count] == [("New", 1)]
    assert [(w.name, w.count) for w in found["Deal"] if w.count] == [("Proposal", 1)]
    assert names(reports.stale_leads(slice)) == {"Forgotten"}
    # The board and the view of what is going cold say the same.
    assert Lead.stale_after() == Deal.stale_after() == timedelta(days=3)
    assert "is=stale" in Lead.Surface.views["Going cold"]
    for waiting in (*found["Lead"], *found["Deal"]):
        assert listed(waiting.who) == waiting.count


def test_tasks_are_those_of_who_looks_or_of_whom_one_asks_for(
    acme: Any, people: SimpleNamespace
) -> None:
    now = clock.now()
    for away in (-1, 3, 30, None):
        due = None if away is None else now + timedelta(days=away)
        Activity.create(subject=f"In {away}", assignee=people.bob, due_at=due)
    Activity.cancel(Activity.create(subject="Off", assignee=people.bob).pk)
    slice = Slice(MARCH, {"owner": people.bob.pk})
    expected = {"overdue": 1, "today": 0, "this week": 1, "afterwards": 1, "undated": 1}
    assert {each.name: each.count for each in reports.open_tasks(slice)} == expected
    assert all(listed(each.who) == each.count for each in reports.open_tasks(slice))
    assert reports.open_tasks(Slice(MARCH)) is None  # the system is no contact
    bob = Actor("user_bob", "Bob", "rep", people.bob.pk)
    with actors.acting(bob):
        assert sum(each.count for each in reports.open_tasks(Slice(MARCH))) == 4


# -- who looks -------------------------------------------------------------------------------------


def test_a_limited_rep_counts_their_own_and_nobodys(world: SimpleNamespace) -> None:
    bob = Actor("user_bob", "Bob", "rep", world.bob.pk, limited=True)
    with actors.acting(bob):
        march = Slice(MARCH)
        assert [s.reached for s in reports.lead_funnel(march).stages] == [3, 2, 1, 1]
        assert {g.value: g.leads for g in reports.conversion_by_field(march, "owner")} == {
            world.bob.pk: 2,
            None: 1,
        }
        assert reports.first_response(march).spread.count == 2
        assert sum(reason.leads for reason in reports.lost_reasons(march)) == 1
        assert reports.lead_funnel(Slice(MARCH, {"owner": world.cleo.pk})).all == 0


def test_nothing_of_another_tenant_is_counted(world: SimpleNamespace, rival: Any) -> None:
    with tenancy.active(rival):
        march = Slice(MARCH)
        assert [s.reached for s in reports.lead_funnel(march).stages] == [1, 0, 0, 0]
        assert [g.value for g in reports.conversion_by_field(march, "source")] == ["rivalsource"]
        assert reports.cycle_time(march).count == 0
        assert not reports.open_pipeline(march).whole.amounts


# -- any history -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_any_history_is_counted_as_the_log_tells_it(
    acme: Any, people: SimpleNamespace, seed: int
) -> None:
    rng = Random(seed)
    start = datetime(2025, 3, 1, tzinfo=UTC)
    for number in range(12):
        moment = start + timedelta(days=rng.randint(-20, 40), hours=rng.randint(0, 23))
        source = rng.choice(["website", "a, b", "-"])
        with clock.set_clock(moment, purpose="replay"):
            lead = Lead.create(
                name=f"{number}", source=source, contact=people.ada,
                owner=rng.choice([people.bob, people.cleo, None]),
            )  # fmt: skip
        for _ in range(rng.randint(0, 7)):
            moment += timedelta(hours=rng.randint(1, 200))
            with clock.set_clock(moment, purpose="replay"):
                step(rng, lead)
    # Every lead from its events alone: the states that it was in, and when.
    told: dict[str, list[Any]] = {}
    for event in Event.objects.filter(target_type="Lead").order_by("seq"):
        told.setdefault(event.target, []).append(event)
    path = ["New", "Contacted", "Qualified", "Converted"]
    march = Slice(MARCH)
    first, end = MARCH.bounds
    counts, lost, by_source, waits, cycles = [0] * 4, [0] * 4, {}, [], []
    for events in told.values():
        states = [event.data["status"] for event in events]
        furthest = max(path.index(state) for state in states if state in path)
        if states[-1] == "Converted":
            done = next(e.timestamp for e in events if e.data["status"] == "Converted")
            if first <= done < end:
                cycles.append((done - events[0].timestamp).total_seconds())
        if not first <= events[0].timestamp < end:
            continue
        for number in range(furthest + 1):
            counts[number] += 1
        lost[furthest] += states[-1] == "Lost"
        source = events[0].data["source"]
        by_source[source] = by_source.get(source, 0) + 1
        if moves := [e.timestamp for e in events if e.data["status"] != "New"]:
            waits.append((moves[0] - events[0].timestamp).total_seconds())
    found = reports.lead_funnel(march)
    assert [stage.reached for stage in found.stages] == counts
    assert [stage.lost for stage in found.stages] == lost
    groups = reports.conversion_by_field(march, "source")
    assert {group.value: group.leads for group in groups} == by_source
    assert all(listed(group.who) == group.leads for group in groups)
    assert all(listed(stage.who) == stage.reached for stage in found.stages)
    response, cycle = reports.first_response(march).spread, reports.cycle_time(march)
    assert (response.count, response.median) == (len(waits), median(waits) if waits else None)
    assert (cycle.count, cycle.median) == (len(cycles), median(cycles) if cycles else None)


def step(rng: Random, lead: Lead) -> None:
    """Something that may happen to a lead where it stands."""
    onward = {"New": "Contacted", "Contacted": "Qualified", "Lost": "New"}
    if lead.status == "Converted" or rng.random() < 0.15:
        lead.update(score=rng.randint(0, 100))
    elif lead.status == "Qualified" and rng.random() < 0.5:
        lead.convert()
    elif lead.status != "Lost" and (lead.status == "Qualified" or rng.random() < 0.3):
        lead.lose(lost_reason=rng.choice(["No budget", "Timing, they say"]))
    else:
        lead.update(status=onward[lead.status])


def test_names_of_records_that_one_does_not_see_are_not_told(world: SimpleNamespace) -> None:
    from headlessly.query import reports as basis

    hushed = Contact.create(name="Hush", owner=world.cleo)
    bob = Actor("user_bob", "Bob", "rep", world.bob.pk, limited=True)
    assert basis.record_names(Contact, [hushed.pk, None]) == {hushed.pk: "Hush"}
    with actors.acting(bob):
        assert basis.record_names(Contact, [hushed.pk]) == {}
