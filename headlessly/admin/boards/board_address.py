"""The address of a board: that of a list, limited to one path.

Where the states of a record are defined by another record (the stages of a deal by its pipeline), the
columns of a board are the states of one such path: the one in the address, else the default one.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.db import models

from headlessly.admin.lists.address import PresentAddress
from headlessly.declaration import labels
from headlessly.declaration.paths import Path
from headlessly.query.list_address import NONE


class BoardAddress(PresentAddress):
    def _read(self) -> None:
        super()._read()
        if self.is_of_one_path and self.path_facet is not None:
            self.path_facet.stands_elsewhere = True

    @cached_property
    def is_of_one_path(self) -> bool:
        """Whether there are several paths and the board shows one of them, with no other condition on the
        path."""
        machine, facet = self.noun.schema.machine, self.path_facet
        if machine is None or not machine.has_others or facet is None:
            return False
        return bool(self.paths) or not facet.value

    @cached_property
    def path(self) -> Path | None:
        """The path whose states are the columns; None if there is only one."""
        machine = self.noun.schema.require_machine()
        if not self.is_of_one_path:
            return None
        return self.paths[0] if self.paths else machine.default_path

    def narrowed(self) -> models.QuerySet:
        """Returns the matching records on the path. Records without a path are on the default one."""
        found = super().narrowed()
        if (path := self.path) is None:
            return found
        machine = self.noun.schema.require_machine()
        name = f"{machine.field.path_from}_id"
        on_it = models.Q(**{name: path.id}) if path.id else models.Q(**{f"{name}__isnull": True})
        if path.id and path.id == machine.default_path.id:
            on_it |= models.Q(**{f"{name}__isnull": True})
        return found.filter(on_it)

    @cached_property
    def active(self) -> list[Any]:
        """The active conditions without the path, which cannot be removed."""
        chooses = self.path_facet if self.is_of_one_path else None
        return [each for each in super().active if each is not chooses]

    @property
    def kept(self) -> list[str]:
        """The parameters that are no filters: with them the path, which every board has."""
        own = [self.path_facet.name] if self.is_of_one_path and self.path_facet else []
        return [*super().kept, *own]

    @property
    def path_links(self) -> list[dict[str, Any]]:
        """The paths to choose from, each with the address of its board."""
        machine, facet = self.noun.schema.machine, self.path_facet
        if machine is None or facet is None or self.path is None:
            return []
        state = self.noun.schema.by_name[machine.name].wire
        return [
            {
                "name": labels.path_label(self.noun, path),
                "url": self.but({facet.name: path.id or NONE, state: None}),
                "now": path.id == self.path.id,
            }
            for path in machine.paths
        ]

    @property
    def of_path(self) -> dict[str, str]:
        """The parameters that a list needs to show the records of the board's path."""
        machine = self.noun.schema.machine
        if machine is None or self.path is None or self.path_facet is None:
            return {}
        of = [self.path.id or NONE]
        if self.path.id == machine.default_path.id and NONE not in of:
            of.append(NONE)
        return {self.path_facet.name: ",".join(of)}
