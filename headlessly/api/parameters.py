"""The query string, strictly: a parameter that nobody reads is an error, not a surprise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from headlessly.api.bodies import parse_object
from headlessly.api.filtersets import NounFilterSet
from headlessly.errors import BadRequest, InvalidFilter, did_you_mean
from headlessly.query import names
from headlessly.query.querystring import AGGREGATE, LIST, WRITE
from headlessly.query.querystring import PAGE as PAGE
from headlessly.query.querystring import PART as PART
from headlessly.query.querystring import RECORD as RECORD

#: Parameters that take several names, with commas or by being repeated.
NAMES = {"include", "fields", "sort", "group", "measure"}


def read_parameters(query: Any, allowed: Iterable[str]) -> dict[str, str]:
    """Returns the parameters by name. Raises BadRequest for one that is unknown or given twice."""
    allowed = tuple(allowed)
    found = {}
    for name, values in query.lists():
        if name not in allowed:
            what = f"Parameters: {', '.join(allowed)}." if allowed else "It takes none."
            near = did_you_mean(name, allowed)
            raise BadRequest(
                f"There is no parameter {name[:64]!r} here.{near} {what}", field=name[:64]
            )
        found[name] = single_value(name, values)
    return found


def refuse_parameters(query: Any) -> None:
    """Raise BadRequest for any parameter: this address takes none."""
    read_parameters(query, ())


def single_value(name: str, values: list[str]) -> str:
    """The one value of a parameter, or several names as one list of them. Raises BadRequest."""
    if any("\ufffd" in value for value in values):
        raise BadRequest(
            f"{name[:64]} is not in UTF-8: write ü as %C3%BC, and not as %FC.", field=name[:64]
        )
    if len(values) == 1:
        return values[0]
    if name in NAMES:
        return ",".join(values)
    raise BadRequest(
        f"{name[:64]} is given {len(values)} times; give it once, or several values at once as in "
        "status__in=New,Contacted.",
        field=name[:64],
    )


def read_dry_run(query: Any) -> bool:
    """Whether ``?dryRun=true``, on any write."""
    return read_boolean("dryRun", read_parameters(query, WRITE))


def read_boolean(name: str, given: Mapping[str, str]) -> bool:
    """A parameter that is true or, without a word, false."""
    said = given.get(name, "false").lower()
    if said not in ("true", "false"):
        raise BadRequest(f"{name} is true or false.", field=name)
    return said == "true"


def read_count(said: str | None) -> bool:
    """Whether ``count=exact``."""
    if said not in (None, "exact"):
        raise InvalidFilter("count takes exact, or is left out.", field="count")
    return said == "exact"


def read_list_query(filterset: type[NounFilterSet], query: Any) -> dict[str, Any]:
    """What :func:`headlessly.query.reads.record_page` takes, from the query string of a list."""
    given = read_query(filterset, query, LIST)
    return given | {"count_all": read_count(given.pop("count", None))}


def read_aggregate_query(filterset: type[NounFilterSet], query: Any) -> dict[str, Any]:
    """What :func:`headlessly.query.aggregates.aggregate` takes, from the query string."""
    given = read_query(filterset, query, AGGREGATE)
    if "having" in given:
        given["having"] = _parse_filter(given["having"], "having")
    return given


def read_query(
    filterset: type[NounFilterSet], query: Any, allowed: Iterable[str]
) -> dict[str, Any]:
    """Returns the allowed parameters and the conditions on fields. A reference is an id or the unique name of
    a record."""
    given: dict[str, Any] = {}
    conditions: dict[str, str] = {}
    for name, values in query.lists():
        value = single_value(name, values)
        (given if name in allowed else conditions)[name] = value
    if "filter" in given:
        given["filter"] = _parse_filter(given["filter"])
        given["filter"] = names.resolve_names(filterset.noun, given["filter"])
    as_of = given.pop("asOf", None)
    if conditions:
        stated = _filters(filterset, conditions, allowed).conditions
        given["conditions"] = names.resolve_names(filterset.noun, {"$and": stated})["$and"]
    return given | {"as_of": as_of}


def _filters(
    filterset: type[NounFilterSet], conditions: Mapping[str, str], others: Iterable[str]
) -> NounFilterSet:
    """The filters of these parameters. Raises InvalidFilter for what does not exist."""
    try:
        return filterset(conditions)
    except InvalidFilter as problem:
        near = did_you_mean(problem.field or "", others)
        problem.message += f" Other parameters: {', '.join(others)}.{near}"
        raise


def _parse_filter(text: str, name: str = "filter") -> dict[str, Any]:
    try:
        return parse_object(text, name)
    except BadRequest as problem:
        raise InvalidFilter(problem.message, field=name) from None
