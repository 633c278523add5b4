"""Describes what a proposal would do, for a reader with five seconds: each record, from what to what.

The events of a dry run become steps: the verb, the record, its changes, and below it the steps that it
causes.
"""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from headlessly.admin import display
from headlessly.admin.event_facts import (
    CHANGE,
    CREATE,
    DELETE,
    TRACK,
    Change,
    EventReader,
    kind_of,
    record_name,
    record_names,
    recorded_facts,
    verb_of,
)
from headlessly.declaration import labels
from headlessly.declaration.registry import registry
from headlessly.language import wording
from headlessly.log.events import Event
from headlessly.models import Proposal
from headlessly.nouns import Noun

#: How many levels of caused steps are shown below a step.
DEPTH = 3


@dataclass
class ProposalStep:
    """A verb that would be executed."""

    kind: str
    does: str  #: ``Update``, ``Create``, ``Convert``
    what: str  #: ``lead``
    name: str  #: the record's
    url: str = ""  #: for a record that already exists
    moved: tuple[Any, Any] | None = None
    changes: list[Change] = field(default_factory=list)
    caused: list[ProposalStep] = field(default_factory=list)
    other: bool = False  #: whether something about its record is different by now


@dataclass
class Difference:
    """Something that changed since the proposal was made."""

    name: str
    what: str
    was: Any = ""
    now: Any = ""


def proposal_summary(events: Sequence[Event]) -> str:
    """Returns a summary such as ``changes 3 leads; creates 1 deal``."""
    seen: dict[str, tuple[str, type[Noun]]] = {}
    for event in events:
        noun = event.noun
        if noun is None or event.target is None:
            continue
        kind = kind_of(event, verb_of(noun, event))
        known = seen.get(event.target)
        if known is None or (known[0] == CHANGE and kind == DELETE):
            seen[event.target] = (kind, noun)
    counted = Counter(seen.values())
    says = {
        DELETE: _("deletes %(what)s"),
        CHANGE: _("changes %(what)s"),
        CREATE: _("creates %(what)s"),
    }
    parts = []
    for kind, said in says.items():
        found = [(noun, n) for (k, noun), n in counted.items() if k == kind]
        if found:
            what = ", ".join(display.counted(noun, n) for noun, n in found)
            parts.append(said % {"what": what})
    return "; ".join(parts) or ngettext("records %d event", "records %d events", len(events)) % len(
        events
    )


class ProposalTeller:
    """Describes what a proposal would do, and what is different by now. Every name is fetched once."""

    def __init__(self, proposal: Proposal) -> None:
        events, self.different = proposal.events, proposal.differences or []
        self.events = [_with_all_changes(event) for event in events]
        self.made = {e.target: record_name(e) for e in events if e.version == 1 and e.target}
        meanwhile = self._of_what_is_different()
        self.names = meanwhile | {e.target: record_name(e) for e in events if e.target}
        self.reader = EventReader(self.events, meanwhile | self.made)
        self.others = {each["target"] for each in self.different}

    def _of_what_is_different(self) -> dict[str, str]:
        """Returns the names of records in the differences: their targets, and the records that fields
        refer to."""
        wanted: dict[str, set[str]] = defaultdict(set)
        for each in self.different:
            noun = registry.get(each["name"].partition(".")[0])
            if noun is None:
                continue
            if each["target"]:
                wanted[noun.__name__].add(each["target"])
            wire = (each["field"] or "").removeprefix("previous.")
            declared = noun.schema.fields.get(wire)
            if declared is not None and declared.type == "reference":
                there = {id for id in (each["was"], each["now"]) if id}
                wanted[declared.target_noun.__name__] |= there
        return dict(record_names(wanted))

    def steps(self) -> list[ProposalStep]:
        """Returns the steps in order, each with the steps that it causes."""
        here = {event.id for event in self.events}
        below: dict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            if event.cause in here:
                below[event.cause].append(event)
        first = [event for event in self.events if event.cause not in here]
        return [self._step(event, below, 0) for event in first]

    def _step(self, event: Event, below: dict[str, list[Event]], depth: int) -> ProposalStep:
        step = self._step_alone(event)
        for each in below.get(event.id, ()) if depth < DEPTH else ():
            inner = self._step(each, below, depth + 1)
            if inner.changes or inner.moved or inner.caused or inner.kind != CHANGE:
                step.caused.append(inner)
        return step

    def _step_alone(self, event: Event) -> ProposalStep:
        """Returns the step without those that it causes."""
        facts = self.reader.facts(event)
        if facts is None:
            what = wording.tracked_event_label(event.name)
            return ProposalStep(TRACK, _("Record"), "", what, changes=recorded_facts(event))
        noun, verb = facts.noun, facts.verb
        step = ProposalStep(
            facts.kind,
            labels.verb_label(verb) if verb is not None else wording.event_label(event.verb),
            labels.noun_in_sentence(noun),
            facts.name,
            moved=facts.moved_in_words(),
            changes=self.reader.changes(noun, facts.previous, facts.data),
            other=event.target in self.others,
        )
        if event.target not in self.made:
            step.url = facts.url
        if facts.kind == CREATE:
            label = labels.field_label(noun.schema.name_field)
            step.changes = [c for c in step.changes if c.now not in ("", None) and c.label != label]
        return step

    def differences(self) -> list[Difference]:
        """Returns what is different by now, in words."""
        found: dict[tuple[Any, Any], Difference] = {}
        for each in self.different:
            target, wire = each["target"], each["field"]
            noun = registry.get(each["name"].partition(".")[0])
            name = self.names.get(target) or (
                labels.a_noun(noun) if noun else wording.tracked_event_label(each["name"])
            )
            if wire is None:
                gone = each["now"] is None
                what = (
                    _("“%(event)s” would no longer happen")
                    if gone
                    else _("“%(event)s” would now happen as well")
                ) % {"event": _event_label(each["name"])}
                found[target, each["name"]] = Difference(name, what)
            elif wire == "$version":
                found.setdefault((target, "$version"), Difference(name, _("was changed meanwhile")))
            elif wire != "cause":
                told = self._different_value(noun, name, each)
                found |= {(target, wire): told} if told is not None else {}
        changed = {target for target, wire in found if wire != "$version"}
        return [
            d for (target, wire), d in found.items() if wire != "$version" or target not in changed
        ]

    def _different_value(
        self, noun: type[Noun] | None, name: str, each: dict[str, Any]
    ) -> Difference | None:
        """Returns the difference of one field; None for a computed field."""
        before = each["field"].startswith("previous.")
        wire = each["field"].removeprefix("previous.")
        declared = noun.schema.fields.get(wire) if noun is not None else None
        if declared is not None and declared.computed:
            return None
        label = wording.inside_sentence(
            labels.field_label(declared) if declared is not None else wording.json_key_label(wire)
        )
        what = (_("%(field)s is another by now") if before else _("%(field)s would be another")) % {
            "field": label
        }
        said = [
            self.reader.value(declared, value) if declared is not None else value
            for value in (each["was"], each["now"])
        ]
        return Difference(name, what, said[0] or "–", said[1] or "–")


def _event_label(name: str) -> str:
    """Returns the label of an event's name: ``Lost``."""
    noun, _dot, event = name.partition(".")
    return wording.event_label(event) if noun in registry else wording.tracked_event_label(name)


def _with_all_changes(event: Event) -> Event:
    """Returns the event with all values of a new record as changes, so that every name in them is looked
    up."""
    noun = event.noun
    if noun is None or event.version != 1:
        return event
    data, whole = event.data or {}, copy.copy(event)
    whole.previous = {
        f.wire: None
        for f in noun.schema.stored
        if data.get(f.wire) not in (None, "", False) and data.get(f.wire) != f.default
    }
    return whole
