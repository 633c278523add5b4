"""A funnel's numbers: how many of those who began in a period took each step.

Who is counted at a step took all before it, in order. The first step falls in the period, the others whenever
they came since. Steps that records take are counted of the records that there are and that the actor sees;
what visitors did, a tracked event, belongs to no owner and no campaign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry
from headlessly.errors import InvalidFilter, NotFound
from headlessly.query.named_reports import Column, Measured, Row, percent, reports
from headlessly.query.report_answers import read_slice
from headlessly.query.reports import Records, Slice
from marketing import funnels
from marketing.models import Funnel

PARAMETERS = ("funnel", "steps", "period", "from", "to", "owner", "campaign", "asOf")
COLUMNS = (
    Column("count", gettext_lazy("How many"), "number"),
    Column("share", gettext_lazy("Of all"), "percent"),
    Column("ofStepBefore", gettext_lazy("Of the step before"), "percent"),
)
#: As many records are in the list behind a step, those that took it last.
MOST_LISTED = 200


@dataclass(frozen=True)
class Question:
    """The steps, each a name and an event, and what they are asked of."""

    steps: list[tuple[str, str]]
    slice: Slice
    funnel: Funnel | None = None

    @property
    def noun(self) -> type[Record] | None:
        """Whose records take the steps; None for visitors."""
        event = self.steps[0][1]
        return registry.get(event.partition(".")[0]) if funnels.VERB_EVENT.match(event) else None


def read_question(given: Mapping[str, str]) -> Question:
    """What is asked. Raises InvalidFilter that names the parameter and what is allowed."""
    steps, funnel = _read_steps(given)
    slice = read_slice(
        {name: text for name, text in given.items() if name not in ("funnel", "steps")}
    )
    question = Question(steps, slice, funnel)
    for name in slice.narrowed:
        noun = question.noun
        if noun is None or (name not in noun.schema.references and name != "owner"):
            raise InvalidFilter(
                _("%(name)s: what takes the step %(step)s has none. Leave it out.")
                % {"name": name, "step": steps[0][1]},
                field=name,
            )
    return question


def _read_steps(given: Mapping[str, str]) -> tuple[list[tuple[str, str]], Funnel | None]:
    if text := given.get("steps"):
        steps: Any = [
            {"name": f"{number}. {event.strip()}", "event": event.strip()}
            for number, event in enumerate(text.split(","), 1)
        ]
        if problem := funnels.steps_problem(steps):
            raise InvalidFilter(f"steps: {problem}", field="steps")
        return [(step["event"], step["event"]) for step in steps], None
    if not (id := given.get("funnel")):
        raise InvalidFilter(
            _("funnel: say which by its id, or which steps: steps=Lead.Created,Lead.Converted."),
            field="funnel",
        )
    try:
        funnel = Funnel.get(id)
    except NotFound as problem:
        raise InvalidFilter(f"funnel: {problem.message}", field="funnel") from None
    found = funnels.ordered_steps(funnel.steps)
    if not found:
        raise InvalidFilter(_("funnel: it has no steps yet."), field="funnel")
    return [(step["name"], step["event"]) for step in found], funnel


def measure_funnel(question: Question) -> Measured:
    """How many took each step, and in percent of all and of the step before; the value is how many in 100 of
    those who began took all. One statement."""
    slice, noun, events = question.slice, question.noun, [event for _name, event in question.steps]
    first, end = slice.period.bounds
    condition, parameters = "AND timestamp >= %s AND timestamp < %s", [first, end]
    if noun is not None:
        whose = slice.records(noun).queryset().values_list(slice.scope(noun).key)
        try:
            sql, more = whose.query.sql_with_params()
        except EmptyResultSet:
            sql, more = "NULL", ()
        condition, parameters = f"{condition} AND target IN ({sql})", [*parameters, *more]
    wanted = ", ".join(
        f"(SELECT count(*) FROM step_{n}), (SELECT array_agg(who) FROM (SELECT who FROM step_{n} "
        f"ORDER BY timestamp DESC, seq DESC LIMIT {MOST_LISTED}) AS latest)"
        for n in range(1, len(events) + 1)
    )
    found = funnels.follow_steps(events, wanted, begin=(condition, parameters), until=slice.as_of)
    counts, lists = found[::2], found[1::2]
    begun, before = counts[0], None
    rows: list[Row] = []
    for (name, event), count, ids in zip(question.steps, counts, lists, strict=True):
        records = None
        if noun is not None and ids:
            records = Records(noun, {"$id__in": ",".join(ids)}, slice.as_of)
        rows.append(
            Row(
                event,
                name,
                {
                    "count": count,
                    "share": percent(count, begun),
                    "ofStepBefore": None if before is None else percent(count, before),
                },
                {"count": records},
            )
        )
        before = count
    return Measured(percent(counts[-1], begun), rows=rows)


def answer_funnel(given: Mapping[str, str]) -> dict[str, Any]:
    """The numbers of a funnel as programs read them. Raises InvalidFilter."""
    question = read_question(given)
    period = question.slice.period
    said = reports.require("funnel").as_json() | measure_funnel(question).as_json()
    return said | {"period": {"from": period.first, "to": period.last}}
