"""Several short texts as one value: tags, and other fields that hold more than one text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from headlessly.declaration.folding import fold_words
from headlessly.declaration.normalization import normalize_text

#: How many texts a record may have, and how long each may be.
MOST, LENGTH = 50, 64
#: The separator in a cell, an input and an address.
BETWEEN = ";"
#: The keys of a change that adds and removes some of the texts.
ADD, REMOVE = "add", "remove"
#: The example in errors about texts without an example of their own, such as tags.
EXAMPLE, EXAMPLE_OF_LESS = ("VIP",), "Cold"

Texts = list[str]


def choice_key(text: str) -> str:
    """Returns the text as it is compared: without case and accents."""
    return fold_words(text)


def split_choices(text: str) -> Texts:
    """Returns the texts of a cell: ``VIP; Partner``."""
    return [part.strip() for part in text.split(BETWEEN) if part.strip()]


def join_choices(texts: Iterable[str]) -> str:
    """Returns the texts as a cell has them."""
    return f"{BETWEEN} ".join(texts)


def unique_choices(texts: Iterable[str]) -> Texts:
    """Returns the texts, each once, in its first spelling."""
    found: dict[str, str] = {}
    for text in texts:
        found.setdefault(choice_key(text), text)
    return list(found.values())


def normalize_choices(
    value: Any, *, most: int = MOST, length: int = LENGTH, example: Sequence[str] = EXAMPLE
) -> Texts | None:
    """Returns the texts as they are stored, or None for an empty list. Raises ValueError, with ``example`` in
    the message."""
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise ValueError(_("These are texts: send a list like %s.") % _in_json(example))
    texts = [normalize_text(" ".join(each.split()), lines=False) for each in value]
    if not all(texts):
        raise ValueError(_("Each is a text: none of them is empty."))
    texts = unique_choices(texts)
    if len(texts) > most:
        raise ValueError(_("At most %d are allowed.") % most)
    for text in texts:
        if len(text) > length:
            raise ValueError(_("Each has %d characters at the most.") % length)
        if BETWEEN in text:
            raise ValueError(_("None has a semicolon in it: that stands between them."))
    return texts or None


def change_choices(
    now: Iterable[str] | None,
    changes: Mapping[str, Any],
    *,
    length: int = LENGTH,
    example: Sequence[str] = EXAMPLE,
) -> Texts:
    """Returns the texts after a change like ``{"add": ["VIP"], "remove": ["Cold"]}``. Raises ValueError."""
    if not changes or changes.keys() - {ADD, REMOVE}:
        shown = _in_json(
            {ADD: example, REMOVE: [EXAMPLE_OF_LESS] if example is EXAMPLE else example}
        )
        raise ValueError(_("Send a list, or %s.") % shown)
    added, removed = (
        normalize_choices(
            [given] if isinstance(given := changes.get(name, []), str) else given,
            length=length,
            example=example,
        )
        or []
        for name in (ADD, REMOVE)
    )
    gone = set(map(choice_key, removed))
    return unique_choices([t for t in now or () if choice_key(t) not in gone] + added)


def unite_choices(now: Sequence[str] | None, others: Sequence[str] | None) -> Texts | None:
    """Returns the texts of two records that become one, even if these are more than one record may have."""
    return unique_choices([*(now or ()), *(others or ())]) or None


def _in_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
