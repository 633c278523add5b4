"""What a file is made of, whatever its format: rows, and how they are laid out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

#: The most characters of a line: what is longer is no row of a table.
LONGEST = 1024 * 1024


class Unreadable(ValueError):
    """A file that is not what it says; the message is for whoever sent it."""


class Formula(str):
    """A cell of a workbook that was saved without what its formula makes: ``=B2*12``."""


class Row(NamedTuple):
    """A row and its number, counted from 1 after the header.

    Its content is a list of cells, an object, or with a ``problem`` whatever could be read of it.
    """

    number: int
    content: Any
    problem: str | None = None


@dataclass(frozen=True)
class Layout:
    """How a file is to be read, as it was found when it was sent."""

    encoding: str = "utf-8-sig"
    delimiter: str = ","
    above: int = 0  #: records above the header: titles, blank ones, ``sep=;``
    sheet: int = 0  #: which sheet of a workbook
    single: bool = False  #: whether a JSON file is one object, as a webhook sends it
    within: str | None = None  #: under which name that has its rows, as programs answer lists

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def is_blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())
