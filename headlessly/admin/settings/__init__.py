"""Settings pages for the tenant's admins: general settings, members, API keys, fields, lists and webhooks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.urls import URLPattern

from headlessly.access import actors
from headlessly.admin.settings import (
    fields,
    general,
    keys,
    members,
    value_lists,
    webhooks,
    who_did_what,
)
from headlessly.admin.sites import TenantSite


def urls(site: TenantSite) -> list[URLPattern]:
    """Returns the URL patterns of the settings, below the workplace's own."""

    def page(route: str, view: Callable[..., HttpResponse], name: str, **more: Any) -> URLPattern:
        return site.page(
            f"settings/{route}", view, f"settings_{name}", actors.may_administer, **more
        )

    guarded = partial(page, confirm=True)  # these give access, so they ask for the password again
    field, webhook = "fields/<str:id>/", "webhooks/<str:id>/"
    again = f"{webhook}deliveries/<str:delivery>/redeliver/"
    return [
        guarded("", general.general_view, "general"),
        guarded("members/", members.members_view, "members"),
        guarded("members/<int:id>/", members.member_view, "member"),
        guarded("members/<int:id>/remove/", members.remove_view, "member_remove"),
        guarded("members/<int:id>/link/", members.link_view, "member_link"),
        guarded("invitations/<str:id>/again/", members.again_view, "member_again"),
        guarded("invitations/<str:id>/withdraw/", members.withdraw_view, "member_withdraw"),
        guarded("keys/", keys.keys_view, "keys"),
        guarded("keys/<str:id>/revoke/", keys.revoke_view, "key_revoke"),
        page("log/", who_did_what.who_did_what_view, "log"),
        page("fields/", fields.fields_view, "fields"),
        page(field, fields.field_view, "field"),
        page(f"{field}archive/", fields.archive_view, "field_archive"),
        page(f"{field}delete/", fields.delete_view, "field_delete"),
        page("lists/", value_lists.lists_view, "lists"),
        page("lists/<str:id>/", value_lists.list_view, "list"),
        page("lists/<str:id>/merge/", value_lists.merge_view, "list_merge"),
        page("webhooks/", webhooks.webhooks_view, "webhooks"),
        page(webhook, webhooks.webhook_view, "webhook"),
        page(f"{webhook}enable/", partial(webhooks.switch_view, active=True), "webhook_enable"),
        page(f"{webhook}pause/", partial(webhooks.switch_view, active=False), "webhook_pause"),
        page(f"{webhook}ping/", webhooks.ping_view, "webhook_ping"),
        page(f"{webhook}delete/", webhooks.delete_view, "webhook_delete"),
        page(again, webhooks.redeliver_view, "redeliver"),
    ]
