"""Decides which pages show the menu of the settings beside them."""

from __future__ import annotations

from headlessly.access import actors, tenancy
from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry


def sets_up(noun: type[Record]) -> bool:
    """Whether records of ``noun`` are settings and the actor may create them."""
    actor = actors.current_or_none()
    return bool(noun.Surface.setting) and actor is not None and actors.may(actor, "create", noun)


def beside_settings(title: str) -> str:
    """Returns ``title`` if the page is shown beside the menu of the settings: for actors who may create
    settings. Otherwise returns an empty string."""
    if tenancy.current() is None:
        return ""
    return title if any(map(sets_up, registry.values())) else ""
