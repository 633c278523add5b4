"""A cohort of leads: how far they came, from which sources, owners and campaigns, and why leads were lost."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from crm.models import Lead
from headlessly.query import series
from headlessly.query.reports import Records, Slice

#: Groups beyond this number are summed up as one.
MAX_GROUPS = 20
#: The fields of a lead by which conversion is grouped.
GROUPED_BY = ("source", "owner", "campaign")
#: The columns by which a cohort is counted, and those by which lost leads are.
COHORT_BY, LOST_BY = ("status", "reached"), ("lost_reason",)
#: The conditions, in an address, for leads that reached Qualified and for those that are Converted.
QUALIFIED_CONDITION = {
    "reached__in": ",".join(Lead.schema.require_machine().from_on(Lead.Status.QUALIFIED))
}
CONVERTED_CONDITION = {"status__in": Lead.Status.CONVERTED.value}


def lead_cohort(slice: Slice) -> Records:
    """Returns the leads created in the period that are not deleted: each once, wherever it stands now."""
    return slice.during(Lead, "createdAt")


@dataclass(frozen=True)
class Stage:
    """A stage of the funnel: how many leads came this far, and how many of them were lost here."""

    state: str
    reached: int
    lost: int
    who: Records
    who_lost: Records


@dataclass(frozen=True)
class Funnel:
    """The stages of a cohort in order. The first one holds all its leads."""

    stages: tuple[Stage, ...]

    @property
    def all(self) -> int:
        return self.stages[0].reached

    def stage(self, state: str) -> Stage:
        return next(stage for stage in self.stages if stage.state == state)


def _counted_over_time(
    slice: Slice, name: str, columns: tuple[str, ...]
) -> Counter[tuple[Any, ...]]:
    parts = slice.cached(series.groups_by_part, Lead, name, *columns)
    return sum(parts, Counter())


def lead_funnel(slice: Slice) -> Funnel:
    """Returns how many leads of the cohort came how far, in leads.

    A lead has reached a stage if it stands there or further on, or ever did: lost or reopened leads stay in
    the furthest stage that they reached (``reached``, see docs/decisions/0016). So the stages never grow from
    one to the next. One pass over the cohort counts it over time as well.
    """
    whole, machine = lead_cohort(slice), Lead.schema.require_machine()
    ends: dict[str, int] = defaultdict(int)
    lost: dict[str, int] = defaultdict(int)
    for (state, reached), count in _counted_over_time(slice, "createdAt", COHORT_BY).items():
        furthest = machine.furthest(state, reached)
        ends[furthest] += count
        if state == Lead.Status.LOST:
            lost[furthest] += count
    stages = []
    for state in machine.path:
        further = machine.from_on(state)
        came = sum(ends[each] for each in further)
        who = whole if further == machine.path else whole.where(reached__in=",".join(further))
        ended = whole.where(status__in=Lead.Status.LOST.value, reached__in=state)
        stages.append(Stage(state, came, lost[state], who, ended))
    return Funnel(tuple(stages))


@dataclass(frozen=True)
class Group:
    """The leads of a cohort with one value of a field, with none (None), or with any of the remaining
    values."""

    value: str | None
    leads: int
    qualified: int
    converted: int
    who: Records | None
    who_qualified: Records | None
    who_converted: Records | None
    is_rest: bool = False


def conversion_by_field(slice: Slice, by: str) -> list[Group]:
    """Returns the numbers of leads, Qualified and Converted, by source, owner or campaign.

    `by` is one of :data:`GROUPED_BY`. The largest groups come first, and all others are summed up as one. One
    pass over the cohort counts all three groupings.
    """
    wire = Lead.schema.by_name[by].wire
    whole = lead_cohort(slice)
    qualified, converted = whole.where(**QUALIFIED_CONDITION), whole.where(**CONVERTED_CONDITION)
    rows = slice.cached(_conversions)[by]
    first, others = rows[:MAX_GROUPS], rows[MAX_GROUPS:]
    groups = []
    for value, *counts in first:
        own = {f"{wire}__isnull": "true"} if value is None else {f"{wire}__exact": value}
        groups.append(
            Group(value, *counts, *(r.where(**own) for r in (whole, qualified, converted)))
        )
    if others:
        leads, came, won = (sum(column) for column in list(zip(*others, strict=True))[1:])
        but = _all_other_values(wire, [value for value, *_ in first])
        who, who_came, who_won = (
            None if but is None else r.where(**but) for r in (whole, qualified, converted)
        )
        groups.append(Group(None, leads, came, won, who, who_came, who_won, is_rest=True))
    return groups


def _conversions(slice: Slice) -> dict[str, list[tuple[Any, ...]]]:
    """Returns the groups by each field: its value, leads, those that reached Qualified, those Converted."""
    columns = {by: Lead.schema.by_name[by].column for by in GROUPED_BY}
    parts = {
        "came": Records(Lead, QUALIFIED_CONDITION, slice.as_of).condition,
        "won": Records(Lead, CONVERTED_CONDITION, slice.as_of).condition,
    }
    found = lead_cohort(slice).count_groups_by_each(*columns.values(), parts=parts)
    return {by: found[column] for by, column in columns.items()}


def _all_other_values(wire: str, values: list[str | None]) -> dict[str, str] | None:
    """Returns the condition for all other values, or None if an address cannot express it.

    An address separates values by commas, so a value that contains one cannot be excluded.
    """
    given = [value for value in values if value is not None]
    if any("," in value for value in given):
        return None
    there = {f"{wire}__isnull": "false"} if None in values else {}
    return there | ({f"{wire}__nin": ",".join(given)} if given else {})


@dataclass(frozen=True)
class Reason:
    """Why leads were lost, in the words of the person who gave up; None if they gave no reason."""

    text: str | None
    leads: int
    who: Records | None
    is_rest: bool = False


def lost_leads(slice: Slice) -> Records:
    """Returns the leads lost in the period and not reopened since, whenever they were created."""
    return slice.during(Lead, "lostAt")


def count_lost(slice: Slice) -> int:
    return _counted_over_time(slice, "lostAt", LOST_BY).total()


def lost_reasons(slice: Slice) -> list[Reason]:
    """Returns how many leads were lost in the period by reason, the most frequent first, in leads."""
    whole = lost_leads(slice)
    counted = _counted_over_time(slice, "lostAt", LOST_BY)
    rows = [(text, count) for (text,), count in counted.items()]
    rows.sort(key=lambda row: (-row[1], row[0] is None, row[0]))
    first, others = rows[:MAX_GROUPS], rows[MAX_GROUPS:]
    reasons = []
    for text, count in first:
        own = {"lostReason__isnull": "true"} if text is None else {"lostReason__exact": text}
        reasons.append(Reason(text, count, whole.where(**own)))
    if others:
        but = _all_other_values("lostReason", [text for text, _ in first])
        who = None if but is None else whole.where(**but)
        reasons.append(Reason(None, sum(count for _, count in others), who, is_rest=True))
    return reasons
