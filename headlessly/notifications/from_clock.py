"""Notifications by the clock, once a minute: due reminders, and deadlines that were missed.

Each tenant is checked from the time of its last check, so that nothing is missed while no worker runs.
Somebody is notified once of each moment of a record; one that is put off is due again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection, transaction
from procrastinate.contrib.django import app

from headlessly.access import actors
from headlessly.access.models import Membership, Tenant
from headlessly.background.jobs import one_of_many
from headlessly.context import clock
from headlessly.context.tenant_scope import every_tenant
from headlessly.database.prepared import execute_prepared, quoted_column
from headlessly.declaration.registry import registry
from headlessly.notifications import letters
from headlessly.notifications.models import Notification, NotificationReader
from headlessly.notifications.telling import Notice, tell

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field

#: How far back the first check of a tenant goes.
FIRST = timedelta(days=1)
#: How much further back than the last check each one goes: a reminder may be saved when its moment has
#: already been checked.
BACK = timedelta(minutes=5)
#: How long notifications are kept.
KEPT_FOR = timedelta(days=90)
#: A moment that stands for a whole day is due at its end.
DAY = timedelta(days=1)

#: The open records whose moment has come since the tenant's last check. ``{day}`` is added to a moment
#: that stands for a whole day.
DUE = """
SELECT t.id, x.id, x.person, x.moment
FROM headlessly_tenant AS t
LEFT JOIN headlessly_notificationreader AS k ON k.tenant_id = t.id
CROSS JOIN LATERAL (
    SELECT a.id, a.{owner} AS person, a.{moment} AS moment, {day} AS later
    FROM {table} AS a
    WHERE a.tenant_id = t.id AND a.deleted_at IS NULL AND a.{state} IN ({states})
      AND a.{owner} IS NOT NULL
      AND a.{moment} > {since} - {slack} AND a.{moment} <= %s
) AS x
WHERE x.moment + x.later > {since} AND x.moment + x.later <= %s
"""
#: The start of a tenant's check. It is never in the future, even if the clock was ahead for a while.
SINCE = "least(coalesce(k.ticked_at, %s), %s) - %s"


class Due(NamedTuple):
    """A record whose moment has come."""

    tenant: int
    id: str
    person: str
    moment: datetime
    kind: str = ""
    noun: str = ""


@app.periodic(cron="* * * * *")
@app.task(name="notifications.tick", queueing_lock="notifications.tick")
def tick(timestamp: int) -> None:
    """Notifies of everything that is due; once an hour sends the daily emails and deletes old
    notifications."""
    now = clock.now()
    tell_what_is_due(now)
    if timestamp // 60 % 60 == 0:
        with every_tenant():
            tenants = list(Tenant.objects.all())
        for tenant in tenants:
            with one_of_many(tenant):
                letters.defer_digests(now)
                old = Notification.objects.filter(tenant=tenant, created_at__lt=now - KEPT_FOR)
                old.delete()


def tell_what_is_due(now: datetime) -> None:
    """Notifies of all reminders and deadlines that are due at ``now``."""
    by_tenant: dict[int, list[Due]] = defaultdict(list)
    for each in _all_due(now):
        by_tenant[each.tenant].append(each)
    for pk, found in by_tenant.items():
        with every_tenant():
            tenant = Tenant.objects.filter(pk=pk).first()
        if tenant is None or tenant.is_closed:
            continue
        with one_of_many(tenant), transaction.atomic():
            NotificationReader.objects.get_or_create(tenant=tenant)
            members = Membership.objects.filter(
                tenant=tenant, contact__in={each.person for each in found}
            )
            users = dict(members.values_list("contact_id", "user_id"))
            tell(_new([_notice(each, users) for each in found if each.person in users]), at=now)
            NotificationReader.objects.filter(tenant=tenant).update(ticked_at=now)


def _notice(due: Due, users: Mapping[str, str]) -> Notice:
    return Notice(
        due.kind,
        users[due.person],
        f"{due.id}:{due.moment.isoformat()}",
        actors.SYSTEM.id,
        record=due.id,
        record_type=due.noun,
    )


def _new(notices: list[Notice]) -> list[Notice]:
    """Returns the notices that have not been told yet."""
    told = Notification.objects.filter(
        user__in={each.user for each in notices},
        kind__in={each.kind for each in notices},
        occasion__in={each.occasion for each in notices},
    ).values_list("user_id", "kind", "occasion")
    known = set(told) if notices else set()
    return [each for each in notices if (each.user, each.kind, each.occasion) not in known]


@every_tenant()
def _all_due(now: datetime) -> list[Due]:
    found = []
    for noun in registry.values():
        for kind, field in _moments(noun):
            rows = execute_prepared(*_due_statement(noun, field, now))
            found += [
                Due(tenant, id, person, moment, kind, noun.__name__)
                for tenant, id, person, moment in rows
            ]
    return found


def _moments(noun: type[Record]) -> list[tuple[str, Field]]:
    """Returns the fields of a noun's open records that have notifications, with their kinds."""
    schema, surface = noun.schema, noun.Surface
    if schema.owner is None or schema.machine is None or not hasattr(noun, "OPEN"):
        return []
    asked = (("reminder", surface.reminds), ("overdue", surface.due), *surface.tells.items())
    found = [(kind, schema.by_name[name]) for kind, name in asked if name]
    return [(kind, field) for kind, field in found if field.type == "datetime"]


def _due_statement(noun: Any, field: Field, now: datetime) -> tuple[str, list[Any]]:
    quote = connection.ops.quote_name
    is_day = quoted_column(noun, field.day_if) if field.day_if else ""
    sql = DUE.format(
        owner=quoted_column(noun, noun.schema.owner.name),
        moment=quoted_column(noun, field.name),
        table=quote(noun._meta.db_table),
        state=quoted_column(noun, noun.schema.machine.name),
        states=", ".join("%s" for _ in noun.OPEN),
        day=f"CASE WHEN a.{is_day} THEN interval '1 day' ELSE interval '0' END"
        if is_day
        else "interval '0'",
        slack="interval '1 day'" if is_day else "interval '0'",
        since=SINCE,
    )
    since = [now - FIRST, now, BACK]
    return sql, [*map(str, noun.OPEN), *since, now, *since, now]
