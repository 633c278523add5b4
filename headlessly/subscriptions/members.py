"""The members of watched lists: reads them, compares them with the current contents, and tells the
difference.

All of this runs in a transaction that holds the tenant's :class:`~.models.ListReader`
(:func:`lock_reader`). Members, events and notifications are written together: whatever is killed, and
however many workers there are, a record that entered is told once, and again only after it left.

A list is read with everything that the tenant has, with days in UTC. Who is told of a record is decided
for each person (:mod:`.telling`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import DataError, models, transaction
from django.utils import timezone

from headlessly.access import actors
from headlessly.access.actors import Actor
from headlessly.access.models import Tenant
from headlessly.context import clock
from headlessly.database import timeouts
from headlessly.declaration.registry import registry
from headlessly.errors import HeadlesslyError
from headlessly.ids import public_id
from headlessly.log.events import LOG_START, Event, append_events
from headlessly.log.names import VIEW_ENTERED, VIEW_LEFT
from headlessly.log.pages import end_of_log
from headlessly.query import filters, list_address
from headlessly.query.scope import Scope
from headlessly.subscriptions.models import ListMember, ListReader, WatchedList
from headlessly.subscriptions.reach import Reach, reach_of
from headlessly.subscriptions.telling import tell_followers, tell_stopped

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: How many records a watched list may have.
MOST = 10_000
TOO_MANY = f"This list has more than {MOST:,} records: narrow it, and it is looked at again."
#: After how long a whole list is compared: one that changes with time or by distant records, and any
#: other.
SOON, SOMETIME = timedelta(minutes=5), timedelta(hours=1)


class Cause(NamedTuple):
    """The event that made a record enter or leave."""

    id: str
    actor: str
    request_id: str


def lock_reader(tenant: Tenant) -> ListReader:
    """Returns the tenant's position in the log, locked until the commit. A new one starts at the end of
    the log, and all lists are compared."""
    readers = ListReader.objects.filter(tenant=tenant)
    if (found := readers.select_for_update(no_key=True).first()) is not None:
        return found
    ListReader.objects.get_or_create(tenant=tenant)
    held = readers.select_for_update(no_key=True).get()
    if held.position == LOG_START:
        skip_to_end_of_log(tenant)
        WatchedList.objects.filter(tenant=tenant).update(due_at=clock.now())
    return readers.get()


def skip_to_end_of_log(tenant: Tenant) -> None:
    """Moves to the end of the log, because earlier events concern no list."""
    xid, seq = end_of_log()
    ListReader.objects.filter(tenant=tenant).update(xid=xid, seq=seq)


class ListQuestion:
    """The query of a watched list. Raises InvalidFilter if it is no longer valid."""

    def __init__(self, noun: type[Record], query: str, person: str = "") -> None:
        self.noun = noun
        self._actor = Actor(
            actors.SYSTEM.id, actors.SYSTEM.name, actors.ADMIN, contact_id=person or None
        )
        with self._asked():
            self._filter = list_address.filter_of_query(noun, query)
            self._condition = filters.compile_filter(noun, self._filter)

    @classmethod
    def of_list(cls, each: WatchedList) -> ListQuestion:
        return cls(registry[each.view.noun], each.view.query, each.person)

    @property
    def reach(self) -> Reach:
        with self._asked():
            return reach_of(self.noun, self._filter)

    def due_after(self, now: datetime) -> datetime:
        return now + (SOON if self.reach.moves else SOMETIME)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        with actors.acting(self._actor), timezone.override("UTC"):
            yield

    def _found(self) -> models.QuerySet[Any]:
        return Scope(self.noun).queryset().filter(self._condition).order_by()

    def first_ids(self) -> list[str]:
        """Returns the ids that it finds, up to one more than allowed. Raises TooSlow."""
        with self._asked(), transaction.atomic(), timeouts.statement_timeout():
            return list(self._found().values_list("pk", flat=True)[: MOST + 1])

    def find_among(self, ids: Collection[str]) -> set[str]:
        """Returns which of these records it finds. Raises TooSlow."""
        with self._asked(), transaction.atomic(), timeouts.statement_timeout():
            return set(self._found().filter(pk__in=ids).values_list("pk", flat=True))

    def find_differences(self, members: models.QuerySet[ListMember]) -> list[str]:
        """Returns records that it finds and that are no members, up to one more than allowed, and members
        that it does not find, in one statement. Raises TooSlow."""
        with self._asked(), transaction.atomic(), timeouts.statement_timeout():
            found = self._found()
            came = found.exclude(pk__in=members.values("record")).values_list("pk")
            went = members.exclude(record__in=found.values("pk")).values_list("record")
            return [id for (id,) in came[: MOST + 1].union(went, all=True)]


def members_of(each: WatchedList) -> models.QuerySet[ListMember]:
    return ListMember.objects.filter(tenant=each.tenant_id, list=each)


# -- within a transaction that holds the reader ----------------------------------------------------


def note_members(each: WatchedList, question: ListQuestion) -> bool:
    """Stores the current contents of the list without telling anybody. Returns whether the list is small
    enough."""
    members_of(each).delete()
    ids = question.first_ids()
    if len(ids) > MOST:
        return False
    ListMember.objects.bulk_create(
        [ListMember(tenant_id=each.tenant_id, list=each, record=id) for id in ids],
        batch_size=2_000,
    )
    each.query, each.problem = each.view.query, ""
    each.due_at = question.due_after(clock.now())
    each.save()
    return True


def compare_members(
    each: WatchedList, ids: Collection[str], causes: Mapping[str, Cause], question: ListQuestion
) -> None:
    """Writes and tells which of these records have entered or left the list."""
    if not ids:
        return
    found = question.find_among(ids)
    known = set(members_of(each).filter(record__in=ids).values_list("record", flat=True))
    came, went = sorted(found - known), sorted(known - found)
    if came and members_of(each).count() + len(came) - len(went) > MOST:
        stop_watching(each, TOO_MANY)
        return
    members_of(each).filter(record__in=went).delete()
    ListMember.objects.bulk_create(
        [ListMember(tenant_id=each.tenant_id, list=each, record=id) for id in came]
    )
    for name, records in ((VIEW_ENTERED, came), (VIEW_LEFT, went)):
        if records:
            events = [_event(each, name, id, causes.get(id)) for id in records]
            append_events(events)
            tell_followers(each, name, events, causes)


def _event(each: WatchedList, name: str, record: str, cause: Cause | None) -> Event:
    view = each.view
    data: dict[str, Any] = {"view": view.pk}
    if view.shared:  # the name of a private view stays private
        data["viewName"] = view.name
    if each.person:
        data["person"] = each.person
    return Event(
        id=public_id(Event.prefix),
        tenant_id=each.tenant_id,
        name=name,
        target=record,
        target_type=view.noun,
        actor=cause.actor if cause else actors.SYSTEM.id,
        timestamp=clock.now(),
        data=data,
        cause=cause.id if cause else None,
        # Not the cause's request: undoing that must not undo this.
        request_id=public_id("req"),
    )


def stop_watching(each: WatchedList, problem: str) -> None:
    """Stops watching a list until it works again. Its followers are told once."""
    members_of(each).delete()
    was, each.problem = each.problem, problem
    each.due_at = clock.now() + SOMETIME
    each.save(update_fields=["problem", "due_at"])
    if not was:
        tell_stopped(each)


@contextmanager
def stopping_at_problems(each: WatchedList) -> Iterator[None]:
    """Runs the block for a list. A list that is no longer valid, or too slow, is stopped and does not hold
    up others."""
    try:
        with transaction.atomic():
            yield
    except (HeadlesslyError, DataError) as problem:
        stop_watching(each, getattr(problem, "message", "") or str(problem).partition("\n")[0])


def watched_lists(tenant: Tenant) -> list[WatchedList]:
    """Returns the lists of the active tenant with their views."""
    found = WatchedList.objects.filter(tenant=tenant)
    return list(found.select_related("view").order_by("pk"))
