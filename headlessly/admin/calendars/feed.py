"""Somebody's records with their days, for another calendar program, which asks by an address of its own.

The program has no session: whoever has the address reads what it gives, and nothing else. It ends when its
person makes another one, or is no member any more.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from headlessly.access import actors, tenancy, visibility
from headlessly.access.models import Membership
from headlessly.admin import display
from headlessly.database import timeouts
from headlessly.declaration import days, labels
from headlessly.declaration.registry import registry
from headlessly.errors import InvalidFilter
from headlessly.language.languages import ENGLISH
from headlessly.nouns import Noun
from headlessly.query import calendar_days

if TYPE_CHECKING:
    from icalendar import Event

#: How far the calendar reaches back and ahead, and how many records of a noun it has, from the first on.
BACK, AHEAD, MOST = timedelta(days=30), timedelta(days=366), 1_000
#: How often programs should ask.
REFRESH = timedelta(minutes=15)
#: Timeout of a statement, in milliseconds.
PATIENCE = 2_000
_signer = signing.Signer(salt="headlessly.calendar")


def feed_url(member: Membership) -> str:
    """Returns the address of a member's calendar; empty if they have none."""
    if not member.calendar_key:
        return ""
    token = _signer.sign(f"{member.pk}:{member.calendar_key}").replace(":", ".")
    place = reverse("calendar_feed", args=[token])
    return tenancy.context_url() + place[place.index("/feeds/") :]


def renew_feed(member: Membership) -> None:
    """Give a member an address for their calendar; a former one ends."""
    member.calendar_key = secrets.token_urlsafe(12)
    member.save(update_fields=["calendar_key"])


def end_feed(member: Membership) -> None:
    """End the address of a member's calendar."""
    member.calendar_key = ""
    member.save(update_fields=["calendar_key"])


@require_safe
def feed_view(request: HttpRequest, token: str) -> HttpResponse:
    """Returns the calendar; 404 for an address that never was one, or is none any more."""
    member = _find_member(token)
    if member is None:
        return HttpResponse(_("There is no such calendar."), status=404, content_type="text/plain")
    with actors.acting(member.actor), translation.override(member.user.language or ENGLISH):
        return HttpResponse(
            _calendar(member),
            content_type="text/calendar; charset=utf-8",
            headers={"Cache-Control": "private, no-cache"},
        )


def _find_member(token: str) -> Membership | None:
    try:
        pk, key = _signer.unsign(token.replace(".", ":")).split(":")
        of = Membership.objects.select_related("user", "tenant").filter(pk=int(pk))
    except (signing.BadSignature, ValueError):
        return None
    member = of.filter(tenant=tenancy.current(), user__is_active=True).first()
    valid = member is not None and secrets.compare_digest(member.calendar_key, key)
    return member if valid else None


def _calendar(member: Membership) -> bytes:
    # Slow to load, and only for this.
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//headlessly//EN")
    calendar.add("x-wr-calname", str(member.tenant))
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", REFRESH)
    if member.contact_id:
        for noun in registry.values():
            declared = noun.Surface.calendar
            if declared is not None and declared.is_fed and actors.may(member.actor, "read", noun):
                for record in _own_records(noun, member.contact_id):
                    calendar.add_component(_event(record))
    return calendar.to_ical()


def _own_records(noun: type[Noun], person: str) -> Iterator[Noun]:
    """Returns the records of a person that stand on the days of the calendar; none where reading them takes
    too long."""
    schema, today = noun.schema, days.today()
    if schema.owner is None:
        return
    moment = calendar_days.moment_of(noun)
    low, high = calendar_days.bounds(noun, today - BACK, today + AHEAD)
    about = schema.about or display.about_references(noun)
    found = (
        noun.objects.filter(**{schema.owner.column: person})
        .annotate(calendar_moment=moment)
        .filter(calendar_moment__gte=low, calendar_moment__lt=high)
        .order_by("calendar_moment", "pk")[:MOST]
    )
    try:
        with timeouts.statement_timeout(PATIENCE):
            yield from visibility.load_visible_references(
                found, dict.fromkeys(f.name for f in about), to_be_named=True
            )
    except InvalidFilter:
        return


def _event(record: Noun) -> Event:
    from icalendar import Event

    noun = type(record)
    declared = calendar_days.calendar_of(noun)
    start, end = calendar_days.span_of(record)
    event = Event()
    event.add("uid", f"{record.pk}@{tenancy.require().slug}")
    event.add("summary", str(record))
    event.add("dtstamp", record.updated_at)
    event.add("last-modified", record.updated_at)
    event.add("sequence", record.version)
    event.add("dtstart", start)
    if isinstance(start, datetime):
        if end is not None and end > start:
            event.add("dtend", end)
    else:
        event.add("dtend", (end or start) + timedelta(days=1))  # the first day after it
    about = display.subtitle(record, noun.schema.about or display.about_references(noun))
    state = ""
    if machine := noun.schema.machine:
        now = getattr(record, machine.name)
        state = labels.choice_label(noun.schema.by_name[machine.name], now)
    url = (
        f"{tenancy.context_url()}/admin/{noun._meta.app_label}/{noun._meta.model_name}/{record.pk}/"
    )
    event.add("description", "\n".join(filter(None, (about, state, url))))
    event.add("url", url)
    # A task takes no time of the day, so its owner is free.
    takes_time = bool(declared.start and getattr(record, declared.start))
    event.add("transp", "OPAQUE" if takes_time else "TRANSPARENT")
    return event
