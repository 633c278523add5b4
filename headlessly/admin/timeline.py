"""What happened to a record, told in words: who, what, when, and what it caused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from .. import actors, events, ids, values
from ..models import ApiKey, User
from ..nouns import registry
from . import words

if TYPE_CHECKING:
    from ..events import Event
    from ..nouns import Noun

PAGE = 50
#: What a verb caused was recorded with it: it is looked for among the events right behind.
WITHIN = 64
#: How many of the caused events one entry shows.
CAUSED = 12


NOTHING = "saved without a change"
CHANGED, ADDED, EMPTIED = "changed", "added", "emptied"


@dataclass
class Change:
    """One field that changed; ``was`` or ``now`` is empty where there was or is no value."""

    label: str
    was: Any
    now: Any

    @property
    def inside(self) -> str:
        """The label within a sentence."""
        return self.label if self.label[:2].isupper() else self.label[:1].lower() + self.label[1:]


@dataclass
class Entry:
    """One event as people tell it."""

    event: Event
    who: str
    did: str
    moved: tuple[Any, Any] | None = None
    changes: list[Change] = field(default_factory=list)
    about: tuple[str, str] | None = None  #: another record: its name and its address
    because: Entry | None = None
    caused: list[Entry] = field(default_factory=list)
    more: int = 0

    @property
    def only(self) -> Change | None:
        """The one thing that a plain change changed: told in the sentence itself."""
        plain = self.did in (CHANGED, ADDED, EMPTIED)
        return self.changes[0] if plain and len(self.changes) == 1 else None

    @property
    def when(self) -> Any:
        return words.time(self.event.timestamp)


@dataclass
class Timeline:
    entries: list[Entry]
    older: int | None  #: the ``seq`` to go on from


def of(record: Noun, *, before: int | None = None, size: int = PAGE) -> Timeline:
    """The newest events of ``record``, with what they caused."""
    found = type(record).history(record)
    if before is not None:
        found = found.filter(seq__lt=before)
    rows = list(found[: size + 1])
    shown = rows[:size]
    caused = _caused(shown)
    causes = events.Event.objects.filter(id__in={e.cause for e in shown if e.cause})
    causes = {event.id: event for event in causes} if any(e.cause for e in shown) else {}
    teller = _Teller([*shown, *causes.values(), *(e for group in caused.values() for e in group)])
    own = {event.id for event in shown}
    entries = []
    for event in shown:
        if event.cause in own:
            continue  # told below the one that caused it
        entry = teller.tell(event)
        teller.nest(entry, caused)
        if event.cause in causes:
            entry.because = teller.tell(causes[event.cause], about=True)
            if entry.did == NOTHING:
                # What was touched along with something else is told as that.
                entry.did, entry.about = entry.because.did, entry.because.about
                entry.because = None
        entries.append(entry)
    return Timeline(entries, shown[-1].seq if len(rows) > size else None)


def _caused(found: list[Event]) -> dict[str, list[Event]]:
    """The events that these ones caused, by cause; one query on the log's own order."""
    near = Q()
    for event in found:
        near |= Q(seq__gt=event.seq, seq__lte=event.seq + WITHIN)
    groups: dict[str, list[Event]] = defaultdict(list)
    if found:
        for event in events.Event.objects.filter(near, cause__isnull=False).order_by("seq"):
            groups[event.cause].append(event)
    return groups


def since(record: Noun, version: int) -> list[Entry]:
    """What happened to a record after it was read at ``version``, newest first."""
    found = list(type(record).history(record).filter(version__gt=version)[:PAGE])
    teller = _Teller(found)
    return [teller.tell(event) for event in found]


class _Teller:
    """Tells events; every name that they need is fetched once, per kind of thing."""

    def __init__(self, found: list[Event]) -> None:
        self.actors = _actor_names({event.actor for event in found})
        self.names = _record_names(_references(found))

    def tell(self, event: Event, *, about: bool = False) -> Entry:
        noun = registry.get(event.target_type or "")
        entry = Entry(event, self.actors.get(event.actor, "Somebody"), "")
        if noun is None:
            entry.did = f"recorded {event.name.replace('_', ' ')}"
            entry.changes = [
                Change(words.spoken(key).replace("_", " "), "", value)
                for key, value in _properties(event.data or {})
            ]
            return entry
        this = words.title(noun).lower()
        if about:
            entry.about = (
                str((event.data or {}).get(noun.schema.columns[0]) or event.target),
                words.place(noun, "change", event.target),
            )
        entry.did = f"{words.spoken(event.verb).lower()} {'the' if about else 'this'} {this}"
        machine = noun.schema.machine
        previous, now = dict(event.previous or {}), event.data or {}
        wire = noun.schema.by_name[machine.name].wire if machine else None
        if wire in previous:
            was = previous.pop(wire, None)
            if was is not None and now.get(wire):
                if words.spoken(event.verb) != words.spoken(now[wire]):
                    entry.moved = (words.state(noun, was), words.state(noun, now[wire]))
                if event.verb == "Updated":
                    back = now[wire] == words.path(noun)[0] and was not in words.path(noun)
                    entry.did = "reopened it" if back else "moved"
        entry.changes = [
            change
            for wire, was in previous.items()
            if (change := self._change(noun, wire, was, now.get(wire))) is not None
        ]
        if event.verb == "Updated" and entry.moved is None:
            entry.did = CHANGED if not about else f"changed the {this}"
            if not entry.changes:
                entry.did = NOTHING
            elif len(entry.changes) == 1 and not about:
                one = entry.changes[0]
                entry.did = CHANGED if one.was and one.now else ADDED if one.now else EMPTIED
        return entry

    def nest(self, entry: Entry, caused: dict[str, list[Event]], depth: int = 0) -> None:
        below = caused.get(entry.event.id, [])
        for event in below[:CAUSED]:
            same = event.target == entry.event.target
            child = self.tell(event, about=not same and event.target is not None)
            if depth < 2:
                self.nest(child, caused, depth + 1)
            entry.caused.append(child)
        entry.more = max(0, len(below) - CAUSED)

    def _change(self, noun: type[Noun], wire: str, was: Any, now: Any) -> Change | None:
        declared = noun.schema.fields.get(wire)
        if declared is None:
            return None
        # Moments that a verb sets are told by the entry's own age.
        follows = declared.read_only or declared.name.startswith("last_")
        if declared.type == "datetime" and follows:
            return None
        return Change(words.label(declared), self._value(declared, was), self._value(declared, now))

    def _value(self, declared: Any, value: Any) -> Any:
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
        if isinstance(clean, datetime):
            return f"{words.day(clean)}, {clean:%H:%M}"
        return words.shown(declared, clean, links=False)


def _properties(data: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a tracked event says, what is inside of it too; ids are nothing to read."""
    for key, value in data.items():
        match value:
            case None:
                continue
            case dict():
                yield from _properties(value)
            case bool():
                yield key, "Yes" if value else "No"
            case int() | float():
                yield key, words.number(value)
            case str() if ids.is_id(value, (noun.prefix for noun in registry.values())):
                continue
            case _:
                yield key, value


def _references(found: Iterable[Event]) -> dict[str, set[str]]:
    """The ids that the changes of these events mention, by noun."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for event in found:
        noun = registry.get(event.target_type or "")
        if noun is None:
            continue
        for wire, was in (event.previous or {}).items():
            declared = noun.schema.fields.get(wire)
            if declared is not None and declared.to:
                wanted[declared.to].update(filter(None, (was, (event.data or {}).get(wire))))
    return wanted


def _record_names(wanted: dict[str, set[str]]) -> dict[str, str]:
    """The names of records, of deleted ones too; one query per noun."""
    return {
        record.pk: str(record)
        for name, of_noun in wanted.items()
        for record in registry[name].with_deleted.filter(pk__in=of_noun)
    }


def _actor_names(ids: set[str]) -> dict[str, str]:
    """Who acted, as people call them."""
    names = {actor.id: actor.name for actor in (actors.SYSTEM, actors.PUBLIC)}
    users = [id for id in ids if id.startswith(User.prefix)]
    keys = [id for id in ids if id.startswith(ApiKey.prefix)]
    if users:
        names |= {user.pk: str(user) for user in User.objects.filter(pk__in=users)}
    if keys:
        names |= {k.pk: f"API key “{k.name}”" for k in ApiKey.objects.filter(pk__in=keys)}
    return names


def checked_before(value: str | None) -> int | None:
    """The ``before`` of an address, or None for one that is not a number."""
    try:
        return int(value) if value and not values.UNSTORABLE.search(value) else None
    except ValueError:
        return None
