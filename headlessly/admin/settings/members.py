"""The tenant's members: invite them, give them a role, link them to their contact, remove them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from headlessly.access import actors, tenancy
from headlessly.access.models import Membership
from headlessly.accounts import invitations, mail, passwords
from headlessly.accounts.models import Invitation
from headlessly.admin.settings.member_forms import (
    InviteForm,
    RoleForm,
    contact_name,
    find_contact_id,
    hold_admins,
    is_last_admin,
)
from headlessly.admin.sites import TenantSite
from headlessly.errors import Conflict
from headlessly.log.names import LINK_MADE, MEMBER_REMOVED, ROLE_CHANGED
from headlessly.log.security_events import record_security_event
from headlessly.query.people_groups import put_into
from headlessly.web.sign_in import sign_in_url

logger = logging.getLogger("headlessly.members")


def members_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Lists members and open invitations; a POST invites somebody."""
    form = InviteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            made = invite(**form.cleaned_data)
        except Conflict as problem:
            form.add_error(None, problem.message)
        else:
            return _tell_of_invitation(request, site, made)
    return _members_page(request, site, form)


def _tell_of_invitation(
    request: HttpRequest, site: TenantSite, invitation: Invitation
) -> HttpResponse:
    """Shows that the email is on its way, or the link itself, which is stored nowhere."""
    if invitation.shown:
        link = request.build_absolute_uri(site_path(request, mail.invitation_path(invitation)))
        return _members_page(request, site, InviteForm(), invited=invitation, link=link)
    if mail.is_set_up():
        messages.success(request, _("The invitation is on its way to %s.") % invitation.email)
    else:
        messages.error(
            request,
            _(
                "No mail is set up here, so that %s cannot be sent the link. Ask the operator of this site."
            )
            % invitation.email,
        )
    return redirect("admin:settings_members")


def site_path(request: HttpRequest, path: str) -> str:
    """Returns a path at the root of the site, above the tenant's mount."""
    return sign_in_url(request).rstrip("/") + path


def _members_page(
    request: HttpRequest, site: TenantSite, form: InviteForm, **context: Any
) -> HttpResponse:
    tenant = tenancy.require()
    members = (
        Membership.objects.filter(tenant=tenant)
        .select_related("user")
        .order_by("user__first_name", "user__last_name", "user__email")[:500]
    )
    waiting = Invitation.objects.open().filter(tenant=tenant).order_by("-created_at", "pk")
    return site.respond(
        request,
        "settings/members",
        _("Members"),
        form=form,
        members=members,
        invitations=waiting,
        **context,
    )


@require_POST
def again_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    """Sends an invitation again."""
    found = _invitation(id)
    invitations.send_again(found)
    return _tell_of_invitation(request, site, found)


@require_POST
def withdraw_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    found = _invitation(id)
    invitations.withdraw(found)
    messages.success(request, _("The invitation of %s is withdrawn.") % found.email)
    return redirect("admin:settings_members")


@transaction.atomic
def member_view(request: HttpRequest, id: int, *, site: TenantSite) -> HttpResponse:
    """Shows a member's role and contact; a POST changes them."""
    if request.method == "POST":
        hold_admins()
    member = _member(id)
    form = RoleForm(
        request.POST if request.method == "POST" else None,
        member=member,
        initial={"role": member.role, "contact": contact_name(member.contact)},
    )
    if form.is_valid():
        _change(member, form.cleaned_data["role"], form.cleaned_data["contact"])
        logger.info("member %s is %s, by %s", member.user_id, member.role, actors.current().id)
        messages.success(request, _("Saved."))
        return redirect("admin:settings_members")
    return site.respond(
        request,
        "settings/member",
        str(member.user),
        form=form,
        member=member,
        sends_link=mail.is_set_up() and member.user.is_active,
        shows_link=passwords.may_be_shown_link(member),
        last_admin=is_last_admin(member),
    )


def _change(member: Membership, role: str, contact_id: str | None) -> None:
    previous = {"role": member.role, "contact": member.contact_id}
    now = {"role": role, "contact": contact_id}
    member.role, member.contact_id = role, contact_id
    member.save()
    if now != previous:
        record_security_event(ROLE_CHANGED, about=member.user_id, previous=previous, **now)


@require_POST
@transaction.atomic
def remove_view(request: HttpRequest, id: int, *, site: TenantSite) -> HttpResponse:
    """Removes a member. What they did and what they own stays."""
    hold_admins()
    member = _member(id)
    if is_last_admin(member):
        messages.error(request, _("Somebody has to be admin: make another one first."))
        return redirect("admin:settings_member", id)
    record_security_event(MEMBER_REMOVED, about=member.user_id, role=member.role)
    member.delete()
    logger.info("member %s removed by %s", member.user_id, actors.current().id)
    messages.success(request, _("%(name)s no longer belongs to it.") % {"name": member.user})
    return redirect("admin:settings_members")


@require_POST
def link_view(request: HttpRequest, id: int, *, site: TenantSite) -> HttpResponse:
    """Makes a link by which a member chooses a new password. It is sent to them, or shown where no mail is
    set up."""
    member, actor = _member(id), actors.current()
    if mail.is_set_up() and member.user.is_active:
        record_security_event(LINK_MADE, about=member.user_id, byMail=True)
        mail.send_later(mail.mail_password_link, user=member.user_id, asked_by=actor.id)
        messages.success(request, _("The link is on its way to %s.") % member.user.email)
        return redirect("admin:settings_member", id)
    if not passwords.may_be_shown_link(member):
        raise Http404
    record_security_event(LINK_MADE, about=member.user_id, linkShown=True)
    path = passwords.shown_link_path(member.user, actor.id)
    link = request.build_absolute_uri(site_path(request, path))
    return _members_page(request, site, InviteForm(), invited=member.user, link=link)


def invite(
    *,
    email: str,
    first_name: str,
    last_name: str,
    role: str,
    sells: bool,
    groups: Iterable[str] = (),
) -> Invitation:
    """Invites somebody into these groups. If they own records (``sells``), links them to their contact,
    which is created if there is none. Raises Conflict."""
    person = apps.get_model(settings.PERSON_MODEL)
    with transaction.atomic():
        contact = None
        if sells:
            contact = (
                find_contact_id(email)
                or person.create(
                    name=f"{first_name} {last_name}".strip(),
                    email=email,
                    first_name=first_name,
                    last_name=last_name or None,
                    **getattr(person, "member_values", {}),
                ).pk
            )
        made = invitations.invite(
            email=email,
            first_name=first_name,
            last_name=last_name,
            role=role,
            contact_id=contact,
        )
        if contact:
            put_into(contact, groups)
        return made


def _member(id: int) -> Membership:
    found = Membership.objects.select_related("user", "tenant", "contact")
    return get_object_or_404(found, tenant=tenancy.require(), pk=id)


def _invitation(id: str) -> Invitation:
    found = Invitation.objects.open().select_related("tenant")
    return get_object_or_404(found, tenant=tenancy.require(), pk=id)
