"""Suggests the field that was meant by an unknown name."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.utils.translation import gettext as _

from headlessly.declaration.described_field import Field
from headlessly.declaration.surface import WORKERS
from headlessly.errors import did_you_mean


def near_fields(name: str, fields: Mapping[str, Field], known: Collection[str] = ()) -> str:
    """Returns a sentence for an error, or an empty string. ``known`` are further names that are allowed.

    The owner has another name on some nouns, and a key of a JSON value is not a field.
    """
    if name in WORKERS and (others := [n for n, f in fields.items() if f.name in WORKERS]):
        return did_you_mean(others[0], others[:1])
    if holders := [n for n, f in fields.items() if name in f.keys]:
        return " " + _("It is a part of %s.") % holders[0]
    return did_you_mean(name, [*fields, *known])
