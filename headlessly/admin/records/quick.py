"""The quick form of a noun, in a dialog on any page: a record with the people and companies it is about.

``Surface.quick`` names its inputs; a noun without it has the inputs that it cannot be created without, for
the pickers of other forms. ``contact.email`` is the email of the contact that the record refers to. All of
it is one ``create``, which finds or creates the others (:mod:`headlessly.execution.described_records`).
While somebody types, the form shows existing records: whom the new one would be about, and what looks like
a duplicate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils.html import format_html, strip_tags
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from headlessly.access import actors, visibility
from headlessly.admin import display, toasts
from headlessly.admin.choices import describe_choice
from headlessly.admin.field_edit import check_readable
from headlessly.admin.forms import (
    DeclaredForm,
    clean_sent_text,
    mark_whole_days,
    sent_data,
    suggested_values,
    text_of,
)
from headlessly.admin.pages import NounPages
from headlessly.admin.records.edit_pages import own_by_default
from headlessly.admin.whole_records import find_whole
from headlessly.admin.widgets import Input
from headlessly.database import timeouts
from headlessly.declaration import labels
from headlessly.declaration.folding import WAYS
from headlessly.declaration.quick import quick_fields, quick_verb
from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import Field
from headlessly.declaration.values import is_storable
from headlessly.errors import HeadlesslyError, InvalidFilter
from headlessly.execution import executor
from headlessly.execution.described_records import compose_name, find_described
from headlessly.language import wording
from headlessly.nouns import Noun
from headlessly.query import ranking
from headlessly.query.duplicates import find_duplicates

#: How many inputs the placeholder of the first one names: it takes several of them in one line.
ONE_LINE = 4
#: How many existing records with the typed name are shown, and from how many letters on.
MOST_TOLD, FEWEST_LETTERS = 4, 3
#: Suffix of the input with the id of the record that was picked; and prefix of the inputs that come from
#: the page on which the form was opened.
TAKEN, PRESET = "taken", "for-"
#: The id of the element around the form. Dropdowns open inside it, because a dialog covers everything
#: else.
PLACE = "quick-form"


@dataclass
class QuickPart:
    """The inputs about one record: the new one, or one that it refers to."""

    noun: type[Noun]
    form: DeclaredForm
    reference: Field | None = None

    @property
    def name(self) -> str:
        return self.reference.name if self.reference is not None else ""

    def given(self, *, text: bool = True) -> dict[str, Any]:
        """Returns the typed values by field."""
        prefix = f"{self.name}-" if self.name else ""
        data = self.form.data or {}
        sent = {n: data.get(f"{prefix}{n}", "") for n in self.form.declared}
        return {
            n: clean_sent_text(self.form.declared[n], value)
            for n, value in sent.items()
            if not (isinstance(value, str) and not value.strip())
        }


@dataclass
class Told:
    """An existing record, shown while somebody types."""

    record: Noun
    about: str
    why: str = ""
    taken: bool = False  #: whether the new record will refer to it
    fills: Mapping[str, str] = field(default_factory=dict)  #: values of the inputs, if picked

    @property
    def filling(self) -> str:
        """``fills`` as JSON, for the page's script."""
        return json.dumps(dict(self.fills)) if self.fills else ""

    @property
    def place(self) -> str:
        return display.record_url(self.record)


@dataclass
class QuickForm:
    """The quick form of a noun."""

    noun: type[Noun]
    site: Any
    data: Mapping[str, str] | None = None
    problem: HeadlesslyError | None = None
    #: Ids of records that the new one refers to, by reference, from the page on which the form was opened.
    preset: Mapping[str, str] = field(default_factory=dict)
    #: Values that its inputs begin with, by name.
    suggested: Mapping[str, str] = field(default_factory=dict)
    parts: list[QuickPart] = field(default_factory=list)

    def __post_init__(self) -> None:
        schema = self.noun.schema
        create = quick_verb(self.noun).python_inputs
        names = [name.partition(".") for name in self._asked]
        for first in dict.fromkeys(a if dot else "" for a, dot, _rest in names):
            reference = schema.by_name[first] if first else None
            noun: Any = reference.target_noun if reference else self.noun
            inputs = noun.verbs["create"].python_inputs if reference else create
            mine = [(rest if dot else a) for a, dot, rest in names if (a if dot else "") == first]
            asked = [inputs[name] for name in mine]
            begins = {f.name: f.default for f in asked if f.default is not None}
            form = DeclaredForm(
                asked,
                self.site,
                data=self.data,
                initial=begins if first else begins | dict(self.suggested),
                id=f"quick_{first}",
                parent=PLACE,
            )
            if reference is not None:
                form.prefix = first
            form.suggest(noun)
            for item in form.fields.values():
                item.widget.attrs["autocomplete"] = "off"
                item.help_text = ""
            self._name(form, noun, reference)
            self.parts.append(QuickPart(noun, form, reference))
        self._offer_one_line()

    def _offer_one_line(self) -> None:
        """Adds the hint to the first input that it takes the others, too, if one of them is an email: see
        quick.js."""
        asked = [each for each in self.inputs if each.field.declared.type != "reference"]
        if len(asked) > 2 and any(each.field.declared.type == "email" for each in asked[1:]):
            names = [wording.inside_sentence(str(each.label)) for each in asked[:ONE_LINE]]
            asked[0].field.widget.attrs["placeholder"] = _("or in one line: %s") % ", ".join(names)

    def _name(self, form: DeclaredForm, noun: type[Noun], reference: Field | None) -> None:
        """Labels the name inputs so that several records in one form can be told apart."""
        own = form.fields.get(noun.schema.name_field.name)
        if not isinstance(own, Input):
            return
        if reference is not None:
            own.label, own.optional = labels.field_label(reference), True
            own.widget.attrs.pop("aria-required", None)
        elif (
            any("." in name for name in self.noun.Surface.quick)
            and self.noun.Surface.files.named_by
        ):
            own.label, own.optional = _("What it is about"), True
            own.widget.attrs.pop("aria-required", None)
            own.widget.attrs["placeholder"] = _("else named after whom it is about")

    @property
    def inputs(self) -> list[Any]:
        """All inputs in the order of the declaration."""
        by_name = {
            f"{p.name}.{n}".lstrip("."): p.form[n] for p in self.parts for n in p.form.fields
        }
        return [by_name[name] for name in self._asked]

    @property
    def _asked(self) -> list[str]:
        """The names of the inputs that the page has not preset."""
        return [name for name in quick_fields(self.noun) if name not in self.preset]

    @property
    def about(self) -> list[str]:
        """The names of the preset records, as far as the actor sees them."""
        found = []
        for name, id in self.preset.items():
            noun = self.noun.schema.by_name[name].target_noun
            found += [str(record) for record in noun.objects.filter(pk=id)]
        return found

    @property
    def title(self) -> str:
        return _("New %s") % labels.noun_in_sentence(self.noun)

    @property
    def url(self) -> str:
        return display.page_url(self.noun, "quick")

    @property
    def all_fields(self) -> str:
        wires = {self.noun.schema.by_name[name].wire: id for name, id in self.preset.items()}
        query = f"?{urlencode(wires)}" if wires else ""
        return display.page_url(self.noun, "add") + query

    @property
    def submit(self) -> str:
        """What its button says."""
        verb = quick_verb(self.noun)
        return _("Create") if verb.name == "create" else labels.verb_label(verb)

    @property
    def has_files(self) -> bool:
        return any(part.form.is_multipart() for part in self.parts)

    @property
    def taken_inputs(self) -> list[tuple[str, str]]:
        """The hidden inputs for which of several namesakes was picked."""
        names = [f"{part.name}-{TAKEN}" for part in self.parts if part.name]
        return [(name, (self.data or {}).get(name, "")) for name in names]

    @property
    def others(self) -> list[dict[str, Any]]:
        """All quick forms, including this one; none beside the form of a part of another record."""
        if not self.noun.Surface.is_in_menu:
            return []
        return [
            {
                "label": labels.noun_title(noun),
                "url": display.page_url(noun, "quick"),
                "here": noun is self.noun,
            }
            for noun in quick_nouns()
        ]

    @property
    def errors(self) -> list[str]:
        return [str(e) for part in self.parts for e in part.form.non_field_errors()]

    # -- what is sent -----------------------------------------------------------------------------

    def given(self) -> dict[str, Any]:
        """Returns the input of ``create``."""
        found: dict[str, Any] = {}
        taken: dict[str, Any] = {}
        for part in self.parts:
            given = part.given()
            if part.name and given:
                found[part.name] = given
                id = self._taken_id(part, given)
                # Needed for namesakes only: whom the fields describe is found by ``create`` itself.
                if id is not None and find_described(part.noun, given) != id:
                    taken[part.name] = id
            found |= given if not part.name else {}
        if taken and (name := compose_name(self.noun, found)) is not None:
            found[self.noun.schema.name_field.name] = name
        found |= taken
        inputs = quick_verb(self.noun).inputs.values()
        mark_whole_days(found, inputs)
        return own_by_default(inputs) | found | dict(self.preset)

    def _taken_id(self, part: QuickPart, given: Mapping[str, Any]) -> str | None:
        """Returns the id of the picked namesake, unless something else was typed since."""
        id = str((self.data or {}).get(f"{part.name}-{TAKEN}", ""))
        if not id:
            return None
        record = part.noun.objects.filter(pk=id).first()
        if record is None:
            return None
        was = {n: text_of(f, getattr(record, f.column)) for n, f in part.form.declared.items()}
        return (
            id
            if all(str(was.get(name) or "") == str(value) for name, value in given.items())
            else None
        )

    def refuse(self, problem: HeadlesslyError) -> None:
        """Put what went wrong beside the input that it is about."""
        self.problem = problem
        for detail in problem.by_field:
            outer, dot, inner = detail["field"].partition(".")
            name, message = inner if dot else outer, detail["message"]
            part = self._part_of(outer) or self._part_of("") or self.parts[0]
            known = part.form.input_called(name)
            part.form.is_valid()
            part.form.add_error(known, f"{name}: {message}" if name and not known else message)

    def _part_of(self, name: str) -> QuickPart | None:
        """Returns the part about the record behind a reference, by its Python or wire name."""
        return next(
            (p for p in self.parts if name in (p.name, p.reference and p.reference.wire)), None
        )

    # -- what is there already ----------------------------------------------------------------------

    @cached_property
    def told(self) -> list[Told]:
        """Existing records: whom the new one would be about, duplicates, and those with the name that is
        being typed."""
        found: dict[str, Told] = {}
        taken: dict[str, str] = {}
        for part in self.parts:
            given = part.given()
            if part.name and given:
                id = self._taken_id(part, given) or find_described(part.noun, given)
                if id is not None:
                    record = find_whole(part.noun, id)
                    taken[part.name] = id
                    found[id] = self._tell(record, _("is taken"), taken=True)
                else:
                    self._add_called(found, part, given)
        for part in self.parts:
            given = part.given() | (taken if not part.name else {})
            for record, fields in find_duplicates(part.noun, given):
                same = _("same %(fields)s") % {"fields": labels.fields_in_sentence(fields)}
                found.setdefault(record.pk, self._tell(record, same))
            if not part.name:
                self._add_called(found, part, given)
        return list(found.values())

    def _add_called(
        self, found: dict[str, Told], part: QuickPart, given: Mapping[str, Any]
    ) -> None:
        """Adds records with the typed name. An email is not searched for."""
        name = part.noun.schema.name_field.name
        term = given.get(name)
        if not isinstance(term, str) or len(term) < FEWEST_LETTERS:
            return
        try:
            with timeouts.statement_timeout():
                matches = ranking.best_matches([part.noun], term)[:MOST_TOLD]
        except InvalidFilter:
            return
        rows = visibility.load_visible_references(
            part.noun.objects.all(), part.noun.schema.references
        ).in_bulk([match.key for match in matches])
        for key in (match.key for match in matches):
            if key in rows and _is_called(str(getattr(rows[key], name)), term):
                told = self._tell(rows[key], "")
                if part.name:
                    told.fills = {
                        f"{part.name}-{n}": text_of(f, getattr(rows[key], f.column))
                        for n, f in part.form.declared.items()
                    } | {f"{part.name}-{TAKEN}": key}
                found.setdefault(key, told)

    @staticmethod
    def _tell(record: Noun, why: str, *, taken: bool = False) -> Told:
        noun = type(record)
        about = display.subtitle(record, display.about_references(noun))
        said = [labels.noun_title(noun), *([str(about)] if about else []), *_distinctions(record)]
        return Told(record, " · ".join(said), why, taken)


def _distinctions(record: Noun) -> list[str]:
    """Returns what distinguishes a record from its namesakes: the short texts of its list, and when it was
    last touched."""
    found = []
    for name in type(record).schema.columns[1:]:
        declared = type(record).schema.by_name[name]
        value = getattr(record, declared.column)
        if not value:
            continue
        if declared.type in ("string", "email"):
            found.append(str(value))
        elif declared.type == "datetime" and declared.follows_events:
            found.append(
                _("%(field)s %(age)s")
                % {
                    "field": wording.inside_sentence(labels.field_label(declared)),
                    "age": strip_tags(str(display.age_html(value, ago=True))),
                }
            )
    return found


def _is_called(name: str, term: str) -> bool:
    """Whether each word of ``term`` begins a word of ``name``."""
    return any(
        all(any(part.startswith(word) for part in way(name).split()) for word in way(term).split())
        for way in WAYS
    )


def quick_nouns() -> list[type[Noun]]:
    """Returns the nouns with a quick form that the actor may create, in the order of the menus; no parts
    of other records."""
    actor = actors.current_or_none()
    return [
        noun
        for noun in sorted(registry.values(), key=lambda each: each.Surface.rank)
        if noun.Surface.quick
        and noun.Surface.is_in_menu
        and actor is not None
        and actors.may(actor, "create", noun)
    ]


class QuickPages(NounPages):
    """The page of the quick form: a dialog with scripts, else a page."""

    def quick_view(self, request: HttpRequest) -> HttpResponse:
        """Shows the form; a POST creates the record, or with ``alike`` shows existing ones. With
        ``choice`` the response is JSON for the picker that opened the form."""
        if not quick_fields(self.noun):
            raise Http404
        verb = quick_verb(self.noun)
        if not self.admin.may(verb.name):
            raise PermissionDenied
        posted = request.method == "POST"
        preset = self._preset(request.POST if posted else request.GET)
        data = sent_data(request) if posted else None
        suggested = suggested_values(request.GET, verb.python_inputs.values())
        form = QuickForm(self.noun, self.site, data, preset=preset, suggested=suggested)
        if not posted:
            return self.admin.respond(request, "quick", title=form.title, quick=form)
        if request.POST.get("alike"):
            return self.admin.respond(request, "quick_alike", quick=form)
        try:
            given = form.given()
            check_readable(given)
            made = executor.run(verb, None, given, text=True)
        except HeadlesslyError as problem:
            form.refuse(problem)
            return self.admin.respond(
                request,
                "quick",
                status=problem.status,
                title=form.title,
                quick=form,
                choice=bool(request.POST.get("choice")),
            )
        if request.POST.get("choice"):
            answer = JsonResponse(describe_choice(made))
            if undoable := toasts.undoable_request():
                answer[toasts.UNDO_HEADER] = undoable
            return answer
        does = capfirst(wording.event_label(verb.conjugation.event))
        page = self.admin.place("change", made.pk)
        # It leads there: most go on with what they were at, and some do not.
        said = format_html('{}: <a href="{}">{}</a>.', does, page, made)
        toasts.say(request, said, undo=True)
        if request.POST.get("then") == "open":
            return HttpResponseRedirect(page)
        return HttpResponseRedirect(f"{self.admin.place('quick')}{_as_query(form.preset)}")

    def _preset(self, given: Mapping[str, str]) -> dict[str, str]:
        """Returns the ids from the page that opened the form: inputs named ``for-`` and a reference."""
        found = {}
        for name, reference in self.schema.references.items():
            id = given.get(f"{PRESET}{name}", "")
            if not reference.read_only and id and is_storable(id):
                found[name] = id
        return found


def quick_url(noun: type[Record], **preset: str) -> str:
    """Returns the address of the quick form for records that refer to these."""
    return display.page_url(noun, "quick") + _as_query(preset)


def _as_query(preset: Mapping[str, str]) -> str:
    return f"?{urlencode({PRESET + name: id for name, id in preset.items()})}" if preset else ""
