"""The addresses of the platform's resources; what they answer and take is in
:mod:`~headlessly.api.openapi.resource_components`."""

from __future__ import annotations

from collections.abc import Iterable

from headlessly.access.models import ApiKey
from headlessly.api.bodies import JSON
from headlessly.api.json_schema import TEXT, WHEN, Schema, ref
from headlessly.api.openapi import responses
from headlessly.api.openapi.operations import (
    NOTHING,
    operation,
    read_operation,
    request_body,
    write_operation,
)
from headlessly.api.openapi.parameters import path_parameter, query_parameter, shared_parameters
from headlessly.models import CustomField, Delivery, Proposal, View, Webhook
from headlessly.notifications.models import Notification
from headlessly.query.querystring import PART
from headlessly.transfer.models import Import
from headlessly.undo.models import Undo

READING, WRITING = responses.READING, responses.WRITING
get, post = read_operation, write_operation
#: What has a tag.
TAGGED = [
    ref(name)
    for name in ("ApiKey", "ApiKeyIssued", "Field", "List", "View", "Webhook", "WebhookMade")
]


def resource_paths() -> dict[str, Schema]:
    """The path items, in the order of the routes. Where imports begin is each noun's own."""
    return {
        **_import_paths(),
        **_with_tags(_key_paths()),
        **_with_tags(_field_paths()),
        **_with_tags(_list_paths()),
        **_notification_paths(),
        **_proposal_paths(),
        **_undo_paths(),
        **_following_paths(),
        **_with_tags(_view_paths()),
        **_with_tags(_webhook_paths()),
    }


def _with_tags(paths: dict[str, Schema]) -> dict[str, Schema]:
    """The same of resources that have a tag (:class:`~headlessly.api.base.ResourceViewSet`): answers with one
    of them say it, and what changes one takes it."""
    for path, item in paths.items():
        for method, each in item.items():
            if method == "parameters":
                continue
            if method != "get" and "{id}" in path:
                each["parameters"].insert(0, ref("ifMatch", "parameters"))
                each["responses"] |= responses.error_responses((412,))
            for status, response in each["responses"].items():
                schema = response.get("content", {}).get(JSON, {}).get("schema")
                if status in ("200", "201") and schema in TAGGED:
                    response["headers"]["ETag"] = ref("ETag", "headers")
    return paths


def patch(
    id: str,
    summary: str,
    tag: str,
    answered: str,
    answer: str,
    takes: str,
    errors: Iterable[int] = (404,),
    *shared: str,
) -> Schema:
    """A PATCH: the component that it answers, described by ``answered``, the one that it takes, and which
    errors it has beside those of every write. It has a 409 only where that is among them."""
    every = [*errors, *(status for status in WRITING if status != 409)]
    return operation(
        id,
        summary,
        tag,
        {"200": responses.success_response(answered, ref(answer))},
        parameters=shared_parameters(*shared),
        errors=every,
        writes=True,
        requestBody=request_body(ref(takes)),
    )


def delete(
    id: str,
    summary: str,
    tag: str,
    gone: str | None = None,
    errors: Iterable[int] = (403, 404, *READING),
    own: Iterable[Schema] = (),
) -> Schema:
    return operation(
        id,
        summary,
        tag,
        {"204": responses.success_response(gone or summary, None)},
        parameters=[*own, *shared_parameters()],
        errors=errors,
        writes=True,
    )


def _table() -> Schema:
    table = responses.success_response("A table.", None, "Content-Disposition")
    table["content"] = {"text/csv": {"schema": TEXT}}
    return table


# fmt: off
def _import_paths() -> dict[str, Schema]:
    an_import = [path_parameter(Import.prefix)]
    part = [ref(name, "parameters") for name in PART]
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
                       "About", "RefusedRowList", (404,), paged=True),
        },
        "/imports/{id}/refused.csv": {
            "parameters": an_import,
            "get": get("importRefusedCsv",
                       "All refused rows with the reason, to be corrected and sent again.",
                       "About", _table(), (404,)),
        },
        "/imports/{id}/cancel": {
            "parameters": an_import,
            "post": post("importCancel", "Stop an import; what is in stays in.", "About", "Import", None),
        },
    }


def _key_paths() -> dict[str, Schema]:
    return {
        "/apikeys": {
            "get": get("keyList", "The API keys of the tenant, without their secrets.", "About",
                       "ApiKeyList", (403,), paged=True),
            "post": post("keyIssue", "Issue an API key: this answer is the only place where it can be read.",
                         "About", "ApiKeyIssued", "ApiKeyInput", "201", ()),
        },
        "/apikeys/{id}": {
            "parameters": [path_parameter(ApiKey.prefix)],
            "get": get("keyGet", "Read one API key.", "About", "ApiKey", (403, 404)),
            "delete": delete("keyRevoke", "Revoke an API key, at once.", "About"),
        },
    }


def _field_paths() -> dict[str, Schema]:
    return {
        "/fields": {
            "get": get("fieldList", "The fields that the tenant added to the nouns, archived ones too.",
                       "About", "FieldList", (403,), paged=True),
            "post": post("fieldCreate", "Add a field to a noun, with `noun`, `type` and `label`.",
                         "About", "Field", "FieldInput", "201", (409,)),
        },
        "/fields/{id}": {
            "parameters": [path_parameter(CustomField.prefix)],
            "get": get("fieldGet", "One of them, by its id.", "About", "Field", (403, 404)),
            "patch": patch(
                "fieldUpdate",
                "Change a field; archive it, or bring it back. Renamed it keeps its values; another type "
                "has to take all that are there.",
                "About", "The field.", "Field", "FieldInput",
                (404, 409), "dryRun"),
            "delete": delete(
                "fieldDelete",
                "Delete a field for good, with its values. Without its `name` it says what would be lost.",
                "About", "It is gone.", (404, *WRITING),
                own=[query_parameter("name", TEXT, "The name of the field, to be sure.")]),
        },
    }


def _list_paths() -> dict[str, Schema]:
    a_list = {
        "name": "id", "in": "path", "required": True,
        "schema": TEXT | {"minLength": 1, "maxLength": 200, "examples": ["Lead.lostReason"]},
        "description": "The noun and its field.",
    }
    return {
        "/lists": {
            "get": get("listList", "The lists of values: of every field that has one.", "About", "ListList",
                       (403,)),
        },
        "/lists/{id}": {
            "parameters": [a_list],
            "get": get("listGet", "One list, and how many records have each value.", "About", "List",
                       (403, 404)),
            "patch": patch(
                "listUpdate",
                "Say which values a list has, in their order, which are retired, and whether it is open.",
                "About", "The list.", "List", "ListInput", (404, 409)),
        },
        "/lists/{id}/merge": {
            "parameters": [a_list],
            "post": post("listMerge", "Make one value of a list another, in every record that has it, each "
                         "by an event. Undone by the request.", "About", "ListMerge", "ListMergeInput", "200",
                         (404,)),
        },
    }


def _notification_paths() -> dict[str, Schema]:
    narrowed = [
        query_parameter("unread", {"type": "boolean"}, "Only those that you have not read."),
        query_parameter("kind", TEXT | {"examples": ["assigned,mentioned"]}, "Of these kinds."),
        query_parameter("since", WHEN, "Told since then."),
        ref("limit", "parameters"),
        ref("cursor", "parameters"),
    ]
    return {
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
            "patch": patch(
                "notificationPreferencesUpdate",
                "Say of what you are told, where, and when one mail tells all. Only what is sent changes.",
                "Notification",
                "What you want.", "NotificationPreferences", "NotificationPreferencesInput", ()),
        },
        "/notifications/{id}": {
            "parameters": [path_parameter(Notification.prefix)],
            "get": get("notificationGet", "One of them.", "Notification", "Notification", (403, 404)),
            "patch": patch(
                "notificationUpdate", "Note that you have read it, or that it is to be unread again.",
                "Notification", "The notification.", "Notification", "NotificationInput"),
        },
    }


def _proposal_paths() -> dict[str, Schema]:
    proposal = [path_parameter(Proposal.prefix)]
    statuses = query_parameter("status", TEXT | {"enum": list(Proposal.STATUSES)})
    return {
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
                         "ProposalRefusal", "200", (404, 412), "ifMatch"),
        },
    }


def _undo_paths() -> dict[str, Schema]:
    request = {
        "name": "id", "in": "path", "required": True,
        "schema": TEXT | {"minLength": 1, "maxLength": 64, "examples": ["req_h3Kd92LmPq7R"]},
        "description": "The id of a request: the header X-Request-Id of its answer, the requestId of its "
                       "events. An import, a script and a bulk have one, too.",
    }
    both = {
        "200": responses.success_response("What was taken back, and what stays.", ref("Undo")),
        "202": responses.success_response("It is in line.", ref("LargeUndo"), "Location"),
    }
    undo_body = request_body(ref("UndoInput"), required=False)
    an_undo = [path_parameter(Undo.prefix)]
    return {
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
            "get": get("undoStaysCsv", "The same as a table, for people.", "About", _table(), (404,)),
        },
    }


def _following_paths() -> dict[str, Schema]:
    a_record = {
        "name": "id", "in": "path", "required": True, "description": "The id of a record.",
        "schema": TEXT | {"examples": ["lead_7hqtm2XLwPhY"]},
    }
    return {
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
    }


def _view_paths() -> dict[str, Schema]:
    a_view = [path_parameter(View.prefix)]
    return {
        "/views": {
            "get": get("viewList", "The saved views that you may use, by name: your own and the shared ones.",
                       "View", "ViewList", paged=True, own=[query_parameter(
                           "noun", TEXT | {"examples": ["Lead"]}, "Only those of it.")]),
        },
        "/views/{id}": {
            "parameters": a_view,
            "get": get("viewGet", "One of them.", "View", "View", (404,)),
        },
        "/views/{id}/follow": {
            "parameters": a_view,
            "post": post("viewFollow",
                         "Be told from now on of the records that enter a view and leave it. What is in it "
                         "now is no news. A 422 that names `query` for one of too many records.",
                         "View", "View"),
        },
        "/views/{id}/unfollow": {
            "parameters": a_view,
            "post": post("viewUnfollow", "Be told no more.", "View", "View"),
        },
        "/views/{id}/watch": {
            "parameters": a_view,
            "post": post("viewWatch",
                         "Have View.Entered and View.Left in the log, and sent to webhooks, whoever follows "
                         "it. For managers, of a view that is shared.",
                         "View", "View"),
        },
        "/views/{id}/unwatch": {
            "parameters": a_view,
            "post": post("viewUnwatch", "Have them there only while somebody follows it.", "View", "View"),
        },
    }


def _webhook_paths() -> dict[str, Schema]:
    webhook = [path_parameter(Webhook.prefix)]
    delivery = path_parameter(Delivery.prefix) | {"name": "delivery"}
    return {
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
                method: patch(
                    id,
                    "Change a webhook, pause it (nothing is lost: it goes on later), or give it another "
                    "secret.",
                    "Webhook", "The webhook, and its secret if that is new.", "WebhookMade", "WebhookChanges")
                for method, id in (("put", "webhookPut"), ("patch", "webhookUpdate"))
            },
            "delete": delete("webhookDelete", "Delete a webhook and its deliveries, at once.", "Webhook"),
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
