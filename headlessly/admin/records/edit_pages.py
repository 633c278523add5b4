"""Adding and editing records: forms for the verbs create and update."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from headlessly.access import actors, visibility
from headlessly.admin import display, event_text, forms, toasts
from headlessly.admin.choices import describe_choice
from headlessly.admin.field_edit import (
    FieldPages,
    changed_meanwhile,
    check_readable,
    closed_fields,
    editable_fields,
    parse_version,
    values_at,
)
from headlessly.admin.pages import NounAdminBase, NounPages
from headlessly.admin.records import timeline
from headlessly.admin.records.answer_panels import answer_panels
from headlessly.declaration import days, labels
from headlessly.declaration.schema import MORE, Field
from headlessly.declaration.verbs import Verb
from headlessly.errors import HeadlesslyError, Stale
from headlessly.execution import executor
from headlessly.language import wording
from headlessly.nouns import Noun
from headlessly.query.duplicates import find_duplicates


def own_by_default(inputs: Iterable[Field]) -> dict[str, str]:
    """Returns the actor as the owner and the like of a new record."""
    person = actors.current().contact_id
    return {f.name: person for f in inputs if f.name in display.WORKERS} if person else {}


def _brought_along(inputs: Iterable[Field], given: Mapping[str, str]) -> dict[str, str]:
    """Returns what the records in ``given`` bring along: a contact their organization."""
    found: dict[str, str] = {}
    references = {f.name: f for f in inputs if f.type == "reference"}
    for name in references.keys() & given.keys():
        noun = references[name].target_noun
        about = [f.name for f in display.about_references(noun)]
        rows = visibility.load_visible_references(noun.objects.filter(pk=given[name]), about)
        for record in rows:
            for other, its in describe_choice(record).get("brings", {}).items():
                if other in references and other not in given:
                    found[other] = its["id"]
    return found


def _group(title: str, fields: list[Any]) -> dict[str, Any]:
    """Returns a group of inputs, with the text that announces them while "More" is folded: the group's
    title, or for the group without one the names of its inputs."""
    said = labels.group_title(title)
    names = ", ".join(str(field.label) for field in fields)
    return {
        "title": said,
        "fields": fields,
        "about": names if title in (labels.OTHER_GROUP, MORE) else said,
    }


class EditPages(NounPages):
    """The pages with the forms of a noun."""

    def __init__(self, admin: NounAdminBase) -> None:
        super().__init__(admin)
        self.field_pages = FieldPages(admin)

    # -- adding -----------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, verb: str = "create") -> HttpResponse:
        """Shows the form for a new record, of ``create`` or another creating verb; a POST creates it."""
        bound = self.noun.verbs.get(verb)
        if bound is None or not bound.creates:
            raise Http404
        if not self.admin.may(verb):
            raise PermissionDenied
        kind = self._kind_to_add(request)
        inputs = self._asked(bound, kind)
        if request.method != "POST":
            suggested = forms.suggested_values(request.GET, inputs)
            defaults = {f.name: f.default for f in inputs if f.default is not None}
            suggested |= _brought_along(inputs, suggested)
            initial = self.admin.starts_with | own_by_default(inputs) | defaults | suggested
            form = forms.DeclaredForm(inputs, self.site, initial=initial)
            return self._form_page(request, form, bound, suggested=suggested)
        form = forms.DeclaredForm(inputs, self.site, data=forms.sent_data(request))
        sent = form.filled()
        if self.schema.kind is not None and kind:
            sent[self.schema.kind.name] = kind
        try:
            check_readable(sent)
            if not request.POST.get("anyway") and (alike := find_duplicates(self.noun, sent)):
                return self._form_page(request, form, bound, alike=alike)
            answer = executor.run(bound, None, sent, text=True)
        except HeadlesslyError as problem:
            form.refuse(problem)
            return self._form_page(request, form, bound, problem=problem)
        said = f"{capfirst(wording.event_label(bound.conjugation.event))}: {answer}."
        toasts.say(request, said, undo=True)
        return HttpResponseRedirect(self.admin.place("change", answer.pk))

    def _kind_to_add(self, request: HttpRequest) -> str | None:
        """Returns the kind of the new record from the address, for a noun with kinds."""
        if (choice := self.schema.kind) is None:
            return None
        given = request.GET.get(choice.wire, "")
        return given if given in choice.choices else choice.default

    def _asked(self, verb: Verb, kind: str | None) -> list[Field]:
        """Returns the inputs of a verb's form, for a record of this kind."""
        others, kinds = self.schema.fields_of_others(kind), self.noun.Surface.kinds
        asked = [field for field in verb.inputs.values() if field.name not in others]
        if kinds is None or (about := kinds.about.get(kind or "")) is None:
            return asked
        return [replace(field, filters=about) if field.filters else field for field in asked]

    def _title_to_add(self, request: HttpRequest) -> str:
        new = _("New %s") % labels.noun_in_sentence(self.noun)
        if (choice := self.schema.kind) is None:
            return new
        kind = labels.choice_label(choice, self._kind_to_add(request) or "")
        return f"{new}: {kind}"

    def _form_page(
        self,
        request: HttpRequest,
        form: forms.DeclaredForm,
        verb: Verb,
        *,
        problem: HeadlesslyError | None = None,
        suggested: Iterable[str] = (),
        alike: Sequence[tuple[Noun, list[Field]]] = (),
    ) -> HttpResponse:
        plain = verb.name == "create"
        about = display.about_references(self.noun)
        return self._respond(
            request,
            form,
            problem,
            title=self._title_to_add(request) if plain else labels.verb_and_noun(verb),
            intro="" if plain else labels.verb_summary(verb),
            sections=self._sections(form, self._entry_only(form), set(suggested)),
            submit=_("Create anyway")
            if alike
            else _("Create")
            if plain
            else labels.verb_label(verb),
            alike=[
                {
                    "record": each,
                    "place": self.admin.place("change", each.pk),
                    "about": display.subtitle(each, about),
                    "same": labels.fields_in_sentence(fields),
                }
                for each, fields in alike
            ],
            anyway=bool(alike or request.POST.get("anyway")),
            back=self.admin.place("changelist"),
        )

    def _entry_only(self, form: forms.DeclaredForm) -> set[str]:
        """Returns the state field's name if there is only one state to start in, so that the form need not
        ask. Otherwise limits the input to the possible ones."""
        machine = self.schema.machine
        if machine is None or machine.name not in form.fields:
            return set()
        if len(machine.entry) == 1 and machine.name not in form.errors:
            return {machine.name}
        form.fields[machine.name].widget.choices = [
            (state, wording.state_label(state))
            for state in machine.states
            if state in machine.entry
        ]
        return set()

    # -- editing ----------------------------------------------------------------------------------

    def edit_view(self, request: HttpRequest, id: str) -> HttpResponse:
        """Shows the form of all fields; a POST sends the changed ones to ``update``."""
        if self.noun.immutable:
            raise Http404
        if not self.admin.may("update"):
            raise PermissionDenied
        found = self.admin.find(id)
        kind = self.schema.kind.value_of(found) if self.schema.kind else None
        inputs = self._asked(self.noun.verbs["update"], kind)
        only = request.POST.get("only") or request.GET.get("only")
        if only and (alone := self._asked_alone(found, only, inputs)):
            return self.field_pages.field_view(request, found, only, alone)
        if request.method != "POST":
            form = forms.DeclaredForm(inputs, self.site, record=found)
            form.begin_with(self.admin.stands_for(found))
            return self._edit_page(request, found, form)
        form = forms.DeclaredForm(inputs, self.site, data=request.POST, record=found)
        version = parse_version(request.POST.get("version"))
        base = values_at(found, version)
        changed = form.changed(base)
        if not changed:
            return self.to_record(request, found.pk)
        try:
            check_readable(changed)
            answer = executor.run(
                self.noun.verbs["update"], found.pk, changed, text=True, if_match=version
            )
        except Stale as problem:
            return self._stale_page(
                request, self.admin.find(id), inputs, form, changed, version, problem
            )
        except HeadlesslyError as problem:
            form.refuse(problem)
            return self._edit_page(request, found, form, problem=problem, version=version)
        toasts.say(request, _("Saved."), undo=True)
        return self.to_record(request, answer.pk)

    @staticmethod
    def _asked_alone(found: Noun, name: str, inputs: Sequence[Field]) -> list[Field]:
        """Returns the field of this name, or those that a panel of questions asks for; empty if there are
        none."""
        panel = next((each for each in answer_panels(found) if each.name == name), None)
        names = {name}
        if panel is not None:
            names = editable_fields(found) & {each.name for each in panel.answers}
        return [field for field in inputs if field.name in names]

    def _edit_page(
        self,
        request: HttpRequest,
        found: Noun,
        form: forms.DeclaredForm,
        *,
        problem: HeadlesslyError | None = None,
        version: int | None = None,
        meanwhile: list[event_text.Entry] | None = None,
    ) -> HttpResponse:
        machine = self.schema.machine
        hidden = {
            name for name in closed_fields(found) if not form.is_bound or name not in form.errors
        }
        if machine and machine.name not in form.errors:
            hidden.add(machine.name)
        return self._respond(
            request,
            form,
            problem,
            original=found,
            title=_("Edit %s") % found,
            sections=self._sections(form, hidden, set(), found),
            submit=_("Save"),
            back=self.admin.place("change", found.pk) + self.keep(request),
            version=version or found.version,
            meanwhile=meanwhile,
        )

    def _stale_page(
        self,
        request: HttpRequest,
        found: Noun,
        inputs: list[Field],
        typed: forms.DeclaredForm,
        changed: Mapping[str, Any],
        version: int | None,
        problem: Stale,
    ) -> HttpResponse:
        """Returns the form with what was typed, and what somebody else changed meanwhile."""
        now = {
            f.name: forms.text_of(
                f, getattr(found, f.column), is_day=days.whole_day(found, f) is not None
            )
            for f in inputs
        }
        kept = now | {name: typed.data.get(name, "") for name in changed}
        form = forms.DeclaredForm(inputs, self.site, data=kept, record=found)
        form.is_valid()
        meanwhile = timeline.entries_since(found, version or found.version)
        theirs = {f.name for f in inputs for e in meanwhile if f.wire in (e.event.previous or {})}
        for name in theirs & set(changed):
            form.add_error(name, changed_meanwhile(found, version, self.schema.by_name[name]))
        return self._edit_page(
            request, found, form, problem=problem, version=found.version, meanwhile=meanwhile
        )

    # -- what forms look like ---------------------------------------------------------------------

    def _respond(
        self,
        request: HttpRequest,
        form: forms.DeclaredForm,
        problem: HeadlesslyError | None,
        **context: Any,
    ) -> HttpResponse:
        """Returns the form, with a link to an existing record that it conflicts with."""
        existing = problem.extra.get("existingId") if problem else None
        return self.admin.respond(
            request,
            "form",
            status=problem.status if problem else 200,
            form=form,
            existing=self.admin.place("change", existing) if existing else "",
            **context,
        )

    def _sections(
        self,
        form: forms.DeclaredForm,
        hidden: set[str],
        wanted: set[str],
        original: Noun | None = None,
    ) -> dict[str, Any]:
        """Returns the form's inputs in one column: those that matter or need attention first, the others
        under "More" in the noun's groups."""
        groups = [(title, list(names)) for title, names in self.schema.groups]
        named = {name for _title, names in groups for name in names}
        groups.append((labels.OTHER_GROUP, [name for name in form.fields if name not in named]))
        shown = [
            n for _title, names in groups for n in names if n in form.fields and n not in hidden
        ]
        first = self._first_fields(form) | wanted | set(form.errors)
        if not self.schema.groups:
            first |= set(shown)
        rest = [n for n in shown if n not in first]
        more = [_group(title, [form[n] for n in names if n in rest]) for title, names in groups]
        return {
            "main": [form[name] for name in shown if name in first],
            "more": [group for group in more if group["fields"]],
            # Whoever edits a record sees its filled fields.
            "open": any(form.initial.get(name) for name in rest) and original is not None,
        }

    def _first_fields(self, form: forms.DeclaredForm) -> set[str]:
        """Returns the names of the fields that come first: those that are required, those of the quick
        form (without one, the first group), the columns of the list, and those that are filled in row by
        row."""
        asked = {name.partition(".")[0] for name in self.noun.Surface.quick}
        if not asked and self.schema.groups:
            asked = set(self.schema.groups[0][1])
        asked |= {name for name, field in form.declared.items() if field.kinds or field.filters}
        required = {name for name, field in form.declared.items() if field.required}
        listed = {n for n in self.schema.columns if not self.schema.by_name[n].follows_events}
        verb = {name for name in form.declared if name not in self.schema.by_name}
        return asked | required | listed | verb
