"""Imports: how far they have come, and what they refused."""

from __future__ import annotations

from headlessly.api.openapi import responses
from headlessly.api.openapi.components import list_schema, object_schema
from headlessly.api.openapi.operations import operation
from headlessly.api.openapi.parameters import path_parameter, shared_parameters
from headlessly.api.openapi.types import TYPES, Schema, id_schema, nullable, ref
from headlessly.declaration.registry import registry
from headlessly.transfer import formats
from headlessly.transfer.models import Import

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}


def paths() -> dict[str, Schema]:
    """The addresses of imports. Where they begin is each noun's own."""
    id = [path_parameter(Import.prefix)]
    page = shared_parameters("limit", "offset")
    reading = (404, *responses.READING)
    table = responses.success_response("A table.", None, "Content-Disposition")
    table["content"] = {"text/csv": {"schema": TEXT}}
    return {
        "/imports": {
            "get": operation(
                "importList",
                "The imports, the newest first; all of them only for managers.",
                "About",
                {"200": responses.success_response("One page of imports.", ref("ImportList"))},
                parameters=page,
            )
        },
        "/imports/{id}": {
            "parameters": id,
            "get": operation(
                "importGet",
                "One import, and what is wrong with a page of its refused rows.",
                "About",
                {"200": responses.success_response("The import.", ref("Import"))},
                parameters=page,
                errors=reading,
            ),
        },
        "/imports/{id}/refused": {
            "parameters": id,
            "get": operation(
                "importRefused",
                "The refused rows, as they were sent, each with what is wrong.",
                "About",
                {"200": responses.success_response("One page of rows.", ref("RefusedRowList"))},
                parameters=page,
                errors=reading,
            ),
        },
        "/imports/{id}/refused.csv": {
            "parameters": id,
            "get": operation(
                "importRefusedCsv",
                "All refused rows with the reason, to be corrected and sent again.",
                "About",
                {"200": table},
                parameters=shared_parameters(),
                errors=reading,
            ),
        },
        "/imports/{id}/cancel": {
            "parameters": id,
            "post": operation(
                "importCancel",
                "Stop an import; what is in stays in.",
                "About",
                {"200": responses.success_response("The import.", ref("Import"))},
                parameters=shared_parameters("idempotencyKey"),
                errors=(404, *responses.WRITING),
                writes=True,
            ),
        },
    }


def components() -> dict[str, Schema]:
    """An import as it is answered."""
    moment = TYPES["datetime"]
    error = object_schema(
        {"row": COUNT, "field": nullable(TEXT), "message": TEXT}, ["row", "field", "message"]
    )
    errors = {"type": "array", "items": error}
    listed: dict[str, Schema] = {
        "$id": id_schema(Import.prefix),
        "$type": {"const": "Import"},
        "$context": TYPES["url"],
        "$createdAt": moment,
        "$createdBy": TEXT,
        "type": TEXT | {"enum": list(registry)},
        "filename": nullable(TEXT),
        "format": TEXT | {"enum": list(formats.FORMATS)},
        "size": COUNT | {"description": "Bytes."},
        "match": nullable(TEXT),
        "dryRun": {"type": "boolean"},
        "status": TEXT | {"enum": list(Import.Status.values)},
        "message": nullable(TEXT | {"description": "Why it failed."}),
        "startedAt": nullable(moment),
        "finishedAt": nullable(moment),
        "total": nullable(
            COUNT | {"description": "Rows in the file; null until they are counted."}
        ),
        "done": COUNT | {"description": "Rows that are dealt with."},
        "created": COUNT,
        "updated": COUNT,
        "unchanged": COUNT | {"description": "Found, and the same already."},
        "refused": COUNT,
    }
    paged: dict[str, Schema] = {"errors": errors, "hasMoreErrors": {"type": "boolean"}}
    row = {"row": COUNT, "errors": errors, "values": {}}
    return {
        "Import": object_schema(listed | paged, [*listed, *paged]),
        "ImportListed": object_schema(listed, listed),
        "ImportList": list_schema(ref("ImportListed")),
        "RefusedRowList": list_schema(object_schema(row, row)),
    }
