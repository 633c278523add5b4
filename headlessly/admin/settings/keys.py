"""The tenant's API keys: issued, shown once, and revoked."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey
from headlessly.admin import display
from headlessly.admin.settings.layout import render_page

logger = logging.getLogger("headlessly.keys")

#: How long a key may last, in days; None for ever.
LIFETIMES = {
    "": gettext_lazy("never"),
    "30": gettext_lazy("in 30 days"),
    "90": gettext_lazy("in 90 days"),
    "365": gettext_lazy("in a year"),
}
SCOPES = {
    "read": gettext_lazy("read only"),
    "propose": gettext_lazy("propose: reads, and its scripts wait for approval"),
    "write": gettext_lazy("write: as a manager"),
    "admin": gettext_lazy("admin: keys and webhooks too"),
}


class KeyForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=255,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("What it is for: the events of this key will say it."),
    )
    scope = forms.ChoiceField(
        label=gettext_lazy("May"),
        choices=list(SCOPES.items()),
        initial="write",
        widget=UnfoldAdminSelectWidget,
    )
    expires = forms.ChoiceField(
        label=gettext_lazy("Expires"),
        choices=list(LIFETIMES.items()),
        required=False,
        widget=UnfoldAdminSelectWidget,
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def keys_view(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """The keys there are; a POST issues one, and its answer is the only place where it can be read."""
    form = KeyForm(request.POST or None)
    issued: tuple[ApiKey, str] | None = None
    if request.method == "POST" and form.is_valid():
        days = form.cleaned_data["expires"]
        issued = ApiKey.issue(
            tenancy.require(),
            form.cleaned_data["name"],
            form.cleaned_data["scope"],
            expires_at=timezone.now() + timedelta(days=int(days)) if days else None,
        )
        logger.info("key %s issued by %s", issued[0].pk, actors.current().id)
        form = KeyForm()
    status = 422 if form.errors else 200
    key, secret = issued or (None, None)
    return render_page(
        request,
        site,
        "keys",
        _("API keys"),
        status,
        form=form,
        keys=_key_rows(),
        issued=key,
        secret=secret,
    )


@require_POST
def revoke_view(request: HttpRequest, id: str, *, site: AdminSite) -> HttpResponse:
    """Refuse a key from now on."""
    key = ApiKey.objects.filter(tenant=tenancy.require(), pk=id).first()
    if key is None:
        raise Http404
    if key.revoke():
        logger.info("key %s revoked by %s", key.pk, actors.current().id)
    messages.success(
        request, _("“%(name)s” is revoked. Whoever uses it is refused.") % {"name": key.name}
    )
    return HttpResponseRedirect(reverse("admin:settings_keys"))


def _key_rows() -> list[dict[str, Any]]:
    """The keys, those that work first, the newest first."""
    keys = ApiKey.objects.filter(tenant=tenancy.require()).order_by("-created_at", "pk")[:200]
    rows = [
        {
            "key": key,
            "standing": display.key_standing(key),
            "tone": "green" if key.standing == "valid" else "grey",
            "created": display.age_html(key.created_at, ago=True),
            "used": display.age_html(key.last_used_at, ago=True) if key.last_used_at else "",
            "expires": display.age_html(key.expires_at, ago=True) if key.expires_at else "",
        }
        for key in keys
    ]
    return sorted(rows, key=lambda row: row["key"].standing != "valid")
