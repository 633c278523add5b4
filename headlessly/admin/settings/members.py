"""Who belongs to the tenant: invited, given a role, linked to their contact, removed."""

from __future__ import annotations

import logging
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from headlessly.access import actors, tenancy
from headlessly.access.models import Membership, User
from headlessly.admin import welcome
from headlessly.admin.settings.member_forms import (
    InviteForm,
    RoleForm,
    contact_name,
    find_contact_id,
    is_last_admin,
)
from headlessly.admin.sites import TenantSite

logger = logging.getLogger("headlessly.members")


def members_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """The members; a POST invites one."""
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        member = invite(**form.cleaned_data)
        if welcome.may_invite(member):
            return _show_link(request, site, member)
        messages.success(
            request,
            _("%(name)s belongs to %(tenant)s now and signs in as ever.")
            % {"name": member.user, "tenant": member.tenant},
        )
        return HttpResponseRedirect(request.get_full_path())
    return _members_page(request, site, form)


def _members_page(
    request: HttpRequest, site: TenantSite, form: InviteForm, **context: Any
) -> HttpResponse:
    members = (
        Membership.objects.filter(tenant=tenancy.require())
        .select_related("user")
        .order_by("user__first_name", "user__last_name", "user__email")[:500]
    )
    return site.respond(
        request,
        "settings/members",
        _("Members"),
        form=form,
        members=members,
        **context,
    )


def member_view(request: HttpRequest, id: int, *, site: TenantSite) -> HttpResponse:
    """One member: their role and their contact."""
    member = _member(id)
    form = RoleForm(
        request.POST or None,
        member=member,
        initial={"role": member.role, "contact": contact_name(member.contact)},
    )
    if request.method == "POST" and form.is_valid():
        member.role, member.contact_id = form.cleaned_data["role"], form.cleaned_data["contact"]
        member.save()
        logger.info("member %s is %s, by %s", member.user_id, member.role, actors.current().id)
        messages.success(request, _("Saved."))
        return HttpResponseRedirect(reverse("admin:settings_members"))
    return site.respond(
        request,
        "settings/member",
        str(member.user),
        form=form,
        member=member,
        invitable=welcome.may_invite(member),
        last_admin=is_last_admin(member),
    )


@require_POST
def remove_view(request: HttpRequest, id: int, *, site: TenantSite) -> HttpResponse:
    """Let somebody in no longer; what they did and what they own stays."""
    member = _member(id)
    if is_last_admin(member):
        messages.error(request, _("Somebody has to be admin: make another one first."))
        return HttpResponseRedirect(reverse("admin:settings_member", args=[id]))
    member.delete()
    logger.info("member %s removed by %s", member.user_id, actors.current().id)
    messages.success(request, _("%(name)s no longer belongs to it.") % {"name": member.user})
    return HttpResponseRedirect(reverse("admin:settings_members"))


@require_POST
def link_view(request: HttpRequest, id: int, *, site: TenantSite) -> HttpResponse:
    """A new link by which a member chooses a password."""
    member = _member(id)
    if not welcome.may_invite(member):
        raise Http404
    return _show_link(request, site, member)


def _show_link(request: HttpRequest, site: TenantSite, member: Membership) -> HttpResponse:
    """The members with the link for one of them, which is stored nowhere."""
    return _members_page(
        request,
        site,
        InviteForm(),
        invited=member,
        link=request.build_absolute_uri(welcome.welcome_url(request, member.user)),
    )


def invite(*, email: str, first_name: str, last_name: str, role: str, sells: bool) -> Membership:
    """Make somebody a member: a new user, or one there is, with their contact if they own records."""
    with transaction.atomic():
        user = User.objects.filter(email__iexact=email).first()
        if user is None:
            user = User.objects.create_user(email, first_name=first_name, last_name=last_name)
        contact, person = None, apps.get_model(settings.PERSON_MODEL)
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
        member = Membership.objects.create(
            user=user, tenant=tenancy.require(), role=role, contact_id=contact
        )
    logger.info("member %s invited as %s by %s", user.pk, role, actors.current().id)
    return member


def _member(id: int) -> Membership:
    found = Membership.objects.select_related("user", "tenant", "contact")
    return get_object_or_404(found, tenant=tenancy.require(), pk=id)
