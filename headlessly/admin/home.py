"""The tenant's first page: what is mine and open, and how much stands where."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from headlessly.access import actors, visibility
from headlessly.admin import display, field_values
from headlessly.declaration import labels
from headlessly.declaration.schema import Field
from headlessly.nouns import Noun
from headlessly.query import counts, reads, scope, sorting

MINE = 8


def home_context(nouns: list[type[Noun]]) -> dict[str, Any]:
    with_machine = [noun for noun in nouns if noun.schema.machine]
    person = actors.current().contact_id
    return {
        "title": _("Home"),
        "own_heading": True,
        "person": person,
        "mine": [
            found for noun in with_machine if person and (found := _open_records_of(noun, person))
        ],
        "standing": [_counts_by_state(each) for each in counts.count_states(with_machine)],
        "first": _first_steps(nouns),
        "may_link": actors.may_administer(actors.current()),
    }


def _first_steps(nouns: list[type[Noun]]) -> list[dict[str, str]]:
    """What somebody adds who starts with nothing."""
    actor = actors.current()
    return [
        {"label": labels.a_noun(noun), "url": display.page_url(noun, "add")}
        for noun in nouns[:3]
        if actors.may(actor, "create", noun)
    ]


def _open_records_of(noun: type[Noun], person: str) -> dict[str, Any] | None:
    """The open records that a person works on, most urgent first."""
    worker = next((n for n in display.WORKERS if n in noun.schema.references), None)
    if worker is None or not hasattr(noun, "OPEN"):
        return None
    state = noun.schema.require_machine().name
    field = noun.schema.by_name[worker]
    sign, measure = _urgency(noun)
    found = noun.objects.filter(**{field.column: person, f"{state}__in": noun.OPEN})
    below = display.about_references(noun)
    rows = list(
        visibility.load_visible_references(found, (f.name for f in below)).order_by(
            *sorting.order_by_expressions(
                scope.Scope(noun), f"{sign}{measure.name}" if measure else None
            )
        )[: MINE + 1]
    )
    count, exact = reads.count_records(found) if len(rows) > MINE else (len(rows), True)
    order = f"&o={sign}{measure.wire}" if measure else ""
    view = "&view=mine" if noun.schema.owner is field else ""
    return {
        "title": _("My open %s") % labels.plural_in_sentence(noun),
        "count": display.number(count) + ("" if exact else "+"),
        "url": f"{display.page_url(noun, 'changelist')}?{noun.schema.by_name[state].wire}="
        f"{','.join(noun.OPEN)}&{field.wire}=me{order}{view}",
        "measure": labels.field_label(measure) if measure else "",
        "rows": [
            {
                "url": display.page_url(noun, "change", row.pk),
                "name": str(row),
                "below": display.subtitle(row, below),
                "state": display.record_state_html(row),
                "measure": field_values.field_html(row, measure, links=False) if measure else "",
            }
            for row in rows[:MINE]
        ],
    }


def _urgency(noun: type[Noun]) -> tuple[str, Field | None]:
    """What makes a record urgent: its first column that is a measure (the most, hence ``-``) or a date (the
    soonest)."""
    for name in noun.schema.columns:
        field = noun.schema.by_name[name]
        if field.type in ("number", "integer", "money"):
            return "-", field
        if field.type in ("date", "datetime"):
            return "", field
    return "", None


def _counts_by_state(counted: counts.StateCounts) -> dict[str, Any]:
    """How many records stand in each state, each number with its list."""
    noun = counted.noun
    start = display.page_url(noun, "changelist")
    wire = noun.schema.by_name[counted.machine.name].wire
    return {
        "title": labels.plural_title(noun),
        "url": start,
        "empty": not any(counted.states.values()),
        "states": [
            {
                "state": display.state_html(noun, state),
                "count": display.number(count) + ("+" if state in counted.capped else ""),
                "none": not count,
                "url": f"{start}?{wire}={state}",
            }
            for state, count in counted.states.items()
        ],
    }
