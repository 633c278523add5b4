"""What the pages of the settings look like, with the ways from one to the other."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _


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
    request: HttpRequest,
    site: AdminSite,
    name: str,
    title: str,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """A page of the settings, with the ways to the others."""
    request.current_app = site.name
    context |= site.each_context(request) | {"tabs": tabs(name), "title": title}
    return TemplateResponse(request, f"headlessly/settings/{name}.html", context, status=status)
