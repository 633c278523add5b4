"""Tries assignment rules: who would have got the leads of a period, beside who really got them.

Rules that decide earlier take the leads that fit them. The team is today's, with its weights and calendars;
leave is taken as it was known at the time. Turns and open leads are simulated: a lead that somebody would
have got is open until it was converted or lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from heapq import heappop, heappush
from typing import Any

from crm.models import Contact, Lead, Rule
from crm.models.rule import members_among
from crm.presence import PastLeaves, presences_of
from crm.rules.active import rules_before
from crm.rules.assignment import (
    Candidate,
    candidates_of,
    choose_by_turn,
    having_fewest,
    is_off_work,
)
from crm.rules.backtest.trial import (
    MOST_TOLD,
    Happened,
    Period,
    Tally,
    backtests,
    only_reading,
    read_events,
    won_ids,
)
from crm.rules.conditions import fitted_when_made
from headlessly.access import tenancy
from headlessly.log.versions import versions_at

#: The events with which new leads come.
CREATED = tuple({verb.event for verb in Lead.verbs.values() if verb.creates})


@backtests(Rule.Kind.ASSIGNMENT)
def try_assignment(rule: Rule, period: Period) -> dict[str, Any]:
    """Returns who would have got what."""
    with only_reading():
        giving = Giving(rule, period.begins, period.ends)
    would: dict[str | None, Tally] = defaultdict(Tally)
    really: dict[str | None, Tally] = defaultdict(Tally)
    same, other = Tally(), Tally()
    told: list[dict[str, Any]] = []
    earlier = rules_before(rule)
    taken = owned = 0
    for page in read_events(CREATED, period):
        ids = [event.target for event in page]
        with only_reading():
            unowned = _unowned(ids)
            made = {e.target: e.timestamp for e in page if e.target in unowned}
            fits, others = fitting_new_leads(rule, earlier, made)
            first, closed, successes = first_owners(fits), _closed(fits), won_ids(Lead, fits)
        owned += len(page) - len(unowned)
        taken += others
        for event in page:
            if (id := event.target) not in fits:
                continue
            to, got = giving.give(event, closed.get(id)), first.get(id)
            would[to].add(id in successes)
            really[got].add(id in successes)
            (same if to == got else other).add(id in successes)
            if len(told) < MOST_TOLD:
                told.append({"record": id, "at": event.timestamp, "would": to, "really": got})
    names = names_of({id for id in (*would, *really) if id})
    people = sorted(
        ({"person": id, "name": names.get(id or "", id), "would": would[id].as_json(),
          "really": really[id].as_json()} for id in {*would, *really}),
        key=lambda each: (each["person"] is None, str(each["name"])),
    )  # fmt: skip
    return {
        "fitting": same.count + other.count,
        "owned": owned,
        "taken": taken,
        "people": people,
        "same": same.as_json(),
        "other": other.as_json(),
        "records": told,
    }


class Giving:
    """Simulates how the rule gives leads away in the past."""

    def __init__(self, rule: Rule, begins: datetime, ends: datetime) -> None:
        self.rule = rule
        everybody = [] if rule.how == Rule.How.NOBODY else list(candidates_of(rule))
        members = members_among([each.contact for each in everybody])
        self.people = [each for each in everybody if each.contact in members and each.weight]
        self.fallback = rule.fallback_id if rule.fallback_id in _members(rule.fallback_id) else None
        known = [each.contact for each in self.people] + ([self.fallback] if self.fallback else [])
        self.leaves = PastLeaves.of(known, begins, ends)
        self.fallback_presence = (
            presences_of([self.fallback])[self.fallback] if self.fallback else None
        )
        self.credits: dict[str, int] = {}
        self.counts = rule.capacity is not None or rule.how == Rule.How.FEWEST
        self.ends: dict[str, list[datetime]] = {each.contact: [] for each in self.people}
        if self.counts:
            self._count_open(begins)

    def _count_open(self, begins: datetime) -> None:
        """Count who had how many open leads when the period began, each until it was closed."""
        there = versions_at(Lead, begins).filter(status__in=Lead.OPEN)
        owners = {each.contact: each for each in self.people}
        rows = there.filter(owner__in=list(owners)).order_by().values_list("record", "owner_id")
        held = dict(rows)
        closed = _closed(held)
        for id, owner in held.items():
            self._take(owners[owner], closed.get(id))

    def _take(self, person: Candidate, closes: datetime | None) -> None:
        person.open += 1
        if closes is not None:
            heappush(self.ends[person.contact], closes)

    def give(self, event: Happened, closes: datetime | None) -> str | None:
        """Returns who gets the lead of an event."""
        if self.rule.how == Rule.How.NOBODY:
            return None
        if self.counts:
            for each in self.people:
                ends = self.ends[each.contact]
                while ends and ends[0] <= event.timestamp:
                    heappop(ends)
                    each.open -= 1
        free = [each for each in self.people if self._is_free(each, event.timestamp)]
        if not free:
            return self._fall_back(event.timestamp)
        if self.rule.how == Rule.How.FEWEST:
            free = having_fewest(free)
        found = free[0] if self.rule.how == Rule.How.PERSON else choose_by_turn(self.credits, free)
        if self.counts:
            self._take(found, closes)
        return found.contact

    def _is_free(self, person: Candidate, moment: datetime) -> bool:
        most = self.rule.capacity
        return (
            (most is None or person.open < most)
            and not self.leaves.was_away(person.contact, moment, person.presence)
            and not is_off_work(self.rule, person.presence, moment)
        )

    def _fall_back(self, moment: datetime) -> str | None:
        there = self.fallback_presence
        if there is None or self.fallback is None:
            return None
        return None if self.leaves.was_away(self.fallback, moment, there) else self.fallback


def fitting_new_leads(
    rule: Rule, earlier: Iterable[Rule], made: Mapping[str, datetime]
) -> tuple[set[str], int]:
    """Returns the leads that fitted a rule when they were created, and how many `earlier` rules take."""
    left = dict(made)
    for each in earlier:
        for id in fitted_when_made(Lead, each.condition["filter"], left):
            del left[id]
    return fitted_when_made(Lead, rule.condition["filter"], left), len(made) - len(left)


def _members(id: str | None) -> set[str]:
    return members_among([id]) if id else set()


def _unowned(ids: Collection[str]) -> set[str]:
    """Returns the leads that came in open and without an owner."""
    came = Lead.past.objects.filter(
        tenant_id=tenancy.require().pk, record__in=ids, version=1, owner=None, status__in=Lead.OPEN
    )
    return set(came.order_by().values_list("record", flat=True))


def first_owners(ids: Collection[str]) -> dict[str, str]:
    """Returns the first owner of each lead."""
    owned = Lead.past.objects.filter(
        tenant_id=tenancy.require().pk, record__in=ids, owner__isnull=False
    )
    rows = owned.order_by("record", "valid_from", "seq").distinct("record")
    return dict(rows.values_list("record", "owner_id"))


def _closed(ids: Iterable[str]) -> dict[str, datetime]:
    """Returns when each of the leads was converted, lost or deleted."""
    rows = Lead.with_deleted.filter(pk__in=list(ids)).order_by()
    found = rows.values_list("pk", "converted_at", "lost_at", "deleted_at")
    ends = {pk: [each for each in moments if each is not None] for pk, *moments in found}
    return {pk: min(each) for pk, each in ends.items() if each}


def names_of(ids: Collection[str]) -> dict[str, str]:
    return dict(Contact.with_deleted.filter(pk__in=ids).values_list("pk", "name"))
