"""Puts events into words: who did what, what it changed, and what it caused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from headlessly.access.actor_names import actor_names, acts_by_itself
from headlessly.admin import display
from headlessly.admin.event_facts import (
    LONG,
    Change,
    EventFacts,
    EventReader,
    left_out_facts,
    recorded_facts,
)
from headlessly.declaration import labels
from headlessly.declaration.engagements import Engagements
from headlessly.declaration.next_steps import reopens
from headlessly.language import wording
from headlessly.language.wording import OBJECT
from headlessly.log.events import Event
from headlessly.log.names import (
    IMPORT_STARTED,
    REQUEST_UNDONE,
    SCRIPT_RAN,
    VIEW_ENTERED,
    VIEW_EVENTS,
)

#: How many caused events an entry shows.
CAUSED = 12
#: Marks the place of the record's name in a sentence: in German the verb follows it.
NAME = "\N{OBJECT REPLACEMENT CHARACTER}"


@dataclass
class Entry:
    """An event in words."""

    event: Event
    who: str
    did: str
    after: str = ""  #: the rest of the sentence, after the record's name
    moved: tuple[Any, Any] | None = None
    changes: list[Change] = field(default_factory=list)
    about: tuple[str, str] | None = None  #: another record: its name and its address
    said: str = ""  #: the text of a touch
    because: Entry | None = None
    caused: list[Entry] = field(default_factory=list)
    more: int = 0
    plain: bool = False  #: whether ``did`` only says that fields changed
    nothing: bool = False  #: whether not even a field changed
    undo: Any = None
    imported: str = ""  #: the file that was imported
    script: str = ""  #: the code of the script that did this
    proposer: str = ""  #: who proposed the script, if somebody else did

    @property
    def only(self) -> Change | None:
        """The single change of a plain entry, which the sentence itself names."""
        return self.changes[0] if self.plain and len(self.changes) == 1 else None

    @property
    def automatic(self) -> bool:
        """Whether a rule or the product did this by itself. How a record began is told all the same."""
        begins = self.event.version == 1 and self.about is None
        return acts_by_itself(self.event.actor) and not begins

    @property
    def caused_groups(self) -> list[list[Entry]]:
        return fold_automatic(self.caused)

    @property
    def long(self) -> bool:
        return len(self.said) > LONG

    @property
    def when(self) -> Any:
        return display.age_html(self.event.timestamp)


def fold_automatic(entries: list[Entry]) -> list[list[Entry]]:
    """``entries`` in their order, each alone; automatic ones that follow each other are together."""
    groups: list[list[Entry]] = []
    for entry in entries:
        if entry.automatic and groups and groups[-1][-1].automatic:
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return groups


class Teller:
    """Puts events into words. All names in them are fetched at once, with one query per noun."""

    def __init__(self, events: list[Event], here: str | None = None) -> None:
        self.here = here  #: the record of the page, which is always called "this lead"
        proposed = (event.data.get("proposedBy") for event in events if event.name == SCRIPT_RAN)
        self.actors = actor_names({event.actor for event in events} | set(filter(None, proposed)))
        self.reader = EventReader(events)

    def tell(self, event: Event, *, about: bool = False) -> Entry:
        """Returns ``event`` in words; ``about`` adds the name of its record, for pages about something
        else."""
        entry = self._told(event, about)
        before, _mark, after = entry.did.partition(NAME)
        entry.did, entry.after = before.rstrip(), after.lstrip()
        return entry

    def _told(self, event: Event, about: bool) -> Entry:
        entry = Entry(event, self.actors.get(event.actor, _("Somebody")), "")
        if (did := self._tell_process(entry, event)) is not None:
            entry.did = did
            return entry
        facts = self.reader.facts(event)
        if event.name in VIEW_EVENTS:
            _in_view(entry, event)
            if about and facts is not None:
                entry.about = (facts.name, facts.url)
            return entry
        if facts is None:
            sentence = wording.tracked_event_sentence(event.name, event.data or {})
            if sentence is None:
                sentence = _("recorded %s") % wording.tracked_event_label(event.name)
                entry.changes = recorded_facts(event)
            entry.did = sentence
            return entry
        noun = facts.noun
        if about:
            entry.about = (facts.name, facts.url)
            if (touches := noun.Surface.engagements) is not None:
                return self._touch(facts, entry, touches)
        what = f"{labels.the_noun(noun)} {NAME}" if about else labels.this_noun(noun, OBJECT)
        entry.did = _did(event.verb, what)
        if facts.moved is not None and facts.moved[0] is not None and facts.moved[1]:
            if event.verb != facts.moved[1]:
                entry.moved = facts.moved_in_words()
            if event.verb == "Updated":
                back = reopens(noun, *facts.moved)
                if about:
                    entry.did = (_("reopened %s") if back else _("moved %s")) % what
                else:
                    entry.did = _("reopened it") if back else _("moved")
        entry.changes = self.reader.changes(noun, facts.previous, facts.data)
        if event.version != 1:  # a new record's page has them anyway
            entry.changes += left_out_facts(event)
        if event.verb == "Updated" and entry.moved is None:
            entry.did = _("changed %s") % what
            entry.plain, entry.nothing = not about, not entry.changes
            if entry.nothing:
                # Something did change: fields that follow from other records, such as the last activity.
                if event.cause is None:
                    entry.changes = self.reader.changes(
                        noun, facts.previous, facts.data, followed=True
                    )
            elif (one := entry.only) is not None and not one.long:
                said = _("added %s") if not one.was else _("changed %s")
                entry.did = (said if one.now else _("emptied %s")) % one.inside
        return entry

    def explain(self, entry: Entry, cause: Event) -> None:
        """Notes in ``entry`` why it happened: because of another verb, or in a script."""
        if (did := self._tell_process(entry, cause)) is not None:
            if cause.name == REQUEST_UNDONE:
                entry.did, entry.nothing = did, False
            return
        if cause.target is None and cause.actor == entry.event.actor:
            return  # a rule that ran or a form that was sent says no more than the actor does
        entry.because = self.tell(cause, about=cause.target is not None)

    def _tell_process(self, entry: Entry, event: Event) -> str | None:
        """Returns the sentence for a script, an import or an undo, and notes in ``entry`` which one it
        was; None for any other event."""
        data = event.data or {}
        if event.name == SCRIPT_RAN:
            entry.script = str(data.get("code") or "")
            entry.proposer = self.actors.get(data.get("proposedBy") or "", "")
            return _("ran a script")
        if event.name == IMPORT_STARTED:
            entry.imported = str(data.get("file") or data.get("type") or "")
            return _("started an import")
        return _("took something back") if event.name == REQUEST_UNDONE else None

    def _touch(self, facts: EventFacts, entry: Entry, touches: Engagements) -> Entry:
        """Describes a touch on the page of a record that it is about: its kind and its text rather than
        its fields."""
        event, schema = entry.event, facts.noun.schema
        data = facts.data
        kind = data.get(schema.by_name[touches.kind].wire)
        case = wording.the_kind_of_engagement if event.previous else wording.a_kind_of_engagement
        entry.did = _did(event.verb, f"{case(kind or facts.noun.__name__)} {NAME}")
        wires = [schema.by_name[name].wire for name in touches.text_fields]
        if event.previous:
            # The text is shown below the sentence, and the verb implies the state.
            previous = {wire: was for wire, was in facts.previous.items() if wire not in wires}
            wires = [wire for wire in wires if wire in event.previous]
        else:
            tells = (schema.by_name[name].wire for name in touches.detail_fields)
            previous = {wire: None for wire in tells if data.get(wire)}
        entry.changes = self.reader.changes(facts.noun, previous, data)
        entry.said = "\n".join(text for wire in wires if (text := data.get(wire)))
        if entry.said.startswith(facts.name.rstrip("…")):
            # The name is the first line of the text and already the link: only the rest follows.
            entry.said = entry.said[len(facts.name.rstrip("…")) :].strip()
            if facts.name.endswith("…"):
                entry.said = f"…{entry.said}"
        return entry

    def nest(self, entry: Entry, caused: dict[str, list[Event]], depth: int = 0) -> None:
        below = caused.get(entry.event.id, [])
        made = {event.target for event in below if event.version == 1}
        for event in below[:CAUSED]:
            if _only_refers(event, made):
                continue
            known = (None, entry.event.target, self.here)
            child = self.tell(event, about=event.target not in known)
            if depth < 2:
                self.nest(child, caused, depth + 1)
            if not _trivial(child):
                entry.caused.append(child)
        entry.more = max(0, len(below) - CAUSED)


def _did(event: str, what: str) -> str:
    """Returns what an event did, such as ``converted this lead``. An event named after what came to pass,
    like ``AnswerMissed``, is "noted"."""
    words = wording.split_words(event).split()
    if words[-1].endswith("ed") and not words[0].endswith("ed"):
        return _("noted: %s") % wording.inside_sentence(wording.event_label(event))
    return _("%(did)s %(what)s") % {
        "did": wording.inside_sentence(wording.event_label(event)),
        "what": what,
    }


def _trivial(entry: Entry) -> bool:
    """Whether an entry only says that its record was touched along with another, which is not shown."""
    event = entry.event
    if event.verb != "Updated" or event.target_type is None:
        return False
    return not (entry.moved or entry.changes or entry.caused)


def _only_refers(event: Event, made: set[str | None]) -> bool:
    """Whether the only change is a reference to a record in ``made``, whose creation is shown anyway."""
    data, changed = event.data or {}, event.previous or {}
    return event.verb == "Updated" and bool(changed) and all(data.get(n) in made for n in changed)


def _in_view(entry: Entry, event: Event) -> None:
    """Describes which view a record entered or left."""
    name = (event.data or {}).get("viewName")
    view = _("“%s”") % name if name else _("a private view")
    said = _("brought it into %s") if event.name == VIEW_ENTERED else _("took it out of %s")
    entry.did = said % view
