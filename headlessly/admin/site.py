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
    """The right to ask what changed, for a page that goes on asking: see watch.js."""
    return JsonResponse({"token": make_token()})


@require_GET
def sent_view(request: HttpRequest, key: str, *, site: Any) -> HttpResponse:
    """Whether what was sent with a key is done, to a page that had no answer: see drafts.js."""
    try:
        arrived = idempotency.is_answered(key)
    except BadRequest:  # nothing is sent with a key that is none
        arrived = False
    return JsonResponse({"arrived": arrived})


class Workplace(TenantSite):
    """The site of the active tenant: its members only, as the actor that their membership makes."""

    def get_urls(self) -> list[Any]:
        """The nouns' pages, and before them what the palette asks."""
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
            *today_pages.urls(self),
            *found,
        ]

    @method_decorator(require_GET)
    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        return choices.find_choices(request, self)

    def app_index(self, request: HttpRequest, app_label: str, extra_context: Any = None) -> Any:
        """An app's nouns are in the sidebar; its own page would say nothing more."""
        return redirect("admin:index")

    def index(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = today_pages.today_context(request, self)
        return self.respond(request, "today", **context)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Admins are told of webhooks that were disabled, on every page until somebody deals with it."""
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
        """What was done, and what admins are told of. Only the pages that show it ask the database."""
        found: dict[str, Any] = {"toasts": cache(lambda: toasts.read_toasts(request))}
        if actors.may_administer(actors.current()):
            found["disabled_webhooks"] = SimpleLazyObject(
                lambda: settings.webhooks.disabled_notes(tenancy.require())
            )
        return found

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """The nouns by app; an app's name is its heading. What is set up once is folded below them."""
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
                continue  # its records stand on the pages of what they join
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
            # What is set up once stands in nobody's way.
            {"title": _("Setup"), "items": setup, "folds": True}
            | {"open": any(item["active"] for item in setup)},
        ]
        if actors.may_administer(actors.current()):
            place = display.named_url("admin:settings_general")
            found.append({"items": [menu_item(request, _("Settings"), "settings", place)]})
        return found


workplace = Workplace(name="admin")
