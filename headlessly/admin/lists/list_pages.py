"""The page of a noun's list."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.forms import Media
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from headlessly.access import actors, tenancy
from headlessly.admin import buttons, display, forms, import_pages
from headlessly.admin.lists import bulk
from headlessly.admin.lists.address import MAX_COLUMNS, Address, offered_columns
from headlessly.admin.lists.changelist import AT_ONCE, NounList
from headlessly.admin.lists.export import export_url
from headlessly.admin.lists.saved_views import Tabs

MEDIA = Media(css={"screen": ["headlessly/lists.css"]}, js=["headlessly/lists.js"])


class Listing:
    """The part of :class:`~headlessly.admin.base.NounAdmin` that lists its records."""

    list_per_page = 25

    @method_decorator(require_GET)
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        address = Address(self.model, request.GET, self.admin_site)
        if address.deleted and not self.may("restore"):
            raise PermissionDenied
        return self.list_page(request, address)

    def get_changelist_instance(self, request: HttpRequest) -> NounList:
        """The list that an address asks for, not read yet."""
        address = Address(self.model, request.GET, self.admin_site)
        return NounList(address, per_page=self.list_per_page)

    def list_page(
        self,
        request: HttpRequest,
        address: Address,
        *,
        saving: dict[str, Any] | None = None,
        renaming: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The list of an address; ``saving`` and ``renaming`` are what a refused form said."""
        tabs = Tabs(address)
        refused = saving or renaming
        if (whole := tabs.expanded()) and not refused:
            return HttpResponseRedirect(self.place("changelist") + whole)
        found = NounList(address, per_page=self.list_per_page)
        found.read()
        return self.respond(
            request,
            "list",
            status=refused["status"] if refused else 200,
            title=display.plural_title(self.model),
            media=forms.select2() + MEDIA,
            cl=found,
            address=address,
            tabs=tabs,
            saving=saving,
            renaming=renaming,
            selectable=address.live or (address.deleted and self.may("restore")),
            restore_url=self.place("bulk", "restore"),
            operations=bulk.operations(address, self.admin_site),
            at_once=AT_ONCE,
            export=export_url(address) if not address.deleted else "",
            columns=self._columns(address),
            max_columns=MAX_COLUMNS - 1,
            deleted_url=f"{self.place('changelist')}?deleted=true" if self.may("restore") else "",
            creating=[
                {
                    "label": display.verb_label(v),
                    "text": display.verb_summary(v),
                    "url": self.place("add_by", v.name),
                }
                for v in buttons.creating(self.model)
            ],
            add_url=self.place("add") if self.may("create") else "",
            import_url=import_pages.address(self.model) if self.may("create") else "",
            board_url=self._board_url(request),
            ways_in=self._ways_in() if not found.records and not address.active else (),
        )

    def _columns(self, address: Address) -> list[dict[str, Any]]:
        """The columns that one may choose, those on the screen first and in their order."""
        now = address.columns[1:]
        every = [*now, *(f for f in offered_columns(self.model) if f not in now)]
        return [{"wire": f.wire, "label": display.field_label(f), "on": f in now} for f in every]

    def _ways_in(self) -> list[dict[str, str]]:
        """How records come into an empty list, beside adding them by hand: what there is of it."""
        if not self.may("create"):
            return []
        many = display.plural_in_sentence(self.model)
        ways = [
            (_("By hand"), _("Type in the first one."), self.place("add")),
            (
                _("From a file"),
                _("Import what you have, as CSV or Excel."),
                import_pages.address(self.model),
            ),
            (
                _("From your site or a program"),
                _("An API key lets it send %s.") % many,
                reverse("admin:settings_keys")
                if actors.may_administer(actors.current())
                else f"{tenancy.context_url()}/docs",
            ),
        ]
        return [{"title": t, "text": text, "url": url} for t, text, url in ways]
