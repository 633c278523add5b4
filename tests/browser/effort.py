"""What frequent tasks take: clicks, key presses besides typed text, and page loads.

docs/effort.md is the table; tests/browser/test_counted.py and test_counted_tasks.py do the tasks and count.
They fail for a task that takes more clicks and keys than the table says, or loads more pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

TABLE = Path(__file__).parents[2] / "docs" / "effort.md"
BELOW, SAME, ABOVE = "below", "same", "above"


class Task(NamedTuple):
    """A row of the table. `best` is the fewest presses of the best competitor, or None if none can do it.

    Rows outside that comparison have no ``verdict``.
    """

    clicks: int
    keys: int
    loads: int
    best: int | None
    verdict: str

    @property
    def took(self) -> tuple[int, int, int]:
        return self.clicks, self.keys, self.loads

    @property
    def stands(self) -> str:
        """How its presses compare. An equal number counts as the same, as the competitors' page loads are not
        known."""
        presses = self.clicks + self.keys
        if self.best is None or presses < self.best:
            return BELOW
        return SAME if presses == self.best else ABOVE


def read_table() -> dict[str, Task]:
    """Returns the rows of docs/effort.md, by the text of their first column before a comma or colon."""
    found = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) < 5 or not cells[1].isdecimal():
            continue
        best = re.match(r"\d+", cells[4])
        task = re.split(r"[,:]", cells[0])[0]
        clicks, keys, loads = map(int, cells[1:4])
        verdict = cells[5] if len(cells) > 5 else ""
        found[task] = Task(clicks, keys, loads, int(best[0]) if best else None, verdict)
    return found


class Effort:
    """Counts clicks, keys and page loads; typed text is not counted."""

    def __init__(self, page: Any) -> None:
        self.page, self.clicks, self.keys, self.loads = page, 0, 0, 0
        self.counted: dict[str, tuple[int, int, int]] = {}
        page.on("load", lambda _page: setattr(self, "loads", self.loads + 1))

    def click(self, place: Any, **how: Any) -> None:
        place.click(**how)
        self.clicks += 1

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.keys += 1

    def type(self, text: str) -> None:
        """Type text, which is not counted."""
        self.page.keyboard.type(text)

    def count(self, task: str, does: Callable[[], None]) -> None:
        """Do a task of the table, and remember what it took."""
        before = (self.clicks, self.keys, self.loads)
        does()
        self.page.wait_for_load_state()
        now = (self.clicks, self.keys, self.loads)
        self.counted[task] = tuple(after - was for after, was in zip(now, before, strict=True))

    def compare(self) -> None:
        """Fail if a task takes other presses than the table says, or loads more pages."""
        table = read_table()
        wrong = {
            task: (took, table[task].took if task in table else None)
            for task, took in self.counted.items()
            if task not in table or took[:2] != table[task].took[:2] or took[2] > table[task].loads
        }
        assert wrong == {}, self.counted
