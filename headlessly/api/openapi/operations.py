"""What can be done with a noun: one path item per address, one operation per method."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings

from headlessly.api.bodies import FORM, JSON, MULTIPART
from headlessly.api.json_schema import Schema, ref
from headlessly.api.openapi import parameters
from headlessly.api.openapi import responses as answers
from headlessly.api.openapi.components import (
    input_name,
    input_schema,
    is_required_input,
    receipt_name,
)
from headlessly.api.openapi.examples import example_value
from headlessly.api.openapi.parameters import shared_parameters
from headlessly.api.records import at_collection, at_record
from headlessly.declaration.record import Record
from headlessly.declaration.schema import wire_name
from headlessly.declaration.verbs import Verb
from headlessly.nouns import Noun
from headlessly.transfer import exporting, formats
from headlessly.transfer import options as import_options
from headlessly.transfer.matching import ID, matchable_fields
from headlessly.transfer.notations import DAYS, NUMBERS

READS: list[Schema] = [{"bearer": []}, {"session": []}]
#: What needs no key, and takes one.
PUBLIC: list[Schema] = [{}, {"bearer": []}]
#: A browser's session writes with its CSRF token.
WRITES: list[Schema] = [{"bearer": []}, {"session": [], "csrf": []}]


def operation(
    id: str,
    summary: str,
    tag: str,
    responses: Schema,
    *,
    parameters: Iterable[Schema] = (),
    errors: Iterable[int] = answers.READING,
    writes: bool = False,
    **more: Any,
) -> Schema:
    """One operation; ``responses`` are its successes by status."""
    parameters = list(parameters)
    if ref("idempotencyKey", "parameters") in parameters:
        for response in responses.values():
            response["headers"] |= {
                name: ref(name, "headers") for name in ("Idempotency-Replayed",)
            }
    return {
        "operationId": id,
        "summary": summary,
        "tags": [tag],
        "security": WRITES if writes else READS,
        "parameters": parameters,
        **more,
        "responses": responses | answers.error_responses(errors),
    }


def request_body(schema: Schema, *, required: bool = True) -> Schema:
    return {"required": required, "content": {JSON: {"schema": schema}}}


#: No body, or an empty one.
NOTHING = request_body(
    {"type": "object", "properties": {}, "additionalProperties": False}, required=False
)


def read_operation(
    id: str,
    summary: str,
    tag: str,
    answer: Schema | str,
    errors: Iterable[int] = (),
    *headers: str,
    paged: bool = False,
    own: Iterable[Schema] = (),
) -> Schema:
    """A read: the component that it answers, and which errors it has beside those of every read."""
    if isinstance(answer, str):
        answer = answers.success_response(summary, ref(answer), *headers)
    taken = [*own, *shared_parameters(*(("limit", "offset") if paged else ()))]
    errors = (*errors, *answers.READING)
    return operation(id, summary, tag, {"200": answer}, parameters=taken, errors=errors)


def write_operation(
    id: str,
    summary: str,
    tag: str,
    answer: str,
    takes: Schema | str | None = NOTHING,
    status: str = "200",
    errors: Iterable[int] = (404,),
    *shared: str,
) -> Schema:
    """A POST, which may be sent again: what it takes and answers; what is made says where it is."""
    headers = ("Location",) if status == "201" else ()
    body = request_body(ref(takes)) if isinstance(takes, str) else takes
    return operation(
        id,
        summary,
        tag,
        {status: answers.success_response(summary, ref(answer), *headers)},
        parameters=shared_parameters("idempotencyKey", *shared),
        errors=(*errors, *answers.WRITING),
        writes=True,
        **({} if body is None else {"requestBody": body}),
    )


def noun_paths(noun: type[Noun]) -> dict[str, Schema]:
    """The path items of one noun, in the order of its routes."""
    name, collection = noun.__name__, f"/{noun.plural}"
    record, id = f"{collection}/{{id}}", [parameters.path_parameter(noun.prefix)]
    found: dict[str, Schema] = {
        collection: {"get": _list_operation(noun), "post": _verb_operation(noun.verbs["create"])},
    }
    for verb in filter(at_collection, noun.verbs.values()):
        found[f"{collection}/{wire_name(verb.name)}"] = {"post": _verb_operation(verb)}
    found[record] = {
        "parameters": id,
        "get": _get_operation(noun),
        "put": _verb_operation(noun.verbs["update"], id=operation_id(noun, "put")),
        "patch": _verb_operation(noun.verbs["update"]),
        "delete": _delete_operation(noun.verbs["delete"]),
    }
    found[f"{record}/events"] = {
        "parameters": id,
        "get": operation(
            operation_id(noun, "events"),
            f"The history of one {name}, newest first; also of a deleted one.",
            name,
            {"200": answers.success_response("One page of events.", ref("EventList"))},
            parameters=parameters.shared_parameters("limit", "offset"),
            errors=(404, *answers.READING),
        ),
    }
    for verb in filter(at_record, noun.verbs.values()):
        found[f"{record}/{wire_name(verb.name)}"] = {
            "parameters": id,
            "post": _verb_operation(verb),
        }
    found[f"/import/{noun.plural}"] = {"post": _import_operation(noun)}
    found[f"/export/{noun.plural}"] = {"get": _export_operation(noun)}
    return found


def operation_id(noun: type[Record], what: str) -> str:
    """``leadConvert``."""
    name = noun.__name__
    return name[0].lower() + name[1:] + what[0].upper() + what[1:]


def _list_operation(noun: type[Noun]) -> Schema:
    return operation(
        operation_id(noun, "list"),
        f"List {noun.plural}.",
        noun.__name__,
        {
            "200": answers.success_response(
                f"One page of {noun.plural}.", ref(f"{noun.__name__}List")
            )
        },
        parameters=parameters.list_parameters(noun),
    )


def _get_operation(noun: type[Noun]) -> Schema:
    return operation(
        operation_id(noun, "get"),
        f"Read one {noun.__name__}.",
        noun.__name__,
        {
            "200": answers.success_response("The record.", ref(f"{noun.__name__}Read"), "ETag"),
            "304": answers.success_response("You have this version already.", None, "ETag"),
        },
        parameters=parameters.record_parameters(noun),
        errors=(404, *answers.READING),
    )


def _verb_operation(verb: Verb, id: str | None = None) -> Schema:
    """Any verb with a body: create, update, and those of the noun."""
    name = verb.noun.__name__
    record, trial = ref(name), ref(f"{name}DryRun")
    either = ref(receipt_name(verb, "Answer") if verb.public is not None else f"{name}Answer")
    if verb.creates:
        # With a dry run nothing was created, and a verb may have found the record instead.
        made = answers.success_response("The new record.", record, "Location", "ETag")
        known = answers.success_response(
            "The record that was found, or a dry run." if verb.finds else "A dry run.",
            either if verb.finds else trial,
            *(("Location", "ETag") if verb.finds else ()),
        )
        responses = {"201": made, "200": known}
    else:
        tag = ("ETag",) if verb.name == "update" else ()
        responses = {
            "200": answers.success_response("The record after it, or a dry run.", either, *tag)
        }
    errors = list(answers.WRITING)
    headers = ["dryRun"]
    if verb.name != "update":  # a POST
        headers.append("idempotencyKey")
    if not verb.creates:
        headers.append("ifMatch")
        errors += [404, 412]
    found = operation(
        id or operation_id(verb.noun, wire_name(verb.name)),
        verb.summary,
        name,
        responses,
        parameters=parameters.shared_parameters(*headers),
        errors=errors,
        writes=True,
    )
    if (verb.__doc__ or "").strip() != verb.summary:
        found["description"] = verb.__doc__
    if verb.public is not None:
        found["security"] = PUBLIC
    if verb.asks:
        found["requestBody"] = request_body(ref(input_name(verb)))
        if verb.public is not None:
            for kind in (FORM, MULTIPART):
                found["requestBody"]["content"][kind] = {"schema": ref(input_name(verb))}
    elif verb.inputs:
        needed = any(is_required_input(verb, field) for field in verb.inputs.values())
        found["requestBody"] = request_body(ref(input_name(verb)), required=needed)
    else:
        nothing = {"type": "object", "maxProperties": 0}
        found["requestBody"] = request_body(nothing, required=False)
    return found


def _delete_operation(verb: Verb) -> Schema:
    return operation(
        operation_id(verb.noun, "delete"),
        verb.summary,
        verb.noun.__name__,
        {
            "204": answers.success_response("It is deleted.", None),
            "200": answers.success_response("A dry run.", ref(f"{verb.noun.__name__}DryRun")),
        },
        parameters=parameters.shared_parameters("dryRun", "ifMatch"),
        errors=(400, 403, 404, 409, 412, 422, *answers.ALWAYS),
        writes=True,
    )


def _import_operation(noun: type[Noun]) -> Schema:
    create = noun.verbs["create"]
    cells = ",".join(f.wire for f in noun.schema.inputs())
    table = {
        "type": "string",
        "description": "A header and rows, with `,`, `;`, `|` or tabs between, in UTF-8, UTF-16 or "
        "Windows-1252. Columns are named as on the wire, as people read them, or as other programs call "
        "them; what is no field is left out and told. A reference is an id, a unique value such as an "
        "email, or a name that one record has.",
        "examples": [f"{cells}\n"],
    }
    row = {"type": "object", "description": "What `create` takes, or some of it."}
    rows = {"type": "array", "items": row, "examples": [[example_value(input_schema(create), {})]]}
    binary = {"type": "string", "format": "binary"}
    bodies: dict[str, Schema] = {
        formats.CSV: table,
        formats.JSON: rows,
        formats.NDJSON: {"type": "string"},
        formats.XLSX: binary
        | {"description": "A workbook, of which the first visible sheet is read."},
        formats.VCF: {"type": "string", "description": "vCards of an address book."},
    }
    return operation(
        operation_id(noun, "import"),
        f"Import {noun.plural} from a file, in the background.",
        noun.__name__,
        {"202": answers.success_response("It is in line.", ref("Import"), "Location")},
        parameters=[
            *_import_options(noun),
            *parameters.shared_parameters("dryRun", "idempotencyKey"),
        ],
        errors=answers.WRITING,
        writes=True,
        requestBody={
            "required": True,
            "content": {
                **{
                    kind: {"schema": bodies[format]} for kind, format in formats.MEDIA_TYPES.items()
                },
                "multipart/form-data": {"schema": ref("ImportFile")},
            },
        },
    )


def _import_options(noun: type[Noun]) -> list[Schema]:
    fields = ", ".join([ID, *(f.wire for f in matchable_fields(noun))])
    text: Schema = {"type": "string"}
    return [
        parameters.query_parameter(
            "match",
            text,
            "Update the record with the same values of these fields instead of making another one, with "
            f"commas: {fields}.",
        ),
        parameters.query_parameter(
            "numbers",
            text | {"enum": list(NUMBERS)},
            "The mark before decimals, where the file does not show it.",
        ),
        parameters.query_parameter(
            "days",
            text | {"enum": list(DAYS)},
            "The order of day and month in 03/09/2026, where the file does not show it.",
        ),
        parameters.query_parameter("zone", text, "The time zone of times without one; else UTC."),
        parameters.query_parameter(
            "unknown",
            text | {"enum": [import_options.IGNORE, import_options.REFUSE]},
            "What becomes of columns that are no field: left out and told, or the file is refused.",
        ),
        parameters.query_parameter(
            "create",
            text | {"enum": [import_options.MISSING, import_options.NOTHING]},
            "Whether records that rows describe beside their own are made where they are missing.",
        ),
        parameters.query_parameter(
            "defaults", text, "A JSON object of what rows say that do not say it themselves."
        ),
    ]


def _export_operation(noun: type[Noun]) -> Schema:
    format = parameters.query_parameter(
        "format",
        {"type": "string", "enum": list(exporting.WRITERS)},
        f"{exporting.CSV} if left out.",
    )
    response = answers.success_response("The records, streamed.", None, "Content-Disposition")
    text: Schema = {"schema": {"type": "string"}}
    records = {"type": "array", "items": ref(f"{noun.__name__}Exported")}
    response["content"] = {
        "text/csv": text,
        "application/x-ndjson": text,
        JSON: {"schema": records},
    }
    return operation(
        operation_id(noun, "export"),
        f"All {noun.plural} that a list would show, as a file.",
        noun.__name__,
        {"200": response},
        parameters=[format, *_for_people(), *parameters.export_parameters(noun)],
    )


def _for_people() -> list[Schema]:
    """How an export is made a table for people."""
    languages: Schema = {"type": "string", "enum": [code for code, _name in settings.LANGUAGES]}
    return [
        parameters.query_parameter(
            "labels",
            languages,
            "Headings and choices in this language, names instead of ids; of `format=csv`.",
        ),
        parameters.query_parameter(
            "zone", {"type": "string"}, "The time zone of its times; with `labels`."
        ),
    ]
