"""What the first touch of a lead is, wherever one asks: an activity that somebody completed, or a first move
of its status by somebody. What a rule does is none, and neither is what came from them: nobody has answered
then.

Who did it is in the log. It is asked only where a tenant ever had an automation: other rules touch nothing.
Of what is in files (:mod:`headlessly.log.kept`) everything counts as somebody's.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from crm.models import Activity, Lead, Rule
from crm.models.lead import RULES
from headlessly.access import actors
from headlessly.declaration.shapes import cached_by_shape, current_shape
from headlessly.log.events import Event

#: The events of an activity by which it is a touch.
TOUCHES = tuple(Activity.verbs[name].event for name in ("complete", "log"))
STATUS = Lead.schema.by_name["status"].wire


@cached_by_shape
def _rules_may_have_touched() -> bool:
    if current_shape() is None:  # who ever had a rule has a shape
        return False
    with actors.acting(actors.SYSTEM):
        return Rule.with_deleted.filter(kind=Rule.Kind.AUTOMATION).exists()


def by_people(activities: QuerySet[Any], key: str = "pk") -> QuerySet[Any]:
    """Those of completed activities that somebody completed, and no rule, without those that came from the
    other side; ``key`` is the column with their id."""
    activities = activities.exclude(direction=Activity.Direction.INBOUND)
    if not _rules_may_have_touched():
        return activities
    done = Event.log.filter(target=OuterRef(key), name__in=TOUCHES, actor__startswith=RULES)
    return activities.exclude(Exists(done.order_by()))


def moves_by_people(versions: QuerySet[Any]) -> QuerySet[Any]:
    """Those versions of leads with which somebody moved them on, and no rule."""
    moved = versions.filter(
        version__gt=1, status__in=[each for each in Lead.Status.values if each != Lead.Status.NEW]
    )
    if not _rules_may_have_touched():
        return moved
    # Behind a move by a rule come changes by people that are no move.
    other = Event.log.filter(target=OuterRef("record"), version=OuterRef("version")).filter(
        Q(actor__startswith=RULES) | ~Q(previous__has_key=STATUS)
    )
    return moved.exclude(Exists(other.order_by()))
