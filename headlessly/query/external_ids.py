"""Conditions on ids in other systems: ``{"externalIds.hubspot": "123"}``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from headlessly.declaration.external_ids import MAX_ID, normalize_id, normalize_system
from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter
from headlessly.log.external_ids import records_with
from headlessly.query.scope import NOTHING, Scope


def field_of_system(field: Field, system: str) -> Field:
    """Returns the ids of one system as a field. Raises InvalidFilter for an invalid name of a system."""
    path = f"{field.wire}.{system}"
    try:
        system = normalize_system(system)
    except ValueError as problem:
        raise InvalidFilter(f"{path[:100]}: {problem}", field=path[:100]) from None
    label = f"{field.label}: {system}"
    return Field(system, f"{field.wire}.{system}", system, "string", max_length=MAX_ID, label=label)


def id_condition(scope: Scope, field: Field, system: str, operator: Any, operand: Any) -> Q:
    """Returns the condition for records with one of these ids of the system; null matches records without
    any."""
    part = field_of_system(field, system)
    if operator == "$eq":
        operand = [operand]
    elif operator != "$in" or isinstance(operand, str) or not isinstance(operand, Sequence):
        raise InvalidFilter(
            _("%s: compare it with an id, or with a list of ids.") % part.wire, field=part.wire
        )
    found = NOTHING
    try:
        ids = [normalize_id(id) for id in operand if id is not None]
    except ValueError as problem:
        raise InvalidFilter(f"{part.wire}: {problem}", field=part.wire) from None
    if ids:
        found |= _has(scope, field, part.name, ids)
    return found | ~_has(scope, field, part.name, None) if None in operand else found


def _has(scope: Scope, field: Field, system: str, ids: list[str] | None) -> Q:
    if scope.as_of is None:
        return Q(**{f"{scope.key}__in": records_with(scope.noun, system, ids).values("record")})
    # The table has only current ids; versions have their own.
    found = NOTHING
    for part in [{"system": system}] if ids is None else [{"system": system, "id": i} for i in ids]:
        found |= Q(**{f"{field.column}__contains": [part]})
    return found
