"""Conditions in a query string: ``score__gte=80``, ``organization.industry=Technology``.

They are Django's lookups, translated into the filter language: ``{"score": {"$gte": 80}}``. Every value is
text here, and is converted to its field's type before the filter is compiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from headlessly.declaration import days, values
from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter, did_you_mean
from headlessly.query import filters, operators
from headlessly.query.external_ids import field_of_system

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: The parameters of a list, beside conditions on its fields.
LIST = ("filter", "q", "sort", "limit", "offset", "cursor", "include", "fields", "asOf", "count")
AGGREGATE = ("filter", "q", "group", "measure", "by", "zone", "having", "sort", "limit", "asOf")
RECORD = ("include", "fields", "asOf")
PART = ("limit", "offset")
PAGE = (*PART, "cursor")
WRITE = ("dryRun",)
#: Names the fields by which the rows of a file find their records.
MATCH = "match"
#: The parameters of a list in the browser.
BROWSER_LIST = ("q", "o", "p", "is", "columns", "asOf", "deleted", "view", "group", "filter")
#: No field of a tenant may have such a name, because a condition on it could not be told from these.
RESERVED = {*LIST, *AGGREGATE, *RECORD, *PAGE, *WRITE, MATCH, *BROWSER_LIST}

#: The lookups, and the operators of the filter language.
LOOKUP_OPERATORS: dict[str, Any] = {
    "exact": "$eq",
    "ne": "$ne",
    "gt": "$gt",
    "gte": "$gte",
    "lt": "$lt",
    "lte": "$lte",
    "in": "$in",
    "all": "$all",
    "nin": "$nin",
    "isnull": "$exists",
    "regex": "$regex",
} | {lookup.value: lookup for lookup in operators.Lookup}

#: Types whose values have no comma, except that a choice may.
SINGLE_TYPES = {"enum", "reference", "email", "number", "integer", "money", "bool", "date"}

FLAG = Field("isnull", "isnull", "isnull", "bool")


def parse_lookup(noun: type[Record], name: str) -> tuple[str, str]:
    """Returns the path and the lookup in ``score__gte``. Raises InvalidFilter if they do not exist."""
    path, separator, lookup = name.partition("__")
    field_at_path(noun, path)
    if separator and lookup not in LOOKUP_OPERATORS:
        raise InvalidFilter(
            f"{name[:64]}: there is no lookup {lookup[:32]!r}.{did_you_mean(lookup, LOOKUP_OPERATORS)} "
            f"Lookups: {', '.join(LOOKUP_OPERATORS)}. "
            "A dot leads over a reference, as in organization.industry.",
            field=name[:64],
        )
    return path, lookup or "exact"


def lookup_filter(noun: type[Record], path: str, lookup: str, text: str) -> dict[str, Any]:
    """Returns the filter for ``{path}__{lookup}={text}``. Raises InvalidFilter."""
    field = field_at_path(noun, path)
    if lookup == "isnull":
        operand: Any = not _clean_text(FLAG, f"{path}__isnull", text)
    elif lookup in ("in", "nin", "all"):
        operand = [_clean_text(field, path, part) for part in text.split(",")]
    elif lookup in ("exact", "ne", "gt", "gte", "lt", "lte"):
        operand = _clean_text(field, path, text)
    else:
        operand = text
    return {path: {LOOKUP_OPERATORS[lookup]: operand}}


def field_at_path(noun: type[Record], path: str) -> Field:
    """Returns the field at the end of a path of references. Raises InvalidFilter."""
    head, dot, part = path.partition(".")
    if dot and (whole := noun.schema.field(head)) is not None and whole.parts:
        return field_of_system(whole, part)
    *references, last = path.split(".")
    for name in references:
        field = filters.find_field(noun, name)
        if field.type != "reference":
            raise InvalidFilter(
                f"{path[:64]}: {field.wire} is no reference, nothing lies behind it.",
                field=path[:64],
            )
        noun = field.target_noun
    return filters.find_condition_field(noun, last)


def fields_along(noun: type[Record], path: str) -> list[Field]:
    """Returns the fields at each step of a path of references, including the last. Raises InvalidFilter."""
    names = path.split(".")
    return [field_at_path(noun, ".".join(names[: count + 1])) for count in range(len(names))]


def _is_several(field: Field, text: str) -> bool:
    """Whether ``text`` cannot be one value: the name of a record may have a comma, but ids have none."""
    if "," not in text or field.type not in SINGLE_TYPES or text in field.choices:
        return False
    return field.type != "reference" or text.startswith(f"{field.target_noun.prefix}_")


def _clean_text(field: Field, path: str, text: str) -> Any:
    """Returns ``text`` as a value of the field's type; relative dates stay as they are."""
    try:
        if not text:
            said = _("Give a value; %s__isnull=true finds records without one.")
            raise ValueError(said % path)
        if _is_several(field, text):
            raise ValueError(
                _("This is one value. For several, write %(path)s__in=%(values)s.")
                % {"path": path, "values": text[:200]}
            )
        if field.type in operators.TEXT_TYPES or field.type in ("reference", "choices"):
            return text
        if field.type in operators.DATES and days.is_relative(text):
            return text
        if field.type == "json":
            raise ValueError(_("This is JSON: a query string can only ask for it with __isnull."))
        return values.CLEANERS[field.type](operators.without_bounds(field), text, True)
    except ValueError as problem:
        raise operators.invalid_operand(field, path, problem) from None
