"""Bulk actions: a verb on each selected record by itself, and the outcome of each.

The selection is either a list of ids or "all that match" the list's address. The latter are read once,
when the dialog is shown, so that what is confirmed is what is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from headlessly.accounts.entering import is_confirmed
from headlessly.admin import display, forms, toasts
from headlessly.admin.account.pages import ask_to_confirm
from headlessly.admin.lists.address import Address
from headlessly.admin.lists.bulk_operations import WHICH, BulkOperation, bulk_operations
from headlessly.admin.lists.changelist import AT_ONCE, NounList
from headlessly.admin.lists.export import export_url
from headlessly.admin.pages import NounPages
from headlessly.declaration.verbs import Verb
from headlessly.errors import HeadlesslyError, InvalidFilter
from headlessly.execution import executor

EXPORT = "export"


@dataclass
class RecordOutcome:
    """The outcome for one of many records."""

    id: str
    name: str
    url: str
    refused: str = ""


def run_on_each(
    verb: Verb, ids: Sequence[str], sent: Mapping[str, Any], *, deleted: bool = False
) -> Iterator[RecordOutcome]:
    """Executes ``verb`` on each record in a transaction of its own, so that a refusal does not affect the
    others. With ``deleted`` the records may be deleted ones."""
    noun: Any = verb.noun
    manager = noun.with_deleted if deleted else noun.objects
    known = {record.pk: record for record in manager.filter(pk__in=ids)}
    for id in ids:
        found = known.get(id)
        url = display.record_url(found) if found is not None else ""
        outcome = RecordOutcome(id, str(found) if found is not None else id, url)
        try:
            executor.run(verb, id, dict(sent), text=True)
        except HeadlesslyError as problem:
            outcome.refused = problem.message
        yield outcome


class BulkPages(NounPages):
    """The bulk actions of a list."""

    @method_decorator(require_POST)
    def bulk_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Asks for the inputs of the operation; with ``go`` executes it and shows the outcomes."""
        address = Address(self.noun, request.POST.get("query", ""), self.site)
        if name == EXPORT:
            return self._export(request, address)
        offered = {op.name: op for op in bulk_operations(address)}
        if (operation := offered.get(name)) is None:
            raise Http404
        try:
            ids = self._selected(request, address)
        except InvalidFilter as problem:
            return self._ask(request, address, operation, [], problem=problem.message)
        operation = operation.about(request.POST.get(WHICH, ""))
        asked = operation.chosen is None or operation.chosen.name in request.POST
        if "go" not in request.POST or not asked:
            return self._ask(request, address, operation, ids)
        form = operation.form(self.site, request.POST, ids)
        sent = operation.given(form)
        missing = [f.name for f in operation.inputs if f.required and f.name not in sent]
        if missing:
            form.is_valid()
            for each in missing:
                form.add_error(each, _("This is required."))
            return self._ask(request, address, operation, ids, form=form, status=422)
        outcomes = list(self._carry_out(operation, address, ids, operation.input(sent)))
        refused = [outcome for outcome in outcomes if outcome.refused]
        if not refused:
            said = _("%(done)s: %(count)s done.")
            told = said % {"done": operation.label, "count": display.number(len(outcomes))}
            toasts.say(request, told, undo=True)
            return self._back_to_list(request, address)
        return self._answer(
            request,
            "told",
            address,
            operation,
            done=[outcome for outcome in outcomes if not outcome.refused],
            refused=refused,
            linked=not operation.destroys,
            failed=",".join(outcome.id for outcome in refused),
            undo=toasts.undo_of_request(),
        )

    def _back_to_list(self, request: HttpRequest, address: Address) -> HttpResponse:
        """Redirects to the list, which shows the message. The list's script is already there and reloads
        it itself."""
        if _is_part(request):
            return HttpResponse(status=204)
        return HttpResponseRedirect(self._list_url(address))

    def _list_url(self, address: Address) -> str:
        return f"{self.admin.place('changelist')}?{address.list_query}"

    def _export(self, request: HttpRequest, address: Address) -> HttpResponse:
        """Redirects to the export of the selection: the whole list, or these records."""
        every = "all" in request.POST
        try:
            ids = None if every else self._selected(request, address)
        except InvalidFilter as problem:
            raise Http404(problem.message) from None
        if not is_confirmed(request):
            return ask_to_confirm(request)
        return HttpResponseRedirect(export_url(address, ids))

    def _selected(self, request: HttpRequest, address: Address) -> list[str]:
        """Returns the selected ids. Raises InvalidFilter if there are none, or more than can be done at
        once."""
        sent = request.POST
        if "only" in sent:
            return [sent["only"]]
        if "all" in sent:
            ids = NounList(address).ids(AT_ONCE + 1)
        else:
            parts = (part for text in sent.getlist("ids") for part in text.split(","))
            ids = list(dict.fromkeys(part for part in parts if part))
        if not ids:
            raise InvalidFilter(_("Nothing is selected."))
        if len(ids) > AT_ONCE:
            said = _("At most %(most)s at once: narrow the list, and do it in parts.")
            raise InvalidFilter(said % {"most": display.number(AT_ONCE)})
        return ids

    def _ask(
        self,
        request: HttpRequest,
        address: Address,
        operation: BulkOperation,
        ids: list[str],
        *,
        form: forms.DeclaredForm | None = None,
        problem: str = "",
        status: int = 200,
    ) -> HttpResponse:
        return self._answer(
            request,
            "ask",
            address,
            operation,
            status=422 if problem else status,
            ids=",".join(ids),
            count=len(ids),
            form=form or operation.form(self.site, ids=ids),
            side_by_side=operation.side_by_side(ids),
            problem=problem,
        )

    def _carry_out(
        self, operation: BulkOperation, address: Address, ids: list[str], sent: dict[str, Any]
    ) -> Iterator[RecordOutcome]:
        concerned = [id for id in ids if operation.concerns(id, sent)] or ids
        return run_on_each(operation.verb, concerned, sent, deleted=address.deleted)

    def _answer(
        self,
        request: HttpRequest,
        part: str,
        address: Address,
        operation: BulkOperation,
        *,
        status: int = 200,
        **context: Any,
    ) -> HttpResponse:
        """Returns a part of the list's page for its script, or a page of its own without one."""
        alone = _is_part(request)
        return self.admin.respond(
            request,
            f"bulk_{part}" if alone else "bulk",
            status=status,
            part=f"headlessly/bulk_{part}.html",
            title=operation.label,
            operation=operation,
            query=address.list_query,
            back=self._list_url(address),
            url=self.admin.place("bulk", operation.name),
            **context,
        )


def _is_part(request: HttpRequest) -> bool:
    """Whether the request comes from the list's script, which shows the response in a dialog."""
    return request.headers.get("X-Part") == "1"
