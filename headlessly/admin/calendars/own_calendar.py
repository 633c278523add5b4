"""The address under which another calendar program reads what the signed-in person has planned."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from headlessly.admin.calendars import feed
from headlessly.admin.setting_up import beside_settings
from headlessly.notifications import inbox


def calendar_view(request: HttpRequest, *, site: Any) -> HttpResponse:
    """Shows the address; a POST makes another one, or ends it, as ``do`` says."""
    member = inbox.require_member()
    if request.method == "POST":
        match request.POST.get("do"):
            case "make":
                had_one = bool(member.calendar_key)
                feed.renew_feed(member)
                if had_one:
                    messages.success(
                        request, _("This is the new address. The former one has ended.")
                    )
            case "end":
                feed.end_feed(member)
                messages.success(
                    request, _("The address has ended. Nobody can read your calendar by it.")
                )
            case _:
                raise Http404
        return redirect("admin:own_calendar")
    return site.respond(
        request,
        "account/calendar",
        _("Your calendar in other programs"),
        in_settings=beside_settings(_("Your sign-in")),
        url=feed.feed_url(member),
        has_contact=member.contact_id is not None,
        back=feed.BACK.days,
    )
