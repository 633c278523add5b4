"""Workbooks that are written row by row: what stands in a cell is a value, never a formula.

openpyxl keeps no row that it has written, and the file is on disk until it is sent: memory stays as it is,
however many rows there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date
from tempfile import TemporaryFile
from typing import IO, Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

#: What a spreadsheet calls a sheet may be no longer.
MAX_TITLE = 31
#: Days before this are no days in a workbook.
FIRST_YEAR = 1900
#: How wide columns are, in letters.
WIDTH = 22


def write_workbook(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[Any]], *, spare: str = "Sheet"
) -> IO[bytes]:
    """A file with one sheet, at its beginning: ``headings`` that stay in view, and ``rows`` of text, numbers,
    days and moments without a zone. ``spare`` is the title where nothing of ``title`` can be one."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_sheet_title(title) or spare)
    for number in range(1, len(headings) + 1):
        sheet.column_dimensions[get_column_letter(number)].width = WIDTH
    sheet.freeze_panes = "A2"
    sheet.append([_bold(sheet, heading) for heading in headings])
    try:
        for row in rows:
            sheet.append([_cell(sheet, value) for value in row])
        file = TemporaryFile()  # noqa: SIM115 # whoever reads it closes it
        book.save(file)
    except BaseException:
        _throw_away(sheet)
        raise
    file.seek(0)
    return file


def _throw_away(sheet: Any) -> None:
    """Delete what was written: openpyxl does so when it has saved it, and else at the end of the process."""
    with suppress(Exception):  # saved already, or there is no room to write its end
        sheet.close()
    with suppress(OSError):
        sheet._writer.cleanup()


def _cell(sheet: Any, value: Any) -> Any:
    """A value as a cell has it: text is text, also where it looks like a formula."""
    if isinstance(value, str):
        value = ILLEGAL_CHARACTERS_RE.sub(" ", value)
        if value.startswith("="):
            cell = WriteOnlyCell(sheet, value=value)
            cell.data_type = "s"
            return cell
    elif isinstance(value, date) and value.year < FIRST_YEAR:
        return value.isoformat()
    return value


def _bold(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub(" ", text))
    cell.data_type, cell.font = "s", Font(bold=True)
    return cell


def _sheet_title(title: str) -> str:
    kept = "".join(" " if letter in "[]:*?/\\" else letter for letter in title).strip(" '")
    return kept[:MAX_TITLE]
