"""Applies gates: the executor demands the fields that a tenant's gates ask for."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from crm.models import Gate
from headlessly.access import actors
from headlessly.declaration.gates import Gate as DeclaredGate
from headlessly.declaration.shapes import cached_by_shape
from headlessly.nouns import Noun
from headlessly.shaping.changing import renew_shape_after
from headlessly.shaping.custom_fields import field_renamed

renew_shape_after(Gate)


@cached_by_shape
def gates_by_noun() -> dict[str, tuple[DeclaredGate, ...]]:
    """Returns the gates of the active tenant by noun. They are read as the system, so they apply to
    everybody."""
    found: dict[str, tuple[DeclaredGate, ...]] = {}
    with actors.acting(actors.SYSTEM):
        for gate in Gate.objects.order_by("created_at", "pk"):
            found[gate.type] = (*found.get(gate.type, ()), gate.as_declared())
    return found


@receiver(field_renamed)
def rename_required_field(sender: type[Noun], former: str, name: str, **_: Any) -> None:
    """Rename a tenant's own field in the gates that ask for it."""
    for gate in Gate.objects.filter(type=sender.__name__):
        asked = [each["field"] for each in gate.requires]
        if former in asked:
            gate.update(requires=[{"field": name if f == former else f} for f in asked])
