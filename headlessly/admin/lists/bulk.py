"""Many records at once: one verb on each of them by itself, and what became of each.

What is selected is either named by its ids or "all that fit" the list's address; those are read once,
when the question is shown, so that what is confirmed is what is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from headlessly.access import actors
from headlessly.admin import buttons, display, forms
from headlessly.admin.lists.address import Address
from headlessly.admin.lists.changelist import AT_ONCE, NounList
from headlessly.admin.lists.export import export_url
from headlessly.admin.pages import NounPages
from headlessly.declaration import labels
from headlessly.declaration.schema import Field, field_as_input
from headlessly.declaration.values import UNSTORABLE
from headlessly.declaration.verbs import Verb
from headlessly.errors import HeadlesslyError, InvalidFilter
from headlessly.execution import executor
from headlessly.language import wording
from headlessly.nouns import Noun

EXPORT = "export"


@dataclass
class BulkOperation:
    """One thing that can be done with many records."""

    name: str
    label: str
    verb: Verb
    text: str = ""
    inputs: list[Field] = field(default_factory=list)
    choices: list[tuple[str, str]] = field(default_factory=list)  #: of its only input
    initial: dict[str, Any] = field(default_factory=dict)

    @property
    def destroys(self) -> bool:
        return self.verb.deletes

    @property
    def asks(self) -> str:
        """The label of its button: with dots where it asks for more than "yes"."""
        return f"{self.label}…"

    def form(self, site: Any, data: Any = None) -> forms.DeclaredForm:
        made = forms.DeclaredForm(
            self.inputs, site, data=data, initial=self.initial, id=self.name, parent="bulk"
        )
        if self.choices:
            made.fields[self.inputs[0].name].widget.choices = self.choices
        made.suggest(self.verb.noun)
        return made


@dataclass
class RecordOutcome:
    """What became of one record."""

    id: str
    name: str
    url: str
    refused: str = ""


def bulk_operations(address: Address, site: Any) -> list[BulkOperation]:
    """What the actor may do with the records of a list: give, move, the noun's own verbs, delete."""
    noun, actor = address.noun, actors.current()
    may = {name: actors.may(actor, name, noun) for name in noun.verbs}
    verbs = noun.verbs
    if address.deleted:
        text = _("They are in every list again, as they were.")
        restore = BulkOperation("restore", _("Restore"), verbs["restore"], text)
        return [restore] if may["restore"] else []
    if not address.live:
        return []
    found = list(_update_operations(noun)) if may["update"] else []
    for verb in verbs.values():
        if buttons.is_button(verb) and may[verb.name] and not verb.restores and not verb.deletes:
            # A verb that makes a record makes one for each.
            inputs = [f for f in verb.inputs.values() if not f.record or f.required]
            said = _("For each of them: %s") % labels.verb_summary(verb)
            found.append(BulkOperation(verb.name, labels.verb_label(verb), verb, said, inputs))
    for verb in verbs.values():
        if verb.deletes and may[verb.name]:
            text = _("They disappear from every list; whoever may delete can bring them back.")
            said = text if verb.name == "delete" else labels.verb_summary(verb)
            label = labels.verb_label(verb)
            found.append(BulkOperation(verb.name, label, verb, said, list(verb.inputs.values())))
    return found


def _update_operations(noun: type[Noun]) -> Iterator[BulkOperation]:
    """To whom the records belong, and where they stand."""
    schema, update = noun.schema, noun.verbs["update"]
    asked = (f for f in update.inputs.values() if f.name not in noun.schema.not_in_forms)
    inputs = {f.name: f for f in asked}
    owner, machine = schema.owner, schema.machine
    if owner is not None and owner.name in inputs and "assign" not in noun.verbs:
        yield BulkOperation(
            "assign", _("Assign"), update, _("Who works on them from now on?"),
            [_required_input(inputs[owner.name])],
            initial={owner.name: actors.current().contact_id or ""},
        )  # fmt: skip
    if machine is not None and machine.name in inputs:
        targets = {step.target for step in machine.steps if step.via == "update"}
        if targets:
            choices = [(s, wording.state_label(s)) for s in machine.states if s in targets]
            yield BulkOperation(
                "move", _("Move"), update,
                _("Each goes where its own way allows; the others stay and say why."),
                [_required_input(inputs[machine.name])], [("", "—"), *choices],
            )  # fmt: skip


def _required_input(field: Field) -> Field:
    return field_as_input(field, required=True)


class BulkPages(NounPages):
    """What is done with what is selected in a list."""

    @method_decorator(require_POST)
    def bulk_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Ask for what the operation needs; with ``go``, do it and tell what became of each."""
        address = Address(self.noun, request.POST.get("query", ""), self.site)
        if name == EXPORT:
            return self._export(request, address)
        offered = {op.name: op for op in bulk_operations(address, self.site)}
        if (operation := offered.get(name)) is None:
            raise Http404
        try:
            ids = self._selected(request, address)
        except InvalidFilter as problem:
            return self._ask(request, address, operation, [], problem=problem.message)
        if "go" not in request.POST:
            return self._ask(request, address, operation, ids)
        form = operation.form(self.site, request.POST)
        sent = {name: value for name, value in form.given().items() if value not in ("", None)}
        missing = [f.name for f in operation.inputs if f.required and f.name not in sent]
        if missing:
            form.is_valid()
            for each in missing:
                form.add_error(each, _("This is required."))
            return self._ask(request, address, operation, ids, form=form, status=422)
        outcomes = list(self._carry_out(operation, address, ids, sent))
        return self._tell(request, address, operation, outcomes)

    def _export(self, request: HttpRequest, address: Address) -> HttpResponse:
        """To the file with what is selected: the whole list, or these records."""
        every = "all" in request.POST
        try:
            ids = None if every else self._selected(request, address)
        except InvalidFilter as problem:
            raise Http404(problem.message) from None
        return HttpResponseRedirect(export_url(address, ids))

    def _selected(self, request: HttpRequest, address: Address) -> list[str]:
        """The ids that were chosen. Raises InvalidFilter for none and for more than are done at once."""
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
            form=form or operation.form(self.site),
            problem=problem,
        )

    def _carry_out(
        self, operation: BulkOperation, address: Address, ids: list[str], sent: dict[str, Any]
    ) -> Iterator[RecordOutcome]:
        """Each record in a transaction of its own: what one refuses, the others do not suffer."""
        manager = self.noun.with_deleted if address.deleted else self.noun.objects
        storable = [id for id in ids if not UNSTORABLE.search(id)]
        known = {record.pk: record for record in manager.filter(pk__in=storable)}
        for id in ids:
            found = known.get(id)
            url = self.admin.place("change", id) if found is not None else ""
            outcome = RecordOutcome(id, str(found) if found is not None else id, url)
            try:
                executor.run(operation.verb, id, dict(sent), text=True)
            except HeadlesslyError as problem:
                outcome.refused = problem.message
            yield outcome

    def _tell(
        self,
        request: HttpRequest,
        address: Address,
        operation: BulkOperation,
        outcomes: Iterable[RecordOutcome],
    ) -> HttpResponse:
        outcomes = list(outcomes)
        refused = [outcome for outcome in outcomes if outcome.refused]
        done = [outcome for outcome in outcomes if not outcome.refused]
        linked = not operation.destroys
        return self._answer(
            request,
            "told",
            address,
            operation,
            done=done,
            refused=refused,
            linked=linked,
            failed=",".join(outcome.id for outcome in refused),
        )

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
        """A part of the list's page for its script, a page of its own for everybody else."""
        alone = request.headers.get("X-Part") == "1"
        return self.admin.respond(
            request,
            f"bulk_{part}" if alone else "bulk",
            status=status,
            part=f"headlessly/bulk_{part}.html",
            title=operation.label,
            operation=operation,
            query=address.list_query,
            back=f"{self.admin.place('changelist')}?{address.list_query}",
            url=self.admin.place("bulk", operation.name),
            **context,
        )


__all__ = ["BulkOperation", "BulkPages", "RecordOutcome", "bulk_operations"]
