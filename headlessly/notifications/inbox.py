"""A person's notifications, for all surfaces, and which of them are read.

They belong to the person who is signed in, or whose key is used. Their texts are made with what that
person may see.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, Membership
from headlessly.errors import Forbidden, Invalid, InvalidFilter, NotFound, did_you_mean
from headlessly.notifications import kinds, wording
from headlessly.notifications.models import Notification

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def require_member() -> Membership:
    """Returns the membership of the acting person, or of the key's owner. Raises Forbidden for a key
    without a person."""
    tenant, actor = tenancy.require(), actors.current()
    user: str | None = actor.id
    if actor.is_key:
        key = ApiKey.objects.filter(tenant=tenant, pk=actor.id)
        user = key.values_list("user", flat=True).first()
    found = Membership.objects.select_related("user").filter(tenant=tenant, user=user).first()
    if found is None:
        raise Forbidden(
            "Notifications are told to people, and this key is nobody's: use one that a member made for "
            "themselves.",
            type="Notification",
        )
    found.tenant = tenant
    return found


def notifications_of(user: str) -> models.QuerySet[Notification]:
    """Returns all notifications of somebody's bell, the newest first."""
    found = Notification.objects.filter(user=user, in_browser=True)
    return found.order_by("-created_at", "-id")


def rows_of(user: str) -> models.QuerySet[Notification]:
    """Returns the rows of somebody's bell, the newest first; similar ones are one row (see
    :mod:`.folding`)."""
    return notifications_of(user).filter(part_of=None)


def narrow_notifications(
    found: models.QuerySet[Notification],
    *,
    unread: bool = False,
    kind: Sequence[str] = (),
    since: datetime | None = None,
) -> models.QuerySet[Notification]:
    """Filters notifications by unread, kinds and time. Raises InvalidFilter for an unknown kind."""
    if unknown := [name for name in kind if name not in kinds.KINDS]:
        raise InvalidFilter(f"kind: {_no_such_kind(unknown[0], kinds.KINDS)}", field="kind")
    if unread:
        found = found.filter(read_at=None)
    if kind:
        found = found.filter(kind__in=kind)
    if since is None:
        return found
    # An older row counts if a part was added since.
    parts = Notification.objects.filter(
        tenant=models.OuterRef("tenant"), part_of=models.OuterRef("pk"), created_at__gte=since
    )
    return found.filter(models.Q(created_at__gte=since) | models.Exists(parts))


def notifications_after(
    found: models.QuerySet[Notification], user: str, id: str
) -> models.QuerySet[Notification] | None:
    """Returns the notifications after the one with this id, which need not be among them; None if it is
    not theirs."""
    last = notifications_of(user).filter(pk=id).values_list("created_at", "id").first()
    if last is None:
        return None
    return found.filter(created_at__lte=last[0]).exclude(created_at=last[0], id__gte=last[1])


def lines_for(member: Membership, found: Sequence[Notification]) -> list[wording.Line]:
    """Returns notifications in words, without those about records that the member no longer sees."""
    with actors.acting(member.actor):
        return wording.lines_of(found)


def find_line(member: Membership, id: str) -> wording.Line:
    """Returns one notification in words. Raises NotFound, also for somebody else's and for one about a
    hidden record."""
    found = list(notifications_of(member.user_id).filter(pk=id))
    if not (lines := lines_for(member, found)):
        raise NotFound(f"There is no Notification {id[:64]}.", type="Notification", id=id[:64])
    return lines[0]


def mark_read(user: str, id: str = "", *, read: bool = True, alone: bool = False) -> int:
    """Marks all notifications as read or unread, or the one with this ``id`` and its parts. ``alone`` is
    the first of a row by itself, without its parts. Returns the number of changed rows.

    A row is locked before its parts are read: a notification that is just being added to it is either
    marked with it, or starts a row of its own.
    """
    at = timezone.now() if read else None
    with transaction.atomic():
        if id and (part := notifications_of(user).filter(pk=id, part_of__isnull=False).first()):
            return _mark_part(user, part, at)
        rows = rows_of(user).filter(read_at__isnull=read)
        if id:
            rows = rows.filter(pk=id)
        found = list(rows.select_for_update(no_key=True).values_list("pk", "parts"))
        here = notifications_of(user).order_by()
        if alone and found and found[0][1]:
            here.filter(pk=id).update(first_read_at=at)
            return _settle(user, id)
        several = [pk for pk, parts in found if parts]
        if several and read:
            below = here.filter(part_of__in=several, read_at=None) if id else here
            below.filter(part_of__isnull=False, read_at=None).update(read_at=at)
        return here.filter(pk__in=[pk for pk, _parts in found]).update(read_at=at)


def _mark_part(user: str, part: Notification, at: datetime | None) -> int:
    """Marks a part as read or unread. The row is read when its last part is."""
    here = notifications_of(user).order_by()
    row = list(here.filter(pk=part.part_of).select_for_update(no_key=True))
    changed = here.filter(pk=part.pk, read_at__isnull=at is not None).update(read_at=at)
    if at is None:
        # The row's own notification keeps its state.
        here.filter(pk__in=[each.pk for each in row]).update(
            first_read_at=Coalesce("first_read_at", "read_at"), read_at=None
        )
    elif part.part_of is not None:
        _settle(user, part.part_of)
    return changed


def _settle(user: str, id: str) -> int:
    """Marks a locked row as read if all of it is. Returns the number of rows marked."""
    here = notifications_of(user).order_by()
    if here.filter(part_of=id, read_at=None).exists():
        return 0
    own = here.filter(pk=id, first_read_at__isnull=False, read_at=None)
    return own.update(read_at=timezone.now())


# -- what one wants -------------------------------------------------------------------------------


def preferences_of(member: Membership) -> dict[str, dict[str, bool]]:
    """Returns the channels of each kind that a member may get."""
    return {
        kind.name: {
            channel: kinds.wants_kind(member, kind.name, channel) for channel in kinds.CHANNELS
        }
        for kind in kinds.kinds_of(member)
    }


def change_preferences(
    member: Membership, chosen: Mapping[str, Mapping[str, bool]], **digest: int | None
) -> None:
    """Changes a member's choices of kinds and channels, and with ``digest`` the hour of the daily email.
    Parallel changes do not overwrite each other."""
    with transaction.atomic():
        here = Membership.objects.select_for_update().filter(tenant=member.tenant_id, pk=member.pk)
        member.notifications = here.values_list("notifications", flat=True).get()
        for kind, channels in chosen.items():
            for channel, value in channels.items():
                kinds.choose_kind(member, kind, channel, value)
        if "digest" in digest:
            kinds.choose_digest(member, digest["digest"])
        member.save(update_fields=["notifications"])


def check_choices(member: Membership, chosen: Mapping[str, Mapping[str, bool]]) -> None:
    """Raises Invalid with an error for each kind that the member never gets, and each unknown channel."""
    known = [kind.name for kind in kinds.kinds_of(member)]
    problems = {}
    for kind, channels in chosen.items():
        if kind not in known:
            problems[f"kinds.{kind[:64]}"] = _no_such_kind(kind, known)
            continue
        for channel, value in channels.items():
            name = f"kinds.{kind}.{channel[:64]}"
            if channel not in kinds.CHANNELS:
                problems[name] = f"Channels: {', '.join(kinds.CHANNELS)}."
            elif not isinstance(value, bool):
                problems[name] = "This is true or false."
    if problems:
        raise Invalid.for_fields(problems, type="NotificationPreferences")


def _no_such_kind(name: str, known: Iterable[str]) -> str:
    known = list(known)
    return f"There is no {name[:64]!r}.{did_you_mean(name, known)} Kinds: {', '.join(known)}."
