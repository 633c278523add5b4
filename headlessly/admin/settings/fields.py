"""The tenant's own fields: admins create, order, rename, archive and delete them.

:mod:`headlessly.shaping.custom_fields` validates them, as it does for the API; the form shows each error
beside its input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import zip_longest
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldBooleanSwitchWidget,
)

from headlessly.admin import display
from headlessly.admin.controls import Choice, Switch, Text
from headlessly.admin.sites import TenantSite
from headlessly.declaration import labels
from headlessly.declaration.colors import TONES
from headlessly.declaration.registry import registry
from headlessly.declaration.values import FLAG_WORDS
from headlessly.errors import HeadlesslyError
from headlessly.language.numbers import delocalize_number
from headlessly.shaping import custom_fields, field_settings
from headlessly.shaping.models import CustomField, types_that_keep_values

#: The types of fields, and what people call them.
TYPES = {
    "string": gettext_lazy("Short text"),
    "text": gettext_lazy("Long text"),
    "integer": gettext_lazy("Whole number"),
    "number": gettext_lazy("Number"),
    "money": gettext_lazy("Amount"),
    "date": gettext_lazy("Day"),
    "datetime": gettext_lazy("Day and time"),
    "bool": gettext_lazy("Yes or no"),
    "choice": gettext_lazy("One of a list"),
    "choices": gettext_lazy("Several of a list"),
    "url": gettext_lazy("Web address"),
    "email": gettext_lazy("Email address"),
    "phone": gettext_lazy("Phone number"),
    "reference": gettext_lazy("Another record"),
}
#: The colours that an option may have, and what people call them.
COLORS = {
    "": gettext_lazy("no colour"),
    **{
        color: {
            "red": gettext_lazy("red"),
            "amber": gettext_lazy("orange"),
            "green": gettext_lazy("green"),
            "teal": gettext_lazy("teal"),
            "blue": gettext_lazy("blue"),
            "violet": gettext_lazy("violet"),
            "grey": gettext_lazy("grey"),
        }[tone]
        for color, tone in TONES.items()
    },
}
#: Types that have a minimum and a maximum.
BOUNDED = {"integer", "number", "money"}
#: How many empty rows a form has for more options.
EMPTY = 4


class SwitchAsSent(UnfoldBooleanSwitchWidget):
    """A switch that returns the text that was sent, to be validated. Django's takes every other word for
    yes."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return data.get(name, False)


class YesOrNo(forms.BooleanField):
    """A checkbox that also accepts the words of a flag and refuses any other word."""

    widget = SwitchAsSent

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def to_python(self, value: Any) -> bool:
        if not isinstance(value, str) or not value.strip():
            return bool(value)
        if (found := FLAG_WORDS.get(value.strip().lower())) is None:
            raise ValidationError(_("This is true or false."))
        return found


class FieldForm(forms.Form):
    """The form of a field. For an existing field it leaves out what can never change."""

    label = Text(label=gettext_lazy("Name"), max_length=80)
    type = Choice(label=gettext_lazy("Kind"), choices=list(TYPES.items()))
    to = Choice(label=gettext_lazy("Leads to"), required=False)
    required = YesOrNo(label=gettext_lazy("Has to be filled in"))
    unique = YesOrNo(
        label=gettext_lazy("Of one record only"),
        help_text=gettext_lazy("No two records may have the same value."),
    )
    indexed = Switch(
        label=gettext_lazy("Sorted and narrowed by often"),
        help_text=gettext_lazy("Lists of very many records are quick in its order then."),
    )
    minimum = Text(label=gettext_lazy("At least"), required=False)
    maximum = Text(label=gettext_lazy("At most"), required=False)
    group = Text(label=gettext_lazy("Under the title"), max_length=80, required=False)
    help = Text(label=gettext_lazy("A word beside it"), max_length=255, required=False)
    name = Text(
        label=gettext_lazy("Name for programs"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("Like contractEnd. Left empty, it is made of the name."),
    )

    def __init__(self, field: CustomField | None, data: Any = None) -> None:
        given: dict[str, Any] = {} if field is None else custom_fields.describe(field)
        super().__init__(data, initial=given)
        self.field = field
        nouns = [(name, labels.noun_title(noun)) for name, noun in registry.items()]
        to: Any = self.fields["to"]
        to.choices = [("", "—"), *nouns]
        if field is not None:
            for fixed in field_settings.FIXED:
                self.fields.pop(fixed, None)
            possible = types_that_keep_values(field.type)
            kind: Any = self.fields["type"]
            kind.choices = [(name, TYPES[name]) for name in TYPES if name in possible]
            kind.required = False
            kind.help_text = _("Another only where it takes every value that is there.")
            if len(possible) == 1:
                del self.fields["type"]
            if not BOUNDED & {field.type, *possible}:
                del self.fields["minimum"], self.fields["maximum"]
        else:
            first = min(registry, key=lambda name: registry[name].Surface.rank)
            choice = forms.ChoiceField(
                label=_("Of"), choices=nouns, initial=first, widget=UnfoldAdminSelectWidget()
            )
            self.fields = {"noun": choice, **self.fields}

    def clean(self) -> dict[str, Any]:
        """Returns the input in the form that :mod:`~headlessly.shaping.custom_fields` takes."""
        found = dict(self.cleaned_data)
        for bound in ("minimum", "maximum"):
            if bound not in self.fields:
                continue
            text = found.get(bound, "").strip()
            try:
                found[bound] = float(delocalize_number(text)) if text else None
            except (ValueError, TypeError):
                self.add_error(bound, _("This is a number."))
        for kept in ("name", "type"):
            if not found.get(kept):
                found.pop(kept, None)
        if "to" in found and not found["to"]:
            found.pop("to")
        kind = found.get("type") or (self.field.type if self.field else "")
        if kind in ("choice", "choices"):
            found["options"] = read_options(self.data)
            wrong = [c for o in found["options"] if (c := o.get("color")) and c not in COLORS]
            if wrong:
                self.add_error(None, _("Choose one of the colours."))
            if self.field and found["options"] and "option_value" not in self.data:
                # Without them every option would be taken for a new one, and the old ones deleted.
                self.add_error(None, _("Send option_value with each option: it stays."))
        return found

    def save(self, change: Callable[[dict[str, Any]], CustomField]) -> CustomField | None:
        """Returns the field that ``change`` makes of the input, or None with the errors added to the form."""
        if not self.is_valid():
            return None
        try:
            return change(self.cleaned_data)
        except HeadlesslyError as problem:
            for detail in problem.by_field:
                name, message = detail["field"], detail["message"]
                self.add_error(name if name in self.fields else None, message)
        return None


def read_options(sent: Any) -> list[dict[str, Any]]:
    """Returns the options of the form in their order, without lines that have no name."""
    return [
        {"value": line["value"] or label, "label": label, **read_marks(line)}
        for line in read_lines(sent, "option", "value", "label", "color", "retired")
        if (label := line["label"].strip())
    ]


def read_lines(sent: Any, prefix: str, *names: str) -> list[dict[str, str]]:
    """Returns the lines of a form's table as dicts of inputs by name. Each input of the column ``label``
    was sent as ``option_label``, for the prefix ``option``."""
    columns = [sent.getlist(f"{prefix}_{name}") for name in names]
    return [dict(zip(names, line, strict=True)) for line in zip_longest(*columns, fillvalue="")]


def read_marks(line: Mapping[str, str]) -> dict[str, Any]:
    """Returns the colour of a value and whether it is retired, each only if its line says so."""
    color = {"color": line["color"]} if line["color"] else {}
    return color | ({"retired": True} if line["retired"] == "yes" else {})


def option_rows(options: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns the rows of existing options, followed by empty ones for more."""
    rows = [dict(option) for option in options]
    return rows + [{"value": "", "label": "", "color": ""} for _line in range(EMPTY)]


def fields_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Lists the fields by noun; a POST creates one."""
    form = FieldForm(None, request.POST if request.method == "POST" else None)
    if (made := form.save(custom_fields.create_field)) is not None:
        named = {"name": made.label, "nouns": labels.plural_title(registry[made.noun])}
        said = _("“%(name)s” is there now, on every page of %(nouns)s.") % named
        messages.success(request, said)
        return redirect("admin:settings_fields")
    return site.respond(
        request,
        "settings/fields",
        _("Fields"),
        form=form,
        own_fields=_fields_by_noun(),
        options=option_rows(read_options(request.POST)),
        colors=COLORS.items(),
    )


def _fields_by_noun() -> list[dict[str, Any]]:
    found: dict[str, list[CustomField]] = {}
    for field in custom_fields.list_fields():
        found.setdefault(field.noun, []).append(field)
    return [
        {
            "title": labels.plural_title(registry[noun]),
            "url": display.page_url(registry[noun], "changelist"),
            "fields": [(field, TYPES[field.type]) for field in fields],
        }
        for noun, fields in found.items()
        if noun in registry
    ]


def field_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    """Shows one field; a POST changes it."""
    field = custom_fields.find_field(id)
    form = FieldForm(field, request.POST if request.method == "POST" else None)
    if form.save(partial(custom_fields.change_field, field)) is not None:
        messages.success(request, _("Saved."))
        return HttpResponseRedirect(request.get_full_path())
    return _respond(request, site, field, form)


def _respond(
    request: HttpRequest,
    site: TenantSite,
    field: CustomField,
    form: FieldForm,
    *,
    problem: str = "",
) -> HttpResponse:
    sent = read_options(request.POST) if form.is_bound else field.options
    count, exact = custom_fields.count_values(field)
    return site.respond(
        request,
        "settings/field",
        field.label,
        status=422 if problem else None,
        form=form,
        field=field,
        kind=TYPES[field.type],
        noun=labels.plural_title(registry[field.noun]),
        # For choices, and for types that can become one.
        has_options=field.type == "choices" or "choice" in types_that_keep_values(field.type),
        options=option_rows(sent),
        colors=COLORS.items(),
        used=f"{count}{'' if exact else '+'}",
        problem=problem,
    )


@require_POST
def archive_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    """Archives the field, which takes it off every page, or brings it back with its values."""
    field = custom_fields.find_field(id)
    try:
        if field.archived_at is None:
            custom_fields.archive_field(field)
            messages.success(request, _("It is on no page any more. Its values are kept."))
        else:
            custom_fields.bring_back_field(field)
            messages.success(request, _("It is there again, with its values."))
    except HeadlesslyError as problem:
        messages.error(request, problem.message)
    return redirect("admin:settings_field", field.pk)


@require_POST
def delete_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    """Deletes the field for good, after its name was typed."""
    field = custom_fields.find_field(id)
    try:
        custom_fields.delete_field(field, request.POST.get("typed", "").strip())
    except HeadlesslyError as problem:
        return _respond(request, site, field, FieldForm(field), problem=problem.message)
    messages.success(request, _("“%s” is deleted.") % field.label)
    return redirect("admin:settings_fields")
