"""The states of a tenant's own and the gates before them, kept on its row: every request has them.

``Tenant.machines`` is written in the transaction that changes the records which say so, so that it is never
other than they are: ``{"Deal": {"paths": [...], "gates": [...]}}``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db import models

from headlessly.declaration.gates import Gate, gate_from_json, gate_to_json
from headlessly.declaration.paths import Path, complete_states, path_from_json, path_to_json

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Schema

PATHS, GATES = "paths", "gates"


@lru_cache(maxsize=1024)
def compose_schema(declared: Schema, paths: tuple[Path, ...], gates: tuple[Gate, ...]) -> Schema:
    """The schema of a noun whose states are those of ``paths``, with ``gates`` before some."""
    return declared.shaped(paths, gates)


class MachinesMixin(models.Model):
    """A tenant as far as the machines of its nouns are its own."""

    machines: Any

    class Meta:
        abstract = True

    def schema_of(self, declared: Schema) -> Schema:
        """The schema of a noun as it is for this tenant."""
        if self.__dict__.pop("_is_undone", False):
            self.reload_machines()
        known = self.__dict__.setdefault("_schemas", {})
        if declared.name not in known:
            paths, gates = self._paths_of(declared.noun), self._gates_of(declared.noun)
            known[declared.name] = (
                compose_schema(declared, paths, gates) if paths or gates else declared
            )
        return known[declared.name]

    def _kept(self, noun: type[Record], what: str) -> list[Any]:
        return self.machines.get(noun.__name__, {}).get(what, [])

    def _paths_of(self, noun: type[Record]) -> tuple[Path, ...]:
        field: Any = noun._meta.get_field(noun.status_field())
        found = [path_from_json(data) for data in self._kept(noun, PATHS)]
        return tuple(
            Path(
                complete_states(path.states, field.usual_path),
                path.id, path.name, path.version, path.is_default,
            )
            for path in found
        )  # fmt: skip

    def _gates_of(self, noun: type[Record]) -> tuple[Gate, ...]:
        return tuple(gate_from_json(data) for data in self._kept(noun, GATES))

    def keep_paths(self, noun: type[Record], read: Callable[[], Iterable[Path]]) -> list[Path]:
        """Keep what ``read`` answers as the states of ``noun``; whoever changes others meanwhile waits.

        Answers what they were before.
        """
        before = self._keep(noun, PATHS, lambda: [path_to_json(path) for path in read()])
        return [path_from_json(data) for data in before]

    def keep_gates(self, noun: type[Record], read: Callable[[], Iterable[Gate]]) -> None:
        """Keep what ``read`` answers as the gates of ``noun``."""
        self._keep(noun, GATES, lambda: [gate_to_json(gate) for gate in read()])

    def _keep(self, noun: type[Record], what: str, read: Callable[[], list[Any]]) -> list[Any]:
        row = type(self).objects.select_for_update(no_key=True).get(pk=self.pk)
        kept = row.machines.setdefault(noun.__name__, {})
        before, kept[what] = kept.get(what, []), read()
        row.save(update_fields=["machines"])
        self._know(row.machines)
        self.__dict__["_is_changed"] = True
        return before

    def reload_machines(self) -> None:
        """Know the states and the gates as they are by now."""
        self._know(type(self).objects.values_list("machines", flat=True).get(pk=self.pk))

    def end_of_change(self, *, undone: bool) -> None:
        """The transaction is over: what it kept holds, or was never there."""
        if self.__dict__.pop("_is_changed", False) and undone:
            self.__dict__["_is_undone"] = True

    def _know(self, machines: Any) -> None:
        self.machines = machines
        self.__dict__.pop("_schemas", None)
