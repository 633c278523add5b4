"""When an open record is stale, for lists, boards, days, reports and rules.

The days that a record may go without a touch come from its state on a path, else from the path; for other
states from the tenant (``schema.stale_limits``). Otherwise the noun's own limit holds (``stale_after``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from headlessly.declaration import paths
from headlessly.declaration.record import Record

#: The default limit, in days.
USUAL = 14


def rest_of(record: Record) -> timedelta | None:
    """Returns how long ``record`` may go without a touch in its state; None for ever."""
    machine = record.schema.machine
    if machine is None:
        return type(record).stale_after()
    path = machine.path_of(record) if machine.paths else None
    return _rest_in(type(record), path, getattr(record, machine.name))


def stale_filter(noun: type[Record], now: datetime) -> dict[str, Any] | None:
    """Returns the condition that an open record is stale at ``now``, in the filter language; None if none
    ever is."""
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
    """Returns how long records may rest in a state, of a path if there is one."""
    if path is None:
        limits = noun.schema.stale_limits
        days = limits.get(state, limits.get(None))
    else:
        found = path.by_key.get(state)
        days = path.rotting if found is None or found.rotting is None else found.rotting
    return noun.stale_after() if days is None else timedelta(days=days)


def _told(path: paths.Path, every: tuple[paths.Path, ...]) -> list[Any]:
    """Returns the values of the reference for records on a path; records without one are on the default
    path."""
    default = next((each for each in every if each.is_default), every[0])
    found: list[Any] = [] if path.id is None else [path.id]
    return [*found, {"$exists": False}] if path is default else found
