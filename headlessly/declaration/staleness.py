"""When an open record is stale: the one place that says so, for lists, boards, days, reports and rules.

Where a state is one of a path, it may say for how many days records in it may go without a touch, else its
path does. Of other states the tenant may say it (``schema.stale_limits``). Else it is what the noun says
(``stale_after``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from headlessly.declaration import paths
from headlessly.declaration.record import Record

#: How long records rest where nobody says how long, in days.
USUAL = 14


def rest_of(record: Record) -> timedelta | None:
    """How long ``record`` may go without a touch where it stands; None for ever."""
    machine = record.schema.machine
    if machine is None:
        return type(record).stale_after()
    path = machine.path_of(record) if machine.paths else None
    return _rest_in(type(record), path, getattr(record, machine.name))


def stale_filter(noun: type[Record], now: datetime) -> dict[str, Any] | None:
    """The condition that an open record is stale at ``now``, in the filter language; None where none ever
    is."""
    machine, board = noun.schema.machine, noun.Surface.board
    if machine is None or board is None:
        return None
    by_rest: dict[timedelta, list[Mapping[str, Any]]] = defaultdict(list)
    alike: dict[timedelta, list[str]] = defaultdict(list)
    for state in getattr(noun, "OPEN", machine.states):
        there = [path for path in machine.paths if state in path.by_key]
        rests: dict[paths.Path | None, timedelta | None] = {
            path: _rest_in(noun, path, state) for path in there
        } or {None: _rest_in(noun, None, state)}
        if len(set(rests.values())) == 1:
            (rest,) = set(rests.values())
            if rest is not None:
                alike[rest].append(state)
            continue
        for path, rest in rests.items():
            if rest is not None and path is not None:
                reference = machine.field.path_from or ""
                by_rest[rest] += [
                    {machine.name: state, reference: each} for each in _told(path, machine.paths)
                ]
    for rest, states in alike.items():
        by_rest[rest].append({machine.name: {"$in": states}})
    parts = [
        {**where, board.age_field: {"$lt": (now - rest).isoformat()}}
        for rest, conditions in by_rest.items()
        for where in conditions
    ]
    if not parts:
        return None
    return dict(parts[0]) if len(parts) == 1 else {"$or": parts}


def _rest_in(noun: type[Record], path: paths.Path | None, state: str) -> timedelta | None:
    """How long records rest in a state, of a path where it is of one."""
    if path is None:
        limits = noun.schema.stale_limits
        days = limits.get(state, limits.get(None))
    else:
        found = path.by_key.get(state)
        days = path.rotting if found is None or found.rotting is None else found.rotting
    return noun.stale_after() if days is None else timedelta(days=days)


def _told(path: paths.Path, every: tuple[paths.Path, ...]) -> list[Any]:
    """How the reference says that a record is on a path; the default one is also that of those without."""
    default = next((each for each in every if each.is_default), every[0])
    found: list[Any] = [] if path.id is None else [path.id]
    return [*found, {"$exists": False}] if path is default else found
