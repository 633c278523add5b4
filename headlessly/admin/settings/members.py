"""Who belongs to the tenant: invited, given a role, linked to their contact, removed."""

from __future__ import annotations

import logging
from typing import Any

from django import forms
from django.apps import apps
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from headlessly.access import actors, tenancy
from headlessly.access.models import Membership, User
from headlessly.admin import display, welcome
from headlessly.admin.settings.layout import render_page
from headlessly.declaration.values import UNSTORABLE

logger = logging.getLogger("headlessly.members")

ROLES = {
    actors.REP: gettext_lazy("Rep"),
    actors.MANAGER: gettext_lazy("Manager"),
    actors.ADMIN: gettext_lazy("Admin"),
    actors.VIEWER: gettext_lazy("Viewer"),
}


class RoleForm(forms.Form):
    """What a member may do, and who they are among the contacts."""

    role = forms.ChoiceField(
        label=gettext_lazy("Role"),
        choices=list(ROLES.items()),
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy(
            "A rep works leads, deals and contacts. A manager works with every record and may delete. "
            "An admin manages members, keys and settings as well. A viewer only looks."
        ),
    )
    contact = forms.CharField(
        label=gettext_lazy("Contact"),
        required=False,
        max_length=255,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy(
            "Email or id of the contact who they are: records are owned by contacts."
        ),
    )

    def __init__(self, *args: Any, member: Membership | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.member = member

    def clean_contact(self) -> str | None:
        wanted = self.cleaned_data["contact"].strip()
        if not wanted:
            return None
        found = None if UNSTORABLE.search(wanted) else _contact(wanted)
        if found is None:
            raise forms.ValidationError(_("There is no contact with this email or id."))
        return found

    def clean_role(self) -> str:
        role = self.cleaned_data["role"]
        if self.member and role != actors.ADMIN and is_last_admin(self.member):
            raise forms.ValidationError(_("Somebody has to be admin: make another one first."))
        return role


class InviteForm(RoleForm):
    """Somebody who shall belong to the tenant."""

    field_order = ("email", "first_name", "last_name", "role", "sells")
    contact = None  # type: ignore[assignment]

    email = forms.EmailField(label=gettext_lazy("Email"), widget=UnfoldAdminEmailInputWidget)
    first_name = forms.CharField(
        label=gettext_lazy("First name"), max_length=150, widget=UnfoldAdminTextInputWidget
    )
    last_name = forms.CharField(
        label=gettext_lazy("Last name"),
        max_length=150,
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )
    sells = forms.BooleanField(
        label=gettext_lazy("They own records"),
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy(
            "Links them to the contact with this email, and makes one if there is none."
        ),
    )

    def clean_email(self) -> str:
        email = self.cleaned_data["email"].strip()
        members = Membership.objects.filter(tenant=tenancy.require(), user__email__iexact=email)
        if members.exists():
            raise forms.ValidationError(_("They belong to it already."))
        return email


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def members_view(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
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
    request: HttpRequest, site: AdminSite, form: InviteForm, **context: Any
) -> HttpResponse:
    members = (
        Membership.objects.filter(tenant=tenancy.require())
        .select_related("user", "contact")
        .order_by("user__first_name", "user__last_name", "user__email")[:500]
    )
    rows = [
        {
            "member": member,
            "role": member.get_role_display(),
            "contact": display.record_link(member.contact) if member.contact else "",
            "seen": display.age_html(member.user.last_login, ago=True)
            if member.user.last_login
            else "",
            "url": reverse("admin:settings_member", args=[member.pk]),
        }
        for member in members
    ]
    status = 422 if form.errors else 200
    return render_page(
        request, site, "members", _("Members"), status, form=form, rows=rows, **context
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def member_view(request: HttpRequest, id: int, *, site: AdminSite) -> HttpResponse:
    """One member: their role and their contact."""
    member = _member(id)
    form = RoleForm(
        request.POST or None,
        member=member,
        initial={"role": member.role, "contact": _known_as(member.contact)},
    )
    if request.method == "POST" and form.is_valid():
        member.role, member.contact_id = form.cleaned_data["role"], form.cleaned_data["contact"]
        member.save()
        logger.info("member %s is %s, by %s", member.user_id, member.role, actors.current().id)
        messages.success(request, _("Saved."))
        return HttpResponseRedirect(reverse("admin:settings_members"))
    return render_page(
        request,
        site,
        "member",
        str(member.user),
        422 if form.errors else 200,
        form=form,
        member=member,
        invitable=welcome.may_invite(member),
        last_admin=is_last_admin(member),
    )


@require_POST
def remove_view(request: HttpRequest, id: int, *, site: AdminSite) -> HttpResponse:
    """Let somebody in no longer; what they did and what they own stays."""
    member = _member(id)
    if is_last_admin(member):
        messages.error(request, _("Somebody has to be admin: make another one first."))
        return HttpResponseRedirect(reverse("admin:settings_member", args=[id]))
    member.delete()
    logger.info("member %s removed by %s", member.user_id, actors.current().id)
    messages.success(request, _("%(name)s no longer belongs to it.") % {"name": member.user})
    return HttpResponseRedirect(reverse("admin:settings_members"))


@never_cache
@require_POST
def link_view(request: HttpRequest, id: int, *, site: AdminSite) -> HttpResponse:
    """A new link by which a member chooses a password."""
    member = _member(id)
    if not welcome.may_invite(member):
        raise Http404
    return _show_link(request, site, member)


def _show_link(request: HttpRequest, site: AdminSite, member: Membership) -> HttpResponse:
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
        contact = None
        if sells:
            contact = (
                _contact(email)
                or _person()
                .create(
                    name=f"{first_name} {last_name}".strip(),
                    email=email,
                    first_name=first_name,
                    last_name=last_name or None,
                    **getattr(_person(), "member_values", {}),
                )
                .pk
            )
        member = Membership.objects.create(
            user=user, tenant=tenancy.require(), role=role, contact_id=contact
        )
    logger.info("member %s invited as %s by %s", user.pk, role, actors.current().id)
    return member


def is_last_admin(member: Membership) -> bool:
    """Whether nobody else could manage the tenant."""
    if member.role != actors.ADMIN:
        return False
    admins = Membership.objects.filter(tenant=member.tenant_id, role=actors.ADMIN)
    return not admins.exclude(pk=member.pk).filter(user__is_active=True).exists()


def _member(id: int) -> Membership:
    found = Membership.objects.select_related("user", "tenant", "contact")
    member = found.filter(tenant=tenancy.require(), pk=id).first()
    if member is None:
        raise Http404
    return member


def _person() -> Any:
    return apps.get_model(settings.PERSON_MODEL)


def _known_as(contact: Any) -> str:
    """What the form calls a contact by: their email, or an id where they have none."""
    if contact is None:
        return ""
    names = (getattr(contact, name) for name in _person().unique_fields)
    return next(filter(None, names), contact.pk)


def _contact(wanted: str) -> str | None:
    """The id of the tenant's contact with this id or this unique value."""
    person = _person()
    keys = [
        person.find_id_by_unique(person.schema.by_name[name], wanted)
        for name in person.unique_fields
    ]
    found = person.objects.filter(pk__in=[wanted, *filter(None, keys)])
    return found.values_list("pk", flat=True).first()
