"""What counts as the first touch of a lead.

A touch is an activity that a person completed, or the first move of the lead's status by a person. What a
rule does is no touch, and neither is what came from the lead: in both cases nobody has answered yet.

The log knows who did something. It is queried only for tenants that ever had an automation, as other rules
touch nothing. Whatever has been moved from the log to files (:mod:`headlessly.log.kept`) counts as done by a
person.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from crm.models import Activity, Lead, Rule
from crm.models.lead import RULES
from headlessly.access import actors
from headlessly.declaration.shapes import cached_by_shape, current_shape
from headlessly.log.events import Event

#: The events that make an activity a touch.
TOUCHES = tuple(Activity.verbs[name].event for name in ("complete", "log", "send"))
STATUS = Lead.schema.by_name["status"].wire


@cached_by_shape
def _rules_may_have_touched() -> bool:
    if current_shape() is None:  # a tenant that ever had a rule has a shape
        return False
    with actors.acting(actors.SYSTEM):
        return Rule.with_deleted.filter(kind=Rule.Kind.AUTOMATION).exists()


def by_people(activities: QuerySet[Any], key: str = "pk") -> QuerySet[Any]:
    """Returns the activities that people completed: neither rules nor the other side.

    `activities` are completed ones. `key` is the column that holds the activity's id.
    """
    activities = activities.exclude(direction=Activity.Direction.INBOUND)
    if not _rules_may_have_touched():
        return activities
    done = Event.log.filter(target=OuterRef(key), name__in=TOUCHES, actor__startswith=RULES)
    return activities.exclude(Exists(done.order_by()))


def moves_by_people(versions: QuerySet[Any]) -> QuerySet[Any]:
    """Returns the versions of leads in which a person, not a rule, changed the status from new."""
    moved = versions.filter(
        version__gt=1, status__in=[each for each in Lead.Status.values if each != Lead.Status.NEW]
    )
    if not _rules_may_have_touched():
        return moved
    # After a rule moved a lead, people may change it without moving it: those versions are no moves either.
    other = Event.log.filter(target=OuterRef("record"), version=OuterRef("version")).filter(
        Q(actor__startswith=RULES) | ~Q(previous__has_key=STATUS)
    )
    return moved.exclude(Exists(other.order_by()))
