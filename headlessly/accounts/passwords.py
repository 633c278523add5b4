"""Changing passwords: with the old one, by a link in an email, or by a link that an admin hands on."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.tokens import PasswordResetTokenGenerator, default_token_generator
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from headlessly.access.models import Membership, User
from headlessly.accounts import factors, guessing, mail, sessions
from headlessly.accounts.models import Device
from headlessly.context.tenant_scope import every_tenant
from headlessly.errors import Conflict
from headlessly.log.names import PASSWORD_CHANGED
from headlessly.log.security_events import record_of_person


class ShownLink(PasswordResetTokenGenerator):
    """The token of a link that was shown to ``by``, an admin. It becomes void if the user's tenants
    change."""

    def __init__(self, by: str) -> None:
        super().__init__()
        self.key_salt = f"headlessly.accounts.passwords.{by}"

    @every_tenant()
    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        places = Membership.objects.filter(user=user).order_by("tenant")
        tenants = list(places.values_list("tenant", flat=True))
        return f"{super()._make_hash_value(user, timestamp)}{tenants}"


@every_tenant()
def may_be_shown_link(member: Membership) -> bool:
    """Whether an admin of this tenant may hand this member a link to choose a password: only if no mail is
    set up, and only for somebody who belongs to no other tenant and is no operator."""
    user = member.user
    if mail.is_set_up() or not user.is_active or user.is_superuser:
        return False
    return not Membership.objects.filter(user=user).exclude(tenant=member.tenant_id).exists()


def shown_link_path(user: User, by: str) -> str:
    """Returns the path of a link that ``by`` hands on."""
    return f"/password/{user.pk}/{ShownLink(by).make_token(user)}/{by}"


def link_fits(user: User, token: str, by: str) -> bool:
    """Whether a link to choose a password still works; ``by`` is who it was shown to, empty for an emailed
    one."""
    generator = ShownLink(by) if by else default_token_generator
    return generator.check_token(user, token)


def change_password(
    user: User, password: str, *, link_by: str = "", keep: str | None = None
) -> None:
    """Sets a password, ends every session except the one with the key ``keep``, and notifies the user."""
    user.set_password(password)  # before the transaction, because hashing is slow
    save_password(user, link_by=link_by, keep=keep)


def choose_password_by_link(user: User, password: str, token: str, by: str) -> None:
    """Sets a password by a valid link, which works once even if it is used in parallel. Raises Conflict."""
    user.set_password(password)
    with transaction.atomic():
        now = User.objects.select_for_update().get(pk=user.pk)
        if not now.is_active or not link_fits(now, token, by):
            raise Conflict(_("This link was used already."))
        save_password(user, link_by=by, by_mail=not by)


def save_password(
    user: User, *, link_by: str = "", by_mail: bool = False, keep: str | None = None
) -> None:
    """Saves the hashed password that ``user`` already has, ends sessions, and notifies the user.

    If it was chosen by email, that proves the address. Everything that an unproved account had before is
    removed, because it was not its owner's.
    """
    first = by_mail and user.email_proven_at is None
    with transaction.atomic():
        user.password_link_by = link_by
        if first:
            user.email_proven_at = timezone.now()
        user.save(update_fields=["password", "password_link_by", "email_proven_at"])
        sessions.end_sessions(user, but=keep)
        if first:
            factors.remove_all(user)
            Device.objects.filter(user=user).delete()
        if not link_by:
            guessing.forget_account(user.email)
        record_of_person(PASSWORD_CHANGED, user, linkMadeBy=link_by or None, byMail=by_mail or None)
        mail.notify(user, "password")
