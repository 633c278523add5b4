"""Tables: where their header is, which lines are rows, and what stands around them.

Exports have titles above their header and totals, copyrights and the name of whoever made them below their
rows. The header is the first line that names the most columns; what stands below the rows is told by its
shape (one cell, after a blank line) or by its words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from headlessly.transfer.rows import Row, is_blank

#: Among how many records the header is looked for, and how many may stand below the rows.
SEARCHED, FOOTER = 40, 20
#: How a line below the rows begins, in exports that have no blank line above it.
BELOW = re.compile(
    r"\s*(generated (by|on|at)\b|copyright\b|©|\(c\) |confidential information\b|total(s| records| rows)?:"
    r"|exported (by|on|from)\b|report generated\b|erstellt (von|am)\b|exportiert (von|am)\b)",
    re.I,
)
#: The first cell of a row that adds up the others.
TOTALS = {
    "total", "totals", "grand total", "sum", "subtotal", "count", "summe", "gesamt", "gesamtsumme",
    "zwischensumme", "anzahl",
}  # fmt: skip


class Broken(NamedTuple):
    """A line that breaks the rules of its format."""

    text: str
    problem: str


Record = Sequence[Any]


class Header(NamedTuple):
    """The cells of a header, how many records stand above it, and how many of its names are known."""

    cells: list[str]
    above: int
    known: int


def find_header(
    records: Iterable[Record | Broken], count_known: Callable[[Iterable[str]], int]
) -> Header | Broken | None:
    """The header of a table; None where there is nothing.

    It is the first record, unless a later one has more cells and more of the names that are known: a title
    has fewer cells, and a row of data as many. Two names that are known are more than a line of none.
    """
    best: Header | None = None
    broken: Broken | None = None
    width = 0
    for number, record in enumerate(islice(records, SEARCHED)):
        if isinstance(record, Broken):
            broken = broken or record
            continue
        cells = ["" if cell is None else str(cell).strip() for cell in record]
        filled = sum(map(bool, cells))
        if not filled or _is_separator_line(cells):
            continue
        if best is None and broken is not None:
            return broken
        known = count_known(cells)
        if best is None or (known > best.known and (filled > width or best.known == 0 < known - 1)):
            best, width = Header(_without_empty_end(cells), number, known), filled
    return best or broken


def _is_separator_line(cells: Sequence[str]) -> bool:
    """Whether this is Excel's ``sep=;``, cut at whatever delimiter."""
    return cells[0].lower().startswith("sep=") and not any(cells[1:])


def _without_empty_end(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    return cells


def table_rows(
    records: Iterable[Record | Broken], above: int, footer: list[str], *, ragged: bool = False
) -> Iterator[Row]:
    """The rows below the header. What stands below them is left out, and added to ``footer``.

    ``ragged`` rows may have cells beyond the header: in a sheet people write beside the table.
    """
    records = islice(records, above, None)
    header = next(iter(records), None)
    if header is None or isinstance(header, Broken):
        return
    width = len(header)
    for number, record in enumerate(_above_footer(records, width, footer), 1):
        if isinstance(record, Broken):
            yield Row(number, record.text, record.problem)
        elif len(record) == width:
            yield Row(number, record)
        elif len(record) < width:
            yield Row(number, [*record, *[None] * (width - len(record))])
        elif ragged or all(map(is_blank, record[width:])):
            yield Row(number, record if ragged else record[:width])
        else:
            said = {"cells": len(record), "width": width}
            problem = _("This row has %(cells)d cells; the header has %(width)d.") % said
            yield Row(number, list(record), problem)


def _above_footer(
    records: Iterable[Record | Broken], width: int, footer: list[str]
) -> Iterator[Record | Broken]:
    """The records that have something in them, up to what stands below the table."""
    held: list[Record | Broken] = []
    blank = False
    for record in records:
        if not isinstance(record, Broken):
            if all(map(is_blank, record)):
                blank = True
                continue
            if (held and len(record) == 1 < width - 1) or _is_footer(record, width, blank):
                held.append(record)
                if len(held) > FOOTER:
                    yield from held
                    held.clear()
                    blank = False
                continue
        yield from held
        held.clear()
        blank = False
        yield record
    footer += [" ".join(str(cell) for cell in line if not is_blank(cell)) for line in held]


def _is_footer(record: Record, width: int, blank: bool) -> bool:
    first, *others = record
    if width < 3:
        return False
    if all(map(is_blank, others)):
        return (blank and len(record) == 1) or BELOW.match(str(first)) is not None
    said = next(str(cell) for cell in record if not is_blank(cell)).strip().rstrip(":").lower()
    if said not in TOTALS:
        return False
    filled = [cell for cell in others if not is_blank(cell)]
    rest = filled if not is_blank(first) else filled[1:]
    return bool(rest) and all(map(_is_number, rest))


def _is_number(cell: Any) -> bool:
    if isinstance(cell, str):
        return re.search(r"\d", cell) is not None and re.search(r"[^\W\d]{4}|@", cell) is None
    return isinstance(cell, int | float)
