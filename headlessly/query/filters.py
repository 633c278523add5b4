"""The filter language, the same in REST, MCP, Python, segments and views, compiled to one ``Q``.

``{"status": "Qualified", "score": {"$gte": 80}, "organization.industry": "Technology"}``: fields by
their wire or Python names, dot paths over at most three references, implicit AND. Every part is
checked against the schema, and values travel as parameters: nothing of a filter reaches SQL as text.

``$ne``, ``$nin`` and ``$not`` are exact complements: records without a value are in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cache, lru_cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _

from headlessly.access import visibility
from headlessly.database import timeouts
from headlessly.declaration import days, normalization, values
from headlessly.declaration.folding import fold
from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter, did_you_mean
from headlessly.query import money
from headlessly.query.scope import EVERYTHING, MAX_WORDS, NOTHING, Scope
from headlessly.query.search import Search

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

MAX_REFERENCES = 3
MAX_DEPTH = 16
MAX_CONDITIONS = 200
MAX_VALUES = 1_000
MAX_PATTERN = 200

DATES = ("date", "datetime")
ORDERED_TYPES = {"string", "text", "email", "url", "number", "integer", "money", "date", "datetime"}
TEXT_TYPES = {"string", "text", "email", "url", "enum"}


class Lookup(Enum):
    """What Django asks of text and the filter language does not: no key of JSON can name these."""

    IEXACT = "iexact"
    CONTAINS = "contains"
    ICONTAINS = "icontains"
    STARTSWITH = "startswith"
    ISTARTSWITH = "istartswith"


META_FIELDS = {
    "$id": Field("id", "$id", "pk", "string", max_length=64),
    "$version": Field("version", "$version", "version", "integer"),
    "$createdAt": Field("created_at", "$createdAt", "created_at", "datetime"),
    "$createdBy": Field("created_by", "$createdBy", "created_by", "string", max_length=64),
    "$updatedAt": Field("updated_at", "$updatedAt", "updated_at", "datetime"),
}
PYTHON_META = {field.name: field for field in META_FIELDS.values()} | {
    "createdAt": META_FIELDS["$createdAt"],
    "createdBy": META_FIELDS["$createdBy"],
    "updatedAt": META_FIELDS["$updatedAt"],
}


#: The names of the furthest state of a record (:class:`headlessly.declaration.fields.Reached`). It can be
#: filtered by, and is in no answer.
REACHED = ("$reached", "reached")


def compile_filter(scope: Scope | type[Record], filter: Mapping[str, Any] | None) -> Q:
    """The condition that ``filter`` states. Raises InvalidFilter naming what does not fit."""
    if not isinstance(scope, Scope):
        scope = Scope(scope)
    return _Compiler().group(scope, {} if filter is None else filter, 0)


def may_be_slow(*filters: Any) -> bool:
    """Whether a filter has a pattern, whose time nothing but a clock bounds."""
    return "$regex" in repr(filters)


def words_condition(scope: Scope, text: str) -> Q:
    """The condition that every word of ``text`` is somewhere in the searchable fields."""
    return Search(scope, text).condition


def column_equalities(
    noun: type[Record], stated: Iterable[Mapping[str, Any] | None]
) -> dict[str, Any] | None:
    """The columns that filters give one value each, with it; None where they say anything else.

    Raises InvalidFilter for a value that a column cannot have.
    """
    found: dict[str, Any] = {}
    for filter in stated:
        if not isinstance(filter, Mapping | None):
            return None
        for name, value in (filter or {}).items():
            if name == "$and" and value and _are_filters(value):
                inner = column_equalities(noun, value)
            else:
                inner = _equality(noun, name, value)
            if inner is None or set(inner) & set(found):
                return None
            found |= inner
    return found


def _are_filters(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(v, Mapping) for v in value)


def _equality(noun: type[Record], name: Any, value: Any) -> dict[str, Any] | None:
    field = noun.schema.field(name) if isinstance(name, str) else None
    if isinstance(value, Mapping) and len(value) == 1:
        ((operator, operand),) = value.items()
        one = operator == "$in" and isinstance(operand, list | tuple) and len(operand) == 1
        value = operand[0] if one else operand if operator == "$eq" else value
    if value is None or isinstance(value, Mapping | list):
        return None
    if field is None or field.computed is not None or field.type == "json":
        return None
    if _named_day(field, value) is not None:
        return None
    return {field.column: _clean_operand(field, name, value)}


def find_field(noun: type[Record], name: str) -> Field:
    """The field of ``noun`` called ``name``, meta-fields included. Raises InvalidFilter."""
    field = noun.schema.field(name) or META_FIELDS.get(name) or PYTHON_META.get(name)
    if field is None:
        raise InvalidFilter(
            f"{noun.__name__} has no field {name[:64]!r}."
            f"{did_you_mean(name, [*noun.schema.fields, *META_FIELDS])} "
            f"Fields: {', '.join([*noun.schema.fields, *META_FIELDS])}.",
            type=noun.__name__,
            field=name[:64],
        )
    return field


def find_condition_field(noun: type[Record], name: str) -> Field:
    """What a condition may be about: a field, or how far a record has come. Raises InvalidFilter."""
    machine = noun.schema.machine
    if name in REACHED and machine and noun.schema.field(name) is None:
        return _reached_field(noun)
    return find_field(noun, name)


@cache
def _reached_field(noun: type[Record]) -> Field:
    path = noun.schema.require_machine().path
    return Field("reached", "$reached", "reached", "enum", choices=path, label="Reached")


class _Compiler:
    """One compilation; it counts, so that no filter costs more than a sensible one."""

    def __init__(self) -> None:
        self.conditions = 0

    def group(self, scope: Scope, filter: Any, depth: int) -> Q:
        """``{...}``: all of its parts hold."""
        if not isinstance(filter, Mapping):
            raise InvalidFilter(f"A filter is an object, not {_describe_json_type(filter)}.")
        if depth > MAX_DEPTH:
            raise InvalidFilter(f"A filter may be nested {MAX_DEPTH} levels deep at the most.")
        found = Q()
        for key, value in filter.items():
            if not isinstance(key, str):
                raise InvalidFilter("The keys of a filter are names of fields or operators.")
            if key in ("$and", "$or"):
                found &= self.several(scope, key, value, depth + 1)
            elif key == "$not":
                found &= ~_explicit(self.group(scope, value, depth + 1))
            elif key == "$text":
                found &= words_condition(scope, value)
            elif key.startswith("$") and key not in META_FIELDS and key not in REACHED:
                raise InvalidFilter(
                    f"There is no operator {key[:32]!r} here. "
                    "Operators between conditions: $and, $or, $not, $text.",
                    field=key[:32],
                )
            else:
                found &= self.field(scope, key, key, value, depth + 1)
        return found

    def several(self, scope: Scope, operator: str, parts: Any, depth: int) -> Q:
        if not isinstance(parts, Sequence) or isinstance(parts, str) or not parts:
            raise InvalidFilter(f"{operator} takes a list of at least one filter.", field=operator)
        found = [self.group(scope, part, depth) for part in parts]
        result = _explicit(found[0])
        for part in found[1:]:
            result = result & part if operator == "$and" else result | _explicit(part)
        return result

    def field(self, scope: Scope, path: str, name: str, value: Any, depth: int) -> Q:
        """A condition on one field, over references when ``name`` has dots."""
        head, dot, rest = name.partition(".")
        field = find_condition_field(scope.noun, head)
        if dot:
            if field.type != "reference":
                raise InvalidFilter(
                    f"{path}: {field.wire} is no reference, nothing lies behind it.", field=path
                )
            if path.count(".") > MAX_REFERENCES:
                raise InvalidFilter(
                    f"{path}: at most {MAX_REFERENCES} references deep.", field=path
                )
            return self.operators(
                path, value, depth, self._through(scope, field, path, rest, depth)
            )
        if field.computed is not None:
            raise InvalidFilter(f"{path} is computed: filter by what it is made of.", field=path)
        return self.operators(
            path,
            value,
            depth,
            lambda operator, operand: self.leaf(scope, field, path, operator, operand),
        )

    def _through(
        self, scope: Scope, field: Field, path: str, rest: str, depth: int
    ) -> Callable[[str, Any], Q]:
        """One operator on what lies behind a reference.

        Where the reference is empty there is no value either: nothing equals it but null.
        """
        other = scope.for_noun(field.target_noun)
        # Who sees the card of a person may ask for what stands on it.
        on_card = other.as_of is None and other.noun.schema.field(rest) in other.noun.schema.card
        there = visibility.with_cards(other.noun) if on_card else other.queryset()

        def behind(condition: Mapping[str, Any]) -> Q:
            found = there.filter(self.field(other, path, rest, condition, depth))
            return Q(**{f"{field.column}__in": found.order_by().values(other.key)})

        def leaf(operator: str, operand: Any) -> Q:
            if operator == "$eq" and operand is None:
                return ~behind({"$exists": True})
            if operator == "$in" and isinstance(operand, list | tuple) and None in operand:
                given = [item for item in operand if item is not None]
                return leaf("$eq", None) | behind({"$in": given})
            return behind({operator: operand})

        return leaf

    def operators(self, path: str, value: Any, depth: int, leaf: Callable[[str, Any], Q]) -> Q:
        """``{"$gte": 1, "$lt": 9}`` or a plain value; complements are taken here, on the outside."""
        if not isinstance(value, Mapping) or "$id" in value:
            value = {"$eq": value}
        if not value:
            raise InvalidFilter(f"{path}: an empty condition says nothing.", field=path)
        if depth > MAX_DEPTH:
            raise InvalidFilter(f"A filter may be nested {MAX_DEPTH} levels deep at the most.")
        found = Q()
        for operator, operand in value.items():
            self.conditions += 1
            if self.conditions > MAX_CONDITIONS:
                raise InvalidFilter(f"A filter may have {MAX_CONDITIONS} conditions at the most.")
            match operator:
                case "$ne":
                    found &= ~_explicit(leaf("$eq", operand))
                case "$nin":
                    found &= ~_explicit(leaf("$in", operand))
                case "$not":
                    found &= ~_explicit(self.operators(path, operand, depth + 1, leaf))
                case "$exists":
                    if not isinstance(operand, bool):
                        raise InvalidFilter(f"{path}: $exists takes true or false.", field=path)
                    exists = ~_explicit(leaf("$eq", None))
                    found &= exists if operand else leaf("$eq", None)
                case _:
                    found &= leaf(operator, operand)
        return found

    # -- one operator on one field ----------------------------------------------------------------

    def leaf(self, scope: Scope, field: Field, path: str, operator: str, operand: Any) -> Q:
        column = scope.key if field.column == "pk" else field.column
        if operator in COMPARISONS and field.type == "money":
            column = money.converted_name(scope.noun, field)
        build = OPERATOR_CONDITIONS.get(operator)
        if build is None:
            raise InvalidFilter(
                f"{path}: there is no operator {str(operator)[:32]!r}. Operators: "
                "$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $regex, $not, $text.",
                field=path,
            )
        if field.wire in REACHED:
            return _reached_condition(scope.noun, field, path, operator, operand)
        return build(field, path, column, operator, operand)


def _reached_condition(
    noun: type[Record], field: Field, path: str, operator: Any, operand: Any
) -> Q:
    """The records whose furthest state is one of these: the remembered one, else the present state."""
    if operator == "$eq":
        operand = [operand]
    elif operator != "$in" or isinstance(operand, str) or not isinstance(operand, Sequence):
        raise InvalidFilter(
            _("%s: compare it with a state, or with a list of states.") % path, field=path
        )
    found = [_clean_operand(field, path, state) for state in operand]
    states = [state for state in found if state is not None]  # nothing is without
    if not states:
        return NOTHING
    machine = noun.schema.require_machine()
    stands = Q(**{f"{machine.name}__in": states})
    if machine.path[0] in states:
        stands |= ~Q(**{f"{machine.name}__in": machine.path})
    return Q(reached__in=states) | Q(reached__isnull=True) & stands


def _equal_condition(field: Field, path: str, column: str, operator: str, operand: Any) -> Q:
    if (day := _named_day(field, operand)) is not None:
        return _on_day(field, column, day)
    value = _clean_operand(field, path, operand)
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
    named = [day for item in operand if (day := _named_day(field, item)) is not None]
    found = [
        _clean_operand(field, path, item) for item in operand if _named_day(field, item) is None
    ]
    given = [value for value in found if value is not None]
    # An empty list is not the optimizer's "nothing": negated it must be everything.
    if not given:
        condition = NOTHING
    elif field.day_if is None:
        condition = Q(**{f"{column}__in": given})
    else:
        condition = reduce(or_, (_compare_column(field, column, "", value) for value in given))
    condition = reduce(or_, (_on_day(field, column, day) for day in named), condition)
    return condition | Q(**{f"{column}__isnull": True}) if None in found else condition


def _named_day(field: Field, operand: Any) -> date | None:
    """The day that a moment is said to be on: ``today``, not the moment at which it begins."""
    is_moment = field.type == "datetime" and isinstance(operand, str)
    return days.named_day(operand) if is_moment else None


def _on_day(field: Field, column: str, day: date) -> Q:
    """The column is a moment of the day where one reads, or stands for that day."""

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
    value = _clean_operand(field, path, operand)
    if value is None:
        raise InvalidFilter(
            _("%(path)s: %(operator)s needs a value.") % {"path": path, "operator": operator},
            field=path,
        )
    return _compare_column(field, column, f"__{operator[1:]}", value)


def _compare_column(field: Field, column: str, lookup: str, value: Any) -> Q:
    """The column compared with a value.

    A moment that stands for a whole day is before a moment when that day is over by then, where one reads.
    """
    if field.day_if is None:
        return Q(**{column + lookup: value})
    day = days.moment_of_day(days.day_of(value))
    here = Q(**{field.day_if: False, column + lookup: value})
    if not lookup:
        until = day + timedelta(days=1)
        return here | Q(**{field.day_if: True, f"{column}__gte": day, f"{column}__lt": until})
    before = lookup in ("__lt", "__lte")
    whole = Q(**{field.day_if: True, column + ("__lt" if before else "__gte"): day})
    # An index leads along one bound, and not along two.
    bound = max(day, value) if before else min(day, value)
    return Q(**{f"{column}__{'lte' if before else 'gte'}": bound}) & (here | whole)


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
    _check_pattern(operand)
    return Q(**{f"{column}__regex": operand})


def _text_condition(field: Field, path: str, column: str, operator: str, operand: Any) -> Q:
    if field.type not in TEXT_TYPES or not isinstance(operand, str):
        raise InvalidFilter(f"{path}: {operator} takes words and looks at text.", field=path)
    operand = _normalized_text(path, operand)
    found = Q()
    for word in operand.split()[:MAX_WORDS]:
        folded = fold(normalization.normalize_word(word))
        found &= Q(**{f"{column}__folded__contains": folded})
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


#: What compares amounts of several currencies converted.
COMPARISONS = ("$gt", "$gte", "$lt", "$lte")
OPERATOR_CONDITIONS: dict[Any, Callable[[Field, str, str, Any, Any], Q]] = {
    "$eq": _equal_condition,
    "$in": _in_condition,
    "$regex": _regex_condition,
    "$text": _text_condition,
    **dict.fromkeys(COMPARISONS, _comparison_condition),
    **dict.fromkeys(Lookup, _lookup_condition),
}


def _clean_operand(field: Field, path: str, operand: Any) -> Any:
    """The operand as the column stores it; relative dates become moments."""
    if operand is None:
        return None
    try:
        if field.type in DATES and isinstance(operand, str):
            relative = days.relative_day if field.type == "date" else days.relative_moment
            if (found := relative(operand)) is not None:
                return found
        if field.type in values.TEXT_TYPES:
            return values.normalize_operand(field, operand)
        return values.CLEANERS[field.type](without_bounds(field), operand, False)
    except ValueError as problem:
        raise invalid_operand(field, path, problem) from None


def invalid_operand(field: Field, path: str, problem: ValueError) -> InvalidFilter:
    """What is said of an operand that is no value of ``field``, with the forms that a date may have."""
    said = f"{path}: {problem}"
    return InvalidFilter(
        f"{said} {days.describe_relative_forms()}" if field.type in DATES else said, field=path
    )


@cache
def without_bounds(field: Field) -> Any:
    """The field without its bounds: asking for a score above 1,000 is no mistake."""
    bounded = field.minimum is not None or field.maximum is not None
    return replace(field, minimum=None, maximum=None) if bounded else field


def _normalized_text(path: str, text: str) -> str:
    """``text`` to be looked for within what is stored, which has its letters in one spelling."""
    try:
        values.check_storable(text)
    except ValueError as problem:
        raise InvalidFilter(f"{path}: {problem}", field=path) from None
    return normalization.normalize_text(text, lines=True)


def _explicit(condition: Q) -> Q:
    """An empty Q vanishes when it is negated or joined by OR; it means everything, and says so."""
    return condition or EVERYTHING


@lru_cache(1_000)
def _check_pattern(pattern: str) -> None:
    """Only the database knows whether it can read a pattern. Raises InvalidFilter; then not cached."""

    with timeouts.statement_timeout(), connection.cursor() as cursor:
        cursor.execute("SELECT '' ~ %s", [pattern])


def _describe_json_type(value: Any) -> str:
    return {list: "a list", str: "text", type(None): "null"}.get(type(value), type(value).__name__)
