"""How values are shown on pages: states as coloured words, moments as ages, amounts as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.db import models
from django.template.defaultfilters import filesizeformat
from django.urls import Resolver404, get_script_prefix, get_urlconf, resolve, reverse
from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from headlessly.access import tenancy
from headlessly.access.models import ApiKey
from headlessly.background.runs import BackgroundRun
from headlessly.context import clock
from headlessly.declaration import labels
from headlessly.declaration.paths import WON
from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import Field
from headlessly.declaration.surface import WORKERS as WORKERS
from headlessly.errors import NotFound
from headlessly.language import wording
from headlessly.nouns import Noun

#: How many characters of a name are shown below another one.
LONGEST_BELOW = 60
#: Arguments that need no quoting in an address, such as ids.
PLAIN = re.compile(r"[A-Za-z0-9_]+")
#: Fields with phone numbers.
TELEPHONES = ("phone", "mobile")
MINUTE, HOUR, DAY = 60, 3_600, 86_400
#: Unambiguous currency signs. All other currencies are shown by their code.
SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


def age_text(moment: datetime, *, now: datetime | None = None) -> str:
    """Returns the age of a moment: ``3 d``, ``5 w``; ``in 2 h`` for one in the future."""
    seconds = ((now or clock.now()) - moment).total_seconds()
    distance = abs(seconds)
    if distance < MINUTE:
        return _("now")
    words = _distance_text(distance)
    return words if seconds > 0 else pgettext("age", "in %s") % words


def distance_text(distance: timedelta) -> str:
    """Returns the time between two moments: ``2 h``, ``35 min``."""
    return _distance_text(max(abs(distance.total_seconds()), MINUTE))


def _distance_text(seconds: float) -> str:
    if seconds < HOUR:
        return pgettext("age", "%d min") % (seconds // MINUTE)
    if seconds < DAY:
        return pgettext("age", "%d h") % (seconds // HOUR)
    if seconds < 14 * DAY:
        return pgettext("age", "%d d") % (seconds // DAY)
    if seconds < 60 * DAY:
        return pgettext("age", "%d w") % (seconds // (7 * DAY))
    if seconds < 730 * DAY:
        return pgettext("age", "%d mo") % (seconds // (30.44 * DAY))
    return pgettext("age", "%d y") % (seconds // (365.25 * DAY))


def day_text(value: date) -> str:
    """Returns a day as text: ``Jan 31, 2026``. The day of a moment is that in the reader's time zone."""
    if isinstance(value, datetime):
        value = timezone.localtime(value)
    return formats.date_format(value, "DATE_FORMAT")


def moment_text(value: datetime, *, zone: bool = False) -> str:
    """Returns a moment as text: ``Jan 31, 2026, 9:00 AM``. ``zone`` appends the time zone."""
    local = timezone.localtime(value)
    said = _minute_text(local.replace(tzinfo=None, second=0, microsecond=0), get_language())
    return f"{said} {local:%Z}" if zone else said


@lru_cache(maxsize=4096)
def _minute_text(local: datetime, language: str | None) -> str:
    """Returns a minute of local time as text. Cached, because pages show the same ones repeatedly."""
    day = formats.date_format(local, "DATE_FORMAT")
    return f"{day}, {formats.date_format(local, 'TIME_FORMAT')}"


def missing_rates_text(currencies: Sequence[str]) -> str:
    """Returns a note that amounts in these currencies are left out for want of an exchange rate; empty if
    there are none."""
    if not currencies:
        return ""
    return _("Without amounts in %s: there is no exchange rate.") % ", ".join(currencies)


def amount(value: Any) -> str:
    """Returns an amount without its currency: ``50,000`` or ``12.50``."""
    value = Decimal(str(value))
    return decimal(value, 0 if value == value.to_integral_value() else 2)


def decimal(value: Any, places: int) -> str:
    """Returns a number rounded to ``places`` decimals. Django's number_format would cut them off."""
    return _number_text(Decimal(f"{value:.{places}f}"), places, get_language())


def money(said: Any, currency: str | None) -> str:
    """Returns an amount, or its text, with its currency: ``$50,000``, ``50,000 CHF``."""
    said = said if isinstance(said, str) else amount(said)
    if not currency:
        return said
    if currency not in SIGNS:
        return f"{said}\u00a0{currency}"
    return pgettext("money", "%(sign)s%(amount)s") % {"sign": SIGNS[currency], "amount": said}


def number(value: Any) -> str:
    value = int(value) if float(value).is_integer() else value
    return _number_text(value, None, get_language())


@lru_cache(maxsize=8192)
def _number_text(value: Any, places: int | None, language: str | None) -> str:
    """Returns a number as text. Cached, because tables show the same ones repeatedly."""
    return str(formats.number_format(value, places, force_grouping=True))


def number_with_unit(value: float, unit: str) -> str:
    """A number in its unit, no more exact than one reads: ``15 min``, ``343 %``, ``1.2 MB``."""
    if unit == "bytes":
        return filesizeformat(value)
    places = 0 if float(value).is_integer() or abs(value) >= 10 else 1
    return f"{decimal(value, places)}\u00a0{pgettext(wording.UNIT, unit)}"


def percent(value: float | Decimal) -> str:
    """Returns a percentage: ``38 %``, with a decimal below ten: ``3.4 %``."""
    return f"{decimal(value, 1 if 0 < value < 10 else 0)}\u00a0%"


def duration(seconds: float | None) -> str:
    """Returns a duration: ``35 min``, ``4.5 h``, ``12 d``; a dash for None."""
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


def age_html(moment_: datetime | None, *, ago: bool = False) -> SafeString:
    """Returns an age with the exact time as its tooltip. ``ago`` adds the word where the age could be read
    as a wait. Empty for None: between finding and reading a record its moment may have been cleared."""
    if moment_ is None:
        return SafeString()
    words = age_text(moment_)
    if ago and (clock.now() - moment_).total_seconds() >= MINUTE:
        words = _("%s ago") % words
    return moment_html(moment_, words)


def moment_html(moment_: datetime, words: str) -> SafeString:
    """Returns words about a moment, with the exact time as their tooltip."""
    when = escape(moment_text(moment_, zone=True))
    return mark_safe(
        f'<time datetime="{moment_:%Y-%m-%dT%H:%M:%SZ}" title="{when}">{escape(words)}</time>'
    )


# -- states -----------------------------------------------------------------------------------


def path_states(noun: type[Record]) -> tuple[str, ...]:
    """Returns the states from first to last when all goes well."""
    return noun.schema.machine.path if noun.schema.machine else ()


def state_tone(noun: type[Record], state: str) -> str:
    """Returns the colour of a state, which depends on its place on the path: first, on the way, last, or
    off the path."""
    states = path_states(noun)
    if noun.schema.machine and noun.schema.machine.kinds.get(state) == WON:
        return "green"
    if state not in states:
        return "grey"
    if state == states[-1]:
        return "green"
    if state == states[0]:
        return "slate"
    to_go = len(states) - 1 - states.index(state)
    return {1: "violet", 2: "amber"}.get(to_go, "sky")


def state_html(noun: type[Record], state: str) -> SafeString:
    machine = noun.schema.machine
    field = noun.schema.by_name[machine.name] if machine else None
    label = labels.choice_label(field, state) if field else wording.state_label(state)
    return badge(label, state_tone(noun, state))


def record_state_html(record: Noun) -> SafeString | str:
    """Returns the state of a record; empty if its noun has no machine."""
    machine = record.schema.machine
    return state_html(type(record), getattr(record, machine.name)) if machine else ""


def badge(label: str | Promise, tone: str) -> SafeString:
    """Returns a coloured word."""
    return format_html('<span class="state tone-{}">{}</span>', tone, label)


def key_standing_html(key: ApiKey) -> SafeString:
    """Returns the badge of an API key: valid, expired or revoked."""
    said = {"valid": _("valid"), "expired": _("expired"), "revoked": _("revoked")}
    return badge(said[key.standing], "green" if key.standing == "valid" else "grey")


def run_badge(run: BackgroundRun, *, tried: str | None = None) -> SafeString:
    """Returns the badge of a background run. ``tried`` is the word for a dry run that has completed."""
    status = run.Status(run.status)
    said = {
        run.Status.QUEUED: _("waiting"),
        run.Status.RUNNING: _("at work"),
        run.Status.COMPLETED: tried if tried and run.dry_run else _("done"),
        run.Status.FAILED: _("failed"),
        run.Status.CANCELLED: _("cancelled"),
    }
    over = "green" if status == run.Status.COMPLETED else "grey"
    return badge(said[status], over if run.finished else "amber")


# -- links and values -------------------------------------------------------------------------


def page_url(noun: type[models.Model], page: str, *args: str) -> str:
    """Returns the address of a noun's page: ``page_url(Lead, "change", id)``."""
    meta = noun._meta
    return named_url(f"admin:{meta.app_label}_{meta.model_name}_{page}", *args)


def record_url(record: Record) -> str:
    """Returns the address of a record's page."""
    return page_url(type(record), "change", record.pk)


def named_url(name: str, *args: str) -> str:
    """Returns the address of a page by its URL name."""
    if not all(map(PLAIN.fullmatch, args)):
        return reverse(name, args=args)
    return _address(name, len(args), get_urlconf(), get_script_prefix()).format(*args)


@lru_cache(maxsize=4096)
def _address(name: str, parts: int, urlconf: str | None, prefix: str) -> str:
    """Returns an address as a format string with ``parts`` places. Cached, because a page may have a
    hundred addresses."""
    found = reverse(name, args=[f"-{number}-" for number in range(parts)])
    for number in range(parts):
        before, _place, after = found.rpartition(f"-{number}-")
        found = f"{before}{{{number}}}{after}"
    return found


def record_of_page(path: str) -> Noun | None:
    """Returns the record whose page ``path`` is, or None."""
    start = reverse("admin:index")
    if not path.startswith(start):
        return None
    try:
        match = resolve(f"/admin/{path.removeprefix(start)}")
    except Resolver404:
        return None
    for noun in registry.values():
        meta = noun._meta
        if match.url_name == f"{meta.app_label}_{meta.model_name}_change":
            try:
                return noun.get(match.kwargs["id"])
            except NotFound:
                return None
    return None


def record_named(text: str) -> Noun | None:
    """Returns the record named ``Lead.lead_1``, as forms send it; None if the actor does not see it."""
    name, _dot, id = text.partition(".")
    noun: type[Noun] | None = registry.get(name)
    return None if noun is None else noun.objects.filter(pk=id).first()


def record_link(record: Noun) -> SafeString:
    if record.is_card:
        return format_html("{}", str(record))  # the actor may see its name but not its page
    return format_html('<a href="{}">{}</a>', record_url(record), str(record))


def counted(noun: type[Record], count: int) -> str:
    """Returns a count with the noun: ``3 deals``."""
    named = labels.noun_in_sentence if count == 1 else labels.plural_in_sentence
    return f"{number(count)} {named(noun)}"


def visible_name(other: Noun | None) -> str:
    """Returns the name of a referenced record; "not yours" if the actor does not see it."""
    return _("not yours") if other is None else str(other)


def about_references(noun: type[Record]) -> tuple[Field, ...]:
    """Returns the fields that say whom and what a record is about: the first references of its first
    groups, without owners and the like."""
    names = [name for _title, names in noun.schema.groups[:2] for name in names]
    fields = [noun.schema.by_name[name] for name in names]
    return tuple(f for f in fields if f.type == "reference" and f.name not in WORKERS)[:2]


def subtitle(record: Noun, fields: Sequence[Field]) -> str:
    """Returns the text below a record's name in a list: the first two names it refers to that its own name
    does not contain."""
    filled = [f for f in fields if getattr(record, f.column)]
    names = dict.fromkeys(visible_name(getattr(record, f.name)) for f in filled)
    own = str(record)
    below = [name for name in names if not says(own, name)]
    return " · ".join(cut(name, LONGEST_BELOW) for name in below[:2])


def says(text: str, name: str) -> bool:
    """Whether a name occurs in a text as whole words: ``Acme`` in ``acme: new site``, not in ``Acmeon``."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None


def cut(text: str, longest: int) -> str:
    """Returns the text, cut to ``longest`` characters."""
    return text if len(text) <= longest else Truncator(text).chars(longest)


def record_currency(record: Noun) -> str:
    """Returns the currency of a record's amounts."""
    own = record.schema.currency
    return (own and getattr(record, own.attname)) or tenancy.require().currency


def initials(name: str) -> str:
    """Returns the initials of a name: ``Ada Chen`` → ``AC``."""
    parts = [part for part in name.split() if part[:1].isalnum()]
    return "".join(part[0] for part in (parts[:1] + parts[1:][-1:])).upper()
