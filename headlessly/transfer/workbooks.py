"""Workbooks: the first sheet that people see and that has something in it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from headlessly.transfer.rows import Layout, Unreadable, is_blank
from headlessly.transfer.tables import Header, find_header

#: The most a workbook may unfold to, in bytes.
UNFOLDED = 1024 * 1024 * 1024


def check_workbook(file: BinaryIO) -> None:
    """Raise Unreadable for what is no workbook, or too large a one."""
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            if sum(each.file_size for each in archive.infolist()) > UNFOLDED:
                raise Unreadable(_("The workbook is too large. Send it as CSV."))
    except (zipfile.BadZipFile, OSError, ValueError) as problem:
        if isinstance(problem, Unreadable):
            raise
        raise Unreadable(_("The file is no workbook (.xlsx).")) from None


def find_layout(
    file: BinaryIO, count_known: Callable[[Iterable[str]], int]
) -> tuple[Header, Layout]:
    """The header of the first visible sheet with known columns, else of the first that is not empty.

    Raises Unreadable where all are empty.
    """
    found: list[tuple[Header, Layout]] = []
    for number in _visible_sheets(file):
        header = find_header(read_records(file, number), count_known)
        if isinstance(header, Header):
            found.append((header, Layout(sheet=number, above=header.above)))
    if not found:
        raise Unreadable(_("The workbook has no sheet with anything in it."))
    return next((each for each in found if each[0].known), found[0])


def _opened(file: BinaryIO) -> Any:
    from openpyxl import load_workbook

    return load_workbook(file, read_only=True, data_only=True)


def _visible_sheets(file: BinaryIO) -> list[int]:
    try:
        sheets = _opened(file).worksheets
        return [n for n, sheet in enumerate(sheets) if sheet.sheet_state == "visible"][:20]
    except Exception as problem:  # whatever a broken archive or broken XML makes of it
        raise _unreadable(problem) from problem


def _unreadable(problem: Exception) -> Unreadable:
    return Unreadable(_("The workbook cannot be read: %s") % str(problem)[:200])


def read_records(file: BinaryIO, number: int) -> Iterator[list[Any]]:
    """The rows of a sheet as people see them: ``80%``, where the sheet keeps 0.8 and shows percent, and
    ``01067``, where it keeps 1067 and shows five digits."""
    try:
        sheet = _opened(file).worksheets[number]
        sheet.reset_dimensions()
        formats: dict[int, str] = {}
        for cells in sheet.iter_rows():
            yield [_shown(cell, formats) for cell in cells]
    except Unreadable:
        raise
    except Exception as problem:  # whatever a broken archive or broken XML makes of it
        raise _unreadable(problem) from problem


def _shown(cell: Any, formats: dict[int, str]) -> Any:
    value = cell.value
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None if is_blank(value) else value
    style = cell._style_id
    if style not in formats:
        formats[style] = cell.number_format or ""
    shown = formats[style]
    if "%" in shown:
        return f"{round(value * 100, 10):.10g}%"
    if len(shown) > 1 and not shown.strip("0") and value >= 0 and value == int(value):
        return str(int(value)).zfill(len(shown))
    return value
