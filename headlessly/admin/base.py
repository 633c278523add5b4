"""The browser's pages of a noun, all made from its declaration: list, record, forms, verbs.

Whatever writes goes through the executor. GET shows, POST does; a refused POST shows the same page
again with the reason beside what it is about.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib import messages
from django.forms import Media
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from headlessly.access import actors
from headlessly.admin import display, forms, toasts
from headlessly.admin.boards.board_pages import Boarding
from headlessly.admin.lists.bulk import Bulk
from headlessly.admin.lists.cell_edit import Inline
from headlessly.admin.lists.list_pages import Listing
from headlessly.admin.lists.saved_views import Viewing
from headlessly.admin.records import timeline
from headlessly.admin.records.edit_pages import Editing
from headlessly.admin.records.verb_pages import Doing
from headlessly.errors import NotFound
from headlessly.nouns import Noun

#: What the pages of records need beside the site's own.
MEDIA = Media(
    css={"screen": ["headlessly/record.css"]}, js=["headlessly/record.js", "headlessly/rows.js"]
)


class NounAdmin(Boarding, Doing, Editing, Listing, Viewing, Bulk, Inline, ModelAdmin):
    """One noun in the browser. A subclass may override what its declaration cannot say."""

    actions = None
    #: The page of a record. One of a noun's own extends it and fills the block ``beside``.
    record_template = "headlessly/record.html"

    def __init__(self, model: type[Noun], admin_site: Any) -> None:
        self.schema = model.schema
        self.search_fields = self.schema.search
        super().__init__(model, admin_site)

    # -- who may ----------------------------------------------------------------------------------

    def may(self, verb: str) -> bool:
        actor = actors.current_or_none()
        return actor is not None and actors.may(actor, verb, self.model)

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

        def page(route: str, view: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(view), name=f"{prefix}_{name}")

        return [
            page("", self.changelist_view, "changelist"),
            page("add/", self.add_view, "add"),
            page("add/<str:verb>/", self.add_view, "add_by"),
            page("board/", self.board_view, "board"),
            page("board/more/<str:state>/<str:cursor>/", self.board_more_view, "board_more"),
            page("bulk/<str:name>/", self.bulk_view, "bulk"),
            page("views/", self.views_view, "views"),
            page("views/<str:key>/", self.view_view, "view"),
            page("<str:id>/", self.shortcut_view, "shortcut"),
            page("<str:id>/change/", self.change_view, "change"),
            page("<str:id>/edit/", self.edit_view, "edit"),
            page("<str:id>/history/", self.history_view, "history"),
            page("<str:id>/delete/", self.delete_view, "delete"),
            page("<str:id>/cell/<str:name>/", self.cell_view, "cell"),
            page("<str:id>/move/", self.move_view, "move"),
            page("<str:id>/do/<str:verb>/", self.do_view, "do"),
            page("<str:id>/touch/<str:name>/", self.touch_view, "touch"),
            page("<str:id>/undo/", self.undo_view, "undo"),
        ]

    def place(self, page: str, *args: str) -> str:
        return display.place(self.model, page, *args)

    def context(self, request: HttpRequest, **more: Any) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "noun": display.noun_title(self.model),
            "nouns": display.plural_title(self.model),
            "own_heading": True,
            "media": forms.select2() + MEDIA,
            "toasts": cache(lambda: toasts.of(request)),
            "may_update": self.may("update"),
            "may_delete": self.may("delete"),
            **more,
        }

    def respond(
        self, request: HttpRequest, template: str, status: int = 200, **context: Any
    ) -> TemplateResponse:
        request.current_app = self.admin_site.name
        if not template.endswith(".html"):
            template = f"headlessly/{template}.html"
        return TemplateResponse(request, template, self.context(request, **context), status=status)

    def find(self, id: str) -> Noun:
        """The record with its references. Raises Http404, for another tenant's as for none."""
        try:
            return self.model.get(id, include=list(self.schema.references))
        except NotFound as problem:
            raise Http404(problem.message) from None

    # -- one record -------------------------------------------------------------------------------

    def shortcut_view(self, request: HttpRequest, id: str) -> HttpResponse:
        return HttpResponseRedirect(self.place("change", id))

    def change_view(self, request: HttpRequest, id: str, **kwargs: Any) -> HttpResponse:
        """The record, to be read; a POST here saves what was edited."""
        if request.method == "POST":
            return self.edit_view(request, id)
        try:
            found = self.model.get(id, include=list(self.schema.references))
        except NotFound as problem:
            if heir := problem.extra.get("mergedInto"):
                said = _("The %s you looked for was merged into this one.")
                messages.info(request, said % display.noun_in_sentence(self.model))
                return HttpResponseRedirect(self.place("change", heir))
            raise Http404(problem.message) from None
        return self.record_page(request, found)

    def history_view(self, request: HttpRequest, id: str, **kwargs: Any) -> HttpResponse:
        """All that happened to the record, page by page."""
        found = self.find(id)
        before = timeline.checked_before(request.GET.get("before"))
        show = timeline.checked_show(request.GET.get("show"))
        return self.respond(
            request,
            "history",
            original=found,
            title=_("History of %s") % found,
            keep=self.keep(request),
            timeline=timeline.of(found, before=before, show=show),
        )

    @staticmethod
    def say(request: HttpRequest, text: str) -> None:
        messages.success(request, text)
