"""What gates mean: the executor asks for what they say, from their next word on."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from crm.models import Gate
from headlessly.access import actors, tenancy
from headlessly.declaration.gates import Gate as DeclaredGate
from headlessly.declaration.shapes import cached_by_shape
from headlessly.execution.executor import Context
from headlessly.nouns import Noun
from headlessly.shaping.custom_fields import field_renamed


@cached_by_shape
def gates_by_noun() -> dict[str, tuple[DeclaredGate, ...]]:
    """The gates of the active tenant by the noun that they are of, whoever asks first."""
    found: dict[str, tuple[DeclaredGate, ...]] = {}
    with actors.acting(actors.SYSTEM):
        for gate in Gate.objects.order_by("created_at", "pk"):
            found[gate.type] = (*found.get(gate.type, ()), gate.as_declared())
    return found


def renew(gate: Gate, ctx: Context) -> None:
    """Whoever enters a state is asked for what the gates before it say."""
    tenancy.renew_shape()


@receiver(field_renamed)
def follow(sender: type[Noun], former: str, name: str, **_: Any) -> None:
    """A gate goes on asking for a field of the tenant's own that is called otherwise now."""
    for gate in Gate.objects.filter(type=sender.__name__):
        asked = [each["field"] for each in gate.requires]
        if former in asked:
            gate.update(requires=[{"field": name if f == former else f} for f in asked])


for _verb in (*Gate.verbs.values(), *Gate.corrections.values()):
    _verb.after(renew)
