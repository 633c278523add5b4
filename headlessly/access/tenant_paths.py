"""The states of a tenant's own, kept on its row: every request has them without asking.

``Tenant.paths`` is written in the transaction that changes the records which give the states, so that it is
never other than they are: ``{"Deal": [path, ...]}``, each as ``path_to_json`` writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db import models

from headlessly.declaration.paths import Path, complete_states, path_from_json, path_to_json

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Schema


@lru_cache(maxsize=512)
def compose_schema(declared: Schema, paths: tuple[Path, ...]) -> Schema:
    """The schema of a noun whose states are those of ``paths``."""
    return declared.with_paths(paths)


class PathsMixin(models.Model):
    """A tenant as far as it gives the records of a noun states of their own."""

    paths: Any

    class Meta:
        abstract = True

    def schema_of(self, declared: Schema) -> Schema:
        """The schema of a noun with the states of this tenant; as declared where it has none."""
        if self.__dict__.pop("_is_undone", False):
            self.reload_paths()
        known = self.__dict__.setdefault("_schemas", {})
        if declared.name not in known:
            paths = self._paths_of(declared.noun)
            known[declared.name] = compose_schema(declared, paths) if paths else declared
        return known[declared.name]

    def _paths_of(self, noun: type[Record]) -> tuple[Path, ...]:
        field: Any = noun._meta.get_field(noun.status_field())
        found = [path_from_json(data) for data in self.paths.get(noun.__name__, ())]
        return tuple(
            Path(
                complete_states(path.states, field.usual_path),
                path.id, path.name, path.version, path.is_default,
            )
            for path in found
        )  # fmt: skip

    def keep_paths(self, noun: type[Record], read: Callable[[], Iterable[Path]]) -> list[Path]:
        """Keep what ``read`` answers as the states of ``noun``; whoever changes others meanwhile waits.

        Answers what they were before.
        """
        row = type(self).objects.select_for_update(no_key=True).get(pk=self.pk)
        before = [path_from_json(data) for data in row.paths.get(noun.__name__, ())]
        row.paths[noun.__name__] = [path_to_json(path) for path in read()]
        row.save(update_fields=["paths"])
        self._know(row.paths)
        self.__dict__["_is_changed"] = True
        return before

    def reload_paths(self) -> None:
        """Know the states as they are by now."""
        self._know(type(self).objects.values_list("paths", flat=True).get(pk=self.pk))

    def end_of_change(self, *, undone: bool) -> None:
        """The transaction is over: what it kept holds, or was never there."""
        if self.__dict__.pop("_is_changed", False) and undone:
            self.__dict__["_is_undone"] = True

    def _know(self, paths: Any) -> None:
        self.paths = paths
        self.__dict__.pop("_schemas", None)
