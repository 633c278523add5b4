"""One row of a list: a record's name with what is below it, and its cells, some of them to be changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html
from django.utils.text import Truncator

from headlessly.admin import display, field_values
from headlessly.admin.field_edit import closed_fields
from headlessly.admin.lists.address import Address
from headlessly.declaration import labels
from headlessly.declaration.schema import Field
from headlessly.nouns import Noun

#: As much a cell shows of a text, in characters: its column is narrower, and the page stays small.
LONGEST_TEXT = 80


@dataclass
class Cell:
    """One value of a record; ``edits`` says that a click changes it."""

    name: str
    label: str
    kind: str
    value: Any
    edits: bool = False


@dataclass
class Row:
    """One record as the table shows it."""

    id: str
    version: int
    url: str
    name: str
    below: str
    cells: list[Cell]
    edits_name: bool = False
    place: str = (
        ""  #: where in the list it stands, for whoever makes the address of its page of that
    )
    gone: Any = None  #: of a deleted one: who deleted it, when, and whether it can come back
    planned: Any = ""  #: what is planned with it
    problem: str = ""  #: why what was just tried was not done


def make_row(found: Noun, address: Address, *, edits: Collection[str] = ()) -> Row:
    """A record in the columns of a list; its link tells the record's page which list it was in."""
    noun, columns = type(found), address.columns
    closed = closed_fields(found)
    return Row(
        id=found.pk,
        version=found.version,
        url=f"{display.page_url(noun, 'change', found.pk)}?in={address.in_list_at(found)}",
        place=address.place_of(found) if address.live else "",
        name=str(found),
        edits_name=columns[0].name in edits and columns[0].name not in closed,
        below=display.subtitle(found, references_below_name(noun, columns)),
        cells=[
            Cell(
                field.name,
                labels.field_label(field),
                field.type,
                cell_html(found, field),
                field.name in edits and field.name not in closed,
            )
            for field in columns[1:]
        ],
    )


def references_below_name(noun: type[Noun], columns: Sequence[Field]) -> tuple[Field, ...]:
    """Who a record is about, where no column says it."""
    names = noun.schema.groups[0][1] if noun.schema.groups else ()
    fields = [noun.schema.by_name[name] for name in names]
    return tuple(
        f
        for f in fields
        if f.type == "reference" and f not in columns and f.name not in display.WORKERS
    )


def row_references(noun: type[Noun], columns: Sequence[Field]) -> list[Field]:
    """The references that a row needs, and no others."""
    fields = dict.fromkeys((*columns, *references_below_name(noun, columns)))
    return [field for field in fields if field.type == "reference"]


def cell_html(found: Noun, field: Field) -> Any:
    """A value as a narrow cell shows it: a share as a bar, somebody of ours with initials."""
    value = field_values.field_html(found, field, links=field.type == "datetime")
    if not value:
        return ""
    if field.type in ("reference", "string", "text"):
        value = Truncator(field_values.value_text(found, field)).chars(LONGEST_TEXT)
    if (field.minimum, field.maximum) == (0, 100):
        bar = '<progress max="100" value="{}" aria-hidden="true"></progress> {}'
        return format_html(bar, getattr(found, field.column), value)
    if field.name in display.WORKERS and getattr(found, field.name) is not None:
        name = str(getattr(found, field.name))
        return format_html(
            '<span class="initials" aria-hidden="true">{}</span> {}', display.initials(name), value
        )
    return value
