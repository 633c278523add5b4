"""Taking back a request by REST: what it did, by the id that its answer and its events have; and how far the
large ones have come that are taken back in the background."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.serializers import BooleanField, CharField, ChoiceField, ListField

from headlessly.api.base import ResourceViewSet, created_response
from headlessly.api.bodies import ApiResponse
from headlessly.api.describing import TABLE, answers
from headlessly.api.json_schema import COUNT, TEXT, nullable, object_schema
from headlessly.api.log import paginate
from headlessly.api.parameters import read_boolean
from headlessly.api.serializers import (
    Count,
    InputSerializer,
    KindSerializer,
    Moment,
    ResourceSerializer,
    SchemaField,
    WireSerializer,
    refuse_body,
    wanted_field,
)
from headlessly.api.transfers import in_blocks, stream_table
from headlessly.transfer.cells import guard_cell
from headlessly.undo import undos
from headlessly.undo.models import Undo, UndoRecord


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


class UndoSerializer(KindSerializer):
    kind = "Undo"

    request = CharField(help_text="The request that was taken back.")
    event = CharField(allow_null=True, help_text="Its event, Request.Undone; null on a dry run.")
    dry_run = BooleanField()
    undone = ListField(child=UndoneRecordSerializer())
    stays = ListField(
        child=StayingRecordSerializer(), help_text="What was touched since, and so stays as it is."
    )
    tracked_events = Count(help_text="Tracked events of the request, which stay in the log.")


COUNTS = {"undone": COUNT, "stays": COUNT}


class LargeUndoSerializer(ResourceSerializer):
    kind, prefix = "LargeUndo", Undo.prefix
    meta: ClassVar = {
        "$createdAt": Moment(source="created_at"),
        "$createdBy": CharField(source="created_by"),
    }

    request = CharField(help_text="The request that is taken back.")
    request_id = CharField(
        help_text="The request that does it: taking that back does it all again."
    )
    event = CharField(
        allow_null=True, help_text="Its event, Request.Undone; null before it begins."
    )
    dry_run = BooleanField()
    status = ChoiceField(list(Undo.Status.values))
    message = CharField(allow_null=True, help_text="Why it failed, or why nothing was taken back.")
    started_at = Moment(allow_null=True)
    finished_at = Moment(allow_null=True)
    total = Count(allow_null=True, help_text="Records of the request; null until they are counted.")
    looked_at = Count(help_text="Records that are looked at; nothing is taken back before all are.")
    undone = Count(help_text="Records that are taken back; of a dry run those that could be.")
    stays = Count(help_text="Records that stay: GET /undos/{id}/stays lists them.")
    as_it_was = Count(help_text="Records of which there was nothing to take back.")
    by_type = SchemaField(
        {"type": "object", "additionalProperties": object_schema(COUNTS, COUNTS)},
        help_text="What was taken back and what stays, by noun.",
    )
    tracked_events = Count(
        source="tracked", help_text="Tracked events of the request, which stay in the log."
    )


class UndoInput(InputSerializer):
    kind = "Request"

    event = wanted_field(
        nullable(TEXT | {"description": "The id of one event of the request: only that is taken "
                                        "back, with what it caused."}),
        lambda value: isinstance(value, str),
        "the id of an event of the request",
        default=None,
    )  # fmt: skip


class RequestViewSet(ResourceViewSet):
    """Requests are known by what they left in the log; there is nothing of them to read beside that."""

    word = "request"
    ids: ClassVar = {
        "id": TEXT
        | {
            "minLength": 1,
            "maxLength": 64,
            "examples": ["req_h3Kd92LmPq7R"],
            "description": "The id of a request: the header X-Request-Id of its answer, the requestId of its "
            "events. An import, a script and a bulk have one, too.",
        }
    }

    @answers(
        UndoSerializer,
        takes=UndoInput,
        needs_body=False,
        also={202: LargeUndoSerializer},
        shared=("dryRun",),
    )
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, id: str) -> ApiResponse:
        """Take back what a request did, by ordinary verbs in one transaction: all of it, or what nobody has
        touched since, with a list of what stays and why. A 409 where nothing can be taken back. One with
        more than 5,000 events is taken back in the background: a 202 says where that is."""
        dry_run = read_boolean("dryRun", self.asked)
        undos.check_may_take_back(id)
        asked: dict[str, Any] = UndoInput.read_body(request.data)
        done = undos.take_back(id, event=asked["event"], dry_run=dry_run)
        if isinstance(done, Undo):
            return created_response(LargeUndoSerializer.to_json(done), f"undos/{done.pk}", 202)
        return ApiResponse(done.as_json())


class UndoViewSet(ResourceViewSet):
    """What is taken back in the background, how far it has come, and what stays."""

    word = "undo"
    in_batch: ClassVar = ("list", "retrieve", "stays", "cancel")

    @answers(LargeUndoSerializer, many=True)
    def list(self, request: Request) -> ApiResponse:
        """What is taken back in the background, the newest first; all of it only for managers."""
        return ApiResponse(paginate(Undo.visible(), LargeUndoSerializer.to_json, **self.asked))

    @answers(LargeUndoSerializer)
    def retrieve(self, request: Request, id: str) -> ApiResponse:
        """How far one has come, and what became of it."""
        return ApiResponse(LargeUndoSerializer.to_json(undos.get_undo(id)))

    @answers(StayingRecordSerializer, many=True)
    @action(detail=True)
    def stays(self, request: Request, id: str) -> ApiResponse:
        """The records that stay as they are, each with the reason."""
        found = undos.staying_records(undos.get_undo(id))
        return ApiResponse(paginate(found, UndoRecord.as_json, of=id, **self.asked))

    @answers(LargeUndoSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, id: str) -> ApiResponse:
        """Stop an undo; what was taken back by then stays taken back."""
        undos.get_undo(id)  # before anything is said of the body
        refuse_body(request.data, LargeUndoSerializer.kind)
        return ApiResponse(LargeUndoSerializer.to_json(undos.cancel_undo(id)))

    @answers(TABLE)
    @action(detail=True, url_path="stays.csv", url_name="stays-csv")
    def stays_csv(self, request: Request, id: str) -> StreamingHttpResponse:
        """The same as a table, for people."""
        undo = undos.get_undo(id)
        rows = (
            map(
                guard_cell,
                (r.type, r.record, r.name, r.code, r.reason, (r.since or {}).get("timestamp", "")),
            )
            for r in in_blocks(undos.staying_records(undo))
        )
        heads = ("type", "id", "name", "reason", "message", "since")
        return stream_table(heads, rows, f"{undo.pk}-stays.csv")
