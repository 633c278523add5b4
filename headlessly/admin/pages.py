"""Base classes of a noun's pages.

:class:`~headlessly.admin.base.NounAdmin` composes a noun's pages from objects that are each given what
they need: all of them a :class:`NounAdminBase`, some another page.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.forms import Media
from django.http import HttpRequest, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.admin import display, widgets
from headlessly.admin.setting_up import sets_up
from headlessly.admin.sites import TenantSite
from headlessly.admin.whole_records import find_whole
from headlessly.declaration import labels
from headlessly.declaration.schema import Schema
from headlessly.declaration.values import is_storable
from headlessly.nouns import Noun

#: Scripts and styles of nouns' pages and of the day, beside the site's own. All have the same, because a
#: page is replaced by another without being reloaded.
MEDIA = Media(
    css={
        "all": [
            f"headlessly/{name}.css" for name in ("record", "lists", "board", "calendar", "today")
        ]
    },
    js=[
        f"headlessly/{name}.js"
        for name in (
            "record",
            "queue",
            "offers",
            "rows",
            "several",
            "lists",
            "cells",
            "columns",
            "filters",
            "board",
            "calendar",
            "today",
            "files",
        )
    ],
)
#: Maximum length of the query of a list.
LONGEST_QUERY = 2_000


class NounAdminBase:
    """A noun's admin as its pages use it: permissions, addresses, rendering. A subclass may override what
    the declaration cannot say."""

    model: type[Noun]
    admin_site: TenantSite
    #: How many records a page of the list shows.
    list_per_page = 25
    #: The template of a record's page. A noun's own template extends it and fills the block ``beside``.
    record_template = "headlessly/record.html"

    @property
    def starts_with(self) -> dict[str, Any]:
        """The values that a form for a new record starts with, by field."""
        return {}

    def stands_for(self, record: Noun) -> dict[str, Any]:
        """Returns values that empty fields of a record stand for, with which its form starts."""
        return {}

    @property
    def schema(self) -> Schema:
        """The noun's schema in the active tenant."""
        return self.model.schema

    def may(self, verb: str) -> bool:
        """Whether the actor may execute the verb on records of this noun."""
        actor = actors.current_or_none()
        return actor is not None and actors.may(actor, verb, self.model)

    def place(self, page: str, *args: str) -> str:
        """Returns the address of a page of this noun."""
        return display.page_url(self.model, page, *args)

    def menu_pages(self) -> list[tuple[str, str, str]]:
        """Returns pages below the noun's in the menu: title, icon and address of each."""
        return []

    def looks(self, query: str, here: str) -> list[dict[str, Any]]:
        """Returns the ways to look at the records of a query: label, address, and whether it is ``here``;
        none for a noun that has only its list."""
        surface = self.model.Surface
        pages = {
            "changelist": (_("List"), True),
            "board": (_("Board"), surface.board is not None),
            "calendar": (_("Calendar"), surface.calendar is not None),
        }
        found = [
            {"label": label, "url": f"{self.place(page)}?{query}", "now": page == here}
            for page, (label, there) in pages.items()
            if there
        ]
        return found if len(found) > 1 else []

    def find(self, id: str) -> Noun:
        """Returns the record with its references. Raises NotFound, for a record of another tenant as for
        none."""
        return find_whole(self.model, id)

    def context(self, request: HttpRequest, **more: Any) -> dict[str, Any]:
        """Returns the context of all pages of the noun, with ``more``. A subclass may add what its own
        template shows."""
        return {
            "in_settings": labels.plural_title(self.model) if sets_up(self.model) else "",
            "opts": self.model._meta,
            "noun": labels.noun_title(self.model),
            "nouns": labels.plural_title(self.model),
            "media": widgets.select2() + MEDIA,
            "may_update": self.may("update"),
            "may_delete": self.may("delete"),
            **more,
        }

    def respond(
        self, request: HttpRequest, template: str, status: int = 200, **context: Any
    ) -> TemplateResponse:
        """Returns a page of the noun, or a part of one. The template is named alone or with its folder."""
        shown = self.context(request, **context)
        return self.admin_site.respond(request, template, status=status, **shown)


class NounPages:
    """Base of a group of a noun's pages. It keeps no state of a request."""

    def __init__(self, admin: NounAdminBase) -> None:
        self.admin, self.noun = admin, admin.model

    @property
    def schema(self) -> Schema:
        """The noun's schema in the active tenant."""
        return self.noun.schema

    @property
    def site(self) -> TenantSite:
        return self.admin.admin_site

    @staticmethod
    def keep(request: HttpRequest) -> str:
        """Returns the query that carries the list of origin on in the addresses of a record."""
        query = list_query(request)
        return "" if query is None else keep_list(query)

    def to_record(self, request: HttpRequest, id: str) -> HttpResponseRedirect:
        """Redirects to the page of a record, keeping the list of origin."""
        return HttpResponseRedirect(self.admin.place("change", id) + self.keep(request))


def list_query(request: HttpRequest) -> str | None:
    """Returns the query of the list that the person came from, or None."""
    query = request.GET.get("in")
    if query is None or len(query) > LONGEST_QUERY or not is_storable(query):
        return None
    return query


def keep_list(query: str) -> str:
    """Returns the query of a record's address that tells its page the list of origin."""
    return f"?{urlencode({'in': query})}"
