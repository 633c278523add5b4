"""The page of a record and what is done from it: the verbs, by POST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from .. import execution
from ..errors import Forbidden, HeadlesslyError
from . import moves, record, timeline, words

if TYPE_CHECKING:
    from ..nouns import Noun


class Doing:
    """The part of :class:`~headlessly.admin.base.NounAdmin` that executes verbs on a record."""

    def record_page(
        self,
        request: HttpRequest,
        found: Noun,
        *,
        refused: moves.Button | None = None,
        problem: HeadlesslyError | None = None,
    ) -> TemplateResponse:
        steps, others = moves.buttons(found, self.admin_site)
        if refused is not None:
            steps = [refused if b.name == refused.name else b for b in steps]
            others = [refused if b.name == refused.name else b for b in others]
        return self.respond(
            request,
            self.record_template,
            status=problem.status if problem else 200,
            original=found,
            title=str(found),
            steps=steps,
            others=others,
            dialogs=[b for b in (*steps, *others) if b.form is not None],
            problem=problem,
            fix=self._fix(found, problem),
            timeline=timeline.of(found),
            **record.page(found),
        )

    def _fix(self, found: Noun, problem: HeadlesslyError | None) -> dict[str, str] | None:
        """Where to add what a refusal misses, when it names one of the record's own fields."""
        declared = self.schema.field(problem.field) if problem and problem.field else None
        if declared is None or declared.read_only or not self.may("update"):
            return None
        if self.schema.machine and declared.name == self.schema.machine.name:
            return None
        verb = "Change" if getattr(found, declared.column) else "Add"
        url = f"{self.place('edit', found.pk)}#id_{declared.name}"
        return {"label": f"{verb} {words.label(declared).lower()}", "url": url}

    # -- verbs ------------------------------------------------------------------------------------

    @method_decorator(require_POST)
    def move_view(self, request: HttpRequest, id: str) -> HttpResponse:
        """Take a step of the machine by updating the status."""
        found = self.find(id)
        machine = self.schema.machine
        if machine is None:
            raise Http404
        sent = {machine.name: request.POST.get("to", "")}
        try:
            answer = execution.run(self.model.verbs["update"], found.pk, sent, text=True)
        except HeadlesslyError as problem:
            return self.record_page(request, self.find(id), problem=problem)
        self.say(request, f"{answer} is {words.spoken(getattr(answer, machine.name))} now.")
        return HttpResponseRedirect(self.place("change", answer.pk))

    @method_decorator(require_POST)
    def do_view(self, request: HttpRequest, id: str, verb: str) -> HttpResponse:
        """Execute one verb on the record."""
        bound = self.model.verbs.get(verb)
        if bound is None or not moves.is_button(bound):
            raise Http404
        found = self.find(id)
        button = moves.Button(verb, bound.label, self.place("do", id, verb), text=bound.summary)
        sent: dict[str, Any] = {}
        if bound.inputs:
            moves.fill(button, bound, self.admin_site, request.POST)
            sent = moves.read(bound, button.form, button.new)
        try:
            answer = execution.run(bound, found.pk, sent, text=True)
        except HeadlesslyError as problem:
            found = self.find(id)
            if button.form is not None:
                button.form.refuse(problem)
                button.open = bool(problem.details) and not isinstance(problem, Forbidden)
            if button.open:
                # The dialog says it, beside the input that it is about.
                page = self.record_page(request, found, refused=button, problem=problem)
                page.context_data["problem"] = None
                return page
            return self.record_page(request, found, problem=problem)
        self.say(request, f"{bound.conjugation.event}.")
        return HttpResponseRedirect(self._after(bound, found, answer))

    def _after(self, verb: Any, found: Noun, answer: Noun) -> str:
        """Where a verb leads: to the record that it made or that took its place, or back."""
        for name in sorted(verb.sets):
            declared = self.schema.by_name[name]
            target = getattr(answer, declared.column)
            if declared.type == "reference" and target:
                return words.place(self.model.registry[declared.to], "change", target)
        if answer.deleted_at:
            return self.place("changelist")
        return words.place(type(answer), "change", answer.pk)
