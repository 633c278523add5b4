"""The page that builds a filter of a list, row by row; the list opens it in a dialog.

Every button sends the form and gets the changed form back, with scripts and without. Nothing is stored, so
it uses GET.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from headlessly.admin import widgets
from headlessly.admin.filtering.form import ROOT, FilterForm
from headlessly.admin.lists.parameters import Parameters
from headlessly.admin.pages import MEDIA, NounPages
from headlessly.declaration import labels
from headlessly.errors import InvalidFilter
from headlessly.query.list_address import filter_text, parse_filter

#: The header with which a page's script asks only for the form: see filters.js.
PART = "X-Part"
#: Maximum length of a filter in an address.
LONGEST = 3_000


class FilterPages(NounPages):
    """The page that builds filters of a noun."""

    @method_decorator(require_GET)
    def filter_view(self, request: HttpRequest) -> HttpResponse:
        """Shows the rows of the list's filter, or of the one that was sent; ``do=apply`` redirects to the
        list."""
        given = request.GET
        address = Parameters(self.noun, given.get("query", ""))
        problem = ""
        if f"m.{ROOT}" in given:
            form = FilterForm.of_sent(self.noun, given, self.site)
        else:
            try:
                text = given.get("filter", address.given.get("filter", ""))
                held = parse_filter(text) if text else {}
                form = FilterForm.of_filter(self.noun, held, self.site)
            except InvalidFilter as wrong:
                problem = wrong.message
                form = FilterForm.of_filter(self.noun, {}, self.site)
        text = filter_text(form.filter) if not form.has_problem else ""
        if len(text) > LONGEST:
            problem = _("These are too many conditions for one filter.")
        applies = given.get("do") == "apply"
        if applies and not form.has_problem and not problem:
            place = self.admin.place("changelist") + address.but({"filter": text})
            if request.headers.get(PART):
                return HttpResponse(status=204, headers={"X-To": place})
            return HttpResponseRedirect(place)
        return self.admin.respond(
            request,
            "filter_rows" if "rows" in given else "filter",
            status=422 if applies else 200,
            title=_("Filter"),
            heading=_("Filter the %s") % labels.plural_in_sentence(self.noun),
            media=widgets.select2() + MEDIA,
            form=None,
            rows=form.root,
            filter=text,
            is_wrong=form.has_problem,
            is_unfinished=form.is_unfinished,
            problem=problem,
            query=given.get("query", ""),
            alone=bool(request.headers.get(PART)),
            list_url=self.admin.place("changelist") + address.but({}),
        )
