"""The page of a noun's list."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from headlessly.access import actors, tenancy
from headlessly.accounts.entering import is_confirmed
from headlessly.admin import buttons, display, import_pages
from headlessly.admin.lists import totals
from headlessly.admin.lists.address import Address
from headlessly.admin.lists.bulk_operations import bulk_operations
from headlessly.admin.lists.changelist import NounList
from headlessly.admin.lists.columns import MAX_COLUMNS, offered_columns
from headlessly.admin.lists.export import export_url
from headlessly.admin.lists.row_html import rows_html
from headlessly.admin.lists.tabs import Tabs
from headlessly.admin.lists.typed_filters import expand_typed_filters
from headlessly.admin.pages import NounPages
from headlessly.admin.sites import PART
from headlessly.admin.watching.position import watched
from headlessly.declaration import labels
from headlessly.errors import InvalidFilter
from headlessly.transfer.formats import XLSX

#: A list of at most this many records shows its totals at once: they cost as much as a row or two.
ADDED_AT_ONCE = 2_000
#: How many records a queue keeps in the order in which their list was opened.
LONGEST_QUEUE = 500
#: The cookie with the view in which a list was last opened. Its path is that of the list, so each noun of
#: each tenant has its own, and it is sent nowhere else.
LAST_VIEW = "view"


class ListPage(NounPages):
    """The page of a noun's list."""

    @method_decorator(require_GET)
    @watched
    def list_view(self, request: HttpRequest) -> HttpResponse:
        address = Address(self.noun, request.GET, self.site)
        if address.deleted and not self.admin.may("restore"):
            raise PermissionDenied
        return self.render(request, address)

    @method_decorator(require_GET)
    def queue_view(self, request: HttpRequest) -> HttpResponse:
        """Returns the ids of a list in order, for working through it: see queue.js."""
        address = Address(self.noun, request.GET, self.site)
        if address.problem or not address.live:
            raise Http404
        ids = NounList(address).ids(LONGEST_QUEUE + 1)
        return JsonResponse({"ids": ids[:LONGEST_QUEUE], "more": len(ids) > LONGEST_QUEUE})

    def render(
        self,
        request: HttpRequest,
        address: Address,
        *,
        saving: dict[str, Any] | None = None,
        renaming: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Returns the list of an address. ``saving`` and ``renaming`` are the input of a form that was
        refused."""
        tabs = Tabs(address, request.COOKIES.get(LAST_VIEW, ""))
        refused = saving or renaming
        if (whole := expand_typed_filters(address) or tabs.expanded()) and not refused:
            return HttpResponseRedirect(self.admin.place("changelist") + whole)
        found = NounList(address, per_page=self.admin.list_per_page)
        found.read_page()
        left_out = [*address.left_out, *found.left_out, *tabs.left_out]
        grouped = self._grouped(address, found, left_out)
        selects = address.live or (address.deleted and self.admin.may("restore"))
        response = self.admin.respond(
            request,
            "list",
            status=refused["status"] if refused else 200,
            title=labels.plural_title(self.noun),
            cl=found,
            left_out=left_out,
            address=address,
            tabs=tabs,
            saving=saving,
            renaming=renaming,
            selectable=selects,
            rows="" if grouped["groups"] else self._rows(request, found, selects),
            operations=bulk_operations(address),
            export=export_url(address) if not address.deleted else "",
            export_workbook=export_url(address, format=XLSX) if not address.deleted else "",
            exports_at_once=is_confirmed(request),
            columns=self._columns(address),
            max_columns=MAX_COLUMNS - 1,
            deleted_url=f"{self.admin.place('changelist')}?deleted=true"
            if self.admin.may("restore")
            else "",
            creating=[
                {
                    "label": labels.verb_label(v),
                    "text": labels.verb_summary(v),
                    "url": self.admin.place("add_by", v.name),
                }
                for v in buttons.creating_verbs(self.noun)
            ],
            add_url=self._add_url(address) if self.admin.may("create") else "",
            import_url=import_pages.import_url(self.noun) if self.admin.may("create") else "",
            looks=self.admin.looks(_query_of_all_pages(request), "changelist"),
            **self._totals(address, found),
            **grouped,
            keys_url=reverse("admin:settings_keys")
            if actors.may_administer(actors.current())
            else f"{tenancy.context_url()}/docs",
        )
        # A page that only reloads a part was not opened by the person.
        if tabs.now is not None and address.live and PART not in request.headers:
            remember_view(request, response, self.admin.place("changelist"), tabs.now.key)
        return response

    def _rows(self, request: HttpRequest, found: NounList, selects: bool) -> str:
        return rows_html(
            found.rows(),
            selects=selects,
            part=PART in request.headers and found.address.live,
            restore_url=self.admin.place("bulk", "restore"),
        )

    def _grouped(self, address: Address, found: NounList, left_out: list[str]) -> dict[str, Any]:
        """Returns the context of a grouped list, and the fields to group by. A grouping that is not
        possible is added to ``left_out``."""
        by, more = None, False
        shown: list[totals.Group] = []
        try:
            by = totals.chosen_group(address)
        except InvalidFilter as problem:
            left_out.append(problem.message)
        try:
            if by is not None and found.records:
                shown, more = totals.groups(address, by)
        except InvalidFilter as problem:
            found.problem = found.problem or problem.message
        links = [(f.wire, labels.field_label(f), f is by) for f in totals.group_fields(self.noun)]
        return {
            "groups": shown,
            "groups_more": more,
            "grouped_by": labels.field_label(by) if by else "",
            "group_links": [
                {"url": address.but({"group": wire or None}), "label": label, "on": on}
                for wire, label, on in [("", _("Not grouped"), by is None), *links]
            ]
            if not address.deleted
            else [],
        }

    def _totals(self, address: Address, found: NounList) -> dict[str, Any]:
        """Returns the totals of a short list; for a long one only the address that loads them later."""
        url = totals.totals_url(address, self.admin.place("totals"))
        if not url or not found.records or not found.exact:
            return {}
        with suppress(InvalidFilter):
            if found.total <= ADDED_AT_ONCE:
                return {"totals_url": url, **_total_context(address)}
        return {"totals_url": url}

    @method_decorator(require_GET)
    def totals_view(self, request: HttpRequest) -> HttpResponse:
        """Returns the totals of a list as the foot of its table; empty if that takes too long."""
        address = Address(self.noun, request.GET, self.site)
        if address.problem or address.deleted:
            return HttpResponse(status=204)
        try:
            total = _total_context(address)
        except InvalidFilter:
            return HttpResponse(status=204)
        return self.admin.respond(request, "list_totals", selectable=address.live, **total)

    def _add_url(self, address: Address) -> str:
        """Returns the address that adds a record; in a list of one kind, of that kind."""
        choice, url = self.noun.schema.kind, self.admin.place("add")
        return f"{url}?{choice.wire}={address.kind}" if choice and address.kind else url

    def _columns(self, address: Address) -> list[dict[str, Any]]:
        """Returns the columns to choose from, the shown ones first and in their order."""
        now = address.columns[1:]
        every = [*now, *(f for f in offered_columns(self.noun) if f not in now)]
        return [{"wire": f.wire, "label": labels.field_label(f), "on": f in now} for f in every]


def _total_context(address: Address) -> dict[str, Any]:
    """Returns the context of the table's foot. Raises InvalidFilter if it takes too long."""
    count, cells = totals.total(address)
    return {"total": count, "total_text": display.number(count), "total_cells": cells}


def _query_of_all_pages(request: HttpRequest) -> str:
    """Returns the query of the list without its page number."""
    query = request.GET.copy()
    query.pop("p", None)
    return query.urlencode()


def remember_view(request: HttpRequest, response: HttpResponse, place: str, key: str) -> None:
    """Have this browser begin the list at ``place``, and what is below it, with this view the next time."""
    if request.COOKIES.get(LAST_VIEW) != key:
        response.set_cookie(
            LAST_VIEW,
            key,
            path=place,
            max_age=settings.SESSION_COOKIE_AGE,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
