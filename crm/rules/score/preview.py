"""What a score rule would do, and how well it tells those who buy from those who do not.

Both count a sample, the newest leads or those closed last, so that they take no longer with a million leads.
Nothing is written. Only leads that the actor may see are counted: sums over all would tell a limited rep what
the others did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _

from crm.models import Lead, Rule
from crm.models.score_lines import conditions_of
from crm.rules.score.counting import Count, Model, count_scores, score_models
from headlessly.context import clock
from headlessly.errors import VerbRefused
from headlessly.query.record_operations import explains

#: How many of the newest leads a preview counts, and how many of the last closed leads a separation counts.
NEWEST, CLOSED = 2_000, 4_000
#: How many of the last closed leads are compared by their stored scores.
STORED = 2_000
#: A moment before all others.
EVER = datetime.min.replace(tzinfo=UTC)
EXAMPLES, TENTHS = 10, 10
#: Fields that a lead has only because of its outcome: a line that asks for them proves nothing.
OUTCOMES = ("status", "$reached", "deal", "convertedAt", "lostAt", "lostReason")

WHOLE, NUMBER = {"type": "integer"}, {"type": ["number", "null"]}
PREVIEW: dict[str, Any] = {
    "type": "object",
    "description": "What would become of the newest leads if a score rule were active; nothing is written.",
    "properties": {
        "leads": {**WHOLE, "description": "How many were counted, of those that you see."},
        "isAll": {"type": "boolean", "description": "Whether these are all that there are."},
        "fitting": {**WHOLE, "description": "How many this rule is for."},
        "changes": {**WHOLE, "description": "How many would get another score."},
        "byHand": {**WHOLE, "description": "How many keep what somebody set by hand."},
        "typed": {
            **WHOLE,
            "description": "How many have a score that no rule gave them: it would be replaced.",
        },
        "histogram": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"from": WHOLE, "to": WHOLE, "before": WHOLE, "after": WHOLE},
            },
        },
        "unscored": {**WHOLE, "description": "How many have no score now."},
        "examples": {
            "type": "array",
            "description": "Those that would change most.",
            "items": {
                "type": "object",
                "properties": {
                    "$id": {"type": "string"},
                    "name": {"type": "string"},
                    "before": NUMBER,
                    "after": WHOLE,
                },
            },
        },
    },
}
SEPARATION: dict[str, Any] = {
    "type": "object",
    "description": "How many of the last closed leads that you see were converted, in tenths by their score.",
    "properties": {
        "leads": WHOLE,
        "converted": WHOLE,
        "share": {**NUMBER, "description": "Of all of them, from 0 to 1."},
        "isAll": {"type": "boolean", "description": "Whether these are all that were closed."},
        "tenths": {
            "type": "array",
            "description": "The highest scores first.",
            "items": {
                "type": "object",
                "properties": {
                    "from": WHOLE,
                    "to": WHOLE,
                    "leads": WHOLE,
                    "converted": WHOLE,
                    "share": NUMBER,
                    "gain": {**NUMBER, "description": "Of all converted, how many are up to here."},
                },
            },
        },
        "order": {
            **NUMBER,
            "description": "How often a converted lead has a higher score than a lost one: 0.5 is chance.",
        },
        "givesAway": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Lines that ask what came of a lead: they prove nothing.",
        },
    },
}


def _model(id: str) -> Model:
    """Returns the model of a score rule, active or not. Raises VerbRefused for any other rule, or an invalid
    one."""
    rule = Rule.get(id)
    if rule.kind != Rule.Kind.SCORE:
        raise VerbRefused(_("This rule counts no score."), code="no_score")
    if rule.error is not None:
        raise VerbRefused(rule.error, code="rule_fails")
    return Model.of_rule(rule)


def _in_its_place(model: Model) -> tuple[Model, ...]:
    """Returns the active models with this one among them, in the order in which they would decide."""
    found, _needs = score_models()
    others = {each.rule for each in found} | {model.rule}
    ordered = Rule.objects.filter(pk__in=others).order_by("position", "created_at", "pk")
    known = {each.rule: each for each in found} | {model.rule: model}
    return tuple(known[rule] for rule in ordered.values_list("pk", flat=True))


@explains(Rule, "preview", schema=PREVIEW)
def preview_rule(id: str) -> dict[str, Any]:
    """What a score rule would make of the newest leads that you see; nothing is written."""
    model = _model(id)
    newest = Lead.objects.order_by("-created_at", "-pk").values_list("pk", "name")
    names = dict(newest[: NEWEST + 1])
    ids = list(names)[:NEWEST]
    counts = list(count_scores(ids, _in_its_place(model), clock.now()))
    kept = [each for each in counts if each.is_by_hand]
    fitting = [each for each in counts if each.model and each.model.rule == model.rule]
    changed = [each for each in fitting if not each.is_by_hand and each.score != each.number]
    changed.sort(key=lambda each: (-abs(each.number - (each.score or 0)), each.lead))
    return {
        "leads": len(counts),
        "isAll": len(names) <= NEWEST,
        "fitting": len(fitting),
        "changes": len(changed),
        "byHand": len(kept),
        "typed": sum(each.score is not None and each.scored_by is None for each in fitting),
        "histogram": _histogram(counts, {each.lead for each in changed}),
        "unscored": sum(each.score is None for each in counts),
        "examples": [
            {"$id": each.lead, "name": names[each.lead], "before": each.score, "after": each.number}
            for each in changed[:EXAMPLES]
        ],
    }


def _histogram(counts: Sequence[Count], changed: set[str]) -> list[dict[str, int]]:
    """Returns the number of scores in each ten, before and after. 100 counts with the nineties."""
    found = [
        {"from": low, "to": low + 9 if low < 90 else 100, "before": 0, "after": 0}
        for low in range(0, 100, 10)
    ]
    for each in counts:
        after = each.number if each.lead in changed else each.score
        for when, score in (("before", each.score), ("after", after)):
            if score is not None:
                found[min(int(score) // 10, 9)][when] += 1
    return found


@explains(Rule, "separation", schema=SEPARATION)
def separation_of_rule(id: str) -> dict[str, Any]:
    """How well a score rule tells leads that were converted from those that were lost, of those that you
    see."""
    model = _model(id)
    closed = _last_closed(CLOSED)
    outcomes = {each.pk: each.status == Lead.Status.CONVERTED for each in closed[:CLOSED]}
    counts = list(count_scores(outcomes, [model], clock.now()))
    rows = [(each.number, outcomes[each.lead], each.lead) for each in counts if each.model]
    return separate_by_outcome(rows, is_all=len(closed) <= CLOSED) | {
        "givesAway": gives_away(model)
    }


def separation_of_stored(rule: Rule) -> dict[str, Any]:
    """Returns the separation by the stored scores that the rule gave to closed leads."""
    closed = _last_closed(STORED)
    rows = [
        (int(each.score), each.status == Lead.Status.CONVERTED, each.pk)
        for each in closed[:STORED]
        if each.score is not None and (each.scored_with or "").startswith(f"{rule.pk}@")
    ]
    return separate_by_outcome(rows, is_all=len(closed) <= STORED)


def separate_by_outcome(rows: list[tuple[int, bool, str]], *, is_all: bool) -> dict[str, Any]:
    """Returns how well scores separate converted leads from lost ones."""
    rows.sort(key=lambda row: (-row[0], row[2]))
    ranked = [(number, converted) for number, converted, _lead in rows]
    whole = sum(converted for _number, converted in ranked)
    return {
        "leads": len(ranked),
        "converted": whole,
        "share": whole / len(ranked) if ranked else None,
        "isAll": is_all,
        "tenths": _tenths(ranked, whole),
        "order": _order(ranked),
    }


def _last_closed(most: int) -> list[Any]:
    """Returns the leads that were closed last, at most one more than `most`."""
    found: list[Any] = []
    for status in (Lead.Status.CONVERTED, Lead.Status.LOST):
        closed = Lead.objects.filter(status=status).order_by(
            F("last_activity_at").desc(nulls_last=True), "-pk"
        )
        columns = ("last_activity_at", "pk", "status", "score", "scored_with")
        found += closed.values_list(*columns, named=True)[: most + 1]
    found.sort(key=lambda each: (each.last_activity_at or EVER, each.pk), reverse=True)
    return found[: most + 1]


def _tenths(rows: Sequence[tuple[int, bool]], whole: int) -> list[dict[str, Any]]:
    """Returns ten equal parts of the leads, the highest scores first, with the outcomes in each."""
    found, before = [], 0
    for tenth in range(TENTHS):
        part = rows[len(rows) * tenth // TENTHS : len(rows) * (tenth + 1) // TENTHS]
        if not part:
            continue
        converted = sum(each for _number, each in part)
        before += converted
        found.append(
            {
                "from": part[-1][0],
                "to": part[0][0],
                "leads": len(part),
                "converted": converted,
                "share": converted / len(part),
                "gain": before / whole if whole else None,
            }
        )
    return found


def _order(rows: Sequence[tuple[int, bool]]) -> float | None:
    """Returns how often a converted lead stands above a lost one; equal scores count half."""
    won: dict[int, int] = {}
    lost: dict[int, int] = {}
    for number, converted in rows:
        side = won if converted else lost
        side[number] = side.get(number, 0) + 1
    pairs = sum(won.values()) * sum(lost.values())
    if not pairs:
        return None
    above, below = 0.0, 0
    for number in sorted(won.keys() | lost.keys()):
        above += won.get(number, 0) * (below + lost.get(number, 0) / 2)
        below += lost.get(number, 0)
    return above / pairs


def gives_away(model: Model) -> list[str]:
    """Returns the lines that ask for the outcome of a lead: they prove nothing."""
    return [line.name for line in model.lines if line.type == Lead.__name__ and _asks(line.filter)]


def _asks(filter: Mapping[str, Any]) -> bool:
    return any(
        each.relation is None and each.field is not None and each.field.wire in OUTCOMES
        for each in conditions_of(Lead, filter)
    )
