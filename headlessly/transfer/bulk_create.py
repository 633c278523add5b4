"""Verbs by the thousand: checked one by one like any other, written together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError

from headlessly.declaration import values
from headlessly.declaration.refusals import unique_index_name
from headlessly.execution import executor, table

if TYPE_CHECKING:
    from headlessly.nouns import Noun


#: A unique value: the noun, the field, the value as it is compared.
Key = tuple[str, str, Any]


class Collision(Exception):
    """The database refused the rows together: which of them it was, only one by one will tell."""


class Importing(executor.Execution):
    """An execution in which an admin's new records may bring their past with them."""

    is_import = True

    def __init__(self, stating: bool) -> None:
        super().__init__()
        self.sets_protected_fields = stating


class Gathering(Importing):
    """An execution of verbs without hooks that ask for rows: what they create is written when needed.

    ``taken`` are the unique values that are known to be in use, as :func:`keys_of` says them.
    """

    def __init__(self, stating: bool, taken: set[Key]) -> None:
        super().__init__(stating)
        self.taken = taken
        self.gathered: list[Noun] = []

    def _insert(self, record: Any) -> None:
        keys = keys_of(record)
        for key in keys:
            if key in self.taken:
                raise record.duplicate_conflict(unique_index_name(type(record), key[1]))
        self.taken.update(keys)
        self.gathered.append(record)
        record._state.adding = False
        record._read = dict(record.__dict__)

    def flush(self) -> None:
        """Write the rows, then their events. Raises Collision."""
        gathered, self.gathered = self.gathered, []
        rows: dict[type[Noun], list[Noun]] = {}
        for record in gathered:
            rows.setdefault(type(record), []).append(record)
        try:
            for noun, records in rows.items():
                table.table_of(noun).copy(records)
        except IntegrityError as problem:
            raise Collision from problem
        super().flush()


def keys_of(record: Noun) -> list[Key]:
    """The unique values of a record."""
    fields = [record.schema.by_name[name] for name in record.unique_fields]
    found = [(f.name, getattr(record, f.column)) for f in fields]
    noun = type(record).__name__
    return [(noun, name, key_of(value)) for name, value in found if value is not None]


def key_of(value: Any) -> Any:
    """A unique value as it is compared: text whatever its case."""
    return value.lower() if isinstance(value, str) else values.to_json_value(value)
