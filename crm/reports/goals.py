"""How far people have come with their goals. It is calculated, never stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q

from crm.models import Activity, Deal, Goal, Lead
from crm.reports.deals import won_stages
from headlessly.access import actors
from headlessly.declaration import days
from headlessly.language.moments import months_on
from headlessly.query import money
from headlessly.query.money import Amounts, add_amounts
from headlessly.query.reports import Records, Slice, moment_text
from headlessly.query.scope import Scope

#: The most goals that are shown and measured at once.
MAX_GOALS = 500


def _won_deals(first: date, end: date) -> Records:
    """Returns the deals won in the period, by actualCloseDate."""
    return Records(
        Deal,
        {
            "stage__in": won_stages(),
            "actualCloseDate__gte": f"{first}",
            "actualCloseDate__lt": f"{end}",
        },
    )


def _conversions(first: date, end: date) -> Records:
    """Returns the leads converted in the period, by convertedAt, whenever they were created."""
    return Records(Lead, _moments("convertedAt", first, end))


def _leads_created(first: date, end: date) -> Records:
    """Returns the leads created in the period, by createdAt, whatever became of them."""
    return Records(Lead, _moments("createdAt", first, end))


def _activities_done(first: date, end: date) -> Records:
    """Returns the activities completed in the period, by completedAt. They count for their assignee."""
    return Records(Activity, {"status__in": "Completed"} | _moments("completedAt", first, end))


def _moments(name: str, first: date, end: date) -> dict[str, str]:
    since, until = (moment_text(days.start_of_day(day)) for day in (first, end))
    return {f"{name}__gte": since, f"{name}__lt": until}


#: The records that each measure counts. The value of won deals is the sum of these deals.
COUNTED: dict[str, Callable[[date, date], Records]] = {
    Goal.Measure.WON_VALUE: _won_deals,
    Goal.Measure.WON_DEALS: _won_deals,
    Goal.Measure.CONVERSIONS: _conversions,
    Goal.Measure.LEADS_CREATED: _leads_created,
    Goal.Measure.ACTIVITIES_DONE: _activities_done,
}


@dataclass(frozen=True)
class Attainment:
    """What has been reached of a goal so far."""

    goal: Goal
    #: The number, or the value in the tenant's currency. None if a rate is missing, and for everybody's goal
    #: if the reader may not see what everybody did.
    reached: Decimal | None
    records: Records | None  #: the records that were counted
    amounts: Amounts | None = None  #: for a value: by currency, and with the rates used

    @property
    def share(self) -> Decimal | None:
        """The reached part of the target: 1 is all of it."""
        return None if self.reached is None else self.reached / Decimal(str(self.goal.target))

    def elapsed(self, today: date) -> float:
        """Returns the part of the goal's days that is over at the end of `today`, from 0 to 1."""
        first, end = self.goal.start_date, self.goal.end_date
        return min(max(((today - first).days + 1) / (end - first).days, 0), 1)

    def standing(self, today: date) -> str:
        """Returns ``reached``, ``on track``, ``behind`` or ``missed``; empty if it is not known.

        A goal is on track if the reached part of the target is at least the part of the days that is over.
        """
        if self.share is None:
            return ""
        if self.share >= 1:
            return "reached"
        if today >= self.goal.end_date:
            return "missed"
        return "on track" if float(self.share) >= self.elapsed(today) else "behind"


def attainments(goals: Iterable[Goal], as_of: datetime | None = None) -> list[Attainment]:
    """Returns what has been reached of each goal, in one statement for all goals of a measure and period.

    A person's goal counts the records that they own, and the activities assigned to them; everybody's goal
    counts all. Values are those of won deals, each converted at the rate of the day on which it was won. With
    `as_of` it is what had been reached at that moment.
    """
    goals = list(goals)[:MAX_GOALS]
    groups: dict[tuple[str, date, date], list[Goal]] = defaultdict(list)
    for goal in goals:
        groups[goal.measure, goal.start_date, goal.end_date].append(goal)
    found: dict[str, Attainment] = {}
    for (measure, first, end), mine in groups.items():
        counted = replace(COUNTED[measure](first, end), as_of=as_of)
        found |= _measure(measure, counted, mine)
    return [found[goal.pk] for goal in goals]


def _measure(measure: str, records: Records, goals: list[Goal]) -> dict[str, Attainment]:
    owner = records.noun.schema.owner
    assert owner is not None, "What goals count belongs to somebody."
    rows = records.queryset()
    if all(goal.owner_id for goal in goals):
        rows = rows.filter(Q(**{f"{owner.column}__in": {goal.owner_id for goal in goals}}))
    by_owner: dict[str | None, Any] = {}
    if measure == Goal.Measure.WON_VALUE:
        sums = money.sum_amounts(rows, "value", by=(owner.column,), as_of=records.as_of)
        by_owner = {key[0]: amounts[0] for key, amounts in sums.items()}
    else:
        counted = rows.values(owner.column).annotate(how_many=Count("*"))
        by_owner = dict(counted.values_list(owner.column, "how_many"))
    sees_all = not actors.current().limited
    found = {}
    for goal in goals:
        if goal.owner_id is None and not sees_all:
            found[goal.pk] = Attainment(goal, None, None)
            continue
        mine = by_owner if goal.owner_id is None else {goal.owner_id: by_owner.get(goal.owner_id)}
        who = records if goal.owner_id is None else records.where(**{owner.wire: goal.owner_id})
        parts = [part for part in mine.values() if part is not None]
        if measure == Goal.Measure.WON_VALUE:
            total = add_amounts(parts)
            found[goal.pk] = Attainment(goal, total.converted, who, total)
        else:
            found[goal.pk] = Attainment(goal, Decimal(sum(parts)), who)
    return found


def goals_under_way(slice: Slice) -> list[Attainment] | None:
    """Returns the goals whose period contains the last day of the slice, the shortest periods first.

    These are the goals of the slice's owner, else all that the actor may see. Returns None for a slice that
    is narrowed by something else than a person.
    """
    if set(slice.narrowed) - {"owner"}:
        return None
    asked = [
        goal for goal in goals_on(slice.period.last, slice.as_of) if _is_asked_for(goal, slice)
    ]
    return attainments(asked, slice.as_of)


def _is_asked_for(goal: Goal, slice: Slice) -> bool:
    return "owner" not in slice.narrowed or goal.owner_id == slice.narrowed["owner"]


def goals_on(day: date, as_of: datetime | None = None) -> list[Goal]:
    """Returns the goals whose period contains `day`, as they were at a moment.

    The shortest periods come first, and everybody's goals before those of people.
    """
    month, wanted = day.replace(day=1), Q()
    for period in Goal.Period:
        since = months_on(month, 1 - days.STRETCHES[period.lower()])
        wanted |= Q(period=period, start_date__gte=since, start_date__lte=month)
    scope = Scope(Goal, as_of)
    rows = scope.queryset().filter(wanted).order_by("-created_at", scope.key)[:MAX_GOALS]
    found: list[Goal] = [row if as_of is None else row.as_record() for row in rows]
    order, measures = list(map(str, Goal.Period)), list(map(str, Goal.Measure))
    found.sort(
        key=lambda g: (order.index(g.period), measures.index(g.measure), g.owner_id is not None)
    )
    return found
