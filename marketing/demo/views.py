"""The saved views of the demo: one that is followed, with leads that entered it lately, and reports."""

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
#: How many of its leads entered the view while it was followed.
CAME = 3


#: The reports on the pages of managers, by noun.
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
    """Put the same reports on the page of everybody who leads; one of them has saved them for all."""
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
    """Follow the qualified leads as everybody who leads, and notify them of the latest ones.

    The view is watched too, so that other programs can be notified.
    """
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
