"""Records that are parts of another, on its page: who takes part in a deal, and as what.

Their noun is in no menu and has a quick form (:class:`headlessly.declaration.surface.Surface`): they are
added, changed and deleted on that page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from headlessly.access import actors, visibility
from headlessly.admin import display, field_values, forms
from headlessly.admin.buttons import Button, record_buttons
from headlessly.declaration import labels
from headlessly.declaration.record import Record
from headlessly.declaration.schema import Field
from headlessly.declaration.values import TEXT_TYPES
from headlessly.nouns import Noun


@dataclass
class PartEdit:
    """A field of a part as a small form."""

    name: str
    label: str
    input: Any


@dataclass
class Part:
    """A part on the page of another record."""

    record: Noun
    url: str
    heads: list[Any]  #: the other records that it links to the page's record
    says: str  #: its other values
    primary: bool  #: whether the page's record refers to the same one itself
    edits: list[PartEdit]
    buttons: list[Button]
    edit_url: str
    delete_url: str  #: empty if the actor may not delete it


def is_part(noun: type[Record]) -> bool:
    """Whether records of the noun are shown and created on the pages of the records that they are about."""
    return bool(noun.Surface.quick) and not noun.Surface.is_in_menu


def parts_of(record: Noun, noun: type[Any], reference: Field, rows: Iterable[Noun]) -> list[Part]:
    """Returns the parts that refer to ``record`` by ``reference``, with what can be done to them here."""
    schema, actor = noun.schema, actors.current()
    others = [f for f in schema.references.values() if f.name != reference.name]
    own = [schema.name_field] if schema.name_field.type in TEXT_TYPES else []
    ids = [row.pk for row in rows]
    loaded = visibility.load_visible_references(noun.objects.filter(pk__in=ids), schema.references)
    by_id = {row.pk: row for row in loaded}
    return [
        Part(
            record=row,
            url=display.record_url(row),
            heads=_heads(row, [*own, *others]),
            says=_says(row, [*own, *others], reference),
            primary=any(_is_own(record, row, f) for f in others),
            edits=_edits(row) if actors.may(actor, "update", noun) else [],
            buttons=[b for b in _buttons(row) if not (b.asks or b.reason)],
            edit_url=display.page_url(noun, "edit", row.pk),
            delete_url=display.page_url(noun, "delete", row.pk)
            if actors.may(actor, "delete", noun)
            else "",
        )
        for id in ids
        if (row := by_id.get(id)) is not None
    ]


def _heads(row: Noun, fields: Iterable[Field]) -> list[Any]:
    """Returns what a part is called and the records that it links to; the same name only once."""
    found = {field_values.value_text(row, f): field_values.field_html(row, f) for f in fields}
    return [html for html in found.values() if html]


def _says(row: Noun, others: Iterable[Field], reference: Field) -> str:
    apart = {reference.name, *(f.name for f in others)}
    shown = (row.schema.by_name[name] for name in row.schema.columns if name not in apart)
    # An amount that is the price of one, or that of a year, is said once.
    said = dict.fromkeys(field_values.value_text(row, f) for f in shown)
    return " · ".join(filter(None, said))


def _is_own(record: Noun, row: Noun, field: Field) -> bool:
    own, value = record.schema.references.get(field.name), field.value_of(row)
    return bool(value) and own is not None and own.to == field.to and own.value_of(record) == value


def _edits(row: Noun) -> list[PartEdit]:
    found = []
    for name in row.schema.inline:
        field = row.schema.by_name[name]
        form = forms.DeclaredForm([field], None, record=row, id=f"part_{row.pk}")
        label = labels.field_label(field)
        form.fields[name].widget.attrs["aria-label"] = label
        found.append(PartEdit(name, label, form[name]))
    return found


def _buttons(row: Noun) -> list[Button]:
    steps, others = record_buttons(row)
    return [*steps, *others]
