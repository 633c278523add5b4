"""The views of a list: those of its noun, and those that people saved."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.text import slugify
from django.utils.translation import gettext as _

from headlessly.access import actors, tenancy
from headlessly.admin.lists.address import Address
from headlessly.admin.lists.parameters import canonical_query
from headlessly.declaration import labels
from headlessly.notifications import inbox
from headlessly.nouns import Noun
from headlessly.query import saved_views
from headlessly.subscriptions import following

#: How many views are shown above a list; the others are in a menu.
TABS = 6
ALL, MINE = "all", "mine"
#: In place of a view's key in the menu: the view that the person starts with.
START = "start"


@dataclass(frozen=True)
class ReadyView:
    """A view that comes with the noun."""

    key: str
    name: str
    query: str
    shared: bool = False
    mine: bool = False
    may_change: bool = False


def ready_views(noun: type[Noun]) -> list[ReadyView]:
    """Returns the views of a noun: all records; the actor's open ones; those without an owner; and the
    declared ones."""
    schema, many, is_open = noun.schema, labels.plural_in_sentence(noun), open_query(noun)
    found = [ReadyView(ALL, _("All"), "")]
    if schema.owner is not None:
        owner = schema.owner.wire
        if actors.current().contact_id:
            name = _("My open %s") if is_open else _("My %s")
            found.append(ReadyView(MINE, name % many, f"{is_open}{owner}=me"))
        found.append(ReadyView("unowned", _("Unowned"), f"{is_open}{owner}=-"))
    mine = actors.current().contact_id
    for name, query in noun.Surface.views.items():
        if mine or "=me" not in query:
            found.append(ReadyView(slugify(name), _(name), fill_in_query(noun, query)))
    return found


def open_query(noun: type[Noun]) -> str:
    """Returns the query of open records, ending with ``&``; empty if the noun has no open states."""
    machine = noun.schema.machine
    if machine is None or not hasattr(noun, "OPEN"):
        return ""
    return f"{noun.schema.by_name[machine.name].wire}={','.join(noun.OPEN)}&"


def fill_in_query(noun: type[Noun], query: str) -> str:
    """Returns the query of a declared list with the noun's open states filled in."""
    return query.replace("{open}", ",".join(getattr(noun, "OPEN", ())))


class Tabs:
    """The views above a list, and the current one. ``used`` is the key of the one that was used last."""

    def __init__(self, address: Address, used: str = "") -> None:
        self.address, noun = address, address.noun
        self.every: list[Any] = [*ready_views(noun), *saved_views.visible_views(noun)]
        self.start, self.used = saved_views.start_view_of(noun), used
        self.now = self._now()

    def _now(self) -> Any:
        """Returns the view that the address names, else the one with the same query."""
        key, said = self.address.given.get("view"), self.address.view_query
        named = self._named(key) if key else None
        return named or next((v for v in self.every if canonical_query(v.query) == said), None)

    @property
    def left_out(self) -> list[str]:
        """A sentence if the address names a view that the person does not have."""
        key = self.address.given.get("view")
        if not key or key == START or self._named(key):
            return []
        return [_("The view that this address names is gone, or is not shared with you.")]

    @property
    def edited(self) -> bool:
        """Whether the list differs from the view."""
        return self.now is None or canonical_query(self.now.query) != self.address.view_query

    def expanded(self) -> str | None:
        """Returns the full address of the view if only a view is named, or of the view to start with; else
        None. An empty address shows all records, unless the person chose a start."""
        given = self.address.given
        if given and set(given) != {"view"}:
            return None
        key = given.get("view", self.start)
        if key == START:
            return self.url(self._begun_with() or self._named(ALL))
        view = self._named(key)
        return self.url(view) if view is not None and view.query else None

    def _named(self, key: str) -> Any:
        return next((view for view in self.every if view.key == key), None)

    def _begun_with(self) -> Any:
        """Returns the view to start with: the chosen one, else the last one, else the person's own open
        records if there are any."""
        return self._named(self.start) or self._named(self.used) or self._own_work()

    def _own_work(self) -> Any:
        view = self._named(MINE)
        if view is None or not open_query(self.address.noun):
            return None
        own = Address(self.address.noun, view.query, self.address.site)
        return view if own.scope.queryset().filter(own.condition).exists() else None

    @staticmethod
    def url(view: Any) -> str:
        query = canonical_query(view.query)
        return f"?{query}&view={view.key}" if query else f"?view={view.key}"

    @cached_property
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
    def first(self) -> list[dict[str, Any]]:
        """The first views, and the current one wherever it is."""
        return [tab for place, tab in enumerate(self.listed) if place < TABS or tab["now"]]

    @property
    def others(self) -> list[dict[str, Any]]:
        return [tab for place, tab in enumerate(self.listed) if place >= TABS and not tab["now"]]

    @property
    def is_start(self) -> bool:
        return self.now is not None and self.start == self.now.key

    @property
    def is_saved(self) -> bool:
        return isinstance(self.now, saved_views.View)

    @cached_property
    def followed(self) -> following.State:
        """How the person follows a saved view. There is no query in a tenant where no view is watched."""
        if not tenancy.require().has_watched_views:
            return following.State(False, None)
        return following.states_of([self.now], inbox.require_member())[self.now.pk]

    @property
    def may_share(self) -> bool:
        return actors.may_share(actors.current())
