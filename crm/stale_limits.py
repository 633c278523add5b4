"""Applies stale limits: each noun's schema has the limits of its tenant."""

from __future__ import annotations

from collections import defaultdict

from crm.models import StaleLimit
from headlessly.access import actors
from headlessly.declaration.schema import Schema
from headlessly.declaration.shapes import Shape, cached_by_shape, composes_schemas
from headlessly.shaping.changing import renew_shape_after

renew_shape_after(StaleLimit)


@cached_by_shape
def _limits_by_noun() -> dict[str, dict[str | None, int]]:
    """Returns the days by noun and state; None stands for all states without a limit of their own."""
    found: dict[str, dict[str | None, int]] = defaultdict(dict)
    with actors.acting(actors.SYSTEM):
        limits = StaleLimit.objects.order_by("-days")  # if there are several, the shortest counts
        for noun, status, days in limits.values_list("about", "status", "days"):
            found[noun][status] = days
    return dict(found)


@composes_schemas
def set_limits(schema: Schema, shape: Shape) -> None:
    """Set the tenant's stale limits in a noun's schema."""
    if any(field.moves for field in schema.fields.values()):
        schema.stale_limits = _limits_by_noun().get(schema.name, {})
