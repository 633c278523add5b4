"""The log: the tenant's events, oldest first, to be followed by cursor; and tracking new ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from django.db import models, transaction
from rest_framework.request import Request

from headlessly.access import tenancy, visibility
from headlessly.api import parameters
from headlessly.api.base import TenantViewSet
from headlessly.api.bodies import ApiResponse
from headlessly.api.tracking import track_event
from headlessly.background.slots import thread_slots
from headlessly.database import timeouts
from headlessly.declaration import values
from headlessly.declaration.registry import registry
from headlessly.declaration.values import UNSTORABLE
from headlessly.errors import InvalidFilter, NotFound, did_you_mean
from headlessly.log import events, pages
from headlessly.log.names import SECURITY
from headlessly.models import Event
from headlessly.nouns import Noun
from headlessly.query import reads
from headlessly.webhooks import patterns

#: How long a reader may wait for the next event, and how often the log is looked at meanwhile, in
#: seconds. A page of the log is one look-up in an index.
LONGEST_WAIT, LOOK_AGAIN = 25, 0.25

#: Parameters that name a column's value.
COLUMN_PARAMETERS = {
    "name": "name",
    "target": "target",
    "targetType": "target_type",
    "actor": "actor",
}
#: All by which a page of the log is asked for.
LOG_PARAMETERS = ("since", "until", *COLUMN_PARAMETERS, "cursor", "limit", "count")


class EventViewSet(TenantViewSet):
    """Events are read and, when they are not the record of a verb, tracked; never changed."""

    def list(self, request: Request) -> ApiResponse:
        asked = parameters.read_parameters(request.GET, (*LOG_PARAMETERS, "wait"))
        return ApiResponse(list_events(asked, seconds=_read_wait(asked.get("wait"))))

    def retrieve(self, request: Request, id: str) -> ApiResponse:
        parameters.refuse_parameters(request.GET)
        return ApiResponse(find_event(id).as_json())

    def create(self, request: Request) -> ApiResponse:
        """Record something that happened outside: a page view, a trial started."""
        dry_run = parameters.read_dry_run(request.GET)
        with transaction.atomic():
            event = track_event(request.data)
            if dry_run:
                transaction.set_rollback(True)
        if dry_run:
            said = event.as_json() | {"seq": None}
            return ApiResponse({"record": said, "events": [said]})
        address = f"{tenancy.context_url()}/events/{event.id}"
        return ApiResponse(event.as_json(), status=201, headers={"Location": address})


def find_event(id: str) -> Event:
    """The event with this id. Raises NotFound."""
    found = None if UNSTORABLE.search(id) else Event.objects.filter(id=id).first()
    if found is None:
        raise NotFound(f"There is no Event {id[:64]}.", type="Event", id=id[:64])
    return found


def record_history(noun: type[Noun], id: str, **page: Any) -> dict[str, Any]:
    """The events of one record, newest first; also of one that was deleted since. Raises NotFound."""
    if UNSTORABLE.search(id):
        raise noun.not_found(id)
    found = paginate(events.record_history(noun, id), Event.as_json, **page)
    if not found["total"]:
        raise noun.not_found(id)
    return found


def list_events(asked: Mapping[str, Any], seconds: float = 0) -> dict[str, Any]:
    """One page of the log after its ``cursor``, oldest first; it waits ``seconds`` for an event.

    The cursor stands where the page ends, also when nothing was found: going on from it repeats nothing.
    """
    question = pages.LogQuestion(
        columns={
            column: _read_condition(name, asked[name])
            for name, column in COLUMN_PARAMETERS.items()
            if name in asked
        },
        since=reads.check_moment(asked.get("since"), "since"),
        until=reads.check_moment(asked.get("until"), "until"),
    )
    cursor, size = _read_cursor(asked.get("cursor")), reads.check_limit(asked.get("limit"))
    counts = parameters.read_count(asked.get("count"))
    start = question.first_position()
    page = _wait_for_page(question, start if cursor is None else max(start, cursor), size, seconds)
    answer: dict[str, Any] = {"results": [event.as_json() for event in page.events]}
    if counts:
        total, exact = _count_visible(question.all_events())
        answer["total"] = total
        if not exact:
            answer["totalIsExact"] = False
    return answer | {"hasMore": page.has_more, "cursor": str(page.end)}


def paginate(
    found: models.QuerySet,
    said: Callable[[Any], dict[str, Any]],
    limit: Any = None,
    offset: Any = None,
) -> dict[str, Any]:
    """One page, as every list says it, with each as ``said`` says it."""
    size, start = reads.check_limit(limit), reads.check_offset(offset)
    page = list(found[start : start + size + 1])
    total, exact = reads.count_records(found)
    return reads.Page(
        [said(each) for each in page[:size]], total, exact, len(page) > size
    ).as_json()


def _read_condition(name: str, value: str) -> str:
    """The value of a column. Raises InvalidFilter for what no event of the log has."""
    try:
        values.check_storable(value)
        if name == "name":
            patterns.check_known_event(value)
        elif name == "targetType" and value not in (types := [*registry, SECURITY]):
            near = did_you_mean(value, types)
            raise ValueError(f"Use one of {', '.join(types)}.{near}")
    except ValueError as problem:
        raise InvalidFilter(f"{name}: {problem}", field=name) from None
    return value


def _read_cursor(value: str | None) -> events.LogPosition | None:
    """The position in the log after which to go on."""
    try:
        return events.LogPosition.parse(value) if value else None
    except ValueError:
        raise InvalidFilter(
            "This is no cursor of the log: send one that it gave.", field="cursor"
        ) from None


def _read_wait(value: str | None) -> float:
    """How long to wait for an event when there is none."""
    try:
        seconds = float(value or 0)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= LONGEST_WAIT:
        raise InvalidFilter(f"wait is a number of seconds from 0 to {LONGEST_WAIT}.", field="wait")
    return seconds


def _wait_for_page(
    question: pages.LogQuestion, after: events.LogPosition, size: int, seconds: float
) -> pages.LogPage:
    """A page as soon as there is something on it, or empty when the time is over."""
    page = question.read_page(after, size)
    if page.events or page.has_more or not seconds:
        return page
    until = time.monotonic() + seconds
    with thread_slots.reserve_for_waiting() as may_wait:
        while (
            may_wait
            and not (page.events or page.has_more)
            and (left := until - time.monotonic()) > 0
        ):
            time.sleep(min(LOOK_AGAIN, left))
            page = question.read_page(page.end, size)
    return page


def _count_visible(found: Any) -> tuple[int, bool]:
    """How many; for somebody who is limited, how many among as many as are counted at the most."""
    if visibility.visible_owner() is None:
        with timeouts.statement_timeout():
            return reads.count_records(found, everything=True)
    among = list(found.order_by().values_list("seq", flat=True)[: reads.COUNT_CAP + 1])
    return len(pages.visible_numbers(among)), len(among) <= reads.COUNT_CAP
