"""Guesses the field of a column by its values, if its heading is unknown: addresses, telephone numbers,
choices, names.

Somebody has to check such a guess: for a file that nobody watches, only headings count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from headlessly.declaration.schema import Field
from headlessly.transfer import cells
from headlessly.transfer.amounts import parse_number
from headlessly.transfer.cell_reader import is_phone
from headlessly.transfer.headings import Headings, nameless_heading
from headlessly.transfer.mapping import mappable_fields
from headlessly.transfer.rows import Row, is_blank

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: How many rows are examined, and which share of their values must fit.
ROWS, SHARE = 200, 0.8
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]{2,}\Z")
#: A telephone number as people write it: with a plus, a zero or a bracket first, or in groups.
PHONE = re.compile(r"(?:\+|\(|0|p:|tel:)[\d\s()/.+-]{6,24}\Z|\d{3}[-. ]\d{3}[-. ]\d{4}\Z")
ADDRESS = re.compile(r"(?:https?://|www\.)\S+\Z|[\w-]+(?:\.[\w-]+)+/\S+\Z", re.I)

Fits = Callable[[str], bool]


def guess_columns(noun: type[Record], headings: Headings, rows: Iterable[Row]) -> dict[str, str]:
    """Returns the paths of fields for unknown headings, by the values below them.

    A field that already has a column is not guessed.
    """
    content = [row.content for row in rows if row.problem is None]
    taken = set(headings.columns)
    found: dict[str, str] = {}
    for position, heading in headings.unknown.items():
        values = [str(row[position]).strip() for row in content if not is_blank(row[position])]
        path = _guess_path(noun, values, taken)
        if path is not None:
            taken.add(path)
            nameless = position >= len(headings.header) or not headings.header[position].strip()
            found[nameless_heading(position) if nameless else heading] = path
    return found


def _guess_path(noun: type[Record], values: Sequence[str], taken: Collection[str]) -> str | None:
    """Returns the field that most of these values fit, trying the most distinctive types first."""
    if not values:
        return None
    for path, fits in _candidates(noun):
        if path not in taken and sum(map(fits, values)) >= SHARE * len(values):
            return path
    return None


def _candidates(noun: type[Record]) -> Iterator[tuple[str, Fits]]:
    """Yields the fields that a column may be, with the check of a value."""
    fields = [
        (path, other, field)
        for path, (other, field) in mappable_fields(noun).items()
        if not path.startswith("$")
    ]
    for path, _other, field in fields:
        if field.type == "email":
            yield path, _matching(EMAIL)
        elif is_phone(field):
            yield path, _matching(PHONE)
    for path, other, field in fields:
        pattern = other.Surface.files.patterns.get(field.name)
        if field.type == "url" and pattern:
            yield path, _matching(re.compile(rf"\S*{pattern}\S*\Z", re.I))
    for path, other, field in fields:
        if field.type == "url" and field.name not in other.Surface.files.patterns:
            yield path, _matching(ADDRESS)
    for path, other, field in fields:
        if field.type == "enum":
            yield path, _is_choice(other, field)
    for path, _other, field in fields:
        if field.type == "money":
            yield path, _is_amount
    for path, other, field in fields:
        if looks := other.Surface.files.looks.get(field.name):
            yield path, _matching(re.compile(looks))


def _matching(pattern: re.Pattern[str]) -> Fits:
    return lambda text: pattern.match(text) is not None


def _is_choice(noun: type[Record], field: Field) -> Fits:
    words = noun.Surface.files.words.get(field.name, {})
    read = cells.choice_reader(
        field, tuple((word, value) for value, others in words.items() for word in others if value)
    )
    choices: set[Any] = set(field.choices)
    # "yes" and "1" are words for some choices, and would fit any column of flags
    return lambda text: read(text) in choices and text.lower() not in cells.YES | cells.NO


def _is_amount(text: str) -> bool:
    """Whether it is a number with the sign or the code of a currency."""
    return re.search(r"[^\d\s.,'’+-]", text) is not None and (
        not text.endswith("%") and parse_number(text) is not None
    )
