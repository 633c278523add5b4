"""The filter language, the same in REST, MCP, Python, segments and views, compiled to one ``Q``.

``{"status": "Qualified", "score": {"$gte": 80}, "organization.industry": "Technology"}``: fields by their
wire or Python names, dot paths over at most three references, implicit AND. Every part is checked against the
schema, and values travel as parameters: nothing in a filter reaches SQL as text.

``$ne``, ``$nin`` and ``$not`` are exact complements: they include records without a value. ``{"$stale":
true}`` matches records that nobody has touched for too long (:mod:`..declaration.staleness`).
``{"activities": {"$none": {"status": "Pending"}}}``, and ``$some``, match by the records that refer to a
record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from headlessly.access import visibility
from headlessly.context import clock
from headlessly.declaration.near_fields import near_fields
from headlessly.declaration.schema import Field, Join, Relation
from headlessly.declaration.shapes import cached_by_shape
from headlessly.declaration.staleness import stale_filter
from headlessly.errors import InvalidFilter
from headlessly.log import indexed_values
from headlessly.log.unique_values import records_holding
from headlessly.log.versions import RowsMoment
from headlessly.query import money, operators
from headlessly.query.conditions import MAX_DEPTH, required_conditions
from headlessly.query.external_ids import id_condition
from headlessly.query.scope import EVERYTHING, NOTHING, Scope
from headlessly.query.search import Search

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

MAX_REFERENCES = 3
MAX_CONDITIONS = 200


META_FIELDS = {
    "$id": Field("id", "$id", "pk", "string", max_length=64, nullable=False),
    "$version": Field("version", "$version", "version", "integer", nullable=False),
    "$createdAt": Field("created_at", "$createdAt", "created_at", "datetime", nullable=False),
    "$createdBy": Field(
        "created_by", "$createdBy", "created_by", "string", max_length=64, nullable=False
    ),
    "$updatedAt": Field("updated_at", "$updatedAt", "updated_at", "datetime", nullable=False),
}
PYTHON_META = {field.name: field for field in META_FIELDS.values()} | {
    "createdAt": META_FIELDS["$createdAt"],
    "createdBy": META_FIELDS["$createdBy"],
    "updatedAt": META_FIELDS["$updatedAt"],
}


#: The names of the furthest state of a record (:class:`headlessly.declaration.fields.Reached`). It can be
#: filtered by, but is in no answer.
REACHED = ("$reached", "reached")


def compile_filter(scope: Scope | type[Record], filter: Mapping[str, Any] | None) -> Q:
    """Returns the condition that ``filter`` states. Raises InvalidFilter, which names what does not fit."""
    if not isinstance(scope, Scope):
        scope = Scope(scope)
    return _Compiler().group(scope, {} if filter is None else filter, 0)


def may_be_slow(*filters: Any) -> bool:
    """Whether a filter has a pattern, whose time only a timeout limits."""
    return "$regex" in repr(filters)


def may_compare(*filters: Any) -> bool:
    """Whether a filter may have a range. It may also be a text that looks like one, which does no harm."""
    said = repr(filters)
    return "$gt" in said or "$lt" in said


def without_rate_conditions(
    scope: Scope, stated: Iterable[Mapping[str, Any] | None]
) -> tuple[Q, Q] | None:
    """Returns the condition of filters without their comparisons of converted amounts, and the condition that
    one of these amounts cannot be converted; None if they have no such comparison."""
    compiler = _WithoutRate(scope)
    rest = Q(*(compiler.group(scope, filter or {}, 0) for filter in stated))
    return (rest, Q(*compiler.found, _connector=Q.OR)) if compiler.found else None


def words_condition(scope: Scope, text: str) -> Q:
    """Returns the condition that every word of ``text`` is somewhere in the searchable fields."""
    return Search(scope, text).condition


def column_equalities(
    noun: type[Record], stated: Iterable[Mapping[str, Any] | None]
) -> dict[str, Any] | None:
    """Returns the column values that filters require, if they have only equalities; else None.

    Raises InvalidFilter for a value that a column cannot have.
    """
    filters, found = list(stated), {}
    if not all(isinstance(filter, Mapping | None) for filter in filters):
        return None
    for name, value in required_conditions(filters):
        equality = _equality(noun, name, value)
        if equality is None or equality[0] in found:
            return None
        found[equality[0]] = equality[1]
    return found


def several_values(
    noun: type[Record], stated: Iterable[Mapping[str, Any] | None]
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yields the columns of choices for which filters accept several values, with these values."""
    for name, value in required_conditions(stated):
        field = noun.schema.field(name) if isinstance(name, str) else None
        operand = value.get("$in") if isinstance(value, Mapping) and len(value) == 1 else None
        if field is None or field.type != "enum" or not isinstance(operand, list | tuple):
            continue
        if None not in operand:
            cleaned = (operators.clean_operand(field, name, each) for each in operand)
            yield field.column, tuple(dict.fromkeys(cleaned))


def comparisons_with(
    noun: type[Record], stated: Iterable[Mapping[str, Any] | None], field: Field
) -> Iterator[tuple[str, Any]]:
    """Yields the comparisons of a field that every matching record fulfils: ``("$gte", 5)``."""
    for name, value in required_conditions(stated):
        if isinstance(value, Mapping) and noun.schema.field(str(name)) is field:
            for operator in operators.COMPARISONS & value.keys():
                yield operator, operators.clean_operand(field, name, value[operator])


def only_compares(
    noun: type[Record], stated: Iterable[Mapping[str, Any] | None], field: Field
) -> bool:
    """Whether filters only compare this field, and do compare it."""
    said = list(required_conditions(stated))
    return bool(said) and all(
        noun.schema.field(str(name)) is field
        and isinstance(value, Mapping)
        and bool(value)
        and value.keys() <= operators.COMPARISONS
        for name, value in said
    )


def _equality(noun: type[Record], name: Any, value: Any) -> tuple[str, Any] | None:
    field = noun.schema.field(name) if isinstance(name, str) else None
    if isinstance(value, Mapping) and len(value) == 1:
        ((operator, operand),) = value.items()
        one = operator == "$in" and isinstance(operand, list | tuple) and len(operand) == 1
        value = operand[0] if one else operand if operator == "$eq" else value
    if value is None or isinstance(value, Mapping | list):
        return None
    if field is None or field.computed is not None or field.type in ("json", "choices"):
        return None
    if noun.schema.others_beside(field):
        return None
    if operators.named_day_of(field, value) is not None:
        return None
    return field.column, operators.clean_operand(field, name, value)


def find_field(noun: type[Record], name: str) -> Field:
    """Returns the field of ``noun`` called ``name``, meta-fields included. Raises InvalidFilter."""
    field = noun.schema.field(name) or META_FIELDS.get(name) or PYTHON_META.get(name)
    if field is None:
        raise InvalidFilter(
            f"{noun.__name__} has no field {name[:64]!r}."
            f"{near_fields(name, noun.schema.fields, META_FIELDS)} "
            f"Fields: {', '.join([*noun.schema.fields, *META_FIELDS])}.",
            type=noun.__name__,
            field=name[:64],
        )
    return field


def find_condition_field(noun: type[Record], name: str) -> Field:
    """Returns the field of a condition, which may also be a group or the furthest state. Raises
    InvalidFilter."""
    if (join := noun.schema.joins.get(name)) is not None:
        return join.field
    machine = noun.schema.machine
    if name in REACHED and machine and noun.schema.field(name) is None:
        return _reached_field(noun)
    return find_field(noun, name)


@cached_by_shape
def _reached_field(noun: type[Record]) -> Field:
    path = noun.schema.require_machine().path
    return Field("reached", "$reached", "reached", "enum", choices=path, label="Reached")


class _Compiler:
    """Compiles one filter and counts its conditions, which are limited."""

    def __init__(self) -> None:
        self.conditions = 0

    def group(self, scope: Scope, filter: Any, depth: int) -> Q:
        """Returns the condition of ``{...}``, all of whose parts hold."""
        if not isinstance(filter, Mapping):
            raise InvalidFilter(
                f"A filter is an object, not {_describe_json_type(filter)}.", field="filter"
            )
        if depth > MAX_DEPTH:
            raise _too_deep()
        found = Q()
        for key, value in filter.items():
            if not isinstance(key, str):
                raise InvalidFilter(
                    "The keys of a filter are names of fields or operators.", field="filter"
                )
            if key in ("$and", "$or"):
                found &= self.several(scope, key, value, depth + 1)
            elif key == "$not":
                found &= ~_explicit(self.group(scope, value, depth + 1))
            elif key == "$text":
                found &= self.words(scope, value)
            elif key == "$stale":
                found &= self.stale(scope, value, depth + 1)
            elif key.startswith("$") and key not in META_FIELDS and key not in REACHED:
                raise InvalidFilter(
                    f"There is no operator {key[:32]!r} here. "
                    "Operators between conditions: $and, $or, $not, $text, $stale.",
                    field=key[:32],
                )
            elif (relation := scope.noun.schema.relation(key)) is not None:
                found &= self.relation(scope, relation, value, depth + 1)
            else:
                found &= self.field(scope, key, key, value, depth + 1)
        return found

    @staticmethod
    def words(scope: Scope, value: Any) -> Q:
        try:
            return words_condition(scope, value)
        except InvalidFilter as problem:
            problem.field = "$text"
            raise

    def stale(self, scope: Scope, value: Any, depth: int) -> Q:
        """Returns the condition for ``$stale``: ``true`` for open records that were not touched for too long,
        ``false`` for all others."""
        if not isinstance(value, bool):
            raise InvalidFilter("$stale: send true or false.", field="$stale")
        condition = stale_filter(scope.noun, scope.moment or clock.now())
        found = NOTHING if condition is None else self.group(scope, condition, depth)
        return found if value else ~_explicit(found)

    def relation(self, scope: Scope, relation: Relation, value: Any, depth: int) -> Q:
        """Returns the condition for ``{"$some": filter}`` or ``{"$none": filter}`` of the referring
        records."""
        if not isinstance(value, Mapping) or not value or value.keys() - {"$some", "$none"}:
            raise InvalidFilter(
                _("%(relation)s: say $some or $none, with a filter of %(noun)s.")
                % {"relation": relation.wire, "noun": relation.noun},
                field=relation.wire,
            )
        other = scope.for_noun(relation.source_noun)
        column = other.noun.schema.by_name[relation.field].column
        found = Q()
        for operator, condition in value.items():
            self._count_condition()
            there = other.queryset().filter(
                self.group(other, condition, depth), **{column: OuterRef(scope.key)}
            )
            exists = Q(Exists(there.order_by()))
            found &= exists if operator == "$some" else ~exists
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
        """Returns the condition on one field, over references if ``name`` has dots."""
        head, dot, rest = name.partition(".")
        field = find_condition_field(scope.noun, head)
        if (join := scope.noun.schema.joins.get(head)) is not None:
            return self.operators(path, value, depth, self._joined(scope, join, path, name, depth))
        if dot and field.parts:
            return self.operators(
                path,
                value,
                depth,
                lambda operator, operand: id_condition(scope, field, rest, operator, operand),
            )
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
        """Returns the condition of one operator on a field behind a reference.

        An empty reference has no value there: it equals only null.
        """
        other = scope.for_noun(field.target_noun)
        # An actor who sees only the card of a record may filter by the fields on it.
        on_card = other.as_of is None and other.noun.schema.field(rest) in other.noun.schema.card
        there = visibility.with_cards(other.noun) if on_card else other.queryset()

        def behind(condition: Mapping[str, Any]) -> Q:
            found = there.filter(self.field(other, path, rest, condition, depth)).order_by()
            if isinstance(scope.as_of, RowsMoment):
                # Each row has its own moment: look the record up per row instead of listing all of them.
                return Q(Exists(found.filter(**{other.key: OuterRef(field.column)})))
            return Q(**{f"{field.column}__in": found.values(other.key)})

        return _elsewhere(behind)

    def _joined(
        self, scope: Scope, join: Join, path: str, name: str, depth: int
    ) -> Callable[[str, Any], Q]:
        """Returns the condition of one operator on a record's groups: it holds if one of them fulfils it."""
        other = scope.for_noun(join.noun)

        def behind(condition: Mapping[str, Any]) -> Q:
            found = other.queryset().filter(self.field(other, path, name, condition, depth))
            return Q(**{f"{scope.key}__in": found.order_by().values(join.column)})

        return _elsewhere(behind)

    def operators(self, path: str, value: Any, depth: int, leaf: Callable[[str, Any], Q]) -> Q:
        """Returns the condition for ``{"$gte": 1, "$lt": 9}`` or a plain value. Complements are taken here,
        outside of the look-up."""
        if not isinstance(value, Mapping) or "$id" in value:
            value = {"$eq": value}
        if not value:
            raise InvalidFilter(f"{path}: an empty condition says nothing.", field=path)
        if depth > MAX_DEPTH:
            raise _too_deep()
        found = Q()
        for operator, operand in value.items():
            self._count_condition()
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

    def _count_condition(self) -> None:
        self.conditions += 1
        if self.conditions > MAX_CONDITIONS:
            raise InvalidFilter(
                f"A filter may have {MAX_CONDITIONS} conditions at the most.", field="filter"
            )

    # -- one operator on one field ----------------------------------------------------------------

    def leaf(self, scope: Scope, field: Field, path: str, operator: str, operand: Any) -> Q:
        column = scope.key if field.column == "pk" else field.column
        if operator in operators.COMPARISONS and field.type == "money":
            column = money.converted_name(scope.noun, field)
        build = operators.find_condition(field, operator)
        if build is None:
            raise InvalidFilter(
                f"{path}: there is no operator {str(operator)[:32]!r}."
                f"{operators.meant_operator(operator)} Operators: "
                "$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $all, $exists, $regex, $not, $text.",
                field=path,
            )
        if field.wire in REACHED:
            return _reached_condition(scope.noun, field, path, operator, operand)
        condition = build(field, path, column, operator, operand)
        if operator in operators.EQUALITIES and scope.noun.schema.others_beside(field):
            condition = self._first_or_other(scope, field, path, operand, condition)
        if self._is_indexed(scope, field, operator):
            return operators.find_in_index(field, path, operator, operand)
        asks_for_none = operand is None or (isinstance(operand, list | tuple) and None in operand)
        if field.is_custom and not asks_for_none:
            # Django knows that an own field may be NULL; complements need it explicit.
            condition &= Q(**{f"{field.column}__isnull": False})
        return condition

    @staticmethod
    def _first_or_other(scope: Scope, field: Field, path: str, operand: Any, is_first: Q) -> Q:
        """Returns the condition that one of these values is a record's first or one of its further values."""
        wanted = operators.clean_operands(field, path, operand)
        if not wanted:
            return is_first
        if field.kept_as and scope.as_of is None:
            held = records_holding(field, wanted).values("record")
            found = Q(**{f"{scope.key}__in": held})
            if isinstance(operand, list | tuple) and None in operand:
                found |= Q(**{f"{field.column}__isnull": True})
            return found
        for others in scope.noun.schema.others_beside(field):
            filled = Q(**{f"{others.column}__isnull": False})
            is_first |= filled & Q(**{f"{others.column}__has_any_keys": wanted})
        return is_first

    @staticmethod
    def _is_indexed(scope: Scope, field: Field, operator: str) -> bool:
        """Whether a comparison can use the index of a tenant's own field, which has its values as numbers."""
        return (
            bool(field.index_key)
            and scope.as_of is None
            and operator in operators.COMPARISONS
            and field.type not in indexed_values.TEXTS
            and not money.is_converted(scope.noun, field)
        )


class _WithoutRate(_Compiler):
    """Compiles filters without their comparisons of converted amounts, and collects the conditions that such
    an amount has no rate."""

    def __init__(self, root: Scope) -> None:
        super().__init__()
        self.root = root
        self.found: list[Q] = []

    def leaf(self, scope: Scope, field: Field, path: str, operator: str, operand: Any) -> Q:
        if (
            scope is not self.root
            or operator not in operators.COMPARISONS
            or not money.is_converted(scope.noun, field)
        ):
            return super().leaf(scope, field, path, operator, operand)
        worth = money.converted_name(scope.noun, field)
        self.found.append(Q(**{f"{field.column}__isnull": False, f"{worth}__isnull": True}))
        return Q()


def _elsewhere(behind: Callable[[Mapping[str, Any]], Q]) -> Callable[[str, Any], Q]:
    """Returns the condition of one operator on a value elsewhere; ``behind`` returns the condition that a
    record there fulfils one. Without a record there is no value."""

    def leaf(operator: str, operand: Any) -> Q:
        if operator == "$eq" and operand is None:
            return ~behind({"$exists": True})
        if operator == "$in" and isinstance(operand, list | tuple) and None in operand:
            given = [item for item in operand if item is not None]
            return leaf("$eq", None) | behind({"$in": given})
        return behind({operator: operand})

    return leaf


def _reached_condition(
    noun: type[Record], field: Field, path: str, operator: Any, operand: Any
) -> Q:
    """Returns the condition that a record's furthest state, remembered or else current, is one of these."""
    if operator == "$eq":
        operand = [operand]
    elif operator != "$in" or isinstance(operand, str) or not isinstance(operand, Sequence):
        raise InvalidFilter(
            _("%s: compare it with a state, or with a list of states.") % path, field=path
        )
    found = [operators.clean_operand(field, path, state) for state in operand]
    states = [state for state in found if state is not None]  # every record has one
    if not states:
        return NOTHING
    machine = noun.schema.require_machine()
    stands = Q(**{f"{machine.name}__in": states})
    if machine.path[0] in states:
        stands |= ~Q(**{f"{machine.name}__in": machine.path})
    return Q(reached__in=states) | Q(reached__isnull=True) & stands


def _too_deep() -> InvalidFilter:
    return InvalidFilter(
        f"A filter may be nested {MAX_DEPTH} levels deep at the most.", field="filter"
    )


def _explicit(condition: Q) -> Q:
    """Returns ``condition``, or EVERYTHING for an empty Q, which would vanish when it is negated or joined by
    OR."""
    return condition or EVERYTHING


def _describe_json_type(value: Any) -> str:
    return {list: "a list", str: "text", type(None): "null"}.get(type(value), type(value).__name__)
