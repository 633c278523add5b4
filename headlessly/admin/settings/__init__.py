"""The tenant's own settings, for its admins: how it works, who belongs to it, its keys and its webhooks."""

from __future__ import annotations

from functools import partial

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
    """The addresses below the workplace's own."""
    page = partial(site.page, may=actors.may_administer)
    guarded = partial(page, confirm=True)  # what lets somebody in, or lets them do more
    return [
        guarded("settings/", general.general_view, "settings_general"),
        guarded("settings/members/", members.members_view, "settings_members"),
        guarded("settings/members/<int:id>/", members.member_view, "settings_member"),
        guarded("settings/members/<int:id>/remove/", members.remove_view, "settings_member_remove"),
        guarded("settings/members/<int:id>/link/", members.link_view, "settings_member_link"),
        guarded(
            "settings/invitations/<str:id>/again/", members.again_view, "settings_member_again"
        ),
        guarded(
            "settings/invitations/<str:id>/withdraw/",
            members.withdraw_view,
            "settings_member_withdraw",
        ),
        guarded("settings/keys/", keys.keys_view, "settings_keys"),
        guarded("settings/keys/<str:id>/revoke/", keys.revoke_view, "settings_key_revoke"),
        page("settings/log/", who_did_what.who_did_what_view, "settings_log"),
        *fields.urls(site),
        *value_lists.urls(site),
        *webhooks.urls(site),
    ]
