"""Saved views of a list: saving, renaming, sharing and removing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from headlessly.admin.lists.address import Address
from headlessly.admin.lists.list_pages import ListPage
from headlessly.admin.lists.tabs import ALL, Tabs
from headlessly.admin.pages import NounAdminBase, NounPages
from headlessly.errors import HeadlesslyError
from headlessly.notifications import inbox
from headlessly.query import saved_views
from headlessly.subscriptions import following


class ShowAgain(Protocol):
    """Shows a board or a calendar of an address again, with what a refused form said."""

    def __call__(self, request: HttpRequest, query: str, **refused: Any) -> HttpResponse: ...


class SavedViewPages(NounPages):
    """Saving, changing and removing views, from a list or another way to look at it; a refused form shows
    that again."""

    def __init__(
        self, admin: NounAdminBase, list_page: ListPage, others: Mapping[str, ShowAgain]
    ) -> None:
        """``others`` are the noun's pages beside the list, by their names."""
        super().__init__(admin)
        self.list_page = list_page
        self.others = others

    @method_decorator(require_POST)
    def views_view(self, request: HttpRequest) -> HttpResponse:
        """Saves the current list under a name."""
        sent = request.POST
        address = Address(self.noun, sent.get("query", ""), self.site)
        name, shared = sent.get("name", ""), "shared" in sent
        try:
            made = saved_views.save_view(self.noun, name, address.view_query, shared=shared)
        except HeadlesslyError as problem:
            saving = {"name": name, "shared": shared, "start": "start" in sent}
            return self._again(request, address, saving=saving | refusal(problem))
        if "start" in sent:
            saved_views.set_start_view(self.noun, made.key)
        messages.success(request, _("Saved: %s.") % made)
        return self._back(sent, Tabs.url(made))

    @method_decorator(require_POST)
    def view_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """Changes a view as ``do`` says."""
        sent = request.POST
        address = Address(self.noun, sent.get("query", ""), self.site)
        view = next((v for v in Tabs(address).every if v.key == key), None)
        if view is None:
            messages.error(request, _("There is no such view any more."))
            return self._back(sent, f"?view={ALL}")
        try:
            done = self._do(sent.get("do", ""), view, sent, address)
        except HeadlesslyError as problem:
            if sent.get("do") == "rename":
                renaming = {"name": sent.get("name", "")} | refusal(problem)
                return self._again(request, address, renaming=renaming)
            messages.error(request, problem.first_message)
            return self._back(sent, f"?{address.list_query}&view={view.key}")
        messages.success(request, done)
        return self._back(sent, f"?view={ALL}" if sent.get("do") == "delete" else Tabs.url(view))

    def _do(self, what: str, view: Any, sent: Mapping[str, str], address: Address) -> str:
        """Does what a button says and returns the message. Raises Http404 if that is not possible with
        this view."""
        if what == "start":
            saved_views.set_start_view(self.noun, view.key)
            return _("You start with “%s” now.") % view.name
        if what == "start-last":
            saved_views.set_start_view(self.noun, "")
            return _("You start with the view that you used last.")
        if not isinstance(view, saved_views.View):
            raise Http404
        if said := change_view(what, view, sent.get("name", ""), address.view_query):
            return said
        match what:
            case "follow":
                following.follow(view, inbox.require_member())
                return _("You are told what enters “%s” and what leaves it.") % view
            case "unfollow":
                following.unfollow(view, inbox.require_member())
                return _("You do not follow “%s” any more.") % view
            case "watch":
                following.watch(view)
                return _("What enters “%s” and leaves it is sent to webhooks.") % view
            case "unwatch":
                following.watch(view, watched=False)
                return (
                    _("What enters “%s” is sent to webhooks only while somebody follows it.") % view
                )
            case "delete":
                view.remove()
                return _("Deleted the view “%s”.") % view
        raise Http404

    def _back(self, sent: Mapping[str, str], query: str) -> HttpResponseRedirect:
        """To the list of ``query``, or to the page from which it was sent."""
        on = sent.get("on", "")
        return HttpResponseRedirect(
            self.admin.place(on if on in self.others else "changelist") + query
        )

    def _again(self, request: HttpRequest, address: Address, **refused: Any) -> HttpResponse:
        if again := self.others.get(request.POST.get("on", "")):
            return again(request, address.list_query, **refused)
        return self.list_page.render(request, address, **refused)


def change_view(what: str, view: saved_views.View, name: str, query: str) -> str:
    """Changes a saved view or report and returns the message; an empty text if ``what`` is no such change."""
    match what:
        case "save":
            view.change(query=query)
            return _("Saved: %s.") % view
        case "rename":
            view.change(name=name)
            return _("Renamed: %s.") % view
        case "share":
            view.change(shared=True)
            return _("The team sees “%s” now.") % view
        case "unshare":
            view.change(shared=False)
            return _("“%s” is private now.") % view
    return ""


def refusal(problem: HeadlesslyError) -> dict[str, Any]:
    """Returns the message and the status of a refusal."""
    return {"problem": problem.first_message, "status": problem.status}
