"""Panels that an app adds to the page of a noun's record: what it knows of it beside the record's fields.

Those that take longer than a page should have a page of their own, with a button on the record's: they are
asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from headlessly.nouns import Noun


@dataclass(frozen=True)
class FactsPanel:
    """A card of labels and values, with the name and the address of where they are from."""

    template: ClassVar[str] = "headlessly/facts_panel.html"
    is_wide: ClassVar[bool] = False

    label: str
    pairs: list[tuple[str, Any]]
    origin: tuple[str, str] | None = None


@dataclass(frozen=True)
class Bar:
    """A line of a card with a bar: where it begins and how long it is, in percent, and what it says."""

    label: str
    figure: str
    start: float = 0.0
    length: float = 0.0
    look: str = "up"  #: ``up``, ``down``, ``sum`` or ``before``
    note: Any = ""
    url: str = ""


@dataclass(frozen=True)
class BarsPanel:
    """A card of bars below what is to be said of them in words."""

    template: ClassVar[str] = "headlessly/bars_panel.html"
    is_wide: ClassVar[bool] = True  #: whether it stands below the others, as wide as all of them

    label: str
    said: Sequence[Any] = ()
    bars: Sequence[Bar] = ()
    notes: Sequence[Any] = ()
    origin: tuple[str, str] | None = None
    warning: str = ""
    folded: str = ""  #: what opens the bars and the notes, where few want to see them


Panel = FactsPanel | BarsPanel
PanelMaker = Callable[[Any], Panel | None]


@dataclass(frozen=True)
class AskedPanels:
    """Panels on a page of their own, under ``name``."""

    name: str
    label: Any  #: of the button that leads there, marked for translation
    make: Callable[[Any], Sequence[Panel]]
    applies: Callable[[Any], bool]


_makers: dict[type[Noun], list[PanelMaker]] = defaultdict(list)
_makers_of_all: list[PanelMaker] = []
_asked: dict[type[Noun], dict[str, AskedPanels]] = defaultdict(dict)


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


def asked_panels(
    noun: type[Noun], name: str, label: Any, *, applies: Callable[[Any], bool] = lambda record: True
) -> Callable[[Callable[[Any], Sequence[Panel]]], Callable[[Any], Sequence[Panel]]]:
    """Declare panels on a page of their own, with a button on the page of each record that it applies to."""

    def register(make: Callable[[Any], Sequence[Panel]]) -> Callable[[Any], Sequence[Panel]]:
        _asked[noun][name] = AskedPanels(name, label, make, applies)
        return make

    return register


def added_panels(record: Noun) -> list[Panel]:
    """The panels that apps have for this record."""
    made = (make(record) for make in (*_makers.get(type(record), ()), *_makers_of_all))
    return [panel for panel in made if panel is not None]


def panels_to_ask(record: Noun) -> list[AskedPanels]:
    """What can be asked for about this record."""
    return [each for each in _asked.get(type(record), {}).values() if each.applies(record)]


def panels_asked(record: Noun, name: str) -> AskedPanels | None:
    """What is asked for about this record, or None."""
    return next((each for each in panels_to_ask(record) if each.name == name), None)
