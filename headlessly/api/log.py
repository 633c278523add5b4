"""The log: the tenant's events, oldest first, to be followed by cursor; and tracking new ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import copy_context
from typing import Any

from django.db import connections, models, transaction
from rest_framework.request import Request

from headlessly.access import actors, tenancy, visibility
from headlessly.access.actor_names import find_actor
from headlessly.api import parameters
from headlessly.api.base import TenantViewSet, created_response
from headlessly.api.bodies import ApiResponse
from headlessly.api.tracking import track_event
from headlessly.database import timeouts
from headlessly.declaration import values
from headlessly.declaration.registry import registry
from headlessly.declaration.values import is_storable
from headlessly.errors import InvalidFilter, NotFound, did_you_mean
from headlessly.log import events, kept, pages
from headlessly.log.names import SECURITY
from headlessly.models import Event
from headlessly.nouns import Noun
from headlessly.query import cursors, reads, sorting
from headlessly.query.reads import BY_ONE
from headlessly.web.front.held_requests import HOLD, Question, Reading
from headlessly.webhooks import patterns

#: How long a reader may wait for the next event, in seconds. It is the front that waits
#: (:mod:`headlessly.web.front.held_requests`): without it, a page is answered at once.
LONGEST_WAIT = 25

#: A place in a list, as a cursor has it.
PLACE = sorting.SortKey("place", "integer", descending=False, nullable=False)

#: Parameters that name a column's value.
COLUMN_PARAMETERS = {
    "name": "name",
    "target": "target",
    "targetType": "target_type",
    "actor": "actor",
    "requestId": "request_id",
}
#: The actor of the request.
ME = "me"
#: The query parameters of a page of the log.
LOG_PARAMETERS = ("since", "until", *COLUMN_PARAMETERS, "cursor", "limit", "count")


class EventViewSet(TenantViewSet):
    """Events are read and, when they are not the record of a verb, tracked; never changed."""

    def list(self, request: Request) -> ApiResponse:
        asked = parameters.read_parameters(request.GET, (*LOG_PARAMETERS, "wait"))
        seconds = _read_wait(asked.pop("wait", None))
        first = _read_on(asked)
        hold = request._request.META.get(HOLD)
        if seconds and not first.is_answer and hold is not None:
            hold.question = _question(asked, first, seconds)
        return ApiResponse(content=first.content)

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
        return created_response(event.as_json(), f"events/{event.id}")


def find_event(id: str) -> Event:
    """The event with this id. Raises NotFound."""
    found = Event.objects.filter(id=id).first()
    if found is None:
        raise NotFound(f"There is no Event {id[:64]}.", type="Event", id=id[:64])
    return found


def record_history(noun: type[Noun], id: str, **page: Any) -> dict[str, Any]:
    """The events of one record, newest first; also of one that was deleted since. Raises NotFound."""
    if not is_storable(id):
        raise noun.not_found(id)
    found = paginate(events.record_history(noun, id), Event.as_json, of=id, **page)
    if not found["total"] and not _has_history_in_files(noun, id):
        raise noun.not_found(id)
    return found


def _has_history_in_files(noun: type[Noun], id: str) -> bool:
    """Whether the record may have events that were taken out to files."""
    if tenancy.require().past_begins is None:
        return False
    return noun.with_deleted.filter(pk=id).exists()


def _read_on(asked: Mapping[str, Any], after: events.LogPosition | None = None) -> Reading:
    """Returns a page of the log, after the position ``after`` if it is given."""
    found = list_events(asked if after is None else {**asked, "cursor": str(after)})
    is_answer = bool(found["results"] or found["hasMore"])
    return Reading(events.dump_json(found), events.LogPosition.parse(found["cursor"]), is_answer)


def _question(asked: Mapping[str, Any], first: Reading, seconds: float) -> Question:
    """Returns the question that the front holds for the actor. Actors who see the same events share it."""
    tenant, actor, here = tenancy.require(), actors.current(), copy_context()
    is_limited = visibility.visible_owner() is not None
    sees = actor.id if is_limited else actors.may_administer(actor)

    def read(after: events.LogPosition) -> Reading:
        try:
            return here.run(_read_on, asked, after)
        finally:
            connections.close_all()  # no request ends here that would

    key = (tenancy.context_url(), tenant.pk, sees, *sorted(asked.items()), first.position)
    return Question(tenant.pk, tenant.slug, key, seconds, first, read)


def list_events(asked: Mapping[str, Any]) -> dict[str, Any]:
    """One page of the log after its ``cursor``, oldest first.

    The cursor stands where the page ends, also when nothing was found: going on from it repeats nothing.
    """
    question = pages.LogQuestion(
        columns={
            column: _read_condition(name, asked[name])
            for name, column in COLUMN_PARAMETERS.items()
            if name in asked
        },
        since=reads.read_moment("since", asked.get("since") or None),
        until=reads.read_moment("until", asked.get("until") or None),
    )
    cursor, size = _read_cursor(asked.get("cursor")), reads.check_limit(asked.get("limit"))
    kept.refuse_before_kept(question.since, "since")
    kept.refuse_cursor_before_kept(cursor)
    counts = parameters.read_count(asked.get("count"))
    start = question.first_position()
    page = question.read_page(start if cursor is None else max(start, cursor), size)
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
    cursor: str | None = None,
    *,
    of: str = "",
) -> dict[str, Any]:
    """One page, as every list says it, with each as ``said`` says it.

    ``of`` says which ones these are, where there are several such lists: a cursor is of its own list. It is
    of the last one of its page; where ``found`` is in the order of an expression, of how many came before.
    """
    if cursor and offset:
        raise InvalidFilter(BY_ONE, field="cursor")
    size, start = reads.check_limit(limit), reads.check_offset(offset)
    columns = sorting.columns_of(found)
    mark = cursors.fingerprint(found.model.__name__, of)
    rest = found
    if cursor:
        _moment, row = cursors.decode_cursor(cursor, mark, columns or [PLACE])
        if columns:
            rest = found.filter(*cursors.conditions_after(columns, row))
        else:
            start = reads.check_offset(row[0])
    page = list(rest[start : start + size + 1])
    more = len(page) > size
    last = []
    if more:
        last = [column.value_of(page[size - 1]) for column in columns] or [start + size]
    total, exact = reads.count_records(found)
    return reads.Page(
        [said(each) for each in page[:size]], total, exact, more,
        cursors.encode_cursor(mark, None, last) if last else None,
    ).as_json()  # fmt: skip


def _read_condition(name: str, value: str) -> str:
    """The value of a column. Raises InvalidFilter for what no event of the log has."""
    try:
        values.check_storable(value)
        if name == "name":
            patterns.check_known_event(value)
        elif name == "targetType" and value not in (types := [*registry, SECURITY]):
            near = did_you_mean(value, types)
            raise ValueError(f"Use one of {', '.join(types)}.{near}")
        elif name == "actor":
            return actors.current().id if value == ME else find_actor(value)
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
    """Returns how many seconds to wait for an event. Raises InvalidFilter."""
    try:
        seconds = float(value or 0)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= LONGEST_WAIT:
        raise InvalidFilter(f"wait is a number of seconds from 0 to {LONGEST_WAIT}.", field="wait")
    return seconds


def _count_visible(found: Any) -> tuple[int, bool]:
    """How many; for somebody who is limited, how many among as many as are counted at the most."""
    if visibility.visible_owner() is None:
        with timeouts.statement_timeout():
            return reads.count_records(found, everything=True)
    among = list(found.order_by().values_list("seq", flat=True)[: reads.COUNT_CAP + 1])
    return len(pages.visible_numbers(among)), len(among) <= reads.COUNT_CAP
