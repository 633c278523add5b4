"""Notifications by REST: what one was told, what one has read of it, and what one wants to be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.serializers import BooleanField, CharField, ChoiceField

from headlessly.access import tenancy
from headlessly.access.models import Membership
from headlessly.api.base import ResourceViewSet, refuse_key_that_reads
from headlessly.api.bodies import ApiResponse
from headlessly.api.describing import answers
from headlessly.api.json_schema import TEXT, WHEN, Schema, id_schema, nullable
from headlessly.api.parameters import read_boolean
from headlessly.api.serializers import (
    Count,
    InputSerializer,
    KindSerializer,
    Moment,
    ResourceSerializer,
    SchemaField,
    refuse_body,
    wanted_field,
)
from headlessly.errors import InvalidFilter
from headlessly.notifications import inbox, kinds
from headlessly.notifications.models import Notification
from headlessly.notifications.wording import Line
from headlessly.query import reads

#: By what a list is narrowed.
NARROWED_BY: dict[str, Schema] = {
    "unread": {"type": "boolean", "description": "Only those that you have not read."},
    "kind": TEXT | {"examples": ["assigned,mentioned"], "description": "Of these kinds."},
    "since": WHEN | {"description": "Told since then."},
}
PAGED_BY = ("limit", "cursor")
CHANNELS: Schema = {
    "type": "object",
    "properties": {channel: {"type": "boolean"} for channel in kinds.CHANNELS},
    "additionalProperties": False,
}
CHOICES: Schema = {
    "type": "object",
    "propertyNames": {"enum": list(kinds.KINDS)},
    "additionalProperties": CHANNELS,
    "examples": [{"followed": {"mail": True}}],
}
#: One of several that one notification tells. The first has the id of the row: to note that it was read is to
#: note it of all.
PART: Schema = {
    "type": "object",
    "properties": {
        "$id": id_schema(Notification.prefix),
        "text": TEXT,
        "detail": TEXT,
        "record": nullable(TEXT),
        "url": TEXT,
        "read": {"type": "boolean"},
        "$createdAt": {"type": "string", "format": "date-time"},
    },
}
HOUR: Schema = {"type": "integer", "minimum": 0, "maximum": 23}


class NotificationSerializer(ResourceSerializer):
    kind, prefix = "Notification", Notification.prefix
    meta: ClassVar = {
        "$id": SchemaField(id_schema(Notification.prefix), source="id"),
        "$createdAt": Moment(source="at"),
        "kind": ChoiceField(list(kinds.KINDS)),  # the name is taken in Python
    }

    text = CharField(help_text="What it says, for people.")
    detail = CharField(help_text="What was written, where something was; else empty.")
    record = CharField(allow_null=True, help_text="The id of the record; null: it is of none.")
    record_type = CharField(allow_null=True)
    url = CharField(source="path", help_text="The page of it.")
    read = BooleanField(source="is_read")
    count = Count(help_text="How many it tells: of one kind within some minutes one tells all.")
    parts = SchemaField(
        {"type": "array", "items": PART},
        help_text="Where it tells several: each by itself, the oldest first, as many as are kept singly.",
    )

    def to_representation(self, instance: Line) -> dict[str, Any]:
        said = super().to_representation(instance)
        base = tenancy.context_url()
        parts = [_part_json(each, base) for each in instance.parts]
        return said | {"url": base + instance.path, "parts": parts}


def _part_json(part: Line, base: str) -> dict[str, Any]:
    return {
        "$id": part.id,
        "text": part.text,
        "detail": part.detail,
        "record": part.record,
        "url": base + part.path,
        "read": part.is_read,
        "$createdAt": part.at,
    }


class NotificationsReadSerializer(KindSerializer):
    kind = "NotificationsRead"

    read = Count(help_text="How many were unread before.")


class NotificationPreferencesSerializer(KindSerializer):
    kind = "NotificationPreferences"
    meta: ClassVar = {"$context": SchemaField(TEXT, source="*")}

    kinds = SchemaField(
        CHOICES, help_text="Where each is told that one may be told of: in the browser, by mail."
    )
    digest_hour = SchemaField(
        nullable(HOUR),
        help_text="The hour of one's own day at which one mail tells all; null: mails come at once.",
    )


class NotificationInput(InputSerializer):
    kind = "Notification"

    read = wanted_field(
        {"type": "boolean"},
        lambda value: isinstance(value, bool),
        "true, or false for one that is to be unread again",
        required=True,
    )


def _are_choices(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, dict) for each in value.values())


class NotificationPreferencesInput(InputSerializer):
    kind, is_change = "NotificationPreferences", True

    kinds = wanted_field(
        CHOICES,
        _are_choices,
        'kinds with their channels: {"followed": {"mail": true}}',
        required=True,
        help_text="Only those that change.",
    )
    digest_hour = wanted_field(
        nullable(HOUR),
        lambda value: value is None or (type(value) is int and 0 <= value <= 23),
        "an hour from 0 to 23, or null",
        required=True,
    )


class NotificationViewSet(ResourceViewSet):
    """One's own: a key's are those of the person whose it is."""

    word, tag, is_refused = "notification", "Notification", True

    @answers(NotificationSerializer, many=True, pages=PAGED_BY, parameters=NARROWED_BY)
    def list(self, request: Request) -> ApiResponse:
        """What you were told, the newest first; with a key, what the person was told whose it is. A 403 for a
        key that is nobody's."""
        return ApiResponse(list_notifications(self.asked))

    @answers(NotificationSerializer)
    def retrieve(self, request: Request, id: str) -> ApiResponse:
        """One of them."""
        return ApiResponse(NotificationSerializer.to_json(inbox.find_line(_member(), id)))

    @answers(NotificationSerializer, takes=NotificationInput)
    def partial_update(self, request: Request, id: str) -> ApiResponse:
        """Note that you have read it, or that it is to be unread again."""
        member = _writing_member()
        inbox.find_line(member, id)  # before anything is said of the body
        asked = NotificationInput.read_body(request.data)
        inbox.mark_read(member.user_id, id, read=asked["read"])
        return ApiResponse(NotificationSerializer.to_json(inbox.find_line(member, id)))

    @answers(NotificationsReadSerializer, id="notificationReadAll")
    @action(detail=False, methods=["post"])
    def read(self, request: Request) -> ApiResponse:
        """Note that you have read them all."""
        refuse_body(request.data, "Notification")
        changed = inbox.mark_read(_writing_member().user_id)
        return ApiResponse(NotificationsReadSerializer.to_json({"read": changed}))

    @answers(NotificationPreferencesSerializer)
    @action(detail=False)
    def preferences(self, request: Request) -> ApiResponse:
        """Of what you are told, and where."""
        return ApiResponse(_preferences_json(_member()))

    @answers(
        NotificationPreferencesSerializer,
        takes=NotificationPreferencesInput,
        id="notificationPreferencesUpdate",
    )
    @preferences.mapping.patch
    def change_preferences(self, request: Request) -> ApiResponse:
        """Say of what you are told, where, and when one mail tells all. Only what is sent changes."""
        asked = NotificationPreferencesInput.read_body(request.data)
        return ApiResponse(_preferences_json(_change_preferences(asked)))


def list_notifications(asked: Mapping[str, Any]) -> dict[str, Any]:
    """One page of what the person who asks was told. ``cursor`` is the id of the last one before it. Of
    records that they see no more there is no line, so that a page may have fewer than it could."""
    member = _member()
    named = [name.strip() for name in asked["kind"].split(",")] if "kind" in asked else []
    found = inbox.narrow_notifications(
        inbox.rows_of(member.user_id),
        unread=read_boolean("unread", asked),
        kind=named,
        since=reads.read_moment("since", asked.get("since") or None),
    )
    size = reads.check_limit(asked.get("limit"))
    total, exact = reads.count_records(found)
    if cursor := asked.get("cursor"):
        rest = inbox.notifications_after(found, member.user_id, cursor)
        if rest is None:
            raise InvalidFilter("This is no cursor: send one that a list gave.", field="cursor")
        found = rest
    page = list(found[: size + 1])
    more = len(page) > size
    lines = inbox.lines_for(member, page[:size])
    said = [NotificationSerializer.to_json(line) for line in lines]
    return reads.Page(said, total, exact, more, page[size - 1].pk if more else None).as_json()


_member = inbox.require_member


def _writing_member() -> Membership:
    """The same, where something of theirs changes. Raises Forbidden for a key that only reads."""
    refuse_key_that_reads("Notification")
    return _member()


def _change_preferences(asked: Mapping[str, Any]) -> Membership:
    """What a member wants from now on."""
    member = _writing_member()
    chosen = asked.get("kinds", {})
    inbox.check_choices(member, chosen)
    digest = {"digest": asked["digest_hour"]} if "digest_hour" in asked else {}
    inbox.change_preferences(member, chosen, **digest)
    return member


def _preferences_json(member: Membership) -> dict[str, Any]:
    said = {"kinds": inbox.preferences_of(member), "digest_hour": kinds.digest_hour(member)}
    return NotificationPreferencesSerializer.to_json(said)
