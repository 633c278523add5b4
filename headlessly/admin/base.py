"""The browser's pages of a noun, all made from its declaration: list, record, forms, verbs.

Whatever writes goes through the executor. GET shows, POST does; a refused POST shows the same page
again with the reason beside what it is about.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin import display
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from unfold.admin import ModelAdmin

from .. import actors, filters
from ..errors import NotFound
from ..nouns import Noun
from ..schema import Field
from . import forms, moves, timeline, words
from .boarding import Boarding
from .changelist import CappedPaginator, NounList
from .doing import Doing
from .editing import Editing


class NounAdmin(Boarding, Doing, Editing, ModelAdmin):
    """One noun in the browser. A subclass may override what its declaration cannot say."""

    list_per_page = 25
    list_max_show_all = 0
    show_full_result_count = False
    paginator = CappedPaginator
    actions = None
    change_list_template = "headlessly/list.html"
    #: The page of a record. One of a noun's own extends it and fills the block ``beside``.
    record_template = "headlessly/record.html"

    def __init__(self, model: type[Noun], admin_site: Any) -> None:
        self.schema = model.schema
        self.search_fields = self.schema.search
        self.list_display = [_column(self.schema.by_name[name]) for name in self.schema.columns]
        super().__init__(model, admin_site)

    # -- who may ----------------------------------------------------------------------------------

    def may(self, verb: str) -> bool:
        actor = actors.anyone()
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
            page("<str:id>/", self.shortcut_view, "shortcut"),
            page("<str:id>/change/", self.change_view, "change"),
            page("<str:id>/edit/", self.edit_view, "edit"),
            page("<str:id>/history/", self.history_view, "history"),
            page("<str:id>/delete/", self.delete_view, "delete"),
            page("<str:id>/move/", self.move_view, "move"),
            page("<str:id>/do/<str:verb>/", self.do_view, "do"),
        ]

    def place(self, page: str, *args: str) -> str:
        return words.place(self.model, page, *args)

    def context(self, request: HttpRequest, **more: Any) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "noun": words.title(self.model),
            "nouns": words.plural(self.model),
            "own_heading": True,
            "media": forms.SELECT2,
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

    # -- the list ---------------------------------------------------------------------------------

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[NounList]:
        return NounList

    def get_list_filter(self, request: HttpRequest) -> tuple:
        return ()

    def get_search_results(
        self, request: HttpRequest, queryset: Any, term: str
    ) -> tuple[Any, bool]:
        if not term.strip():
            return queryset, False
        return queryset.filter(filters.words(filters.Scope(self.model), term)), False

    @property
    def references_shown(self) -> list[str]:
        """The references that a row of the list needs, and no others."""
        named = [self.schema.by_name[name] for name in self.schema.columns]
        return [f.name for f in (*named, *self.below_name) if f.type == "reference"]

    @property
    def below_name(self) -> tuple[Field, ...]:
        """Who a record is about, when no column says it."""
        first = self.schema.groups[0][1] if self.schema.groups else ()
        fields = [self.schema.by_name[name] for name in first if name not in self.schema.columns]
        return tuple(f for f in fields if f.type == "reference" and f.name not in words.WORKERS)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = self.context(
            request,
            creating=[
                {"label": v.label, "text": v.summary, "url": self.place("add_by", v.name)}
                for v in moves.creating(self.model)
            ],
            title=words.plural(self.model),
            add_url=self.place("add") if self.may("create") else "",
            board_url=self._board_url(request),
        )
        return super().changelist_view(request, context | (extra_context or {}))

    # -- one record -------------------------------------------------------------------------------

    def shortcut_view(self, request: HttpRequest, id: str) -> HttpResponse:
        return HttpResponseRedirect(self.place("change", id))

    def change_view(self, request: HttpRequest, id: str, **_: Any) -> HttpResponse:
        """The record, to be read; a POST here saves what was edited."""
        if request.method == "POST":
            return self.edit_view(request, id)
        try:
            found = self.model.get(id, include=list(self.schema.references))
        except NotFound as problem:
            if heir := problem.extra.get("mergedInto"):
                this = words.title(self.model).lower()
                messages.info(request, f"The {this} you looked for was merged into this one.")
                return HttpResponseRedirect(self.place("change", heir))
            raise Http404(problem.message) from None
        return self.record_page(request, found)

    def history_view(self, request: HttpRequest, id: str, **_: Any) -> HttpResponse:
        """All that happened to the record, page by page."""
        found = self.find(id)
        before = timeline.checked_before(request.GET.get("before"))
        return self.respond(
            request,
            "history",
            original=found,
            title=f"History of {found}",
            timeline=timeline.of(found, before=before),
        )

    @staticmethod
    def say(request: HttpRequest, text: str) -> None:
        messages.success(request, text)


def _column(field: Field) -> Any:
    """A column of Django's list; what it shows is made by NounList.rows."""

    @display(description=words.label(field), ordering=None if field.computed else field.name)
    def column(record: Noun) -> Any:
        return words.of(record, field)

    column.__name__ = field.name
    column.declared = field
    return column
