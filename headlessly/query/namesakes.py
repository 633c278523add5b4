"""Records that are called like one that is about to be made: likely the same twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from headlessly.declaration.folding import fold

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

R = TypeVar("R", bound="Record")

#: How many are told.
MOST_TOLD = 5
NAME = "name"


def find_namesakes(noun: type[R], given: dict[str, Any]) -> list[R]:
    """The records of ``noun`` with the name in ``given``, whatever its case and accents, the latest first,
    of those that the actor sees. None where records have no name: a subject is expected to repeat itself.
    """
    name = given.get(NAME)
    if NAME not in noun.schema.by_name or not isinstance(name, str) or not name.strip():
        return []
    same = noun.objects.filter(**{f"{NAME}__folded": fold(" ".join(name.split()))})
    return list(same.select_related(*noun.schema.references).order_by("-created_at")[:MOST_TOLD])
