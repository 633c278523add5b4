"""Every noun by name."""

from __future__ import annotations

from typing import Any

#: Filled by the enrolment of each noun (:mod:`headlessly.nouns`); who is above takes them for nouns, who
#: is below for records.
registry: dict[str, Any] = {}


def noun_of(id: str) -> Any | None:
    """The noun whose ids begin like this one; None where there is none."""
    prefix = id.rpartition("_")[0]
    return next((noun for noun in registry.values() if noun.prefix == prefix), None)
