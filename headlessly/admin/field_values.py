"""How the value of a field reads on a page: by its type, and by what it means for its record."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from django.utils.html import conditional_escape, format_html, format_html_join, linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from headlessly.admin import display
from headlessly.context import clock
from headlessly.declaration import days, labels
from headlessly.declaration.normalization import normalize_phone
from headlessly.declaration.schema import Field
from headlessly.language import sayings, wording
from headlessly.nouns import Noun

#: Text of more characters than this begins, and opens on a click.
LONGEST_UNFOLDED = 600


#: Returns what is shown of a field of the record that it is called with.
Display = Callable[[Any], SafeString | str]
#: How to show fields whose values only their own app can put into words, by noun and name.
_displays: dict[tuple[type[Noun], str], Display] = {}


def displays(noun: type[Noun], name: str) -> Callable[[Display], Display]:
    """Have the decorated function say what pages show of one field of a record."""

    def register(display: Display) -> Display:
        _displays[noun, name] = display
        return display

    return register


def app_html(record: Noun, field: Field) -> SafeString | str | None:
    """A field as its app displays it; None where none does."""
    found = _displays.get((type(record), field.name))
    return None if found is None else found(record)


def field_html(record: Noun, field: Field, *, links: bool = True) -> SafeString | str:
    """The value of one field of ``record`` as HTML; empty when there is none."""
    if (by_app := app_html(record, field)) is not None:
        return by_app if getattr(record, field.column) else ""
    if field.type == "reference":
        if not getattr(record, field.column):
            return ""
        other = getattr(record, field.name)
        return (
            display.record_link(other)
            if links and other is not None
            else conditional_escape(display.visible_name(other))
        )
    found = field.computed(record) if field.computed else getattr(record, field.column)
    if found is None or found == "":
        return ""
    if field.done_at:
        return deadline_html(record, field)
    if (late := overdue_html(record, field)) is not None:
        return late
    if (whole := days.whole_day(record, field)) is not None:
        return day_html(whole)
    machine = record.schema.machine
    if machine and field.name == machine.name:
        return display.state_html(type(record), found)
    if (colored := colored_html(field, found)) is not None:
        return colored
    currency = display.record_currency(record) if field.type == "money" else None
    return value_html(field, found, currency=currency, links=links)


def colored_html(field: Field, found: Any) -> SafeString | None:
    """A value that the tenant gave a colour, or several of which some have one; None where none has."""
    if not field.tones or field.type not in ("enum", "choices", "string"):
        return None
    values = found if field.type == "choices" else [found]
    if not any(each in field.tones for each in values):
        return None
    return format_html_join(" ", "{}", ((_toned(field, each),) for each in values))


def _toned(field: Field, value: str) -> SafeString:
    label = value if field.type == "string" else labels.choice_label(field, value)
    tone = field.tones.get(value)
    return display.badge(label, tone) if tone else format_html('<span class="tag">{}</span>', label)


def value_text(record: Noun, field: Field) -> str:
    """The value of one field as text within a sentence; empty when there is none."""
    found = getattr(record, field.column)
    if found is None or found == "":
        return ""
    if field.type == "reference":
        return display.visible_name(getattr(record, field.name))
    if (whole := days.whole_day(record, field)) is not None:
        return display.day_text(whole)
    if field.type == "datetime":
        return display.moment_text(found)
    if field.type == "date":
        return display.day_text(found)
    if field.type == "json":
        return "…"
    return str(value_html(field, found, currency=display.record_currency(record), links=False))


def value_html(field: Field, found: Any, *, currency: str | None = None, links: bool = True) -> Any:
    """A value of ``field``'s type as HTML."""
    match field.type:
        case "money":
            return display.money(found, currency)
        case "integer" if (field.minimum or 0) >= 1000:
            return str(found)  # a year: no number of anything
        case "number" | "integer" if field.unit:
            return display.number_with_unit(found, field.unit)
        case "number" | "integer":
            return display.number(found)
        case "bool":
            return _("Yes") if found else _("No")
        case "enum":
            return labels.choice_label(field, found)
        case "datetime":
            return display.age_html(found, ago=True)
        case "date":
            return day_html(found)
        case "url" if links:
            short = re.sub(r"^https?://(www\.)?", "", found).rstrip("/")
            return format_html('<a href="{}" rel="noopener noreferrer">{}</a>', found, short)
        case "email" if links:
            return format_html('<a href="mailto:{}">{}</a>', found, found)
        case "text" if links:
            return folded_text(found)
        case "choices" if links and field.item is not None:
            return format_html_join(", ", "{}", ((_reached(field.item, each),) for each in found))
        case "choices" if links:
            said = ((labels.choice_label(field, each),) for each in found)
            return format_html_join(" ", '<span class="tag">{}</span>', said)
        case "choices":
            return ", ".join(labels.choice_label(field, each) for each in found)
        case "json":
            return _json_html(field, found)
        case "string" if field.told:
            return sayings.translate_saying(str(found))
    return str(found)


def _reached(item: Field, value: str) -> Any:
    """One of several values as a link, where it leads somewhere; a telephone can be called."""
    return tel_html(value) if item.normalize is normalize_phone else value_html(item, value)


def tel_html(value: str) -> SafeString:
    return format_html('<a href="tel:{}">{}</a>', "".join(value.split()), value)


def overdue_html(record: Noun, field: Field) -> SafeString | None:
    """When an open record had to be done, and since when that is over; None where it is not."""
    is_due = field.name == type(record).Surface.due and record.schema.machine is not None
    if not is_due or not record.is_open:
        return None
    moment = days.deadline(record, field)
    if moment is None:
        return None
    day = days.whole_day(record, field)
    if field.type == "date":
        day, moment = moment, days.start_of_day(moment + timedelta(days=1))
    if moment >= clock.now():
        return None
    if day is None:
        words = format_html(_("{age} overdue"), age=display.age_html(moment))
        return format_html('<span class="late">{}</span>', words)
    return format_html('<span class="late">{} · {}</span>', day_html(day), _("overdue"))


def deadline_html(record: Noun, field: Field) -> SafeString:
    """What is left of a deadline, or how late it is; of one that was met or missed, how late it was done.

    Only what is still to be done alarms: late is late in words ever after.
    """
    due, done = getattr(record, field.column), getattr(record, field.done_at or "")
    near = getattr(record, field.near_at) if field.near_at else None
    now = clock.now()
    late = (done or now) - due
    if late > timedelta(0):
        tone = "late" if done is None and record.is_open else "was-late"
        said = _("%s late") % display.distance_text(late)
    elif done is not None:
        tone, said = "in-time", _("in time")
    else:
        is_near = near is not None and near <= now and record.is_open
        tone = "near" if is_near else "left"
        said = _("%s left") % display.distance_text(late)
    return format_html('<span class="{}">{}</span>', tone, display.moment_html(due, said))


def is_met(record: Noun, field: Field) -> bool:
    """Whether a field is a deadline that nobody waits for any more."""
    return field.done_at is not None and getattr(record, field.done_at) is not None


def day_html(found: date) -> SafeString:
    """A day, the same wherever one reads."""
    return format_html(
        '<time datetime="{}">{}</time>', f"{found:%Y-%m-%d}", display.day_text(found)
    )


def folded_text(found: str) -> SafeString:
    """Text in its paragraphs; a long one begins, and opens on a click."""
    whole = mark_safe(linebreaks(found, autoescape=True))
    if len(found) <= LONGEST_UNFOLDED:
        return whole
    return format_html(
        '<details class="fold whole"><summary>{} <span>{}</span><span>{}</span></summary>{}</details>',
        Truncator(found).chars(LONGEST_UNFOLDED // 2),
        _("show all"),
        _("show less"),
        whole,
    )


def _json_html(field: Field, found: Any) -> SafeString | str:
    """JSON as people would write it: a list of alike objects as a table, or of one value each in a line; else
    as it is."""
    if isinstance(found, list) and found and all(isinstance(item, dict) for item in found):
        there = {name for item in found for name in item}
        keys = sorted(there, key=[*field.keys, *sorted(there)].index)
        if len(keys) == 1 and len(field.keys) == 1:
            only = keys[0]
            return format_html_join(
                ", ", "{}", ((_key_text(field, only, item.get(only)),) for item in found)
            )
        head = format_html_join(
            "", "<th>{}</th>", ((wording.json_key_label(name),) for name in keys)
        )
        rows = [
            format_html_join(
                "", "<td>{}</td>", ((_key_text(field, name, item.get(name)),) for name in keys)
            )
            for item in found
        ]
        body = format_html_join("", "<tr>{}</tr>", ((row,) for row in rows))
        return format_html(
            '<div class="scrolls"><table class="inner"><tr>{}</tr>{}</table></div>', head, body
        )
    return format_html("<pre>{}</pre>", json.dumps(found, indent=2, ensure_ascii=False))


def _key_text(field: Field, name: str, value: Any) -> str:
    """What stands under a key of one of several objects."""
    kind = (field.kinds or {}).get(name, "text")
    if not isinstance(value, str):
        return _json_text(value)
    if not isinstance(kind, str):
        return labels.key_choice_labels(kind).get(value, value)
    if kind == "date":
        with suppress(ValueError):
            return display.day_text(date.fromisoformat(value))
    return value


def _json_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
