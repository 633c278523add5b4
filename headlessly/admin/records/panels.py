"""Panels that apps add to the pages of a noun's records, beside the record's fields.

Panels that are too slow for the record's page get a page of their own, with a button on the record's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from headlessly.nouns import Noun


@dataclass(frozen=True)
class FactsPanel:
    """A card of labels and values. ``origin`` is the name and the address of their source."""

    template: ClassVar[str] = "headlessly/facts_panel.html"
    is_wide: ClassVar[bool] = False

    label: str
    pairs: list[tuple[str, Any]]
    origin: tuple[str, str] | None = None


@dataclass(frozen=True)
class Bar:
    """A line of a card with a bar: where it starts and how long it is, in percent, and its text."""

    label: str
    figure: str
    start: float = 0.0
    length: float = 0.0
    look: str = "up"  #: ``up``, ``down``, ``sum`` or ``before``
    note: Any = ""
    url: str = ""


@dataclass(frozen=True)
class BarsPanel:
    """A card of bars, below sentences about them."""

    template: ClassVar[str] = "headlessly/bars_panel.html"
    is_wide: ClassVar[bool] = True  #: whether it is below the others, as wide as all of them

    label: str
    said: Sequence[Any] = ()
    bars: Sequence[Bar] = ()
    notes: Sequence[Any] = ()
    origin: tuple[str, str] | None = None
    warning: str = ""
    folded: str = ""  #: the text that unfolds bars and notes, if few people want to see them


Panel = FactsPanel | BarsPanel
PanelMaker = Callable[[Any], Panel | None]


@dataclass(frozen=True)
class AskedPanels:
    """Panels on a page of their own, with ``name`` in its address."""

    name: str
    label: Any  #: of the button that leads there, marked for translation
    make: Callable[[Any], Sequence[Panel]]
    applies: Callable[[Any], bool]


_makers: dict[type[Noun], list[PanelMaker]] = defaultdict(list)
_makers_of_all: list[PanelMaker] = []
_asked: dict[type[Noun], dict[str, AskedPanels]] = defaultdict(dict)


def record_panel(noun: type[Noun]) -> Callable[[PanelMaker], PanelMaker]:
    """Registers a panel on the pages of ``noun``'s records. The function returns None if it has nothing to
    show."""

    def register(make: PanelMaker) -> PanelMaker:
        _makers[noun].append(make)
        return make

    return register


def record_panel_of_all(make: PanelMaker) -> PanelMaker:
    """Registers a panel on the pages of all records. The function returns None if it has nothing to show."""
    _makers_of_all.append(make)
    return make


def asked_panels(
    noun: type[Noun], name: str, label: Any, *, applies: Callable[[Any], bool] = lambda record: True
) -> Callable[[Callable[[Any], Sequence[Panel]]], Callable[[Any], Sequence[Panel]]]:
    """Registers panels on a page of their own, with a button on the page of each record that they apply
    to."""

    def register(make: Callable[[Any], Sequence[Panel]]) -> Callable[[Any], Sequence[Panel]]:
        _asked[noun][name] = AskedPanels(name, label, make, applies)
        return make

    return register


def added_panels(record: Noun) -> list[Panel]:
    """Returns the apps' panels for this record."""
    made = (make(record) for make in (*_makers.get(type(record), ()), *_makers_of_all))
    return [panel for panel in made if panel is not None]


def panels_to_ask(record: Noun) -> list[AskedPanels]:
    """Returns the panels on pages of their own that this record has."""
    return [each for each in _asked.get(type(record), {}).values() if each.applies(record)]


def panels_asked(record: Noun, name: str) -> AskedPanels | None:
    """Returns the panels of this name if this record has them, or None."""
    return next((each for each in panels_to_ask(record) if each.name == name), None)
