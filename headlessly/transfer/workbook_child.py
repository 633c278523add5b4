"""Reads a workbook in its own process: `workbook_child.py FILE SECONDS MEGABYTES begin|NUMBER`.

A workbook is an archive of XML, and a small one may expand to any size and take any time. The system enforces
limits on both for this process. It is run as a file, so that it imports nothing of the product. It writes one
JSON value per line: for ``begin`` the visible sheets with their first rows, for a number the rows of that
sheet. A whole number stands for so many empty rows; ``{"error": ...}`` says why there is no more.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Any

#: The maximum expanded size of a workbook in bytes, and the maximum number of rows of a sheet in any program.
UNFOLDED, MOST_ROWS = 1024 * 1024 * 1024, 1_048_576
#: How many sheets are examined, and how many rows of each, to find the header.
SHEETS, FIRST_ROWS = 20, 40
#: The types of values that JSON does not have, and how a formula without a saved value is written.
KINDS: dict[str, type[datetime | date | time]] = {"datetime": datetime, "date": date, "time": time}
FORMULA = "formula"
#: Merged cells that span several rows: ``A2:A5``.
MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s+ref="([A-Z]+[0-9]+:[A-Z]+[0-9]+)"')
PIECE, LONGEST = 1 << 20, 100

#: The parts of a number format besides digits: ``[$EUR-407]``, ``"kr"``; and which of them are a currency,
#: without multiples.
BRACKET, QUOTED = re.compile(r"\[\$([^\]-]*)(?:-[^\]]*)?\]"), re.compile('"([^"]*)"')
CODE = re.compile("[A-Z]{3}")
SIGN = re.compile(r"(?:US|AU?|CA?|NZ|HK|SG?|NT|MX|RD?)?\$|[£¥֏؋৲৳฿៛\u20a0-\u20c0﷼￥]")
WORDS = {"kr", "Fr", "SFr", "Ft", "lei", "TL", "Rs", "zł", "Kč", "RM", "Rp", "лв", "руб"}
#: From this number on, spreadsheets lose the last digits.
ROUNDED = 10**15


class TooLarge(Exception):
    """The workbook is larger than the limits."""


def main(path: str, seconds: str, megabytes: str, what: str) -> None:
    memory = int(megabytes) * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        check_archive(path)
        book = opened(path)
        if what == "begin":
            for number, sheet in enumerate(book.worksheets[:SHEETS]):
                if sheet.sheet_state == "visible":
                    write({"sheet": number, "rows": list(islice(rows_of(sheet), FIRST_ROWS))})
        else:
            write_rows(rows_of(book.worksheets[int(what)]))
    except (TooLarge, MemoryError):
        write({"error": "too_large"})
    except zipfile.BadZipFile:
        write({"error": "no_workbook"})
    except BrokenPipeError:
        return  # enough was read
    except Exception as problem:  # whatever a broken archive or broken XML raises
        write({"error": "unreadable", "told": str(problem)[:200]})
    sys.stdout.flush()


def check_archive(path: str) -> None:
    with zipfile.ZipFile(path) as archive:
        if sum(each.file_size for each in archive.infolist()) > UNFOLDED:
            raise TooLarge


def opened(path: str) -> Any:
    from openpyxl import load_workbook
    from openpyxl.worksheet import _read_only

    _read_only.WorkSheetParser = parser_of_formulas()  # type: ignore[misc]
    return load_workbook(path, read_only=True, data_only=True)


def parser_of_formulas() -> Any:
    """Returns openpyxl's parser, changed to return a formula if its value was not saved: some programs write
    such files, and the cell is not empty for people who open them."""
    from openpyxl.worksheet._reader import FORMULA_TAG, WorkSheetParser

    class Parser(WorkSheetParser):
        def parse_cell(self, element: Any) -> Any:
            cell = super().parse_cell(element)
            # A formula with an empty text as its value says that it is text.
            is_saved = cell["value"] is not None or element.get("t") == "str"
            if not is_saved and element.find(FORMULA_TAG) is not None:
                formula = self.parse_formula(element)
                cell |= {"value": str(getattr(formula, "text", formula)), "data_type": "f"}
            return cell

    return Parser


def rows_of(sheet: Any) -> Iterator[list[Any]]:
    """Yields the rows as people see them: ``80%`` where the sheet has 0.8 in percent, ``01067`` where it has
    1067 with five digits, ``12.50 €`` where it has 12.5 in euros, and the content of a merged cell in each of
    its rows."""
    sheet.reset_dimensions()
    formats: dict[int, str] = {}
    ends = merged_down(sheet)
    below: dict[int, tuple[int, Any]] = {}
    for number, cells in enumerate(sheet.iter_rows(), 1):
        if number > MOST_ROWS:
            raise TooLarge
        row = [shown(cell, formats) for cell in cells]
        is_empty = all(cell is None for cell in row)
        for column, (last, value) in [*below.items()]:
            if column < len(row) and row[column] is None and not is_empty:
                row[column] = value
            if number >= last:
                del below[column]
        for column, last in ends.get(number, ()):
            if column < len(row):
                below[column] = last, row[column]
        yield row


def merged_down(sheet: Any) -> dict[int, list[tuple[int, int]]]:
    """Returns cells merged over several rows: by their first row, the column and the last row."""
    from openpyxl.utils import range_boundaries

    found: dict[int, list[tuple[int, int]]] = {}
    rest = b""
    with sheet._get_source() as source:
        while piece := source.read(PIECE):
            rest += piece
            end = 0
            for match in MERGED.finditer(rest):
                left, top, _right, bottom = range_boundaries(match[1].decode())
                if bottom > top:
                    found.setdefault(top, []).append((left - 1, bottom))
                end = match.end()
            rest = rest[max(end, len(rest) - LONGEST) :]
    return found


def shown(cell: Any, formats: dict[int, str]) -> Any:
    value = cell.value
    if getattr(cell, "data_type", None) == "f":
        return {"kind": FORMULA, "value": value}
    if isinstance(value, str):
        return value if value.strip() else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return value
    style = cell._style_id
    if style not in formats:
        formats[style] = cell.number_format or ""
    form = formats[style]
    if "%" in form:
        return f"{round(value * 100, 10):.10g}%"
    if (currency := currency_shown(form)) is not None:
        return f"{value:.2f} {currency}"
    if abs(value) >= ROUNDED:
        return f"{value:.14E}"
    if len(form) > 1 and not form.strip("0") and value >= 0 and value == int(value):
        return str(int(value)).zfill(len(form))
    return value


@lru_cache
def currency_shown(form: str) -> str | None:
    """Returns the sign or the code of a currency in a format: ``#,##0 [$CHF-807]``; None without any."""
    named = [text.strip() for text in (*BRACKET.findall(form), *QUOTED.findall(form))]
    rest = QUOTED.sub("", BRACKET.sub("", form))
    signs = (SIGN.search(text) for text in (*named, rest))
    found = [each for each in named if CODE.fullmatch(each) or each.rstrip(".") in WORDS]
    found += [sign[0] for sign in signs if sign is not None]
    return found[0] if found else None


def write_rows(rows: Iterator[list[Any]]) -> None:
    empty = 0
    for row in rows:
        if all(cell is None for cell in row):
            empty += 1
            continue
        if empty:
            write(empty)
            empty = 0
        write(row)


def write(value: Any) -> None:
    print(json.dumps(value, default=as_json))


def as_json(value: Any) -> Any:
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, Decimal):
        return float(value)
    return {"kind": type(value).__name__, "value": value.isoformat()}


if __name__ == "__main__":
    main(*sys.argv[1:])
