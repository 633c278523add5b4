"""The contents of a record's page, made from its noun's declaration alone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from headlessly.admin import display, field_edit, field_values
from headlessly.admin.filtering.tree import read_filter
from headlessly.admin.filtering.words import describe_part
from headlessly.admin.records.answer_panels import answer_panels
from headlessly.admin.records.left_out import left_out_panel
from headlessly.admin.records.panels import added_panels
from headlessly.admin.records.related import related_records
from headlessly.declaration import labels
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter
from headlessly.nouns import Noun

#: The title of the fields that no group names.
OTHER = labels.OTHER_GROUP

#: In a wider range a bar says nothing about a number.
WIDEST_RANGE = 1_000


@dataclass
class ShownField:
    """A field with its label and value for display."""

    name: str
    label: str
    value: Any
    wide: bool = False
    editable: bool = False
    share: float | None = None  #: the share of its range, for a bar beside the number


@dataclass
class FieldGroup:
    """A group of fields: those with a value, and the empty ones."""

    title: str
    filled: list[ShownField] = field(default_factory=list)
    empty: list[ShownField] = field(default_factory=list)


def status_path(record: Noun) -> list[dict[str, Any]]:
    """Returns the states of the path, each marked as past, present or ahead. A state off the path is
    inserted where the record left it: a lead that was lost when it was qualified is lost after
    "Qualified"."""
    noun, machine = type(record), record.machine
    if machine is None:
        return []
    states, now = list(machine.path), getattr(record, machine.name)
    field = record.schema.by_name[machine.name]
    if now not in states:
        last = machine.furthest(now, record.reached)
        states.insert(states.index(last) + 1 if last in states else len(states), now)
    here = states.index(now) if now in states else -1
    return [
        {
            "label": labels.choice_label(field, state),
            "is": "now" if state == now else "past" if number < here else "ahead",
            "tone": display.state_tone(noun, state),
        }
        for number, state in enumerate(states)
    ]


def facts(record: Noun, editable: set[str], without: set[str]) -> list[ShownField]:
    """Returns the first facts about a record: since when somebody waits, the columns of its list except
    ``without``, phone numbers, and its age."""
    schema = record.schema
    machine = schema.machine
    found = []
    if schema.kind is not None:
        without = without | schema.fields_of_others(schema.kind.value_of(record))
    surface = type(record).Surface
    numbers = [name for name in surface.card if name in display.TELEPHONES]
    waits = [surface.waits] if surface.waits else []
    for name in dict.fromkeys([*waits, *schema.columns[1:], *numbers]):
        declared = schema.by_name[name]
        if (machine and name == machine.name) or name in without:
            continue
        if value := _card_line(record, declared):
            bar = _share_of_range(declared, getattr(record, declared.column))
            # A deadline that was met is labelled by the field that met it: "Answered: in time".
            said = declared
            if declared.done_at and field_values.is_met(record, declared):
                said = schema.by_name[declared.done_at]
            found.append(
                ShownField(
                    name, labels.field_label(said), value, editable=name in editable, share=bar
                )
            )
    found.append(ShownField("created_at", _("Age"), display.age_html(record.created_at)))
    return found


def _intention(record: Noun, editable: set[str]) -> ShownField | None:
    """Returns the field that says what is next; None if it is empty and not editable."""
    name = type(record).Surface.intends
    if not name:
        return None
    declared = record.schema.by_name[name]
    value, may_change = field_values.field_html(record, declared), name in editable
    shown = ShownField(name, labels.field_label(declared), value, editable=may_change)
    return shown if value or may_change else None


def _share_of_range(declared: Field, value: Any) -> float | None:
    """Returns a number's share of its range; None if it has none. Very wide bounds are no range, they only
    keep out nonsense."""
    if declared.minimum is None or declared.maximum is None or not isinstance(value, int | float):
        return None
    span = declared.maximum - declared.minimum
    return None if span > WIDEST_RANGE else round((value - declared.minimum) / span, 3)


def cards(record: Noun, editable: set[str]) -> list[dict[str, Any]]:
    """Returns the cards of records that this one is about or became, if their noun declares a card."""
    schema = record.schema
    became = [f.name for f in schema.references.values() if f.read_only]
    about = [n for n in type(record).Surface.about if getattr(record, schema.by_name[n].column)]
    found = []
    for name in dict.fromkeys([*_first_references(record), *about, *became]):
        declared = schema.by_name[name]
        noun = declared.target_noun
        if not noun.Surface.card or name == noun.Surface.owner or name in display.WORKERS:
            continue
        other = getattr(record, name) if getattr(record, declared.column) else None
        if other is None and declared.read_only:
            continue
        lines = []
        if other is not None:
            lines = [_card_line(other, noun.schema.by_name[n]) for n in noun.Surface.card]
        found.append(
            {
                "name": name,
                "label": labels.field_label(declared),
                "link": field_values.field_html(record, declared),
                "state": "" if other is None or other.is_card else display.record_state_html(other),
                "lines": [line for line in lines if line],
                "editable": name in editable,
            }
        )
    return found


def _card_line(record: Noun, declared: Field) -> Any:
    """Returns a line of a card. Phone numbers are links."""
    value = field_values.field_html(record, declared)
    if value and declared.name in display.TELEPHONES:
        return field_values.tel_html(str(value))
    return value


def _first_references(record: Noun) -> list[str]:
    """Returns the references of the first group."""
    schema = record.schema
    first = schema.groups[0][1] if schema.groups else ()
    return [name for name in first if schema.by_name[name].type == "reference"]


def _shown_value(record: Noun, declared: Field) -> Any:
    """Returns a field as its page shows it: by its app's display, and filters in words."""
    if (by_app := field_values.app_html(record, declared)) is not None:
        return by_app
    given = getattr(record, declared.column) if declared.filters else None
    if isinstance(given, dict) and (noun := registry.get(str(given.get("type")))) is not None:
        with suppress(InvalidFilter):
            return _filter_in_words(noun, given.get("filter"))
    rows = getattr(record, declared.column) if _filter_keys(declared) else None
    if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
        told = [_with_filters_in_words(declared, row) for row in rows]
        return field_values.value_html(declared, told)
    return field_values.field_html(record, declared)


def _filter_keys(declared: Field) -> list[str]:
    """Returns the keys of a list's objects that hold filters."""
    kinds = (declared.kinds or {}).items()
    return [key for key, kind in kinds if str(kind).startswith("filter:")]


def _with_filters_in_words(declared: Field, row: dict[str, Any]) -> dict[str, Any]:
    """Returns an object with its filters in words, which include the noun."""
    told = dict(row)
    if (noun := registry.get(str(told.pop("type", "")))) is None:
        return row
    for key in _filter_keys(declared):
        with suppress(InvalidFilter):
            told[key] = _filter_in_words(noun, row.get(key))
    return told


def _filter_in_words(noun: type[Noun], filter: Any) -> str:
    """Returns a filter in words with its noun. Raises InvalidFilter."""
    words, title = describe_part(noun, read_filter(noun, filter or {})), labels.plural_title(noun)
    return f"{title}: {words}" if words else title


def groups(record: Noun, without: set[str], editable: set[str]) -> list[FieldGroup]:
    """Returns all other fields in their groups, those without a group at the end."""
    schema = record.schema
    named = {name for _title, names in schema.groups for name in names}
    rest = tuple(name for name in schema.by_name if name not in named)
    found = []
    if schema.kind is not None:
        without = without | schema.fields_of_others(schema.kind.value_of(record)) - {
            schema.kind.name
        }
    for title, names in (*schema.groups, (OTHER, rest)):
        group = FieldGroup(labels.group_title(title))
        for name in names:
            declared = schema.by_name[name]
            if name in without or declared.for_programs:
                continue
            if declared.type == "json" and declared.computed:
                continue
            value = _shown_value(record, declared)
            shown = ShownField(
                name,
                labels.field_label(declared),
                value,
                wide=declared.type in ("text", "json"),
                editable=name in editable,
            )
            if value != "":
                group.filled.append(shown)
            elif shown.editable:
                group.empty.append(shown)
        # A group with a single field of the same name needs no title.
        if [shown.label for shown in group.filled] == [group.title] and not group.empty:
            group.title = ""
        found.append(group)
    # Empty groups are joined into one unobtrusive line at the end.
    quiet = FieldGroup("", empty=[shown for g in found if not g.filled for shown in g.empty])
    return [g for g in (*(g for g in found if g.filled), quiet) if g.filled or g.empty]


def record_context(record: Noun, *, editable: bool) -> dict[str, Any]:
    """Returns the context of a record's template, except its buttons and its timeline."""
    changing = field_edit.editable_fields(record) if editable else set()
    asked = answer_panels(record, changing)
    covered = {answer.name for panel in asked for answer in panel.answers}
    machine = record.schema.machine
    about = cards(record, changing)
    on_cards = {card["name"] for card in about}
    first = facts(record, changing, on_cards)
    hidden = covered | {shown.name for shown in first} | on_cards
    hidden.add(record.schema.name_field.name)
    intention = _intention(record, changing)
    if intention is not None:
        hidden.add(intention.name)
    related = related_records(record)
    if machine:
        hidden.add(machine.name)
    return {
        "path": status_path(record),
        "facts": first,
        "about": about,
        "editable": changing,
        "intention": intention,
        "panels": asked,
        "added": [*added_panels(record), *filter(None, [left_out_panel(record)])],
        "groups": groups(record, hidden, changing),
        "related": [side for side in related if side["rows"] or side["parts"]],
        "without": [side for side in related if not side["rows"] and not side["parts"]],
        "name_field": record.schema.name_field.name,
        "name_label": labels.field_label(record.schema.name_field),
        "name_editable": record.schema.name_field.name in changing,
    }
