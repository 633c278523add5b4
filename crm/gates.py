"""What gates mean: the executor asks for what they say, from their next word on."""

from __future__ import annotations

from crm.models import Gate
from headlessly.declaration.gates import Gate as DeclaredGate
from headlessly.execution.executor import Context
from headlessly.nouns import registry


def keep_gates(gate: Gate, ctx: Context) -> None:
    """Whoever enters a state is asked for what the gates before it say."""
    for name, noun in registry.items():
        if noun.schema.machine and (name == gate.type or noun.schema.gates):
            ctx.tenant.keep_gates(noun, lambda name=name: read_gates(name))


def read_gates(type: str) -> list[DeclaredGate]:
    """The gates of a noun, as the executor knows them."""
    return [gate.as_declared() for gate in Gate.objects.filter(type=type).order_by("pk")]


for _verb in (*Gate.verbs.values(), *Gate.corrections.values()):
    _verb.after(keep_gates)
