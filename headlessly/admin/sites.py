"""The sites whose pages these are: what the tenant's and the operator's share, and whom they let in."""

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

#: What every page runs.
SCRIPTS = (
    "zone", "admin", "sending", "ahead", "toasts", "typed", "idiomorph", "parts", "drafts", "when",
    "keys", "quick",
    "passkeys",
)  # fmt: skip
#: A page's script asks so for what stands within the frame alone: see parts.js.
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
    """An entry of the sidebar, marked on its page and those below it; ``alone`` says that none is, ``query``
    what else the link says."""
    here = request.path == link if alone else request.path.startswith(link)
    link = f"{link}{query}"
    return {"title": title, "icon": icon, "link": link, "active": here, "has_permission": True}


@require_POST
def session_view(request: HttpRequest, *, site: Site) -> HttpResponse:
    """Nothing, to a page that asks whether what it sends next would be taken: see sending.js."""
    return HttpResponse(status=204)


@require_GET
def when_view(request: HttpRequest, *, site: Site) -> HttpResponse:
    """What is understood of a day or a moment that somebody types: see when.js."""
    now = timezone.localtime(clock.now())
    text = request.GET.get("text", "")[:100]
    when = (read_past_when if request.GET.get("past") else read_when)(text, now)
    if when is None:
        return JsonResponse({"problem": no_day_said()})
    said = date_format(when.day, "D, j M Y")
    return JsonResponse({"understood": f"{said}, {when.time:%H:%M}" if when.time else said})


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

        @wraps(guarded)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if refused := self.refused(request):
                return refused
            if any(not is_storable(part) for part in kwargs.values()):
                raise Http404  # nothing is called so, and the database could not even be asked
            try:
                if getattr(view, "tries_password", False):
                    return guarded(request, *args, **kwargs)
                return once.answer_once(request, lambda: guarded(request, *args, **kwargs))
            except NotFound as problem:
                raise Http404(problem.message) from None

        return inner

    def get_urls(self) -> list[Any]:
        """Without the shortcut that tells, by content type, which rows of any table exist, and with an own
        page to change the password."""
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
        """The address of a page of the site, for those who ``may`` open it; ``view`` is handed the
        site whose page it draws. With ``confirm`` the password is asked for again, where it was not typed
        just now. What is refused is undone, but for a page that ``tries_password``: its tries stay counted.
        Like all of the site, no cache keeps it."""

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
        """Unfold's search would remember what it found for one tenant and show it in another."""
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
        """What a page says that stands within its frame already."""
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
        """A page of the site with a heading of its own; ``template`` by its name alone or with its folder,
        ``styles`` by their bare names. Without a ``status``, a ``form`` with errors is answered with 422."""
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
    """What pages may know of the site of the active tenant: its nouns, and who may enter it."""

    #: How a noun is shown that no admin.py registers; set where both are known (:mod:`headlessly.admin`).
    noun_admin: Any = None

    def refused(self, request: HttpRequest) -> HttpResponse | None:
        """A stranger and a tenant that does not exist look the same from outside."""
        if not request.user.is_authenticated:
            return redirect_to_sign_in(request)
        # Several views of a request may ask, the actor enters once.
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
        """Every noun in the order of the apps, registered where no admin.py did it."""
        found: list[type[Noun]] = []
        for config in apps.get_app_configs():
            mine = [m for m in config.get_models() if registry.get(m.__name__) is m]
            found += sorted(mine, key=lambda noun: noun.Surface.rank)
        for noun in found:
            if noun not in self._registry:
                self.register(noun, self.noun_admin)
        return found

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Nothing: the menu is ``get_sidebar_list``, and Django would look at every noun for its own."""
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
