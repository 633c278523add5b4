"""The timeline of a record, newest first: its own events and those of its touches.

A record that became another shares its timeline: a lead and its deal show the same one. It holds the events
of all these records, and of the touches about any of them. What a verb caused is told below it. What rules
did in a row is one line that opens.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from headlessly.admin.event_facts import recorded_facts
from headlessly.admin.event_text import Entry, Teller, fold_automatic
from headlessly.admin.records.parts import is_part
from headlessly.admin.undo import offer_undo
from headlessly.declaration import engagements, values
from headlessly.declaration.record import Record
from headlessly.declaration.values import TEXT_TYPES
from headlessly.log import events
from headlessly.log.events import Event
from headlessly.nouns import Noun

PAGE = 50
#: Caused events are logged right after their cause: this many events are searched for them.
WITHIN = 64
#: How many touches of a record a timeline includes, the newest ones.
TOUCHES = 1_000

#: How many of the records that became this one a timeline includes at most.
THREADS = 20

ALL, CHANGES, ACTIVITIES = "all", "changes", "activities"


@dataclass
class Timeline:
    entries: list[Entry]
    older: int | None  #: the ``seq`` to go on from
    show: str = ALL

    @property
    def groups(self) -> list[list[Entry]]:
        """The entries as they are shown: what happened by itself, one after the other, is one line."""
        return fold_automatic(self.entries)


def read_timeline(
    record: Noun,
    *,
    before: int | None = None,
    until: datetime | None = None,
    show: str = ALL,
    undo: bool = True,
) -> Timeline:
    """Returns the newest events of ``record`` and around it, with what they caused and their undo.
    ``until`` limits them to a moment."""
    around = _around(record, show)
    own = [] if show == ACTIVITIES else [record.pk]
    found = events.Event.objects.filter(target__in=[*own, *around]).order_by("-seq")
    if before is not None:
        found = found.filter(seq__lt=before)
    if until is not None:
        found = found.filter(timestamp__lte=until)
    rows = list(found[: PAGE + 1])
    shown = rows[:PAGE]
    caused = _caused(shown)
    wanted = {e.cause for e in shown if e.cause} - {e.id for e in shown}
    causes = {e.id: e for e in events.Event.objects.filter(id__in=wanted)} if wanted else {}
    every = [*shown, *causes.values(), *(e for group in caused.values() for e in group)]
    teller = Teller(every, record.pk)
    here = {event.id for event in shown}
    entries = []
    for event in shown:
        if event.cause in here:
            continue  # shown below the one that caused it
        entry = teller.tell(event, about=event.target != record.pk)
        teller.nest(entry, caused)
        if event.cause in causes:
            teller.explain(entry, causes[event.cause])
            if entry.nothing and entry.because is not None:
                if show == CHANGES:
                    continue
                # A record that was only touched along with another shows the event of that.
                entry.nothing = entry.plain = False
                entry.did, entry.after = entry.because.did, entry.because.after
                entry.about = entry.because.about
                entry.said = entry.because.said
                entry.because = None
            if causes[event.cause].target is not None:
                # Events tracked along with it, such as a form's answers, say why it is there.
                for other in caused.get(event.cause, ()):
                    entry.changes += recorded_facts(other) if other.target is None else []
        entries.append(entry)
    if undo:
        offer_undo(record, entries)
    return Timeline(entries, shown[-1].seq if len(rows) > PAGE else None, show)


def _around(record: Noun, show: str) -> list[str]:
    """Returns the ids of other records whose events belong here: touches, and the records that it became
    or was."""
    found: list[str] = []
    thread = _thread(record)
    shared = {type(record): [record.pk], **thread}
    if show != ACTIVITIES:
        found += _parts(shared)
    if show != CHANGES:
        for noun, ids in shared.items():
            if (touching := engagements.engagement_noun(noun)) is not None:
                about = touching.noun.objects.filter(**{f"{touching.reference.column}__in": ids})
                about = about.order_by("-created_at")
                found += about.values_list("pk", flat=True)[:TOUCHES]
    if show != ACTIVITIES:
        found += [id for ids in thread.values() for id in ids]
    return list(dict.fromkeys(found))


def _parts(shared: dict[type[Record], list[str]]) -> list[str]:
    """Returns the ids of the parts of these records that have a name, such as their files."""
    of_part: dict[type[Record], Q] = defaultdict(Q)
    for noun, ids in shared.items():
        for part, name in noun.schema.referrers:
            if is_part(part) and part.schema.name_field.type in TEXT_TYPES:
                of_part[part] |= Q(**{f"{name}__in": ids})
    found: list[str] = []
    for part, fits in of_part.items():
        newest = part.objects.filter(fits).order_by("-created_at")
        found += newest.values_list("pk", flat=True)[:TOUCHES]
    return found


def _thread(record: Noun) -> dict[type[Record], list[str]]:
    """Returns the ids of records that this one became and that became this one, by noun, as far as the
    actor sees them."""
    found: dict[type[Record], list[str]] = {}
    for field in record.schema.becomes:
        if id := getattr(record, field.column):
            noun = field.target_noun
            found.setdefault(noun, []).extend(
                noun.objects.filter(pk=id).values_list("pk", flat=True)
            )
    for noun, name in record.schema.referrers:
        if noun.schema.by_name[name] in noun.schema.becomes:
            came = noun.objects.filter(**{name: record.pk}).order_by("-created_at")
            found.setdefault(noun, []).extend(came.values_list("pk", flat=True)[:THREADS])
    return found


def _caused(found: list[Event]) -> dict[str, list[Event]]:
    """Returns the events caused by these, by cause, in one query along the log's order."""
    near = Q()
    for event in found:
        near |= Q(seq__gt=event.seq, seq__lte=event.seq + WITHIN)
    groups: dict[str, list[Event]] = defaultdict(list)
    if found:
        for event in events.Event.objects.filter(near, cause__isnull=False).order_by("seq"):
            groups[event.cause or ""].append(event)
    return groups


def entries_since(record: Noun, version: int) -> list[Entry]:
    """Returns what happened to a record after ``version``, newest first."""
    found = list(type(record).history(record).filter(version__gt=version)[:PAGE])
    teller = Teller(found)
    return [teller.tell(event) for event in found]


def checked_before(value: str | None) -> int | None:
    """Returns the ``before`` of an address, or None if it is no position in the log."""
    try:
        number = int(value) if value and values.is_storable(value) else None
    except ValueError:
        return None
    return number if number is not None and abs(number) < 2**63 else None


def checked_show(value: str | None) -> str:
    """Returns the part of a timeline that an address asks for."""
    return value if value in (ALL, CHANGES, ACTIVITIES) else ALL
