"""What a report can be built from: fields to group by, numbers to measure, stretches of time.

All of it is read from the declaration of the noun.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from headlessly.admin.filtering.offered import path_label
from headlessly.declaration import labels
from headlessly.declaration.record import Record
from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter
from headlessly.language import wording
from headlessly.nouns import Noun
from headlessly.query import filters, measures
from headlessly.query.filters import META_FIELDS
from headlessly.query.measures import CALL, MOMENTS, NUMBERS, UNGROUPED, UNITS

#: Types of fields with few values, which are also offered for referenced records.
FEW = ("enum", "bool", "reference")
FUNCTIONS = {
    "count": pgettext_lazy("measure", "Number with %s"),
    "sum": pgettext_lazy("measure", "Sum of %s"),
    "avg": pgettext_lazy("measure", "Average of %s"),
    "median": pgettext_lazy("measure", "Median of %s"),
    "min": pgettext_lazy("measure", "Smallest %s"),
    "max": pgettext_lazy("measure", "Largest %s"),
}
STRETCHES = {
    "day": gettext_lazy("%s by day"),
    "week": gettext_lazy("%s by week"),
    "month": gettext_lazy("%s by month"),
    "quarter": gettext_lazy("%s by quarter"),
    "year": gettext_lazy("%s by year"),
}
assert FUNCTIONS.keys() == set(measures.FUNCTIONS)
assert STRETCHES.keys() == UNITS.keys()

#: The options of a control, by their heading.
Options = dict[str, list[tuple[str, str]]]


def group_options(noun: type[Noun]) -> Options:
    """Returns the fields to group by: the noun's own, and those with few values of the nouns it refers to."""
    found = {labels.noun_title(noun): [(f.wire, labels.field_label(f)) for f in _groupable(noun)]}
    for field in noun.schema.references.values():
        behind = [f for f in _groupable(field.target_noun) if f.type in FEW]
        found[labels.field_label(field)] = [
            (path := f"{field.wire}.{f.wire}", path_label(noun, path)) for f in behind
        ]
    return {title: options for title, options in found.items() if options}


def _groupable(noun: type[Record]) -> Iterator[Field]:
    for field in noun.schema.stored:
        if field.type not in (*UNGROUPED, "email", "url") and not field.unique:
            yield field


def measure_options(noun: type[Noun]) -> Options:
    """Returns the measures: the number of records, and every function of every number field."""
    found: Options = {"": [("count", how_many())]}
    for field in noun.schema.stored:
        if field.type in NUMBERS:
            found[labels.field_label(field)] = [
                (term := f"{name}({field.wire})", measure_label(noun, term))
                for name in FUNCTIONS
                if name != "count"
            ]
    return found


def stretch_options(noun: type[Noun]) -> Options:
    """Returns the stretches of time of every date and datetime field, the time of creation first."""
    moments = [META_FIELDS["$createdAt"], *(f for f in noun.schema.stored if f.type in MOMENTS)]
    return {
        labels.field_label(field): [
            (f"{unit}({field.wire.removeprefix('$')})", _in_stretches(field, unit))
            for unit in STRETCHES
        ]
        for field in moments
    }


def _in_stretches(field: Field, unit: str) -> str:
    return str(STRETCHES[unit]) % labels.field_label(field)


def how_many() -> str:
    return pgettext("measure", "How many")


def measure_label(noun: type[Noun], term: str) -> str:
    """Returns the label of a measure such as ``sum(budget)``. Raises InvalidFilter for a term that is not
    a measure."""
    call = CALL.match(term)
    if call is None or call[1] not in FUNCTIONS:
        raise InvalidFilter(_("“%s” cannot be measured.") % term[:64], field="measure")
    if call[2] is None:
        return how_many()
    field = filters.find_field(noun, call[2])
    return str(FUNCTIONS[call[1]]) % wording.inside_sentence(labels.field_label(field))


def stretch_field(noun: type[Noun], term: str) -> tuple[str, Field]:
    """Returns the unit and the field of a term such as ``month(createdAt)``. Raises InvalidFilter."""
    call = CALL.match(term)
    if call is None or call[1] not in UNITS or call[2] is None:
        raise InvalidFilter(_("“%s” is no stretch of time.") % term[:64], field="by")
    return call[1], filters.find_field(noun, call[2])


def over_label(noun: type[Noun], term: str) -> str:
    unit, field = stretch_field(noun, term)
    return _in_stretches(field, unit)
