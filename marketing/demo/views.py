"""A view of the demo that is followed, and what came into it of late."""

from __future__ import annotations

from headlessly.access import actors, tenancy
from headlessly.access.models import Membership
from headlessly.context import clock
from headlessly.declaration.registry import registry
from headlessly.log.events import Event
from headlessly.log.names import OF, VIEW_ENTERED, VIEW_EVENTS
from headlessly.query.saved_views import View, save_view
from headlessly.subscriptions import following, members
from headlessly.subscriptions.members import Cause, Question
from headlessly.subscriptions.models import ListMember, WatchedList

NAME, QUERY = "Qualified leads", "status=Qualified&o=-score"
#: What follows by itself when a lead enters it.
AUTOMATION = "A lead is qualified"
#: How many of the leads that are there came while it was followed.
CAME = 3


def add_followed_view() -> None:
    """Whoever leads follows the qualified leads, and is told of the latest by whom they were qualified."""
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
    members.hold(tenant)
    members.compare(each, list(causes), causes, Question.of(each))
    _follow_by_itself(view, people)


def _follow_by_itself(view: View, people: list[Membership]) -> None:
    """The view is watched for other systems, and from now on an automation follows what enters it."""
    from crm import Rule

    with actors.acting(people[-1].actor):
        following.watch(view)
    # The last that happens in the year that is told.
    verbs = Event.objects.filter(target_type__in=list(registry)).exclude(name__in=VIEW_EVENTS)
    last = verbs.order_by("-seq")[0].timestamp
    with actors.acting(people[0].actor), clock.set_clock(last, purpose="demo"):
        Rule.create(
            name=AUTOMATION,
            kind="Automation",
            events=[f"{VIEW_ENTERED}{OF}{view.pk}"],
            condition={"type": "Lead", "filter": {"owner": {"$exists": True}}},
            steps=[{"notify": "owner", "text": "{{name}} is qualified: agree on the next step"}],
        )
