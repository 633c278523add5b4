"""How many of those who took the first step of a funnel took all steps: one statement on the log.

Each step scans the events of its name (the index ``event_by_name`` begins with tenant and name). For
everybody who came this far, it keeps the earliest moment after the previous step. Taking the earliest loses
nobody: whoever could continue from a later one can continue from it too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeGuard

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.utils.translation import gettext as _

from headlessly.access import tenancy
from headlessly.context import running
from headlessly.database import timeouts
from headlessly.declaration import labels
from headlessly.declaration.registry import registry
from headlessly.errors import InvalidFilter, VerbRefused, did_you_mean
from headlessly.log.events import Event
from headlessly.log.tracking import is_tracked
from headlessly.query import filters

MOST_STEPS, LONGEST = 20, 255
VERB_EVENT = re.compile(r"[A-Z]\w*\.[A-Z]\w*\Z")

#: Who took a step: the record, or for a tracked event the person that the website names.
WHO_SQL = "coalesce(target, data->>'userId', data->>'anonymousId', data->>'sessionId')"
EVENTS_SQL = f"""
    SELECT {WHO_SQL} AS who, timestamp, seq FROM {Event._meta.db_table}
    WHERE tenant_id = %s AND name = %s {{more}}
"""
FIRST_STEP_SQL = f"""
    SELECT DISTINCT ON (who) who, timestamp, seq FROM ({EVENTS_SQL}) AS e WHERE who IS NOT NULL
    ORDER BY who, timestamp, seq
"""
NEXT_STEP_SQL = f"""
    SELECT DISTINCT ON (e.who) e.who, e.timestamp, e.seq FROM ({EVENTS_SQL}) AS e
    JOIN step_{{before}} AS s ON s.who = e.who AND (s.timestamp, s.seq) < (e.timestamp, e.seq)
    ORDER BY e.who, e.timestamp, e.seq
"""


def steps_problem(steps: Any) -> str | None:
    """Returns what is wrong with a list of steps, or None."""
    if not isinstance(steps, list) or not 2 <= len(steps) <= MOST_STEPS:
        return _("Send a list of 2 to %d steps, each with name and event.") % MOST_STEPS
    names: set[str] = set()
    for number, step in enumerate(steps, 1):
        if not isinstance(step, dict) or set(step) - {"name", "event", "order"}:
            return _("Step %d: send name and event.") % number
        name, event = step.get("name"), step.get("event")
        if not _is_line(name) or name.strip() in names:
            return _(
                "Step %(number)d: give it a name of its own, of at most %(most)d characters."
            ) % {
                "number": number,
                "most": LONGEST,
            }
        names.add(name.strip())
        if not _is_line(event):
            return _(
                "Step %(number)d (%(name)s): event is a name like Lead.Created or page_view."
            ) % {"number": number, "name": name}
        if event not in (known := verb_events()) and _is_meant_for_verb(event, known):
            said = _("Step %(number)d (%(name)s): no verb leaves %(event)s. Events: %(known)s.") % {
                "number": number,
                "name": name,
                "event": event,
                "known": ", ".join(known),
            }
            return said + did_you_mean(event, known)
    orders = [step.get("order", number) for number, step in enumerate(steps, 1)]
    if any(isinstance(o, bool) or not isinstance(o, int) for o in orders) or len(set(orders)) < len(
        orders
    ):
        return _(
            "order is a whole number, another one for each step; left out, the list's order counts."
        )
    return None


def _is_line(text: Any) -> TypeGuard[str]:
    return isinstance(text, str) and bool(text.strip()) and len(text) <= LONGEST


def _is_meant_for_verb(event: str, known: Sequence[str]) -> bool:
    """Whether a name can only be meant as the event of a verb.

    Tracked events have no star in their names either, and a noun's name is one only if such events have been
    tracked.
    """
    return (
        VERB_EVENT.match(event) is not None
        or "*" in event
        or (event in registry and not is_tracked(event))
        or event.casefold() in {name.casefold() for name in known}
    )


def verb_events() -> list[str]:
    """Returns the events of verbs."""
    return sorted({verb.event for noun in registry.values() for verb in noun.verbs.values()})


def offered_events() -> list[tuple[str, str]]:
    """Returns the events of verbs with their titles, for forms."""
    return [(name, labels.event_title(name)) for name in verb_events()]


def funnel_events(steps: Any) -> list[str]:
    """Returns the events of a funnel in the order of its steps."""
    return [step["event"] for step in ordered_steps(steps)]


def ordered_steps(steps: Any) -> list[Any]:
    """Returns the steps of a funnel in their order."""
    numbered = [(step.get("order", n), step) for n, step in enumerate(steps or (), 1)]
    return [step for _order, step in sorted(numbered, key=lambda each: each[0])]


def criteria_problem(criteria: Mapping[str, Any], steps: Any) -> str | None:
    """Returns what is wrong with criteria for these steps, or None.

    They must be about the noun whose records take the first step.
    """
    first = next(iter(funnel_events(steps)), None) if isinstance(steps, list) else None
    if first is None or first.partition(".")[0] == criteria["type"]:
        return None
    return _("type: the first step, %(event)s, is taken by no %(type)s.") % {
        "event": first,
        "type": criteria["type"],
    }


def criteria_condition(criteria: Mapping[str, Any] | None) -> tuple[str, Sequence[Any]]:
    """Returns the condition, with its parameters, that records of the first step fit the criteria now."""
    if not criteria or not criteria["filter"]:
        return "", ()
    noun = registry[criteria["type"]]
    fitting = noun.objects.filter(filters.compile_filter(noun, criteria["filter"]))
    try:
        sql, given = fitting.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return "AND false", ()
    return f"AND target IN ({sql})", given


def completion_rate(
    events: Sequence[str], criteria: Mapping[str, Any] | None = None
) -> float | None:
    """Returns the percentage of those who took the first step that took all; None if nobody has begun."""
    begun, arrived = count_first_and_last(events, criteria) if events else (0, 0)
    return round(100 * arrived / begun, 2) if begun else None


def count_first_and_last(
    events: Sequence[str], criteria: Mapping[str, Any] | None = None
) -> tuple[int, int]:
    """Returns how many took the first step, and how many all. Raises VerbRefused if that takes too long."""
    last = len(events)
    begun, arrived = follow_steps(
        events,
        f"(SELECT count(*) FROM step_1), (SELECT count(*) FROM step_{last})",
        begin=criteria_condition(criteria),
    )
    return begun, arrived


def follow_steps(
    events: Sequence[str],
    wanted: str,
    *,
    parameters: Sequence[Any] = (),
    begin: tuple[str, Sequence[Any]] = ("", ()),
    until: datetime | None = None,
) -> tuple[Any, ...]:
    """Returns what the SQL `wanted` selects from the tables ``step_1`` and so on.

    Each of these tables holds who came this far, and when. `parameters` are those of `wanted`. `begin` is a
    condition on the events of the first step, with its own parameters. Nothing later than `until` counts.
    Raises VerbRefused if it takes too long.
    """
    told = "" if until is None else "AND timestamp <= %s"
    times = [] if until is None else [until]
    steps = [
        NEXT_STEP_SQL.format(before=n, more=told)
        if n
        else FIRST_STEP_SQL.format(more=f"{told} {begin[0]}")
        for n in range(len(events))
    ]
    named = ", ".join(f"step_{n} AS ({step})" for n, step in enumerate(steps, 1))
    given: list[Any] = []
    for number, event in enumerate(events):
        given += [tenancy.require().pk, event, *times, *([] if number else begin[1])]
    running.flush_events()  # events of this transaction count too
    try:
        with timeouts.statement_timeout(), connection.cursor() as cursor:
            cursor.execute(f"WITH {named} SELECT {wanted}", [*given, *parameters])
            return tuple(cursor.fetchone())
    except InvalidFilter as problem:
        raise VerbRefused(
            _("There are too many of these events to follow at once. Take a rarer first step."),
            code="too_many_events",
            field="steps",
        ) from problem
