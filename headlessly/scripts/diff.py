"""Compares the events of two runs of a script, to check that it does what it was said to do.

Some things differ in every run: the ids of new records and of events, the moments, and the actor. Everything
else has to be equal: the records, the verbs and their order, the versions, and every value before and after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

from headlessly.declaration.schema import META
from headlessly.log.events import Event, plain_json

#: How many differences are shown.
MAX_DIFFERENCES = 50


def differences(before: Sequence[Event], now: Sequence[Event]) -> list[dict[str, Any]]:
    """Returns the differences in ``now``: ``{name, target, field, was, now}`` for each value that differs;
    without a field for an event that only one of them has."""
    old, new = _Comparable(before), _Comparable(now)
    found: list[dict[str, Any]] = []
    matcher = SequenceMatcher(None, old.keys, new.keys, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            for at, to in zip(range(a, b), range(c, d), strict=True):
                found += _value_differences(old, at, new, to)
            continue
        found += [_difference(old.events[at], "would happen", None) for at in range(a, b)]
        found += [_difference(new.events[at], None, "would happen") for at in range(c, d)]
    return found[:MAX_DIFFERENCES]


class _Comparable:
    """The events of one run, without what differs in every run."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = list(events)
        self.stable_names: dict[str, str] = {}
        made: Counter[str | None] = Counter()
        for event in events:
            if event.version == 1 and event.target and event.target not in self.stable_names:
                made[event.target_type] += 1
                self.stable_names[event.target] = (
                    f"new {event.target_type} {made[event.target_type]}"
                )
            self.stable_names[event.id] = (
                f"{event.name} {self.stable_names.get(event.target or '', event.target)}"
            )
            self.stable_names[plain_json(event.timestamp)] = "then"
        self.keys = [(e.name, self.stable_names.get(e.target or "", e.target)) for e in events]

    def values(self, at: int) -> dict[str, Any]:
        """Returns everything in an event, by name."""
        event = self.events[at]
        found: dict[str, Any] = {"$version": event.version}
        data = self._stabilized(event.data or {})
        # Meta-fields of a record; tracked events have names of their own.
        made = META if event.target else ()
        found |= {key: value for key, value in data.items() if key not in made}
        previous = self._stabilized(event.previous or {})
        return found | {f"previous.{key}": value for key, value in previous.items()}

    def cause(self, at: int) -> str | None:
        """Returns the event among these that caused it, or None if the script itself did it."""
        return self.stable_names.get(self.events[at].cause or "")

    def _stabilized(self, value: Any) -> Any:
        return self._stabilize(plain_json(value))

    def _stabilize(self, value: Any) -> Any:
        match value:
            case dict():
                return {key: self._stabilize(item) for key, item in value.items()}
            case list():
                return [self._stabilize(item) for item in value]
            case str():
                return self.stable_names.get(value, value)
        return value


def _value_differences(
    old: _Comparable, at: int, new: _Comparable, to: int
) -> list[dict[str, Any]]:
    before, now = old.values(at), new.values(to)
    before["cause"], now["cause"] = old.cause(at), new.cause(to)
    return [
        _difference(new.events[to], before.get(name), now.get(name), name)
        for name in {**before, **now}
        if before.get(name) != now.get(name)
    ]


def _difference(event: Event, was: Any, now: Any, field: str | None = None) -> dict[str, Any]:
    return {"name": event.name, "target": event.target, "field": field, "was": was, "now": now}
