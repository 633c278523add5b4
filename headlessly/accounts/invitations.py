"""Invitations to a tenant. Somebody becomes a member by accepting their invitation.

The link is sent by email, so whoever has it has proved the address. If it belongs to an account that
nobody has proved, the account becomes theirs: they choose a new password, and what it had is removed.
Where no mail is set up, the link is shown to the admin instead, if the address belongs to no other tenant.
Such a link proves nothing, so it never gives access to a second tenant.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from headlessly.access import actors, tenancy
from headlessly.access.models import Membership, User
from headlessly.access.sign_in_emails import normalize_sign_in_email
from headlessly.accounts import mail, passwords
from headlessly.accounts.models import INVITATION_LASTS, Invitation, new_nonce
from headlessly.context.tenant_scope import every_tenant
from headlessly.errors import Conflict
from headlessly.log.names import INVITATION_ACCEPTED, INVITATION_WITHDRAWN, INVITED
from headlessly.log.security_events import record_security_event

logger = logging.getLogger("headlessly.members")

#: How many open invitations a tenant may have: each is an email to a stranger.
MOST_OPEN = 200


def invite(
    *, email: str, first_name: str, last_name: str, role: str, contact_id: str | None
) -> Invitation:
    """Invites somebody to the active tenant. An open invitation of theirs is replaced, and its link
    becomes void.

    Raises ValidationError for an invalid address, Conflict if too many are open.
    """
    tenant, email = tenancy.require(), normalize_sign_in_email(email)
    with transaction.atomic():
        waiting = Invitation.objects.open().filter(tenant=tenant)
        waiting.filter(email=email).update(withdrawn_at=timezone.now())
        if waiting.count() >= MOST_OPEN:
            raise Conflict(_("%s invitations wait already: withdraw some.") % MOST_OPEN)
        made = Invitation.objects.create(
            tenant=tenant,
            email=email,
            first_name=first_name,
            last_name=last_name,
            role=role,
            contact_id=contact_id,
            invited_by=actors.current().id,
            expires_at=timezone.now() + INVITATION_LASTS,
        )
        _send(made)
    return made


def send_again(invitation: Invitation) -> None:
    """Sends a new link. The previous one becomes void, and the time to accept starts again."""
    with transaction.atomic():
        invitation.nonce, invitation.shown = new_nonce(), False
        invitation.expires_at = timezone.now() + INVITATION_LASTS
        invitation.invited_by = actors.current().id
        invitation.save()
        _send(invitation)


def _send(invitation: Invitation) -> None:
    """Sends the link by email, or marks it to be shown to the admin if that is allowed."""
    if mail.is_set_up():
        mail.send_later(mail.mail_invitation, invitation=invitation.pk)
    elif may_show_link(invitation):
        invitation.shown = True
        invitation.save(update_fields=["shown"])
    record_security_event(
        INVITED,
        about=invitation.pk,
        email=invitation.email,
        role=invitation.role,
        linkShown=invitation.shown or None,
    )
    logger.info("%s invited by %s", invitation.pk, actors.current().id)


@every_tenant()
def may_show_link(invitation: Invitation) -> bool:
    """Whether the admin may hand on the link: no mail is set up, and the address belongs to no other
    tenant and to no operator."""
    if mail.is_set_up():
        return False
    user = User.objects.with_email(invitation.email).first()
    if user is None:
        return True
    elsewhere = Membership.objects.filter(user=user).exclude(tenant=invitation.tenant_id)
    return not (user.is_superuser or not user.is_active or elsewhere.exists())


def withdraw(invitation: Invitation) -> None:
    """Withdraws an invitation."""
    with transaction.atomic():
        own = Invitation.objects.open().filter(tenant=invitation.tenant_id)
        if own.filter(pk=invitation.pk).update(withdrawn_at=timezone.now()):
            record_security_event(INVITATION_WITHDRAWN, about=invitation.pk, email=invitation.email)


def needs_password(invitation: Invitation, user: User | None) -> bool:
    """Whether this link lets its bearer choose a password: there is no account, or one that nobody has
    proved yet and that the email now proves. Everybody else signs in first."""
    if user is None or invitation.shown:
        return user is None
    return user.is_active and user.email_proven_at is None and not user.is_superuser


def accept_with_password(invitation: Invitation, password: str, **names: str) -> User:
    """Accepts an invitation with a new password, for a new account or one that it proves.

    Raises Conflict if the link was used meanwhile, or if a link that was only shown would take over an
    account.
    """
    made = User(email=invitation.email, **names)
    made.set_password(password)  # before the transaction, because hashing is slow
    with transaction.atomic():
        locked = _lock(invitation)
        user = User.objects.with_email(invitation.email).select_for_update().first()
        if user is None:
            user = made
            if not locked.shown:
                user.email_proven_at = timezone.now()
            else:
                user.password_link_by = locked.invited_by
            try:
                with transaction.atomic():
                    user.save(force_insert=True)
            except IntegrityError:
                raise Conflict(_("This link was used already.")) from None
        else:
            if not needs_password(locked, user):
                raise Conflict(_("This link cannot be used for this account. Sign in first."))
            _hand_over(user, made)
        _take_place(locked, user)
    return user


def _hand_over(user: User, made: User) -> None:
    """Gives an account that nobody had proved to its owner, and to them only."""
    user.password, user.first_name, user.last_name = made.password, made.first_name, made.last_name
    user.save()
    passwords.save_password(user, by_mail=True)


def accept_signed_in(invitation: Invitation, user: User) -> None:
    """Accepts an invitation as the account that is signed in. Raises Conflict if it is not theirs."""
    with transaction.atomic():
        locked = _lock(invitation)
        own = User.objects.with_email(invitation.email).filter(pk=user.pk, is_active=True).exists()
        if not own:
            raise Conflict(_("This invitation is for another address than yours."))
        with every_tenant():
            places = Membership.objects.filter(user=user).exclude(tenant=locked.tenant_id)
            has_place = places.exists()
        if user.email_proven_at is None and has_place:
            raise Conflict(
                _("Show first that this address is yours: choose a new password by mail.")
            )
        _take_place(locked, user)


def _lock(invitation: Invitation) -> Invitation:
    locked = (
        Invitation.objects.select_for_update()
        .filter(tenant=invitation.tenant_id, pk=invitation.pk, nonce=invitation.nonce)
        .first()
    )
    if locked is None or not locked.is_open:
        raise Conflict(_("This link was used already."))
    return locked


def _take_place(invitation: Invitation, user: User) -> None:
    invitation.accepted_at = timezone.now()
    invitation.save(update_fields=["accepted_at"])
    tenant = invitation.tenant
    values: dict[str, Any] = {"role": invitation.role, "contact_id": _own_contact(invitation)}
    place, _made = Membership.objects.get_or_create(user=user, tenant=tenant, defaults=values)
    with tenancy.active(tenant), actors.acting(place.actor):
        record_security_event(
            INVITATION_ACCEPTED,
            about=user.pk,
            email=invitation.email,
            role=place.role,
            invitation=invitation.pk,
            linkMadeBy=invitation.invited_by if invitation.shown else None,
        )


def _own_contact(invitation: Invitation) -> str | None:
    """Returns the contact that the invitation is linked to, unless it was deleted since."""
    person: Any = Membership._meta.get_field("contact").related_model
    with tenancy.active(invitation.tenant), actors.acting(actors.SYSTEM):
        found = person.objects.filter(pk=invitation.contact_id)
        return found.values_list("pk", flat=True).first()
