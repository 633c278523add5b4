"""The records that refer to another one, on its page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _

from headlessly.access import actors, visibility
from headlessly.admin import display
from headlessly.admin.buttons import creating_verbs
from headlessly.admin.records.parts import is_part, parts_of
from headlessly.admin.records.quick import quick_url
from headlessly.declaration import engagements, labels, sent_files
from headlessly.declaration.custom_values import has_value
from headlessly.declaration.quick import quick_verb
from headlessly.declaration.record import Record
from headlessly.declaration.schema import Field
from headlessly.declaration.surface import SETUP
from headlessly.nouns import Noun

#: How many records of each relation the page shows.
RELATED = 10


def related_records(record: Noun) -> list[dict[str, Any]]:
    """Returns the relations of a record, each with its newest records. Touches have their own places on
    the page."""
    found = []
    touching = engagements.engagement_noun(type(record))
    for relation in record.schema.relations.values():
        noun = relation.source_noun
        if touching and noun is touching.noun and relation.field == touching.reference.name:
            continue
        reference = noun.schema.by_name[relation.field]
        when = _moment(noun)
        # Ordered by an expression: along the index, PostgreSQL would walk the newest of all records until
        # enough match.
        newest = (F(when) + timedelta(0)).desc() if reference.is_custom else f"-{when}"
        below = _references_below(noun, relation.field)
        those = noun.objects.filter(has_value(reference.column, record.pk)).order_by(newest)
        names = [field.name for field in below]
        seen = visibility.load_visible_references(those, names, to_be_named=True)
        rows = list(seen[: RELATED + 1])
        of_this = f"?{reference.wire}={record.pk}"
        add = [] if reference.read_only else _ways_to_add(noun, reference, record)
        # What is set up says of itself whom it names; here it is told where it does.
        is_told_there = noun.Surface.area == SETUP != record.Surface.area
        offered = add and noun is not type(record) and not is_told_there
        if not rows and not (offered and _belongs(noun, relation.field)):
            continue
        found.append(
            {
                "title": labels.relation_label(relation),
                "rows": []
                if is_part(noun)
                else [_related_row(row, when, below) for row in rows[:RELATED]],
                "parts": parts_of(record, noun, reference, rows[:RELATED]) if is_part(noun) else [],
                "quick": is_part(noun),
                "more": len(rows) > RELATED,
                "all": display.page_url(noun, "changelist") + of_this,
                "add": add,
                "drops": _file_input(noun) if add else "",
                "largest": sent_files.MAX_SIZE,
            }
        )
    return found


def _ways_to_add(noun: type[Record], reference: Field, record: Noun) -> list[tuple[str, str]]:
    """Returns labels and addresses for adding a record that refers to this one. The quick form of a part is
    the last."""
    create, quick = noun.verbs["create"], quick_verb(noun) if is_part(noun) else None
    of_this = f"?{reference.wire}={record.pk}"
    ways = [
        (labels.verb_label(v), display.page_url(noun, "add_by", v.name) + of_this)
        for v in creating_verbs(noun)
        if v != quick
    ]
    actor = actors.current()
    if quick != create and actors.may(actor, create.name, noun):
        label = _("Add") if quick is None else labels.verb_label(create)
        ways.append((label, display.page_url(noun, "add") + of_this))
    if quick is not None and actors.may(actor, quick.name, noun):
        label = _("Add") if quick == create else labels.verb_label(quick)
        ways.append((label, quick_url(noun, **{reference.name: record.pk})))
    return ways


def _file_input(noun: type[Record]) -> str:
    """Returns the name of the file input in a part's quick form, or an empty string. Files can be dropped on
    the page for it."""
    if not is_part(noun):
        return ""
    inputs = quick_verb(noun).inputs.values()
    return next((field.name for field in inputs if field.type == "file"), "")


def _belongs(noun: type[Record], name: str) -> bool:
    """Whether a reference says what a record is about, and not just who works on it."""
    groups = noun.schema.groups
    return any(name in names for _title, names in groups[:2]) and name not in display.WORKERS


def _moment(noun: type[Record]) -> str:
    """Returns the field by which the noun's list is ordered if it is a datetime, else that of its
    creation."""
    first = noun.schema.by_name.get(noun.schema.ordering[0].removeprefix("-"))
    return first.name if first is not None and first.type == "datetime" else "created_at"


def _references_below(noun: type[Record], name: str) -> list[Field]:
    """Returns the references shown below a record whose name alone says little, except ``name``."""
    columns = noun.schema.columns if noun.Surface.about else ()
    fields = (noun.schema.by_name[each] for each in columns)
    return [f for f in fields if f.type == "reference" and f.name != name]


def _related_row(record: Noun, when: str, below: Sequence[Field]) -> dict[str, Any]:
    return {
        "url": display.record_url(record),
        "name": str(record),
        "below": display.subtitle(record, below),
        "state": display.record_state_html(record),
        "age": display.age_html(getattr(record, when)),
    }
