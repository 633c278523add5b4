"""Edits a field of a record in place, on its page or in a cell of a list; or several fields together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from headlessly.admin import buttons, event_facts, field_values, forms, toasts
from headlessly.admin.pages import NounPages
from headlessly.admin.sites import TenantSite
from headlessly.admin.undo import safe_return
from headlessly.declaration import labels
from headlessly.declaration.next_steps import without_doubles
from headlessly.declaration.schema import Field
from headlessly.declaration.values import to_json_value
from headlessly.errors import HeadlesslyError, Invalid, NotFound, Stale
from headlessly.execution import executor
from headlessly.log import events
from headlessly.nouns import Noun

#: Prefix of a choice of state that is reached by a verb.
BY_VERB = "verb:"


def closed_fields(record: Noun) -> Any:
    """Returns the fields that can no longer change in the record's state."""
    machine = record.schema.machine
    return machine.closed.get(getattr(record, machine.name), ()) if machine else ()


def editable_fields(record: Noun) -> set[str]:
    """Returns the fields that can be typed into: no verb sets them, and the state does not close them."""
    schema, closed = record.schema, closed_fields(record)
    if schema.kind is not None:
        closed = {*closed, *schema.fields_of_others(schema.kind.value_of(record))}
    return {f.name for f in schema.inputs() if not f.moves and f.name not in closed}


class FieldEdit:
    """The form for one or several fields of a record, with what was typed."""

    def __init__(
        self,
        site: TenantSite,
        record: Noun,
        fields: Sequence[Field],
        data: Mapping[str, str] | None = None,
        *,
        id: str = "id",
    ) -> None:
        self.record, self.fields = record, fields
        self.form = forms.DeclaredForm(fields, site, data=data, record=record, id=id)
        for field in fields:
            if field.moves:
                self.form.fields[field.name].widget.choices = state_choices(record)

    @property
    def inputs(self) -> list[Any]:
        return [self.form[field.name] for field in self.fields]

    def save(self, version: int | None, only: Collection[str] | None = None) -> Noun:
        """Saves the fields, or those named in ``only``, by ``update``; a state by the verb that leads to
        it. Raises what the executor raises, and Stale if the record is no longer at ``version``."""
        verb, sent = self.record.verbs["update"], self.form.given()
        changing = [f for f in self.fields if only is None or f.name in only]
        sent = {f.name: sent[f.name] for f in changing if f.name in sent}
        forms.mark_whole_days(sent, changing)
        moves = next((f.name for f in changing if f.moves), "")
        text = str(sent.get(moves, ""))
        if text.startswith(BY_VERB):
            name, _colon, target = text.removeprefix(BY_VERB).partition(":")
            named = self.record.verbs.get(name)
            if named is None or not buttons.is_button(named):
                raise NotFound(_("There is no such step."))
            verb, sent = named, {named.chooses: target} if named.chooses else {}
        check_readable(sent)
        return executor.run(verb, self.record.pk, sent, text=True, if_match=version)


class FieldPages(NounPages):
    """The page to edit one field of a record, or several that are asked for together under one name."""

    def field_view(
        self, request: HttpRequest, found: Noun, name: str, fields: Sequence[Field]
    ) -> HttpResponse:
        """Shows the inputs; a POST saves them. Changes that others made to other fields meanwhile are no
        conflict."""
        if request.method != "POST":
            return self._page(request, name, FieldEdit(self.site, found, fields), found.version)
        edit = FieldEdit(self.site, found, fields, request.POST)
        version = parse_version(request.POST.get("version"))
        base = values_at(found, version)
        changed = edit.form.changed(base)
        if not changed:
            return self.to_record(request, found.pk)
        theirs = [
            field
            for field in fields
            if field.name in changed
            and to_json_value(getattr(found, field.column)) != to_json_value(base[field.name])
        ]
        if theirs:
            edit.form.is_valid()
            for field in theirs:
                edit.form.add_error(field.name, changed_meanwhile(found, version, field))
            return self._page(request, name, edit, found.version, status=Stale.status)
        try:
            edit.save(found.version, changed)
        except Stale:
            return self.field_view(request, self.admin.find(found.pk), name, fields)
        except HeadlesslyError as problem:
            edit.form.refuse(problem)
            return self._page(request, name, edit, version, status=problem.status)
        toasts.say(request, _("Saved."), undo=True)
        back = safe_return(request)
        return HttpResponseRedirect(back) if back else self.to_record(request, found.pk)

    def _page(
        self,
        request: HttpRequest,
        name: str,
        edit: FieldEdit,
        version: int | None,
        status: int = 200,
    ) -> HttpResponse:
        found, keep = edit.record, self.keep(request)
        return self.admin.respond(
            request,
            "field",
            status=status,
            original=found,
            title=_("Edit %s") % found,
            form=edit.form,
            only=name,
            bound=edit.inputs,
            version=version or found.version,
            action=self.admin.place("edit", found.pk) + keep,
            back=self.admin.place("change", found.pk) + keep,
        )


def state_choices(record: Noun) -> list[tuple[str, str]]:
    """Returns the record's state and the states that need no further input. The others are reached from
    its page."""
    state = getattr(record, record.schema.require_machine().name)
    offered = {state: state}
    steps = buttons.permitted_steps(type(record), state, record.machine)
    at_once = [s for s in steps if s.target is not None and not s.requires_input]
    for step in without_doubles(at_once):
        to = f":{step.target}" if step.is_chosen else ""
        value = step.target if step.is_plain else f"{BY_VERB}{step.verb.name}{to}"
        offered.setdefault(step.target, value)
    field = record.schema.by_name[record.schema.require_machine().name]
    return [(value, labels.choice_label(field, target)) for target, value in offered.items()]


def values_at(found: Noun, version: int | None) -> dict[str, Any]:
    """Returns the values that a form was made with: the record's, or those at an older version."""
    schema = found.schema
    if version is not None and version != found.version:
        then = events.Event.objects.filter(
            target=found.pk, target_type=schema.name, version=version
        ).first()
        if then is not None:
            return {f.name: _python_value(f, then.data.get(f.wire)) for f in schema.stored}
    return {f.name: getattr(found, f.column) for f in schema.stored}


def changed_meanwhile(found: Noun, version: int | None, field: Field) -> str:
    """Returns a warning that somebody changed a field since ``version``, for a person who is about to
    overwrite it."""
    value = field_values.value_text(found, field) or _("empty")
    said = _("%(who)s made this %(value)s meanwhile. Saving puts yours in its place.")
    return said % {"who": event_facts.who_changed(found, version, field), "value": value}


def _python_value(field: Field, value: Any) -> Any:
    """Returns a value of an event as a record holds it."""
    try:
        return None if value is None else field.clean(value)
    except ValueError:
        return value


def check_readable(sent: Mapping[str, Any]) -> None:
    """Raises Invalid for inputs that could not even be parsed."""
    if problems := forms.unreadable_inputs(sent):
        raise Invalid.for_fields(problems)


def parse_version(text: str | None) -> int | None:
    """Returns the version that a form sent, or None."""
    return int(text) if text and text.isdecimal() and len(text) < 10 else None
