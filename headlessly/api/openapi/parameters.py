"""Parameters of operations: the query of lists, the headers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from headlessly.api import parameters
from headlessly.api.filtersets import ConditionFilter, filterset_for
from headlessly.api.json_schema import TEXT, WHEN, Schema, id_schema, ref
from headlessly.declaration.surface import WORKERS
from headlessly.nouns import Noun
from headlessly.query import filters, measures, reads
from headlessly.query.named_reports import reports


def path_parameter(prefix: str) -> Schema:
    return {"name": "id", "in": "path", "required": True, "schema": id_schema(prefix)}


def name_parameter(noun: type[Noun]) -> Schema:
    """By what a record is named: a unique field, or a system that has an id of it."""
    unique = [field.wire for field in noun.schema.stored if field.unique]
    said = "A unique field" + (f" ({', '.join(unique)})" if unique else "")
    return {
        "name": "name",
        "in": "path",
        "required": True,
        "schema": TEXT | {"minLength": 1, "maxLength": 64, "examples": [*unique, "hubspot"]},
        "description": f"{said}, or the name of a system that the record has an id of, such as hubspot.",
    }


def value_parameter() -> Schema:
    return {
        "name": "value",
        "in": "path",
        "required": True,
        "schema": TEXT | {"minLength": 1, "maxLength": 255, "examples": ["123"]},
        "description": "The value of the field, or the id in that system.",
    }


def query_parameter(
    name: str, schema: Schema, description: str = "", place: str = "query"
) -> Schema:
    said = {"description": description} if description else {}
    return {"name": name, "in": place} | said | {"schema": schema}


def narrowing_parameters() -> list[Schema]:
    """By what every report is narrowed."""
    return [
        query_parameter(
            field.wire,
            TEXT,
            f"{field.to}: its id, its name, {'me, ' if field.name in WORKERS else ''}or - for none.",
        )
        for field in reports.fields()
    ]


def header_parameter(name: str, schema: Schema, description: str) -> Schema:
    return query_parameter(name, schema, description, "header")


#: Parameters that are the same everywhere: components, by the name they are referred to.
SHARED: dict[str, Schema] = {
    "requestId": header_parameter(
        "X-Request-Id",
        TEXT | {"pattern": r"^[A-Za-z0-9._-]{8,64}$"},
        "An id of your own for this request, instead of one of ours.",
    ),
    "ifMatch": header_parameter(
        "If-Match",
        TEXT,  # No example: /docs would send it.
        'Refuse with 412 unless the record has this version: its ETag, such as `"3"`.',
    ),
    "ifNoneMatch": header_parameter(
        "If-None-Match",
        TEXT,
        "Answer 304, and nothing else, where the record still has this version: its ETag. "
        "Included records change without it: with `include` the record is answered.",
    ),
    "idempotencyKey": header_parameter(
        "Idempotency-Key",
        TEXT | {"pattern": "^[!-~]{1,255}$"},
        "Do this once: the same key and body within 24 hours gives the first answer again.",
    ),
    "dryRun": query_parameter(
        "dryRun", {"type": "boolean"}, "Answer what would happen, and do nothing."
    ),
    "asOf": query_parameter(
        "asOf", WHEN, "As it was at this moment, which is none that is yet to come."
    ),
    "limit": query_parameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": reads.MAX_LIMIT},
        f"How many on a page; {reads.DEFAULT_LIMIT} if left out.",
    ),
    "offset": query_parameter(
        "offset",
        {"type": "integer", "minimum": 0, "maximum": 1_000_000},
        "How many come before the page; a cursor reads on in less time, and misses nothing.",
    ),
    "cursor": query_parameter(
        "cursor", TEXT, "The `cursor` of the page before, for the same list in the same order."
    ),
    "q": query_parameter(
        "q",
        TEXT,
        "Words, each in any of the searchable fields, whatever the case and the accents; "
        "telephone numbers by their digits. A word of one or two letters is found where a word begins.",
    ),
    "count": query_parameter("count", TEXT | {"enum": ["exact"]}, "Count all, also beyond 10,000."),
    "filter": query_parameter(
        "filter",
        TEXT,
        "The filter language: `$eq $ne $gt $gte $lt $lte $in $nin $all $exists $regex $not "
        "$and $or $text $stale`, implicit AND, dot paths over references; of a relation `$some` or `$none` "
        'with a filter, `{"activities": {"$none": {"status": "Pending"}}}`. An object of JSON, as text.',
    )
    | {"example": '{"$createdAt": {"$gte": "30d ago"}}'},
}


def shared_parameters(*names: str) -> list[Schema]:
    """These parameters, and the one that every operation has."""
    return [ref(name, "parameters") for name in (*names, "requestId")]


def list_parameters(noun: type[Noun]) -> list[Schema]:
    """Everything a list may be asked for, in the order of :data:`headlessly.api.parameters.LIST`; then the
    conditions on its fields."""
    own = {
        "sort": [_sort_parameter(noun)],
        "include": _include_parameter(noun),
        "fields": [_fields_parameter(noun)],
    }
    found = [each for name in parameters.LIST for each in own.get(name, [ref(name, "parameters")])]
    return [*found, *shared_parameters(), *_condition_references(noun, parameters.LIST)]


def aggregate_parameters(noun: type[Noun]) -> list[Schema]:
    """What an aggregation may be asked for, in the order of :data:`headlessly.api.parameters.AGGREGATE`."""
    schema = noun.schema
    functions = ", ".join(f"`{name}`" for name in measures.FUNCTIONS)
    own = {
        "group": query_parameter(
            "group", TEXT, "Fields to group by, with commas between; also behind two references."
        ),
        "measure": query_parameter(
            "measure",
            TEXT,
            f"What is measured, with commas between: `count`, which it is unless said, or {functions} of a "
            "field, as in `sum(budget)`. Amounts are one number per currency."
            + "".join(
                f" `{field.wire}` only by `{schema.by_name[field.per].wire}`, which is grouped by as well."
                for field in schema.stored
                if field.per
            ),
        ),
        "by": query_parameter(
            "by",
            TEXT,
            f"A stretch of time to group by: one of {', '.join(measures.UNITS)} of a day or a moment, as in "
            "`month(createdAt)`. Quarters and years are the tenant's fiscal ones.",
        ),
        "zone": query_parameter("zone", TEXT, "The time zone of `by`; UTC if left out."),
        "having": query_parameter(
            "having", TEXT, "Only groups whose measures compare so. An object of JSON, as text."
        )
        | {"example": '{"count": {"$gte": 1}}'},
        "sort": query_parameter(
            "sort",
            TEXT,
            "Groups and measures, with commas between; a minus before one for descending.",
        ),
        "limit": query_parameter(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": measures.MAX_GROUPS},
            f"How many groups; {measures.DEFAULT_LIMIT} if left out.",
        ),
    }
    found = [own.get(name) or ref(name, "parameters") for name in parameters.AGGREGATE]
    return [*found, *shared_parameters(), *_condition_references(noun, parameters.AGGREGATE)]


def export_parameters(noun: type[Noun]) -> list[Schema]:
    """What an export may be asked for: which records, in which order, which of their fields."""
    return [
        _sort_parameter(noun),
        _fields_parameter(noun),
        *shared_parameters("filter", "q", "asOf"),
        *_condition_references(noun),
    ]


def record_parameters(noun: type[Noun]) -> list[Schema]:
    return [
        *_include_parameter(noun),
        _fields_parameter(noun),
        *shared_parameters("asOf", "ifNoneMatch"),
    ]


def _names_parameter(name: str, names: Iterable[str], description: str, example: str) -> Schema:
    """Several names with commas, as one text: what makes clients knows no list of them that all agree on."""
    listed = ", ".join(f"`{each}`" for each in names)
    text = f"{description} With commas between, of: {listed}."
    return query_parameter(name, TEXT, text) | {"example": example}


def _include_parameter(noun: type[Noun]) -> list[Schema]:
    """The parameter, where there is anything that it could take."""
    references = [f.wire for f in noun.schema.references.values()]
    names = [*references, *noun.schema.relations]
    what = "Other records instead of their ids, or those of other sides."
    return [_names_parameter("include", names, what, names[0])] if names else []


def _fields_parameter(noun: type[Noun]) -> Schema:
    names = [*filters.META_FIELDS, *noun.schema.fields]
    first = next(iter(noun.schema.fields))
    return _names_parameter("fields", names, "Only these; `$` fields always come.", first)


def _sort_parameter(noun: type[Noun]) -> Schema:
    stored = (f.wire for f in noun.schema.stored if f.type not in ("json", "choices"))
    names = [*filters.META_FIELDS, *stored]
    what = "At most eight; with `-` before it descending; nulls are last either way."
    return _names_parameter("sort", names, what, "-$createdAt")


# -- conditions -----------------------------------------------------------------------------------


def condition_components(noun: type[Noun]) -> dict[str, Schema]:
    """The conditions on the fields of a noun, each a parameter of its own: its filter set's filters."""
    return {
        _component_of(noun, name): query_parameter(
            name, _condition_schema(declared), _describe_condition(declared)
        )
        for name, declared in filterset_for(noun).base_filters.items()
    }


def _condition_references(noun: type[Noun], taken: Sequence[str] = ()) -> list[Schema]:
    """The conditions on the noun's fields, but for the names that are taken: a field that is called like a
    parameter is asked for in ``filter``."""
    names = [name for name in filterset_for(noun).base_filters if name not in taken]
    return [ref(_component_of(noun, name), "parameters") for name in names]


def _component_of(noun: type[Noun], name: str) -> str:
    return f"{noun.__name__}.{name.lstrip('$')}"


def _condition_schema(declared: ConditionFilter) -> Schema:
    """What a condition takes. Days and moments may be relative, and a list has commas: these are text."""
    field = declared.declared_field
    if declared.lookup_expr == "isnull" or field.type == "bool":
        return {"type": "boolean"}
    if declared.lookup_expr == "exact" and field.choices:
        return TEXT | {"enum": list(field.choices)}
    if field.type in ("number", "integer", "money"):
        return {"type": "integer" if field.type == "integer" else "number"}
    return TEXT | {"minLength": 1}


def _describe_condition(declared: ConditionFilter) -> str:
    field = declared.declared_field
    words = {
        "exact": "Equal to it.",
        "in": "One of these, with commas between.",
        "all": "All of these, with commas between.",
        "nin": "None of these, with commas between.",
        "gt": "Greater, or later.",
        "gte": "At least, or from then on.",
        "lt": "Less, or earlier.",
        "lte": "At most, or until then.",
        "icontains": "With this text in it, in capitals or not.",
        "istartswith": "Beginning with this text, in capitals or not.",
        "isnull": "Without a value, or with one.",
    }
    text = words[declared.lookup_expr]
    if field.choices and declared.lookup_expr in ("in", "nin"):
        text += f" Of: {', '.join(f'`{choice}`' for choice in field.choices)}."
    if field.type == "reference" and declared.lookup_expr != "isnull":
        text += " By id, or by the name of the one that is called so."
    if field.type in ("date", "datetime") and declared.lookup_expr != "isnull":
        text += " ISO 8601, or relative, as in `7d ago` or `start of this quarter`."
    return text
