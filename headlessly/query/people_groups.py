"""Groups of people, such as teams: nouns that an app joins to them (``Surface.joins``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Join

#: At most this many groups are offered.
MOST_OFFERED = 200


def person_noun() -> type[Record]:
    """Returns the noun of the people who own records and may be signed-in users."""
    found: Any = apps.get_model(settings.PERSON_MODEL)
    return found  # type: ignore[no-any-return]


def person_joins() -> Iterable[Join]:
    """Returns the joins that put people into groups."""
    return person_noun().schema.joins.values()


def list_groups() -> list[Record]:
    """Returns the groups of the tenant that the actor sees, in the order of their lists."""
    found: list[Record] = []
    for join in person_joins():
        noun: Any = join.field.target_noun
        found += noun.objects.order_by(*noun.schema.ordering)[:MOST_OFFERED]
    return found


def find_group(id: str) -> tuple[Join, Record] | None:
    """Returns the group with this id, and the join that puts people into it, or None."""
    for join in person_joins():
        noun: Any = join.field.target_noun
        if id.startswith(f"{noun.prefix}_") and (found := noun.objects.filter(pk=id).first()):
            return join, found
    return None


def people_in(id: str) -> set[str]:
    """Returns the ids of the people in a group; nobody if it does not exist."""
    if (found := find_group(id)) is None:
        return set()
    join: Any = found[0]
    places = join.noun.objects.filter(**{join.field.column: id})
    return set(places.values_list(join.column, flat=True))


def put_into(person: str, groups: Iterable[str]) -> None:
    """Add a person to each of the groups. Raises what ``create`` of the joining noun raises."""
    for id in groups:
        if (found := find_group(id)) is not None:
            join: Any = found[0]
            one = next(f for f in join.noun.schema.references.values() if f.column == join.column)
            places = join.noun.objects.filter(**{join.column: person, join.field.column: id})
            if not places.exists():
                join.noun.create(**{one.name: person, join.field.name: id})
