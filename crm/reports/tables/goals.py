"""The table of goals that are under way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from crm.models import Contact, Goal
from crm.reports.goals import Attainment, goals_under_way
from crm.reports.tables.deals import own_amount
from headlessly.admin import display
from headlessly.query import reports as basis
from headlessly.query.named_reports import Column, Measured, Row, Value, reports
from headlessly.query.reports import Slice

STANDINGS = {
    "reached": pgettext_lazy("goal", "reached"),
    "on track": pgettext_lazy("goal", "on track"),
    "behind": pgettext_lazy("goal", "behind"),
    "missed": pgettext_lazy("goal", "missed"),
    "": gettext_lazy("not to be said"),
}


@reports.declare(
    "goals",
    gettext_lazy("Goals"),
    unit="goals",
    row_title=gettext_lazy("Goal"),
    columns=(
        Column("share", gettext_lazy("Reached, in %"), "percent"),
        Column("reached", gettext_lazy("Reached"), "number or money"),
        Column("target", gettext_lazy("Target"), "number or money"),
        Column("standing", gettext_lazy("Standing"), "text"),
        Column("elapsed", gettext_lazy("Days over"), "percent"),
    ),
)
def measure_goals(slice: Slice) -> Measured:
    """What was reached of the goals whose period has the last day of the chosen one in it: reached, on track
    (at least the part of the target that is the part of the days over), behind, or missed. The value is how
    many there are."""
    found = slice.cached(goals_under_way)
    if found is None:
        return Measured(None, rows=())
    today = min(slice.today, slice.period.last)
    names = basis.record_names(Contact, (each.goal.owner_id for each in found))
    rows = [_goal_row(each, names, today) for each in found]
    return Measured(len(rows), rows=rows)


def _goal_row(found: Attainment, names: Mapping[str, str], today: date) -> Row:
    goal = found.goal
    is_money = goal.measure == Goal.Measure.WON_VALUE
    target = Decimal(str(goal.target))
    who = _("Everybody") if goal.owner_id is None else names.get(
        goal.owner_id, display.visible_name(None)
    )  # fmt: skip
    reached: Value = found.reached
    if is_money and found.amounts is not None:
        reached = found.amounts
    return Row(
        goal.pk,
        f"{who}: {goal}",
        {
            "share": None if found.share is None else float(found.share) * 100,
            "reached": reached,
            "target": own_amount(target) if is_money else target,
            "standing": str(STANDINGS[found.standing(today)]),
            "elapsed": found.elapsed(today) * 100,
        },
        {"share": found.records, "reached": found.records},
    )
