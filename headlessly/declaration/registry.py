"""Every noun by name."""

from __future__ import annotations

from typing import Any

#: Filled when nouns are registered (:mod:`headlessly.nouns`). Typed Any, because higher layers use the values
#: as nouns, and lower layers as records.
registry: dict[str, Any] = {}


def noun_of(id: str) -> Any | None:
    """Returns the noun with the prefix of this id, or None."""
    prefix = id.rpartition("_")[0]
    return next((noun for noun in registry.values() if noun.prefix == prefix), None)
