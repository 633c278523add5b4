"""The colours that a value may have. Pages use one palette, which is legible in light and dark.

A colour is stored and answered as programs send it (``#1f77b4``). Pages show the nearest colour of the
palette, its tone.
"""

from __future__ import annotations

from functools import lru_cache

#: The palette: the colours that a form offers, and the suffix of the CSS class of each (``tone-teal``).
TONES = {
    "#c62828": "red",
    "#b45309": "amber",
    "#15803d": "green",
    "#0f766e": "teal",
    "#1d4ed8": "blue",
    "#7e22ce": "violet",
    "#57606a": "grey",
}


@lru_cache(maxsize=4096)
def tone_of(color: str) -> str:
    """Returns the tone of a colour like ``#1f77b4``."""
    return TONES[min(TONES, key=lambda known: _distance(known, color))]


def _distance(one: str, other: str) -> int:
    return sum((a - b) ** 2 for a, b in zip(_parts(one), _parts(other), strict=True))


def _parts(color: str) -> bytes:
    return bytes.fromhex(color.removeprefix("#"))
