"""What the pages of the settings look like, with the ways from one to the other."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from headlessly.admin.sites import TenantSite


def tabs(current: str) -> list[dict[str, Any]]:
    pages = (
        ("general", _("General")),
        ("members", _("Members")),
        ("keys", _("API keys")),
        ("webhooks", _("Webhooks")),
    )
    return [
        {
            "label": label,
            "url": reverse(f"admin:settings_{name}"),
            "active": current in (name, name.removesuffix("s")),
        }
        for name, label in pages
    ]


def render_page(
    request: HttpRequest, site: TenantSite, name: str, title: str, status: int = 200, **context: Any
) -> HttpResponse:
    """A page of the settings, with the ways to the others."""
    return site.respond(
        request, f"settings/{name}", title, status=status, tabs=tabs(name), **context
    )
