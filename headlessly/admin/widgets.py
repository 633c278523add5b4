"""The widgets of forms, by the type of the declared field."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any

from django import forms
from django.contrib.admin.widgets import AutocompleteMixin, get_select2_language
from django.forms.utils import flatatt
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from unfold.widgets import (
    CHECKBOX_CLASSES,
    INPUT_CLASSES,
    TEXTAREA_CLASSES,
    UnfoldAdminSelectWidget,
)

from headlessly.admin import display
from headlessly.admin.choices import MEMBER, MEMBER_FILTER, OR_NEW, SUITS
from headlessly.declaration import labels
from headlessly.declaration.choices import BETWEEN
from headlessly.declaration.fields import ListWhere, Pairs
from headlessly.declaration.normalization import normalize_phone
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import Field
from headlessly.declaration.values import TEXT_TYPES
from headlessly.language import wording
from headlessly.nouns import Noun
from headlessly.query.list_address import ME, NONE
from headlessly.query.reports import record_names


def select2() -> forms.Media:
    """Returns the scripts and styles of searchable choices, as Django ships them, in the reader's
    language."""
    language = get_select2_language()
    return forms.Media(
        css={"all": ["admin/css/vendor/select2/select2.css", "admin/css/autocomplete.css"]},
        js=[
            "admin/js/vendor/jquery/jquery.min.js",
            "admin/js/vendor/select2/select2.full.js",
            *([f"admin/js/vendor/select2/i18n/{language}.js"] if language else ()),
            "admin/js/jquery.init.js",
            "admin/js/autocomplete.js",
            "headlessly/choices.js",
        ],
    )


#: Types whose inputs need no explanation: text, numbers and choices.
PLAIN_TYPES = (*TEXT_TYPES, "number", "integer", "money", "reference", "enum")


class Input(forms.Field):
    """An input that takes its text as it is."""

    #: Frequent values to suggest.
    suggestions: Iterable[str] = ()
    #: Values with their labels, offered as buttons that also send the form.
    offers: Iterable[tuple[str, str]] = ()
    #: Whether the form accepts it empty although the field is required.
    optional = False

    @property
    def is_plain(self) -> bool:
        """Whether it explains itself, by its choices or its placeholder."""
        return self.declared.type in PLAIN_TYPES

    def __init__(self, field: Field, widget: forms.Widget, **kwargs: Any) -> None:
        self.declared = field
        super().__init__(required=False, widget=widget, **kwargs)


class FlagWidget(forms.CheckboxInput):
    """A checkbox that sends ``false`` when it is off, so that a missing field means "not touched"."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, check_test=lambda value: str(value).lower() == "true")

    def format_value(self, value: Any) -> str:
        return "true"

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return data.get(name)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        box = super().render(name, value, attrs, renderer)
        return format_html('<input type="hidden" name="{}" value="false">{}', name, box)


class ReferenceSelect(AutocompleteMixin, forms.Select):
    """A searchable choice among the tenant's records. The page contains only the chosen one.

    A record that does not exist can be created. People who work on something are chosen among the members;
    to filter a list (``narrows``) there are also "me" and "nobody". ``suits`` is a record that is to go on
    as the chosen one: open records near it are offered.
    """

    def __init__(
        self,
        field: Field,
        site: Any,
        attrs: dict[str, Any] | None = None,
        *,
        narrows: bool = False,
        suits: Noun | None = None,
    ) -> None:
        self.noun = field.target_noun
        among = "id" if narrows else OR_NEW
        if field.name in display.WORKERS:
            among = MEMBER_FILTER if narrows else MEMBER
        elif suits is not None:
            among = f"{SUITS}{suits.pk}"
        super().__init__(SimpleNamespace(model=self.noun, name=among), site, attrs)
        self.chosen: dict[str, str] = {}

    def build_attrs(self, base_attrs: Any, extra_attrs: Any = None) -> dict[str, Any]:
        attrs = super().build_attrs(base_attrs, extra_attrs)
        for theirs in ("data-ajax--cache", "data-ajax--delay"):  # choices.js sends its own requests
            attrs.pop(theirs, None)
        return attrs | {"data-placeholder": self.attrs.get("data-placeholder", "")}

    def optgroups(self, name: str, value: Sequence[str], attrs: Any = None) -> list[Any]:
        id = value[0] if value else ""
        options = [self.create_option(name, "", "", id == "", 0)]
        if id:
            options.append(self.create_option(name, id, self._label(id), True, 1))
        return [(None, options, 0)]

    def _label(self, id: str) -> str:
        if id not in self.chosen:
            self.chosen[id] = record_names(self.noun, [id]).get(id, id)
        return self.chosen[id]


class NarrowingSelect(ReferenceSelect):
    """A choice that filters a list or a dashboard, with "me" and "nobody". If ``several`` can be chosen,
    the value has commas."""

    def __init__(self, field: Field, site: Any, *, several: bool = False) -> None:
        self.allow_multiple_selected = several
        label = labels.field_label(field)
        attrs = {"aria-label": label, "data-placeholder": label}
        super().__init__(field, site, attrs, narrows=True)
        nobody = _("No %(field)s") % {"field": wording.inside_sentence(label)}
        self.chosen |= {NONE: nobody, ME: _("Me")}

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Renders the same HTML as the template in a fifth of the time: a list has several of these."""
        several = self.allow_multiple_selected
        options = []
        if not several:
            chosen = "" if value else mark_safe(" selected")
            options.append(format_html('<option value=""{}></option>', chosen))
        for each in value.split(",") if several else [value]:
            if each:
                options.append(
                    format_html('<option value="{}" selected>{}</option>', each, self._label(each))
                )
        chosen_one_by_one = {"multiple": True, "data-allow-clear": "false"} if several else {}
        built = flatatt(self.build_attrs(self.attrs, attrs) | chosen_one_by_one)
        inside = mark_safe("".join(options))
        return format_html('<select name="{}"{}>{}</select>', name, built, inside)


class When(forms.TextInput):
    """An input for a day, or a day and a time, as people type them. when.js adds a calendar."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        more = {"data-when": "", "autocomplete": "off", "placeholder": _("tomorrow 9, fri, 3.12.")}
        typed = super().render(name, value, more | self.attrs | (attrs or {}), renderer)
        return format_html('<span class="when">{}</span>', typed)


def make_widget(field: Field) -> forms.Widget:
    text = {"class": " ".join(INPUT_CLASSES)}
    if field.offers is not None and field.type != "choices":
        return UnfoldAdminSelectWidget(choices=[("", "—"), *field.offers()])
    match field.type:
        case "enum":
            blank = [] if field.required or field.default else [("", "—")]
            offered = [value for value in field.choices if value not in field.retired]
            choices = blank + [(value, labels.choice_label(field, value)) for value in offered]
            return UnfoldAdminSelectWidget(choices=choices)
        case "bool":
            return FlagWidget({"class": " ".join(CHECKBOX_CLASSES)})
        case "text":
            # Somebody who is mentioned with an @ is notified: see mentions.js.
            return forms.Textarea(
                {"class": " ".join(TEXTAREA_CLASSES), "rows": 3, "data-mentions": ""}
            )
        case "json":
            attrs = {"class": " ".join(TEXTAREA_CLASSES) + " font-mono", "rows": 6}
            return forms.Textarea(attrs | (_builder(field) if field.filters else _rows(field)))
        case "choices":
            more = {"placeholder": _("several with ; between them"), "data-between": BETWEEN}
            one_by_one = field.item is not None or field.offers is not None
            return forms.TextInput(text | more | (_each_of(field) if one_by_one else {}))
        case "number" | "integer" | "money":
            return forms.TextInput(text | {"inputmode": "decimal"})
        case "date" | "datetime":
            return When(text | _which_days(field))
        case "email":
            return forms.TextInput(text | {"type": "email"})
        case "url":
            return forms.TextInput(text | {"inputmode": "url", "placeholder": "https://"})
        case "file":
            return forms.FileInput({"class": "file"})
    return forms.TextInput(text)


def _which_days(field: Field) -> dict[str, str]:
    """Returns the attributes of a day's input: whether its days are past, and an example."""
    if field.is_past:
        says = _("yesterday, fri, 3.12.") if field.type == "date" else _("yesterday 15, fri, 3.12.")
        return {"data-when": "past", "placeholder": says}
    return {"placeholder": _("tomorrow, fri, 3.12.")} if field.type == "date" else {}


def _each_of(field: Field) -> dict[str, str]:
    """Returns the data that the script needs to edit several values in an input each."""
    kinds, item = {"email": "email", "url": "url"}, field.item or field
    kind = "tel" if item.normalize is normalize_phone else kinds.get(item.type, "text")
    says = {
        "kind": kind,
        "one": labels.field_label(item),
        "add": _("Add another"),
        "remove": _("Remove"),
        "offers": _offered(field.offers),
    }
    return {"data-several": json.dumps(says, ensure_ascii=False)}


def _offered(offers: Callable[[], Iterable[tuple[Any, ...]]] | None) -> list[list[Any]]:
    """Returns the suggestions: values with their labels, and what a row gets with a chosen one."""
    return (
        [] if offers is None else [[value, str(label), *more] for value, label, *more in offers()]
    )


def _builder(field: Field) -> dict[str, str]:
    """Returns the data that the script needs to build a filter."""
    ranked = sorted(registry, key=lambda name: registry[name].Surface.rank)
    named = ranked if field.filters is True else field.filters or ()
    return {"data-builds": json.dumps(_building(named), ensure_ascii=False)}


def _building(named: Iterable[str]) -> dict[str, Any]:
    """Returns the nouns that a filter may be about, the addresses of its rows, and the script's texts."""
    types = [
        {
            "name": noun.__name__,
            "label": labels.plural_title(noun),
            "url": display.page_url(noun, "filter"),
        }
        for noun in map(registry.__getitem__, named)
    ]
    says = {
        "type": _("What it is about"),
        "fails": _("The conditions could not be read."),
    }
    return {"types": types, "says": says}


def _with_what_refers_to_it(name: str) -> list[str]:
    """Returns the names of a noun and of the nouns that refer to it."""
    relations = registry[name].schema.relations.values()
    return [name, *dict.fromkeys(relation.noun for relation in relations)]


def _rows(field: Field) -> dict[str, str]:
    """Returns the data that the script needs to edit a list of objects as rows, in the reader's words."""
    if field.kinds is None:
        return {}
    columns = []
    for key in field.keys:
        kind = field.kinds.get(key, "text")
        column: dict[str, Any] = {"key": key, "label": wording.json_key_label(key)}
        if isinstance(kind, Pairs):
            column |= {"kind": str(kind), "names": _offered(kind.names)}
        elif isinstance(kind, ListWhere):
            column |= {"kind": str(kind), "beside": kind.beside, "where": kind.value}
        elif callable(kind):
            column |= {"kind": "text", "offers": _offered(kind)}
        elif not isinstance(kind, str):
            column |= {"kind": "choice", "of": labels.key_choices(kind)}
        elif kind.startswith("filter:"):
            about = _with_what_refers_to_it(kind.partition(":")[2])
            column |= {"kind": "filter", "builds": _building(about)}
        else:
            column["kind"] = kind
        columns.append(column)
    says = {
        "add": _("Add a row"),
        "remove": _("Remove row %s"),
        "up": _("Move row %s up"),
        "text": _("As text (JSON)"),
        "lines": _("one per line"),
        "pairs": _("name: value, one per line"),
    }
    return {"data-rows": json.dumps({"columns": columns, "says": says}, ensure_ascii=False)}
