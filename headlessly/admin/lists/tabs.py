"""The views of a list: those that its noun brings along, and those that people saved."""

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

#: As many views stand above a list; the others are in a menu.
TABS = 6
ALL = "all"


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
    """All of them; mine that are open, nobody's; and those that the noun declares."""
    schema, many = noun.schema, labels.plural_in_sentence(noun)
    is_open = ""
    if schema.machine and hasattr(noun, "OPEN"):
        is_open = f"{schema.by_name[schema.machine.name].wire}={','.join(noun.OPEN)}&"
    found = [ReadyView(ALL, _("All"), "")]
    if schema.owner is not None:
        owner = schema.owner.wire
        if actors.current().contact_id:
            name = _("My open %s") if is_open else _("My %s")
            found.append(ReadyView("mine", name % many, f"{is_open}{owner}=me"))
        found.append(ReadyView("unowned", _("Unowned"), f"{is_open}{owner}=-"))
    mine = actors.current().contact_id
    for name, query in noun.Surface.views.items():
        if mine or "=me" not in query:
            found.append(ReadyView(slugify(name), _(name), fill_in_query(noun, query)))
    return found


def fill_in_query(noun: type[Noun], query: str) -> str:
    """The query of a declared list, with the states in which the noun's records are open."""
    return query.replace("{open}", ",".join(getattr(noun, "OPEN", ())))


class Tabs:
    """The views above a list, and which of them it is."""

    def __init__(self, address: Address) -> None:
        self.address, noun = address, address.noun
        self.every: list[Any] = [*ready_views(noun), *saved_views.visible_views(noun)]
        self.start = saved_views.start_view_of(noun)
        self.now = self._now()

    def _now(self) -> Any:
        """The view that the address names; else the one that says the same."""
        key, said = self.address.given.get("view"), self.address.view_query
        named = next((v for v in self.every if v.key == key), None)
        return named or next((v for v in self.every if canonical_query(v.query) == said), None)

    @property
    def left_out(self) -> list[str]:
        """That the view which the address names is none that one has, in a sentence."""
        key = self.address.given.get("view")
        if not key or any(view.key == key for view in self.every):
            return []
        return [_("The view that this address names is gone, or is not shared with you.")]

    @property
    def edited(self) -> bool:
        """Whether the list is no longer what the view says."""
        return self.now is None or canonical_query(self.now.query) != self.address.view_query

    def expanded(self) -> str | None:
        """The whole address of the view that alone is named, or with which one starts; else None."""
        given = self.address.given
        key = given.get("view") if set(given) == {"view"} else "" if given else self.start
        view = next((v for v in self.every if v.key == key), None) if key else None
        return self.url(view) if view is not None and view.query else None

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
        """The first ones, and the present one wherever it stands."""
        return [tab for place, tab in enumerate(self.listed) if place < TABS or tab["now"]]

    @property
    def others(self) -> list[dict[str, Any]]:
        return [tab for place, tab in enumerate(self.listed) if place >= TABS and not tab["now"]]

    @property
    def is_start(self) -> bool:
        return self.now is not None and (self.start or ALL) == self.now.key

    @property
    def is_saved(self) -> bool:
        return isinstance(self.now, saved_views.View)

    @cached_property
    def followed(self) -> following.State:
        """How whoever reads stands to a saved view; nothing is asked where none is followed."""
        if not tenancy.require().has_watched_views:
            return following.State(False, None)
        return following.states_of([self.now], inbox.require_member())[self.now.pk]

    @property
    def may_share(self) -> bool:
        return actors.may_share(actors.current())
