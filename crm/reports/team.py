"""What each member of the team did in a period, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.models import Activity, Contact, Deal, Lead
from crm.reports.answers import Answers, answers_by, due_answers
from crm.reports.named import deals_won
from crm.reports.speed import median_responses
from headlessly.access import actors, tenancy
from headlessly.access.models import Membership
from headlessly.admin import display
from headlessly.query import money
from headlessly.query.filters import compile_filter
from headlessly.query.named_reports import Column, Measured, Row, percent, reports
from headlessly.query.reports import (
    Records,
    Slice,
    WithSome,
    as_one,
    count_by,
    count_groups_of_both,
    moment_text,
    record_names,
)

#: The filter of these numbers: the team of the owner.
TEAM = "owner.team"
COLUMNS = (
    Column("newLeads", gettext_lazy("New leads"), "leads", adds=True),
    Column("touched", gettext_lazy("Leads touched"), "leads", adds=True),
    Column("firstAnswer", gettext_lazy("First answer"), "seconds"),
    Column("answeredInTime", gettext_lazy("Answered in time"), "percent"),
    Column("conversions", gettext_lazy("Conversions"), "leads", adds=True),
    Column("won", gettext_lazy("Won"), "money", adds=True),
    Column("wonDeals", gettext_lazy("Deals won"), "deals", adds=True),
    Column("winRate", gettext_lazy("Win rate"), "percent"),
    Column("calls", gettext_lazy("Calls"), "activities", adds=True),
    Column("overdue", gettext_lazy("Overdue"), "activities", over_time=False, adds=True),
)
#: The moment that puts a counted record into a period. Each is counted by owner, deals by stage as well.
MOMENTS = {
    "newLeads": "createdAt",
    "conversions": "convertedAt",
    "endedDeals": "actualCloseDate",
    "calls": "completedAt",
}
#: The leads with whom somebody did something: with a completed activity that did not come from the lead. That
#: a lead came in or wrote is no touch of ours.
TOUCHED = WithSome(
    Lead,
    "activities",
    "completedAt",
    {"status": Activity.Status.COMPLETED, "direction": {"$ne": Activity.Direction.INBOUND}},
)


def _counted(slice: Slice) -> dict[str, Records]:
    """Returns the records that are counted, by what they count for."""
    won = deals_won(slice)
    return {
        "newLeads": slice.during(Lead, "createdAt"),
        "touched": TOUCHED.during(slice),
        "conversions": slice.during(Lead, "convertedAt"),
        "wonDeals": won,
        "answeredInTime": due_answers(slice).where(answer__in=Lead.Answer.MET.value),
        "lostDeals": won.where(stage__in=",".join(Deal.LOST)),
        "endedDeals": won.where(stage__in=",".join([*Deal.WON, *Deal.LOST])),
        "calls": slice.during(Activity, "completedAt", status__in="Completed", type__in="Call"),
        "overdue": _overdue(slice),
    }


def _overdue(slice: Slice) -> Records:
    """Returns the activities that are open and overdue, whatever the period."""
    now = "now" if slice.as_of is None else moment_text(slice.as_of)
    return slice.records(Activity, status__in=",".join(Activity.OPEN), dueAt__lt=now)


def _count_overdue(slice: Slice) -> Mapping[str | None, int]:
    overdue = _overdue(slice)
    return count_by(overdue, *_columns(overdue))


@reports.declare(
    "team",
    gettext_lazy("Team"),
    unit="leads",
    icon="groups",
    row_title=gettext_lazy("Owner"),
    columns=COLUMNS,
)
def measure_team(slice: Slice) -> Measured:
    """What each owner did in the period: leads of theirs created in it, with an activity completed in it that
    did not come from them (direction), and converted in it;
    the median time from the creation of a lead to its first touch, of the latest 1,000 leads; of those that
    a rule wanted answered in it the share that was, in time; deals won in it
    (actualCloseDate), what they are worth, and their part of those won or lost; calls completed in it.
    Overdue is what is open and due, whatever the period. The value is how many leads were created."""
    counted = _counted(slice)
    by_owner = _count_of_period(slice, counted)
    by_owner["overdue"] = slice.cached(_count_overdue, over_time=False)
    ended = by_owner.pop("endedDeals")
    by_owner["wonDeals"] = _count_at_stages(ended, Deal.WON)
    lost = _count_at_stages(ended, Deal.LOST)
    worth = _won_amounts(slice)
    answers, promised = slice.cached(median_responses), slice.cached(answers_by, "owner_id")
    people = {each for counts in by_owner.values() for each in counts} | {*promised, *lost}
    members = set() if actors.current().limited else slice.cached(_members, over_time=False)
    if not slice.narrowed.keys() - {TEAM}:
        people |= members
    names = slice.cached(_names, frozenset(people), over_time=False)
    nobody, hidden = _("Nobody"), display.visible_name(None)
    rows = []
    for person in people:
        counts = {name: each.get(person, 0) for name, each in by_owner.items()}
        values: dict[str, Any] = {
            **counts,
            "firstAnswer": answers.get(person),
            "answeredInTime": promised[person].in_time if person in promised else None,
            "won": worth.get(person, money.Amounts(tenancy.require().currency)),
            "winRate": percent(counts["wonDeals"], counts["wonDeals"] + lost[person]),
        }
        name = names.get(person, hidden) if person else nobody
        lists, colleague = partial(_lists, counted, person), person if person in members else None
        rows.append(Row(person, name, values, lists, colleague=colleague))
    rows.sort(key=lambda row: (row.key is None, -_size(row), row.name))
    every = sum(by_owner["newLeads"].values())
    expected, won_deals = Answers(), sum(by_owner["wonDeals"].values())
    for each in promised.values():
        expected.counts.update(each.counts)
    together = {
        "answeredInTime": expected.in_time,
        "winRate": percent(won_deals, won_deals + lost.total()),
    }
    return Measured(
        every, counted["newLeads"], rows=rows, together=together, lists=_by_column(counted)
    )


def _members(slice: Slice) -> set[str]:
    """Returns the people who sell, within the team of the slice if it names one."""
    linked = Membership.objects.filter(
        tenant=tenancy.require(), contact__isnull=False, role__in=("rep", "manager")
    )
    found = set(linked.values_list("contact", flat=True))
    if TEAM in slice.narrowed:
        scope = slice.scope(Contact)
        inside = scope.queryset().filter(compile_filter(scope, {"team": slice.narrowed[TEAM]}))
        found &= set(inside.values_list(scope.key, flat=True))
    return found


def _names(_slice: Slice, people: frozenset[str | None]) -> dict[str, str]:
    return record_names(Contact, people)


def _count_of_period(slice: Slice, counted: Mapping[str, Records]) -> dict[str, Mapping[Any, int]]:
    """Returns the counts of the period, each by owner, and those of ended deals by owner and stage."""
    if slice.pair is None:
        wanted = (*MOMENTS, "touched")
        return {name: count_by(counted[name], *_columns(counted[name])) for name in wanted}
    of_both = slice.cached(_count_of_both, over_time=False)
    return {name: counts[slice is slice.pair[1]] for name, counts in of_both.items()}


def _count_of_both(slice: Slice) -> dict[str, tuple[dict[Any, int], dict[Any, int]]]:
    """Returns the same for the previous period and the period."""
    assert slice.pair is not None
    early, late = map(_counted, slice.pair)
    found = {
        name: count_groups_of_both(early[name], late[name], moment, *_columns(late[name]))
        for name, moment in MOMENTS.items()
    }
    return found | {"touched": TOUCHED.count_of_both(slice.pair, *_columns(late["touched"]))}


def _won_amounts(slice: Slice) -> dict[str | None, money.Amounts]:
    """Returns the value of the deals that each owner won."""
    if slice.pair is None:
        won = deals_won(slice).queryset()
        found = money.sum_amounts(won, "value", by=("owner_id",), as_of=slice.as_of)
        return {owner: amounts for (owner,), (amounts,) in found.items()}
    return slice.cached(_won_amounts_of_both, over_time=False)[slice is slice.pair[1]]


def _won_amounts_of_both(slice: Slice) -> tuple[dict[str | None, money.Amounts], ...]:
    """Returns the same for the previous period and the period."""
    assert slice.pair is not None
    early, late = map(deals_won, slice.pair)
    both, is_early = as_one(early, late, MOMENTS["endedDeals"])
    won = both.queryset().annotate(_late=ExpressionWrapper(~is_early, BooleanField()))
    found: tuple[dict[str | None, money.Amounts], ...] = ({}, {})
    for (owner, is_late), (amounts,) in money.sum_amounts(
        won, "value", by=("owner_id", "_late"), as_of=slice.as_of
    ).items():
        found[is_late][owner] = amounts
    return found


def _count_at_stages(
    ended: Mapping[tuple[str | None, str], int], stages: Collection[str]
) -> Counter[str | None]:
    """Returns how many deals of each owner ended at one of these stages."""
    found: Counter[str | None] = Counter()
    for (owner, stage), count in ended.items():
        if stage in stages:
            found[owner] += count
    return found


def _columns(records: Records) -> tuple[str, ...]:
    """Returns the columns by which records are counted: the owner, and for deals the stage."""
    owner = records.noun.schema.owner
    assert owner is not None
    return (owner.column, "stage") if records.noun is Deal else (owner.column,)


def _lists(counted: Mapping[str, Records], person: str | None) -> dict[str, Records | None]:
    found: dict[str, Records | None] = {}
    for name, records in counted.items():
        owner = records.noun.schema.owner
        assert owner is not None
        own = {f"{owner.wire}__isnull": "true"} if person is None else {owner.wire: person}
        found[name] = records.where(**own)
    return _by_column(found)


def _by_column(counted: Mapping[str, Records | None]) -> dict[str, Records | None]:
    """The records that are counted, by the columns that show something of them."""
    return {
        **counted,
        "won": counted["wonDeals"],
        "winRate": counted["endedDeals"],
        "firstAnswer": counted["newLeads"],
    }


def _size(row: Row) -> float:
    """Returns the key for sorting rows: the value that was won, else the number of new leads."""
    won = row.values["won"]
    assert isinstance(won, money.Amounts)
    return float(won.converted or 0) or float(row.values["newLeads"] or 0) / 1e9  # type: ignore[arg-type]
