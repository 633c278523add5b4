"""Why a lead has its score: each line with what earned it, and what would be enough for the next threshold.

For a day in the past the score is counted again from the log, by the rule's version of that time. All records
count, but only those that the actor may see are named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import combinations
from typing import Any

from django.utils.translation import gettext as _

from crm.models import Lead, Rule
from crm.models.score_lines import Line, conditions_of
from crm.rules.score.counting import (
    Count,
    Earned,
    Model,
    count_scores,
    counted_records,
    score_models,
)
from headlessly.access import tenancy
from headlessly.context import clock
from headlessly.errors import InvalidFilter
from headlessly.log import versions
from headlessly.nouns import registry
from headlessly.query.record_operations import explains
from headlessly.query.scope import Scope

#: The most records that are named for a line, the latest ones; the rest is counted.
MOST_NAMED = 5
#: The most lines that are combined in the search for what would be enough.
MOST_CHANGES = 4

TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
NUMBER = {"type": ["number", "null"]}
MOMENT = {"type": "string", "format": "date-time"}
EARNED = {
    "type": "object",
    "properties": {
        "name": TEXT,
        "about": {"type": "string", "enum": ["fit", "engagement"]},
        "points": WHOLE,
        "holds": {"type": "boolean"},
        "count": WHOLE,
        "because": {
            "type": "array",
            "items": {"type": "object"},
            "description": "The fields by which it holds, or the latest that it counts and you see.",
        },
        "halfLife": NUMBER,
        "within": NUMBER,
        "cap": {"type": ["integer", "null"]},
    },
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Why a lead has its score. The points of the lines and `heldBack` add up to `counted`.",
    "properties": {
        "lead": TEXT,
        "score": NUMBER,
        "byHand": {"type": "boolean", "description": "Whether somebody set it against the rules."},
        "counted": {"type": ["integer", "null"], "description": "What the rule makes it."},
        "at": {**MOMENT, "description": "The moment of which it is counted."},
        "rule": {
            "type": ["object", "null"],
            "properties": {"$id": TEXT, "name": TEXT, "version": WHOLE},
        },
        "fit": WHOLE,
        "engagement": WHOLE,
        "lines": {"type": "array", "items": EARNED},
        "heldBack": {**WHOLE, "description": "What a score of 0 to 100 leaves out of the lines."},
        "threshold": {"type": ["string", "null"]},
        "next": {
            "type": ["object", "null"],
            "description": "The next threshold, and the fewest lines that would be enough; null for none.",
            "properties": {
                "name": TEXT,
                "from": WHOLE,
                "missing": WHOLE,
                "changes": {"type": ["array", "null"], "items": {"type": "object"}},
            },
        },
        "error": {"type": ["string", "null"], "description": "Why the rule cannot count."},
    },
}


@explains(Lead, "score", schema=SCHEMA, in_past=True)
def explain_score(id: str, as_of: datetime | None = None) -> dict[str, Any]:
    """Why a lead has its score: what each line brings, and by which field or record."""
    try:
        found, scope = counted_at(id, as_of)
    except InvalidFilter as problem:
        return _nothing(id, as_of) | {"error": problem.message}
    return _nothing(id, as_of) if found is None else describe_count(found, scope)


def counted_at(id: str, as_of: datetime | None) -> tuple[Count | None, Scope]:
    """Returns a lead's count of now or of a moment, and the scope in which its records are looked up.

    Raises InvalidFilter if the rule of that time is no longer valid.
    """
    if as_of is None:
        models, _needs = score_models()
        return next(count_scores([id], models, clock.now()), None), Scope(Lead)
    there = versions.versions_at(Lead, as_of).filter(record=id).order_by("-seq")
    row = there.values("scored_by", "scored_with", "scored_at").first()
    if row and row["scored_with"] and row["scored_at"] and row["scored_by"] != Lead.BY_HAND:
        moment = row["scored_at"]
        of_then = model_by_key(row["scored_with"])
        if of_then is not None:
            counts = count_scores([id], [of_then], moment, as_of=moment, whatever=True)
            return next(counts, None), Scope(Lead, moment)
    counts = count_scores([id], _models_at(as_of), as_of, as_of=as_of)
    return next(counts, None), Scope(Lead, as_of)


def model_by_key(key: str) -> Model | None:
    """Returns the model of ``rule@version``, or None."""
    rule, _at, version = key.partition("@")
    past = Rule.past.objects.filter(tenant=tenancy.require(), record=rule, version=int(version))
    found = past.order_by("seq").first()
    return None if found is None else Model.of_rule(found.as_record())


def _models_at(moment: datetime) -> tuple[Model, ...]:
    """Returns the score rules that were active at a moment, in the order in which they decided."""
    found = versions.versions_at(Rule, moment).filter(kind=Rule.Kind.SCORE, is_active=True)
    past = [each.as_record() for each in found.order_by("position", "created_at", "record")]
    return tuple(Model.of_rule(rule) for rule in past if rule.error is None)


# -- in words that programs read ----------------------------------------------------------------------


def describe_count(found: Count, scope: Scope) -> dict[str, Any]:
    """Returns a count in the form that JSON gives."""
    earned = any(each.holds for each in found.earned)
    record = scope.queryset().filter(**{scope.key: found.lead}).first() if earned else None
    said: dict[str, Any] = {
        "lead": found.lead,
        "score": found.score,
        "byHand": found.is_by_hand,
        "counted": None,
        "at": found.at,
        "rule": None,
        "fit": found.fit,
        "engagement": found.engagement,
        "lines": [_describe_line(found, each, scope, record) for each in found.earned],
        "heldBack": found.number - found.total if found.model else 0,
        "threshold": None,
        "next": None,
        "error": None,
    }
    if (model := found.model) is not None:
        reached = [name for name, least in model.thresholds if found.number >= least]
        said |= {
            "counted": found.number,
            "rule": {"$id": model.rule, "name": model.name, "version": model.version},
            "threshold": reached[-1] if reached else None,
            "next": _next(found, model),
        }
    return said


def _nothing(id: str, as_of: datetime | None) -> dict[str, Any]:
    at = as_of or clock.now()
    return describe_count(Count(id, 0, None, None, None, None, at, at), Scope(Lead))


def _describe_line(found: Count, earned: Earned, scope: Scope, record: Any) -> dict[str, Any]:
    line = earned.line
    of_lead = line.type == Lead.__name__
    said = {
        "name": line.name,
        "about": line.about,
        "points": earned.points,
        "holds": earned.holds,
        "count": len(earned.moments) if line.since else int(earned.holds),
        "because": [],
    }
    if earned.holds:
        because = _fields(record, line) if of_lead else _records(found, line, earned, scope)
        said["because"] = list(because)
    return said | {"halfLife": line.half_life, "within": line.within, "cap": line.cap}


def _fields(record: Any, line: Line) -> Iterator[dict[str, Any]]:
    """Yields the lead's own fields that a line asks for, with their values, and other fields by their
    path."""
    asked = [
        (each.field, each.rest)
        for each in conditions_of(Lead, line.filter)
        if each.field is not None and each.relation is None
    ]
    for path, field in {f"{f.wire}.{rest}" if rest else f.wire: f for f, rest in asked}.items():
        if path == field.wire and record is not None and field.name in Lead.schema.by_name:
            yield {"field": path, "value": field.to_json(field.value_of(record))}
        else:
            yield {"field": path}


def _records(found: Count, line: Line, earned: Earned, scope: Scope) -> Iterator[dict[str, Any]]:
    """Yields the latest records that a line counts."""
    counted = set(earned.moments)
    there = counted_records(line, scope, found.lead)
    key = "pk" if there.model is registry[line.type] else scope.key
    rows = [row for row in there.values_list(key, "_at") if row[1] in counted]
    for id, moment in rows[:MOST_NAMED]:
        yield {"$id": id, "$type": line.type, "at": moment}


def _next(found: Count, model: Model) -> dict[str, Any] | None:
    """Returns the next threshold and what would be enough for it, or None."""
    ahead = [(name, least) for name, least in model.thresholds if found.number < least]
    if not ahead:
        return None
    name, least = ahead[0]
    missing = least - found.total
    changes = fewest_lines_for(found.earned, missing)
    said = [{"line": each.line.name, "points": each.gain} for each in changes or ()]
    return {"name": name, "from": least, "missing": missing, "changes": said if changes else None}


def fewest_lines_for(earned: Sequence[Earned], missing: int) -> list[Earned] | None:
    """Returns the fewest lines that would add `missing` points, or None if no few lines would.

    Of several choices, the one that exceeds `missing` least is returned, and lines about what a lead does
    come before lines about what it is.
    """
    open_lines = [each for each in earned if each.gain > 0]
    open_lines.sort(key=lambda each: (-each.gain, each.line.about != "engagement"))
    most, fewest = 0, 0
    while most < missing:
        if fewest == min(len(open_lines), MOST_CHANGES):
            return None
        most, fewest = most + open_lines[fewest].gain, fewest + 1
    # All combinations of few lines are tried; of more lines the greatest ones are enough.
    if fewest <= 2:
        of_that_many: Iterable[tuple[Earned, ...]] = combinations(open_lines, fewest)
        tried = [each for each in of_that_many if _sum(each) >= missing]
        return list(min(tried, key=lambda each: (_sum(each), _of_fit(each))))
    return open_lines[:fewest]


def _sum(earned: Iterable[Earned]) -> int:
    return sum(each.gain for each in earned)


def _of_fit(earned: Iterable[Earned]) -> int:
    return sum(each.line.about == "fit" for each in earned)


def say_change(change: dict[str, Any], *, ends: bool) -> str:
    """Returns a change in words. A line that costs points now must end, and is described that way."""
    if ends:
        return _("no more “%(line)s” (+%(points)d)") % change
    return _("%(line)s (+%(points)d)") % change
