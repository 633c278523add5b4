"""Which field may have been meant by a name that a noun does not have."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.utils.translation import gettext as _

from headlessly.declaration.described_field import Field
from headlessly.declaration.surface import WORKERS
from headlessly.errors import did_you_mean


def near_fields(name: str, fields: Mapping[str, Field], known: Collection[str] = ()) -> str:
    """A sentence for a message; nothing where none is near. ``known`` are names beside those of the fields.

    Whose something is has another name on some nouns, and what is a key of a JSON value is no field.
    """
    if name in WORKERS and (others := [n for n, f in fields.items() if f.name in WORKERS]):
        return did_you_mean(others[0], others[:1])
    if holders := [n for n, f in fields.items() if name in f.keys]:
        return " " + _("It is a part of %s.") % holders[0]
    return did_you_mean(name, [*fields, *known])
