"""Notifications by mail: many of one moment in one letter, or all of a day at the hour that somebody chose.

What is mailed is noted in the transaction in which it was sent: a worker that is killed between the two sends
it again, under the same Message-ID, so that a mailbox may tell.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from headlessly.access import actors, tenancy
from headlessly.access.models import Membership
from headlessly.accounts.mail import AGAIN, Paragraph, send_letter
from headlessly.background.jobs import job
from headlessly.language.languages import ENGLISH, time_zone_names
from headlessly.notifications import inbox, kinds, wording
from headlessly.notifications.models import Notification

#: As many are told in one letter; of more it says how many.
MOST = 50
_signer = signing.Signer(salt="headlessly.notifications")


@job("notifications.mail", retry=AGAIN)
def mail_notifications(user: str) -> None:
    """Send a member what is to be sent to them, in one letter."""
    tenant = tenancy.require()
    member = Membership.objects.select_related("user").filter(tenant=tenant, user=user).first()
    if member is None or not member.user.is_active or not settings.MAIL_IS_SET_UP:
        return
    member.tenant = tenant
    with transaction.atomic():
        waiting = Notification.objects.filter(
            tenant=tenant, user=user, by_mail=True, mailed_at=None
        )
        found = list(waiting.order_by("created_at", "id").select_for_update(no_key=True))
        Notification.objects.filter(tenant=tenant, pk__in=[each.pk for each in found]).update(
            mailed_at=timezone.now()
        )
        # Read in the browser meanwhile: known already.
        told = [each for each in found if each.read_at is None]
        with (
            translation.override(member.user.language or ENGLISH),
            timezone.override(_zone_of(member)),
            actors.acting(member.actor),
        ):
            lines = wording.lines_of(told)
            if lines:
                _send(member, lines)


def _zone_of(member: Membership) -> Any:
    name = member.user.time_zone
    return name if name in time_zone_names() else "UTC"


def _send(member: Membership, lines: list[wording.Line]) -> None:
    tenant = member.tenant
    first, more = lines[0], len(lines) - 1
    subject = first.text
    if more:
        subject = ngettext("%(first)s, and %(more)d more", "%(first)s, and %(more)d more", more) % {
            "first": first.text,
            "more": more,
        }
    base = f"{settings.SITE_URL}/~{tenant.slug}"
    letter = [Paragraph(line.text, base + line.path, line.detail) for line in lines[:MOST]]
    if len(lines) > MOST:
        letter.append(
            Paragraph(_("And %d more.") % (len(lines) - MOST), f"{base}/admin/notifications/")
        )
    of_kinds = sorted({line.kind for line in lines})
    only = of_kinds[0] if len(of_kinds) == 1 else ""
    link = settings.SITE_URL + unsubscribe_path(member, only)
    about = (
        _("You get this from %(tenant)s because: %(kind)s.")
        % {"tenant": tenant.name, "kind": kinds.KINDS[only].label}
        if only
        else _("You get this from %s.") % tenant.name
    )
    ids = ",".join(sorted(line.id for line in lines))
    digest = hashlib.sha256(f"{tenant.pk}:{member.user_id}:{ids}".encode()).hexdigest()[:32]
    send_letter(
        member.user.email,
        subject,
        letter,
        footer=Paragraph(about, link, _("No more of these by mail")),
        headers={
            "Message-ID": f"<{digest}@{settings.SITE_URL.split('://')[-1].split('/')[0].split(':')[0]}>",
            "List-Unsubscribe": f"<{link}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )


def defer_digests(now: datetime) -> None:
    """Have the letters of the day sent to the members of the active tenant whose hour it is."""
    tenant = tenancy.require()
    waiting = Notification.objects.filter(tenant=tenant, by_mail=True, mailed_at=None)
    users = waiting.values("user").distinct()
    for member in Membership.objects.select_related("user").filter(tenant=tenant, user__in=users):
        hour = kinds.digest_hour(member)
        with timezone.override(_zone_of(member)):
            # Without an hour it should have gone by now: what was lost goes with the next hour.
            is_time = hour is None or timezone.localtime(now).hour == hour
        if is_time:
            mail_notifications.defer(
                once=f"notices:{tenant.pk}:{member.user_id}", user=member.user_id
            )


# -- no more of these -------------------------------------------------------------------------------


def unsubscribe_path(member: Membership, kind: str) -> str:
    """The path of the link by which a member gets no more of a kind by mail; of none that is said, of all."""
    token = _signer.sign(f"{member.tenant_id}:{member.user_id}:{kind}")
    return reverse("unsubscribe", args=[token], urlconf=settings.ROOT_URLCONF)


def read_unsubscribe(token: str) -> tuple[int, str, str]:
    """The tenant, the user and the kind of such a link. Raises BadSignature."""
    tenant, user, kind = _signer.unsign(token).split(":")
    if kind and kind not in kinds.KINDS:
        raise signing.BadSignature
    return int(tenant), user, kind


def unsubscribe(member: Membership, kind: str) -> None:
    """Send a member no more of this kind by mail; of none that is said, none at all."""
    names = [kind] if kind else kinds.KINDS
    inbox.change_preferences(member, {name: {kinds.MAIL: False} for name in names})
