"""Shows the result of a trial as a page of pairs and tables, whatever the kind of the rule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.models import Rule
from crm.rules.step_text import step_text
from headlessly.admin import display
from headlessly.declaration.registry import registry
from headlessly.ids import is_id
from headlessly.language import wording

#: The labels of the parts of a result. Parts without one are named by their key.
LABELS = {
    "events": gettext_lazy("Events looked at"),
    "fitting": gettext_lazy("Of these it fits"),
    "owned": gettext_lazy("Came with an owner"),
    "taken": gettext_lazy("Taken by rules before it"),
    "same": gettext_lazy("To whom they went anyway; converted"),
    "other": gettext_lazy("To somebody else than they went; converted"),
    "acted": gettext_lazy("On which it would have done something; converted"),
    "others": gettext_lazy("All others; converted"),
    "people": gettext_lazy("Who would have got how many, and who really got them; converted"),
    "steps": gettext_lazy("What it would have done"),
    "records": gettext_lazy("The first of them"),
    "really": gettext_lazy("Really"),
    "done": gettext_lazy("Steps done"),
    "would": gettext_lazy("Would have"),
    "waiting": gettext_lazy("Would still wait"),
    "met": gettext_lazy("In time; converted"),
    "missed": gettext_lazy("Not in time; converted"),
    "due": gettext_lazy("Due"),
    "touched": gettext_lazy("Touched first"),
    "decided": gettext_lazy("Of these converted or lost; converted"),
    "open": gettext_lazy("Of these still open"),
    "byHand": gettext_lazy("Had a score that was set by hand"),
    "higher": gettext_lazy("Higher than the score that stood there; converted"),
    "lower": gettext_lazy("Lower than the score that stood there; converted"),
    "unscored": gettext_lazy("No score stood there; converted"),
    "order": gettext_lazy(
        "How often a converted lead has a higher score than a lost one: 0.5 is chance"
    ),
    "tenths": gettext_lazy("Converted and lost leads in tenths by their score; converted"),
    "tenth": gettext_lazy("Tenth"),
    "givesAway": gettext_lazy("Lines that ask what came of a lead, and so prove nothing"),
    "stopped": gettext_lazy("Would have stopped there"),
    "step": gettext_lazy("Step"),
    "at": gettext_lazy("When"),
    "name": gettext_lazy("Who"),
    "record": gettext_lazy("Record"),
}
#: Labels for one kind of rules.
LABELS_OF_KIND = {
    Rule.Kind.SCORE: {
        "same": gettext_lazy("The same score as stood there; converted"),
        "would": gettext_lazy("By this rule"),
        "really": gettext_lazy("As it stood there"),
        "at": gettext_lazy("As of"),
    },
    Rule.Kind.FIRST_ANSWER: {"people": gettext_lazy("By who has them")},
}
#: Parts that the head of the page shows, or that are only for programs.
LEFT_OUT = {"rule", "version", "kind", "from", "to", "complete", "reached", "person"}


def page_of(rule: Rule, found: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the context of the template for a result of
    :func:`crm.rules.backtest.trial.try_on_the_past`."""
    shown = {name: part for name, part in found.items() if name not in LEFT_OUT}
    names = _names(shown)
    tables = {name: part for name, part in shown.items() if _is_table(part)}
    pairs = {name: part for name, part in shown.items() if name not in tables and part != []}
    return {
        "complete": found["complete"],
        "reached": found["reached"],
        "pairs": [(_label(rule, name), _text(rule, part, names)) for name, part in pairs.items()],
        "tables": [_table(rule, name, rows, names) for name, rows in tables.items()],
    }


def _is_table(part: Any) -> bool:
    return isinstance(part, list) and bool(part) and isinstance(part[0], dict)


def _table(rule: Rule, name: str, rows: list[Any], names: dict[str, Any]) -> dict[str, Any]:
    columns = [each for each in rows[0] if each not in LEFT_OUT]
    return {
        "label": _label(rule, name),
        "heads": [_label(rule, column) for column in columns],
        "rows": [
            [(_label(rule, column), _cell(rule, column, row[column], names)) for column in columns]
            for row in rows
        ],
    }


def _label(rule: Rule, name: str) -> str:
    of_kind = LABELS_OF_KIND.get(Rule.Kind(rule.kind), {})
    return str(of_kind.get(name) or LABELS.get(name) or wording.json_key_label(name))


def _cell(rule: Rule, column: str, value: Any, names: dict[str, Any]) -> Any:
    """Returns a value in a table; a missing name means nobody."""
    return _("Nobody") if column == "name" and value is None else _text(rule, value, names)


def _text(rule: Rule, value: Any, names: dict[str, Any]) -> Any:
    match value:
        case None:
            return "–"
        case bool():
            return _("Yes") if value else _("No")
        case int() | float():
            return display.number(value)
        case datetime():
            return display.moment_text(value)
        case {"from": first, "to": last, **more} if "count" in more:
            return f"{first}\N{EN DASH}{last}: {_text(rule, more, names)}"
        case list():
            return ", ".join(str(_text(rule, each, names)) for each in value)
        case {"count": count, "rate": rate}:
            said = display.number(count)
            return said if rate is None else f"{said} · {display.decimal(rate, 1)} %"
        case dict() if {"wait", "do", "notify", "webhook"} & set(value):
            return step_text(registry[rule.condition["type"]], value)
        case dict():
            return ", ".join(
                f"{_label(rule, k)}: {_text(rule, v, names)}" for k, v in value.items()
            )
    if isinstance(value, str) and is_id(value, [noun.prefix for noun in registry.values()]):
        return names.get(value, _("not there any more"))
    return value


def _names(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Returns links to the records that rows name, without those that the actor may not see."""
    ids = {
        value
        for part in shown.values()
        if _is_table(part)
        for row in part
        for value in row.values()
        if isinstance(value, str)
    }
    found: dict[str, Any] = {}
    for noun in registry.values():
        asked = [id for id in ids if id.startswith(f"{noun.prefix}_")]
        if asked:
            found |= {
                each.pk: display.record_link(each) for each in noun.objects.filter(pk__in=asked)
            }
    return found
