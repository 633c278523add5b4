"""Edits a cell of a list in place: GET returns its control, POST the changed row."""

from __future__ import annotations

from contextlib import suppress

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from headlessly.admin import event_facts, toasts
from headlessly.admin.field_edit import FieldEdit, parse_version
from headlessly.admin.lists import cells
from headlessly.admin.lists.address import Address
from headlessly.admin.lists.changelist import NounList
from headlessly.admin.lists.columns import is_edited_in_lists
from headlessly.admin.lists.row_html import rows_html
from headlessly.admin.pages import NounPages
from headlessly.admin.planned import planned_texts
from headlessly.admin.toasts import UNDO_HEADER
from headlessly.admin.whole_records import find_whole
from headlessly.declaration import labels
from headlessly.declaration.schema import Field
from headlessly.errors import HeadlesslyError, NotFound, Stale
from headlessly.nouns import Noun


class CellPages(NounPages):
    """The editable cells of a list."""

    def cell_view(self, request: HttpRequest, id: str, name: str) -> HttpResponse:
        """Returns the control of a field; a POST sets its new value."""
        field = self.schema.by_name.get(name)
        if field is None or not is_edited_in_lists(field, self.noun):
            raise Http404
        if not self.admin.may("update"):
            raise PermissionDenied
        if request.method != "POST":
            return self._control(request, self._edit(self.admin.find(id), field))
        address = Address(self.noun, request.POST.get("in", ""), self.site)
        try:
            found = find_whole(self.noun, id)
            edit = FieldEdit(self.site, found, [field], request.POST, id="cell")
            answer = edit.save(parse_version(request.POST.get("version")))
        except Stale:
            found, seen = self.admin.find(id), parse_version(request.POST.get("version"))
            text = _("%s changed this meanwhile. This is how it is now; try again.")
            text %= event_facts.who_changed(found, seen)
            return self._row(found, address, problem=text, status=412)
        except NotFound as problem:
            return HttpResponse(problem.message, status=404, content_type="text/plain")
        except HeadlesslyError as problem:
            # For a state, the choices are those that are possible now.
            edit = self._edit(self.admin.find(id), field) if field.moves else edit
            return self._control(request, edit, problem)
        response = HttpResponse(status=204)
        with suppress(NotFound):  # a limited rep may have given the record away
            response = self._row(self.admin.find(answer.pk), address)
        response.headers[UNDO_HEADER] = toasts.undoable_request()
        return response

    def _edit(self, found: Noun, field: Field) -> FieldEdit:
        return FieldEdit(self.site, found, [field], id="cell")

    def _control(
        self, request: HttpRequest, edit: FieldEdit, problem: HeadlesslyError | None = None
    ) -> HttpResponse:
        found, (field,) = edit.record, edit.fields
        edit.form.fields[field.name].widget.attrs["aria-label"] = labels.field_label(field)
        return self.admin.respond(
            request,
            "cell",
            status=problem.status if problem else 200,
            input=edit.inputs[0],
            url=self.admin.place("cell", found.pk, field.name),
            version=found.version,
            said=problem.first_message if problem else "",
        )

    def _row(
        self,
        found: Noun,
        address: Address,
        *,
        problem: str = "",
        status: int = 200,
    ) -> HttpResponse:
        row = cells.RowMaker(address, edits=NounList(address).edits).make(found)
        row.planned = planned_texts(self.noun, [found]).get(row.id, "")
        row.problem = problem
        return HttpResponse(rows_html([row], selects=True), status=status)
