"""Panels that an app adds to the page of a noun's record: what it knows of it beside the record's fields."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headlessly.nouns import Noun


@dataclass(frozen=True)
class FactsPanel:
    """A card of labels and values, with the name and the address of where they are from."""

    label: str
    pairs: list[tuple[str, Any]]
    origin: tuple[str, str] | None = None


PanelMaker = Callable[[Any], FactsPanel | None]
_makers: dict[type[Noun], list[PanelMaker]] = defaultdict(list)
_makers_of_all: list[PanelMaker] = []


def record_panel(noun: type[Noun]) -> Callable[[PanelMaker], PanelMaker]:
    """Declare a panel on the page of each record of ``noun``; it answers None where it has nothing to say."""

    def register(make: PanelMaker) -> PanelMaker:
        _makers[noun].append(make)
        return make

    return register


def record_panel_of_all(make: PanelMaker) -> PanelMaker:
    """Declare a panel on the page of each record of every noun; it answers None where there is nothing."""
    _makers_of_all.append(make)
    return make


def added_panels(record: Noun) -> list[FactsPanel]:
    """The panels that apps have for this record."""
    made = (make(record) for make in (*_makers.get(type(record), ()), *_makers_of_all))
    return [panel for panel in made if panel is not None]
