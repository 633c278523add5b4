"""A view of the demo that is followed, and what came into it of late."""

from __future__ import annotations

from headlessly.access import actors, tenancy
from headlessly.access.models import Membership
from headlessly.log.events import Event
from headlessly.query.saved_views import View, save_view
from headlessly.subscriptions import following, members
from headlessly.subscriptions.members import Cause, ListQuestion
from headlessly.subscriptions.models import ListMember, WatchedList

NAME, QUERY = "Qualified leads", "status=Qualified&o=-score"
#: How many of the leads that are there came while it was followed.
CAME = 3


def add_followed_view() -> View:
    """Whoever leads follows the qualified leads, and is told of the latest by whom they were qualified. Their
    view is watched too, so that other programs may be told."""
    from crm import Lead

    tenant = tenancy.require()
    leading = Membership.objects.select_related("user").filter(
        tenant=tenant, role__in=(actors.ADMIN, actors.MANAGER)
    )
    people = list(leading.order_by("role", "pk"))
    for member in people:
        member.tenant = tenant
    with actors.acting(people[-1].actor):
        view = save_view(Lead, NAME, QUERY, shared=True)
        following.watch(view)
    for member in people:
        following.follow(view, member)
    each = WatchedList.objects.select_related("view").get(tenant=tenant, view=view)
    there = ListMember.objects.filter(tenant=tenant, list=each)
    moved = Event.objects.filter(
        target__in=there.values("record"),
        name="Lead.Updated",
        previous__has_key="status",
        data__status=Lead.Status.QUALIFIED,
    )
    came = list(moved.order_by("-seq")[:CAME])
    there.filter(record__in=[event.target for event in came]).delete()
    causes = {
        event.target: Cause(event.id, event.actor, event.request_id)
        for event in came
        if event.target
    }
    members.lock_reader(tenant)
    members.compare_members(each, list(causes), causes, ListQuestion.of_list(each))
    return view
