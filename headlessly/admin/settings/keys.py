"""The tenant's API keys: issued, shown once, and revoked."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from headlessly.access import tenancy
from headlessly.access.models import ApiKey
from headlessly.accounts.keys import issue_key, revoke_key
from headlessly.admin import display
from headlessly.admin.account.own_keys import LIFETIMES, end_of_life
from headlessly.admin.controls import Choice, Switch, Text
from headlessly.admin.sites import TenantSite

SCOPES = {
    "read": gettext_lazy("read only"),
    "propose": gettext_lazy("propose: reads, and its scripts wait for approval"),
    "write": gettext_lazy("write: as a manager"),
    "admin": gettext_lazy("admin: keys and webhooks too"),
}


class KeyForm(forms.Form):
    name = Text(
        label=gettext_lazy("Name"),
        max_length=255,
        help_text=gettext_lazy("What it is for: the events of this key will say it."),
    )
    scope = Choice(label=gettext_lazy("May"), choices=list(SCOPES.items()), initial="write")
    expires = Choice(label=gettext_lazy("Expires"), choices=list(LIFETIMES.items()), required=False)
    service = Switch(
        label=gettext_lazy("A service key"),
        help_text=gettext_lazy(
            "It stays when you leave. Any other one is yours, and ends with your place here."
        ),
    )


def keys_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Lists the keys; a POST issues one. Its response is the only place where the secret can be read."""
    form = KeyForm(request.POST if request.method == "POST" else None)
    issued: tuple[ApiKey, str] | None = None
    if form.is_valid():
        issued = issue_key(
            form.cleaned_data["name"],
            form.cleaned_data["scope"],
            service=form.cleaned_data["service"],
            expires_at=end_of_life(form.cleaned_data["expires"]),
        )
        form = KeyForm()
    key, secret = issued or (None, None)
    rows = (
        ApiKey.objects.filter(tenant=tenancy.require())
        .select_related("user")
        .order_by("-created_at", "pk")[:200]
    )
    # Valid keys first.
    keys = [
        (k, display.key_standing_html(k)) for k in sorted(rows, key=lambda k: k.standing != "valid")
    ]
    return site.respond(
        request,
        "settings/keys",
        _("API keys"),
        form=form,
        keys=keys,
        issued=key,
        secret=secret,
    )


@require_POST
def revoke_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    """Revokes a key: it is refused from now on."""
    key = get_object_or_404(ApiKey, tenant=tenancy.require(), pk=id)
    revoke_key(key)
    messages.success(
        request, _("“%(name)s” is revoked. Whoever uses it is refused.") % {"name": key.name}
    )
    return redirect("admin:settings_keys")
