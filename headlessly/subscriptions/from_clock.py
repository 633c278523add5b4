"""Records that enter and leave watched lists as time passes: once a minute the lists that are due are
compared.

The current contents of a list are compared with its members in one statement that only reads. The few
differences are checked again, and told, in the short transaction that writes.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef
from procrastinate.contrib.django import app

from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.background import log_reading
from headlessly.background.jobs import job
from headlessly.context import clock, tracing
from headlessly.context.tenant_scope import every_tenant
from headlessly.declaration.registry import registry
from headlessly.subscriptions import members
from headlessly.subscriptions.following import renew, tidy
from headlessly.subscriptions.from_log import defer_reading
from headlessly.subscriptions.members import ListQuestion
from headlessly.subscriptions.models import ListReader, WatchedList

#: How many records are told in one transaction.
PAGE = 500


@app.periodic(cron="* * * * *")
@app.task(name="subscriptions.tick", queueing_lock="subscriptions.tick")
@every_tenant()
def tick(timestamp: int) -> None:
    """Defers the comparison of due lists, and the reading of events that no job has read, once a minute."""
    for tenant in log_reading.tenants_behind(ListReader):
        if tenant.has_watched_views:
            defer_reading(tenant)
    due = WatchedList.objects.filter(tenant=OuterRef("pk"), due_at__lte=clock.now())
    for tenant in Tenant.not_closed().filter(Exists(due), has_watched_views=True):
        with tenancy.active(tenant), actors.acting(actors.SYSTEM), tracing.request_id_scope():
            sweep.defer(once=f"subscriptions:sweep:{tenant.pk}")


@job("subscriptions.sweep")
def sweep() -> None:
    """Compares the lists of the active tenant that are due."""
    tenant, now = tenancy.require(), clock.now()
    tidy(tenant)
    for each in members.watched_lists(tenant):
        if each.due_at <= now and each.view.noun in registry:
            compare_all(each)


def compare_all(each: WatchedList) -> None:
    """Compares the contents of a list with its members. A list that was stopped, or whose query has
    changed, starts anew."""
    with members.stopping_at_problems(each):
        if each.problem or each.query != each.view.query:
            members.lock_reader(tenancy.require())
            if not renew(each):
                members.stop_watching(each, members.TOO_MANY)
            return
        question = ListQuestion.of_list(each)
    if each.problem:
        return
    ids: list[str] = []
    with members.stopping_at_problems(each):
        ids = question.find_differences(members.members_of(each))
    for start in range(0, len(ids), PAGE):
        with transaction.atomic():
            members.lock_reader(tenancy.require())
            with members.stopping_at_problems(each):
                members.compare_members(each, ids[start : start + PAGE], {}, question)
        if each.problem:
            return
    if not each.problem:
        due = question.due_after(clock.now())
        WatchedList.objects.filter(pk=each.pk, tenant=each.tenant_id).update(due_at=due)
