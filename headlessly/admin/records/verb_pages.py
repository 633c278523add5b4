"""The page of a record and what is done from it: verbs, touches and their undoing, by POST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http import HttpResponseRedirect as Redirect
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from headlessly.admin import buttons, display, toasts
from headlessly.admin import undo as undoing
from headlessly.admin.records import composers, neighbours, record, timeline
from headlessly.admin.records.dialogs import Dialog
from headlessly.errors import HeadlesslyError
from headlessly.execution import executor

if TYPE_CHECKING:
    from headlessly.nouns import Noun


class Doing:
    """The part of :class:`~headlessly.admin.base.NounAdmin` that executes verbs on a record."""

    def record_page(
        self,
        request: HttpRequest,
        found: Noun,
        *,
        problem: HeadlesslyError | None = None,
        written: composers.Composer | None = None,
    ) -> HttpResponse:
        steps, others = buttons.buttons(found)
        came = neighbours.came_from(request)
        way = None if came is None else neighbours.Walk(self, request, found, came).way()
        keep = self.keep(request)
        status = problem.status if problem else 200
        return self.respond(
            request,
            self.record_template,
            status=status,
            original=found,
            title=str(found),
            steps=steps,
            others=others,
            way=way,
            keep=keep,
            problem=None if written else problem,
            fix=self._fix(found, problem),
            timeline=timeline.of(found, show=timeline.checked_show(request.GET.get("show"))),
            composers=composers.composers(found, self.admin_site, keep, written),
            coming=composers.coming(found),
            **record.page(found, editable=self.may("update")),
        )

    @staticmethod
    def keep(request: HttpRequest) -> str:
        """What the addresses of this record carry on: the list that one came from."""
        came = neighbours.came_from(request)
        return "" if came is None else neighbours.kept(came)

    def _fix(self, found: Noun, problem: HeadlesslyError | None) -> dict[str, str] | None:
        """Where to add what a refusal misses, when it names one of the record's own fields."""
        declared = self.schema.field(problem.field) if problem and problem.field else None
        if declared is None or declared.read_only or not self.may("update"):
            return None
        if self.schema.machine and declared.name == self.schema.machine.name:
            return None
        label = display.inside_sentence(display.field_label(declared))
        known = getattr(found, declared.column)
        return {
            "label": (_("Change %s") if known else _("Add %s")) % label,
            "url": f"{self.place('edit', found.pk)}#id_{declared.name}",
        }

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
            answer = executor.run(self.model.verbs["update"], found.pk, sent, text=True)
        except HeadlesslyError as problem:
            return self.record_page(request, self.find(id), problem=problem)
        state = display.state_label(getattr(answer, machine.name))
        toasts.say(request, _("%(record)s is %(state)s now.") % {"record": answer, "state": state},
                   answer)  # fmt: skip
        return Redirect(self.place("change", answer.pk) + self.keep(request))

    def do_view(self, request: HttpRequest, id: str, verb: str) -> HttpResponse:
        """One verb on the record: GET asks for what it needs, POST does it or, asked so, foretells it."""
        bound = self.model.verbs.get(verb)
        if bound is None or not buttons.is_button(bound):
            raise Http404
        if request.method != "POST" and not bound.inputs:
            return HttpResponseNotAllowed(["POST"])
        found = self.find(id)
        if not self.may(verb):
            raise PermissionDenied
        posted = request.method == "POST"
        dialog = Dialog(bound, found, self.admin_site, request.POST if posted else None)
        if not posted or request.POST.get("preview"):
            dialog.foresee()
            return self._dialog_page(request, dialog, "do" if not posted else "preview")
        if not dialog.check():
            return self._dialog_page(request, dialog, status=422)
        try:
            answer = dialog.carry_out()
        except HeadlesslyError as problem:
            if not bound.inputs:
                return self.record_page(request, self.find(id), problem=problem)
            dialog.refuse(problem)
            return self._dialog_page(request, dialog, status=problem.status)
        done = f"{capfirst(display.event_label(bound.conjugation.event))}: {answer}."
        if bound.sets and all(getattr(found, name) == getattr(answer, name) for name in bound.sets):
            done = _("%(done)s It is as it was.") % {"done": done}
        toasts.say(request, done, answer)
        return Redirect(self._after(request, bound, answer))

    def _dialog_page(
        self, request: HttpRequest, dialog: Dialog, template: str = "do", status: int = 200
    ) -> HttpResponse:
        return self.respond(
            request,
            template,
            status=status,
            original=dialog.record,
            title=f"{dialog.label}: {dialog.record}",
            dialog=dialog,
            fix=self._fix(dialog.record, dialog.problem),
            back=self._back(request) or self.place("change", dialog.record.pk) + self.keep(request),
            keep=self.keep(request),
        )

    def _after(self, request: HttpRequest, verb: Any, answer: Noun) -> str:
        """Where a verb leads: to the record that it made or that took its place, or back."""
        if back := self._back(request):
            return back
        for name in sorted(verb.sets):
            declared = self.schema.by_name[name]
            target = getattr(answer, declared.column)
            if declared.type == "reference" and target:
                return display.place(self.model.registry[declared.to], "change", target)
        if answer.deleted_at:
            return self.place("changelist")
        return display.place(type(answer), "change", answer.pk) + self.keep(request)

    @staticmethod
    def _back(request: HttpRequest) -> str:
        """The page of this site that a form came from, where it is not the record's own."""
        back = request.POST.get("back", "")
        here = request.META.get("SCRIPT_NAME", "") + "/admin/"
        safe = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
        return back if safe and back.startswith(here) else ""

    # -- touches ----------------------------------------------------------------------------------

    @method_decorator(require_POST)
    def touch_view(self, request: HttpRequest, id: str, name: str) -> HttpResponse:
        """Write a note, a call or a task about the record."""
        way = next((way for way in composers.ways(self.model) if way.name == name), None)
        if way is None:
            raise Http404
        found = self.find(id)
        composer = composers.composer(
            way, found, self.admin_site, self.keep(request), data=request.POST
        )
        try:
            touch = composers.write(way, found, composer.form.given())
        except HeadlesslyError as problem:
            composers.refuse(composer, problem)
            return self.record_page(request, found, problem=problem, written=composer)
        toasts.say(request, composers.said(touch), touch)
        return Redirect(self.place("change", found.pk) + self.keep(request))

    # -- taking back ------------------------------------------------------------------------------

    @method_decorator(require_POST)
    def undo_view(self, request: HttpRequest, id: str) -> HttpResponse:
        """Take back what one event of the record did."""
        event = timeline.event_of(self.model, id, request.POST.get("event"))
        if event is None:
            raise Http404
        deleted = event.verb == "Deleted"
        found = toasts.even_deleted(self.model, id) if deleted else self.find(id)
        undo = undoing.of(found, event) if found is not None else None
        if undo is None:
            raise Http404
        back = self._back(request)
        try:
            answer = undoing.carry_out(undo)
        except HeadlesslyError as problem:
            if not (deleted or back):
                return self.record_page(request, self.find(id), problem=problem)
            toasts.warn(request, problem.message)
            return Redirect(back or self.place("changelist"))
        toasts.say(request, _("Taken back: %s.") % answer)
        if back:
            return Redirect(back)
        gone = self.place("changelist") if undo.verb == "delete" else ""
        return Redirect(gone or self.place("change", found.pk) + self.keep(request))
