"""Notifications by email: those of the same moment in one email, or all of a day at the hour that somebody
chose.

The content of an email is fixed before it is sent, and the transaction in which it is sent notes that. A
worker that is killed between the mail server's answer and the commit, which follows immediately, sends the
same email again, with the same Message-ID, so that a mailbox can recognize it. Email has no better
guarantee.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.mail import get_connection
from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from headlessly.access import actors, tenancy
from headlessly.access.models import Membership
from headlessly.accounts.mail import AGAIN, Footer, Paragraph, send_letter, sending_host
from headlessly.background.jobs import job
from headlessly.language.languages import ENGLISH, time_zone_names
from headlessly.notifications import folding, inbox, kinds, wording
from headlessly.notifications.models import Notification

#: How many notifications an email contains at most; it counts the rest.
MOST = 50
_signer = signing.Signer(salt="headlessly.notifications")


@job("notifications.mail", retry=AGAIN)
def mail_notifications(user: str) -> None:
    """Sends a member all waiting notifications in one email."""
    tenant = tenancy.require()
    member = Membership.objects.select_related("user").filter(tenant=tenant, user=user).first()
    if member is None or not member.user.is_active or not settings.MAIL_IS_SET_UP:
        return
    member.tenant = tenant
    for letter in _begin_letters(member):
        # The connection is opened before the transaction and closed after it, so that nothing happens
        # between the server's acceptance and the commit.
        with get_connection() as connection, transaction.atomic():
            _send_letter(member, letter, connection)


def _waiting(member: Membership) -> models.QuerySet[Notification]:
    found = Notification.objects.filter(
        tenant=member.tenant_id, user=member.user_id, by_mail=True, mailed_at=None
    )
    return found.order_by("created_at", "id")


@transaction.atomic
def _begin_letters(member: Membership) -> list[str]:
    """Assigns waiting notifications to an email. Returns the emails to send: one that was started before,
    and may have been sent, stays the same."""
    found = list(_waiting(member).select_for_update(no_key=True))
    here = Notification.objects.filter(tenant=member.tenant_id)
    # Read in the browser in the meantime, so no longer news.
    known = [each.pk for each in found if each.letter is None and _is_read(each)]
    here.filter(pk__in=known).update(mailed_at=timezone.now())
    if new := [each.pk for each in found if each.letter is None and not _is_read(each)]:
        here.filter(pk__in=new).update(letter=hashlib.sha256(new[0].encode()).hexdigest()[:32])
    return list(dict.fromkeys(each.letter for each in _waiting(member) if each.letter is not None))


def _is_read(each: Notification) -> bool:
    return each.read_at is not None or each.first_read_at is not None


def _send_letter(member: Membership, letter: str, connection: Any) -> None:
    """Sends one email, unless another worker has just done so, and notes that it was sent."""
    found = list(_waiting(member).filter(letter=letter).select_for_update(no_key=True))
    Notification.objects.filter(tenant=member.tenant_id, pk__in=[each.pk for each in found]).update(
        mailed_at=timezone.now()
    )
    with (
        translation.override(member.user.language or ENGLISH),
        timezone.override(_zone_of(member)),
        actors.acting(member.actor),
    ):
        if lines := wording.lines_of_groups(_groups(found)):
            _write(member, lines, letter, connection)


def _groups(found: Sequence[Notification]) -> list[list[Notification]]:
    """Groups the notifications of an email by kind."""
    groups: dict[Any, list[Notification]] = {}
    for each in found:
        groups.setdefault(folding.key_of(each) or each.pk, []).append(each)
    return list(groups.values())


def _zone_of(member: Membership) -> Any:
    name = member.user.time_zone
    return name if name in time_zone_names() else "UTC"


def _write(member: Membership, lines: list[wording.Line], letter: str, connection: Any) -> None:
    tenant = member.tenant
    first, more = lines[0], sum(line.count for line in lines[1:])
    subject = first.text
    if more:
        subject = ngettext("%(first)s, and %(more)d more", "%(first)s, and %(more)d more", more) % {
            "first": first.text,
            "more": more,
        }
    of_kinds = sorted({line.kind for line in lines})
    stop = settings.SITE_URL + unsubscribe_path(member, *of_kinds)
    send_letter(
        member.user.email,
        subject,
        _paragraphs(lines, f"{settings.SITE_URL}/~{tenant.slug}"),
        footer=_footer(member, of_kinds),
        headers={
            "Message-ID": f"<{letter}@{sending_host()}>",
            "List-Unsubscribe": f"<{stop}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        connection=connection,
    )


def _paragraphs(lines: list[wording.Line], base: str) -> list[Paragraph]:
    """Returns the paragraphs: a sentence with a link for each, or for each group a sentence and its parts."""
    said: list[Paragraph] = []
    told = left = 0
    for line in lines:
        room = max(0, MOST - told)
        parts = line.parts or (line,)
        if line.parts and room:
            said.append(Paragraph(line.text))
        said += [Paragraph(each.text, base + each.path, each.detail) for each in parts[:room]]
        told += len(parts[:room])
        left += max(0, line.count - len(parts[:room])) if line.parts else (not room)
    if left:
        said.append(Paragraph(_("And %d more.") % left, f"{base}/admin/notifications/"))
    return said


def _footer(member: Membership, of_kinds: Sequence[str]) -> Footer:
    """Returns the reason for the email, and for each kind in it the link to unsubscribe."""
    stop = _("No more of these by mail")
    links = [
        ("" if len(of_kinds) == 1 else str(kinds.KINDS[kind].label),
         settings.SITE_URL + unsubscribe_path(member, kind), stop)
        for kind in of_kinds
    ]  # fmt: skip
    if len(of_kinds) == 1:
        values = {"tenant": member.tenant.name, "kind": kinds.KINDS[of_kinds[0]].label}
        return Footer(_("You get this from %(tenant)s because: %(kind)s.") % values, links)
    return Footer(_("You get this from %s because:") % member.tenant.name, links)


def defer_digests(now: datetime) -> None:
    """Defers the daily emails for members of the active tenant whose hour it is."""
    tenant = tenancy.require()
    waiting = Notification.objects.filter(by_mail=True, mailed_at=None)
    users = waiting.values("user").distinct()
    for member in Membership.objects.select_related("user").filter(tenant=tenant, user__in=users):
        hour = kinds.digest_hour(member)
        with timezone.override(_zone_of(member)):
            # Without an hour it should have been sent already: a lost one is sent now.
            is_time = hour is None or timezone.localtime(now).hour == hour
        if is_time:
            mail_notifications.defer(
                once=f"notices:{tenant.pk}:{member.user_id}", user=member.user_id
            )


# -- no more of these -------------------------------------------------------------------------------


def unsubscribe_path(member: Membership, *of_kinds: str) -> str:
    """Returns the path of the link by which a member unsubscribes from these kinds, or from all if none
    are given."""
    token = _signer.sign(f"{member.tenant_id}:{member.user_id}:{','.join(of_kinds)}")
    return reverse("unsubscribe", args=[token], urlconf=settings.ROOT_URLCONF)


def read_unsubscribe(token: str) -> tuple[int, str, list[str]]:
    """Returns the tenant, the user and the kinds of such a link. Raises BadSignature."""
    tenant, user, said = _signer.unsign(token).split(":")
    of_kinds = [name for name in said.split(",") if name]
    if any(name not in kinds.KINDS for name in of_kinds):
        raise signing.BadSignature
    return int(tenant), user, of_kinds


def unsubscribe(member: Membership, of_kinds: Sequence[str]) -> None:
    """Unsubscribes a member from emails of these kinds, or from all if none are given."""
    names = of_kinds or kinds.KINDS
    inbox.change_preferences(member, {name: {kinds.MAIL: False} for name in names})
