"""Reads files as rows: tables, objects, workbooks and vCards of any size, one row at a time.

A row that cannot be read is yielded with a problem, and reading continues. A file without any rows, or that
breaks off, is :class:`Unreadable`.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import PurePath
from typing import BinaryIO

from django.utils.translation import gettext as _

from headlessly.transfer import objects, separated, vcards, workbooks
from headlessly.transfer.encodings import UTF_8, find_encoding
from headlessly.transfer.rows import Layout, Row, Unreadable
from headlessly.transfer.tables import table_rows

CSV, JSON, NDJSON, XLSX, VCF = "csv", "json", "ndjson", "xlsx", "vcf"
FORMATS = (CSV, JSON, NDJSON, XLSX, VCF)
#: The formats with a header above their rows, and those whose values are all text.
TABLES, TEXTS = (CSV, XLSX), (CSV, XLSX, VCF)
#: The formats by media type, and by the end of the file's name.
MEDIA_TYPES = {
    "text/csv": CSV,
    "text/tab-separated-values": CSV,
    "application/json": JSON,
    "application/x-ndjson": NDJSON,
    "application/ndjson": NDJSON,
    "application/jsonl": NDJSON,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": XLSX,
    "text/vcard": VCF,
    "text/x-vcard": VCF,
}
ENDINGS = {
    ".csv": CSV, ".tsv": CSV, ".tab": CSV, ".txt": CSV, ".json": JSON, ".ndjson": NDJSON,
    ".jsonl": NDJSON, ".xlsx": XLSX, ".vcf": VCF, ".vcard": VCF,
}  # fmt: skip
ARCHIVE = b"PK"
#: How many objects are read for their names when the file is sent; the job reads all of them.
FIRST_OBJECTS = 100


def by_name(filename: str | None) -> str | None:
    """Returns the format for the end of a file's name, or None."""
    return ENDINGS.get(PurePath(filename or "").suffix.lower())


def by_content(start: bytes) -> str:
    """Returns the format that the beginning of a file suggests."""
    if start.startswith(ARCHIVE):
        return XLSX
    text = start.replace(b"\0", b"")
    for mark in (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        text = text.removeprefix(mark)
    text = text.lstrip()
    if text[:11].upper() == b"BEGIN:VCARD":
        return VCF
    return JSON if text[:1] == b"[" else NDJSON if text[:1] == b"{" else CSV


def find_layout(
    file: BinaryIO,
    format: str,
    count_known: Callable[[Iterable[str]], int],
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> tuple[list[str], Layout]:
    """Returns the names of a table's columns and how to read it; for objects, the names in the first of them.

    ``count_known`` returns how many of some names are known, which distinguishes a header from a title above
    it. ``encoding`` and ``delimiter`` may be given; otherwise they are determined. Raises Unreadable for a
    file of another format.
    """
    if format == XLSX:
        header, layout = workbooks.find_layout(file, count_known)
        return header.cells, layout
    file.seek(0)
    if file.read(2) == ARCHIVE:
        raise Unreadable(
            _("The file is a workbook or an archive, not text. Send .xlsx by its name.")
        )
    encoding = find_encoding(file, encoding)
    if format == CSV:
        header, layout = separated.find_layout(file, encoding, count_known, delimiter)
        return header.cells, layout
    layout = Layout(encoding=encoding)
    if format == VCF:
        vcards.check_cards(file, encoding)
    if format == JSON:
        layout = replace(layout, single=_is_single(file, encoding))
        if layout.single:
            within = objects.find_rows(objects.read_single(file, encoding), count_known)
            layout = replace(layout, within=within)
    return [], layout


def _is_single(file: BinaryIO, encoding: str) -> bool:
    """Whether the file is one object. Raises Unreadable for a file that is neither an object nor an array."""
    first = objects.first_character(file, encoding)
    if first == b"[":
        return False
    if first == b"{" and objects.read_single(file, encoding):
        return True
    raise Unreadable(
        _(
            "The file is no JSON array of objects, and no single object with something in it. One object "
            "a line is application/x-ndjson."
        )
    )


def first_objects(file: BinaryIO, format: str, layout: Layout) -> list[Row]:
    """Returns the first rows of a file of objects, as far as they can be read."""
    found: list[Row] = []
    try:
        found += islice(read_rows(file, format, layout), FIRST_OBJECTS)
    except Unreadable:
        pass  # the job will report where it breaks off
    return found


def read_rows(
    file: BinaryIO, format: str, layout: Layout, footer: list[str] | None = None
) -> Iterator[Row]:
    """Yields the rows of a file without the header. Raises Unreadable where it breaks off.

    Lines below a table's rows are added to ``footer``.
    """
    below = [] if footer is None else footer
    if format == CSV:
        records = separated.read_records(file, layout.encoding, layout.delimiter)
        return table_rows(records, layout.above, below)
    if format == XLSX:
        cells = workbooks.read_records(file, layout.sheet)
        return table_rows(cells, layout.above, below, ragged=True)
    return {JSON: objects.read_array, NDJSON: objects.read_lines, VCF: vcards.read_cards}[format](
        file, layout
    )


__all__ = [
    "CSV",
    "FORMATS",
    "JSON",
    "NDJSON",
    "UTF_8",
    "VCF",
    "XLSX",
    "Layout",
    "Row",
    "Unreadable",
]
