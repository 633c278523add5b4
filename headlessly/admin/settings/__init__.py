"""The tenant's own settings, for its admins: how it works, who belongs to it, its keys and its webhooks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path

from headlessly.access import actors
from headlessly.admin.settings import general, keys, members, webhooks


def urls(site: AdminSite) -> list[Any]:
    """The addresses below the workplace's own; each view is handed the site whose page it draws."""

    def page(route: str, view: Callable[..., HttpResponse], name: str) -> Any:
        guarded = site.admin_view(partial(for_admins(view), site=site))
        return path(f"settings/{route}", guarded, name=f"settings_{name}")

    return [
        page("", general.general_view, "general"),
        page("members/", members.members_view, "members"),
        page("members/<int:id>/", members.member_view, "member"),
        page("members/<int:id>/remove/", members.remove_view, "member_remove"),
        page("members/<int:id>/link/", members.link_view, "member_link"),
        page("keys/", keys.keys_view, "keys"),
        page("keys/<str:id>/revoke/", keys.revoke_view, "key_revoke"),
        page("webhooks/", webhooks.webhooks_view, "webhooks"),
        page("webhooks/<str:id>/", webhooks.webhook_view, "webhook"),
        page("webhooks/<str:id>/enable/", webhooks.enable_view, "webhook_enable"),
        page("webhooks/<str:id>/pause/", webhooks.pause_view, "webhook_pause"),
        page("webhooks/<str:id>/ping/", webhooks.ping_view, "webhook_ping"),
        page("webhooks/<str:id>/delete/", webhooks.delete_view, "webhook_delete"),
        page(
            "webhooks/<str:id>/deliveries/<str:delivery>/redeliver/",
            webhooks.redeliver_view,
            "redeliver",
        ),
    ]


def for_admins(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not actors.may_administer(actors.current()):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


__all__ = ["urls"]
