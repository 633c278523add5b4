"""How fast leads are answered, and how long they take to become deals."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Least

from crm.first_touches import by_people, moves_by_people
from crm.models import Activity, Lead
from crm.reports.leads import lead_cohort, lead_funnel
from headlessly.query.reports import Records, Slice, Spread, duration_between, median_durations

#: The speed of answers is measured on the latest so many leads of a period.
SAMPLE_SIZE = 2_500
#: The same where it is told by owner, beside that of the period before.
SAMPLE_SIZE_BY_OWNER = 1_000


def converted_leads(slice: Slice) -> Records:
    """The leads converted in the period, whenever they were created."""
    return slice.during(Lead, "convertedAt")


def cycle_time(slice: Slice) -> Spread:
    """How long the leads converted in the period took, in seconds from firstTouchAt to convertedAt."""
    return Spread.of_durations(
        converted_leads(slice).queryset(), duration_between("first_touch_at", "converted_at")
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

    A touch is an activity completed since, or a first move of the status, whichever came first, by a person
    (:mod:`crm.first_touches`); leads nobody has touched yet are not in the spread. Measured on the latest
    :data:`SAMPLE_SIZE` of the cohort.
    """
    latest = lead_cohort(slice).queryset().order_by("-created_at", f"-{slice.scope(Lead).key}")
    waited = duration_between("created_at", _first_touch(slice))
    spread = Spread.of_durations(latest, waited, first=SAMPLE_SIZE)
    every = slice.cached(lead_funnel).all
    return Response(spread, min(every, SAMPLE_SIZE), every)


def median_responses(slice: Slice) -> dict[str | None, float]:
    """The median of the same for each owner who touched any of these leads, in seconds."""
    latest = lead_cohort(slice).queryset().order_by("-created_at", f"-{slice.scope(Lead).key}")
    waited = duration_between("created_at", _first_touch(slice))
    return median_durations(latest, waited, "owner_id", first=SAMPLE_SIZE_BY_OWNER)


def _first_touch(slice: Slice) -> Least:
    """The moment of the first activity with a lead, or of the first move of its status, by a person."""
    leads, activities = slice.scope(Lead), slice.scope(Activity)
    done = activities.queryset().filter(
        lead=OuterRef(leads.key),
        status=Activity.Status.COMPLETED,
        completed_at__gte=OuterRef("created_at"),
    )
    versions = Lead.past.objects.filter(
        tenant_id=OuterRef("tenant_id"),
        record=OuterRef(leads.key),
        **({"valid_from__lte": slice.as_of} if slice.as_of else {}),
    )
    done, moved = by_people(done, activities.key), moves_by_people(versions)
    return Least(
        Subquery(done.order_by("completed_at").values("completed_at")[:1]),
        Subquery(moved.order_by("valid_from").values("valid_from")[:1]),
    )
