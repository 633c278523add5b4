"""What the OpenAPI document says of the addresses that sales adds."""

from __future__ import annotations

from headlessly.api.json_schema import Schema, ref
from headlessly.api.openapi import parameters
from headlessly.api.openapi.operations import read_operation


def paths() -> dict[str, Schema]:
    """Their path items."""
    file: Schema = {"type": "string", "format": "binary"}
    # Of any type; named beside it, the type that generators of clients know as "a file".
    answer = {
        "description": "The file, as it was sent, with its own content type.",
        "content": {"application/octet-stream": {"schema": file}, "*/*": {"schema": file}},
    }
    return {
        "/attachments/{id}/file": {
            "parameters": [parameters.path_parameter("attachment")],
            "get": read_operation(
                "attachmentFile",
                "The file of an attachment, as it was sent.",
                "Attachment",
                answer,
                (404,),
                own=[ref("asOf", "parameters")],
            ),
        }
    }


def components() -> dict[str, Schema]:
    """What they answer."""
    return {}
