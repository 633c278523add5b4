"""The suggestions in the form of an automation: events, verbs, waits, people and webhooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import npgettext

from crm.models.steps import PERSON, UNTIL, WORKING_DAY
from headlessly.declaration import days, labels
from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import Field, wire_name
from headlessly.log.names import OF, VIEW_EVENTS
from headlessly.query.saved_views import View
from headlessly.webhooks.models import Webhook

#: The most webhooks, and the most views, that are suggested.
MOST_OFFERED = 50
USUAL_WAITS = ("1 hour", "1 day", "3 days", "1 week", "1 month")


def offered_events() -> Iterator[tuple[str, str]]:
    """Yields the events that an automation may follow. Nothing can follow a deletion."""
    for noun in registry.values():
        for name in dict.fromkeys(verb.event for verb in noun.verbs.values() if not verb.deletes):
            yield name, labels.event_title(name)
    for name in VIEW_EVENTS:
        yield name, labels.event_title(name)
    for view in View.watched_ones().order_by("name", "id")[:MOST_OFFERED]:
        for name in VIEW_EVENTS:
            yield f"{name}{OF}{view.pk}", f"{view.name}: {labels.event_word(name)}"


def offered_verbs() -> Iterator[tuple[str, str]]:
    """Yields the verbs that a step may run."""
    for name, noun in registry.items():
        for verb in (verb for verb in noun.verbs.values() if not verb.takes_file):
            said = f"{labels.noun_title(noun)}: {labels.verb_label(verb)}"
            yield f"{name}.{wire_name(verb.name)}", said


def offered_waits() -> Iterator[tuple[str, str]]:
    """Yields usual durations, the next working day, and the date fields until which a run may wait."""
    for text in USUAL_WAITS:
        yield text, _duration_text(text)
    at_work = f"until {WORKING_DAY} 09:00"
    yield at_work, _until_text(_("a working day"), "09:00")
    for wire, label in _labels_by_wire(lambda f: f.type in ("date", "datetime")).items():
        yield f"until {wire}", _until_text(label, "")


def offered_people() -> Iterator[tuple[str, str]]:
    """Yields the references that lead to a person."""
    yield from _labels_by_wire(lambda field: field.to == PERSON).items()


def offered_inputs() -> Iterator[tuple[str, str]]:
    """Yields the fields that the input of a verb may have."""
    yield from _labels_by_wire(lambda field: True).items()


def offered_references() -> Iterator[tuple[str, str]]:
    """Yields all references."""
    yield from _labels_by_wire(lambda field: field.to is not None).items()


def _labels_by_wire(wanted: Callable[[Field], bool]) -> dict[str, str]:
    """Returns the labels of fields by wire name; if nouns differ, the first noun's label."""
    found: dict[str, str] = {}
    for noun in registry.values():
        for field in filter(wanted, noun.schema.stored):
            found.setdefault(field.wire, labels.field_label(field))
    return found


def offered_webhooks() -> Iterator[tuple[str, str]]:
    """Yields the tenant's webhooks with their addresses."""
    there = Webhook.objects.order_by("-created_at", "id")
    yield from there.values_list("pk", "url")[:MOST_OFFERED]


# -- waits in words ----------------------------------------------------------------------------------------


def wait_text(noun: type[Record], wait: Any) -> str:
    """Returns a wait in words: ``Wait 3 days``, ``Wait until Expected close date``."""
    if isinstance(wait, str) and (said := UNTIL.fullmatch(wait.strip())):
        wait = {name: text for name, text in said.groupdict().items() if text}
    if isinstance(wait, str):
        return _("Wait %s") % _duration_text(wait)
    at = wait.get("at", "09:00" if wait["until"] == WORKING_DAY else "")
    if wait["until"] == WORKING_DAY:
        until = _("a working day")
    else:
        field = noun.schema.fields.get(wait["until"])
        until = labels.field_label(field) if field else wait["until"]
    return _("Wait until %s") % f"{until} {at}".strip()


def _until_text(until: str, at: str) -> str:
    return _("until %s") % f"{until} {at}".strip()


def _duration_text(text: str) -> str:
    """Returns a duration such as ``3 days`` in the reader's language."""
    found = days.parse_relative(f"{text.strip()} from now")
    if found is None:
        return text
    count, unit, _direction = found
    match unit:
        case "m":
            said = npgettext("wait", "%d minute", "%d minutes", count)
        case "h":
            said = npgettext("wait", "%d hour", "%d hours", count)
        case "d":
            said = npgettext("wait", "%d day", "%d days", count)
        case "w":
            said = npgettext("wait", "%d week", "%d weeks", count)
        case "mo":
            said = npgettext("wait", "%d month", "%d months", count)
        case _:
            said = npgettext("wait", "%d year", "%d years", count)
    return said % count
