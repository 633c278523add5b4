"""Reads a workbook in a process of its own: `workbook_child.py FILE SECONDS MEGABYTES begin|NUMBER`.

A workbook is an archive of XML, and a small one may unfold to any size and take any time. This process has
bounds on both that the system keeps. It is run as a file, so that it imports nothing of the product; it
writes JSON, a line each: ``begin`` the visible sheets with their first rows, a number the rows of that sheet.
A whole number stands for so many empty rows; ``{"error": ...}`` says why there is no more.
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

#: The most a workbook may unfold to, in bytes, and the most rows of a sheet that there are in any program.
UNFOLDED, MOST_ROWS = 1024 * 1024 * 1024, 1_048_576
#: How many sheets are looked at, and how many rows of each, to find the header.
SHEETS, FIRST_ROWS = 20, 40
#: How a value that is none of JSON is written, and a formula whose value was not saved.
KINDS: dict[str, type[datetime | date | time]] = {"datetime": datetime, "date": date, "time": time}
FORMULA = "formula"
#: Cells that are shown as one, of more rows than one: ``A2:A5``.
MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s+ref="([A-Z]+[0-9]+:[A-Z]+[0-9]+)"')
PIECE, LONGEST = 1 << 20, 100

#: What a format has beside its digits: ``[$EUR-407]``, ``"kr"``; and what of it is a currency, whatever
#: thousands it is shown in.
BRACKET, QUOTED = re.compile(r"\[\$([^\]-]*)(?:-[^\]]*)?\]"), re.compile('"([^"]*)"')
CODE = re.compile("[A-Z]{3}")
SIGN = re.compile(r"(?:US|AU?|CA?|NZ|HK|SG?|NT|MX|RD?)?\$|[£¥֏؋৲৳฿៛\u20a0-\u20c0﷼￥]")
WORDS = {"kr", "Fr", "SFr", "Ft", "lei", "TL", "Rs", "zł", "Kč", "RM", "Rp", "лв", "руб"}
#: From this number on a spreadsheet has lost the last digits.
ROUNDED = 10**15


class TooLarge(Exception):
    """The workbook has more in it than is read."""


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
    except Exception as problem:  # whatever a broken archive or broken XML makes of it
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
    """openpyxl's parser, which answers a formula where the value of one was not saved: programs write such
    files, and the cell is not empty to who opens them."""
    from openpyxl.worksheet._reader import FORMULA_TAG, WorkSheetParser

    class Parser(WorkSheetParser):
        def parse_cell(self, element: Any) -> Any:
            cell = super().parse_cell(element)
            # One that makes an empty text says that it is a text.
            is_saved = cell["value"] is not None or element.get("t") == "str"
            if not is_saved and element.find(FORMULA_TAG) is not None:
                formula = self.parse_formula(element)
                cell |= {"value": str(getattr(formula, "text", formula)), "data_type": "f"}
            return cell

    return Parser


def rows_of(sheet: Any) -> Iterator[list[Any]]:
    """The rows as people see them: ``80%``, where the sheet keeps 0.8 and shows percent, ``01067``, where it
    keeps 1067 and shows five digits, ``12.50 €``, where it keeps 12.5 and shows euros, and in each row of a
    merged cell what stands in its first."""
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
    """By the row in which a cell merged of several rows begins: its column, and its last row."""
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
    """The sign or the code of a currency in a format: ``#,##0 [$CHF-807]``; None without any."""
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
