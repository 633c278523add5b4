"""The events that a member with limited visibility sees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models
from django.db.models import Exists, F, Func, OuterRef, Q

from headlessly import ids
from headlessly.access import actors, tenancy
from headlessly.access.visibility import invisible_ids, visible_owner
from headlessly.database.among import Among
from headlessly.declaration import values
from headlessly.declaration.registry import registry
from headlessly.log.names import PLATFORM_EVENTS, SECURITY

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.log.events import Event

Found = TypeVar("Found", bound=models.QuerySet[Any])

#: All texts in an event's properties, at any depth: a property may be a whole record.
PROPERTY_VALUES = (
    "ARRAY(SELECT p.value #>> '{}' FROM jsonb_path_query(%(expressions)s, 'strict $.**') AS p(value)"
    " WHERE jsonb_typeof(p.value) = 'string')"
)


def visible_events(found: Found) -> Found:
    """Returns the queryset without events about records that the actor does not see, and without security
    events unless the actor is an admin.

    The event of a verb is visible with the verb's record. A tracked event is visible if all records that its
    properties name are and, if a hook tracked it, the record of the hook's verb is too. The event of a script
    or an import may be about any record, so only one's own is visible.
    """
    found = without_security(found)
    if visible_owner() is None:
        return found
    owned = _limited_nouns()
    verbs = _is_of_visible_record(owned)
    own = Q(name__in=PLATFORM_EVENTS, actor=actors.current().id)
    causes = _all_of_tenant(found.model).filter(verbs | own, id=OuterRef("cause"))
    told = (Q(cause=None) & ~Q(name__in=PLATFORM_EVENTS)) | own | Exists(causes)
    # In this order, so that few events need the look-up of ids in their properties.
    return found.filter(
        verbs | Q(Q(target=None), told, *(~_names_invisible_record(noun) for noun in owned))
    )


def without_security(found: Found) -> Found:
    """Returns the queryset without security events, unless the actor is an admin."""
    actor = actors.current_or_none()
    if actor is not None and actors.may_administer(actor):
        return found
    return found.exclude(target_type=SECURITY)


def _all_of_tenant(model: type[models.Model]) -> models.QuerySet:
    """Returns all rows of the tenant, whoever reads."""
    return models.QuerySet(model).filter(tenant_id=tenancy.require().pk)


def _limited_nouns() -> list[type[Record]]:
    return [noun for noun in registry.values() if noun.schema.is_limited]


def _is_of_visible_record(owned: list[type[Record]]) -> Q:
    """Returns the condition that an event is of a verb on a record that the actor sees."""
    seen = Q(target__isnull=False) & ~Q(target_type__in=[noun.__name__ for noun in owned])
    for noun in owned:
        visible = Q(Exists(noun.with_deleted.filter(pk=OuterRef("target"))))
        seen |= Q(target_type=noun.__name__) & visible
    return seen


def _names_invisible_record(noun: type[Record]) -> Exists:
    """Returns the condition that a property of an event is the id of a record that the actor does not see."""
    visible = noun.with_deleted.filter(pk=OuterRef("pk"))
    named = Func(OuterRef("data"), template=PROPERTY_VALUES, output_field=models.TextField())
    return Exists(_all_of_tenant(noun).filter(~Exists(visible), Among(F("pk"), named)))


def visible_of_recorded(found: Iterable[Event], record: Record | None = None) -> list[Event]:
    """Returns those of the events just recorded that are about ``record``, or only about records that the
    actor sees."""
    found = list(found)
    targets = {event.id: event.target for event in found}
    own = {record.pk} if record is not None else set()
    about = {event.id: _mentioned_ids(event, targets) - own for event in found}
    every = set().union(*about.values())
    unseen: set[Any] = set()
    for noun in _limited_nouns():
        unseen |= invisible_ids(noun, (id for id in every if ids.is_id(id, (noun.prefix,))))
    return [event for event in found if not about[event.id] & unseen]


def _mentioned_ids(event: Event, targets: Mapping[str, str | None]) -> set[str]:
    """Returns the ids of the records that an event is about; for a tracked event, every text in its
    properties."""
    if event.target is not None:
        return {event.target}
    about = set(values.texts_in(event.data))
    if event.cause and (target := targets.get(event.cause)):
        about.add(target)
    return about
