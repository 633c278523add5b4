"""Taking a change back: what one event did, undone by an ordinary verb, or why it is not possible.

Fields get their former values through ``update``, as far as they are still as the event left them and
are not closed. What only verbs set - a status, a reason - comes back through the machine's own step where
it has one, else by ``rollback``, and that only while nothing has happened since. A touch that was
written by mistake is deleted, what was deleted is restored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.admin import display
from headlessly.admin.event_facts import follows
from headlessly.admin.event_text import Entry
from headlessly.declaration import labels
from headlessly.declaration.record import Record
from headlessly.declaration.values import to_json_value
from headlessly.errors import Conflict
from headlessly.execution import executor
from headlessly.language import wording
from headlessly.language.wording import SUBJECT
from headlessly.log.events import Event
from headlessly.nouns import Noun


@dataclass
class Undo:
    """The way back from one event: a verb and what it takes, or the reason why there is none."""

    record: Noun
    event: Event
    verb: str = ""
    sends: dict[str, Any] = field(default_factory=dict)
    reason: str = ""

    @property
    def url(self) -> str:
        return display.page_url(type(self.record), "undo", self.record.pk)


def offer_undo(record: Noun, entries: Iterable[Entry]) -> None:
    """Give each entry about ``record`` or about a touch of it its way back."""
    entries = list(entries)
    others: dict[type[Record], set[str]] = {}
    for entry in entries:
        noun, target = record.registry.get(entry.event.target_type or ""), entry.event.target
        if noun is not None and noun.Surface.engagements and target and target != record.pk:
            others.setdefault(noun, set()).add(target)
    known = {record.pk: record}
    for noun, ids in others.items():
        known |= {found.pk: found for found in noun.objects.filter(pk__in=ids)}
    for entry in entries:
        if (about := known.get(entry.event.target or "")) is not None:
            entry.undo = find_undo(about, entry.event)


def find_undo(record: Noun, event: Event) -> Undo | None:
    """How ``event`` is undone on ``record`` as it is now; None where the actor may not write at all."""
    noun, actor = type(record), actors.current()
    undo = Undo(record, event)
    if event.previous is None or event.version == 1:
        if not noun.Surface.engagements or not actors.may(actor, "delete", noun):
            return None
        undo.verb = "delete"
        return undo
    if event.verb == "Deleted":
        undo.verb = "restore"
        return undo if record.deleted_at and actors.may(actor, "restore", noun) else None
    if not actors.may(actor, "update", noun) or not event.previous:
        return None
    undo.reason = _undo_fields(undo)
    return undo


def _undo_fields(undo: Undo) -> str:
    """Find the way back through fields; the reason where there is none."""
    record, event = undo.record, undo.event
    schema, machine = record.schema, record.schema.machine
    state = getattr(record, machine.name) if machine else None
    if machine and record.pk == event.target:
        fields = [schema.fields.get(wire) for wire in event.previous]
        if any(f is not None and f.name in machine.closed.get(str(state), ()) for f in fields):
            return _("%(this)s is %(state)s and stays so.") % {
                "this": capfirst(labels.this_noun(type(record))),
                "state": wording.state_label(state),
            }
    told = [
        f
        for wire in event.previous
        if (f := schema.fields.get(wire)) is not None and not follows(f)
    ]
    if not told:
        return _("There is nothing to take back.")
    for f in told:
        if value_in_event(getattr(record, f.column)) != event.data.get(f.wire):
            return _("%(field)s was changed again since.") % {"field": labels.field_label(f)}
    was = {f.wire: event.previous[f.wire] for f in told}
    moves = next((f.wire for f in told if machine and f.name == machine.name), None)
    if machine and moves is not None:
        # Through the machine where a plain change leads back, else as if it had not happened.
        back = [s for s in machine.steps_from(str(state)) if s.target == was[moves]]
        if any(step.via == "update" for step in back):
            undo.verb, undo.sends = "update", {moves: was[moves]}
            return ""
    elif all(not f.read_only for f in told):
        undo.verb, undo.sends = "update", was
        return ""
    return _roll_back(undo)


def _roll_back(undo: Undo) -> str:
    if undo.event.version != undo.record.version:
        this = capfirst(labels.the_noun(type(undo.record), SUBJECT))
        return _("%(this)s was changed since: take that back first.") % {"this": this}
    if not actors.may(actors.current(), "rollback", type(undo.record)):
        return _("Your role may not take this back.")
    undo.verb = "rollback"
    return ""


def carry_out(undo: Undo) -> Noun:
    """Do it. Raises the reason as Conflict, or what the verb refuses with; then nothing has changed."""
    if undo.reason:
        raise Conflict(undo.reason, type=type(undo.record).__name__, id=undo.record.pk)
    sends = undo.sends
    if undo.verb == "rollback":
        sends = {"asOf": _moment_before(undo)}
    verb = type(undo.record).verbs[undo.verb]
    version = undo.record.version if undo.verb != "restore" else None
    return executor.run(verb, undo.record.pk, sends, wire=True, if_match=version)


def _moment_before(undo: Undo) -> datetime:
    """A moment at which the version before the event was the valid one."""
    past = type(undo.record).past.objects.filter(
        Q(tenant_id=undo.record.tenant_id), record=undo.record.pk, valid_to=undo.event.timestamp
    )
    found = past.order_by("-seq").values_list("valid_from", flat=True).first()
    if found is None or found >= undo.event.timestamp:
        raise Conflict(_("This cannot be taken back alone."), id=undo.record.pk)
    return found


def value_in_event(value: Any) -> Any:
    """A column's value as an event keeps it."""
    value = to_json_value(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}" + (f".{value:%f}" if value.microsecond else "") + "Z"
    return value.isoformat() if hasattr(value, "isoformat") else value
