"""Forms for members: their role, and the contact that they are linked to."""

from __future__ import annotations

from typing import Any

from django import forms
from django.apps import apps
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
)

from headlessly.access import actors, tenancy
from headlessly.access.models import Membership
from headlessly.access.sign_in_emails import normalize_sign_in_email, with_email
from headlessly.admin.controls import Choice, Switch, Text
from headlessly.query.people_groups import list_groups

ROLES = {
    actors.REP: gettext_lazy("Rep"),
    actors.MANAGER: gettext_lazy("Manager"),
    actors.ADMIN: gettext_lazy("Admin"),
    actors.VIEWER: gettext_lazy("Viewer"),
}


class RoleForm(forms.Form):
    """A member's role and contact."""

    role = Choice(
        label=gettext_lazy("Role"),
        choices=list(ROLES.items()),
        help_text=gettext_lazy(
            "A rep works leads, deals and contacts. A manager works with every record and may delete. "
            "An admin manages members, keys and settings as well. A viewer only looks."
        ),
    )
    contact = Text(
        label=gettext_lazy("Contact"),
        required=False,
        max_length=255,
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
        found = find_contact_id(wanted)
        if found is None:
            raise forms.ValidationError(_("There is no contact with this email or id."))
        return found

    def clean_role(self) -> str:
        role = self.cleaned_data["role"]
        if self.member and role != actors.ADMIN and is_last_admin(self.member):
            raise forms.ValidationError(_("Somebody has to be admin: make another one first."))
        return role


class InviteForm(RoleForm):
    """An invitation to the tenant."""

    field_order = ("email", "first_name", "last_name", "role", "sells", "groups")
    contact = None  # type: ignore[assignment]

    email = forms.CharField(
        label=gettext_lazy("Email"), max_length=254, widget=UnfoldAdminEmailInputWidget
    )
    first_name = Text(label=gettext_lazy("First name"), max_length=150)
    last_name = Text(label=gettext_lazy("Last name"), max_length=150, required=False)
    sells = Switch(
        label=gettext_lazy("They own records"),
        initial=True,
        help_text=gettext_lazy(
            "Links them to the contact with this email, and makes one if there is none."
        ),
    )

    groups = forms.MultipleChoiceField(
        label=gettext_lazy("In which teams"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(each.pk, str(each)) for each in list_groups()]
        if choices:
            self.fields["groups"].choices = choices  # type: ignore[attr-defined]
        else:
            del self.fields["groups"]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("groups") and not given.get("sells"):
            self.add_error("groups", _("Who is in a team owns records: say so above."))
        return given

    def clean_email(self) -> str:
        email = normalize_sign_in_email(self.cleaned_data["email"])
        members = Membership.objects.filter(tenant=tenancy.require())
        if with_email(members, email, "user__email").exists():
            raise forms.ValidationError(_("They belong to it already."))
        return email


def hold_admins() -> None:
    """Locks the memberships of all admins until the commit. Otherwise two admins who demote each other at
    the same time would leave none."""
    admins = Membership.objects.filter(tenant=tenancy.require(), role=actors.ADMIN)
    list(admins.order_by("pk").select_for_update().values_list("pk"))


def is_last_admin(member: Membership) -> bool:
    """Whether nobody else could manage the tenant if this member no longer did."""
    if member.role != actors.ADMIN:
        return False
    admins = Membership.objects.filter(tenant=member.tenant_id, role=actors.ADMIN)
    return not admins.exclude(pk=member.pk).filter(user__is_active=True).exists()


def find_contact_id(wanted: str) -> str | None:
    """Returns the id of the active tenant's contact with this id or this value of a unique field, or None."""
    person = apps.get_model(settings.PERSON_MODEL)
    unique = (person.schema.by_name[name] for name in person.unique_fields)
    keys = [person.find_id_by_unique(field, wanted) for field in unique]
    found = person.objects.filter(pk__in=[wanted, *filter(None, keys)])
    return found.values_list("pk", flat=True).first()


def contact_name(contact: Any) -> str:
    """Returns how the form shows a contact: by the value of its first unique field (their email), else by
    its id."""
    if contact is None:
        return ""
    names = (getattr(contact, name) for name in type(contact).unique_fields)
    return next(filter(None, names), contact.pk)
