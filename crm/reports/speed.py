"""How fast leads are answered, and how long they take to become deals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Least

from crm.first_touches import by_people, moves_by_people
from crm.models import Activity, Lead
from crm.reports.leads import lead_cohort, lead_funnel
from headlessly.query.reports import Records, Slice, Spread, duration_between, median_durations
from headlessly.query.scope import Scope

#: The speed of answers is measured on this many leads of a period, the latest.
SAMPLE_SIZE = 2_500
#: The same for the speed by owner, which is compared with the previous period.
SAMPLE_SIZE_BY_OWNER = 1_000


def converted_leads(slice: Slice) -> Records:
    """Returns the leads converted in the period, whenever they were created."""
    return slice.during(Lead, "convertedAt")


def cycle_time(slice: Slice) -> Spread:
    """Returns how long the leads converted in the period took, in seconds from firstTouchAt to
    convertedAt."""
    return Spread.of_durations(
        converted_leads(slice).queryset(), duration_between("first_touch_at", "converted_at")
    )


@dataclass(frozen=True)
class Response:
    """How fast leads were answered. `leads` is the number that was measured, `all` the number that there
    is."""

    spread: Spread
    leads: int
    all: int

    @property
    def is_sample(self) -> bool:
        return self.leads < self.all


def first_response(slice: Slice) -> Response:
    """Returns how long the leads of the cohort waited for the first touch, in seconds from their creation.

    A touch is an activity completed since, or the first move of the status, whichever came first, by a person
    (:mod:`crm.first_touches`). Leads that nobody has touched yet are not in the spread. Measured on the
    latest :data:`SAMPLE_SIZE` leads of the cohort.
    """
    latest = lead_cohort(slice).queryset().order_by("-created_at", f"-{slice.scope(Lead).key}")
    waited = duration_between("created_at", _first_touch(slice.scope(Lead)))
    spread = Spread.of_durations(latest, waited, first=SAMPLE_SIZE)
    every = slice.cached(lead_funnel).all
    return Response(spread, min(every, SAMPLE_SIZE), every)


def median_responses(slice: Slice) -> dict[str | None, float]:
    """Returns the median wait by owner, in seconds, for owners with touched leads."""
    if slice.pair is None:
        return median_durations([lead_cohort(slice)], _latest_waits)[0]
    return slice.cached(_medians_of_both, over_time=False)[slice is slice.pair[1]]


def _medians_of_both(slice: Slice) -> list[dict[str | None, float]]:
    """Returns the same for the previous period and the period."""
    assert slice.pair is not None
    return median_durations([*map(lead_cohort, slice.pair)], _latest_waits)


def _latest_waits(condition: Q, scope: Scope) -> QuerySet[Any, tuple[Any, ...]]:
    """Returns the owner of each of the latest leads, and how long it waited."""
    latest = scope.queryset().filter(condition).order_by("-created_at", f"-{scope.key}")
    waits = latest.annotate(_waited=duration_between("created_at", _first_touch(scope)))
    return waits.values_list("owner_id", "_waited")[:SAMPLE_SIZE_BY_OWNER]


def _first_touch(leads: Scope) -> Least:
    """Returns the moment of the first touch of a lead by a person: an activity, or a move of its status."""
    activities = leads.for_noun(Activity)
    done = activities.queryset().filter(
        lead=OuterRef(leads.key),
        status=Activity.Status.COMPLETED,
        completed_at__gte=OuterRef("created_at"),
    )
    versions = Lead.past.objects.filter(
        tenant_id=OuterRef("tenant_id"),
        record=OuterRef(leads.key),
        **({"valid_from__lte": leads.as_of} if leads.as_of else {}),
    )
    done, moved = by_people(done, activities.key), moves_by_people(versions)
    return Least(
        Subquery(done.order_by("completed_at").values("completed_at")[:1]),
        Subquery(moved.order_by("valid_from").values("valid_from")[:1]),
    )
