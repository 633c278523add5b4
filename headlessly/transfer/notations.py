"""How a column writes its numbers and its days: 1.250,00 or 1,250.00, 24/11 or 11/24.

A single cell is often ambiguous (``1.250``, ``03/09/2026``); all cells of a column together usually are not,
or those of other columns help. If they do not, an amount is read as the kind of file and its reader make
likely, and a day is not guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from headlessly.declaration.normalization import normalize_text
from headlessly.transfer.amounts import parse_number

COMMA, POINT = "comma", "point"
DMY, MDY = "dmy", "mdy"
NUMBERS, DAYS = (COMMA, POINT), (DMY, MDY)
MARKS = {COMMA: ",", POINT: "."}

#: A day in numbers. With dots, the day comes first everywhere.
NUMERIC_DAY = re.compile(r"\s*(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d\d)(?=\Z|[ T,])")


@lru_cache(50_000)
def number_evidence(cell: str) -> str | None:
    """Returns the decimal mark that a cell shows; None if it is ambiguous."""
    if cell.isdecimal() or (found := parse_number(cell)) is None:
        return None
    if found.comma is not None and found.point is not None:
        return None
    return COMMA if found.point is None else POINT


@lru_cache(50_000)
def day_evidence(cell: str) -> str | None:
    """Returns the order of day and month that a cell shows; None if it is ambiguous."""
    if (match := NUMERIC_DAY.match(normalize_text(cell))) is None:
        return None
    first, second = int(match[1]), int(match[3])
    if match[2] == ".":
        return DMY
    if first <= 12 < second:
        return MDY
    return DMY if second <= 12 < first else None


def share_evidence(cell: Any) -> bool | None:
    """Whether a cell of a percentage is a fraction of one, ``0.9``, or a percentage; None if it is
    ambiguous."""
    if isinstance(cell, str):
        text = cell.strip().replace(",", ".")
        if text.endswith("%"):
            return False
        try:
            cell = float(text)
        except ValueError:
            return None
    if not isinstance(cell, int | float) or cell in (0, 1):
        return None
    return bool(0 < cell < 1)


@dataclass(frozen=True)
class Notation:
    """How a column writes numbers and days.

    ``decimal`` is the decimal mark; ``certain`` says whether the file shows it or somebody chose it, so that
    it is not only likely. ``days`` is the order of day and month; None if it is unknown.
    """

    decimal: str = POINT
    certain: bool = False
    days: str | None = None
    fraction: bool = False  #: whether the column has fractions of one for a percentage


class Evidence:
    """Gathers, row by row, what the cells of a file's columns show."""

    def __init__(
        self,
        numbers: Mapping[Any, str],
        days: Mapping[Any, str],
        percents: Mapping[Any, str] | None = None,
    ) -> None:
        """``numbers``, ``days`` and ``percents`` are the positions of such columns (for objects, their names)
        and the names of their fields.

        Columns of percentages may have fractions of one, as some programs export them.
        """
        self.numbers, self.days, self.percents = numbers, days, percents or {}
        self.shares: dict[Any, Counter[bool]] = {n: Counter() for n in self.percents}
        self.seen: dict[Any, Counter[str | None]] = {n: Counter() for n in (*numbers, *days)}
        self.watched = [(n, self.seen[n], number_evidence) for n in numbers]
        self.watched += [(n, self.seen[n], day_evidence) for n in days]

    def add(self, row: Any) -> None:
        for position, seen, evidence in self.watched:
            cell = row[position]
            if isinstance(cell, str) and cell:
                seen[evidence(cell)] += 1
        for position, shares in self.shares.items():
            if (share := share_evidence(row[position])) is not None:
                shares[share] += 1

    def found(self) -> dict[str, dict[str, list[str]]]:
        """Returns what was seen, by field: ``{"numbers": {"budget": ["comma"]}, "days": {...}}``."""
        return {
            "numbers": self._by_field(self.numbers, NUMBERS),
            "days": self._by_field(self.days, DAYS),
            "shares": {
                field: []
                for position, field in self.percents.items()
                if self.shares[position][True] and not self.shares[position][False]
            },
        }

    def _by_field(self, columns: Mapping[Any, str], kinds: Iterable[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for position, field in columns.items():
            seen = self.seen[position]
            if seen:
                known = found.setdefault(field, [])
                known += [kind for kind in kinds if seen[kind] and kind not in known]
        return found


def decide_notations(
    seen: Mapping[str, Mapping[str, list[str]]],
    *,
    numbers: str | None,
    days: str | None,
    delimiter: str,
    language: str,
) -> dict[str, Notation]:
    """Returns the notation of each column, by field.

    ``numbers`` and ``days`` are as requested; ``language`` is the reader's (empty for a program).
    """
    fields = {*seen.get("numbers", {}), *seen.get("days", {})}
    likely = COMMA if delimiter == ";" or language.startswith("de") else POINT
    likely_days = DMY if language.startswith("de") or language == "en-gb" else None
    found = {}
    for field in fields:
        shown = numbers or _shown(seen.get("numbers", {}), field)
        order = days or _shown(seen.get("days", {}), field)
        share = field in seen.get("shares", {})
        found[field] = Notation(shown or likely, shown is not None, order or likely_days, share)
    return found


def _shown(seen: Mapping[str, list[str]], field: str) -> str | None:
    """Returns what a column shows, or the others if it shows nothing; None if it is contradictory."""
    kinds = seen.get(field) or sorted({kind for kinds in seen.values() for kind in kinds})
    return kinds[0] if len(kinds) == 1 else None
