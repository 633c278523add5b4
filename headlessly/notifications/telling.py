"""Notifies people: those who want it, may see its subject, and did not do it themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.text import Truncator

from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, Membership
from headlessly.context import clock
from headlessly.database.prepared import execute_prepared
from headlessly.declaration.registry import registry
from headlessly.ids import public_id
from headlessly.notifications import folding, kinds
from headlessly.notifications.models import Notification

#: How many seconds an email waits for more notifications of the same moment.
GATHERED_FOR = 60

#: Older events are no news: imported history, and what another installation already told.
FRESH = timedelta(days=1)

#: The same occasion is only counted, and keeps its place.
TELL = """
INSERT INTO headlessly_notification
    (id, tenant_id, user_id, kind, occasion, count, record, record_type, actor, excerpt,
     in_browser, by_mail, created_at, part_of)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, user_id, kind, occasion)
DO UPDATE SET count = headlessly_notification.count + %s
RETURNING (xmax = 0)
"""


@dataclass
class Notice:
    """A notification to be made."""

    kind: str
    user: str
    occasion: str
    actor: str
    record: str | None = None
    record_type: str | None = None
    excerpt: str = ""
    count: int = 1
    #: Whether the same occasion is counted again; otherwise it is ignored.
    adds_up: bool = False
    #: Whether it is only counted if its row is full (:data:`.folding.MOST`). Its occasion must occur only
    #: once.
    overflows: bool = False
    at: datetime | None = None  #: when it happened, if known


@transaction.atomic(savepoint=False)
def tell(notices: Sequence[Notice], *, at: datetime | None = None) -> int:
    """Notifies people of the active tenant, in the current transaction. Returns the number of new
    notifications.

    Left out are those who want it nowhere, who are no members, who did it themselves, and who may not see
    the record.
    """
    tenant, now = tenancy.require(), at or clock.now()
    asked = list(_merged(notices))
    if not asked or now < timezone.now() - FRESH:
        return 0
    members = {
        each.user_id: each
        for each in Membership.objects.select_related("user").filter(
            tenant=tenant, user__in={notice.user for notice in asked}, user__is_active=True
        )
    }
    persons = _persons_of_keys(notice.actor for notice in asked)
    asked = [
        notice
        for notice in asked
        if notice.user in members and persons.get(notice.actor, notice.actor) != notice.user
    ]
    if not asked:
        return 0
    hidden = _hidden(asked, members)
    told, mailed = 0, set()
    rows = folding.Rows({notice.user for notice in asked}, now)
    for notice in asked:
        if (notice.user, notice.record) in hidden:
            continue
        member = members[notice.user]
        in_browser = kinds.wants_kind(member, notice.kind, kinds.BROWSER)
        by_mail = settings.MAIL_IS_SET_UP and kinds.wants_kind(member, notice.kind, kinds.MAIL)
        if not (in_browser or by_mail):
            continue
        key = folding.fold_key(
            *(notice.user, notice.kind, notice.record_type, notice.occasion, notice.actor),
            in_browser=in_browser,
        )
        if notice.overflows and rows.count(key, notice.count):
            continue
        is_new = _write(notice, rows, key, in_browser=in_browser, by_mail=by_mail, now=now)
        told += is_new
        if is_new and by_mail and kinds.digest_hour(member) is None:
            mailed.add(notice.user)
    rows.save()
    _defer_letters(mailed)
    return told


def forget(tenant: int, kind: str, about: str) -> None:
    """Deletes the notifications about something that is no record and has been deleted."""
    told = Notification.objects.filter(tenant=tenant, kind=kind)
    told.filter(occasion__startswith=f"{about}:").delete()


def _write(
    notice: Notice,
    rows: folding.Rows,
    key: folding.FoldKey | None,
    *,
    in_browser: bool,
    by_mail: bool,
    now: datetime,
) -> bool:
    """Saves a notification in its row. Returns whether it is new."""
    row, id = rows.find(key), public_id(Notification.prefix)
    excerpt = Truncator(" ".join(notice.excerpt.split())).chars(200)
    more = notice.count if notice.adds_up else 0
    ((is_new,),) = execute_prepared(
        TELL,
        (
            *(id, tenancy.require().pk, notice.user, notice.kind),
            *(notice.occasion, notice.count, notice.record, notice.record_type, notice.actor),
            *(excerpt, in_browser, by_mail, notice.at or now, row and row.id, more),
        ),
    )
    if is_new and row is not None:
        row.new += 1
    elif is_new:
        rows.begin(key, id)
    return bool(is_new)


def _defer_letters(users: Collection[str]) -> None:
    from headlessly.notifications.letters import mail_notifications

    tenant = tenancy.require()
    at = timezone.now() + timedelta(seconds=GATHERED_FOR)
    with actors.acting(actors.SYSTEM):
        for user in sorted(users):
            mail_notifications.defer(at=at, once=f"notices:{tenant.pk}:{user}", user=user)


def _merged(notices: Iterable[Notice]) -> Iterable[Notice]:
    """Merges notices of the same occasion."""
    found: dict[tuple[str, str, str], Notice] = {}
    for notice in notices:
        key = (notice.user, notice.kind, notice.occasion)
        if (known := found.get(key)) is None:
            found[key] = notice
        elif notice.adds_up:
            known.count += notice.count
    return found.values()


def _persons_of_keys(ids: Iterable[str]) -> dict[str, str]:
    """Returns the owners of the keys among these actors."""
    keys = {id for id in ids if id.startswith(f"{ApiKey.prefix}_")}
    if not keys:
        return {}
    found = ApiKey.objects.filter(tenant=tenancy.require(), pk__in=keys, user__isnull=False)
    return dict(found.values_list("pk", "user_id"))


def _hidden(
    notices: Iterable[Notice], members: dict[str, Membership]
) -> set[tuple[str, str | None]]:
    """Returns the pairs of user and record where the user may not see the record."""
    tenant = tenancy.require()
    asked: dict[tuple[str, str], set[str]] = defaultdict(set)
    for notice in notices:
        if notice.record is not None and notice.record_type in registry:
            asked[notice.user, notice.record_type].add(notice.record)
    hidden: set[tuple[str, str | None]] = set()
    for (user, name), ids in asked.items():
        member = members[user]
        member.tenant = tenant
        with actors.acting(member.actor):
            seen = set(registry[name].objects.filter(pk__in=ids).values_list("pk", flat=True))
        hidden |= {(user, id) for id in ids - seen}
    return hidden


def tell_everybody_of(kind: str, occasion: str, *, excerpt: str = "", actor: str = "") -> int:
    """Notifies all members of the active tenant who may get this kind."""
    roles = kinds.KINDS[kind].roles
    found = Membership.objects.filter(tenant=tenancy.require(), role__in=roles)
    users = found.order_by("user").values_list("user", flat=True)
    actor = actor or actors.SYSTEM.id
    return tell([Notice(kind, user, occasion, actor, excerpt=excerpt) for user in users])
