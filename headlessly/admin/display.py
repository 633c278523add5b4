"""How values read on a screen: states as coloured words, moments as ages, amounts as written."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from django.db import models
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.html import conditional_escape, format_html, format_html_join, linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from headlessly.access.models import ApiKey
from headlessly.context import clock
from headlessly.declaration import days
from headlessly.declaration.record import Record
from headlessly.declaration.schema import Field
from headlessly.language import wording
from headlessly.nouns import Noun

#: The references that say who works on a record, not whom it is about.
WORKERS = ("owner", "assignee")
#: Text of more characters than this begins, and opens on a click.
LONGEST_UNFOLDED = 600
#: Text that is dialled.
TELEPHONES = ("phone", "mobile")
MINUTE, HOUR, DAY = 60, 3_600, 86_400
#: The signs of currencies that nobody takes for another one; all others are said by their code.
SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


def age_text(moment: datetime, *, now: datetime | None = None) -> str:
    """``3 d``, ``5 w``; ``in 2 h`` for what is yet to come."""
    seconds = ((now or clock.now()) - moment).total_seconds()
    distance = abs(seconds)
    if distance < MINUTE:
        return _("now")
    for limit, unit, said in (
        (HOUR, MINUTE, pgettext("age", "%d min")),
        (DAY, HOUR, pgettext("age", "%d h")),
        (14 * DAY, DAY, pgettext("age", "%d d")),
        (60 * DAY, 7 * DAY, pgettext("age", "%d w")),
        (730 * DAY, 30.44 * DAY, pgettext("age", "%d mo")),
        (float("inf"), 365.25 * DAY, pgettext("age", "%d y")),
    ):
        if distance < limit:
            words = said % (distance // unit)
            return words if seconds > 0 else pgettext("age", "in %s") % words
    raise AssertionError("unreachable")


def day_text(value: date) -> str:
    """``Jan 31, 2026``; of a moment its day where one reads."""
    if isinstance(value, datetime):
        value = timezone.localtime(value)
    return formats.date_format(value, "DATE_FORMAT")


def moment_text(value: datetime, *, zone: bool = False) -> str:
    """``Jan 31, 2026, 9:00 AM``, with ``zone`` in which time zone that is."""
    local = timezone.localtime(value)
    said = f"{day_text(value)}, {formats.date_format(local, 'TIME_FORMAT')}"
    return f"{said} {local:%Z}" if zone else said


def amount(value: Any) -> str:
    """``50,000`` or ``12.50``."""
    value = Decimal(str(value))
    return decimal(value, 0 if value == value.to_integral_value() else 2)


def decimal(value: Any, places: int) -> str:
    """A number rounded to so many decimals: Django's own way with numbers cuts them off."""
    return formats.number_format(Decimal(f"{value:.{places}f}"), places, force_grouping=True)


def money(said: Any, currency: str | None) -> str:
    """An amount, or one in words, with its currency: ``$50,000``, ``50,000 CHF``."""
    said = said if isinstance(said, str) else amount(said)
    if not currency:
        return said
    if currency not in SIGNS:
        return f"{said}\u00a0{currency}"
    return pgettext("money", "%(sign)s%(amount)s") % {"sign": SIGNS[currency], "amount": said}


def number(value: Any) -> str:
    value = int(value) if float(value).is_integer() else value
    return formats.number_format(value, force_grouping=True)


def number_with_unit(value: float, unit: str) -> str:
    """A number in its unit, no more exact than one reads: ``15 min``, ``343 %``."""
    places = 0 if float(value).is_integer() or abs(value) >= 10 else 1
    return f"{decimal(value, places)}\u00a0{pgettext(wording.UNIT, unit)}"


#: A count, or an amount.
Amount = TypeVar("Amount", float, Decimal)


def percentage(part: Amount, whole: Amount | None) -> str:
    """``38 %``, and ``3.4 %`` where it is little; a dash of nothing."""
    if not whole:
        return "–"
    percent = part / whole * 100
    return f"{decimal(percent, 1 if 0 < percent < 10 else 0)}\u00a0%"


def duration(seconds: float | None) -> str:
    """``35 min``, ``4.5 h``, ``12 d``; a dash where there is none."""
    if seconds is None:
        return "–"
    if abs(seconds) < 90 * MINUTE:
        unit, said = MINUTE, pgettext("duration", "%s min")
    elif abs(seconds) < 2 * DAY:
        unit, said = HOUR, pgettext("duration", "%s h")
    else:
        unit, said = DAY, pgettext("duration", "%s d")
    count = seconds / unit
    tenths = abs(count) < 10 and not f"{count:.1f}".endswith(".0")
    return said.replace(" ", "\u00a0") % decimal(count, 1 if tenths else 0)


def age_html(moment_: datetime, *, ago: bool = False) -> SafeString:
    """An age with the exact time behind it; ``ago`` says so where it could be taken for a wait."""
    words = age_text(moment_)
    if ago and (clock.now() - moment_).total_seconds() >= MINUTE:
        words = _("%s ago") % words
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        f"{moment_:%Y-%m-%dT%H:%M:%SZ}",
        moment_text(moment_, zone=True),
        words,
    )


# -- states -----------------------------------------------------------------------------------


def path_states(noun: type[Record]) -> tuple[str, ...]:
    """The states from first to last when all goes well."""
    return noun.schema.machine.path if noun.schema.machine else ()


def state_tone(noun: type[Record], state: str) -> str:
    """The colour of a state, the same everywhere: first, on the way, there, or off the path."""
    states = path_states(noun)
    if state not in states:
        return "grey"
    if state == states[-1]:
        return "green"
    if state == states[0]:
        return "slate"
    to_go = len(states) - 1 - states.index(state)
    return {1: "violet", 2: "amber"}.get(to_go, "sky")


def state_html(noun: type[Record], state: str) -> SafeString:
    return badge(wording.state_label(state), state_tone(noun, state))


def badge(label: str | Promise, tone: str) -> SafeString:
    """A coloured word."""
    return format_html('<span class="state tone-{}">{}</span>', tone, label)


def key_standing_html(key: ApiKey) -> SafeString:
    """What an API key is worth now."""
    said = {"valid": _("valid"), "expired": _("expired"), "revoked": _("revoked")}
    return badge(said[key.standing], "green" if key.standing == "valid" else "grey")


# -- links and values -------------------------------------------------------------------------


def page_url(noun: type[models.Model], page: str, *args: str) -> str:
    """The address of a noun's page: ``page_url(Lead, "change", id)``."""
    meta = noun._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=args)


def record_link(record: Noun) -> SafeString:
    if record.is_card:
        return format_html("{}", str(record))  # there is no page of it for whoever reads
    return format_html(
        '<a href="{}">{}</a>', page_url(type(record), "change", record.pk), str(record)
    )


def visible_name(other: Noun | None) -> str:
    """The name of a record that another refers to; one that the actor does not see has none."""
    return _("not yours") if other is None else str(other)


def about_references(noun: type[Record]) -> tuple[Field, ...]:
    """Whom and what a record is about: the first references of its first groups, not to who works on it."""
    names = [name for _title, names in noun.schema.groups[:2] for name in names]
    fields = [noun.schema.by_name[name] for name in names]
    return tuple(f for f in fields if f.type == "reference" and f.name not in WORKERS)[:2]


def subtitle(record: Noun, fields: Sequence[Field]) -> str:
    """What stands below a record's name in a list: the names of the first two that it refers to."""
    filled = [f for f in fields if getattr(record, f.column)]
    return " · ".join(visible_name(getattr(record, f.name)) for f in filled[:2])


def initials(name: str) -> str:
    """``Ada Chen`` → ``AC``."""
    parts = [part for part in name.split() if part[:1].isalnum()]
    return "".join(part[0] for part in (parts[:1] + parts[1:][-1:])).upper()


def field_html(record: Noun, field: Field, *, links: bool = True) -> SafeString | str:
    """The value of one field of ``record`` as HTML; empty when there is none."""
    if field.type == "reference":
        if not getattr(record, field.column):
            return ""
        other = getattr(record, field.name)
        return (
            record_link(other)
            if links and other is not None
            else conditional_escape(visible_name(other))
        )
    found = field.computed(record) if field.computed else getattr(record, field.column)
    if found is None or found == "":
        return ""
    if (late := overdue_html(record, field)) is not None:
        return late
    if (whole := days.whole_day(record, field)) is not None:
        return day_html(whole)
    machine = record.schema.machine
    if machine and field.name == machine.name:
        return state_html(type(record), found)
    return value_html(field, found, currency=getattr(record, "currency", None), links=links)


def value_text(record: Noun, field: Field) -> str:
    """The value of one field as text within a sentence; empty when there is none."""
    found = getattr(record, field.column)
    if found is None or found == "":
        return ""
    if field.type == "reference":
        return visible_name(getattr(record, field.name))
    if (whole := days.whole_day(record, field)) is not None:
        return day_text(whole)
    if field.type == "datetime":
        return moment_text(found)
    if field.type == "date":
        return day_text(found)
    return "…" if field.type == "json" else str(value_html(field, found, links=False))


def value_html(field: Field, found: Any, *, currency: str | None = None, links: bool = True) -> Any:
    """A value of ``field``'s type as HTML."""
    match field.type:
        case "money":
            return money(found, currency)
        case "integer" if (field.minimum or 0) >= 1000:
            return str(found)  # a year: no number of anything
        case "number" | "integer" if field.unit:
            return number_with_unit(found, field.unit)
        case "number" | "integer":
            return number(found)
        case "bool":
            return _("Yes") if found else _("No")
        case "enum":
            return wording.state_label(found)
        case "datetime":
            return age_html(found, ago=True)
        case "date":
            return day_html(found)
        case "url" if links:
            short = re.sub(r"^https?://(www\.)?", "", found).rstrip("/")
            return format_html('<a href="{}" rel="noopener noreferrer">{}</a>', found, short)
        case "email" if links:
            return format_html('<a href="mailto:{}">{}</a>', found, found)
        case "text" if links:
            return folded_text(found)
        case "json":
            return _json_html(found)
    return str(found)


def overdue_html(record: Noun, field: Field) -> SafeString | None:
    """When an open record had to be done, and since when that is over; None where it is not."""
    noun, machine = type(record), record.schema.machine
    if field.name != noun.Surface.due or machine is None:
        return None
    if getattr(record, machine.name) not in getattr(noun, "OPEN", ()):
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
        words = format_html(_("{age} overdue"), age=age_html(moment))
        return format_html('<span class="late">{}</span>', words)
    return format_html('<span class="late">{} · {}</span>', day_html(day), _("overdue"))


def day_html(found: date) -> SafeString:
    """A day, the same wherever one reads."""
    return format_html('<time datetime="{}">{}</time>', f"{found:%Y-%m-%d}", day_text(found))


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


def _json_html(found: Any) -> SafeString | str:
    """JSON as people would write it: a list of alike objects as a table, else as it is."""
    if isinstance(found, list) and found and all(isinstance(item, dict) for item in found):
        keys = list(dict.fromkeys(name for item in found for name in item))
        head = format_html_join(
            "", "<th>{}</th>", ((wording.json_key_label(name),) for name in keys)
        )
        rows = [
            format_html_join("", "<td>{}</td>", ((_json_text(item.get(name)),) for name in keys))
            for item in found
        ]
        body = format_html_join("", "<tr>{}</tr>", ((row,) for row in rows))
        return format_html(
            '<div class="scrolls"><table class="inner"><tr>{}</tr>{}</table></div>', head, body
        )
    return format_html("<pre>{}</pre>", json.dumps(found, indent=2, ensure_ascii=False))


def _json_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
