"""How the value of a field is shown on a page: by its type, and by its meaning for the record."""

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

#: Text with more characters is folded, and opens on a click.
LONGEST_UNFOLDED = 600


#: Returns what to show for a field of a record.
Display = Callable[[Any], SafeString | str]
#: Displays that apps register for fields only they can put into words, by noun and name.
_displays: dict[tuple[type[Noun], str], Display] = {}


def displays(noun: type[Noun], name: str) -> Callable[[Display], Display]:
    """Registers the decorated function as the display of a field."""

    def register(display: Display) -> Display:
        _displays[noun, name] = display
        return display

    return register


def app_html(record: Noun, field: Field) -> SafeString | str | None:
    """Returns a field as its app displays it, or None if no app does."""
    found = _displays.get((type(record), field.name))
    return None if found is None else found(record)


def field_html(record: Noun, field: Field, *, links: bool = True) -> SafeString | str:
    """Returns the value of a field of ``record`` as HTML; empty without a value."""
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
    """Returns a value, or several, in the colours that the tenant chose; None if no value has a colour."""
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
    """Returns the value of a field as text within a sentence; empty without a value."""
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
    """Returns a value of ``field``'s type as HTML."""
    match field.type:
        case "money":
            return display.money(found, currency)
        case "integer" if (field.minimum or 0) >= 1000:
            return str(found)  # a year is not grouped like a number
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
    """Returns one of several values, as a link if it is an address or a phone number."""
    return tel_html(value) if item.normalize is normalize_phone else value_html(item, value)


def tel_html(value: str) -> SafeString:
    return format_html('<a href="tel:{}">{}</a>', "".join(value.split()), value)


def overdue_html(record: Noun, field: Field) -> SafeString | None:
    """Returns when an open record was due and that it is overdue; None if it is not."""
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
    """Returns the time left until a deadline, or how late it is; once done, whether it was in time or how
    late.

    Only an open deadline is shown in an alarming colour.
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
    """Whether a field is a deadline that has been dealt with."""
    return field.done_at is not None and getattr(record, field.done_at) is not None


def day_html(found: date) -> SafeString:
    """Returns a day, which is the same in every time zone."""
    return format_html(
        '<time datetime="{}">{}</time>', f"{found:%Y-%m-%d}", display.day_text(found)
    )


def folded_text(found: str) -> SafeString:
    """Returns text in paragraphs. A long text is folded, and opens on a click."""
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
    """Returns JSON for reading: a list of similar objects as a table, or as a line if they have one key;
    anything else as JSON."""
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
    """Returns the value of a key of one of several objects as text."""
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
