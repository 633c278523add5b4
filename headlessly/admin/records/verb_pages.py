"""Actions on the page of a record: verbs and touches."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http import HttpResponseRedirect as Redirect
from django.utils.decorators import method_decorator
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from headlessly.admin import buttons, display, toasts
from headlessly.admin.forms import sent_data
from headlessly.admin.pages import NounAdminBase, NounPages
from headlessly.admin.records import composers
from headlessly.admin.records.dialogs import GateDialog, VerbDialog
from headlessly.admin.records.merging import MergeDialog
from headlessly.admin.records.record_page import RecordPage
from headlessly.admin.undo import safe_return
from headlessly.declaration import labels
from headlessly.declaration.verbs import Verb
from headlessly.errors import HeadlesslyError
from headlessly.execution import executor
from headlessly.language import wording
from headlessly.nouns import Noun


class VerbPages(NounPages):
    """The actions on a record's page. A refusal shows that page again."""

    def __init__(self, admin: NounAdminBase, record_page: RecordPage) -> None:
        super().__init__(admin)
        self.record_page = record_page

    # -- verbs ------------------------------------------------------------------------------------

    @method_decorator(require_POST)
    def move_view(self, request: HttpRequest, id: str) -> HttpResponse:
        """Moves the record to another state by updating it."""
        found = self.admin.find(id)
        machine = self.schema.machine
        if machine is None:
            raise Http404
        sent = {machine.name: request.POST.get("to", "")}
        posted = request.POST if "asked" in request.POST else None
        dialog = GateDialog(found, self.site, request.get_full_path(), sent, posted)
        try:
            answer = executor.run(self.noun.verbs["update"], found.pk, dialog.given(), text=True)
        except HeadlesslyError as problem:
            dialog.refuse(problem)
            if dialog.first is not None:
                return self.admin.respond(
                    request,
                    "ask_page",
                    status=problem.status,
                    original=found,
                    title=f"{dialog.label}: {found}",
                    dialog=dialog,
                    sends={**request.POST.dict(), "asked": "1", "to": sent[machine.name]},
                    back=self.admin.place("change", found.pk) + self.keep(request),
                )
            return self.record_page.render(request, self.admin.find(id), problem=problem)
        field = self.schema.by_name[machine.name]
        state = labels.choice_label(field, getattr(answer, machine.name))
        said = _("%(record)s is %(state)s now.") % {"record": answer, "state": state}
        toasts.say(request, said, undo=True)
        return self.to_record(request, answer.pk)

    def do_view(self, request: HttpRequest, id: str, verb: str) -> HttpResponse:
        """Executes a verb on the record: GET shows its dialog, POST executes it or, with ``preview``,
        shows what it would do."""
        bound = self.noun.verbs.get(verb)
        if bound is None or not buttons.is_button(bound):
            raise Http404
        if request.method != "POST" and not bound.inputs:
            return HttpResponseNotAllowed(["POST"])
        found = self.admin.find(id)
        if not self.admin.may(verb):
            raise PermissionDenied
        posted = request.method == "POST"
        dialog = self._dialog(request, bound, found)
        if not posted or request.POST.get("preview"):
            dialog.dry_run()
            template = dialog.preview_template if posted else dialog.template
            return self._dialog_page(request, dialog, template)
        if not dialog.check():
            return self._dialog_page(request, dialog, status=422)
        try:
            answer = dialog.carry_out()
        except HeadlesslyError as problem:
            dialog.refuse(problem)
            if not bound.inputs and dialog.first is None:
                return self.record_page.render(request, self.admin.find(id), problem=problem)
            return self._dialog_page(request, dialog, status=problem.status)
        done = f"{capfirst(wording.event_label(bound.conjugation.event))}: {answer}."
        if self._is_as_it_was(bound, found, answer):
            done = _("%(done)s It is as it was.") % {"done": done}
        toasts.say(request, done, undo=True)
        return Redirect(self._after(request, bound, answer))

    @staticmethod
    def _is_as_it_was(verb: Verb, before: Noun, after: Noun) -> bool:
        """Whether the verb changed none of the fields that it sets or takes."""
        schema = before.schema
        said = [
            schema.by_name[name] for name in {*verb.sets, *verb.inputs} if name in schema.by_name
        ]
        return (
            bool(said)
            and before.pk == after.pk
            and all(getattr(before, field.column) == getattr(after, field.column) for field in said)
        )

    def _dialog(self, request: HttpRequest, verb: Verb, found: Noun) -> VerbDialog:
        posted = sent_data(request) if request.method == "POST" else None
        if verb.merges:
            return MergeDialog(verb, found, self.site, posted, into=request.GET.get("into", ""))
        return VerbDialog(verb, found, self.site, posted)

    def _dialog_page(
        self, request: HttpRequest, dialog: VerbDialog, template: str = "", status: int = 200
    ) -> HttpResponse:
        return self.admin.respond(
            request,
            template or dialog.template,
            status=status,
            original=dialog.record,
            title=f"{dialog.label}: {dialog.record}",
            dialog=dialog,
            fix=self.record_page.suggest_fix(dialog.record, dialog.problem),
            back=safe_return(request)
            or self.admin.place("change", dialog.record.pk) + self.keep(request),
            keep=self.keep(request),
        )

    def _after(self, request: HttpRequest, verb: Any, answer: Noun) -> str:
        """Returns where to go after a verb: to the record that it created or that took this one's place,
        or back."""
        if back := safe_return(request):
            return back
        for name in sorted(verb.sets):
            declared = self.schema.by_name[name]
            target = getattr(answer, declared.column)
            if declared.type == "reference" and target:
                return display.page_url(declared.target_noun, "change", target)
        if answer.deleted_at:
            return self.admin.place("changelist")
        return display.record_url(answer) + self.keep(request)

    # -- touches ----------------------------------------------------------------------------------

    @method_decorator(require_POST)
    def touch_view(self, request: HttpRequest, id: str, name: str) -> HttpResponse:
        """Writes a note, a call or a task about the record."""
        way = next((way for way in composers.writable_touches(self.noun) if way.slug == name), None)
        if way is None:
            raise Http404
        found = self.admin.find(id)
        composer = composers.make_composer(
            way, found, self.site, self.keep(request), data=request.POST
        )
        try:
            touch = composers.write_touch(way, found, composer.form.filled())
        except HeadlesslyError as problem:
            composers.show_refusal(composer, problem)
            return self.record_page.render(request, found, problem=problem, written=composer)
        toasts.say(request, composers.added_text(way, found, touch), undo=True)
        back = safe_return(request)
        return Redirect(back) if back else self.to_record(request, found.pk)
