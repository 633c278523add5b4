"""Forms made from a declaration: of a noun's fields, or a verb's inputs.

A form here only carries text to the verb and back. The executor decides what is valid, once for all
surfaces; its errors are shown beside the fields, and no input is lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.text import capfirst, slugify
from django.utils.translation import gettext as _

from headlessly.access import suggestions
from headlessly.admin import display
from headlessly.admin.choices import offered_members
from headlessly.admin.widgets import PLAIN_TYPES, Input, ReferenceSelect, make_widget
from headlessly.admin.wire_words import refusal_in_words
from headlessly.api.bodies import read_file
from headlessly.context import clock
from headlessly.declaration import days, labels
from headlessly.declaration.choices import join_choices
from headlessly.declaration.folding import write_out
from headlessly.declaration.normalization import normalize_slug
from headlessly.declaration.record import Record
from headlessly.declaration.schema import Field
from headlessly.declaration.values import parse_iso_moment, to_json_value
from headlessly.errors import HeadlesslyError
from headlessly.language import numbers
from headlessly.language.moments import (
    no_day_said,
    read_past_when,
    read_when,
    written_day,
    written_moment,
)
from headlessly.nouns import Noun

#: How many members are offered as buttons; the others are found by searching.
OFFERED = 6
#: Appended to a day typed without a time, for a moment that may stand for its whole day.
WHOLE_DAY = "T00:00:00Z"


def sent_data(request: HttpRequest) -> MultiValueDict[str, Any]:
    """Returns what a form sent, including its files."""
    if not request.FILES:
        return request.POST
    data: MultiValueDict[str, Any] = MultiValueDict(dict(request.POST.lists()))
    for name, sent in request.FILES.items():
        data[name] = read_file(sent)
    return data


class DeclaredForm(forms.Form):
    """The inputs for ``fields``, by their Python names."""

    def __init__(
        self,
        fields: Iterable[Field],
        site: Any,
        *,
        data: Mapping[str, Any] | None = None,
        initial: Mapping[str, Any] | None = None,
        record: Any = None,
        id: str = "id",
        parent: str | None = None,
    ) -> None:
        super().__init__(data, auto_id=f"{id}_%s")
        self.declared = {field.name: field for field in fields}
        for name, field in self.declared.items():
            self.fields[name] = self._input(field, site, parent)
            value = (initial or {}).get(name)
            if record is not None and value is None:
                value = getattr(record, field.column)
                if field.type == "reference" and value:
                    self.fields[name].widget.chosen[value] = display.visible_name(
                        getattr(record, field.name)
                    )
            is_day = record is not None and days.whole_day(record, field) is not None
            self.initial[name] = text_of(field, value, is_day=is_day)

    @staticmethod
    def _input(field: Field, site: Any, parent: str | None) -> Input:
        widget = ReferenceSelect(field, site) if field.type == "reference" else make_widget(field)
        if parent and field.type == "reference":
            widget.attrs["data-dropdown-parent"] = f"#{parent}"
        if field.required:
            widget.attrs["aria-required"] = "true"
        help = labels.field_help(field)
        if field.filters:
            help = ""  # it is built row by row, which explains itself
        if field.type == "datetime":
            zone = _("in %s") % timezone.get_current_timezone_name()
            help = f"{help}; {zone}" if help else zone
        if field.type in PLAIN_TYPES and isinstance(widget, forms.TextInput | forms.Textarea):
            # The help is the placeholder, which saves a line.
            widget.attrs.setdefault("placeholder", capfirst(help))
        return Input(field, widget, label=labels.field_label(field), help_text=capfirst(help))

    def begin_with(self, values: Mapping[str, Any]) -> None:
        """Shows these values in inputs that are empty."""
        for name, value in values.items():
            if name in self.declared and not self.initial.get(name):
                self.initial[name] = text_of(self.declared[name], value)

    def suggest(self, noun: type[Record]) -> None:
        """Suggests frequent values for these inputs of a verb of ``noun``."""
        for name, field in self.declared.items():
            item = self.fields[name]
            assert isinstance(item, Input)
            item.suggestions = suggestions.suggestions_for(noun, field)

    def offer_members(self, name: str) -> None:
        """Offers members as buttons beside the input of a person. One press assigns and sends the form."""
        item = self.fields[name]
        assert isinstance(item, Input)
        people = cast("type[Noun]", self.declared[name].target_noun)
        item.offers = offered_members(people, OFFERED)

    def given(self) -> dict[str, Any]:
        """Returns the sent values as the executor takes them. Fields that were not sent are missing."""
        found = {}
        for name, field in self.declared.items():
            if name in self.data:
                found[name] = clean_sent_text(field, self.data.get(name))
        for name, field in self.declared.items():
            # A day without a time is the whole of it.
            if field.day_if in self.declared and is_whole_day(found.get(name)):
                found[field.day_if] = "true"
        return found

    def untouched(self, names: Iterable[str]) -> dict[str, Any]:
        """Returns what these inputs would send if nobody touched them."""
        return {n: clean_sent_text(self.declared[n], self.initial[n]) for n in names}

    def filled(self) -> dict[str, Any]:
        """Returns the sent values that are not empty."""
        return {name: value for name, value in self.given().items() if value not in ("", None)}

    def changed(self, base: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the sent values that differ from ``base``, the values that the form was made with."""
        return {
            name: value
            for name, value in self.given().items()
            if value != self._text_sent_untouched(self.declared[name], base)
        }

    @staticmethod
    def _text_sent_untouched(field: Field, base: Mapping[str, Any]) -> Any:
        """Returns what an untouched input made from ``base`` sends."""
        is_day = field.day_if is not None and bool(base.get(field.day_if))
        return clean_sent_text(field, text_of(field, base.get(field.name), is_day=is_day))

    def refuse(self, problem: HeadlesslyError) -> None:
        """Adds the errors of ``problem`` to the fields they are about, else to the form."""
        self.is_valid()
        if not self.is_bound:
            self.cleaned_data = {}  # a move is sent by a button, before its form was shown
        for detail in problem.by_field:
            name, message = self.input_called(detail["field"]), detail["message"]
            if name and self.declared[name].kinds:
                message = refusal_in_words(self.declared[name], message)
            elif name and not says_day(self.declared[name], self.data.get(name)):
                message = no_day_said()
            elif not name and problem.details:
                message = f"{detail['field']}: {message}"
            self.add_error(name, message)

    def input_called(self, key: str) -> str | None:
        """The input that an error's field means, by Python, wire or column name."""
        for name, field in self.declared.items():
            if key in (name, field.wire, field.column):
                return name
        return None


def text_of(field: Field, value: Any, *, is_day: bool = False) -> str:
    """Returns a value as the text of its input."""
    if value is None:
        return ""
    if isinstance(value, str) and field.type != "json":
        return value
    if field.type == "choices":
        return join_choices(value) if isinstance(value, list | tuple) else str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        if is_day:
            return written_day(value.astimezone(UTC))
        return written_moment(timezone.localtime(value))
    if isinstance(value, date):
        return written_day(value)
    if isinstance(value, Decimal):
        whole = value == value.to_integral_value()
        return numbers.localize_number(int(value) if whole else f"{value:.2f}")
    if field.type == "json":
        return json.dumps(value, indent=2, ensure_ascii=False)
    if isinstance(value, float):
        return numbers.localize_number(to_json_value(value))
    return str(to_json_value(value))


def clean_sent_text(field: Field, text: Any) -> Any:
    """Returns sent text as the executor takes it."""
    if not isinstance(text, str):
        return text
    text = text.replace("\r\n", "\n")
    if field.type == "json":
        try:
            value = json.loads(text) if text.strip() else None
        except ValueError:
            return Unreadable(text)
        return value if field.form_value is None else field.form_value(value)
    text = text.strip()
    if field.type in ("number", "integer", "money"):
        return numbers.delocalize_number(text)
    if field.normalize is normalize_slug:
        # A name for addresses is made from ordinary words.
        return slugify(write_out(text)) or text
    if field.type not in ("date", "datetime"):
        return text
    now = timezone.localtime(clock.now())
    when = (read_past_when if field.is_past else read_when)(text, now)
    if when is None or (field.type == "date" and when.time is not None):
        return text  # the executor says what is wrong with it
    if field.type == "date":
        return f"{when.day}"
    if when.time is None and field.day_if is not None:
        return f"{when.day}{WHOLE_DAY}"
    # Something past happened at an unknown time of that day: assume the present time rather than midnight,
    # which might precede what is known of that day.
    at = when.time or (now.time() if field.is_past else time())
    return _moment_with_zone(
        f"{when.day}T{at:%H:%M}", keeps_day=field.day_if is not None, fold=at.fold
    )


def says_day(field: Field, text: Any) -> bool:
    """Whether what was typed as a day, or as a moment, is one; what is typed of another field is fine."""
    if field.type not in ("date", "datetime") or not isinstance(text, str) or not text.strip():
        return True
    try:
        field.clean(clean_sent_text(field, text).removesuffix(WHOLE_DAY))
    except ValueError:
        return False
    return True


def mark_whole_days(sent: dict[str, Any], fields: Iterable[Field]) -> None:
    """Sets the flag of each moment that may stand for its whole day: true for a day without a time, false
    with one."""
    for field in fields:
        if field.day_if and (said := sent.get(field.name)):
            sent.setdefault(field.day_if, "true" if is_whole_day(said) else "false")


def is_whole_day(text: Any) -> bool:
    """Whether this is what :func:`clean_sent_text` returns for a day without a time."""
    return isinstance(text, str) and text.endswith(WHOLE_DAY)


def _moment_with_zone(text: str, *, keeps_day: bool, fold: int = 0) -> str:
    """Returns a typed local moment with its time zone. ``keeps_day`` keeps the local offset, because the
    moment may stand for the reader's day; otherwise it is in UTC. ``fold`` chooses between two equal local
    times."""
    try:
        zone = timezone.get_current_timezone()
        local = parse_iso_moment(text).replace(tzinfo=zone, fold=fold)
        return local.isoformat() if keeps_day else days.utc_text(local)
    except (ValueError, OverflowError):
        return text  # the executor says what is wrong with it


class Unreadable(str):
    """Text that is not valid JSON."""


def unreadable_inputs(given: Mapping[str, Any]) -> dict[str, str]:
    """Returns the errors of inputs that could not be parsed, by field."""
    return {
        name: _("This is not JSON: put texts in double quotes, and check commas and brackets.")
        for name, value in given.items()
        if isinstance(value, Unreadable)
    }


def suggested_values(params: QueryDict, fields: Iterable[Field]) -> dict[str, str]:
    """Returns the values that an address suggests for a new record: ``?contact=contact_…``."""
    return {f.name: str(value) for f in fields if (value := params.get(f.wire))}
