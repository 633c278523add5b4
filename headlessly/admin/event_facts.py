"""What an event says of its record, with every name in it: what the timeline tells, and what a preview and a
proposal foretell, is all made of these."""

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

#: What an event does to its record; one that no verb left does nothing to any.
CREATE, CHANGE, DELETE, TRACK = "create", "change", "delete", "track"
#: Longer values are folded, in characters.
LONG = 140


@dataclass
class Change:
    """One field that changed; ``was`` or ``now`` is empty where there was or is no value."""

    label: str
    was: Any
    now: Any

    @property
    def inside(self) -> str:
        """The label within a sentence."""
        return wording.inside_sentence(self.label)

    @property
    def long(self) -> bool:
        return len(str(self.was)) + len(str(self.now)) > LONG


@dataclass
class EventFacts:
    """One event of a noun's record, taken apart."""

    noun: type[Noun]
    id: str  #: of the record
    name: str  #: of the record
    verb: Verb | None
    kind: str
    #: The states before and after, where it changed the state; the first is None where there was none.
    moved: tuple[Any, Any] | None
    previous: dict[str, Any]  #: the former values of its other changes, by wire name
    data: dict[str, Any]

    @property
    def url(self) -> str:
        return display.page_url(self.noun, "change", self.id)

    def moved_in_words(self) -> tuple[Any, Any] | None:
        """The states as coloured words."""
        if self.moved is None:
            return None
        was, now = (display.state_html(self.noun, state) if state else "" for state in self.moved)
        return was, now


class EventReader:
    """Takes events apart; every name that they need is fetched once, per kind of thing.

    ``names`` are those of records that are not there yet."""

    def __init__(self, events: Iterable[Event], names: dict[str, str] | None = None) -> None:
        self.names = record_names(_references(events)) | (names or {})

    def facts(self, event: Event) -> EventFacts | None:
        """None of an event that was only recorded and is of no noun."""
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
        """The changes that one tells: from ``previous`` to ``now``, by wire names; with ``followed`` also
        those that follow from other records."""
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
        """A value of an event as one reads it, an amount in ``currency``; empty where there is none."""
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
    """In which currency the amounts are that a record had, by its fields as an event has them."""
    own = noun.schema.currency
    said = own and data.get(noun.schema.by_name[own.name].wire)
    return said or tenancy.require().currency


def verb_of(noun: type[Noun], event: Event) -> Verb | None:
    """The verb that leaves this event."""
    return noun.schema.verbs_by_event.get(event.name)


def kind_of(event: Event, verb: Verb | None) -> str:
    """What it does to its record: ``create``, ``change`` or ``delete``."""
    if event.version == 1:
        return CREATE
    return DELETE if verb is not None and verb.deletes else CHANGE


def record_name(event: Event) -> str:
    """The name of the record that an event is about, as it is after it."""
    noun = event.noun
    if noun is None:
        return event.name
    wire = noun.schema.name_field.wire
    return str((event.data or {}).get(wire) or event.target)


def recorded_facts(event: Event) -> list[Change]:
    """What an event says that was only recorded."""
    return [
        Change(wording.json_key_label(key), "", value)
        for key, value in properties(event.data or {})
    ]


def left_out_facts(event: Event) -> list[Change]:
    """What the file of an import said with it that no field holds."""
    cells = (event.data or {}).get(LEFT_OUT) or {}
    return [Change(heading, "", cell) for heading, cell in cells.items()]


def properties(data: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a tracked event says, what is inside of it too; ids are nothing to read."""
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
    """How the ids of all that is kept begin: records, runs, keys."""
    found = (getattr(model, "prefix", None) for model in apps.get_models())
    return frozenset(each for each in found if isinstance(each, str))


def _references(events: Iterable[Event]) -> dict[str, set[str]]:
    """The ids that the changes of these events mention, by noun, and of what they are about where they do not
    say its name."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for event in events:
        noun = event.noun
        if noun is None:
            continue
        if event.target and record_name(event) == event.target:
            wanted[noun.__name__].add(event.target)
        now = event.data or {}
        # Of a new record everything is told that its list shows, of others what changed.
        columns = (noun.schema.by_name[name].wire for name in noun.schema.columns)
        previous = event.previous or dict.fromkeys(columns)
        for wire, was in previous.items():
            declared = noun.schema.fields.get(wire)
            if declared is not None and declared.to:
                wanted[declared.to].update(filter(None, (was, now.get(wire))))
    return wanted


def record_names(wanted: dict[str, set[str]]) -> dict[str, str]:
    """The names of records, of deleted ones too; one query per noun."""
    named = (reports.record_names(registry[name], ids_) for name, ids_ in wanted.items())
    return {id: name for of_noun in named for id, name in of_noun.items()}


#: How many events after a version are searched for who changed a field.
LOOKED_AT = 50


def who_changed(record: Noun, version: int | None, field: Field | None = None) -> str:
    """The name of whoever changed a record, or one field of it, last since it was read at ``version``."""
    found = type(record).history(record).filter(version__gt=version or 0)[:LOOKED_AT]
    told = (e for e in found if field is None or field.wire in (e.previous or {}))
    if (event := next(iter(told), None)) is None:
        return _("Somebody")
    return actor_names({event.actor}).get(event.actor) or _("Somebody")
