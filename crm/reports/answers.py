"""How many first answers came within the time that rules set, by owner and by source."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.models import Contact, Lead, Rule
from crm.rules.active import active_rules
from headlessly.admin import display
from headlessly.query.named_reports import Column, Measured, Row, percent, reports
from headlessly.query.reports import Records, Slice, count_by, count_groups_of_both, record_names

#: Groups beyond this number are summed up as one.
MAX_GROUPS = 20
#: The answers that came too late, and those that are overdue.
MISSED = (Lead.Answer.LATE, Lead.Answer.MISSED)
COLUMNS = (
    Column("inTime", gettext_lazy("In time, in %"), "percent"),
    Column("met", gettext_lazy("In time"), "leads"),
    Column("missed", gettext_lazy("Too late"), "leads"),
    Column("waiting", gettext_lazy("Still waiting"), "leads"),
)


@dataclass
class Answers:
    """The number of leads by the outcome of their first answer."""

    counts: Counter[str] = field(default_factory=Counter)

    @property
    def met(self) -> int:
        return self.counts[Lead.Answer.MET]

    @property
    def missed(self) -> int:
        return sum(self.counts[each] for each in MISSED)

    @property
    def in_time(self) -> float | None:
        """The share of answers that came in time, in percent, among those whose outcome is known."""
        return percent(self.met, self.met + self.missed)

    @property
    def values(self) -> dict[str, float | None]:
        waiting = self.counts[Lead.Answer.WAITING]
        return {
            "inTime": self.in_time, "met": self.met, "missed": self.missed, "waiting": waiting
        }  # fmt: skip


def due_answers(slice: Slice) -> Records:
    """Returns the leads whose first answer was due in the period (answerDueAt)."""
    return slice.during(Lead, "answerDueAt")


def lists_of(who: Records) -> dict[str, Records | None]:
    """Returns the records behind each column."""
    met = who.where(answer__in=Lead.Answer.MET.value)
    return {
        "inTime": met,
        "met": met,
        "missed": who.where(answer__in=",".join(MISSED)),
        "waiting": who.where(answer__in=Lead.Answer.WAITING.value),
    }


def answers_by(slice: Slice, column: str) -> dict[str | None, Answers]:
    """Returns the outcomes of the period's first answers, by a column of the lead."""
    if slice.pair is None:
        return _answers_of(count_by(due_answers(slice), column, "answer"))
    both = slice.cached(_count_of_both, column, over_time=False)
    return _answers_of(both[slice is slice.pair[1]])


def _count_of_both(slice: Slice, column: str) -> tuple[dict[Any, int], dict[Any, int]]:
    """Returns the same for the previous period and the period, in one pass."""
    assert slice.pair is not None
    early, late = map(due_answers, slice.pair)
    return count_groups_of_both(early, late, "answerDueAt", column, "answer")


def _answers_of(counts: Mapping[tuple[str | None, str], int]) -> dict[str | None, Answers]:
    found: dict[str | None, Answers] = defaultdict(Answers)
    for (value, answer), count in counts.items():
        found[value].counts[answer] += count
    return found


def _are_expected() -> bool:
    """Whether a rule sets a time for first answers."""
    return bool(active_rules(Rule.Kind.FIRST_ANSWER))


@reports.declare(
    "answersByOwner",
    gettext_lazy("First answers by owner"),
    unit="percent",
    is_offered=_are_expected,
    row_title=gettext_lazy("Owner"),
    columns=COLUMNS,
)
def answers_by_owner(slice: Slice) -> Measured:
    """Of the leads that were to be answered first in the period (answerDueAt), by owner, how many were in the
    time that a rule said, and how many later or not yet though it is over. The value is the share in time."""
    found = slice.cached(answers_by, "owner_id")
    names = record_names(Contact, [id for id in found if id])
    said = {id: names.get(id, display.visible_name(None)) if id else _("Nobody") for id in found}
    return _measured(slice, found, said, "owner")


@reports.declare(
    "answersBySource",
    gettext_lazy("First answers by source"),
    unit="percent",
    is_offered=_are_expected,
    row_title=gettext_lazy("Source"),
    columns=COLUMNS,
)
def answers_by_source(slice: Slice) -> Measured:
    """Of the leads that were to be answered first in the period (answerDueAt), by source, how many were in
    the time that a rule said, and how many later or not yet though it is over. The value is the share in
    time."""
    found = slice.cached(answers_by, "source")
    return _measured(slice, found, {source: source or "" for source in found}, "source")


def _measured(
    slice: Slice, found: dict[str | None, Answers], names: dict[str | None, str], by: str
) -> Measured:
    order = sorted(found, key=lambda key: (key is None, -found[key].counts.total(), names[key]))
    whole, every = due_answers(slice), Answers()
    for each in found.values():
        every.counts.update(each.counts)
    rows = []
    for key in order[:MAX_GROUPS]:
        own = {f"{by}__isnull": "true"} if key is None else {by: key}
        rows.append(Row(key, names[key], found[key].values, lists_of(whole.where(**own))))
    if order[MAX_GROUPS:]:
        rest = Answers()
        for key in order[MAX_GROUPS:]:
            rest.counts.update(found[key].counts)
        rows.append(Row(None, _("All others"), rest.values, is_rest=True))
    return Measured(every.in_time, whole, rows=rows)
