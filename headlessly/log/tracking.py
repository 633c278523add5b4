"""Events from outside: what a client may say of things that happen and are no verbs of a noun."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headlessly.context import clock
from headlessly.declaration import values
from headlessly.declaration.schema import META, Field
from headlessly.errors import Invalid
from headlessly.log import events

#: What stands in an event beside its name and its properties.
CONTEXT_LENGTHS = {
    "sessionId": 255,
    "userId": 255,
    "anonymousId": 255,
    "url": 2000,
    "path": 2000,
    "referrer": 2000,
}
ACCEPTED_KEYS = ("name", "properties", *CONTEXT_LENGTHS, "timestamp")


def append_tracked_event(body: Mapping[str, Any]) -> events.Event:
    """Append the event that ``body`` describes: properties and what is beside them are its data.

    Raises Invalid for what it does not take: nobody can write the record of a verb.
    """
    events.permit_tracking()
    problems: dict[str, str] = {}
    for key in body:
        if key in ("target", "targetType"):
            problems[key] = "Only the record of a verb has this."
        elif key not in ACCEPTED_KEYS and key not in META:
            problems[key[:64]] = f"There is no such field. Fields: {', '.join(ACCEPTED_KEYS)}."
    properties = body.get("properties")
    if properties is not None and not isinstance(properties, dict):
        problems["properties"] = "Send an object."
    data = dict(properties or {}) if "properties" not in problems else {}
    for key, length in CONTEXT_LENGTHS.items():
        if body.get(key) is None:
            continue
        if key in data:
            problems[key] = "This is in properties as well: say it once."
        field = Field(key, key, key, "string", max_length=length)
        _try(problems, key, lambda field=field, key=key: data.update({key: field.clean(body[key])}))
    moment = None
    if body.get("timestamp") is not None:
        moment = _try(problems, "timestamp", lambda: values.clean_moment(None, body["timestamp"]))
        if moment and clock.is_in_future(moment):
            problems["timestamp"] = "This is in the future."
    _try(problems, "properties", lambda: values.check_json(data, 0))
    if problems:
        raise Invalid.for_fields(problems, type="Event")
    return events.track(body.get("name") or "", data, timestamp=moment)


def _try(problems: dict[str, str], key: str, check: Any) -> Any:
    try:
        return check()
    except ValueError as problem:
        problems[key] = str(problem)
