"""Rows of a list: a record's name with what is below it, and its cells, some of them editable."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.utils.html import format_html
from django.utils.safestring import SafeString

from headlessly.admin import display, field_values
from headlessly.admin.field_edit import closed_fields
from headlessly.admin.lists import places
from headlessly.admin.lists.address import Address
from headlessly.declaration import labels
from headlessly.declaration.schema import Field
from headlessly.nouns import Noun

#: How many characters of a text a cell shows: its column is narrow, and the page stays small.
LONGEST_TEXT = 80


@dataclass
class Cell:
    """A value of a record; ``edits`` says whether a click changes it."""

    name: str
    label: str
    kind: str
    value: Any
    edits: bool = False


@dataclass
class Row:
    """A record as a row of the table."""

    id: str
    version: int
    url: str
    name: str
    below: str
    cells: list[Cell]
    edits_name: bool = False
    #: Its position in the list, for the address of its page.
    place: str = ""
    gone: Any = None  #: of a deleted one: who deleted it, when, and whether it was merged
    planned: Any = ""  #: what is planned with it
    problem: str = ""  #: why the last action was refused


#: Returns the contents of blank cells for the records of a page, by the record's id and the field's name.
Filler = Callable[[Sequence[Any]], Mapping[tuple[str, str], SafeString | str]]
#: The fillers that apps register, by noun, with the names of their fields.
_fillers: dict[type[Noun], tuple[frozenset[str], Filler]] = {}
#: The format of their columns' totals, by noun.
_total_texts: dict[type[Noun], Any] = {}


def fills_blanks(noun: type[Noun], *names: str, total: Any = "%s") -> Callable[[Filler], Filler]:
    """Registers the decorated function, which fills the cells of these fields where they have no value. It
    is called once for a page, and only if one of the fields is a column. Totals only include stored
    values; ``total`` is the format that says so."""

    def register(filler: Filler) -> Filler:
        _fillers[noun], _total_texts[noun] = (frozenset(names), filler), total
        return filler

    return register


def total_text(noun: type[Noun], name: str) -> str:
    """Returns the format of a column's total if some records have no value; empty if the column's blanks
    are not filled."""
    names, _filler = _fillers.get(noun, (frozenset(), None))
    return str(_total_texts[noun]) if name in names else ""


def are_blanks_filled(noun: type[Noun], name: str) -> bool:
    """Whether lists show something of this field where it has no value yet. It is in no order: to know it of
    all records, all that they count would have to be read."""
    names, _filler = _fillers.get(noun, (frozenset(), None))
    return name in names


def fill_blanks(noun: type[Noun], records: Sequence[Noun], rows: Iterable[Row]) -> None:
    """Fills the blank cells of ``rows``, which show ``records``, with what their app says."""
    names, filler = _fillers.get(noun, (frozenset(), None))
    blank = [
        (row.id, cell)
        for row in rows
        for cell in row.cells
        if cell.name in names and cell.value == ""
    ]
    if filler is None or not blank:
        return
    wanted = {id for id, _cell in blank}
    told = filler([record for record in records if record.pk in wanted])
    for id, cell in blank:
        cell.value = told.get((id, cell.name), "")


class RowMaker:
    """Makes the rows of a list. What all rows share is computed once.

    The link of a row tells the record's page which list it was in, and where.
    """

    def __init__(self, address: Address, *, edits: Collection[str] = ()) -> None:
        noun, columns = address.noun, address.columns
        self.edits, self.name = edits, columns[0].name
        self.cells = [(f, labels.field_label(f)) for f in columns[1:]]
        self.below = references_below_name(noun, columns)
        self.base = display.page_url(noun, "changelist")
        self.placed = address.placed() if address.live else None
        self.in_list = quote(address.query_string + (places.AT if self.placed else ""), safe="")

    def make(self, found: Noun) -> Row:
        others = _fields_of_other_kinds(found)
        closed = {*closed_fields(found), *others}
        place = self.placed(found) if self.placed else ""
        return Row(
            id=found.pk,
            version=found.version,
            url=f"{self.base}{found.pk}/change/?in={self.in_list}{place}",
            place=place,
            name=str(found),
            edits_name=self.name in self.edits and self.name not in closed,
            below=display.subtitle(found, self.below),
            cells=[
                Cell(
                    field.name,
                    label,
                    field.type,
                    "" if field.name in others else cell_html(found, field),
                    field.name in self.edits and field.name not in closed,
                )
                for field, label in self.cells
            ],
        )


def _fields_of_other_kinds(found: Noun) -> frozenset[str]:
    """Returns the fields that mean nothing for a record of this kind and only hold a default."""
    choice = found.schema.kind
    if choice is None:
        return frozenset()
    return found.schema.fields_of_others(choice.value_of(found)) - {choice.name}


def references_below_name(noun: type[Noun], columns: Sequence[Field]) -> tuple[Field, ...]:
    """Returns the references shown below a record's name because no column has them."""
    names = noun.schema.groups[0][1] if noun.schema.groups else ()
    fields = [noun.schema.by_name[name] for name in names]
    return tuple(
        f
        for f in fields
        if f.type == "reference" and f not in columns and f.name not in display.WORKERS
    )


def row_references(noun: type[Noun], columns: Sequence[Field]) -> list[Field]:
    """Returns the references that a row needs."""
    fields = dict.fromkeys((*columns, *references_below_name(noun, columns)))
    return [field for field in fields if field.type == "reference"]


def cell_html(found: Noun, field: Field) -> Any:
    """Returns a value for a narrow cell: a percentage as a bar, a colleague with initials."""
    value: Any
    if field.type in ("reference", "string", "text") and field.computed is None:
        stored = getattr(found, field.column) if field.tones else None
        if stored and (colored := field_values.colored_html(field, stored)) is not None:
            return colored
        value = display.cut(field_values.value_text(found, field), LONGEST_TEXT)
    else:
        value = field_values.field_html(found, field, links=field.type == "datetime")
    if not value:
        return ""
    if (field.minimum, field.maximum) == (0, 100):
        bar = '<progress max="100" value="{}" aria-hidden="true"></progress> <span>{}</span>'
        return format_html(bar, f"{getattr(found, field.column):g}", value)
    if field.name in display.WORKERS and getattr(found, field.name) is not None:
        name = str(getattr(found, field.name))
        return format_html(
            '<span class="initials" aria-hidden="true">{}</span> {}', display.initials(name), value
        )
    return value
