"""The tenant's own settings, for its admins: how it works, who belongs to it, its keys and its webhooks."""

from __future__ import annotations

from functools import partial

from django.urls import URLPattern

from headlessly.access import actors
from headlessly.admin.settings import general, keys, members, webhooks
from headlessly.admin.sites import TenantSite


def urls(site: TenantSite) -> list[URLPattern]:
    """The addresses below the workplace's own."""
    page = partial(site.page, may=actors.may_administer)
    return [
        page("settings/", general.general_view, "settings_general"),
        page("settings/members/", members.members_view, "settings_members"),
        page("settings/members/<int:id>/", members.member_view, "settings_member"),
        page("settings/members/<int:id>/remove/", members.remove_view, "settings_member_remove"),
        page("settings/members/<int:id>/link/", members.link_view, "settings_member_link"),
        page("settings/keys/", keys.keys_view, "settings_keys"),
        page("settings/keys/<str:id>/revoke/", keys.revoke_view, "settings_key_revoke"),
        *webhooks.urls(site),
    ]
