"""The addresses of proposals."""

from __future__ import annotations

from headlessly.api.openapi import responses
from headlessly.api.openapi.components import list_schema, object_schema
from headlessly.api.openapi.operations import operation, request_body
from headlessly.api.openapi.parameters import path_parameter, query_parameter, shared_parameters
from headlessly.api.openapi.types import TYPES, Schema, id_schema, nullable, ref
from headlessly.models import Proposal
from headlessly.scripts.limits import LIMITS
from headlessly.scripts.proposals import LONGEST_NOTE, LONGEST_REASON

TAG = "Proposal"
TEXT: Schema = {"type": "string"}
WRITING = responses.WRITING


def paths() -> dict[str, Schema]:
    id = path_parameter(Proposal.prefix)
    return {
        "/proposals": {"get": _list(), "post": _propose()},
        "/proposals/{id}": {
            "parameters": [id],
            "get": operation(
                "proposalGet",
                "One proposal: its script, what it would do, and what became of it.",
                TAG,
                {"200": responses.success_response("The proposal.", ref("Proposal"), "ETag")},
                parameters=shared_parameters(),
                errors=(404, *responses.READING),
            ),
        },
        "/proposals/{id}/approve": {
            "parameters": [id],
            "post": operation(
                "proposalApprove",
                "Do exactly what was proposed; where it would now do something else, a 409 with what "
                "differs, and nothing is done.",
                TAG,
                {"200": responses.success_response("It is done.", ref("Proposal"))},
                parameters=shared_parameters("idempotencyKey", "ifMatch"),
                errors=(404, 412, *WRITING),
                writes=True,
                requestBody=request_body(object_schema({}, []), required=False),
            ),
        },
        "/proposals/{id}/refuse": {
            "parameters": [id],
            "post": operation(
                "proposalRefuse",
                "Refuse a proposal, and say why.",
                TAG,
                {"200": responses.success_response("It is refused.", ref("Proposal"))},
                parameters=shared_parameters("idempotencyKey"),
                errors=(404, *WRITING),
                writes=True,
                requestBody=request_body(ref("ProposalRefusal")),
            ),
        },
    }


def components() -> dict[str, Schema]:
    code = TEXT | {
        "minLength": 1,
        "maxLength": max(limits.code for limits in LIMITS.values()),
        "description": "A short Python script against the nouns.",
        "examples": ["Lead.count()"],
    }
    note = TEXT | {"maxLength": LONGEST_NOTE, "description": "What it is for, in short."}
    reason = TEXT | {"minLength": 1, "maxLength": LONGEST_REASON, "pattern": r"\S"}
    short = _proposal()
    whole = short | {
        "value": {"description": "What the script answers."},
        "output": TEXT | {"description": "What it prints."},
        "events": {"type": "array", "items": _brief()},
    }
    return {
        "Proposal": object_schema(whole | {"eventsLeftOut": {"type": "integer"}}, whole),
        "ProposalShort": object_schema(short, short),
        "ProposalList": list_schema(ref("ProposalShort")),
        "ProposalDifference": object_schema(
            {"name": TEXT, "target": nullable(TEXT), "field": nullable(TEXT), "was": {}, "now": {}},
            ["name", "target", "field", "was", "now"],
        ),
        "ProposalInput": object_schema({"code": code, "note": nullable(note)}, ["code"]),
        "ProposalRefusal": object_schema({"reason": reason}, ["reason"]),
    }


def _list() -> Schema:
    return operation(
        "proposalList",
        "The proposals, the newest first: all for whoever decides on them, else one's own.",
        TAG,
        {"200": responses.success_response("One page of proposals.", ref("ProposalList"))},
        parameters=[
            query_parameter("status", TEXT | {"enum": list(Proposal.STATUSES)}),
            *shared_parameters("limit", "offset"),
        ],
    )


def _propose() -> Schema:
    return operation(
        "proposalCreate",
        "Try a script and store what it would do, for somebody to approve.",
        TAG,
        {"201": responses.success_response("The proposal.", ref("Proposal"), "Location")},
        parameters=shared_parameters("idempotencyKey"),
        errors=(404, *WRITING),
        writes=True,
        requestBody=request_body(ref("ProposalInput")),
    )


def _proposal() -> dict[str, Schema]:
    moment = TYPES["datetime"]
    return {
        "$id": id_schema(Proposal.prefix),
        "$type": {"const": "Proposal"},
        "$context": TYPES["url"],
        "$version": {
            "type": "integer",
            "minimum": 1,
            "description": "+1 whenever what it would do has changed.",
        },
        "$createdAt": moment,
        "$createdBy": TEXT,
        "note": nullable(TEXT),
        "code": TEXT,
        "status": {
            "enum": list(Proposal.STATUSES),
            "description": "Stale: it no longer works, and may be refused or tried again.",
        },
        "eventCount": {"type": "integer", "minimum": 0},
        "problem": {"type": ["object", "null"], "description": "Why it no longer works."},
        "differences": nullable(
            {
                "type": "array",
                "items": ref("ProposalDifference"),
                "description": "What it would do differently from when it was first looked at.",
            }
        ),
        "decidedAt": nullable(moment),
        "decidedBy": nullable(TEXT),
        "reason": nullable(TEXT),
        "event": nullable(TEXT | {"description": "The event of the script that was approved."}),
    }


def _brief() -> Schema:
    """An event in few words."""
    anything: Schema = {"type": "object"}
    return object_schema(
        {
            "$id": TEXT,
            "name": TEXT,
            "target": nullable(TEXT),
            "version": {"type": ["integer", "null"]},
            "cause": nullable(TEXT),
            "data": anything | {"description": "Of a new record, and of a tracked event."},
            "changes": anything
            | {
                "description": "By field: the value before and after.",
                "examples": [{"score": [82, 90]}],
            },
        },
        ["$id", "name", "target", "version", "cause"],
    )
