"""The views of the demo that are saved: one that is followed, with what came into it of late, and reports."""

from __future__ import annotations

from headlessly.access import actors, tenancy
from headlessly.access.models import Membership
from headlessly.declaration.registry import registry
from headlessly.log.events import Event
from headlessly.query.saved_views import REPORT, View, pin_report, save_view
from headlessly.subscriptions import following, members
from headlessly.subscriptions.members import Cause, ListQuestion
from headlessly.subscriptions.models import ListMember, WatchedList

NAME, QUERY = "Qualified leads", "status=Qualified&o=-score"
#: How many of the leads that are there came while it was followed.
CAME = 3


#: What whoever leads has on their page, by the noun it is about.
REPORTS = {
    "Deal": (
        (
            "Open deals by stage and owner",
            "stage=Prospecting,Qualification,Proposal,Negotiation&groupBy=stage,owner"
            "&measures=sum(value),count&as=table",
        ),
        ("Won, month by month", "stage=Won&over=month(wonAt)&measures=sum(value)&as=line"),
    ),
    "Lead": (
        ("What each source brings", "groupBy=source&measures=count,avg(score)&as=bars"),
        ("Why leads are lost", "status=Lost&groupBy=lostReason&measures=count&as=bars"),
    ),
}


def _who_leads() -> list[Membership]:
    tenant = tenancy.require()
    leading = Membership.objects.select_related("user").filter(
        tenant=tenant, role__in=(actors.ADMIN, actors.MANAGER)
    )
    people = list(leading.order_by("role", "pk"))
    for member in people:
        member.tenant = tenant
    return people


def add_reports() -> None:
    """Whoever leads has the same reports on their page, which one of them has saved for all."""
    people = _who_leads()
    with actors.acting(people[-1].actor):
        saved = [
            save_view(registry[noun], name, query, shared=True, kind=REPORT)
            for noun, reports in REPORTS.items()
            for name, query in reports
        ]
    for member in people:
        with actors.acting(member.actor):
            for view in saved:
                pin_report(view)


def add_followed_view() -> View:
    """Whoever leads follows the qualified leads, and is told of the latest by whom they were qualified. Their
    view is watched too, so that other programs may be told."""
    from crm import Lead

    tenant, people = tenancy.require(), _who_leads()
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
