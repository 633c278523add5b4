"""Notifications in words: made when they are read, in the reader's language, with what they may see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from headlessly.access.actor_names import actor_names
from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry
from headlessly.notifications import folding, record_facts, sentences
from headlessly.notifications.models import Notification


@dataclass(frozen=True)
class Line:
    """A notification, or a row of several, in words."""

    id: str
    kind: str
    text: str
    #: The written text, or the facts about the record, one per line.
    detail: str
    path: str  #: below the tenant's address
    at: datetime
    is_read: bool
    record: str | None
    record_type: str | None
    moment: str  #: the field by which it can be put off
    count: int = 1  #: how many notifications it stands for
    parts: tuple[Line, ...] = ()  #: its parts, the oldest first

    @property
    def more(self) -> int:
        """How many are counted without being stored."""
        return self.count - sum(part.count for part in self.parts) if self.parts else 0


def lines_of(found: Sequence[Notification]) -> list[Line]:
    """Returns notifications in words, each with its parts, without those about records that the actor no
    longer sees."""
    below = folding.parts_of(found)
    return lines_of_groups([[each, *below.get(each.pk, ())] for each in found])


def lines_of_groups(groups: Sequence[Sequence[Notification]]) -> list[Line]:
    """Returns groups of notifications in words, a line for each."""
    every = [each for group in groups for each in group]
    records = _records(every)
    told = _Words(records, actor_names({each.actor for each in every}), _details(every, records))
    return [line for group in groups if (line := told.line_of(group)) is not None]


@dataclass(frozen=True)
class _Words:
    """The data from which lines are made."""

    records: Mapping[str, Record]
    people: Mapping[str, str]
    details: Mapping[str, str]

    def line_of(self, group: Sequence[Notification]) -> Line | None:
        seen = [each for each in group if each.record is None or each.record in self.records]
        if not seen:
            return None
        first, is_one = group[0], len(group) == 1
        alone = [self._line(each, None if is_one else first) for each in seen]
        if len(seen) == 1:
            return replace(alone[0], id=first.pk, is_read=first.read_at is not None)
        count = sum(each.count for each in seen)
        return replace(
            alone[0],
            id=first.pk,
            text=sentences.text_of_many(seen, count, self.people.get(first.actor, "")),
            detail="",
            path=sentences.path_of_many(first),
            is_read=first.read_at is not None,
            record=None,
            moment="",
            count=count,
            parts=tuple(alone),
        )

    def _line(self, each: Notification, row: Notification | None) -> Line:
        """Returns the line of one notification; ``row`` is the row that it is a part of."""
        record = self.records.get(each.record or "")
        who, name = self.people.get(each.actor, ""), "" if record is None else str(record)
        read_at = each.read_at
        if each is row:
            read_at = each.read_at or each.first_read_at
        return Line(
            each.pk,
            each.kind,
            sentences.text_of(each, name, who, is_part=row is not None),
            self.details.get(each.pk, ""),
            sentences.path_of(each),
            each.created_at,
            read_at is not None,
            each.record,
            each.record_type,
            sentences.moment_of(each),
            1 if each.kind == "assigned" and row is not None else each.count,
        )


def _details(found: Sequence[Notification], records: Mapping[str, Record]) -> dict[str, str]:
    """Returns the details of notifications, by id."""
    given = {each.record for each in found if each.kind == "assigned" and each.record in records}
    facts = record_facts.facts_of([records[id] for id in given if id])
    details = {each.pk: each.excerpt for each in found if each.kind == "mentioned"}
    for each in found:
        if each.kind == "assigned" and (said := facts.get(each.record or "")):
            details[each.pk] = "\n".join(_line(label, value) for label, value in said)
    return details


def _line(label: str, value: str) -> str:
    """Joins label and value with a colon, unless the label is a question."""
    return f"{label} {value}" if label.endswith(("?", ":", "!")) else f"{label}: {value}"


def _records(found: Iterable[Notification]) -> dict[str, Record]:
    """Returns the records of notifications that the actor sees, by id; one query per noun."""
    by_noun: dict[str, set[str]] = defaultdict(set)
    for each in found:
        if each.record is not None and each.record_type in registry:
            by_noun[each.record_type].add(each.record)
    return {
        record.pk: record
        for name, ids in by_noun.items()
        for record in registry[name].objects.filter(pk__in=ids)
    }
