"""Files as rows: CSV, JSON, NDJSON and workbooks, of any size, a row at a time.

A row that cannot be read is a row with a problem, and the next one is read as if nothing were. Only what
has no rows at all, or breaks off in between, is :class:`Unreadable`.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, BinaryIO, NamedTuple

import ijson
import orjson

CSV, JSON, NDJSON, XLSX = "csv", "json", "ndjson", "xlsx"
FORMATS = (CSV, JSON, NDJSON, XLSX)
#: What a file is, by its media type or the end of its name.
MEDIA_TYPES = {
    "text/csv": CSV,
    "text/tab-separated-values": CSV,
    "application/json": JSON,
    "application/x-ndjson": NDJSON,
    "application/ndjson": NDJSON,
    "application/jsonl": NDJSON,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": XLSX,
}
ENDINGS = {
    ".csv": CSV, ".tsv": CSV, ".tab": CSV, ".txt": CSV, ".json": JSON, ".ndjson": NDJSON,
    ".jsonl": NDJSON, ".xlsx": XLSX,
}  # fmt: skip
DELIMITERS = (",", ";", "\t")
BOM = b"\xef\xbb\xbf"
#: The most characters of a line: what is longer is no row of a table.
LONGEST = 1024 * 1024
#: The most a workbook may unfold to, in bytes.
UNFOLDED = 1024 * 1024 * 1024


class Unreadable(ValueError):
    """A file that is not what it says; the message is for whoever sent it."""


class Row(NamedTuple):
    """A row and its number, counted from 1 after the header.

    Its content is a list of cells, an object, or with a ``problem`` whatever could be read of it.
    """

    number: int
    content: Any
    problem: str | None = None


def by_name(filename: str | None) -> str | None:
    """The format that the end of a file's name says, or None."""
    return ENDINGS.get(PurePath(filename or "").suffix.lower())


def by_content(start: bytes) -> str:
    """The format that a file begins like."""
    if start.startswith(b"PK"):
        return XLSX
    first = start.removeprefix(BOM).lstrip()[:1]
    return JSON if first == b"[" else NDJSON if first == b"{" else CSV


def check(file: BinaryIO, format: str) -> None:
    """Raise Unreadable for a file that is none of this format from its first byte to its last."""
    if format == XLSX:
        _check_workbook(file)
        return
    file.seek(0)
    start = file.read(4)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Unreadable("The file is UTF-16. Save it as UTF-8.")
    if start[:2] == b"PK":
        raise Unreadable("The file is a workbook or an archive, not text. Send .xlsx by its name.")
    _check_encoding(file)
    file.seek(0)
    if format == JSON and _first_character(file) != b"[":
        raise Unreadable(
            "The file is no JSON array of objects. One object a line is application/x-ndjson."
        )


def _check_encoding(file: BinaryIO) -> None:
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    lines = 0
    try:
        while block := file.read(1024 * 1024):
            decoder.decode(block)
            lines += block.count(b"\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as problem:
        line = lines + problem.object[: problem.start].count(b"\n") + 1
        raise Unreadable(
            f"The file is not UTF-8: line {line:,} has the byte 0x{problem.object[problem.start]:02x}. "
            "Save it as UTF-8 (in a spreadsheet: CSV UTF-8)."
        ) from None


def _first_character(file: BinaryIO) -> bytes:
    while block := file.read(4096):
        if found := block.removeprefix(BOM).lstrip():
            return found[:1]
    return b""


# -- tables -------------------------------------------------------------------------------------------


def header(file: BinaryIO, format: str) -> tuple[list[str], str]:
    """The header of a table and its delimiter. Raises Unreadable when there is none."""
    file.seek(0)
    if format == XLSX:
        for cells in _workbook_rows(file):
            return ["" if cell is None else str(cell) for cell in cells], ","
        raise Unreadable("The workbook's first sheet is empty.")
    delimiter = _sniffed(file)
    file.seek(0)
    for cells in _csv(file, delimiter):
        if isinstance(cells, _Broken):
            raise Unreadable(f"The header cannot be read: {cells.problem}")
        return cells, delimiter
    raise Unreadable("The file is empty. Its first line names the columns.")


def _sniffed(file: BinaryIO) -> str:
    """The delimiter that makes the most columns of the first line."""

    def columns(delimiter: str) -> int:
        file.seek(0)
        first = next(_csv(file, delimiter), [])
        return 0 if isinstance(first, _Broken) else len(first)

    return max(DELIMITERS, key=columns)


def rows(file: BinaryIO, format: str, delimiter: str = ",") -> Iterator[Row]:
    """The rows of a file, the header left out. Raises Unreadable where it breaks off."""
    file.seek(0)
    reading = {CSV: _table, XLSX: _table, JSON: _array, NDJSON: _objects}[format]
    return reading(file, format, delimiter)


def _table(file: BinaryIO, format: str, delimiter: str) -> Iterator[Row]:
    lines = _workbook_rows(file) if format == XLSX else _csv(file, delimiter)
    width = len(next(iter(lines), []))
    for number, cells in enumerate(lines, 1):
        if isinstance(cells, _Broken):
            yield Row(number, cells.text, cells.problem)
        elif len(cells) == width:
            yield Row(number, cells)
        elif format == XLSX:
            yield Row(number, [*cells[:width], *[None] * (width - len(cells))])
        elif len(cells) > width and not any(cells[width:]):
            yield Row(number, cells[:width])
        else:
            problem = f"This row has {len(cells)} cells; the header has {width}."
            yield Row(number, cells, problem)


class _Broken(NamedTuple):
    text: str
    problem: str


def _csv(file: BinaryIO, delimiter: str) -> Iterator[list[str] | _Broken]:
    """Records, empty ones left out; a line that breaks the rules costs no other one."""
    lines = _Lines(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""))
    try:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        while True:
            lines.taken.clear()
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as problem:
                yield _Broken(lines.first().rstrip("\r\n"), _said(problem))
                reader = csv.reader(lines, delimiter=delimiter, strict=True)
                continue
            if record:
                yield record
    finally:
        lines.file.detach()  # the file is not ours to close


def _said(problem: csv.Error) -> str:
    text = str(problem)
    if "field limit" in text:
        return f"A cell has more than {csv.field_size_limit():,} characters, or a quote is never closed."
    if "unexpected end" in text:
        return "A quote that opens in this row is never closed."
    if "expected after" in text:
        return "A quote inside of a quoted cell is written twice, and a closing one ends the cell."
    return f"This row cannot be read: {text}."


class _Lines:
    """The lines of a text, of which the last record's can be taken back."""

    def __init__(self, file: io.TextIOWrapper) -> None:
        self.file = file
        self.taken: list[str] = []
        self.again: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.again.pop() if self.again else self.file.readline(LONGEST)
        if not line:
            raise StopIteration
        self.taken.append(line)
        if len(line) >= LONGEST and not line.endswith(("\n", "\r")):
            while rest := self.file.readline(LONGEST):
                if rest.endswith(("\n", "\r")):
                    break
            raise csv.Error(f"a line has more than {LONGEST:,} characters")
        return line

    def first(self) -> str:
        """The first line of the record; the others are there again."""
        first, *others = self.taken or [""]
        self.again += reversed(others)
        return first


# -- workbooks ----------------------------------------------------------------------------------------


def _check_workbook(file: BinaryIO) -> None:
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            if sum(each.file_size for each in archive.infolist()) > UNFOLDED:
                raise Unreadable("The workbook is too large. Send it as CSV.")
    except (zipfile.BadZipFile, OSError, ValueError) as problem:
        if isinstance(problem, Unreadable):
            raise
        raise Unreadable("The file is no workbook (.xlsx).") from None


def _workbook_rows(file: BinaryIO) -> Iterator[tuple[Any, ...]]:
    """The rows of the first sheet that have something in them."""
    from openpyxl import load_workbook

    try:
        book = load_workbook(file, read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()
        for cells in sheet.iter_rows(values_only=True):
            if any(cell not in (None, "") for cell in cells):
                yield cells
    except Exception as problem:  # whatever a broken archive or broken XML makes of it
        raise Unreadable(f"The workbook cannot be read: {str(problem)[:200]}") from problem


# -- objects ------------------------------------------------------------------------------------------


def _array(file: BinaryIO, format: str, delimiter: str) -> Iterator[Row]:
    if file.read(3) != BOM:
        file.seek(0)
    number = 0
    try:
        for number, item in enumerate(ijson.items(file, "item", use_float=True), 1):
            yield _object(number, item)
    except (ijson.JSONError, ValueError, OverflowError, RecursionError) as problem:
        said = " ".join(str(problem).split())[:200]
        raise Unreadable(f"After row {number:,} this is not valid JSON: {said}") from None


def _objects(file: BinaryIO, format: str, delimiter: str) -> Iterator[Row]:
    number = 0
    for line in _byte_lines(file):
        text = line.removeprefix(BOM).strip() if number == 0 else line.strip()
        if not text:
            continue
        number += 1
        if len(line) >= LONGEST:
            yield Row(number, _text(line), f"This line has more than {LONGEST:,} bytes.")
            continue
        try:
            item = orjson.loads(text)
        except ValueError as problem:
            yield Row(number, _text(line), f"This is not valid JSON: {problem}.")
            continue
        yield _object(number, item)


def _byte_lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(LONGEST):
        yield line
        while len(line) >= LONGEST and not line.endswith(b"\n"):
            line = file.readline(LONGEST)


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r\n")


def _object(number: int, item: Any) -> Row:
    if isinstance(item, dict):
        return Row(number, item)
    return Row(number, item, "This is no object.")
