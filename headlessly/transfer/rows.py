"""The rows of a file in any format, and its layout."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

#: The maximum length of a line, in characters; a longer one is not a row of a table.
LONGEST = 1024 * 1024


class Unreadable(ValueError):
    """A file of another format or with errors; the message is for the person who sent it."""


class Formula(str):
    """A cell of a workbook that was saved without the value of its formula: ``=B2*12``."""


class Row(NamedTuple):
    """A row and its number, counted from 1 after the header.

    Its content is a list of cells or an object; with a ``problem``, whatever could be read.
    """

    number: int
    content: Any
    problem: str | None = None


@dataclass(frozen=True)
class Layout:
    """How to read a file, as determined when it was sent."""

    encoding: str = "utf-8-sig"
    delimiter: str = ","
    above: int = 0  #: records above the header: titles, blank ones, ``sep=;``
    sheet: int = 0  #: the number of a workbook's sheet
    single: bool = False  #: whether a JSON file is one object, as a webhook sends it
    #: The name of the entry with the rows, as in answers of other programs.
    within: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def is_blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())
