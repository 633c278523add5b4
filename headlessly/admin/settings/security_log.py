"""Who did what: who got in, and who changed how one gets in; for admins, the newest first."""

from __future__ import annotations

from functools import reduce

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from headlessly.admin.settings.security_text import GROUPS, SecurityTeller
from headlessly.admin.sites import TenantSite
from headlessly.log.events import Event, EventQuerySet, LogPosition

PAGE = 50


@require_GET
def security_log_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """A page of them, all or of one group, before the place in the log that the address names."""
    group = request.GET.get("of", "")
    chosen = [GROUPS[group]] if group in GROUPS else list(GROUPS.values())
    names = [name for _title, found in chosen for name in found]
    try:
        before = LogPosition.parse(request.GET.get("before", ""))
    except ValueError:
        before = None
    found = newest_events(names, before, PAGE + 1)
    page = found[:PAGE]
    teller = SecurityTeller(page)
    return site.respond(
        request,
        "settings/log",
        _("Who did what"),
        rows=[teller.row(event) for event in page],
        groups=[(word, title, word == group) for word, (title, _names) in GROUPS.items()],
        group=group if group in GROUPS else "",
        older=str(page[-1].position) if len(found) > PAGE else "",
    )


def newest_events(names: list[str], before: LogPosition | None, most: int) -> list[Event]:
    """The last events with these names before a place in the log: a look-up in an index for each name."""

    def newest(name: str) -> EventQuerySet:
        found = Event.objects.filter(name=name)
        if before is not None:
            found = found.all_before(before)
        return found.order_by("-xid", "-seq")[:most]

    first, *others = map(newest, names)
    union = reduce(lambda found, more: found.union(more, all=True), others, first)
    return list(union.order_by("-xid", "-seq")[:most])
