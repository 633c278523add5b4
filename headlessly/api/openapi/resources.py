"""The addresses of the platform's resources; what they answer and take is their serializers'."""

from __future__ import annotations

from headlessly.access.models import ApiKey
from headlessly.api import (
    fields,
    following,
    keys,
    notifications,
    proposals,
    saved_views,
    undo,
    value_lists,
    webhooks,
)
from headlessly.api import import_serializers as imports
from headlessly.api.json_schema import TEXT, WHEN, Schema, ref
from headlessly.api.openapi import responses
from headlessly.api.openapi.components import list_schema
from headlessly.api.openapi.operations import (
    NOTHING,
    operation,
    read_operation,
    request_body,
    write_operation,
)
from headlessly.api.openapi.parameters import path_parameter, query_parameter, shared_parameters
from headlessly.api.openapi.serializers import serializer_schema
from headlessly.models import CustomField, Delivery, Proposal, View, Webhook
from headlessly.notifications.models import Notification
from headlessly.query.querystring import PART
from headlessly.transfer.models import Import
from headlessly.undoing.models import Undo

READING, WRITING = responses.READING, responses.WRITING


def resource_components() -> dict[str, Schema]:
    """What is answered and taken, by name."""
    changes = serializer_schema(webhooks.WebhookInput())
    del changes["required"]
    preferences = serializer_schema(notifications.PreferencesInput())
    del preferences["required"]
    serializers = {
        "Field": fields.FieldSerializer,
        "FieldInput": fields.FieldInput,
        "List": value_lists.ListSerializer,
        "ListInput": value_lists.ListInput,
        "ListMerge": value_lists.MergedSerializer,
        "ListMergeInput": value_lists.MergeInput,
        "Webhook": webhooks.WebhookSerializer,
        "WebhookMade": webhooks.WebhookWithSecretSerializer,
        "WebhookInput": webhooks.WebhookInput,
        "Delivery": webhooks.DeliverySerializer,
        "ApiKey": keys.ApiKeySerializer,
        "ApiKeyIssued": keys.IssuedApiKeySerializer,
        "ApiKeyInput": keys.ApiKeyInput,
        "Import": imports.ImportSerializer,
        "ImportListed": imports.ListedImportSerializer,
        "Proposal": proposals.ProposalSerializer,
        "ProposalShort": proposals.ListedProposalSerializer,
        "ProposalDifference": proposals.DifferenceSerializer,
        "ProposalInput": proposals.ProposalInput,
        "ProposalRefusal": proposals.ProposalRefusal,
        "Notification": notifications.NotificationSerializer,
        "NotificationInput": notifications.NotificationInput,
        "NotificationsRead": notifications.ReadSerializer,
        "NotificationPreferences": notifications.PreferencesSerializer,
        "Following": following.FollowingSerializer,
        "Undo": undo.UndoSerializer,
        "UndoInput": undo.UndoInput,
        "LargeUndo": undo.LargeUndoSerializer,
        "View": saved_views.ViewSerializer,
        "StayingRecord": undo.StayingRecordSerializer,
    }
    return {
        **{name: serializer_schema(serializer()) for name, serializer in serializers.items()},
        "WebhookChanges": changes,
        "NotificationPreferencesInput": preferences,
        "NotificationList": list_schema(ref("Notification")),
        "ViewList": list_schema(ref("View")),
        "FollowingList": list_schema(ref("Following")),
        "FieldList": list_schema(ref("Field")),
        "ListList": list_schema(ref("List")),
        "WebhookList": list_schema(ref("Webhook")),
        "DeliveryList": list_schema(ref("Delivery")),
        "ApiKeyList": list_schema(ref("ApiKey")),
        "ImportList": list_schema(ref("ImportListed")),
        "LargeUndoList": list_schema(ref("LargeUndo")),
        "StayingRecordList": list_schema(ref("StayingRecord")),
        "RefusedRowList": list_schema(serializer_schema(imports.RefusedRowSerializer())),
        "ProposalList": list_schema(ref("ProposalShort")),
    }


# fmt: off
def resource_paths() -> dict[str, Schema]:
    """The path items, in the order of the routes. Where imports begin is each noun's own."""
    table = responses.success_response("A table.", None, "Content-Disposition")
    table["content"] = {"text/csv": {"schema": TEXT}}
    a_record = {
        "name": "id", "in": "path", "required": True, "description": "The id of a record.",
        "schema": TEXT | {"examples": ["lead_7hqtm2XLwPhY"]},
    }  # fmt: skip
    an_import = [path_parameter(Import.prefix)]
    proposal = [path_parameter(Proposal.prefix)]
    request = {
        "name": "id", "in": "path", "required": True,
        "schema": TEXT | {"minLength": 1, "maxLength": 64, "examples": ["req_h3Kd92LmPq7R"]},
        "description": "The id of a request: the header X-Request-Id of its answer, the requestId of its "
                       "events. An import, a script and a bulk have one, too.",
    }
    a_list = {
        "name": "id", "in": "path", "required": True,
        "schema": TEXT | {"minLength": 1, "maxLength": 200, "examples": ["Lead.lostReason"]},
        "description": "The noun and its field.",
    }
    an_undo = [path_parameter(Undo.prefix)]
    both = {
        "200": responses.success_response("What was taken back, and what stays.", ref("Undo")),
        "202": responses.success_response("It is in line.", ref("LargeUndo"), "Location"),
    }
    undo_body = request_body(ref("UndoInput"), required=False)
    webhook = [path_parameter(Webhook.prefix)]
    delivery = path_parameter(Delivery.prefix) | {"name": "delivery"}
    statuses = query_parameter("status", TEXT | {"enum": list(Proposal.STATUSES)})
    narrowed = [
        query_parameter("unread", {"type": "boolean"}, "Only those that you have not read."),
        query_parameter("kind", TEXT | {"examples": ["assigned,mentioned"]}, "Of these kinds."),
        query_parameter("since", WHEN, "Told since then."),
        ref("limit", "parameters"),
        ref("cursor", "parameters"),
    ]
    changed = responses.success_response("The webhook, and its secret if that is new.", ref("WebhookMade"))
    part = [ref(name, "parameters") for name in PART]
    get, post = read_operation, write_operation
    return {
        "/imports": {
            "get": get("importList", "The imports, the newest first; all of them only for managers.",
                       "About", "ImportList", paged=True),
        },
        "/imports/{id}": {
            "parameters": an_import,
            "get": get("importGet", "One import, and what is wrong with a page of its refused rows.",
                       "About", "Import", (404,), own=part),
        },
        "/imports/{id}/refused": {
            "parameters": an_import,
            "get": get("importRefused", "The refused rows, as they were sent, each with what is wrong.",
                       "About", "RefusedRowList", (404,), own=part),
        },
        "/imports/{id}/refused.csv": {
            "parameters": an_import,
            "get": get("importRefusedCsv",
                       "All refused rows with the reason, to be corrected and sent again.",
                       "About", table, (404,)),
        },
        "/imports/{id}/cancel": {
            "parameters": an_import,
            "post": post("importCancel", "Stop an import; what is in stays in.", "About", "Import", None),
        },
        "/apikeys": {
            "get": get("keyList", "The API keys of the tenant, without their secrets.", "About",
                       "ApiKeyList", (403,), paged=True),
            "post": post("keyIssue", "Issue an API key: this answer is the only place where it can be read.",
                         "About", "ApiKeyIssued", "ApiKeyInput", "201", ()),
        },
        "/apikeys/{id}": {
            "parameters": [path_parameter(ApiKey.prefix)],
            "get": get("keyGet", "Read one API key.", "About", "ApiKey", (403, 404)),
            "delete": _delete("keyRevoke", "Revoke an API key, at once.", "About"),
        },
        "/fields": {
            "get": get("fieldList", "The fields that the tenant added to the nouns, archived ones too.",
                       "About", "FieldList", (403,), paged=True),
            "post": post("fieldCreate", "Add a field to a noun, with `noun`, `type` and `label`.",
                         "About", "Field", "FieldInput", "201", (409,)),
        },
        "/fields/{id}": {
            "parameters": [path_parameter(CustomField.prefix)],
            "get": get("fieldGet", "One of them, by its id.", "About", "Field", (403, 404)),
            "patch": operation(
                "fieldUpdate",
                "Change a field; archive it, or bring it back. Renamed it keeps its values; another type "
                "has to take all that are there.",
                "About",
                {"200": responses.success_response("The field.", ref("Field"))},
                parameters=shared_parameters("dryRun"),
                errors=(404, *WRITING),
                writes=True,
                requestBody=request_body(ref("FieldInput")),
            ),
            "delete": operation(
                "fieldDelete",
                "Delete a field for good, with its values. Without its `name` it says what would be lost.",
                "About",
                {"204": responses.success_response("It is gone.", None)},
                parameters=[
                    query_parameter("name", TEXT, "The name of the field, to be sure."),
                    *shared_parameters(),
                ],
                errors=(404, *WRITING),
                writes=True,
            ),
        },
        "/lists": {
            "get": get("listList", "The lists of values: of every field that has one.", "About", "ListList",
                       (403,)),
        },
        "/lists/{id}": {
            "parameters": [a_list],
            "get": get("listGet", "One list, and how many records have each value.", "About", "List",
                       (403, 404)),
            "patch": operation(
                "listUpdate",
                "Say which values a list has, in their order, which are retired, and whether it is open.",
                "About",
                {"200": responses.success_response("The list.", ref("List"))},
                parameters=shared_parameters(),
                errors=(404, *WRITING),
                writes=True,
                requestBody=request_body(ref("ListInput")),
            ),
        },
        "/lists/{id}/merge": {
            "parameters": [a_list],
            "post": post("listMerge", "Make one value of a list another, in every record that has it, each "
                         "by an event. Undone by the request.", "About", "ListMerge", "ListMergeInput", "200",
                         (404,)),
        },
        "/notifications": {
            "get": get("notificationList",
                       "What you were told, the newest first; with a key, what the person was told whose it "
                       "is. A 403 for a key that is nobody's.",
                       "Notification", "NotificationList", (403,), own=narrowed),
        },
        "/notifications/read": {
            "post": post("notificationReadAll", "Note that you have read them all.", "Notification",
                         "NotificationsRead", NOTHING, "200", ()),
        },
        "/notifications/preferences": {
            "get": get("notificationPreferences", "Of what you are told, and where.", "Notification",
                       "NotificationPreferences", (403,)),
            "patch": operation(
                "notificationPreferencesUpdate",
                "Say of what you are told, where, and when one mail tells all. Only what is sent changes.",
                "Notification",
                {"200": responses.success_response("What you want.", ref("NotificationPreferences"))},
                parameters=shared_parameters(),
                errors=tuple(status for status in WRITING if status != 409),
                writes=True,
                requestBody=request_body(ref("NotificationPreferencesInput")),
            ),
        },
        "/notifications/{id}": {
            "parameters": [path_parameter(Notification.prefix)],
            "get": get("notificationGet", "One of them.", "Notification", "Notification", (403, 404)),
            "patch": operation(
                "notificationUpdate",
                "Note that you have read it, or that it is to be unread again.",
                "Notification",
                {"200": responses.success_response("The notification.", ref("Notification"))},
                parameters=shared_parameters(),
                errors=(404, *(status for status in WRITING if status != 409)),
                writes=True,
                requestBody=request_body(ref("NotificationInput")),
            ),
        },
        "/proposals": {
            "get": get("proposalList",
                       "The proposals, the newest first: all for whoever decides on them, else one's own.",
                       "Proposal", "ProposalList", paged=True, own=[statuses]),
            "post": post("proposalCreate",
                         "Try a script and store what it would do, for somebody to approve.",
                         "Proposal", "Proposal", "ProposalInput", "201"),
        },
        "/proposals/{id}": {
            "parameters": proposal,
            "get": get("proposalGet", "One proposal: its script, what it would do, and what became of it.",
                       "Proposal", "Proposal", (404,), "ETag"),
        },
        "/proposals/{id}/approve": {
            "parameters": proposal,
            "post": post("proposalApprove",
                         "Do exactly what was proposed; where it would now do something else, a 409 with "
                         "what differs, and nothing is done.",
                         "Proposal", "Proposal", NOTHING, "200", (404, 412), "ifMatch"),
        },
        "/proposals/{id}/refuse": {
            "parameters": proposal,
            "post": post("proposalRefuse", "Refuse a proposal, and say why.", "Proposal", "Proposal",
                         "ProposalRefusal"),
        },
        "/requests/{id}/undo": {
            "parameters": [request],
            "post": operation("requestUndo",
                         "Take back what a request did, by ordinary verbs in one transaction: all of it, or "
                         "what nobody has touched since, with a list of what stays and why. A 409 where "
                         "nothing can be taken back. One with more than 5,000 events is taken back in the "
                         "background: a 202 says where that is.",
                         "About", both, parameters=shared_parameters("idempotencyKey", "dryRun"),
                         errors=(404, *WRITING), writes=True, requestBody=undo_body),
        },
        "/undos": {
            "get": get("undoList",
                       "What is taken back in the background, the newest first; all of it only for managers.",
                       "About", "LargeUndoList", paged=True),
        },
        "/undos/{id}": {
            "parameters": an_undo,
            "get": get("undoGet", "How far one has come, and what became of it.", "About", "LargeUndo",
                       (404,)),
        },
        "/undos/{id}/cancel": {
            "parameters": an_undo,
            "post": post("undoCancel", "Stop an undo; what was taken back by then stays taken back.", "About",
                         "LargeUndo", None),
        },
        "/undos/{id}/stays": {
            "parameters": an_undo,
            "get": get("undoStays", "The records that stay as they are, each with the reason.", "About",
                       "StayingRecordList", (404,), paged=True),
        },
        "/undos/{id}/stays.csv": {
            "parameters": an_undo,
            "get": get("undoStaysCsv", "The same as a table, for people.", "About", table, (404,)),
        },
        "/following": {
            "get": get("followingList", "The records that you follow, by their ids.", "Notification",
                       "FollowingList", (403,), paged=True),
        },
        "/following/{id}": {
            "parameters": [a_record],
            "get": get("followingGet", "Whether you follow a record.", "Notification", "Following",
                       (403, 404)),
        },
        "/following/{id}/follow": {
            "parameters": [a_record],
            "post": post("followingFollow", "Be told from now on of what becomes of a record.",
                         "Notification", "Following"),
        },
        "/following/{id}/unfollow": {
            "parameters": [a_record],
            "post": post("followingUnfollow", "Be told no more.", "Notification", "Following"),
        },
        "/views": {
            "get": get("viewList", "The saved views that you may use, by name: your own and the shared ones.",
                       "View", "ViewList", own=[*part, query_parameter(
                           "noun", TEXT | {"examples": ["Lead"]}, "Only those of it.")]),
        },
        "/views/{id}": {
            "parameters": [path_parameter(View.prefix)],
            "get": get("viewGet", "One of them.", "View", "View", (404,)),
        },
        "/views/{id}/follow": {
            "parameters": [path_parameter(View.prefix)],
            "post": post("viewFollow",
                         "Be told from now on of the records that enter a view and leave it. What is in it "
                         "now is no news. A 422 that names `query` for one of too many records.",
                         "View", "View"),
        },
        "/views/{id}/unfollow": {
            "parameters": [path_parameter(View.prefix)],
            "post": post("viewUnfollow", "Be told no more.", "View", "View"),
        },
        "/views/{id}/watch": {
            "parameters": [path_parameter(View.prefix)],
            "post": post("viewWatch",
                         "Have View.Entered and View.Left in the log, and sent to webhooks, whoever follows "
                         "it. For managers, of a view that is shared.",
                         "View", "View"),
        },
        "/views/{id}/unwatch": {
            "parameters": [path_parameter(View.prefix)],
            "post": post("viewUnwatch", "Have them there only while somebody follows it.", "View", "View"),
        },
        "/webhooks": {
            "get": get("webhookList", "The webhooks of the tenant, without their secrets.", "Webhook",
                       "WebhookList", (403,), paged=True),
            "post": post("webhookCreate",
                         "Have events sent to an address, from now on: this answer is the only one with the "
                         "secret.",
                         "Webhook", "WebhookMade", "WebhookInput", "201", ()),
        },
        "/webhooks/{id}": {
            "parameters": webhook,
            "get": get("webhookGet", "Read one webhook, without its secret.", "Webhook", "Webhook",
                       (403, 404)),
            **{
                method: operation(
                    id,
                    "Change a webhook, pause it (nothing is lost: it goes on later), or give it another "
                    "secret.",
                    "Webhook", {"200": changed}, parameters=shared_parameters(), writes=True,
                    errors=(404, *(s for s in WRITING if s != 409)),
                    requestBody=request_body(ref("WebhookChanges")),
                )
                for method, id in (("put", "webhookPut"), ("patch", "webhookUpdate"))
            },
            "delete": _delete("webhookDelete", "Delete a webhook and its deliveries, at once.", "Webhook"),
        },
        "/webhooks/{id}/ping": {
            "parameters": webhook,
            "post": post("webhookPing", "Send a test event, named ping.", "Webhook", "Delivery",
                         status="202"),
        },
        "/webhooks/{id}/deliveries": {
            "parameters": webhook,
            "get": get("webhookDeliveries", "What a webhook delivered, or is about to, the newest first.",
                       "Webhook", "DeliveryList", (403, 404), paged=True),
        },
        "/webhooks/{id}/deliveries/{delivery}/redeliver": {
            "parameters": [*webhook, delivery],
            "post": post("webhookRedeliver", "Send a delivery once more, at once.", "Webhook", "Delivery",
                         status="202"),
        },
    }
# fmt: on


def _delete(id: str, summary: str, tag: str) -> Schema:
    gone = {"204": responses.success_response(summary, None)}
    errors = (403, 404, *READING)
    return operation(
        id, summary, tag, gone, parameters=shared_parameters(), errors=errors, writes=True
    )
