"""The pages of a noun in the browser, all made from its declaration: list, record, forms, verbs.

Everything that writes goes through the executor. GET shows, POST writes; a refused POST shows the same
page again, with the reason beside the input that it is about.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from unfold.admin import ModelAdmin

from headlessly.admin.boards.board_pages import BoardPages
from headlessly.admin.calendars.calendar_pages import CalendarPages
from headlessly.admin.lists.bulk import BulkPages
from headlessly.admin.lists.cell_edit import CellPages
from headlessly.admin.lists.filter_pages import FilterPages
from headlessly.admin.lists.list_pages import ListPage
from headlessly.admin.lists.saved_views import SavedViewPages
from headlessly.admin.pages import NounAdminBase
from headlessly.admin.records.delete_pages import DeletePages
from headlessly.admin.records.edit_pages import EditPages
from headlessly.admin.records.quick import QuickPages
from headlessly.admin.records.record_page import RecordPage
from headlessly.admin.records.verb_pages import VerbPages
from headlessly.nouns import Noun


class NounAdmin(NounAdminBase, ModelAdmin):
    """The pages of one noun, registered under the URL names that Django's admin uses."""

    actions = None

    def __init__(self, model: type[Noun], admin_site: Any) -> None:
        self.search_fields = model.schema.search
        super().__init__(model, admin_site)
        self.list_page = ListPage(self)
        self.cell_pages = CellPages(self)
        self.filter_pages = FilterPages(self)
        self.bulk_pages = BulkPages(self)
        self.record_page = RecordPage(self)
        self.edit_pages = EditPages(self)
        self.quick_pages = QuickPages(self)
        self.delete_pages = DeletePages(self)
        self.verb_pages = VerbPages(self, self.record_page)
        self.board_pages = BoardPages(self, self.record_page)
        self.calendar_pages = CalendarPages(self)
        others: dict[str, Any] = {}
        if model.Surface.board is not None:
            others["board"] = self.board_pages.show_again
        if model.Surface.calendar is not None:
            others["calendar"] = self.calendar_pages.show_again
        self.saved_view_pages = SavedViewPages(self, self.list_page, others)

    # -- who may ----------------------------------------------------------------------------------

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may("read")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may("read")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may("create")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may("update")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may("delete")

    # -- addresses --------------------------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        prefix = f"{self.model._meta.app_label}_{self.model._meta.model_name}"
        board, calendar = self.board_pages, self.calendar_pages
        verbs, views = self.verb_pages, self.saved_view_pages

        def page(route: str, view: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(view), name=f"{prefix}_{name}")

        return [
            page("", self.list_page.list_view, "changelist"),
            page("totals/", self.list_page.totals_view, "totals"),
            page("queue/", self.list_page.queue_view, "queue"),
            page("filter/", self.filter_pages.filter_view, "filter"),
            page("add/", self.edit_pages.add_view, "add"),
            page("add/<str:verb>/", self.edit_pages.add_view, "add_by"),
            page("quick/", self.quick_pages.quick_view, "quick"),
            page("board/", board.board_view, "board"),
            page("board/more/<str:state>/<str:cursor>/", board.board_more_view, "board_more"),
            page("calendar/", calendar.calendar_view, "calendar"),
            page("calendar/<str:by>/", calendar.calendar_view, "calendar_by"),
            page("calendar/<str:by>/<str:day>/", calendar.calendar_view, "calendar_of"),
            page("bulk/<str:name>/", self.bulk_pages.bulk_view, "bulk"),
            page("views/", views.views_view, "views"),
            page("views/<str:key>/", views.view_view, "view"),
            page("<str:id>/", self.record_page.shortcut_view, "shortcut"),
            page("<str:id>/change/", self.change_view, "change"),
            page("<str:id>/edit/", self.edit_pages.edit_view, "edit"),
            page("<str:id>/history/", self.record_page.history_view, "history"),
            page("<str:id>/panels/<str:name>/", self.record_page.panels_view, "panels"),
            page("<str:id>/delete/", self.delete_pages.delete_view, "delete"),
            page("<str:id>/cell/<str:name>/", self.cell_pages.cell_view, "cell"),
            page("<str:id>/move/", verbs.move_view, "move"),
            page("<str:id>/do/<str:verb>/", verbs.do_view, "do"),
            page("<str:id>/touch/<str:name>/", verbs.touch_view, "touch"),
        ]

    def change_view(self, request: HttpRequest, id: str, **kwargs: Any) -> HttpResponse:
        """Shows the record; a POST saves what was edited."""
        if request.method == "POST":
            return self.edit_pages.edit_view(request, id)
        return self.record_page.record_view(request, id)
