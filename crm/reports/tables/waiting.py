"""Tables of what waits: a row for each state, or for each time at which it is due."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from crm.models import Deal, Lead
from crm.reports.waiting import DUE, open_tasks, stale_by_state
from headlessly.declaration import labels
from headlessly.language import wording
from headlessly.query.named_reports import Column, Measured, Row, reports
from headlessly.query.reports import Slice


@reports.declare(
    "staleByState",
    gettext_lazy("Going stale by state"),
    unit="records",
    over_time=False,
    row_title=gettext_lazy("Standing"),
    columns=(Column("records", gettext_lazy("How many"), "records"),),
)
def measure_stale_by_state(slice: Slice) -> Measured:
    """The open leads and deals without activity (lastActivityAt) for as long as they may rest, by where they
    stand."""
    found = slice.cached(stale_by_state)
    rows = []
    for noun in (Lead, Deal):
        for each in found[noun.__name__]:
            state = wording.inside_sentence(wording.state_label(each.name))
            rows.append(
                Row(
                    f"{noun.__name__}.{each.name}",
                    f"{labels.noun_title(noun)}, {state}",
                    {"records": each.count},
                    {"records": each.who},
                )
            )
    return Measured(sum(each.count for parts in found.values() for each in parts), rows=rows)


DUE_LABELS = dict(
    zip(
        DUE,
        (
            gettext_lazy("Overdue"),
            gettext_lazy("Today"),
            gettext_lazy("Next 7 days"),
            gettext_lazy("Afterwards"),
            gettext_lazy("No date"),
        ),
        strict=True,
    )
)


@reports.declare(
    "openTasks",
    gettext_lazy("Open tasks"),
    unit="activities",
    over_time=False,
    row_title=gettext_lazy("Due"),
    columns=(Column("activities", gettext_lazy("Activities"), "activities"),),
)
def measure_open_tasks(slice: Slice) -> Measured:
    """The open activities of the owner asked for, else of whoever asks, by when they are due; none of
    somebody who is no contact here."""
    found = slice.cached(open_tasks)
    if found is None:
        return Measured(None, rows=())
    rows = [
        Row(
            each.name,
            str(DUE_LABELS[each.name]),
            {"activities": each.count},
            {"activities": each.who},
        )
        for each in found
    ]
    return Measured(sum(each.count for each in found), rows=rows)
