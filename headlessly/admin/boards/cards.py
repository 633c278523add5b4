"""The contents of the cards of a board."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from headlessly.access import visibility
from headlessly.admin import display, field_values
from headlessly.admin.lists import cells
from headlessly.admin.planned import planned_texts
from headlessly.context import clock
from headlessly.declaration import days, labels
from headlessly.declaration.schema import Field
from headlessly.declaration.staleness import rest_of
from headlessly.declaration.surface import Board
from headlessly.nouns import Noun


class BoardCards:
    """The cards of a noun's board, as it is declared."""

    def __init__(self, noun: type[Noun], declared: Board, columns: Sequence[Field] = ()) -> None:
        """``columns`` are those chosen for the list. Cards show those that are neither default columns nor
        on the card already."""
        self.noun, self.declared, self.machine = noun, declared, noun.schema.require_machine()
        known = {*noun.schema.columns, *declared.shows, declared.measure, declared.age_field}
        own = [f.name for f in columns if f.name not in known]
        named = noun.schema.by_name
        self.shows = tuple(named[name] for name in (*declared.shows, *own) if name in named)
        self.now = clock.now()
        self._planned: dict[str, Any] = {}

    def has_ended(self, state: str) -> bool:
        return state not in getattr(self.noun, "OPEN", self.machine.states)

    def rows(self, keys: Sequence[str]) -> list[Noun]:
        """Returns the records with these keys, unordered, with the references that their cards name."""
        owner = self.noun.schema.owner
        leading = (f for f in self.shows if f.type == "reference")
        shown = dict.fromkeys(f.name for f in (*self.about, owner, *leading) if f)
        there = self.noun.objects.filter(pk__in=keys)
        found = list(visibility.load_visible_references(there, shown, to_be_named=True))
        self._planned |= dict.fromkeys(keys, "") | planned_texts(self.noun, found)
        return found

    def _planned_with(self, record: Noun) -> Any:
        if record.pk not in self._planned:
            self._planned |= {record.pk: ""} | planned_texts(self.noun, [record])
        return self._planned[record.pk]

    def card(self, record: Noun) -> dict[str, Any]:
        """Returns the context of a record's card."""
        schema, declared = self.noun.schema, self.declared
        state = getattr(record, self.machine.name)
        ended = self.has_ended(state)
        touches = schema.by_name.get(declared.age_field)
        touched = getattr(record, declared.end_field if ended else declared.age_field)
        over, said = touched, display.age_html(touched) if touched else ""
        if touches is not None and not ended:
            over = days.deadline(record, touches)
            said = (
                field_values.field_html(record, touches)
                if days.whole_day(record, touches)
                else said
            )
        owner = None
        if schema.owner and getattr(record, schema.owner.column):
            owner = display.visible_name(getattr(record, schema.owner.name))
        measure = schema.by_name[declared.measure] if declared.measure else None
        return {
            "id": record.pk,
            "version": record.version,
            "state": state,
            "url": display.record_url(record),
            "name": str(record),
            "below": display.subtitle(record, self.about),
            "owner": owner,
            "initials": display.initials(owner) if owner else "",
            "measure": field_values.field_html(record, measure, links=False) if measure else "",
            "shows": [
                {"label": labels.field_label(f), "value": value, "name": f.name, "type": f.type}
                for f in self.shows
                if not field_values.is_met(record, f) and (value := self._shown(record, f)) != ""
            ],
            "touched": said,
            "planned": self._planned_with(record),
            "stale": "" if ended else self._stale_text(record, over),
            "ended": ended,
        }

    @cached_property
    def about(self) -> tuple[Field, ...]:
        """The fields that say whom and what a record is about: as declared, else the references of its
        first groups."""
        return self.noun.schema.about or display.about_references(self.noun)

    def _shown(self, record: Noun, field: Field) -> Any:
        """Returns a value as a card shows it. A column chosen for the list looks as it does there."""
        if field.name in self.declared.shows:
            return field_values.field_html(record, field, links=False)
        return cells.cell_html(record, field)

    def _stale_text(self, record: Noun, touched: datetime | None) -> str:
        """Returns the mark of a card that nobody touched for too long."""
        rest = rest_of(record)
        if rest is None or touched is None or self.now - touched <= rest:
            return ""
        return _("stale") if rest else _("overdue")
