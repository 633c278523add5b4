"""The tenant's workplace, and who may enter it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST
from unfold.sites import UnfoldAdminSite

from headlessly.access import actors
from headlessly.access.models import Membership
from headlessly.admin import (
    choices,
    display,
    home,
    import_pages,
    palette,
    preferences,
    settings,
    the,
)
from headlessly.admin.dashboards import dashboard
from headlessly.admin.proposing import proposals
from headlessly.declaration.registry import registry
from headlessly.web.sign_in import redirect_to_sign_in, sign_in_url


class Site(UnfoldAdminSite):
    """What the tenant's and the operator's pages share: the entrance, and no back doors."""

    index_title = gettext_lazy("Home")
    enable_nav_sidebar = True

    def refused(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to somebody who may not be here, or None."""
        raise NotImplementedError

    def has_permission(self, request: HttpRequest) -> bool:
        return self.refused(request) is None

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        guarded = super().admin_view(view, cacheable)

        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            return self.refused(request) or guarded(request, *args, **kwargs)

        inner.csrf_exempt = getattr(guarded, "csrf_exempt", False)
        return inner

    def get_urls(self) -> list[Any]:
        """Without the shortcut that tells, by content type, which rows of any table exist."""
        found = [u for u in super().get_urls() if getattr(u, "name", None) != "view_on_site"]
        page = self.admin_view(self.preferences_view)
        return [path("preferences/", page, name="preferences"), *found]

    def preferences_view(self, request: HttpRequest) -> HttpResponse:
        return preferences.page(request, self)

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(sign_in_url(request))

    @method_decorator(require_POST)
    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        logout(request)
        return HttpResponseRedirect(sign_in_url(request))

    def search(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Unfold's search would remember what it found for one tenant and show it in another."""
        raise Http404

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        context |= {
            "site_url": None,
            "styles": [static("headlessly/admin.css")],
            "scripts": [static("headlessly/zone.js"), static("headlessly/admin.js")],
            "account_links": self.account_links(request),
        }
        return context

    def account_links(self, request: HttpRequest) -> list[dict[str, str]]:
        return [
            {"title": _("Language and time"), "link": reverse("admin:preferences")},
            {"title": _("Change password"), "link": reverse("admin:password_change")},
        ]


class Workplace(Site):
    """The site of the active tenant: its members only, as the actor that their membership makes."""

    #: How a noun is shown that no admin.py registers; set where both are known (:mod:`headlessly.admin`).
    noun_admin: Any = None

    index_template = "headlessly/home.html"

    def refused(self, request: HttpRequest) -> HttpResponse | None:
        """A stranger and a tenant that does not exist look the same from outside."""
        if not request.user.is_authenticated:
            return redirect_to_sign_in(request)
        if not hasattr(request, "membership"):
            request.membership = Membership.find_membership(request.user, request.tenant)
            if request.membership is not None:
                actors.enter(request.membership.actor)
        if request.membership is None:
            raise Http404
        return None

    @cached_property
    def nouns(self) -> list[Any]:
        """Every noun in the order of the apps, registered where no admin.py did it."""
        found = []
        for config in apps.get_app_configs():
            mine = [m for m in config.get_models() if registry.get(m.__name__) is m]
            found += sorted(mine, key=lambda noun: noun.Surface.rank)
        for noun in found:
            if noun not in self._registry:
                self.register(noun, self.noun_admin)
        return found

    def get_urls(self) -> list[Any]:
        """The nouns' pages, and before them what the palette asks."""
        found = super().get_urls() if self.nouns else []
        return [
            path("dashboard/", self.admin_view(self.dashboard_view), name="dashboard"),
            path("find/", self.admin_view(self.find_view), name="find"),
            *proposals.urls(self),
            *settings.urls(self),
            *import_pages.urls(self),
            *found,
        ]

    @method_decorator(require_GET)
    def find_view(self, request: HttpRequest) -> HttpResponse:
        return palette.answer(request, self)

    @method_decorator(require_GET)
    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        return choices.found(request, self)

    def app_index(self, request: HttpRequest, app_label: str, extra_context: Any = None) -> Any:
        """An app's nouns are in the sidebar; its own page would say nothing more."""
        return HttpResponseRedirect(reverse("admin:index"))

    def index(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().index(request, home.page(self.nouns))

    @method_decorator(require_GET)
    def dashboard_view(self, request: HttpRequest) -> HttpResponse:
        return dashboard.page(request, self)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        name = request.tenant.name
        context["styles"] = [*context["styles"], static("headlessly/palette.css")]
        context["scripts"] = [*context["scripts"], static("headlessly/palette.js")]
        return context | {"site_title": name, "site_header": name, "tenant": request.tenant}

    def account_links(self, request: HttpRequest) -> list[dict[str, str]]:
        switch = {"title": _("Switch tenant"), "link": f"{sign_in_url(request)}?choose=1"}
        return [*super().account_links(request), switch]

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """The nouns by app; an app's name is its heading."""
        first = [
            {
                "title": title,
                "icon": icon,
                "link": link,
                "active": request.path == link,
                "has_permission": True,
            }
            for title, icon, link in (
                (_("Home"), "home", reverse("admin:index")),
                (_("Dashboard"), "monitoring", reverse("admin:dashboard")),
            )
        ]
        if (waiting := proposals.menu(request)) is not None:
            first.append(waiting)
        groups: dict[str, list[dict[str, Any]]] = {}
        for noun in self.nouns:
            link = display.place(noun, "changelist")
            groups.setdefault(str(noun._meta.app_config.verbose_name), []).append(
                {
                    "title": display.plural_title(noun),
                    "icon": noun.Surface.icon,
                    "link": link,
                    "active": request.path.startswith(link),
                    "has_permission": True,
                }
            )
        found = [{"items": first}, *({"title": t, "items": items} for t, items in groups.items())]
        if actors.may_administer(actors.current()):
            place = reverse("admin:settings_general")
            mine = {
                "title": _("Settings"),
                "icon": "settings",
                "link": place,
                "active": request.path.startswith(place),
                "has_permission": True,
            }
            found.append({"items": [mine]})
        return found


workplace = Workplace(name="admin")
the.site = workplace
