"""An event as people tell it: who did what, what it changed, and what it caused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from headlessly import ids
from headlessly.access import actors
from headlessly.access.models import ApiKey, User
from headlessly.admin import display
from headlessly.declaration import days
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import wire_name
from headlessly.language.wording import OBJECT
from headlessly.log.names import SCRIPT_RAN

if TYPE_CHECKING:
    from headlessly.declaration.schema import Field
    from headlessly.log.events import Event
    from headlessly.nouns import Noun

#: How many of the caused events one entry shows.
CAUSED = 12
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
        return display.inside_sentence(self.label)

    @property
    def long(self) -> bool:
        return len(str(self.was)) + len(str(self.now)) > LONG


@dataclass
class Entry:
    """One event as people tell it."""

    event: Event
    who: str
    did: str
    moved: tuple[Any, Any] | None = None
    changes: list[Change] = field(default_factory=list)
    about: tuple[str, str] | None = None  #: another record: its name and its address
    said: str = ""  #: what a touch says
    because: Entry | None = None
    caused: list[Entry] = field(default_factory=list)
    more: int = 0
    plain: bool = False  #: whether ``did`` tells of no more than a change of fields
    nothing: bool = False  #: whether not even a field was changed
    undo: Any = None
    script: str = ""  #: the code of the script that did this
    proposer: str = ""  #: who proposed that script, where it was another

    @property
    def only(self) -> Change | None:
        """The one thing that a plain change changed: told in the sentence itself."""
        return self.changes[0] if self.plain and len(self.changes) == 1 else None

    @property
    def long(self) -> bool:
        return len(self.said) > LONG

    @property
    def when(self) -> Any:
        return display.time(self.event.timestamp)


class Teller:
    """Tells events; every name that they need is fetched once, per kind of thing."""

    def __init__(self, found: list[Event], names: dict[str, str] | None = None) -> None:
        proposed = (event.data.get("proposedBy") for event in found if event.name == SCRIPT_RAN)
        self.actors = actor_names({event.actor for event in found} | set(filter(None, proposed)))
        self.names = record_names(_references(found)) | (names or {})

    def tell(self, event: Event, *, about: bool = False) -> Entry:
        noun = registry.get(event.target_type or "")
        entry = Entry(event, self.actors.get(event.actor, _("Somebody")), "")
        if event.name == SCRIPT_RAN:
            entry.did = _("ran a script")
            self._in_script(entry, event)
            return entry
        if noun is None:
            entry.did = _("recorded %s") % display.tracked_event_label(event.name)
            entry.changes = [
                Change(display.json_key_label(key), "", value)
                for key, value in properties(event.data or {})
            ]
            return entry
        if about:
            entry.about = (_name(noun, event), display.place(noun, "change", event.target))
        if about and noun.Surface.engagements:
            return self._touch(noun, entry)
        what = display.the_noun(noun) if about else display.this_noun(noun, OBJECT)
        entry.did = did(event.verb, what)
        machine = noun.schema.machine
        previous, now = dict(event.previous or {}), event.data or {}
        wire = noun.schema.by_name[machine.name].wire if machine else None
        if wire in previous:
            was = previous.pop(wire, None)
            if was is not None and now.get(wire):
                if event.verb != now[wire]:
                    entry.moved = (display.state(noun, was), display.state(noun, now[wire]))
                if event.verb == "Updated":
                    back = now[wire] == display.path(noun)[0] and was not in display.path(noun)
                    entry.did = _("reopened it") if back else _("moved")
        entry.changes = self.changes(noun, previous, now)
        if event.verb == "Updated" and entry.moved is None:
            entry.did = _("changed %s") % what if about else _("changed")
            entry.plain, entry.nothing = not about, not entry.changes
            if entry.nothing:
                entry.did = _("saved without a change")
            elif (one := entry.only) is None:
                entry.did = _("changed %s") % what
            elif not one.was:
                entry.did = _("added")
            elif not one.now:
                entry.did = _("emptied")
        return entry

    def explain(self, entry: Entry, cause: Event) -> None:
        """Say in ``entry`` why it happened: because of another verb, or in a script."""
        if cause.name == SCRIPT_RAN:
            self._in_script(entry, cause)
            return
        entry.because = self.tell(cause, about=cause.target is not None)

    def _in_script(self, entry: Entry, event: Event) -> None:
        data = event.data or {}
        entry.script = str(data.get("code") or "")
        entry.proposer = self.actors.get(data.get("proposedBy"), "")

    def _touch(self, noun: type[Noun], entry: Entry) -> Entry:
        """A touch told where it is about something: what kind, what was said, and not which fields."""
        event, touches, schema = entry.event, noun.Surface.engagements, noun.schema
        data = event.data or {}
        kind = data.get(schema.by_name[touches.kind].wire)
        case = display.the_kind_of_engagement if event.previous else display.a_kind_of_engagement
        entry.did = did(event.verb, case(kind or noun.__name__))
        wires = [schema.by_name[name].wire for name in touches.text_fields]
        if event.previous:
            told = [w for w in wires if w in event.previous]
            state = {schema.by_name[schema.machine.name].wire} if schema.machine else set()
            untold = {*wires, *state}  # what was said is told below, the state by the verb itself
            entry.changes = self.changes(
                noun, {w: was for w, was in event.previous.items() if w not in untold}, data
            )
        else:
            told = wires
            told_too = {schema.by_name[name].wire: None for name in touches.detail_fields}
            entry.changes = self.changes(noun, {w: None for w in told_too if data.get(w)}, data)
        entry.said = "\n".join(text for w in told if (text := data.get(w)))
        if entry.about and entry.said.startswith(entry.about[0].rstrip("…")):
            # The name is the first line of what was said: that line is the link, the rest follows.
            entry.said = entry.said[len(entry.about[0].rstrip("…")) :].strip()
            if entry.about[0].endswith("…"):
                entry.said = f"…{entry.said}"
        return entry

    def nest(self, entry: Entry, caused: dict[str, list[Event]], depth: int = 0) -> None:
        below = caused.get(entry.event.id, [])
        for event in below[:CAUSED]:
            same = event.target == entry.event.target
            child = self.tell(event, about=not same and event.target is not None)
            if depth < 2:
                self.nest(child, caused, depth + 1)
            if not _trivial(child):
                entry.caused.append(child)
        entry.more = max(0, len(below) - CAUSED)

    def changes(
        self, noun: type[Noun], previous: dict[str, Any], now: dict[str, Any]
    ) -> list[Change]:
        """The changes that one tells: from ``previous`` to ``now``, by wire names."""
        found = []
        for wire, was in previous.items():
            declared = noun.schema.fields.get(wire)
            if declared is not None and not follows(declared):
                is_day = declared.day_if is not None and now.get(wire_name(declared.day_if))
                was, value = (
                    self.value(declared, v, is_day=bool(is_day)) for v in (was, now.get(wire))
                )
                found.append(Change(display.field_label(declared), was, value))
        return found

    def value(self, declared: Field, value: Any, *, is_day: bool = False) -> Any:
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
            return display.day(days.moment_of_its_day(clean).date())
        if isinstance(clean, datetime):
            return display.moment(clean)
        return display.shown(declared, clean, links=False)


def did(event: str, what: str) -> str:
    """``converted this lead``: what an event did to what."""
    return _("%(did)s %(what)s") % {
        "did": display.inside_sentence(display.event_label(event)),
        "what": what,
    }


def follows(declared: Field) -> bool:
    """Whether a field is a moment that follows from what was done: the entry's own age tells it."""
    moment = declared.read_only or declared.name.startswith("last_")
    return declared.type == "datetime" and moment


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
            case str() if ids.is_id(value, (noun.prefix for noun in registry.values())):
                continue
            case _:
                yield key, value


def _trivial(entry: Entry) -> bool:
    """What was only touched along with something else is not told below it."""
    event = entry.event
    if event.verb != "Updated" or event.target_type is None:
        return False
    return not (entry.moved or entry.changes or entry.caused)


def _name(noun: type[Noun], event: Event) -> str:
    wire = noun.schema.by_name[noun.schema.columns[0]].wire
    return str((event.data or {}).get(wire) or event.target)


def _references(found: Iterable[Event]) -> dict[str, set[str]]:
    """The ids that the changes of these events mention, by noun."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for event in found:
        noun = registry.get(event.target_type or "")
        if noun is None:
            continue
        now = event.data or {}
        # Of a new record everything is told that its list shows, of others what changed.
        columns = (noun.schema.by_name[name].wire for name in noun.schema.columns)
        told = event.previous or dict.fromkeys(columns)
        for wire, was in told.items():
            declared = noun.schema.fields.get(wire)
            if declared is not None and declared.to:
                wanted[declared.to].update(filter(None, (was, now.get(wire))))
    return wanted


def record_names(wanted: dict[str, set[str]]) -> dict[str, str]:
    """The names of records, of deleted ones too; one query per noun."""
    return {
        record.pk: str(record)
        for name, of_noun in wanted.items()
        for record in registry[name].with_deleted.filter(pk__in=of_noun)
    }


def actor_names(ids: set[str]) -> dict[str, str]:
    """Who acted, as people call them."""
    names = {actors.SYSTEM.id: _("System"), actors.PUBLIC.id: _("A visitor")}
    users = [id for id in ids if id.startswith(User.prefix)]
    keys = [id for id in ids if id.startswith(ApiKey.prefix)]
    if users:
        names |= {user.pk: str(user) for user in User.objects.filter(pk__in=users)}
    if keys:
        names |= {k.pk: _("API key “%s”") % k.name for k in ApiKey.objects.filter(pk__in=keys)}
    return names
