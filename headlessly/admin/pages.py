"""What the pages of a noun share, and how they are put together.

:class:`~headlessly.admin.base.NounAdmin` composes a noun's pages of objects that each know what they need:
all of them a :class:`NounAdminBase`, some another of the objects.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.forms import Media
from django.http import HttpRequest, HttpResponseRedirect
from django.template.response import TemplateResponse

from headlessly.access import actors
from headlessly.admin import display, widgets
from headlessly.admin.setting_up import sets_up
from headlessly.admin.sites import TenantSite
from headlessly.admin.whole_records import find_whole
from headlessly.declaration import labels
from headlessly.declaration.schema import Schema
from headlessly.declaration.values import is_storable
from headlessly.nouns import Noun

#: What pages of nouns and the day need beside the site's own: the same, for they take each other's place.
MEDIA = Media(
    css={"all": [f"headlessly/{name}.css" for name in ("record", "lists", "board", "today")]},
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
            "today",
            "files",
        )
    ],
)
#: A longer query is none that a list makes.
LONGEST_QUERY = 2_000


class NounAdminBase:
    """One noun in the browser, as far as each of its pages asks: who may, where its pages are, how they are
    drawn. A subclass may override what its declaration cannot say."""

    model: type[Noun]
    admin_site: TenantSite
    #: How many records a page of the list shows.
    list_per_page = 25
    #: The page of a record. One of a noun's own extends it and fills the block ``beside``.
    record_template = "headlessly/record.html"

    @property
    def starts_with(self) -> dict[str, Any]:
        """What a form for a new record proposes, to be changed: values by field."""
        return {}

    def stands_for(self, record: Noun) -> dict[str, Any]:
        """What fields of a record that are empty stand for: values that its form begins with instead."""
        return {}

    @property
    def schema(self) -> Schema:
        """The noun's, in the tenant at hand."""
        return self.model.schema

    def may(self, verb: str) -> bool:
        """Whether who acts may execute the verb on records of this noun."""
        actor = actors.current_or_none()
        return actor is not None and actors.may(actor, verb, self.model)

    def place(self, page: str, *args: str) -> str:
        """The address of one of the pages."""
        return display.page_url(self.model, page, *args)

    def menu_pages(self) -> list[tuple[str, str, str]]:
        """Pages below the noun's in the menu: title, icon and address of each."""
        return []

    def board_url(self, query: str = "") -> str:
        """The board, narrowed as the query says; empty for a noun without one."""
        return f"{self.place('board')}?{query}" if self.model.Surface.board is not None else ""

    def find(self, id: str) -> Noun:
        """The record with its references. Raises NotFound, for another tenant's as for none."""
        return find_whole(self.model, id)

    def context(self, request: HttpRequest, **more: Any) -> dict[str, Any]:
        """What every page of the noun shows beside what all of the site do, and ``more``. A subclass may add
        what its own template shows."""
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
        """A page of the noun, or a part of one; the template by its name alone, or with its folder."""
        shown = self.context(request, **context)
        return self.admin_site.respond(request, template, status=status, **shown)


class NounPages:
    """Some of the pages of a noun. They keep nothing of a request."""

    def __init__(self, admin: NounAdminBase) -> None:
        self.admin, self.noun = admin, admin.model

    @property
    def schema(self) -> Schema:
        """The noun's, in the tenant at hand."""
        return self.noun.schema

    @property
    def site(self) -> TenantSite:
        return self.admin.admin_site

    @staticmethod
    def keep(request: HttpRequest) -> str:
        """What the addresses of a record carry on: the list that one came from."""
        query = list_query(request)
        return "" if query is None else keep_list(query)

    def to_record(self, request: HttpRequest, id: str) -> HttpResponseRedirect:
        """On to the page of a record, in the list that one came from."""
        return HttpResponseRedirect(self.admin.place("change", id) + self.keep(request))


def list_query(request: HttpRequest) -> str | None:
    """The query of the list that one came from, or None."""
    query = request.GET.get("in")
    if query is None or len(query) > LONGEST_QUERY or not is_storable(query):
        return None
    return query


def keep_list(query: str) -> str:
    """The end of a record's address that tells its page which list one came from."""
    return f"?{urlencode({'in': query})}"
