"""The views of a list: those that its noun brings along, and those that people saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.decorators import method_decorator
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from headlessly.access import actors
from headlessly.admin import display
from headlessly.admin.lists.address import Address, canonical
from headlessly.errors import HeadlesslyError
from headlessly.query import saved_views

if TYPE_CHECKING:
    from headlessly.nouns import Noun

#: As many views stand above a list; the others are in a menu.
TABS = 6
ALL = "all"


@dataclass(frozen=True)
class Ready:
    """A view that comes with the noun."""

    key: str
    name: str
    query: str
    shared: bool = False
    mine: bool = False
    may_change: bool = False


def ready(noun: type[Noun]) -> list[Ready]:
    """All of them; mine that are open, nobody's; and those that the noun declares."""
    schema, many = noun.schema, display.plural_in_sentence(noun)
    is_open = ""
    if schema.machine and hasattr(noun, "OPEN"):
        is_open = f"{schema.by_name[schema.machine.name].wire}={','.join(noun.OPEN)}&"
    found = [Ready(ALL, _("All"), "")]
    if schema.owner is not None:
        owner = schema.owner.wire
        if actors.current().contact_id:
            name = _("My open %s") if is_open else _("My %s")
            found.append(Ready("mine", name % many, f"{is_open}{owner}=me"))
        found.append(Ready("unowned", _("Unowned"), f"{is_open}{owner}=-"))
    mine = actors.current().contact_id
    for name, query in noun.Surface.views.items():
        if mine or "=me" not in query:
            if "{stale}" in query:
                query = query.replace("{stale}", f"{noun.stale_after().days}d ago")
            found.append(Ready(slugify(name), _(name), query))
    return found


class Tabs:
    """The views above a list, and which of them it is."""

    def __init__(self, address: Address) -> None:
        self.address, noun = address, address.noun
        self.every: list[Any] = [*ready(noun), *saved_views.visible_views(noun)]
        self.start = saved_views.start_view_of(noun)
        self.now = self._now()

    def _now(self) -> Any:
        """The view that the address names; else the one that says the same."""
        key, said = self.address.given.get("view"), self.address.saved
        named = next((v for v in self.every if v.key == key), None)
        return named or next((v for v in self.every if canonical(v.query) == said), None)

    @property
    def edited(self) -> bool:
        """Whether the list is no longer what the view says."""
        return self.now is None or canonical(self.now.query) != self.address.saved

    def expanded(self) -> str | None:
        """The whole address of the view that alone is named, or with which one starts; else None."""
        given = self.address.given
        key = given.get("view") if set(given) == {"view"} else "" if given else self.start
        view = next((v for v in self.every if v.key == key), None) if key else None
        return self.url(view) if view is not None and view.query else None

    @staticmethod
    def url(view: Any) -> str:
        query = canonical(view.query)
        return f"?{query}&view={view.key}" if query else f"?view={view.key}"

    def listed(self) -> list[dict[str, Any]]:
        return [
            {
                "name": view.name,
                "url": self.url(view),
                "now": view is self.now,
                "shared": view.shared,
                "start": view.key == self.start,
            }
            for view in self.every
        ]

    @property
    def shown(self) -> list[dict[str, Any]]:
        """The first ones, and the present one wherever it stands."""
        found = self.listed()
        return [tab for place, tab in enumerate(found) if place < TABS or tab["now"]]

    @property
    def others(self) -> list[dict[str, Any]]:
        return [tab for place, tab in enumerate(self.listed()) if place >= TABS and not tab["now"]]

    @property
    def is_start(self) -> bool:
        return self.now is not None and (self.start or ALL) == self.now.key

    @property
    def is_saved(self) -> bool:
        return isinstance(self.now, saved_views.View)

    @property
    def may_share(self) -> bool:
        return actors.may_share(actors.current())


class Viewing:
    """The part of :class:`~headlessly.admin.base.NounAdmin` that keeps views of its list."""

    @method_decorator(require_POST)
    def views_view(self, request: HttpRequest) -> HttpResponse:
        """Save the list as it is under a name of its own."""
        sent = request.POST
        address = Address(self.model, sent.get("query", ""), self.admin_site)
        name, shared = sent.get("name", ""), "shared" in sent
        try:
            made = saved_views.save_view(self.model, name, address.saved, shared=shared)
        except HeadlesslyError as problem:
            saving = {"name": name, "shared": shared, "start": "start" in sent}
            return self.list_page(request, address, saving=saving | _said(problem))
        if "start" in sent:
            saved_views.set_start_view(self.model, made.key)
        self.say(request, _("Saved: %s.") % made)
        return self._to(Tabs.url(made))

    @method_decorator(require_POST)
    def view_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """Do something with a view: ``do`` says what."""
        sent = request.POST
        address = Address(self.model, sent.get("query", ""), self.admin_site)
        view = next((v for v in Tabs(address).every if v.key == key), None)
        if view is None:
            messages.error(request, _("There is no such view any more."))
            return self._to(f"?view={ALL}")
        try:
            said = self._do(sent.get("do", ""), view, sent, address)
        except HeadlesslyError as problem:
            if sent.get("do") == "rename":
                renaming = {"name": sent.get("name", "")} | _said(problem)
                return self.list_page(request, address, renaming=renaming)
            messages.error(request, problem.message)
            return self._to(f"?{address.said}&view={view.key}")
        self.say(request, said)
        return self._to(f"?view={ALL}" if sent.get("do") == "delete" else Tabs.url(view))

    def _do(self, what: str, view: Any, sent: Mapping[str, str], address: Address) -> str:
        """Do it, and say so. Raises Http404 for what cannot be done with such a view."""
        if what == "start":
            saved_views.set_start_view(self.model, "" if view.key == ALL else view.key)
            return _("You start with “%s” now.") % view.name
        if not isinstance(view, saved_views.View):
            raise Http404
        match what:
            case "save":
                view.change(query=address.saved)
                return _("Saved: %s.") % view
            case "rename":
                view.change(name=sent.get("name", ""))
                return _("Renamed: %s.") % view
            case "share":
                view.change(shared=True)
                return _("The team sees “%s” now.") % view
            case "unshare":
                view.change(shared=False)
                return _("“%s” is private now.") % view
            case "delete":
                view.remove()
                return _("Deleted the view “%s”.") % view
        raise Http404

    def _to(self, query: str) -> HttpResponseRedirect:
        return HttpResponseRedirect(self.place("changelist") + query)


def _said(problem: HeadlesslyError) -> dict[str, Any]:
    """What went wrong, in a sentence, and with which status it is answered."""
    message = problem.details[0]["message"] if problem.details else problem.message
    return {"problem": message, "status": problem.status}


__all__ = ["ALL", "Ready", "Tabs", "Viewing", "ready"]
