"""One cell of a list, changed where it is: a GET answers its control, a POST the row as it is then."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from headlessly.admin import buttons, display, forms
from headlessly.admin.lists import cells
from headlessly.admin.lists.address import Address
from headlessly.admin.lists.changelist import NounList
from headlessly.declaration.schema import Field
from headlessly.errors import HeadlesslyError, NotFound, Stale
from headlessly.execution import executor
from headlessly.nouns import Noun

#: In place of a state: a verb that leads there.
BY_VERB = "verb:"


class Inline:
    """The part of :class:`~headlessly.admin.base.NounAdmin` that changes a list's cells."""

    def cell_view(self, request: HttpRequest, id: str, name: str) -> HttpResponse:
        """The control of a field, or with a POST its new value."""
        declared = self.schema.by_name.get(name)
        if declared is None or name not in self.schema.inline:
            raise Http404
        if not self.may("update"):
            raise PermissionDenied
        if request.method != "POST":
            return self._control(request, self.find(id), declared)
        address = Address(self.model, request.POST.get("in", ""), self.admin_site)
        version = request.POST.get("version", "")
        try:
            answer = self._save(id, declared, request.POST.get(name, ""), _whole(version))
        except Stale:
            said = _("Somebody changed this meanwhile. This is how it is now; try again.")
            return self._row(request, self.find(id), address, problem=said, status=412)
        except NotFound as problem:
            return HttpResponse(problem.message, status=404, content_type="text/plain")
        except HeadlesslyError as problem:
            found = self.find(id)
            return self._control(request, found, declared, problem=problem, sent=request.POST)
        return self._saved(request, answer, address)

    def _save(self, id: str, declared: Field, text: str, version: int | None) -> Noun:
        """Change the field by the verb ``update``, or a state by the verb that leads there."""
        verb, sent = self.model.verbs["update"], {declared.name: forms.sent(declared, text)}
        if text.startswith(BY_VERB) and declared.moves:
            named = self.model.verbs.get(text.removeprefix(BY_VERB))
            if named is None or not buttons.is_button(named):
                raise NotFound(_("There is no such step."))
            verb, sent = named, {}
        return executor.run(verb, id, sent, text=True, if_match=version)

    def _control(
        self,
        request: HttpRequest,
        found: Noun,
        declared: Field,
        *,
        problem: HeadlesslyError | None = None,
        sent: Any = None,
    ) -> HttpResponse:
        if declared.moves and problem is not None:
            sent = None  # a select of what is possible now
        form = forms.DeclaredForm([declared], self.admin_site, data=sent, record=found, id="cell")
        widget = form.fields[declared.name].widget
        if declared.moves:
            widget.choices = steps(found)
        widget.attrs["aria-label"] = display.field_label(declared)
        said = (problem.details or [{}])[0].get("message") or problem.message if problem else ""
        return self.respond(
            request,
            "cell",
            status=problem.status if problem else 200,
            input=form[declared.name],
            url=self.place("cell", found.pk, declared.name),
            version=found.version,
            said=said,
        )

    def _saved(self, request: HttpRequest, answer: Noun, address: Address) -> HttpResponse:
        try:
            return self._row(request, self.find(answer.pk), address)
        except Http404:
            # Given away by somebody who sees their own only.
            return HttpResponse(status=204)

    def _row(
        self,
        request: HttpRequest,
        found: Noun,
        address: Address,
        *,
        problem: str = "",
        status: int = 200,
    ) -> HttpResponse:
        edits = NounList(address).edits
        row = cells.row(found, address.columns, edits=edits, query=address.in_list)
        row.problem = problem
        return self.respond(request, "row", status=status, row=row, selectable=True)


def steps(found: Noun) -> list[tuple[str, str]]:
    """Where a record stands and where it can go at once; what asks for more is done in its page."""
    noun, machine = type(found), found.schema.machine
    now = getattr(found, machine.name)
    offered = [(now, display.state_label(now))]
    for step in machine.steps_from(now):
        verb = noun.verbs.get(step.via)
        if step.via == "update":
            offered.append((step.target, display.state_label(step.target)))
        elif verb is not None and not any(f.required for f in verb.inputs.values()):
            offered.append((f"{BY_VERB}{verb.name}", display.state_label(step.target)))
    known: dict[str, str] = {}
    for value, label in offered:
        known.setdefault(label, value)
    return [(value, label) for label, value in known.items()]


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None
