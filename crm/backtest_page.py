"""What a rule would have done, as a page: whatever its kind answers, as pairs and tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.models import Rule
from crm.step_words import step_text
from headlessly.admin import display
from headlessly.declaration.registry import registry
from headlessly.ids import is_id
from headlessly.language import wording

#: What the parts of an answer are called; of those that are not here the key says it.
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
    "stopped": gettext_lazy("Would have stopped there"),
    "step": gettext_lazy("Step"),
    "at": gettext_lazy("When"),
    "name": gettext_lazy("Who"),
    "record": gettext_lazy("Record"),
}
#: Of which kind of rule a part is called otherwise.
LABELS_BY_KIND: dict[tuple[str, str], Any] = {
    (Rule.Kind.FIRST_ANSWER, "people"): gettext_lazy("By who has them"),
}
#: What the head of the page says, and what is only for programs.
LEFT_OUT = {"rule", "version", "kind", "from", "to", "complete", "reached", "person"}


def page_of(rule: Rule, found: Mapping[str, Any]) -> dict[str, Any]:
    """An answer of :func:`crm.rules.backtest.try_on_the_past` for its template."""
    shown = {name: part for name, part in found.items() if name not in LEFT_OUT}
    names = _names(shown)
    tables = {name: part for name, part in shown.items() if isinstance(part, list) and part}
    pairs = {name: part for name, part in shown.items() if not isinstance(part, list)}
    return {
        "complete": found["complete"],
        "reached": found["reached"],
        "pairs": [(_label(name), _text(rule, part, names)) for name, part in pairs.items()],
        "tables": [_table(rule, name, rows, names) for name, rows in tables.items()],
    }


def _table(rule: Rule, name: str, rows: list[Any], names: dict[str, Any]) -> dict[str, Any]:
    columns = [each for each in rows[0] if each not in LEFT_OUT]
    return {
        "label": LABELS_BY_KIND.get((rule.kind, name)) or _label(name),
        "heads": [_label(column) for column in columns],
        "rows": [
            [(_label(column), _cell(rule, column, row[column], names)) for column in columns]
            for row in rows
        ],
    }


def _label(name: str) -> str:
    return str(LABELS.get(name) or wording.json_key_label(name))


def _cell(rule: Rule, column: str, value: Any, names: dict[str, Any]) -> Any:
    """A value in a table; what nobody has is nobody's."""
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
        case {"count": count, "rate": rate}:
            said = display.number(count)
            return said if rate is None else f"{said} · {display.decimal(rate, 1)} %"
        case dict() if {"wait", "do", "notify", "webhook"} & set(value):
            return step_text(registry[rule.condition["type"]], value)
        case dict():
            return ", ".join(f"{_label(k)}: {_text(rule, v, names)}" for k, v in value.items())
    if isinstance(value, str) and is_id(value, [noun.prefix for noun in registry.values()]):
        return names.get(value, _("not there any more"))
    return value


def _names(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Links to the records that rows name; to those that whoever acts does not see there is none."""
    ids = {
        value
        for part in shown.values()
        if isinstance(part, list)
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
