"""Interleaves stories by time.

A story is a generator. It yields ``(moment, actor)`` and is resumed when that moment has come: what it does
until its next yield is done by that actor then, as one request. A story that still waits when the time is up
stays unfinished, like the work of every company on any given day.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count

from headlessly.access import actors
from headlessly.access.actors import Actor
from headlessly.context import clock
from headlessly.execution import executor

Story = Iterator[tuple[datetime, Actor]]


class Timeline:
    """All waiting stories, and the moment they have come to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[datetime, int, Actor, Story]] = []
        self.numbers = count()
        self.now: datetime | None = None

    def begin(self, story: Story) -> None:
        """Start a story. It must wait for a moment before it does anything."""
        self._wait(story)

    def run(self, until: datetime, watch: Callable[[datetime], None] = lambda moment: None) -> None:
        """Tell everything that happens before `until`, and call `watch` with each moment."""
        while self.waiting and self.waiting[0][0] < until:
            self.now, _, actor, story = heapq.heappop(self.waiting)
            watch(self.now)
            with (
                clock.set_clock(self.now, purpose="demo"),
                actors.acting(actor),
                executor.one_transaction(savepoint=False),  # the whole year is one transaction
            ):
                self._wait(story)

    def _wait(self, story: Story) -> None:
        following = next(story, None)
        if following is None:
            return
        moment, actor = following
        if self.now is not None:
            # What takes less time than it should still comes after what it follows.
            moment = max(moment, self.now)
        heapq.heappush(self.waiting, (moment, next(self.numbers), actor, story))
