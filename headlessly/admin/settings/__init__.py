"""The tenant's own settings, for its admins: how it works, who belongs to it, which keys it has given."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.admin import the


def urls(site: Any) -> list[Any]:
    """The addresses below the workplace's own."""
    from headlessly.admin.settings import general, keys, members

    def page(route: str, view: Callable[..., HttpResponse], name: str) -> Any:
        return path(f"settings/{route}", site.admin_view(for_admins(view)), name=f"settings_{name}")

    return [
        page("", general.page, "general"),
        page("members/", members.page, "members"),
        page("members/<int:id>/", members.change, "member"),
        page("members/<int:id>/remove/", members.remove, "member_remove"),
        page("members/<int:id>/link/", members.link, "member_link"),
        page("keys/", keys.page, "keys"),
        page("keys/<str:id>/revoke/", keys.revoke, "key_revoke"),
    ]


def for_admins(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not actors.may_administer(actors.current()):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


def tabs(current: str) -> list[dict[str, Any]]:
    pages = (("general", _("General")), ("members", _("Members")), ("keys", _("API keys")))
    return [
        {"label": label, "url": reverse(f"admin:settings_{name}"), "active": name == current}
        for name, label in pages
    ]


def respond(
    request: HttpRequest, name: str, title: str, status: int = 200, **context: Any
) -> HttpResponse:
    """A page of the settings, with the ways to the others."""
    workplace = the.site
    request.current_app = workplace.name
    context |= workplace.each_context(request) | {"tabs": tabs(name), "title": title}
    return TemplateResponse(request, f"headlessly/settings/{name}.html", context, status=status)


__all__ = ["respond", "urls"]
