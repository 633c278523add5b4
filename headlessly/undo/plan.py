"""What a request did, record by record, and what of it can be taken back.

A request is everything with one request id in the log. For each record that it changed there is a
:class:`RecordChange`, built only from the request's events. It is compared with the current record: values
that somebody has changed since stay, and so does everything that depends on something that stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from headlessly.access import tenancy, visibility
from headlessly.declaration import labels
from headlessly.declaration.custom_values import has_value
from headlessly.language import wording
from headlessly.language.wording import SUBJECT
from headlessly.log.events import Event, plain_json
from headlessly.log.names import PLATFORM_EVENTS

if TYPE_CHECKING:
    from headlessly.declaration.described_field import Field
    from headlessly.declaration.record import Record
    from headlessly.declaration.verbs import Verb
    from headlessly.execution.execution import Execution


#: The code for a record that stays because the actor no longer sees it.
HIDDEN = "hidden"


@dataclass(frozen=True)
class Reason:
    """Why a record stays as it is: a code for programs, a sentence, and the fields in question."""

    code: str
    message: str
    fields: tuple[str, ...] = ()


def changed_again(noun: type[Record], wires: Iterable[str]) -> Reason:
    """Returns the reason that somebody has changed fields since."""
    wires = tuple(wires)
    names = [labels.field_label(noun.schema.fields[wire]) for wire in wires]
    said = _("%(fields)s: changed again since.") % {"fields": wording.join_with_and(names)}
    return Reason("changed", said, wires)


def is_closed(record: Record, wires: Iterable[str]) -> Reason | None:
    """Returns the reason that a record's final state closes one of these fields, or None."""
    machine = record.schema.machine
    if machine is None:
        return None
    names = [record.schema.fields[wire].name for wire in wires]
    state = getattr(record, machine.name)
    closed = set(machine.closed.get(str(state), ()))
    if machine.name in names or not closed.intersection(names):
        return None
    said = _("%(this)s is %(state)s and stays so.") % {
        "this": capfirst(labels.this_noun(type(record))),
        "state": wording.state_label(state),
    }
    return Reason("closed", said, tuple(w for w in wires if record.schema.fields[w].name in closed))


def ids_by_noun(changes: Iterable[Any]) -> dict[type[Record], list[str]]:
    """Returns the ids of changes, whether they can be taken back or not, by noun."""
    found: dict[type[Record], list[str]] = {}
    for change in changes:
        found.setdefault(change.noun, []).append(change.id)
    return found


def unseen_ids(changes: Iterable[Any]) -> set[str]:
    """Returns the ids of those records that the actor does not see."""
    if visibility.visible_owner_of_actor() is None:
        return set()
    by_noun = ids_by_noun(changes)
    return {id for noun, ids in by_noun.items() for id in visibility.invisible_ids(noun, ids)}


def values_in_log(record: Record) -> dict[str, Any]:
    """Returns the values of a record by wire name, as the log has them."""
    return plain_json(record.as_json())


@dataclass
class RecordChange:
    """What a request did to one record, from before its first event to after its last."""

    noun: type[Record]
    id: str
    events: list[Event]
    record: Record | None = None  #: the current record, locked
    stays: Reason | None = None
    undone: bool = False  #: whether it is as it was before the request
    changed_quietly: bool = False  #: whether only quiet verbs changed it since
    #: In a part of a request: whether it waits for records that refer to it and are not in the part.
    waits: bool = False
    put_off: bool = False  #: whether its reason to stay may disappear in a later attempt

    @property
    def name(self) -> str:
        """The name of the record; if the actor no longer sees it, as the request left it."""
        if self.stays is None or self.stays.code != HIDDEN:
            return str(self.record)
        title = self.noun.schema.name_field
        return str((self.events[-1].data or {}).get(title.wire) or self.id)

    @property
    def first(self) -> int:
        return self.events[0].version or 1

    @property
    def last(self) -> int:
        return self.events[-1].version or 1

    @property
    def created(self) -> bool:
        """Whether the request created the record."""
        return self.first == 1

    @property
    def has_gap(self) -> bool:
        """Whether another request changed the record between two events of this one."""
        return self.last - self.first + 1 != len(self.events)

    @cached_property
    def presence(self) -> list[Verb]:
        """The verbs of the request that deleted or restored the record, in order."""
        known = self.noun.schema.verbs_by_event
        found = (known.get(event.name) for event in self.events)
        return [verb for verb in found if verb is not None and (verb.deletes or verb.restores)]

    @property
    def was_there(self) -> bool:
        """Whether the record existed before the request."""
        return not self.created and not (self.presence and self.presence[0].restores)

    @property
    def is_there(self) -> bool:
        """Whether the record existed after the request."""
        return not (self.presence and self.presence[-1].deletes)

    @property
    def returns(self) -> bool:
        """Whether the undo restores the record."""
        return self.was_there and not self.is_there

    @property
    def goes(self) -> bool:
        """Whether the undo deletes the record."""
        return self.is_there and not self.was_there

    @property
    def goes_by_merging(self) -> bool:
        """Whether the undo merges the record again, because the request unmerged it."""
        return self.goes and not self.created and self.presence[0].corrects

    @cached_property
    def changed(self) -> dict[str, tuple[Any, Any]]:
        """The fields that the request changed, with their values before and after it."""
        before: dict[str, Any] = {}
        for event in self.events:
            for wire, value in (event.previous or {}).items():
                before.setdefault(wire, value)
        after, fields = self.events[-1].data, self.noun.schema.fields
        return {
            fields[wire].wire: (value, after.get(wire))  # the field may have another name now
            for wire, value in before.items()
            if wire in fields and value != after.get(wire)
        }

    @cached_property
    def now(self) -> dict[str, Any]:
        assert self.record is not None
        return values_in_log(self.record)

    @property
    def references(self) -> set[str]:
        """The records that it refers to now, or did when it was deleted, including the tenant's own
        fields."""
        columns = (field.column for field in self.noun.schema.references.values())
        return {id for column in columns if (id := getattr(self.record, column))}

    def judge(self) -> None:
        """Determine whether this record alone can be as it was."""
        assert self.record is not None
        there = self.record.deleted_at is None
        if not self.was_there and not self.is_there:
            self.undone = True  # it was created and deleted within the request
        elif self.goes:
            self.undone = not there
            self.stays = self._touched(self._values_left()) if there else None
        elif self.returns and there:
            self.undone = not self._differs()
            self.stays = None if self.undone else self._touched(self.changed)
        elif not self.returns and not there:
            self.stays = Reason("deleted", _("It was deleted since."))
        elif not self.returns and not self._differs():
            self.undone = True
        else:
            self.stays = self._touched(self.changed)

    def _differs(self) -> bool:
        """Whether there is anything to take back. Moments that follow from events do not count."""
        fields, now = self.noun.schema.fields, self.now
        return any(
            now.get(wire) == after or not (fields[wire].follows_events or now.get(wire) == before)
            for wire, (before, after) in self.changed.items()
        )

    def _values_left(self) -> dict[str, tuple[Any, Any]]:
        """Returns all values that the request left in a record that it created."""
        after = self.events[-1].data
        return {
            f.wire: (None, next((after[n] for n in (f.wire, *f.former) if n in after), None))
            for f in self.noun.schema.stored
        }

    def _touched(self, changed: Mapping[str, tuple[Any, Any]]) -> Reason | None:
        """Returns the reason to leave the record alone because somebody else has changed it since, or
        None."""
        assert self.record is not None
        fields = self.noun.schema.fields
        # Moments that follow from events change by themselves, which is no reason to stay.
        again = [
            wire
            for wire, (_before, after) in changed.items()
            if self.now.get(wire) != after and not fields[wire].follows_events
        ]
        if again and not (self.goes and self.changed_quietly):
            return changed_again(self.noun, again)
        return None if self.goes else is_closed(self.record, list(changed))

    def refers_to(self, ids: Iterable[str]) -> str | None:
        """Returns the one of ``ids`` that it would no longer refer to after the undo."""
        wanted = set(ids)
        fields = self.noun.schema.fields
        for wire, (_before, after) in self.changed.items():
            if fields[wire].type == "reference" and after in wanted:
                return after
        return None


@dataclass
class Plan:
    """What a request did, and what of it can be taken back."""

    events: list[Event]
    changes: dict[str, RecordChange] = field(default_factory=dict)
    #: For each record that goes: the records of the plan that refer to it.
    referrers: dict[str, set[str]] = field(default_factory=dict)
    #: In a part of a request: further events that caused something in it.
    around: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        for event in self.events:
            noun = event.noun
            if noun is None or event.target is None:
                continue
            found = self.changes.setdefault(event.target, RecordChange(noun, event.target, []))
            found.events.append(event)

    @cached_property
    def roots(self) -> list[Event]:
        """The events that were not caused by a change of another record of the request: those of the caller,
        and the first ones of a script, an import, an undo or a rule."""
        return [
            event
            for event in self.events
            if event.target in self.changes and self.cause_of(event) is None
        ]

    def cause_of(self, event: Event) -> Event | None:
        """Returns the event of the request about a record that caused this one, or None. Events about no
        record are skipped: that a script or a rule ran, or that a request was undone."""
        cause = self._by_id.get(event.cause or "")
        while cause is not None and cause.target is None:
            cause = self._by_id.get(cause.cause or "")
        return cause

    @cached_property
    def _by_id(self) -> dict[str, Event]:
        return {event.id: event for event in (*self.events, *self.around)}

    @property
    def tracked(self) -> int:
        """How many tracked events the request left; these stay in the log."""
        return sum(e.target is None and e.name not in PLATFORM_EVENTS for e in self.events)

    @property
    def possible(self) -> list[RecordChange]:
        """The changes to take back, in their original order."""
        return [
            c for c in self.changes.values() if c.stays is None and not c.undone and not c.waits
        ]

    @property
    def staying(self) -> list[RecordChange]:
        return [c for c in self.changes.values() if c.stays is not None]

    def lock_records(self, execution: Execution) -> None:
        """Lock the records in one order, so that two undos do not block each other."""
        for id in sorted(self.changes):
            change = self.changes[id]
            change.record = execution.lock(change.noun, id, deleting=change.goes, restoring=True)

        self.look_for_quiet_changes()

    def look_for_quiet_changes(self) -> None:
        """Find the created records that only quiet verbs have changed since, such as a score that a rule
        counted. They count as unchanged by people, and may go."""
        made = {c.id: c for c in self.changes.values() if c.goes and c.record is not None}
        quiet = {
            name
            for noun in {c.noun for c in made.values()}
            for name, verb in noun.schema.verbs_by_event.items()
            if verb.quiet
        }
        later = {id: c.last for id, c in made.items() if c.record and c.record.version > c.last}
        if not quiet or not later:
            return
        since = Event.log.filter(target__in=list(later), version__gt=min(later.values()))
        loud = {
            target
            for target, version, name in since.values_list("target", "version", "name")
            if target is not None and (version or 0) > later[target] and name not in quiet
        }
        for id in later.keys() - loud:
            made[id].changed_quietly = True

    def judge(self, refused: Mapping[str, Reason]) -> None:
        """Determine what can be taken back; ``refused`` are records that cannot, as an attempt has shown."""
        self.judge_each(refused)
        while self._keep_what_hangs_on_what_stays():
            pass

    def judge_each(self, refused: Mapping[str, Reason]) -> None:
        """Determine for each record alone whether it can be taken back."""
        for change in self.changes.values():
            change.judge()
            change.stays = change.stays or refused.get(change.id)
        self._refuse_what_others_refer_to()

    def _refuse_what_others_refer_to(self) -> None:
        """Keep records that would go but that other records refer to by now."""
        for noun, ids in ids_by_noun(c for c in self.possible if c.goes).items():
            for other, reference in noun.schema.all_referrers:
                for id in self.referred_beside(noun, ids, other, reference):
                    self._keep_referred(id, labels.a_noun(other, SUBJECT))
            # Members keep the record that this one is merged into.
            ids = [id for id in ids if not self.changes[id].goes_by_merging]
            for model, name in noun.schema.platform_referrers:
                of_ids: dict[str, Any] = {"tenant": tenancy.require(), f"{name}__in": ids}
                found = model._default_manager.filter(**of_ids)
                for id in found.values_list(name, flat=True):
                    self._keep_referred(id, str(model._meta.verbose_name))
        self.referrers = self._referrers_within()

    def referred_beside(
        self, noun: type[Record], ids: list[str], other: type[Record], reference: Field
    ) -> Iterable[str]:
        """Returns those of these records that an ``other`` refers to by this field which the request did not
        change."""
        refers = has_value(reference.column, OuterRef("pk"))
        others = other.objects.filter(refers).exclude(pk__in=list(self.changes))
        return noun.objects.filter(Exists(others), pk__in=ids).values_list("pk", flat=True)

    def _keep_referred(self, id: str, who: str) -> None:
        said = _("It is referred to since, by %(who)s.") % {"who": who}
        self.changes[id].stays = Reason("referred", said)

    def _referrers_within(self) -> dict[str, set[str]]:
        """Returns the records of the plan that now refer to those that go."""
        going: dict[str, set[str]] = {change.id: set() for change in self.possible if change.goes}
        for change in self.changes.values():
            if change.record is None or change.record.deleted_at is not None:
                continue
            for id in change.references & going.keys():
                if id != change.id:
                    going[id].add(change.id)
        return going

    def _keep_what_hangs_on_what_stays(self) -> bool:
        """Keep records that depend on a record that stays; returns whether there were any."""
        staying = {c.id: c for c in self.staying}
        made = [id for id, change in staying.items() if change.goes]
        by_event = {event.id: c for c in staying.values() for event in c.events}
        found = False
        for change in self.possible:
            other = None if change.goes else staying.get(change.refers_to(made) or "")
            if other is not None:
                said = _("It led to %(what)s, which stays.")
            elif (other := self._kept_cause(change, by_event)) is not None:
                said = _("It came of what was done to %(what)s, which stays.")
            elif change.goes and (other := self._kept_referrer(change)) is not None:
                said = _("What refers to it stays: %(what)s.")
            else:
                continue
            change.stays, found = (
                Reason("belongs", said % {"what": labels.the_noun(other.noun, SUBJECT)}),
                True,
            )
        return found

    def _kept_cause(
        self, change: RecordChange, by_event: Mapping[str, RecordChange]
    ) -> RecordChange | None:
        causes = (self.cause_of(event) for event in change.events)
        kept = (by_event.get(cause.id) for cause in causes if cause is not None)
        return next((c for c in kept if c is not None and c.id != change.id), None)

    def _kept_referrer(self, change: RecordChange) -> RecordChange | None:
        """Returns a record of the plan that will still refer to ``change``, which would go."""
        for id in self.referrers.get(change.id, ()):
            other = self.changes[id]
            if other.goes and other.stays is None:
                continue
            lets_go = other.stays is None and not other.undone and other.refers_to([change.id])
            if not lets_go:
                return other
        return None
