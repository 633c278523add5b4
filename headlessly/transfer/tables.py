"""Tables: finds the header, the rows, and what is around them.

Exports have titles above their header, and totals, copyrights and the name of their author below their rows.
The header is the first line with the most column names; lines below the rows are recognized by their shape
(one cell, after a blank line) or by their words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from headlessly.transfer.rows import Row, is_blank

#: In how many records the header is searched, and how many lines there may be below the rows.
SEARCHED, FOOTER = 40, 20
#: The beginnings of lines below the rows, for exports without a blank line above them.
BELOW = re.compile(
    r"\s*(generated (by|on|at)\b|copyright\b|©|\(c\) |confidential information\b|total(s| records| rows)?:"
    r"|exported (by|on|from)\b|report generated\b|erstellt (von|am)\b|exportiert (von|am)\b)",
    re.I,
)
#: The first cell of a row with totals.
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
    """The cells of a header, how many records are above it, and how many of its names are known."""

    cells: list[str]
    above: int
    known: int


def find_header(
    records: Iterable[Record | Broken], count_known: Callable[[Iterable[str]], int]
) -> Header | Broken | None:
    """Returns the header of a table; None if the file is empty.

    It is the first record, unless a later one has more cells and more known names: a title has fewer cells,
    and a row of data as many. Two known names count more than a line without any.
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
    """Whether this is Excel's ``sep=;``, split at any delimiter."""
    return cells[0].lower().startswith("sep=") and not any(cells[1:])


def _without_empty_end(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    return cells


def table_rows(
    records: Iterable[Record | Broken], above: int, footer: list[str], *, ragged: bool = False
) -> Iterator[Row]:
    """Yields the rows below the header. Lines below the rows are left out, and added to ``footer``.

    ``ragged`` rows may have cells beyond the header, because people write notes next to a table in a sheet.
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
    """Yields the records that are not blank, until the lines below the table."""
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
