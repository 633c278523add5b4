"""Which pages stand beside the menu of the settings."""

from __future__ import annotations

from headlessly.access import actors, tenancy
from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry


def sets_up(noun: type[Record]) -> bool:
    """Whether records of ``noun`` are settings, and who acts may make some."""
    actor = actors.current_or_none()
    return bool(noun.Surface.setting) and actor is not None and actors.may(actor, "create", noun)


def beside_settings(title: str) -> str:
    """The title of a page that stands beside the menu of the settings, for who sets something up; else
    nothing."""
    if tenancy.current() is None:
        return ""
    return title if any(map(sets_up, registry.values())) else ""
