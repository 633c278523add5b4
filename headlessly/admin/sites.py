"""Base classes of the tenant's and the operator's sites: whom they admit, and what their pages share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.apps import apps
from django.contrib.auth import logout
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.dateformat import format as date_format
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from unfold.sites import UnfoldAdminSite

from headlessly.access import actors, tenancy
from headlessly.access.models import Membership
from headlessly.accounts import entering
from headlessly.accounts.signing_in import forget_email
from headlessly.admin import display, once, preferences
from headlessly.admin.account import pages as account_pages
from headlessly.context import clock
from headlessly.declaration.registry import registry
from headlessly.declaration.values import is_storable
from headlessly.errors import NotFound
from headlessly.language.moments import no_day_said, read_past_when, read_when
from headlessly.nouns import Noun
from headlessly.web.sign_in import redirect_to_sign_in, sign_in_url

#: The scripts of every page.
SCRIPTS = (
    "zone", "admin", "sending", "ahead", "toasts", "typed", "idiomorph", "parts", "drafts", "when",
    "keys", "quick",
    "passkeys",
)  # fmt: skip
#: The header with which a page's script asks only for what is within the frame: see parts.js.
PART = "X-Region"


def menu_item(
    request: HttpRequest,
    title: str,
    icon: str,
    link: str,
    *,
    alone: bool = False,
    query: str = "",
) -> dict[str, Any]:
    """Returns an entry of the sidebar, which is marked on its page and, unless it is ``alone``, those
    below it. ``query`` is added to the link."""
    here = request.path == link if alone else request.path.startswith(link)
    link = f"{link}{query}"
    return {"title": title, "icon": icon, "link": link, "active": here, "has_permission": True}


@require_POST
def session_view(request: HttpRequest, *, site: Site) -> HttpResponse:
    """Returns an empty response, for a page that checks whether its session still holds: see sending.js."""
    return HttpResponse(status=204)


@require_GET
def when_view(request: HttpRequest, *, site: Site) -> HttpResponse:
    """Returns how a typed day or moment is understood, for when.js."""
    now = timezone.localtime(clock.now())
    text = request.GET.get("text", "")[:100]
    when = (read_past_when if request.GET.get("past") else read_when)(text, now)
    if when is None:
        return JsonResponse({"problem": no_day_said()})
    said = date_format(when.day, "D, j M Y")
    return JsonResponse({"understood": f"{said}, {when.time:%H:%M}" if when.time else said})


class Site(UnfoldAdminSite):
    """Base of the tenant's and the operator's site."""

    index_title = gettext_lazy("Home")
    enable_nav_sidebar = True

    def refused(self, request: HttpRequest) -> HttpResponse | None:
        """Returns the response to somebody who may not be here, or None."""
        raise NotImplementedError

    def has_permission(self, request: HttpRequest) -> bool:
        return self.refused(request) is None

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        guarded = super().admin_view(view, cacheable)

        @wraps(guarded)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if refused := self.refused(request):
                return refused
            if any(not is_storable(part) for part in kwargs.values()):
                raise Http404  # nothing has such a name, and the database would refuse the query
            try:
                if getattr(view, "tries_password", False):
                    return guarded(request, *args, **kwargs)
                return once.answer_once(request, lambda: guarded(request, *args, **kwargs))
            except NotFound as problem:
                raise Http404(problem.message) from None

        return inner

    def get_urls(self) -> list[Any]:
        """Returns the site's pages, without ``view_on_site``, which reveals the rows of any table by
        content type, and with the account's own page to change the password."""
        replaced = ("view_on_site", "password_change", "password_change_done")
        found = [u for u in super().get_urls() if getattr(u, "name", None) not in replaced]
        return [
            self.page("preferences/", preferences.preferences_view, "preferences"),
            self.page("session/", session_view, "session"),
            self.page("when/", when_view, "when"),
            *account_pages.urls(self),
            *found,
        ]

    def page(
        self,
        route: str,
        view: Callable[..., HttpResponse],
        name: str,
        may: Callable[[actors.Actor], bool] | None = None,
        *,
        confirm: bool = False,
        tries_password: bool = False,
    ) -> URLPattern:
        """Returns the URL pattern of a page, for actors for whom ``may`` is true; ``view`` gets the
        ``site``. With ``confirm`` the password is asked for unless it was typed recently. The effects of a
        refused request are rolled back, except on a page that ``tries_password``, whose attempts stay
        counted. Like all pages of the site, it is never cached."""

        @require_http_methods(["GET", "HEAD", "POST"])
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if may is not None and not may(actors.current()):
                raise PermissionDenied
            if confirm and not entering.is_confirmed(request):
                return account_pages.ask_to_confirm(request)
            return view(request, *args, site=self, **kwargs)

        vars(guarded)["tries_password"] = tries_password
        return path(route, self.admin_view(guarded), name=name)

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(sign_in_url(request))

    @method_decorator(require_POST)
    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        logout(request)
        return forget_email(HttpResponseRedirect(sign_in_url(request)))

    def search(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Raises Http404: Unfold's search would cache what it found for one tenant and show it in another."""
        raise Http404

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        context |= {
            "site_url": None,
            "styles": [static("headlessly/admin.css")],
            "scripts": [static(f"headlessly/{name}.js") for name in SCRIPTS],
            "account_links": self.account_links(request),
        }
        return context

    def part_context(self, request: HttpRequest) -> dict[str, Any]:
        """Returns the context of a page that replaces the contents of the frame."""
        return {"frame": "headlessly/part.html", "has_permission": True}

    def respond(
        self,
        request: HttpRequest,
        template: str,
        title: str = "",
        *,
        status: int | None = None,
        styles: Iterable[str] = (),
        **context: Any,
    ) -> TemplateResponse:
        """Returns a page of the site with its own heading. ``template`` is named alone or with its folder,
        ``styles`` by their bare names. Without a ``status``, a ``form`` with errors gets 422."""
        request.current_app = self.name
        if not template.endswith(".html"):
            template = f"headlessly/{template}.html"
        if status is None:
            status = 422 if (form := context.get("form")) is not None and form.errors else 200
        if request.headers.get(PART):
            around = self.part_context(request)
        else:
            around = self.each_context(request)
            around["styles"] += [static(f"headlessly/{name}.css") for name in styles]
        context = {**around, "title": title, "own_heading": True, **context}
        return TemplateResponse(request, template, context, status=status)

    def account_links(self, request: HttpRequest) -> list[dict[str, str]]:
        return [
            {"title": _("Language and time"), "link": display.named_url("admin:preferences")},
            {"title": _("Sign-in and security"), "link": display.named_url("admin:account")},
        ]


class TenantSite(Site):
    """Base of the active tenant's site: its nouns, and who may enter it."""

    #: The admin of nouns that no admin.py registers; set in :mod:`headlessly.admin`, where both are known.
    noun_admin: Any = None

    def refused(self, request: HttpRequest) -> HttpResponse | None:
        """Refuses everybody but members. A tenant that somebody does not belong to looks like one that
        does not exist."""
        if not request.user.is_authenticated:
            return redirect_to_sign_in(request)
        # Several views of a request may ask; the actor enters once.
        known = vars(request)
        if "membership" not in known:
            known["membership"] = membership = Membership.find_membership(
                request.user, tenancy.current()
            )
            if membership is not None:
                actors.enter(membership.actor)
                entering.note_entry(request, membership)
        if known["membership"] is None:
            raise Http404
        lacks_factor = entering.lacks_second_factor(request, known["membership"].tenant)
        if lacks_factor and not account_pages.is_own_page(request):
            return redirect("admin:account")
        return None

    @cached_property
    def nouns(self) -> list[type[Noun]]:
        """All nouns in the order of the apps. Registers those that no admin.py did."""
        found: list[type[Noun]] = []
        for config in apps.get_app_configs():
            mine = [m for m in config.get_models() if registry.get(m.__name__) is m]
            found += sorted(mine, key=lambda noun: noun.Surface.rank)
        for noun in found:
            if noun not in self._registry:
                self.register(noun, self.noun_admin)
        return found

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Returns nothing: the menu is ``get_sidebar_list``, and Django would query every noun for its
        own."""
        return []

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        tenant = tenancy.require()
        context["styles"] += [static("headlessly/palette.css")]
        context["scripts"] += [
            *(static(f"headlessly/{name}.js") for name in ("palette", "watch", "bell", "mentions"))
        ]
        return context | {"site_title": tenant.name, "site_header": tenant.name, "tenant": tenant}

    def part_context(self, request: HttpRequest) -> dict[str, Any]:
        tenant = tenancy.require()
        return super().part_context(request) | {"site_title": tenant.name, "tenant": tenant}

    def account_links(self, request: HttpRequest) -> list[dict[str, str]]:
        told = {
            "title": _("Notifications"),
            "link": display.named_url("admin:notification_choices"),
        }
        switch = {"title": _("Switch company"), "link": f"{sign_in_url(request)}?choose=1"}
        return [*super().account_links(request), told, switch]
