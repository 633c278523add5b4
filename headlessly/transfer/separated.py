"""Text whose lines are records: CSV and similar, with ``,``, ``;``, ``|`` or tabs between the cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from django.utils.translation import gettext as _

from headlessly.declaration.values import group_thousands
from headlessly.transfer.encodings import Text
from headlessly.transfer.rows import LONGEST, Layout, Unreadable
from headlessly.transfer.tables import Broken, Header, find_header

DELIMITERS = (",", ";", "\t", "|")
#: Text written so that a spreadsheet does not take it for a number: ``="01067"``.
TEXT_FORMULA = re.compile(r'="([^"]*)"\s*\Z')
#: Excel's own first line, which names the delimiter.
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*\Z', re.I)


def find_layout(
    file: BinaryIO,
    encoding: str,
    count_known: Callable[[Iterable[str]], int],
    asked: str | None = None,
) -> tuple[Header, Layout]:
    """Returns the header and how to read the rows below it, with the delimiter that was ``asked`` for, if
    any.

    Raises Unreadable if there is no header.
    """
    found: list[tuple[Header, str]] = []
    broken: Broken | None = None
    for delimiter in (asked,) if asked else _offered(file, encoding):
        header = find_header(read_records(file, encoding, delimiter), count_known)
        if isinstance(header, Header):
            found.append((header, delimiter))
        else:
            broken = broken or header
    if found:
        header, delimiter = max(found, key=lambda each: (each[0].known, len(each[0].cells)))
        return header, Layout(encoding=encoding, delimiter=delimiter, above=header.above)
    if broken is not None:
        raise Unreadable(_("The header cannot be read: %s") % broken.problem)
    raise Unreadable(_("The file is empty. Its first line names the columns."))


def _offered(file: BinaryIO, encoding: str) -> tuple[str, ...]:
    text = Text(file, encoding)
    try:
        said = SEPARATOR_LINE.match(text.readline(64))
    finally:
        text.detach()
    return (said[1],) if said else DELIMITERS


def read_records(file: BinaryIO, encoding: str, delimiter: str) -> Iterator[list[str] | Broken]:
    """Yields records, including blank ones; a broken line does not affect the others."""
    lines = _Lines(Text(file, encoding))
    try:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        while True:
            lines.taken.clear()
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as problem:
                yield Broken(lines.first().rstrip("\r\n"), _explained(problem))
                reader = csv.reader(lines, delimiter=delimiter, strict=True)
                continue
            if any(cell[:2] == '="' for cell in record):
                record = [TEXT_FORMULA.sub(r"\1", cell) for cell in record]
            yield record
    finally:
        lines.file.detach()  # the caller closes the file


def _explained(problem: csv.Error) -> str:
    text = str(problem)
    if "field limit" in text:
        return _(
            "A cell has more than %s characters, or a quote is never closed."
        ) % group_thousands(csv.field_size_limit())
    if "unexpected end" in text:
        return _("A quote that opens in this row is never closed.")
    if "expected after" in text:
        return _(
            "A quote inside of a quoted cell is written twice, and a closing one ends the cell."
        )
    return _("This row cannot be read: %s.") % text


class _Lines:
    """The lines of a text; those of the last record can be put back."""

    def __init__(self, file: Text) -> None:
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
        """Returns the first line of the record, and puts the others back."""
        first, *others = self.taken or [""]
        self.again += reversed(others)
        return first
