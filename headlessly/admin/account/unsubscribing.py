"""Unsubscribing from email by the link in it, without signing in."""

from __future__ import annotations

from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from headlessly.access import tenancy
from headlessly.access.models import Membership, Tenant
from headlessly.admin.entrance import render_gate
from headlessly.notifications import kinds, letters


@csrf_exempt  # a mail program sends it as one click (RFC 8058); the link is the permission
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def unsubscribe_view(request: HttpRequest, token: str) -> HttpResponse:
    """Asks for confirmation; a POST unsubscribes."""
    title = _("Notifications by mail")
    try:
        pk, user, of_kinds = letters.read_unsubscribe(token)
    except (BadSignature, ValueError):
        return render_gate(request, "unsubscribe", 404, title=title, wrong=True)
    labels = [kinds.KINDS[kind].label for kind in of_kinds]
    if request.method == "POST":
        tenant = Tenant.objects.filter(pk=pk).first()
        with tenancy.active(tenant):
            member = Membership.objects.filter(tenant=tenant, user=user).first()
            if member is not None:
                letters.unsubscribe(member, of_kinds)
    return render_gate(
        request, "unsubscribe", title=title, labels=labels, done=request.method == "POST"
    )
