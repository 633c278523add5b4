"""The operators of the filter language on a single column (see :mod:`headlessly.query.filters`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from enum import Enum
from functools import lru_cache, reduce
from operator import or_
from typing import Any

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _

from headlessly.access import lists
from headlessly.database import timeouts
from headlessly.declaration import days, normalization, values
from headlessly.declaration.custom_values import held_json
from headlessly.declaration.folding import fold
from headlessly.declaration.schema import Field
from headlessly.declaration.shapes import cached_by_shape
from headlessly.errors import InvalidFilter
from headlessly.log import indexed_values
from headlessly.query.scope import MAX_WORDS, NOTHING
from headlessly.query.search_words import Word

MAX_VALUES = 1_000
MAX_PATTERN = 200
#: Up to this many values of a tenant's own field are looked up one by one by its index.
MOST_HELD = 50

DATES = ("date", "datetime")
ORDERED_TYPES = {"string", "text", "email", "url", "number", "integer", "money", "date", "datetime"}
TEXT_TYPES = {"string", "text", "email", "url", "enum"}


class Lookup(Enum):
    """Django's lookups of text that the filter language does not have: no key of JSON can name these."""

    IEXACT = "iexact"
    CONTAINS = "contains"
    ICONTAINS = "icontains"
    STARTSWITH = "startswith"
    ISTARTSWITH = "istartswith"


def _equal_condition(field: Field, path: str, column: str, operator: str, operand: Any) -> Q:
    if (day := named_day_of(field, operand)) is not None:
        return _on_day(field, column, day)
    value = clean_operand(field, path, operand)
    return (
        Q(**{f"{column}__isnull": True})
        if value is None
        else _compare_column(field, column, "", value)
    )


def _in_condition(field: Field, path: str, column: str, operator: str, operand: Any) -> Q:
    if isinstance(operand, str) or not isinstance(operand, Sequence):
        raise InvalidFilter(_("%s: $in and $nin take a list.") % path, field=path)
    if len(operand) > MAX_VALUES:
        raise InvalidFilter(
            _("%(path)s: at most %(most)s values.")
            % {"path": path, "most": values.group_thousands(MAX_VALUES)},
            field=path,
        )
    named = [day for item in operand if (day := named_day_of(field, item)) is not None]
    found = [
        clean_operand(field, path, item) for item in operand if named_day_of(field, item) is None
    ]
    given = [value for value in found if value is not None]
    # Not EmptyResultSet's "nothing", which would not become everything when negated.
    if not given:
        condition = NOTHING
    elif field.is_custom and len(given) <= MOST_HELD:
        condition = reduce(or_, (_compare_column(field, column, "", value) for value in given))
    elif field.day_if is None:
        condition = Q(**{f"{column}__in": given})
    else:
        condition = reduce(or_, (_compare_column(field, column, "", value) for value in given))
    condition = reduce(or_, (_on_day(field, column, day) for day in named), condition)
    return condition | Q(**{f"{column}__isnull": True}) if None in found else condition


def clean_operands(field: Field, path: str, operand: Any) -> list[Any]:
    """Returns the values of a condition that takes one or several."""
    given = operand if isinstance(operand, list | tuple) else [operand]
    return [value for each in given if (value := clean_operand(field, path, each)) is not None]


def named_day_of(field: Field, operand: Any) -> date | None:
    """Returns the day if a moment is compared with a day: ``today`` means any moment of the day."""
    is_moment = field.type == "datetime" and isinstance(operand, str)
    return days.named_day(operand) if is_moment else None


def _on_day(field: Field, column: str, day: date) -> Q:
    """Returns the condition that the column is a moment of the reader's day, or stands for that day."""

    def between(start: datetime, end: datetime) -> Q:
        return Q(**{f"{column}__gte": start, f"{column}__lt": end})

    after = day + timedelta(days=1)
    moments = between(days.start_of_day(day), days.start_of_day(after))
    if field.day_if is None:
        return moments
    whole = between(days.moment_of_day(day), days.moment_of_day(after))
    return Q(**{field.day_if: False}) & moments | Q(**{field.day_if: True}) & whole


def _comparison_condition(field: Field, path: str, column: str, operator: str, operand: Any) -> Q:
    if field.type not in ORDERED_TYPES:
        raise InvalidFilter(
            _("%(path)s: %(operator)s compares numbers, dates and text.")
            % {"path": path, "operator": operator},
            field=path,
        )
    value = clean_operand(field, path, operand)
    if value is None:
        raise InvalidFilter(
            _("%(path)s: %(operator)s needs a value.") % {"path": path, "operator": operator},
            field=path,
        )
    return _compare_column(field, column, f"__{operator[1:]}", value)


def _compare_column(field: Field, column: str, lookup: str, value: Any) -> Q:
    """Returns the comparison of the column with a value.

    A moment that stands for a whole day is before a moment if that day is over by then, for the reader.
    """
    if field.is_custom and not lookup:
        return Q(custom__contains=held_json(column, value))
    if field.day_if is None:
        return Q(**{column + lookup: value})
    day = days.moment_of_day(days.day_of(value))
    here = Q(**{field.day_if: False, column + lookup: value})
    if not lookup:
        until = day + timedelta(days=1)
        return here | Q(**{field.day_if: True, f"{column}__gte": day, f"{column}__lt": until})
    before = lookup in ("__lt", "__lte")
    whole = Q(**{field.day_if: True, column + ("__lt" if before else "__gte"): day})
    # One bound for all rows, so that an index can be used.
    bound = max(day, value) if before else min(day, value)
    return Q(**{f"{column}__{'lte' if before else 'gte'}": bound}) & (here | whole)


def compare_in_index(field: Field, operator: str, value: Any) -> Q:
    """Returns a comparison like ``$gte`` of an indexed own field, as a condition on the rows of its index."""
    lookup = f"{indexed_values.rank_column(field)}__{operator[1:]}"
    return Q(**{lookup: indexed_values.rank(value)})


def find_in_index(field: Field, path: str, operator: str, operand: Any) -> Q:
    """Returns the condition for records whose value compares so, found by the index of their field."""
    value = clean_operand(field, path, operand)
    rows = indexed_values.values_of(field).filter(compare_in_index(field, operator, value))
    return Q(pk__in=rows.values("record"))


def _regex_condition(field: Field, path: str, column: str, operator: str, operand: Any) -> Q:
    if field.type not in TEXT_TYPES or not isinstance(operand, str):
        raise InvalidFilter(_("%s: $regex takes a pattern and looks at text.") % path, field=path)
    operand = _normalized_text(path, operand)
    if len(operand) > MAX_PATTERN:
        raise InvalidFilter(
            _("%(path)s: a pattern has %(most)s characters at most.")
            % {"path": path, "most": MAX_PATTERN},
            field=path,
        )
    try:
        _check_pattern(operand)
    except InvalidFilter as problem:
        raise InvalidFilter(f"{path}: {problem.message}", field=path) from problem
    return Q(**{f"{column}__regex": operand})


def _text_condition(field: Field, path: str, column: str, operator: str, operand: Any) -> Q:
    if field.type not in TEXT_TYPES or not isinstance(operand, str):
        raise InvalidFilter(f"{path}: {operator} takes words and looks at text.", field=path)
    operand = _normalized_text(path, operand)
    found = Q()
    for word in operand.split()[:MAX_WORDS]:
        found &= Word.read(normalization.normalize_word(word)).inside_condition(column)
    return found or Q(**{f"{column}__isnull": False})


def _lookup_condition(field: Field, path: str, column: str, operator: Lookup, operand: Any) -> Q:
    if field.type not in TEXT_TYPES:
        raise InvalidFilter(
            _("%(path)s: %(lookup)s looks at text.") % {"path": path, "lookup": operator.value},
            field=path,
        )
    operand = _normalized_text(path, operand)
    if field.normalize is not None and operator is Lookup.IEXACT:
        return _equal_condition(field, path, column, operator.value, operand)
    if field.normalize in normalization.SMALL_LETTERS:
        operand = operand.lower()
    if operator is Lookup.ICONTAINS:
        return Q(**{f"{column}__folded__contains": fold(operand)})
    return Q(**{f"{column}__{operator.value}": operand})


def _all_condition(field: Field, path: str, column: str, operator: str, operand: Any) -> Q:
    raise InvalidFilter(_("%s has one value: $all is for several.") % path, field=path)


def _texts_of(path: str, operator: str, operand: Any) -> list[str]:
    found = [operand] if isinstance(operand, str) else operand
    if not isinstance(found, Sequence) or not all(isinstance(each, str) for each in found):
        raise InvalidFilter(
            _("%(path)s: %(operator)s takes one of its values, or a list of them.")
            % {"path": path, "operator": operator},
            field=path,
        )
    return list(found)


def _has_any_condition(field: Field, path: str, column: str, operator: str, operand: Any) -> Q:
    """Returns the condition that one of these is among a field's values; null matches a record without
    any."""
    if operand is None:
        return Q(**{f"{column}__isnull": True})
    empty = Q()
    if isinstance(operand, list | tuple) and None in operand:
        empty = Q(**{f"{column}__isnull": True})
        operand = [each for each in operand if each is not None]
    wanted = clean_operand(field, path, _texts_of(path, operator, operand))
    if wanted and field.is_custom and len(wanted) <= MOST_HELD:
        each_of = (Q(custom__contains=held_json(column, [each])) for each in wanted)
        any_of = reduce(or_, each_of)
    else:
        any_of = Q(**{f"{column}__has_any_keys": wanted}) if wanted else NOTHING
    return any_of | empty if empty else any_of


def _has_all_condition(field: Field, path: str, column: str, operator: str, operand: Any) -> Q:
    wanted = clean_operand(field, path, _texts_of(path, operator, operand))
    if not wanted:
        return NOTHING
    if field.is_custom:
        return Q(custom__contains=held_json(column, wanted))
    return Q(**{f"{column}__has_keys": wanted})


def _no_order_condition(field: Field, path: str, column: str, operator: Any, operand: Any) -> Q:
    raise InvalidFilter(
        _("%s has several values: use $eq, $in, $all, $ne, $nin or $exists.") % path, field=path
    )


def find_condition(field: Field, operator: Any) -> Callable[[Field, str, str, Any, Any], Q] | None:
    """Returns the function that compiles an operator on ``field``; None for an unknown operator."""
    if field.type == "choices" and operator in OPERATOR_CONDITIONS:
        return CHOICES_CONDITIONS.get(operator, _no_order_condition)
    return OPERATOR_CONDITIONS.get(operator)


#: The operators on equal values.
EQUALITIES = {"$eq", "$in", Lookup.IEXACT}
#: The operators that compare amounts of several currencies after conversion.
COMPARISONS = {"$gt", "$gte", "$lt", "$lte"}
OPERATOR_CONDITIONS: dict[Any, Callable[[Field, str, str, Any, Any], Q]] = {
    "$eq": _equal_condition,
    "$in": _in_condition,
    "$all": _all_condition,
    "$regex": _regex_condition,
    "$text": _text_condition,
    **dict.fromkeys(COMPARISONS, _comparison_condition),
    **dict.fromkeys(Lookup, _lookup_condition),
}
CHOICES_CONDITIONS: dict[Any, Callable[[Field, str, str, Any, Any], Q]] = {
    "$eq": _has_any_condition,
    "$in": _has_any_condition,
    "$all": _has_all_condition,
}


#: The operators of other languages, by their letters, and their names here.
ELSEWHERE = {
    "=": "$eq", "==": "$eq", "eq": "$eq", "is": "$eq", "!=": "$ne", "<>": "$ne", "ne": "$ne", "not": "$not",
    ">": "$gt", "gt": "$gt", "after": "$gt", ">=": "$gte", "gte": "$gte", "since": "$gte",
    "<": "$lt", "lt": "$lt", "before": "$lt", "<=": "$lte", "lte": "$lte", "until": "$lte",
    "in": "$in", "notin": "$nin", "nin": "$nin", "exists": "$exists", "isnull": "$exists", "null": "$exists",
    "contains": "$text", "icontains": "$text", "like": "$text", "ilike": "$text", "search": "$text",
    "startswith": "$regex", "endswith": "$regex", "matches": "$regex", "between": "$gte",
}  # fmt: skip


def meant_operator(operator: Any) -> str:
    """Returns a suggestion for an error: the operator that means here what ``operator`` means elsewhere."""
    letters = re.sub(r"[$_\s]", "", str(operator)).lower()
    return f" Did you mean {meant!r}?" if (meant := ELSEWHERE.get(letters)) else ""


def clean_operand(field: Field, path: str, operand: Any) -> Any:
    """Returns the operand as the column stores it; relative dates become moments."""
    if operand is None:
        return None
    try:
        if field.type in DATES and isinstance(operand, str):
            relative = days.relative_day if field.type == "date" else days.relative_moment
            if (found := relative(operand)) is not None:
                return found
        if field.type in values.TEXT_TYPES:
            return values.normalize_operand(field, operand)
        cleaned = values.CLEANERS[field.type](without_bounds(field), operand, False)
        return (
            lists.spell_by_list(field.list_name, cleaned)
            if field.list_name and cleaned
            else cleaned
        )
    except ValueError as problem:
        raise invalid_operand(field, path, problem) from None


def invalid_operand(field: Field, path: str, problem: ValueError) -> InvalidFilter:
    """Returns the error for an operand that is no value of ``field``, with the accepted forms of dates."""
    said = f"{path}: {problem}"
    return InvalidFilter(
        f"{said} {days.describe_relative_forms()}" if field.type in DATES else said, field=path
    )


@cached_by_shape
def without_bounds(field: Field) -> Any:
    """Returns the field without its bounds, because it is no mistake to filter for a score above 1,000."""
    bounded = field.minimum is not None or field.maximum is not None
    return replace(field, minimum=None, maximum=None) if bounded else field


def _normalized_text(path: str, text: str) -> str:
    """Returns ``text`` in the spelling of stored text, in which it is searched for."""
    try:
        values.check_storable(text)
    except ValueError as problem:
        raise InvalidFilter(f"{path}: {problem}", field=path) from None
    return normalization.normalize_text(text, lines=True)


@lru_cache(1_000)
def _check_pattern(pattern: str) -> None:
    """Raise InvalidFilter if the database cannot parse the pattern. Only successes are cached."""

    with timeouts.statement_timeout(), connection.cursor() as cursor:
        cursor.execute("SELECT '' ~ %s", [pattern])
