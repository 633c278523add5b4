"""Tells the followers of a watched list, if they still see its view: of records that they see, and not of
what they did themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headlessly.access import actors, tenancy
from headlessly.access.models import Membership
from headlessly.context import clock
from headlessly.declaration.registry import registry
from headlessly.log.events import Event
from headlessly.log.names import VIEW_ENTERED
from headlessly.notifications.models import Follower
from headlessly.notifications.sentences import ENTERED, LEFT, STOPPED
from headlessly.notifications.telling import Notice, tell

if TYPE_CHECKING:
    from headlessly.subscriptions.models import WatchedList

KIND = "view"


def followers_of(each: WatchedList) -> list[Membership]:
    """Returns the members who are told of a list."""
    view = each.view
    users = Follower.objects.filter(tenant=each.tenant_id, record=view.pk)
    found = Membership.objects.select_related("user").filter(
        tenant=each.tenant_id, user__in=users.values("user"), user__is_active=True
    )
    if not view.shared:
        found = found.filter(user=view.user_id)
    if each.person:
        found = found.filter(contact=each.person)
    members = list(found.order_by("user"))
    for member in members:
        member.tenant = tenancy.require()
    return members


def tell_followers(
    each: WatchedList, name: str, events: Sequence[Event], causes: Mapping[str, Any]
) -> None:
    """Tells the followers of the view which records came or went. There is one notification for each
    request, or each check by the clock."""
    notices = []
    happened = ENTERED if name == VIEW_ENTERED else LEFT
    by_clock = clock.now().isoformat()
    for member in followers_of(each):
        seen = _seen(member, each.view.noun, [event.target for event in events if event.target])
        for event in events:
            if event.target not in seen:
                continue
            cause = causes.get(event.target)
            by = f"{cause.actor}:{cause.request_id}" if cause else by_clock
            notices.append(
                Notice(
                    KIND,
                    member.user_id,
                    _occasion(each, happened, by),
                    event.actor,
                    record=event.target,
                    record_type=event.target_type,
                    excerpt=each.view.name,
                    adds_up=True,
                )
            )
    tell(notices)


def tell_stopped(each: WatchedList) -> None:
    """Tells the followers that the view is no longer watched."""
    occasion = _occasion(each, STOPPED, clock.now().isoformat())
    tell(
        [
            Notice(
                KIND,
                m.user_id,
                occasion,
                actors.SYSTEM.id,
                record_type=each.view.noun,
                excerpt=each.view.name,
            )
            for m in followers_of(each)
        ]
    )


def _occasion(each: WatchedList, happened: str, by: str) -> str:
    digest = hashlib.sha256(f"{each.person}:{by}".encode()).hexdigest()[:32]
    return f"{each.view_id}:{happened}:{digest}"


def _seen(member: Membership, noun: str, ids: list[str]) -> set[str]:
    """Returns which of these records a member sees."""
    with actors.acting(member.actor):
        return set(registry[noun].objects.filter(pk__in=ids).values_list("pk", flat=True))
