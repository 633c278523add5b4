"""Notifications from the log: who was given a record, who was mentioned, and changes of followed records.

A commit that may concern somebody defers a job. If the job gets lost, and for bulk writes,
:func:`catch_up` finds out within a minute.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from headlessly.access import tenancy
from headlessly.access.models import Membership, Tenant
from headlessly.background import log_reading
from headlessly.background.jobs import job
from headlessly.context.tenant_scope import every_tenant
from headlessly.declaration.registry import registry
from headlessly.log.events import Event
from headlessly.log.names import VIEW_EVENTS
from headlessly.notifications import mentions
from headlessly.notifications.models import Follower, NotificationReader
from headlessly.notifications.telling import FRESH, Notice, tell

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Schema

COLUMNS = (
    *("id", "name", "target", "target_type", "actor", "timestamp"),
    *("data", "previous", "request_id"),
)


# -- that there is something to look at ------------------------------------------------------------


def look_after_append(tenant: Tenant, events: Sequence[Event], **_: Any) -> None:
    """Receives the log's signal: after the commit, defers the reading of events that may concern somebody."""
    oldest = timezone.now() - FRESH
    fresh = [event for event in events if event.timestamp >= oldest]
    if fresh and (tenant.has_followers or any(map(_may_concern, fresh))):
        transaction.on_commit(partial(defer_reading, tenant), robust=True)


def _may_concern(event: Event) -> bool:
    """Whether an event may concern somebody, judging by the event alone. It must be cheap, because it runs
    for every event."""
    noun = registry.get(event.target_type or "")
    if noun is None:
        return False
    schema: Schema = noun.schema
    data, changed = event.data or {}, _changed(noun, event)
    if (owner := schema.owner) is not None and owner.wire in changed and data.get(owner.wire):
        return True
    return any("@" in (data.get(wire) or "") for wire in schema.text_wires if wire in changed)


def defer_reading(tenant: Tenant, *, in_seconds: float = 0) -> None:
    """Defers the reading of a tenant's log. Call it after the commit, or the job may read too early."""
    log_reading.defer_reading(read_log, "notifications", tenant, in_seconds=in_seconds)


@app.periodic(cron="* * * * *")
@app.task(name="notifications.catch_up", queueing_lock="notifications.catch_up")
@every_tenant()
def catch_up(timestamp: int) -> None:
    """Finds events that no job has read, once a minute."""
    for tenant in log_reading.tenants_behind(NotificationReader):
        defer_reading(tenant)


# -- looking --------------------------------------------------------------------------------------


@job("notifications.read_log")
def read_log() -> None:
    """Notifies people of the events since the last time."""
    log_reading.read_pages(_read_page, defer_reading)


def _read_page(tenant: Tenant) -> tuple[bool, bool]:
    """Reads one page of the log. Returns the result of :meth:`LogReader.move_past`."""
    NotificationReader.objects.get_or_create(tenant=tenant)
    readers = NotificationReader.objects.filter(tenant=tenant)
    reader = readers.select_for_update(no_key=True).get()
    page, oldest = reader.next_events(COLUMNS), timezone.now() - FRESH
    if fresh := [event for event in page if event.timestamp >= oldest]:
        tell(notices_of(fresh, tenant))
    return reader.move_past(page)


def _is_quiet(noun: type[Record], event: Any) -> bool:
    """Whether an event does not matter to followers: the product counted something by itself."""
    verb = noun.schema.verbs_by_event.get(event.name)
    return verb is not None and verb.quiet


def notices_of(events: Sequence[Any], tenant: Tenant) -> list[Notice]:
    """Returns the notices for the people whom these events concern."""
    told = [(event, noun) for event in events if (noun := registry.get(event.target_type or ""))]
    given = [(event, person) for event, noun in told if (person := _new_owner(noun, event))]
    users = _users_of({person for _event, person in given})
    found = [
        _notice("assigned", users[person], event, event.id, overflows=True)
        for event, person in given
        if person in users
    ]
    written = [(event, text) for event, noun in told if (text := _text_with_mention(noun, event))]
    if written:
        members = mentions.members_by_name()
        found += [
            _notice("mentioned", user, event, event.id, excerpt=text)
            for event, text in written
            for user in mentions.mentioned_users(text, members)
        ]
    if tenant.has_followers:
        followers = Follower.objects.filter(record__in={event.target for event, _noun in told})
        by_record: dict[str, list[str]] = {}
        for record, user in followers.values_list("record", "user_id"):
            by_record.setdefault(record, []).append(user)
        found += [
            _notice("followed", user, event, f"{event.request_id or event.id}:{event.target}")
            for event, noun in told
            if not _is_quiet(noun, event) and event.name not in VIEW_EVENTS
            for user in by_record.get(event.target, ())
        ]
    return found


def _notice(kind: str, user: str, event: Any, occasion: str, **more: Any) -> Notice:
    return Notice(
        kind,
        user,
        occasion,
        event.actor,
        record=event.target,
        record_type=event.target_type,
        at=event.timestamp,
        **more,
    )


def _users_of(contacts: set[str]) -> dict[str, str]:
    """Returns users by the contacts that they are linked to."""
    if not contacts:
        return {}
    found = Membership.objects.filter(tenant=tenancy.require(), contact__in=contacts)
    return {
        contact: user for contact, user in found.values_list("contact_id", "user_id") if contact
    }


def _new_owner(noun: type[Record], event: Any) -> str | None:
    """Returns the person whom an event made the owner of its record, or None."""
    owner = noun.schema.owner
    if owner is None or owner.wire not in _changed(noun, event):
        return None
    return (event.data or {}).get(owner.wire)


def _text_with_mention(noun: type[Record], event: Any) -> str:
    """Returns the texts of an event in which somebody may be mentioned."""
    data, changed = event.data or {}, _changed(noun, event)
    texts = (data.get(wire) or "" for wire in noun.schema.text_wires if wire in changed)
    return "\n".join(text for text in texts if "@" in text)


def _changed(noun: type[Record], event: Any) -> Iterable[str]:
    """Returns the wire names of the fields that an event set; for a new record all of its fields."""
    verb = noun.schema.verbs_by_event.get(event.name)
    if verb is not None and (verb.creates or event.previous is None):
        return (event.data or {}).keys()
    return (event.previous or {}).keys()
