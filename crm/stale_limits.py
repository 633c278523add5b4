"""What follows from stale limits: each noun knows its own, as a tenant's schema has them."""

from __future__ import annotations

from collections import defaultdict

from crm.models import StaleLimit
from headlessly.access import actors, tenancy
from headlessly.declaration.schema import Schema
from headlessly.declaration.shapes import Shape, cached_by_shape, composes_schemas
from headlessly.execution.executor import Context


@cached_by_shape
def _limits_by_noun() -> dict[str, dict[str | None, int]]:
    """The days by state, None for all that have no limit of their own, by the names of the nouns."""
    found: dict[str, dict[str | None, int]] = defaultdict(dict)
    with actors.acting(actors.SYSTEM):
        limits = StaleLimit.objects.order_by("-days")  # of several the shortest counts
        for noun, status, days in limits.values_list("about", "status", "days"):
            found[noun][status] = days
    return dict(found)


@composes_schemas
def set_limits(schema: Schema, shape: Shape) -> None:
    """Records rest as long as the tenant says."""
    if any(field.moves for field in schema.fields.values()):
        schema.stale_limits = _limits_by_noun().get(schema.name, {})


def renew(limit: StaleLimit, ctx: Context) -> None:
    """From the next word on records are stale by what is said now."""
    tenancy.renew_shape()


for _verb in (*StaleLimit.verbs.values(), *StaleLimit.corrections.values()):
    _verb.after(renew)
