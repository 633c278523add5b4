"""The API keys of the signed-in person, whose programs act for them with their permissions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey
from headlessly.accounts.keys import issue_key, revoke_key
from headlessly.admin.controls import Choice, Text
from headlessly.admin.setting_up import beside_settings

#: The choices of how long a key lasts, in days; empty for no end.
LIFETIMES = {
    "": gettext_lazy("never"),
    "30": gettext_lazy("in 30 days"),
    "90": gettext_lazy("in 90 days"),
    "365": gettext_lazy("in a year"),
}
SCOPES = {
    "read": gettext_lazy("read what I see"),
    "propose": gettext_lazy("propose: reads, and its scripts wait for approval"),
    "write": gettext_lazy("do what I may do, but the settings"),
    "admin": gettext_lazy("admin: keys and webhooks too"),
}
#: How many valid keys one person may have.
MOST = 20


def urls(site: Any) -> list[URLPattern]:
    """Returns the URL patterns of these pages, below a tenant's workplace."""
    return [
        site.page("account/keys/", keys_view, "own_keys", confirm=True),
        site.page("account/keys/<str:id>/revoke/", revoke_view, "own_key_revoke", confirm=True),
    ]


def end_of_life(days: str) -> datetime | None:
    """Returns when a key that lasts so many days ends, or None if it does not end."""
    return timezone.now() + timedelta(days=int(days)) if days else None


def keys_of(user: Any) -> Any:
    """Returns the valid keys of a person in the active tenant."""
    found = ApiKey.objects.filter(user=user, tenant=tenancy.require(), revoked_at=None)
    return found.order_by("name", "pk")


class OwnKeyForm(forms.Form):
    name = Text(
        label=gettext_lazy("Name"),
        max_length=255,
        help_text=gettext_lazy("What it is for: the events of this key will say it."),
    )
    scope = Choice(label=gettext_lazy("May"))
    expires = Choice(label=gettext_lazy("Expires"), choices=list(LIFETIMES.items()), required=False)

    def __init__(self, role: str, data: Any = None) -> None:
        super().__init__(data)
        offered = [scope for scope in SCOPES if scope in actors.SCOPES_OF_ROLES[role]]
        self.fields["scope"].choices = [(scope, SCOPES[scope]) for scope in offered]  # type: ignore[attr-defined]


def keys_view(request: HttpRequest, *, site: Any) -> HttpResponse:
    """Lists one's own keys; a POST issues one, whose secret can only be read in the response."""
    role, secret = actors.current().role, ""
    form = OwnKeyForm(role, request.POST if request.method == "POST" else None)
    if form.is_valid():
        if keys_of(request.user).count() >= MOST:
            form.add_error(None, _("These are %d keys already: revoke one first.") % MOST)
        else:
            given = form.cleaned_data
            key, secret = issue_key(
                given["name"], given["scope"], expires_at=end_of_life(given["expires"])
            )
            form = OwnKeyForm(role)
    return site.respond(
        request,
        "account/keys",
        _("Your API keys"),
        status=422 if form.errors else 200,
        in_settings=beside_settings(_("Your sign-in")),
        form=form,
        keys=keys_of(request.user),
        issued=key if secret else None,
        secret=secret,
        again="admin:own_keys",
    )


@require_POST
def revoke_view(request: HttpRequest, id: str, *, site: Any) -> HttpResponse:
    """Revoke one of one's own keys."""
    key = get_object_or_404(keys_of(request.user), pk=id)
    revoke_key(key)
    messages.success(
        request, _("“%(name)s” is revoked. Whoever uses it is refused.") % {"name": key.name}
    )
    return redirect("admin:own_keys")
