"""Tries first-answer rules: which leads of a period would have been answered in time.

Rules that decide earlier take the leads that fit them. Working hours are those of today's calendar. The first
touch of a lead is the one that really happened; that somebody might have hurried is not considered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import F

from crm.calendars import working_time
from crm.first_touches import by_people, moves_by_people
from crm.models import Activity, Lead, Rule
from crm.rules.active import rules_before
from crm.rules.backtest.assignment import CREATED, first_owners, fitting_new_leads, names_of
from crm.rules.backtest.trial import (
    MOST_TOLD,
    Period,
    Tally,
    backtests,
    only_reading,
    read_events,
    won_ids,
)
from crm.rules.first_answer import MISSED
from headlessly.access import tenancy
from headlessly.context import clock
from headlessly.log.events import Event

MET, MISSED_IT, WAITING = "met", "missed", "waiting"


@backtests(Rule.Kind.FIRST_ANSWER)
def try_first_answer(rule: Rule, period: Period) -> dict[str, Any]:
    """Returns what would have been answered in time."""
    hours, now = working_time(), clock.now()
    tallies = {name: Tally() for name in (MET, MISSED_IT, WAITING)}
    people: dict[str | None, dict[str, int]] = defaultdict(lambda: dict.fromkeys(tallies, 0))
    told: list[dict[str, Any]] = []
    earlier = rules_before(rule)
    taken = really = 0
    for page in read_events(CREATED, period):
        with only_reading():
            new = _new([event.target for event in page])
            made = {e.target: e.timestamp for e in page if e.target in new}
            fits, others = fitting_new_leads(rule, earlier, made)
            touched, owners, successes = (
                _first_touches(fits),
                first_owners(fits),
                won_ids(Lead, fits),
            )
            really += Event.log.filter(name=MISSED.event, target__in=fits).count()
        taken += others
        for event in page:
            if (id := event.target) not in fits:
                continue
            due = hours.after(event.timestamp, rule.within or 0)
            touch = touched.get(id)
            name = MET if touch and touch <= due else MISSED_IT if touch or due < now else WAITING
            tallies[name].add(id in successes)
            people[owners.get(id)][name] += 1
            if name == MISSED_IT and len(told) < MOST_TOLD:
                told.append({"record": id, "at": event.timestamp, "due": due, "touched": touch})
    names = names_of({id for id in people if id})
    return {
        "fitting": sum(each.count for each in tallies.values()),
        "taken": taken,
        **{name: each.as_json() for name, each in tallies.items()},
        "really": {"missed": really},
        "people": sorted(
            ({"person": id, "name": names.get(id or "", id), **counts} for id, counts in people.items()),
            key=lambda each: (each["person"] is None, str(each["name"])),
        ),
        "records": told,
    }  # fmt: skip


def _new(ids: Collection[str]) -> set[str]:
    """Returns the leads that came in as new ones."""
    came = Lead.past.objects.filter(
        tenant_id=tenancy.require().pk, record__in=ids, version=1, status=Lead.Status.NEW
    )
    return set(came.order_by().values_list("record", flat=True))


def _first_touches(ids: Collection[str]) -> dict[str, datetime]:
    """Returns when a person first touched each lead after its creation, in the sense of first answers."""
    done = Activity.objects.filter(
        lead__in=ids,
        status=Activity.Status.COMPLETED,
        completed_at__gte=F("lead__created_at"),
    )
    rows = by_people(done).order_by("lead", "completed_at").distinct("lead")
    found = {id: at for id, at in rows.values_list("lead_id", "completed_at") if id and at}
    versions = Lead.past.objects.filter(tenant_id=tenancy.require().pk, record__in=ids)
    moved = moves_by_people(versions)
    first = moved.order_by("record", "valid_from", "seq").distinct("record")
    for id, moment in first.values_list("record", "valid_from"):
        found[id] = min(found.get(id, moment), moment)
    return found
