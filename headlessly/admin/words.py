"""How values read on a screen: states as coloured words, moments as ages, amounts as written."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.html import conditional_escape, format_html, format_html_join, linebreaks
from django.utils.safestring import SafeString, mark_safe

from .. import clock

if TYPE_CHECKING:
    from ..nouns import Noun
    from ..schema import Field

#: Words that are written in their own way.
SPELLED = {
    "url": "URL", "utm": "UTM", "roi": "ROI", "nps": "NPS", "naics": "NAICS", "bant": "BANT",
    "linkedin": "LinkedIn", "id": "ID", "sms": "SMS", "smb": "SMB",
}  # fmt: skip
#: The references that say who works on a record, not whom it is about.
WORKERS = ("owner", "assignee")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
MINUTE, HOUR, DAY = 60, 3_600, 86_400


def spoken(state: Any) -> str:
    """``InProgress`` → ``In progress``."""
    words = CAMEL.sub(" ", str(state)).split(" ")
    return " ".join([words[0], *(w if w.isupper() else w.lower() for w in words[1:])])


def label(field: Field) -> str:
    """A field's name as people say it: ``last_activity_at`` → ``Last activity``."""
    words = (field.label or field.name.replace("_", " ")).split()
    if field.type == "datetime" and len(words) > 1 and words[-1] == "at":
        words.pop()
    words = [SPELLED.get(word.lower(), word) for word in words]
    return " ".join(words)


def title(noun: type[Noun]) -> str:
    """``Lead``."""
    return spoken(noun.__name__)


def plural(noun: type[Noun]) -> str:
    """``Leads``."""
    return str(noun._meta.verbose_name_plural).capitalize()


def a(noun: type[Noun]) -> str:
    """``a lead``, ``an organization``."""
    name = title(noun).lower()
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def age(moment: datetime, *, now: datetime | None = None) -> str:
    """``3 d``, ``5 w``; ``in 2 h`` for what is yet to come."""
    seconds = ((now or clock.now()) - moment).total_seconds()
    distance = abs(seconds)
    if distance < MINUTE:
        return "now"
    for limit, unit, name in (
        (HOUR, MINUTE, "min"),
        (DAY, HOUR, "h"),
        (14 * DAY, DAY, "d"),
        (60 * DAY, 7 * DAY, "w"),
        (730 * DAY, 30.44 * DAY, "mo"),
        (float("inf"), 365.25 * DAY, "y"),
    ):
        if distance < limit:
            words = f"{int(distance // unit)} {name}"
            return words if seconds > 0 else f"in {words}"
    raise AssertionError("unreachable")


def day(value: date) -> str:
    """``31 Jan 2026``."""
    return f"{value.day} {value:%b %Y}"


def amount(value: Any) -> str:
    """``50,000`` or ``12.50``."""
    value = Decimal(str(value))
    return f"{value:,.0f}" if value == value.to_integral_value() else f"{value:,.2f}"


def number(value: Any) -> str:
    value = int(value) if float(value).is_integer() else value
    return f"{value:,}"


def time(moment: datetime, *, ago: bool = False) -> SafeString:
    """An age with the exact time behind it; ``ago`` says so where it could be taken for a wait."""
    words = age(moment)
    words += " ago" if ago and moment < clock.now() and words != "now" else ""
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        f"{day(moment)}, {moment:%H:%M}",
        words,
    )


# -- states -----------------------------------------------------------------------------------


@cache
def path(noun: type[Noun]) -> tuple[str, ...]:
    """The states from first to last when all goes well: declared, else the longest way ahead."""
    declared = getattr(noun.Surface, "path", ())
    machine = noun.schema.machine
    if declared or machine is None:
        return tuple(str(state) for state in declared)
    order = {state: number for number, state in enumerate(machine.states)}

    def longest(state: str) -> tuple[str, ...]:
        ahead = [s.target for s in machine.steps_from(state) if order[s.target] > order[state]]
        ways = [longest(target) for target in dict.fromkeys(ahead)]
        return (state, *max(ways, key=len, default=()))

    return longest(machine.states[0])


def tone(noun: type[Noun], state: str) -> str:
    """The colour of a state, the same everywhere: first, on the way, there, or off the path."""
    states = path(noun)
    if state not in states:
        return "grey"
    if state == states[-1]:
        return "green"
    if state == states[0]:
        return "slate"
    to_go = len(states) - 1 - states.index(state)
    return {1: "violet", 2: "amber"}.get(to_go, "sky")


def state(noun: type[Noun], value: str) -> SafeString:
    return format_html('<span class="state tone-{}">{}</span>', tone(noun, value), spoken(value))


# -- links and values -------------------------------------------------------------------------


def place(noun: type[Noun], page: str, *args: str) -> str:
    """The address of a noun's page: ``place(Lead, "change", id)``."""
    meta = noun._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=args)


def link(record: Noun) -> SafeString:
    return format_html('<a href="{}">{}</a>', place(type(record), "change", record.pk), str(record))


def named(other: Noun | None) -> str:
    """The name of a record that another refers to; one that the actor does not see has none."""
    return "not yours" if other is None else str(other)


def of(record: Noun, field: Field, *, links: bool = True) -> SafeString | str:
    """The value of one field of ``record`` as HTML; empty when there is none."""
    if field.type == "reference":
        if not getattr(record, field.column):
            return ""
        other = getattr(record, field.name)
        return link(other) if links and other is not None else conditional_escape(named(other))
    value = field.computed(record) if field.computed else getattr(record, field.column)
    if value is None or value == "":
        return ""
    machine = record.schema.machine
    if machine and field.name == machine.name:
        return state(type(record), value)
    return shown(field, value, currency=getattr(record, "currency", None), links=links)


def plain(record: Noun, field: Field) -> str:
    """The value of one field as text within a sentence; empty when there is none."""
    value = getattr(record, field.column)
    if value is None or value == "":
        return ""
    if field.type == "reference":
        return named(getattr(record, field.name))
    if field.type == "datetime":
        return f"{day(value)}, {value:%H:%M}"
    if field.type == "date":
        return day(value)
    return "…" if field.type == "json" else str(shown(field, value, links=False))


def shown(field: Field, value: Any, *, currency: str | None = None, links: bool = True) -> Any:
    """A value of ``field``'s type as HTML."""
    match field.type:
        case "money":
            return amount(value) if not currency else f"{amount(value)} {currency}"
        case "number" | "integer":
            return number(value)
        case "bool":
            return "Yes" if value else "No"
        case "enum":
            return spoken(value)
        case "datetime":
            return time(value)
        case "date":
            return mark_safe(f'<time datetime="{value:%Y-%m-%d}">{day(value)}</time>')
        case "url" if links:
            short = re.sub(r"^https?://(www\.)?", "", value).rstrip("/")
            return format_html('<a href="{}" rel="noopener noreferrer">{}</a>', value, short)
        case "email" if links:
            return format_html('<a href="mailto:{}">{}</a>', value, value)
        case "text" if links:
            return mark_safe(linebreaks(value, autoescape=True))
        case "json":
            return _structure(value)
    return str(value)


def _structure(value: Any) -> SafeString | str:
    """JSON as people would write it: a list of alike objects as a table, else as it is."""
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        keys = list(dict.fromkeys(key for item in value for key in item))
        head = format_html_join("", "<th>{}</th>", ((spoken(k).capitalize(),) for k in keys))
        rows = [
            format_html_join("", "<td>{}</td>", ((_plain(item.get(key)),) for key in keys))
            for item in value
        ]
        body = format_html_join("", "<tr>{}</tr>", ((row,) for row in rows))
        return format_html(
            '<div class="scrolls"><table class="inner"><tr>{}</tr>{}</table></div>', head, body
        )
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
