"""`search`: pages of records, small by default, that say what they leave out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from headlessly.api import following, log, notifications, saved_views
from headlessly.declaration.registry import registry
from headlessly.errors import BadRequest, InvalidFilter, did_you_mean
from headlessly.log.events import plain_json
from headlessly.mcp import arguments
from headlessly.mcp.numbers import tell_rates_once
from headlessly.nouns import Noun
from headlessly.query import aggregates, names, reads

#: The fields of an event that say what happened; ``data`` is always a whole record.
MAIN_EVENT_FIELDS = ("name", "target", "actor", "timestamp", "previous", "cause")
#: Further fields of events in the log.
MORE_EVENT_FIELDS = ("seq", "targetType", "version", "data", "requestId", "tenant")
#: The field with an event's moment, and the smallest step between moments. The operators on it become the
#: bound of a query; True if the moment has to be that step later.
TIMESTAMP, SHORTEST = "timestamp", timedelta(microseconds=1)
BOUNDS = {
    "$gte": ("since", False),
    "$gt": ("since", True),
    "$lt": ("until", False),
    "$lte": ("until", True),
}
#: The arguments that ask for groups and numbers instead of records.
GROUPING = ("group", "measure", "by")
#: How many groups are returned by default.
MOST_GROUPS = 100
#: The types that only `fetch` returns.
FETCHED = ("Schema", "Status", "History", "Report", "Proposal")


def search(asked: dict[str, Any]) -> dict[str, Any]:
    """Returns a page of records of ``type``. Raises BadRequest, InvalidFilter."""
    if asked["type"] == "Event":
        return search_events(asked)
    if asked["type"] == "Notification":
        return search_notifications(asked)
    if asked["type"] == "Following":
        arguments.refuse_other_arguments("search of Following", asked, ("limit", "cursor"))
        return following.list_followed({n: asked[n] for n in ("limit", "cursor") if n in asked})
    if asked["type"] == "View":
        return search_views(asked)
    noun = require_noun(asked["type"], "search", "Event", "Notification", "Following", "View")
    if any(name in asked for name in GROUPING):
        return measure_groups(noun, asked)
    fields = asked.get("fields") or None
    page = reads.record_page(
        noun,
        names.resolve_names(noun, asked.get("filter")),
        sort=asked.get("sort"),
        limit=asked.get("limit"),
        cursor=asked.get("cursor"),
        include=asked.get("include"),
        fields=fields or main_fields(noun),
        q=asked.get("q"),
        as_of=asked.get("asOf"),
    ).as_json()
    wanted = {
        *(reads.check_fields(noun, fields) or main_fields(noun)),
        *reads.check_include(noun, asked.get("include")),
    }
    page["results"] = [pick_fields(noun, record, wanted) for record in page["results"]]
    return _add_left_out(page, noun, asked, fields is None, wanted)


def measure_groups(noun: type[Noun], asked: dict[str, Any]) -> dict[str, Any]:
    """Returns the records grouped and measured, as REST's aggregate does. Raises BadRequest,
    InvalidFilter."""
    arguments.refuse_other_arguments(
        f"search with {', '.join(name for name in GROUPING if name in asked)}",
        asked,
        (*GROUPING, "filter", "q", "sort", "limit", "asOf"),
    )
    found = aggregates.aggregate(
        noun,
        names.resolve_names(noun, asked.get("filter")),
        group=asked.get("group") or (),
        measure=asked.get("measure") or (),
        by=asked.get("by"),
        sort=asked.get("sort"),
        limit=asked.get("limit", MOST_GROUPS),
        q=asked.get("q"),
        as_of=asked.get("asOf"),
    ).as_json()
    found = tell_rates_once(found)
    if found["hasMore"]:
        found["leftOut"] = {"groups": "Ask with a higher limit, a filter, or sorted otherwise."}
    return found


def main_fields(noun: type[Noun]) -> tuple[str, ...]:
    """Returns the default fields: the columns of the noun's list."""
    return tuple(noun.schema.by_name[name].wire for name in noun.schema.columns)


def require_noun(name: str, tool: str, *others: str) -> type[Noun]:
    """Returns the noun called ``name``. Raises BadRequest with the types that the tool accepts."""
    if (noun := registry.get(name)) is None:
        raise BadRequest(
            f"There is no type {name[:64]!r} to {tool}.{did_you_mean(name, [*registry, *others])} "
            f"Types: {', '.join([*registry, *others])}."
            f"{' Use fetch.' if tool == 'search' and name in FETCHED else ''}",
            field="type",
        )
    return noun


def pick_fields(noun: type[Noun], record: dict[str, Any], wanted: set[str]) -> dict[str, Any]:
    """Returns the record with its meta-fields and the wanted fields; included records with their main
    fields."""
    found = {}
    for name, value in record.items():
        if name.startswith("$"):  # every record carries them, on every surface
            found[name] = value
        elif name in wanted:
            found[name] = _pick_included_fields(noun, name, value)
    return found


def _pick_included_fields(noun: type[Noun], name: str, value: Any) -> Any:
    relation = noun.schema.relations.get(name)
    other = (
        relation.noun
        if relation
        else noun.schema.fields[name].to
        if name in noun.schema.fields
        else None
    )
    if other is None:
        return value
    wanted = set(main_fields(registry[other]))
    if isinstance(value, list):
        return [pick_fields(registry[other], each, wanted) for each in value]
    return pick_fields(registry[other], value, wanted) if isinstance(value, dict) else value


def _add_left_out(
    page: dict[str, Any], noun: type[Noun], asked: dict[str, Any], by_itself: bool, wanted: set[str]
) -> dict[str, Any]:
    left_out: dict[str, Any] = {}
    if by_itself and page["results"]:
        left_out["fields"] = [name for name in noun.schema.fields if name not in wanted]
        left_out["how"] = 'Name those you want in "fields"; fetch answers all of one record.'
    if asked.get("include") and page["results"]:
        left_out["included"] = "Included records have their main fields; fetch answers all."
    if page["hasMore"]:
        left_out["records"] = "Ask the same with this cursor for those that follow."
    return page | ({"leftOut": left_out} if left_out else {})


# -- what one is told -----------------------------------------------------------------------------


def search_notifications(asked: dict[str, Any]) -> dict[str, Any]:
    """Returns a page of the notifications of the key's owner, the newest first, as REST does."""
    arguments.refuse_other_arguments("search of Notification", asked, ("filter", "limit", "cursor"))
    filter = asked.get("filter") or {}
    for name, value in filter.items():
        if name not in notifications.NARROWED_BY:
            raise InvalidFilter(
                f"Notifications are not filtered by {name[:64]!r}."
                f"{did_you_mean(name, notifications.NARROWED_BY)} "
                f"Filter by {', '.join(notifications.NARROWED_BY)}.",
                type="Notification",
                field=name[:64],
            )
        if not isinstance(value, str | bool) or isinstance(value, bool) != (name == "unread"):
            said = "true or false" if name == "unread" else "text"
            raise InvalidFilter(f"{name} is {said}.", type="Notification", field=name)
    given: dict[str, Any] = {name: asked[name] for name in ("limit", "cursor") if name in asked}
    if "unread" in filter:
        given["unread"] = str(filter["unread"]).lower()
    return notifications.list_notifications(filter | given)


# -- saved views ----------------------------------------------------------------------------------


def search_views(asked: dict[str, Any]) -> dict[str, Any]:
    """Returns the saved views that the key's owner may use, as REST does."""
    arguments.refuse_other_arguments("search of View", asked, ("filter", "limit", "cursor"))
    filter = asked.get("filter") or {}
    for name, value in filter.items():
        if name != "noun":
            raise InvalidFilter(
                f"Views are not filtered by {name[:64]!r}. Filter by noun.", type="View", field=name
            )
        if not isinstance(value, str):
            raise InvalidFilter("noun is text.", type="View", field="noun")
    return saved_views.list_views(filter | {n: asked[n] for n in ("limit", "cursor") if n in asked})


# -- the log --------------------------------------------------------------------------------------


def search_events(asked: dict[str, Any]) -> dict[str, Any]:
    """Returns a page of the log, oldest first, as REST does."""
    arguments.refuse_other_arguments(
        "search of Event", asked, ("filter", "limit", "cursor", "fields")
    )
    filter = _with_bounds(asked.get("filter") or {})
    conditions = (*log.COLUMN_PARAMETERS, "since", "until")
    for name, value in filter.items():
        if name not in conditions:
            raise InvalidFilter(
                f"Events are not filtered by {name[:64]!r}.{did_you_mean(name, conditions)} "
                f"Filter by {', '.join(conditions)}.",
                type="Event",
                field=name[:64],
            )
        if not isinstance(value, str):
            raise InvalidFilter(f"{name} is text.", type="Event", field=name)
    given = {name: asked[name] for name in ("limit", "cursor") if name in asked}
    return shorten_event_page(log.list_events(filter | given), asked.get("fields"))


def _with_bounds(filter: dict[str, Any]) -> dict[str, Any]:
    """Returns a filter of events with conditions on ``timestamp`` replaced by ``since`` (inclusive) and
    ``until`` (exclusive). Raises InvalidFilter."""
    if TIMESTAMP not in filter:
        return filter
    said = filter[TIMESTAMP]
    bounds: dict[str, Any] = {}
    for operator, moment in said.items() if isinstance(said, dict) else ():
        name, later = BOUNDS.get(operator, ("", False))
        if not name or name in bounds or name in filter:
            bounds = {}
            break
        found = reads.read_moment(f"{TIMESTAMP}.{operator}", moment)
        bounds[name] = found and plain_json(found + SHORTEST * later)
    if not bounds:
        raise InvalidFilter(
            'timestamp is said as in {"timestamp": {"$gte": "7d ago", "$lt": "today"}}, or with since and '
            "until.",
            type="Event",
            field=TIMESTAMP,
        )
    return {name: value for name, value in filter.items() if name != TIMESTAMP} | bounds


def shorten_event_page(page: dict[str, Any], fields: Any) -> dict[str, Any]:
    """Returns a page of events with the wanted fields, or the main ones."""
    wanted = checked_event_fields(fields)
    page = page | {"results": [pick_event_fields(each, wanted) for each in page["results"]]}
    left_out: dict[str, Any] = {}
    if not fields and page["results"]:
        left_out["fields"] = list(MORE_EVENT_FIELDS)
        left_out["how"] = 'Name those you want in "fields"; fetch answers all of one event.'
    if page["hasMore"]:
        left_out["records"] = (
            "Ask the same with this cursor for those that follow."
            if page["cursor"]
            else 'search {"type": "Event", "filter": {"target": <id>}} pages through all, oldest first.'
        )
    return page | ({"leftOut": left_out} if left_out else {})


def pick_event_fields(event: dict[str, Any], wanted: tuple[str, ...]) -> dict[str, Any]:
    """Returns the event with its id, its type and the wanted fields."""
    return {"$id": event["$id"], "$type": "Event"} | {name: event[name] for name in wanted}


def checked_event_fields(fields: Any) -> tuple[str, ...]:
    """Returns the fields of events that are asked for. Raises InvalidFilter for others."""
    names = fields.split(",") if isinstance(fields, str) else fields or MAIN_EVENT_FIELDS
    known = (*MAIN_EVENT_FIELDS, *MORE_EVENT_FIELDS)
    for name in names:
        if name.strip() not in (*known, "$id", "$type"):
            raise InvalidFilter(
                f"Event has no field {name[:64]!r}.{did_you_mean(name, known)} Fields: {', '.join(known)}.",
                type="Event",
                field=name[:64],
            )
    wanted = {name.strip() for name in names}
    return tuple(name for name in known if name in wanted)
