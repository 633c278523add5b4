"""The query string, strictly: a parameter that nobody reads is an error, not a surprise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import BadRequest, InvalidFilter
from ..nouns import Noun
from .bodies import loads_object
from .filtersets import of

#: How a list may be asked for, beside conditions on its fields.
LIST = ("filter", "q", "sort", "limit", "offset", "cursor", "include", "fields", "asOf", "count")
RECORD = ("include", "fields", "asOf")
PAGE = ("limit", "offset")
WRITE = ("dryRun",)
#: Parameters that take several names, with commas or by being repeated.
NAMES = {"include", "fields", "sort"}


def taken(query: Any, allowed: Iterable[str]) -> dict[str, str]:
    """The parameters by name. Raises BadRequest for one that is unknown or given twice."""
    allowed = tuple(allowed)
    found = {}
    for name, values in query.lists():
        if name not in allowed:
            what = f"Parameters: {', '.join(allowed)}." if allowed else "It takes none."
            raise BadRequest(f"There is no parameter {name[:64]!r} here. {what}", field=name[:64])
        found[name] = single(name, values)
    return found


def single(name: str, values: list[str]) -> str:
    """The one value of a parameter, or several names as one list of them."""
    if len(values) == 1:
        return values[0]
    if name in NAMES:
        return ",".join(values)
    raise BadRequest(
        f"{name[:64]} is given {len(values)} times; give it once, or several values at once as in "
        "status__in=New,Contacted.",
        field=name[:64],
    )


def dry_run(query: Any) -> bool:
    """Whether ``?dryRun=true``, on any write."""
    said = taken(query, WRITE).get("dryRun", "false").lower()
    if said not in ("true", "false"):
        raise BadRequest("dryRun is true or false.", field="dryRun")
    return said == "true"


def listing(noun: type[Noun], query: Any) -> dict[str, Any]:
    """What :func:`headlessly.reads.page` takes, from the query string of a list."""
    given, conditions = {}, {}
    for name, values in query.lists():
        value = single(name, values)
        (given if name in LIST else conditions)[name] = value
    count = given.pop("count", None)
    if count not in (None, "exact"):
        raise InvalidFilter("count takes exact, or is left out.", field="count")
    if "filter" in given:
        given["filter"] = _filter(given["filter"])
    as_of = given.pop("asOf", None)
    if conditions:
        given["conditions"] = of(noun, tuple(conditions))(conditions, as_of=as_of).conditions
    return given | {"as_of": as_of, "count_all": count == "exact"}


def _filter(text: str) -> dict[str, Any]:
    try:
        return loads_object(text, "filter")
    except BadRequest as problem:
        raise InvalidFilter(problem.message, field="filter") from None
