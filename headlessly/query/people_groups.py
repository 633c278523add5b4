"""What people are put into, such as teams: whatever an app declares to join them to (``Surface.joins``)."""

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
    """What a signed-in user is, as an owner of records."""
    found: Any = apps.get_model(settings.PERSON_MODEL)
    return found  # type: ignore[no-any-return]


def person_joins() -> Iterable[Join]:
    """By what people are put somewhere."""
    return person_noun().schema.joins.values()


def list_groups() -> list[Record]:
    """The groups of the tenant that the actor sees, as their lists order them."""
    found: list[Record] = []
    for join in person_joins():
        noun: Any = join.field.target_noun
        found += noun.objects.order_by(*noun.schema.ordering)[:MOST_OFFERED]
    return found


def find_group(id: str) -> tuple[Join, Record] | None:
    """The group with this id and how people get into it; None where there is none."""
    for join in person_joins():
        noun: Any = join.field.target_noun
        if id.startswith(f"{noun.prefix}_") and (found := noun.objects.filter(pk=id).first()):
            return join, found
    return None


def people_in(id: str) -> set[str]:
    """The ids of the people in a group; nobody is in one that is not there."""
    if (found := find_group(id)) is None:
        return set()
    join: Any = found[0]
    places = join.noun.objects.filter(**{join.field.column: id})
    return set(places.values_list(join.column, flat=True))


def put_into(person: str, groups: Iterable[str]) -> None:
    """Give a person a place in each of the groups. Raises what ``create`` of the place raises."""
    for id in groups:
        if (found := find_group(id)) is not None:
            join: Any = found[0]
            one = next(f for f in join.noun.schema.references.values() if f.column == join.column)
            places = join.noun.objects.filter(**{join.column: person, join.field.column: id})
            if not places.exists():
                join.noun.create(**{one.name: person, join.field.name: id})
