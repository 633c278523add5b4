"""Writes workbooks row by row: cells contain values, never formulas.

openpyxl keeps no row that it has written, and the file is on disk until it is sent, so memory stays constant,
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

#: The maximum length of a sheet's title.
MAX_TITLE = 31
#: Workbooks have no days before this year.
FIRST_YEAR = 1900
#: The width of columns, in letters.
WIDTH = 22


def write_workbook(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[Any]], *, spare: str = "Sheet"
) -> IO[bytes]:
    """Returns a file with one sheet, at its beginning: ``headings`` that stay in view, and ``rows`` of text,
    numbers, days and moments without a zone. ``spare`` is the title if nothing of ``title`` can be used."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_sheet_title(title) or spare)
    for number in range(1, len(headings) + 1):
        sheet.column_dimensions[get_column_letter(number)].width = WIDTH
    sheet.freeze_panes = "A2"
    sheet.append([_bold(sheet, heading) for heading in headings])
    try:
        for row in rows:
            sheet.append([_cell(sheet, value) for value in row])
        file = TemporaryFile()  # noqa: SIM115 # the reader closes it
        book.save(file)
    except BaseException:
        _throw_away(sheet)
        raise
    file.seek(0)
    return file


def _throw_away(sheet: Any) -> None:
    """Delete temporary files. openpyxl does so after saving, and otherwise at the end of the process."""
    with suppress(Exception):  # saved already, or no room to write its end
        sheet.close()
    with suppress(OSError):
        sheet._writer.cleanup()


def _cell(sheet: Any, value: Any) -> Any:
    """Returns a value as a cell: text stays text, even if it looks like a formula."""
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
