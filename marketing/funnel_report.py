"""A funnel's numbers: how many of those who began in a period took each step.

Whoever is counted at a step took all steps before it, in order. The first step falls in the period, the
others at any time since. Steps of records are counted for existing records that the actor may see; what
visitors did, as tracked events, belongs to no owner and no campaign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from headlessly.admin import display
from headlessly.declaration import labels
from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter, NotFound
from headlessly.language import wording
from headlessly.query.named_reports import Column, Measured, Row, percent, reports
from headlessly.query.report_answers import read_slice
from headlessly.query.reports import Records, Slice, record_names
from marketing import funnels
from marketing.models import Funnel

PARAMETERS = (
    "funnel", "steps", "period", "from", "to", "owner", "owner.team", "campaign", "by", "asOf"
)  # fmt: skip
COLUMNS = (
    Column("count", gettext_lazy("How many"), "number"),
    Column("share", gettext_lazy("Of all"), "percent"),
    Column("ofStepBefore", gettext_lazy("Of the step before"), "percent"),
)
#: The most records in the list behind a step: those that took it last.
MOST_LISTED = 200
#: The most groups side by side, the largest ones; all others together are one more.
MOST_GROUPS = 12


@dataclass(frozen=True)
class Question:
    """The steps, each a name and an event, and the slice for which they are counted."""

    steps: list[tuple[str, str]]
    slice: Slice
    funnel: Funnel | None = None
    by: Field | None = None  #: the reference whose records are compared, step by step

    @property
    def noun(self) -> type[Record] | None:
        """The noun whose records take the steps; None for visitors."""
        event = self.steps[0][1]
        return registry.get(event.partition(".")[0]) if funnels.VERB_EVENT.match(event) else None


def read_question(given: Mapping[str, str]) -> Question:
    """Returns what is asked. Raises InvalidFilter, which names the parameter and what is allowed."""
    steps, funnel = _read_steps(given)
    slice = read_slice(
        {name: text for name, text in given.items() if name not in ("funnel", "steps", "by")}
    )
    question = Question(steps, slice, funnel)
    for name in slice.narrowed:
        noun = question.noun
        reference = name.partition(".")[0]
        if noun is None or (reference not in noun.schema.references and reference != "owner"):
            raise InvalidFilter(
                _("%(name)s: what takes the step %(step)s has none. Leave it out.")
                % {"name": name, "step": steps[0][1]},
                field=name,
            )
    return replace(question, by=_read_by(question, given.get("by")))


def _read_by(question: Question, name: str | None) -> Field | None:
    """Returns the reference by which funnels are compared. Raises InvalidFilter."""
    if not name:
        return None
    noun = question.noun
    allowed = [
        field.wire
        for field in reports.fields()
        if noun is not None and field.name in noun.schema.references
    ]
    if noun is None or name not in allowed:
        raise InvalidFilter(
            _("by: use one of %(names)s.") % {"names": ", ".join(allowed)}
            if allowed
            else _("by: what takes the step %(step)s has nothing to compare by. Leave it out.")
            % {"step": question.steps[0][1]},
            field="by",
        )
    return noun.schema.fields[name]


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


@dataclass(frozen=True)
class FunnelGroup:
    """The funnel of one owner's or campaign's records. Its rows are like those of the whole, without
    lists."""

    key: str | None  #: the id as an address gives it; None for records without one
    name: str
    rows: Sequence[Row]
    is_rest: bool = False  #: whether it sums up the groups beyond the limit

    def as_json(self) -> dict[str, Any]:
        rows = [row.as_json() for row in self.rows]
        for row in rows:
            del row["lists"]
        found = {"key": self.key, "name": self.name, "rows": rows}
        return found | ({"rest": True} if self.is_rest else {})


@dataclass(frozen=True)
class MeasuredFunnel:
    """The funnel of all, and of each group if they are compared."""

    whole: Measured
    groups: Sequence[FunnelGroup] | None = None


def measure_funnel(question: Question) -> MeasuredFunnel:
    """Returns how many took each step, in percent of all and of the previous step. One statement.

    The value is the percentage of those who began that took all steps.
    """
    slice, noun, events = question.slice, question.noun, [event for _name, event in question.steps]
    first, end = slice.period.bounds
    condition, parameters = "AND timestamp >= %s AND timestamp < %s", [first, end]
    if noun is not None:
        whose, more = _records_sql(question)
        condition, parameters = f"{condition} AND target IN ({whose})", [*parameters, *more]
    if question.funnel is not None:
        fits, more = funnels.criteria_condition(question.funnel.criteria)
        condition, parameters = f"{condition} {fits}", [*parameters, *more]
    wanted = ", ".join(
        f"(SELECT count(*) FROM step_{n}), (SELECT array_agg(who) FROM (SELECT who FROM step_{n} "
        f"ORDER BY timestamp DESC, seq DESC LIMIT {MOST_LISTED}) AS latest)"
        for n in range(1, len(events) + 1)
    )
    given: Sequence[Any] = ()
    if question.by is not None:
        compared, given = _groups_sql(question, question.by)
        wanted = f"{wanted}, {compared}"
    found = funnels.follow_steps(
        events, wanted, parameters=given, begin=(condition, parameters), until=slice.as_of
    )
    width = 2 * len(events)
    counts, lists = found[:width:2], found[1:width:2]
    records = [
        Records(noun, {"$id__in": ",".join(ids)}, slice.as_of) if noun is not None and ids else None
        for ids in lists
    ]
    whole = Measured(percent(counts[-1], counts[0]), rows=_rows(question, counts, records))
    if question.by is None:
        return MeasuredFunnel(whole)
    return MeasuredFunnel(whole, _groups(question, question.by, counts, found[width] or []))


def _rows(
    question: Question, counts: Sequence[int], records: Sequence[Records | None] = ()
) -> list[Row]:
    """Returns a row for each step: how many took it, in percent of all and of the previous step."""
    found: list[Row] = []
    for number, ((name, event), count) in enumerate(zip(question.steps, counts, strict=True)):
        values = {
            "count": count,
            "share": percent(count, counts[0]),
            "ofStepBefore": percent(count, counts[number - 1]) if number else None,
        }
        found.append(Row(event, name, values, {"count": records[number]} if records else {}))
    return found


def _records_sql(question: Question, *columns: str) -> tuple[str, Sequence[Any]]:
    """Returns SQL for the keys of the records that may take the steps, with the given columns."""
    slice, noun = question.slice, question.noun
    assert noun is not None
    whose = slice.records(noun).queryset().values_list(slice.scope(noun).key, *columns)
    try:
        return whose.query.sql_with_params()
    except EmptyResultSet:
        nothing = ", ".join(["NULL"] * (1 + len(columns)))
        return f"SELECT {nothing} WHERE false", ()


def _groups_sql(question: Question, by: Field) -> tuple[str, Sequence[Any]]:
    """Returns SQL for the counts of each step by group, the largest first, as JSON: ``[[id, [3, 2, 1]],
    ...]``."""
    whose, given = _records_sql(question, by.column)
    steps = range(2, len(question.steps) + 1)
    joined = " ".join(f"LEFT JOIN step_{n} ON step_{n}.who = step_1.who" for n in steps)
    counts = ", ".join(["count(*)", *(f"count(step_{n}.who)" for n in steps)])
    return (
        "(SELECT json_agg(json_build_array(key, counts)) FROM ("
        f"SELECT whose.key, array[{counts}] AS counts "
        f"FROM step_1 JOIN ({whose}) AS whose(who, key) ON whose.who = step_1.who {joined} "
        f"GROUP BY whose.key ORDER BY 2 DESC, 1 LIMIT {MOST_GROUPS}) AS largest)"
    ), given


def _groups(
    question: Question,
    by: Field,
    all_counts: Sequence[int],
    found: Sequence[tuple[str | None, Sequence[int]]],
) -> list[FunnelGroup]:
    names = record_names(by.target_noun, [key for key, _counts in found])
    without = _("No %(field)s") % {"field": wording.inside_sentence(labels.field_label(by))}
    unseen = display.visible_name(None)
    groups = [
        FunnelGroup(
            key, without if key is None else names.get(key, unseen), _rows(question, counts)
        )
        for key, counts in found
    ]
    rest = [
        count - sum(column)
        for count, column in zip(
            all_counts, zip(*(counts for _key, counts in found), strict=True), strict=False
        )
    ]
    if rest and rest[0]:
        groups.append(FunnelGroup(None, _("All others"), _rows(question, rest), is_rest=True))
    return groups


def answer_funnel(given: Mapping[str, str]) -> dict[str, Any]:
    """Returns the numbers of a funnel for programs. Raises InvalidFilter."""
    question = read_question(given)
    period = question.slice.period
    found = measure_funnel(question)
    said = reports.require("funnel").as_json() | found.whole.as_json()
    if found.groups is not None:
        said["groups"] = [group.as_json() for group in found.groups]
    return said | {"period": {"from": period.first, "to": period.last}}
