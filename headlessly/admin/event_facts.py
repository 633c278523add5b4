"""The facts of an event with all names looked up. The timeline, previews and proposals are made of these."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.apps import apps
from django.utils.translation import gettext as _

from headlessly import ids
from headlessly.access import tenancy
from headlessly.access.actor_names import actor_names
from headlessly.admin import display, field_values
from headlessly.declaration import days, labels
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import Field, wire_name
from headlessly.declaration.verbs import Verb
from headlessly.language import wording
from headlessly.log.events import Event
from headlessly.log.names import LEFT_OUT
from headlessly.nouns import Noun
from headlessly.query import reports

#: What an event does to its record. TRACK is for an event that no verb left, which changes none.
CREATE, CHANGE, DELETE, TRACK = "create", "change", "delete", "track"
#: Values with more characters are folded.
LONG = 140


@dataclass
class Change:
    """A changed field; ``was`` or ``now`` is empty where there was or is no value."""

    label: str
    was: Any
    now: Any

    @property
    def inside(self) -> str:
        """The label as it is written within a sentence."""
        return wording.inside_sentence(self.label)

    @property
    def long(self) -> bool:
        return len(str(self.was)) + len(str(self.now)) > LONG


@dataclass
class EventFacts:
    """The parts of an event about a noun's record."""

    noun: type[Noun]
    id: str  #: the record's
    name: str  #: the record's
    verb: Verb | None
    kind: str
    #: The states before and after if the event changed the state; the first is None if there was none.
    moved: tuple[Any, Any] | None
    previous: dict[str, Any]  #: the previous values of its other changes, by wire name
    data: dict[str, Any]

    @property
    def url(self) -> str:
        return display.page_url(self.noun, "change", self.id)

    def moved_in_words(self) -> tuple[Any, Any] | None:
        """Returns the states as coloured words."""
        if self.moved is None:
            return None
        was, now = (display.state_html(self.noun, state) if state else "" for state in self.moved)
        return was, now


class EventReader:
    """Reads the facts of events. All names in them are fetched at once, with one query per noun.

    ``names`` are those of records that do not exist yet.
    """

    def __init__(self, events: Iterable[Event], names: dict[str, str] | None = None) -> None:
        self.names = record_names(_references(events)) | (names or {})

    def facts(self, event: Event) -> EventFacts | None:
        """Returns the facts of an event; None if it is tracked and about no noun."""
        noun = event.noun
        if noun is None or event.target is None:
            return None
        previous, data = dict(event.previous or {}), event.data or {}
        machine = noun.schema.machine
        wire = noun.schema.by_name[machine.name].wire if machine else None
        moved = None
        if wire is not None and wire in previous:
            moved = previous.pop(wire), data.get(wire)
        verb = verb_of(noun, event)
        kind = kind_of(event, verb)
        name = record_name(event)
        if name == event.target:
            name = self.names.get(name, name)
        return EventFacts(noun, event.target, name, verb, kind, moved, previous, data)

    def changes(
        self,
        noun: type[Noun],
        previous: dict[str, Any],
        now: dict[str, Any],
        *,
        followed: bool = False,
    ) -> list[Change]:
        """Returns the changes to show, from ``previous`` to ``now`` by wire name. ``followed`` includes
        fields that follow from other records."""
        found = []
        for wire, was in previous.items():
            declared = noun.schema.fields.get(wire)
            if declared is None or declared.for_programs:
                continue
            if declared.follows_events and not followed:
                continue
            is_day = declared.day_if is not None and bool(now.get(wire_name(declared.day_if)))
            before, after = (
                self.value(declared, v, currency=event_currency(noun, said), is_day=is_day)
                for v, said in ((was, now | previous), (now.get(wire), now))
            )
            found.append(Change(labels.field_label(declared), before, after))
        return found

    def value(
        self, declared: Field, value: Any, *, currency: str | None = None, is_day: bool = False
    ) -> Any:
        """Returns a value of an event for reading, an amount in ``currency``; empty for None."""
        if value is None or value == "":
            return ""
        if declared.type == "reference":
            return self.names.get(value, value)
        if declared.type == "json":
            return "…"
        try:
            clean = declared.clean(value)
        except ValueError:
            return value
        if is_day:
            return display.day_text(days.moment_of_its_day(clean).date())
        if isinstance(clean, datetime):
            return display.moment_text(clean)
        return field_values.value_html(declared, clean, currency=currency, links=False)


def event_currency(noun: type[Noun], data: dict[str, Any]) -> str:
    """Returns the currency of a record's amounts as of an event."""
    own = noun.schema.currency
    said = own and data.get(noun.schema.by_name[own.name].wire)
    return said or tenancy.require().currency


def verb_of(noun: type[Noun], event: Event) -> Verb | None:
    """Returns the verb that leaves this event, or None."""
    return noun.schema.verbs_by_event.get(event.name)


def kind_of(event: Event, verb: Verb | None) -> str:
    """Returns what an event does to its record: ``create``, ``change`` or ``delete``."""
    if event.version == 1:
        return CREATE
    return DELETE if verb is not None and verb.deletes else CHANGE


def record_name(event: Event) -> str:
    """Returns the name of the event's record as it is after the event."""
    noun = event.noun
    if noun is None:
        return event.name
    wire = noun.schema.name_field.wire
    return str((event.data or {}).get(wire) or event.target)


def recorded_facts(event: Event) -> list[Change]:
    """Returns the properties of a tracked event."""
    return [
        Change(wording.json_key_label(key), "", value)
        for key, value in properties(event.data or {})
    ]


def left_out_facts(event: Event) -> list[Change]:
    """Returns the cells of an imported file that no field holds."""
    cells = (event.data or {}).get(LEFT_OUT) or {}
    return [Change(heading, "", cell) for heading, cell in cells.items()]


def properties(data: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields the properties of a tracked event, nested ones too, but not ids, which mean nothing to a
    reader."""
    for key, value in data.items():
        match value:
            case None:
                continue
            case dict():
                yield from properties(value)
            case bool():
                yield key, _("Yes") if value else _("No")
            case int() | float():
                yield key, display.number(value)
            case str() if ids.is_id(value, _prefixes()):
                continue
            case _:
                yield key, value


@cache
def _prefixes() -> frozenset[str]:
    """Returns the prefixes of all ids: of records, runs, keys."""
    found = (getattr(model, "prefix", None) for model in apps.get_models())
    return frozenset(each for each in found if isinstance(each, str))


def _references(events: Iterable[Event]) -> dict[str, set[str]]:
    """Returns the ids in the changes of these events, by noun, and the ids of their records where an event
    does not have the name."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for event in events:
        noun = event.noun
        if noun is None:
            continue
        if event.target and record_name(event) == event.target:
            wanted[noun.__name__].add(event.target)
        now = event.data or {}
        # A new record shows all columns of its list, others what changed.
        columns = (noun.schema.by_name[name].wire for name in noun.schema.columns)
        previous = event.previous or dict.fromkeys(columns)
        for wire, was in previous.items():
            declared = noun.schema.fields.get(wire)
            if declared is not None and declared.to:
                wanted[declared.to].update(filter(None, (was, now.get(wire))))
    return wanted


def record_names(wanted: dict[str, set[str]]) -> dict[str, str]:
    """Returns the names of records, including deleted ones, with one query per noun."""
    named = (reports.record_names(registry[name], ids_) for name, ids_ in wanted.items())
    return {id: name for of_noun in named for id, name in of_noun.items()}


#: How many events are searched for the one that changed a field.
LOOKED_AT = 50


def who_changed(record: Noun, version: int | None, field: Field | None = None) -> str:
    """Returns the name of the last person who changed a record, or one field of it, since ``version``."""
    found = type(record).history(record).filter(version__gt=version or 0)[:LOOKED_AT]
    told = (e for e in found if field is None or field.wire in (e.previous or {}))
    if (event := next(iter(told), None)) is None:
        return _("Somebody")
    return actor_names({event.actor}).get(event.actor) or _("Somebody")
