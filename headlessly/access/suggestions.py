"""Suggestions for a free text input: the tenant's own list, else the one that the field declares.

``Tenant.choices`` keeps the lists by noun and wire name: ``{"Lead.lostReason": ["Price", "Timing"]}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from headlessly.access import lists, tenancy
from headlessly.declaration.registry import registry
from headlessly.language import wording

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field

MAX_SUGGESTIONS, MAX_LENGTH = 30, 100


def suggestions_for(noun: type[Record], field: Field) -> list[str]:
    """The suggestions for ``field`` in the active tenant; empty where there are none."""
    if field.list_name:
        return list(lists.values_of_list(field.list_name, limit=MAX_SUGGESTIONS))
    own = tenancy.require().choices.get(suggestions_key(noun, field))
    return list(own if own is not None else map(wording.suggestion_label, field.suggests))


def suggestions_key(noun: type[Record], field: Field) -> str:
    """The key of a list in ``Tenant.choices``: ``Lead.lostReason``."""
    return f"{noun.__name__}.{field.wire}"


def check_suggestions(lists: Any) -> None:
    """Raise ValidationError unless ``lists`` maps known fields to lists of short texts."""
    if not isinstance(lists, dict):
        raise ValidationError(_('Give an object like {"Lead.lostReason": ["Price"]}.'))
    known = {
        suggestions_key(noun, field)
        for noun in registry.values()
        for field in noun.schema.stored
        if field.suggests
    }
    for name, values in lists.items():
        if name not in known:
            raise ValidationError(
                _("There are no suggestions for %(name)s. Fields: %(fields)s.")
                % {"name": name[:64], "fields": ", ".join(sorted(known))}
            )
        if not isinstance(values, list) or len(values) > MAX_SUGGESTIONS:
            raise ValidationError(
                _("%(name)s: give a list of at most %(most)d texts.")
                % {"name": name, "most": MAX_SUGGESTIONS}
            )
        for value in values:
            if not isinstance(value, str) or not value.strip() or len(value) > MAX_LENGTH:
                raise ValidationError(
                    _("%(name)s: each is a text of 1 to %(most)d characters.")
                    % {"name": name, "most": MAX_LENGTH}
                )
