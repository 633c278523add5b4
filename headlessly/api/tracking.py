"""Events from outside: input for events that clients track and that are not verbs of a noun."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headlessly.api.json_schema import TEXT, TYPES, nullable
from headlessly.api.serializers import CheckedField, InputSerializer, declared_field
from headlessly.context import clock
from headlessly.declaration import values
from headlessly.declaration.schema import Field, wire_name
from headlessly.errors import Invalid
from headlessly.log import events, tracking


def check_properties(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict | None):
        raise ValueError("Send an object.")
    values.check_json(value, 0)
    return value or {}


def check_past_moment(value: Any) -> datetime | None:
    moment = None if value is None else values.clean_moment(None, value)
    if moment and clock.is_in_future(moment):
        raise ValueError("This is in the future.")
    return moment


def context_field(name: str, longest: int) -> CheckedField:
    """Returns a text field of an event beside its name and properties."""
    return declared_field(Field(name, wire_name(name), name, "string", max_length=longest))


class EventInput(InputSerializer):
    """Something that happened outside. Nobody can write the record of a verb."""

    kind, takes_meta = "Event", True

    name = CheckedField(
        TEXT | {"minLength": 1, "maxLength": 255, "pattern": r"\S", "examples": ["page_view"]},
        lambda value: value or "",  # checked with all other event names
        help_text="Anything but Noun.Verb, which is the record of a verb.",
    )
    properties = CheckedField(nullable({"type": "object"}), check_properties, default=None)
    session_id = context_field("session_id", 255)
    user_id = context_field("user_id", 255)
    anonymous_id = context_field("anonymous_id", 255)
    url = context_field("url", 2000)
    path = context_field("path", 2000)
    referrer = context_field("referrer", 2000)
    timestamp = CheckedField(
        nullable(TYPES["datetime"] | {"description": "Not in the future."}),
        check_past_moment,
        default=None,
    )

    def refuse_name(self, name: str) -> str | None:
        if name in ("target", "targetType"):
            return "Only the record of a verb has this."
        return super().refuse_name(name)


def track_event(body: Mapping[str, Any]) -> events.Event:
    """Append the event that ``body`` describes. Its data are the properties and the fields beside them.

    Raises Invalid for input that it does not accept.
    """
    tracking.permit_tracking()
    found, problems = EventInput().read_values(body)
    name, data = found.pop("name"), found.pop("properties", {})
    moment = found.pop("timestamp", None)
    beside = {wire_name(key): value for key, value in found.items()}
    for key in [key for key in beside if body.get(key) is not None]:
        if key in data:
            problems[key] = "This is in properties as well: say it once."
        data = data | {key: beside[key]}
    if problems:
        raise Invalid.for_fields(problems, type=EventInput.kind)
    return tracking.track(name, data, timestamp=moment)
