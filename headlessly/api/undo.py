"""Taking back a request by REST: what it did, by the id that its answer and its events have."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.serializers import BooleanField, CharField, ListField

from headlessly.api.base import TenantViewSet
from headlessly.api.bodies import ApiResponse
from headlessly.api.json_schema import TEXT, nullable
from headlessly.api.parameters import read_dry_run
from headlessly.api.serializers import (
    Count,
    InputSerializer,
    Moment,
    SchemaField,
    WireSerializer,
    wanted_field,
)
from headlessly.execution.undo import check_request, undo_request


class LaterEventSerializer(WireSerializer):
    """The event since that is in the way, in few words."""

    event = CharField(help_text="Its id.")
    name = CharField()
    actor = CharField()
    timestamp = Moment()
    request_id = CharField()


class StayingRecordSerializer(WireSerializer):
    type = CharField()
    id = CharField()
    name = CharField()
    reason = CharField(help_text="changed, deleted, referred, belongs, closed, refused or hidden.")
    message = CharField(help_text="A sentence for people.")
    fields = ListField(child=CharField(), help_text="The fields that it is about.")
    since = LaterEventSerializer(allow_null=True)


class UndoneRecordSerializer(WireSerializer):
    type = CharField()
    id = CharField()
    name = CharField()
    event = CharField(help_text="The name of the event that took it back.")


class UndoSerializer(WireSerializer):
    meta: ClassVar = {"$type": SchemaField({"type": "string", "enum": ["Undo"]})}

    request = CharField(help_text="The request that was taken back.")
    event = CharField(allow_null=True, help_text="Its event, Request.Undone; null on a dry run.")
    dry_run = BooleanField()
    undone = ListField(child=UndoneRecordSerializer())
    stays = ListField(
        child=StayingRecordSerializer(), help_text="What was touched since, and so stays as it is."
    )
    tracked_events = Count(help_text="Tracked events of the request, which stay in the log.")


class UndoInput(InputSerializer):
    kind = "Request"

    event = wanted_field(
        nullable(TEXT | {"description": "The id of one event of the request: only that is taken "
                                        "back, with what it caused."}),
        lambda value: isinstance(value, str),
        "the id of an event of the request",
        default=None,
    )  # fmt: skip


class RequestViewSet(TenantViewSet):
    """Requests are known by what they left in the log; there is nothing of them to read beside that."""

    @action(detail=True, methods=["post"])
    def undo(self, request: Request, id: str) -> ApiResponse:
        """Take back what a request did: all of it, or what nobody has touched since."""
        dry_run = read_dry_run(request.GET)
        check_request(id)
        asked: dict[str, Any] = UndoInput.read_body(request.data)
        return ApiResponse(undo_request(id, event=asked["event"], dry_run=dry_run).as_json())
