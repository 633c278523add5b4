"""The inputs of a condition: how its values are shown in them, and read from them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, time
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from headlessly.admin.filtering import offered
from headlessly.admin.filtering.tree import EMPTY, FILLED, IS, NOT
from headlessly.admin.forms import clean_sent_text, is_whole_day
from headlessly.admin.widgets import ReferenceSelect
from headlessly.declaration import days, labels
from headlessly.declaration.schema import Field
from headlessly.language import numbers
from headlessly.language.moments import written_day, written_moment
from headlessly.query.reports import record_names

#: The kinds of input, by the names that the template uses.
NOTHING, BOXES, RECORDS, LINES, LINE, WHEN = "", "boxes", "records", "lines", "line", "when"
TO_THE_SECOND = "%Y-%m-%d %H:%M:%S"


def input_kind(field: Field | None, operator: str) -> str:
    """Returns the kind of input for an operator of a field; ``field`` is None for words anywhere."""
    if operator in (EMPTY, FILLED):
        return NOTHING
    if field is None or operator in ("text", "regex"):
        return LINE
    if field.type in ("enum", "bool") or (field.type == "choices" and field.choices):
        return BOXES
    if field.type == "reference":
        return RECORDS
    if field.type in offered.DATES:
        return WHEN
    if field.type == "choices":
        return LINES
    return LINES if operator in (IS, NOT) and field.type != "json" else LINE


def read_values(field: Field | None, operator: str, given: Sequence[str], when: str) -> list[Any]:
    """Returns the sent values in the filter language. One that cannot be understood stays as it was typed."""
    match input_kind(field, operator):
        case "":
            return []
        case "when":
            assert field is not None
            return _read_when(field, given[0] if given else "", when)
        case "lines":
            given = [line for text in given for line in text.replace("\r", "").split("\n")]
    texts = dict.fromkeys(text.strip() for text in given if text.strip())
    return [_read_value(field, operator, text) for text in texts]


def _read_value(field: Field | None, operator: str, text: str) -> Any:
    if field is None or operator in ("text", "regex"):
        return text
    if field.type in offered.NUMBERS:
        with suppress(ValueError):
            number = float(numbers.delocalize_number(text))
            return int(number) if number.is_integer() else number
    elif field.type == "bool" and text in ("true", "false"):
        return text == "true"
    elif field.type == "json":
        with suppress(ValueError, RecursionError):
            return json.loads(text)
    return text


def _read_when(field: Field, text: str, when: str) -> list[Any]:
    if when in offered.NAMED_WHEN:
        return [when]
    text = text.strip()
    if not text:
        return []
    if when in offered.AGO:
        count, unit = text, when
        return [f"{count}{unit}"] if count.isdecimal() else [f"{count} {unit}"]
    if days.is_relative(text):
        return [text.lower()]
    read = clean_sent_text(field, text)
    with suppress(ValueError, OverflowError):  # the form in which a moment with seconds is shown
        read = timezone.make_aware(datetime.strptime(text, TO_THE_SECOND)).isoformat()
    if is_whole_day(read):
        return [read[:10]]
    local = _local(read) if field.type == "datetime" else None
    if local is None:
        return [read]
    if ":" not in text and local.time() == time():
        return [f"{local:%Y-%m-%d}"]
    return [days.utc_text(local)]


def _local(text: Any) -> datetime | None:
    try:
        moment = parse_datetime(text) if isinstance(text, str) else None
        return timezone.localtime(moment) if moment and timezone.is_aware(moment) else None
    except (ValueError, OverflowError):
        return None


def show_when(operator: str, values: Sequence[Any]) -> tuple[str, str]:
    """Returns how a date is given (a key of ``offered.WHEN``), and the text of its input."""
    value = str(values[0]) if values else ""
    if value in offered.NAMED_WHEN:
        return value, ""
    if (found := days.parse_relative(value)) is not None:
        count, unit, direction = found
        return f"{unit} {direction}", str(count)
    for ending in offered.AGO:
        if value.endswith(f" {ending}"):
            return ending, value.removesuffix(f" {ending}")
    if (local := _local(value)) is not None:
        whole = local.time() == time() and operator in ("gte", "lt")
        if local.second and not whole:
            return offered.ON, local.strftime(TO_THE_SECOND)
        return offered.ON, written_day(local) if whole else written_moment(local)
    return (offered.ON, value) if values else (offered.ON, "")


def show_texts(field: Field | None, values: Sequence[Any]) -> list[str]:
    """Returns the values as texts for inputs."""
    return [_show_text(field, value) for value in values]


def _show_text(field: Field | None, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if field is not None and field.type == "json":
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int | float) and field is not None and field.type in offered.NUMBERS:
        return numbers.localize_number(value)
    return str(value)


def boxes_of(field: Field, values: Sequence[Any]) -> list[tuple[str, str, bool]]:
    """Returns the values of a closed list, each with its label and whether it is chosen. A chosen value
    that is not in the list is kept."""
    chosen = show_texts(field, values)
    known = list(field.choices) if field.type != "bool" else ["true", "false"]
    return [
        (value, value_in_words(field, value), value in chosen)
        for value in dict.fromkeys([*known, *chosen])
    ]


def value_in_words(field: Field, value: str) -> str:
    """Returns the label of a value of a closed list."""
    if field.type == "bool":
        return _("yes") if value == "true" else _("no")
    return labels.choice_label(field, value)


class RecordsSelect(ReferenceSelect):
    """A searchable choice of several records. The page contains only the chosen ones."""

    allow_multiple_selected = True

    def optgroups(self, name: str, value: Sequence[str], attrs: Any = None) -> list[Any]:
        names = record_names(self.noun, value) | self.chosen
        options = [
            self.create_option(name, id, names.get(id, id), True, number)
            for number, id in enumerate(each for each in value if each)
        ]
        return [(None, options, 0)]
