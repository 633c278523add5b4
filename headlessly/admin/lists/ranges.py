"""Ranges and other lookups: REST's lookups in the address of a list, how they read and are chosen.

``score__gte=80``, ``lastActivityAt__lt=14d ago``, ``organization.industry=Technology``: any lookup on any
field. A value that ends in ``,-`` includes records without one: ``lastActivityAt__lt=14d ago,-``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from headlessly.admin import display
from headlessly.admin.filtering.offered import path_label
from headlessly.admin.filtering.words import moment_in_words
from headlessly.declaration import days, labels, values
from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter
from headlessly.language import numbers
from headlessly.language.moments import no_day_said, read_past_day, read_when, written_day
from headlessly.nouns import Noun
from headlessly.query import list_address, periods, querystring
from headlessly.query.list_address import OR_NONE
from headlessly.query.reports import record_names

DATES = ("date", "datetime")
AMOUNTS = ("number", "integer", "money")

#: The text of a lookup with its value.
LOOKUP_TEXTS = {
    "exact": "%s",
    "ne": gettext_lazy("not %s"),
    "gt": gettext_lazy("over %s"),
    "gte": gettext_lazy("%s or more"),
    "lt": gettext_lazy("under %s"),
    "lte": gettext_lazy("up to %s"),
    "in": "%s",
    "nin": gettext_lazy("none of %s"),
    "regex": gettext_lazy("matches %s"),
    "iexact": "%s",
    "contains": gettext_lazy("contains “%s”"),
    "icontains": gettext_lazy("contains “%s”"),
    "startswith": gettext_lazy("begins with “%s”"),
    "istartswith": gettext_lazy("begins with “%s”"),
}
#: The text of a lookup of days and moments.
MOMENT_LOOKUP_TEXTS = LOOKUP_TEXTS | {
    "gt": gettext_lazy("after %s"),
    "gte": gettext_lazy("from %s"),
    "lt": gettext_lazy("before %s"),
    "lte": gettext_lazy("until %s"),
}


@dataclass(frozen=True)
class Span:
    """A stretch of time with a name: from ``since`` until before ``until``."""

    label: Any
    since: str = ""
    until: str = ""


#: The current and the last week, month, quarter and year, as in reports.
CALENDAR = tuple(
    Span(
        periods.PRESETS[f"{which}_{stretch}"][0],
        f"start of {which} {stretch}",
        f"start of {after} {stretch}",
    )
    for stretch in days.STRETCHES
    for which, after in (("this", "next"), ("last", "this"))
)
SPANS = (
    Span(gettext_lazy("Today"), "today", "tomorrow"),
    Span(gettext_lazy("In the last 7 days"), "7d ago"),
    Span(gettext_lazy("In the last 30 days"), "30d ago"),
    Span(gettext_lazy("In the last 90 days"), "90d ago"),
    *CALENDAR,
    Span(gettext_lazy("Not for 7 days"), "", f"7d ago{OR_NONE}"),
    Span(gettext_lazy("Not for 14 days"), "", f"14d ago{OR_NONE}"),
    Span(gettext_lazy("Not for 30 days"), "", f"30d ago{OR_NONE}"),
    Span(gettext_lazy("Not for 90 days"), "", f"90d ago{OR_NONE}"),
)
#: For days that may be in the future.
AHEAD = (
    Span(gettext_lazy("In the past"), "", "today"),
    Span(gettext_lazy("Today"), "today", "tomorrow"),
    Span(gettext_lazy("In the next 7 days"), "today", "7d from now"),
    Span(gettext_lazy("In the next 30 days"), "today", "30d from now"),
    Span(gettext_lazy("In the next 90 days"), "today", "90d from now"),
    Span(gettext_lazy("In the last 30 days"), "30d ago", "tomorrow"),
    *CALENDAR,
)


class RangeFilter:
    """The lookups of one field in an address: of the noun's own field, or one behind references."""

    def __init__(self, noun: type[Noun], path: str, given: dict[str, str]) -> None:
        self.noun, self.path = noun, path
        self.field: Field = querystring.field_at_path(noun, path)
        self.given = given  #: by lookup
        self.label = path_label(noun, path)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(parameter_name(self.path, lookup) for lookup in self.given)

    @property
    def value(self) -> bool:
        return bool(self.given)

    @property
    def params(self) -> dict[str, str] | None:
        """The condition as REST parameters; None if they cannot express it."""
        if any(text.endswith(OR_NONE) for text in self.given.values()):
            return None
        return {
            parameter_name(self.path, lookup): self._wire(text)
            for lookup, text in self.given.items()
        }

    def _wire(self, text: str) -> str:
        """Returns a day of the reader's time zone as a moment, because in REST days begin in UTC."""
        if self.field.type not in DATES or days.parse_relative(text) is not None:
            return text
        try:
            if self.field.type == "date":
                return f"{days.relative_day(text) or text}"
            moment = days.relative_moment(text) or values.clean_moment(None, text, text=True)
        except ValueError:
            return text
        return days.utc_text(moment)

    def as_filter(self) -> dict[str, Any]:
        """Returns the condition in the filter language. Raises InvalidFilter."""
        return list_address.lookups_filter(self.noun, self.path, self.given)

    # -- in words ---------------------------------------------------------------------------------

    def in_words(self) -> str:
        """Returns the condition in words: ``80 or more``, ``in the last 30 days``, ``10 – 50``."""
        for span in (*SPANS, *AHEAD):
            if self.given == _span_lookups(span) and self.field.type in DATES:
                return str(span.label)[:1].lower() + str(span.label)[1:]
        if set(self.given) == {"gte", "lte"} and not any("-" in v for v in self.given.values()):
            return f"{self._value_in_words(self.given['gte'])} – {self._value_in_words(self.given['lte'])}"
        return ", ".join(self._lookup_in_words(lookup, text) for lookup, text in self.given.items())

    def _lookup_in_words(self, lookup: str, text: str) -> str:
        if lookup == "isnull":
            return _("none") if text.lower() in ("true", "1", "yes") else _("any")
        bare = text.removesuffix(OR_NONE)
        named = ", ".join(self._value_in_words(part) for part in bare.split(","))
        said = (
            str((MOMENT_LOOKUP_TEXTS if self.field.type in DATES else LOOKUP_TEXTS)[lookup]) % named
        )
        return said if bare == text else _("%(condition)s, or none") % {"condition": said}

    def _value_in_words(self, text: str) -> str:
        kind = self.field.type
        if kind in DATES:
            return moment_in_words(text)
        if kind in AMOUNTS:
            try:
                return display.amount(text) if kind == "money" else display.number(float(text))
            except (ArithmeticError, ValueError):
                return text
        if kind == "reference":
            return record_names(self.field.target_noun, [text]).get(text, text)
        return labels.choice_label(self.field, text) if kind == "enum" else text

    # -- to choose from ---------------------------------------------------------------------------

    @property
    def is_date(self) -> bool:
        return self.field.type in DATES

    @property
    def when(self) -> str:
        """How when.js reads what is typed: of what has happened, the last such day."""
        return "" if lies_ahead(self.field) else "past"

    @property
    def low(self) -> dict[str, str]:
        return self._end("gte")

    @property
    def high(self) -> dict[str, str]:
        return self._end("lt" if self.is_date else "lte")

    def _end(self, lookup: str) -> dict[str, str]:
        name = parameter_name(self.path, lookup)
        value = self.given.get(lookup, "")
        if self.field.type in AMOUNTS:
            value = numbers.localize_number(value)
        elif self.is_date:
            value = show_day(value)
        return {"name": name, "id": f"range-{name}", "value": value}

    @property
    def spans(self) -> list[dict[str, Any]]:
        """The stretches to pick from; ahead for days that are planned, back for what has happened."""
        ends = (self.given.get("gte", ""), self.given.get("lt", ""))
        return [
            {
                "label": span.label,
                "since": span.since,
                "until": span.until,
                "on": ends == (span.since, span.until),
            }
            for span in spans_of(self.field)
        ]

    @property
    def between(self) -> bool:
        """Whether the range is not one of the named stretches."""
        return any(self._end(e)["value"] for e in ("gte", "lt")) and not any(
            span["on"] for span in self.spans
        )


def lies_ahead(field: Field) -> bool:
    """Whether a day or a moment may be one that is yet to come."""
    return field.type == "date" or field.name.startswith(("due", "start", "end", "reminder"))


def spans_of(field: Field) -> tuple[Span, ...]:
    """The stretches of time that people have names for, of this field."""
    return AHEAD if lies_ahead(field) else SPANS


def read_ends(field: Field, given: dict[str, str]) -> dict[str, str]:
    """What somebody typed of a day or a moment, by lookup, as a wire has it: ``3.12.`` and ``fri`` are days,
    as in forms, and the name of a stretch of time is both its ends. What says no day stays as it is."""
    found = {lookup: _read_day(field, text) for lookup, text in given.items()}
    if len(given) == 1:
        (said,) = given.values()
        for span in spans_of(field):
            if said.strip().casefold() == str(span.label).casefold():
                return _span_lookups(span)
    return found


def _read_day(field: Field, text: str) -> str:
    bare = text.removesuffix(OR_NONE)
    if days.is_relative(bare) or "T" in bare:  # as links have it
        return text
    today = days.today()
    if lies_ahead(field):
        when = read_when(bare[:100], datetime.combine(today, time()))
        day = when and when.day
    else:
        day = read_past_day(bare[:100], today)
    return text if day is None else f"{day}{text[len(bare) :]}"


def problem_in_words(noun: type[Noun], given: Mapping[str, str], problem: InvalidFilter) -> str:
    """What is wrong with the conditions of an address, which has them in ``given``, with the field as people
    call it."""
    path = problem.field or ""
    said = problem.message.removeprefix(f"{path}: ")
    try:
        field = querystring.field_at_path(noun, path)
    except InvalidFilter:
        return problem.message
    if said == problem.message:
        return said
    texts = (text for name, text in given.items() if name.partition("__")[0] == path)
    if field.type in DATES and not all(map(_says_moment, texts)):
        said = no_day_said()
    return f"{path_label(noun, path)}: {said}"


def _says_moment(text: str) -> bool:
    bare = text.removesuffix(OR_NONE)
    try:
        return days.is_relative(bare) or bool(values.clean_moment(None, bare, text=True))
    except ValueError:
        return False


def show_day(text: str) -> str:
    """An end as an input shows it: a day as its reader writes days."""
    bare = text.removesuffix(OR_NONE)
    try:
        return written_day(date.fromisoformat(bare)) + text[len(bare) :]
    except ValueError:
        return text


def _span_lookups(span: Span) -> dict[str, str]:
    return {k: v for k, v in (("gte", span.since), ("lt", span.until)) if v}


def parameter_name(path: str, lookup: str) -> str:
    return path if lookup == "exact" else f"{path}__{lookup}"
