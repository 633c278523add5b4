"""The tenant's workplace: its pages beside those of the nouns, and its menu."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from headlessly.access import actors, tenancy
from headlessly.admin import (
    choices,
    display,
    import_pages,
    notification_pages,
    palette,
    settings,
    toasts,
    undo,
)
from headlessly.admin.account import own_keys
from headlessly.admin.calendars import own_calendar
from headlessly.admin.dashboards import dashboard, definitions, table_page
from headlessly.admin.lists.tabs import START
from headlessly.admin.proposing import proposals
from headlessly.admin.records.quick import quick_nouns
from headlessly.admin.reports import report_pages
from headlessly.admin.sites import TenantSite, menu_item
from headlessly.admin.today import today_pages
from headlessly.admin.undo import Undo
from headlessly.admin.watching.middleware import make_token
from headlessly.api import idempotency
from headlessly.declaration import labels
from headlessly.declaration.surface import SETUP
from headlessly.errors import BadRequest
from headlessly.query.named_reports import reports


def watch_token_view(request: HttpRequest, *, site: Any) -> HttpResponse:
    """Returns a token for a page that keeps asking what changed, for watch.js."""
    return JsonResponse({"token": make_token()})


@require_GET
def sent_view(request: HttpRequest, key: str, *, site: Any) -> HttpResponse:
    """Returns whether a request with this key was executed, for a page that got no response: see
    drafts.js."""
    try:
        arrived = idempotency.is_answered(key)
    except BadRequest:  # no request was sent with a malformed key
        arrived = False
    return JsonResponse({"arrived": arrived})


class Workplace(TenantSite):
    """The site of the active tenant. Only members enter it, as the actor that their membership makes them."""

    def get_urls(self) -> list[Any]:
        """Returns the pages of the tenant, followed by those of the nouns."""
        found = super().get_urls() if self.nouns else []
        return [
            self.page("dashboard/", dashboard.dashboard_view, "dashboard"),
            self.page("dashboard/definitions/", definitions.definitions_view, "definitions"),
            self.page("dashboard/tables/<str:name>/", table_page.table_view, "report_table"),
            self.page("find/", palette.find_view, "find"),
            self.page("sent/<str:key>/", sent_view, "sent"),
            self.page("watch/token/", watch_token_view, "watch_token"),
            *report_pages.urls(self),
            *proposals.urls(self),
            *settings.urls(self),
            *undo.urls(self),
            *notification_pages.urls(self),
            *import_pages.urls(self),
            *own_keys.urls(self),
            self.page(
                "account/calendar/", own_calendar.calendar_view, "own_calendar", confirm=True
            ),
            *today_pages.urls(self),
            *found,
        ]

    @method_decorator(require_GET)
    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        return choices.find_choices(request, self)

    def app_index(self, request: HttpRequest, app_label: str, extra_context: Any = None) -> Any:
        """Redirects to the day: an app's own page would only repeat the sidebar."""
        return redirect("admin:index")

    def index(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = today_pages.today_context(request, self)
        return self.respond(request, "today", **context)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Adds the button to create a record and the undo keys, for actors who write, and the notes."""
        context = super().each_context(request)
        if actors.current().writes:
            context["quick_url"] = next(
                (display.page_url(noun, "quick") for noun in quick_nouns()), ""
            )
            context["undo_by_key"] = {"undo": Undo(""), "redo": Undo("", redo=True)}
        return context | self._notes(request)

    def part_context(self, request: HttpRequest) -> dict[str, Any]:
        return super().part_context(request) | self._notes(request)

    @staticmethod
    def _notes(request: HttpRequest) -> dict[str, Any]:
        """Returns the messages, and for admins the webhooks that were disabled. Only pages that show them
        query the database."""
        found: dict[str, Any] = {"toasts": cache(lambda: toasts.read_toasts(request))}
        if actors.may_administer(actors.current()):
            found["disabled_webhooks"] = SimpleLazyObject(
                lambda: settings.webhooks.disabled_notes(tenancy.require())
            )
        return found

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Returns the menu: nouns by app under its name, and those that are set up once folded below."""
        first = [
            menu_item(request, _("Today"), "today", display.named_url("admin:index"), alone=True),
            menu_item(
                request,
                _("Dashboard"),
                "monitoring",
                display.named_url("admin:dashboard"),
                alone=True,
            ),
            menu_item(request, _("Reports"), "bar_chart", display.named_url("admin:reports")),
        ]
        first += [
            menu_item(
                request,
                str(each.title),
                each.icon,
                display.named_url("admin:report_table", each.name),
            )
            for each in reports.by_name.values()
            if each.icon and each.is_offered()
        ]
        if (waiting := proposals.proposals_menu_item(request)) is not None:
            first.append(waiting)
        groups: dict[str, list[dict[str, Any]]] = {}
        setup: list[dict[str, Any]] = []
        for noun in self.nouns:
            if noun.Surface.joins is not None or not noun.Surface.is_in_menu:
                continue  # its records are on the pages of those they join
            link = display.page_url(noun, "changelist")
            title, icon = labels.plural_title(noun), noun.Surface.icon
            item = menu_item(request, title, icon, link, query=f"?view={START}")
            more = [menu_item(request, *page) for page in self._registry[noun].menu_pages()]
            item["active"] = item["active"] and not any(page["active"] for page in more)
            app = str(noun._meta.app_config.verbose_name)
            items = setup if noun.Surface.area == SETUP else groups.setdefault(app, [])
            items += [item, *more]
        found: list[dict[str, Any]] = [
            {"items": first},
            *({"title": title, "items": items} for title, items in groups.items()),
            # What is set up once is out of the way.
            {"title": _("Setup"), "items": setup, "folds": True}
            | {"open": any(item["active"] for item in setup)},
        ]
        if actors.may_administer(actors.current()):
            place = display.named_url("admin:settings_general")
            found.append({"items": [menu_item(request, _("Settings"), "settings", place)]})
        return found


workplace = Workplace(name="admin")
