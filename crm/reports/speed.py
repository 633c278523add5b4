"""How fast leads are answered, and how long they take to become deals."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Least

from crm.models import Activity, Lead
from crm.reports.leads import lead_cohort, lead_funnel
from headlessly.query.reports import Records, Slice, Spread, seconds_between

#: The speed of answers is measured on the latest so many leads of a period.
SAMPLE_SIZE = 2_500


def converted_leads(slice: Slice) -> Records:
    """The leads converted in the period, whenever they were created."""
    return slice.during(Lead, "convertedAt")


def cycle_time(slice: Slice) -> Spread:
    """How long the leads converted in the period took, in seconds from firstTouchAt to convertedAt."""
    return Spread.of_seconds(
        converted_leads(slice).queryset(), seconds_between("first_touch_at", "converted_at")
    )


@dataclass(frozen=True)
class Response:
    """How fast leads were answered; ``leads`` is how many were looked at, ``all`` how many there are."""

    spread: Spread
    leads: int
    all: int

    @property
    def is_sample(self) -> bool:
        return self.leads < self.all


def first_response(slice: Slice) -> Response:
    """How long the leads of the cohort waited for the first touch, in seconds from their creation.

    A touch is an activity completed since, or a first move of the status, whichever came first; leads
    nobody has touched yet are not in the spread. Measured on the latest :data:`SAMPLE_SIZE` of the cohort.
    """
    leads, activities = slice.scope(Lead), slice.scope(Activity)
    done = activities.queryset().filter(
        lead=OuterRef(leads.key),
        status=Activity.Status.COMPLETED,
        completed_at__gte=OuterRef("created_at"),
    )
    moved = Lead.past.objects.filter(
        record=OuterRef(leads.key),
        version__gt=1,
        **({"valid_from__lte": slice.as_of} if slice.as_of else {}),
        status__in=[state for state in Lead.Status.values if state != Lead.Status.NEW],
    )
    touched = Least(
        Subquery(done.order_by("completed_at").values("completed_at")[:1]),
        Subquery(moved.order_by("valid_from").values("valid_from")[:1]),
    )
    latest = lead_cohort(slice).queryset().order_by("-created_at", f"-{leads.key}")
    spread = Spread.of_seconds(latest, seconds_between("created_at", touched), first=SAMPLE_SIZE)
    every = slice.cached(lead_funnel).all
    return Response(spread, min(every, SAMPLE_SIZE), every)
