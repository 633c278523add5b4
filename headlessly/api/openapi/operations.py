"""What can be done with a noun: one path item per address, one operation per method."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings

from headlessly.api.bodies import FORM, JSON, MULTIPART
from headlessly.api.json_schema import TEXT, WHEN, Schema, ref
from headlessly.api.openapi import parameters
from headlessly.api.openapi import responses as answers
from headlessly.api.openapi.components import (
    form_name,
    input_name,
    input_schema,
    is_required_input,
    list_schema,
    receipt_name,
    reference_ids,
)
from headlessly.api.openapi.examples import example_value
from headlessly.api.openapi.parameters import shared_parameters
from headlessly.api.records import at_collection, at_record
from headlessly.declaration.gates import gate_in_words, gates_of_verb
from headlessly.declaration.record import Record
from headlessly.declaration.schema import wire_name
from headlessly.declaration.verbs import Verb
from headlessly.nouns import Noun
from headlessly.query.record_operations import (
    AS_OF,
    DRY_RUN,
    PAGE,
    Parameter,
    RecordOperation,
    by_path,
    record_operations,
)
from headlessly.transfer import exporting, formats
from headlessly.transfer import options as import_options
from headlessly.transfer.encodings import ENCODINGS
from headlessly.transfer.mapping import EXAMPLE
from headlessly.transfer.matching import ID, matchable_fields
from headlessly.transfer.notations import DAYS, NUMBERS
from headlessly.transfer.programs import program_keys

READS: list[Schema] = [{"bearer": []}, {"session": []}]
#: What needs no key, and takes one.
PUBLIC: list[Schema] = [{}, {"bearer": []}]
#: A browser's session writes with its CSRF token.
WRITES: list[Schema] = [{"bearer": []}, {"session": [], "csrf": []}]


BINARY: Schema = TEXT | {"format": "binary"}
WORKBOOK = next(kind for kind, format in formats.MEDIA_TYPES.items() if format == formats.XLSX)


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
            response["headers"]["Idempotency-Replayed"] = ref("Idempotency-Replayed", "headers")
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
    taken = [*own, *shared_parameters(*(("limit", "offset", "cursor") if paged else ()))]
    errors = (*errors, *answers.READING)
    return operation(id, summary, tag, {"200": answer}, parameters=taken, errors=errors)


def noun_paths(noun: type[Noun]) -> dict[str, Schema]:
    """The path items of one noun, in the order of its routes."""
    name, collection = noun.__name__, f"/{noun.plural}"
    record, id = f"{collection}/{{id}}", [parameters.path_parameter(noun.prefix)]
    found: dict[str, Schema] = {
        collection: {"get": _list_operation(noun), "post": _verb_operation(noun.verbs["create"])},
    }
    found[f"{collection}/aggregate"] = {"get": _aggregate_operation(noun)}
    for verb in filter(at_collection, noun.verbs.values()):
        found[f"{collection}/{wire_name(verb.name)}"] = {"post": _verb_operation(verb)}
    found[record] = {
        "parameters": id,
        "get": _get_operation(noun),
        "delete": _delete_operation(noun.verbs["delete"]),
    }
    if (update := noun.verbs.get("update")) is not None:
        found[record]["put"] = _verb_operation(update, id=operation_id(noun, "put"))
        found[record]["patch"] = _verb_operation(update)
    named = [parameters.name_parameter(noun), parameters.value_parameter()]
    found[f"{collection}/by/{{name}}/{{value}}"] = {
        "parameters": named,
        "get": _get_operation(noun, operation_id(noun, "getBy"), "Read the {} that is called so."),
        "put": _upsert_operation(noun),
    }
    found[f"{record}/events"] = {
        "parameters": id,
        "get": read_operation(
            operation_id(noun, "events"),
            f"The history of one {name}, newest first; also of a deleted one.",
            name,
            answers.success_response("One page of events.", ref("EventList")),
            (404,),
            paged=True,
        ),
    }
    for route, asked in by_path(record_operations(noun)).items():
        address = route.replace("<", "{").replace(">", "}")
        found[f"{record}/{address}"] = {
            "parameters": [*id, *_path_parameters(asked[0])],
            **{each.method.lower(): _record_operation(each) for each in asked},
        }
    for verb in filter(at_record, noun.verbs.values()):
        found[f"{record}/{wire_name(verb.name)}"] = {
            "parameters": id,
            "post": _verb_operation(verb),
        }
    found[f"/import/{noun.plural}"] = {"post": _import_operation(noun)}
    found[f"/export/{noun.plural}"] = {"get": _export_operation(noun)}
    return found


def operation_components(noun: type[Noun]) -> dict[str, Schema]:
    """The schemas of what is answered of a record beside its fields, by their names."""
    found: dict[str, Schema] = {}
    for each in record_operations(noun):
        found[each.component] = dict(each.schema)
        if each.is_paged:
            found[f"{each.component}List"] = list_schema(ref(each.component))
    return found


def _record_operation(asked: RecordOperation) -> Schema:
    """What is asked of a record beside its fields, or done with it beside its verbs."""
    answer = ref(f"{asked.component}List" if asked.is_paged else asked.component)
    statuses = {asked.status, 200 if "dryRun" in asked.takes else asked.status}
    writes = asked.method == "POST"
    taken = [_operation_parameter(name, asked.takes[name]) for name in asked.in_query]
    return operation(
        operation_id(asked.noun, asked.name),
        asked.description,
        asked.noun.__name__,
        {str(s): answers.success_response(asked.description, answer) for s in sorted(statuses)},
        parameters=[*taken, *shared_parameters(*(("idempotencyKey",) if writes else ()))],
        errors=(403, 404, 422, *(answers.WRITING if writes else answers.READING)),
        writes=writes,
        **({"requestBody": NOTHING} if writes else {}),
    )


def _operation_parameter(name: str, taken: Parameter) -> Schema:
    if taken in (AS_OF, DRY_RUN, *PAGE.values()):
        return ref(name, "parameters")
    kinds = {"datetime": WHEN, "bool": {"type": "boolean"}, "integer": {"type": "integer"}}
    schema = TEXT | {"enum": list(taken.choices)} if taken.choices else kinds.get(taken.type, TEXT)
    return parameters.query_parameter(name, schema, taken.description)


def _path_parameters(asked: RecordOperation) -> list[Schema]:
    return [
        parameters.path_parameter(each.in_path) | {"name": name}
        for name, each in asked.takes.items()
        if each.in_path
    ]


def operation_id(noun: type[Record], what: str) -> str:
    """``leadConvert``."""
    name = noun.__name__
    return name[0].lower() + name[1:] + what[0].upper() + what[1:]


def _list_operation(noun: type[Noun]) -> Schema:
    page = answers.success_response(f"One page of {noun.plural}.", ref(f"{noun.__name__}List"))
    return operation(
        operation_id(noun, "list"),
        f"List {noun.plural}.",
        noun.__name__,
        {"200": page},
        parameters=parameters.list_parameters(noun),
    )


def _aggregate_operation(noun: type[Noun]) -> Schema:
    return operation(
        operation_id(noun, "aggregate"),
        f"Measure {noun.plural} by group: count, add up, average.",
        noun.__name__,
        {"200": answers.success_response("The groups.", ref("Aggregation"))},
        parameters=parameters.aggregate_parameters(noun),
    )


def _upsert_operation(noun: type[Noun]) -> Schema:
    create, update, name = noun.verbs["create"], noun.verbs.get("update"), noun.__name__
    found = ref(f"{name}Answer")
    summary = (
        f"Change the {name} that is called so, or create it: safe to repeat, and of two at once."
    )
    if update is None:
        summary = (
            f"Create the {name} that is called so. It never changes: one that is there is refused."
        )
    said = answers.success_response(
        "It was there: the record, or a dry run.", found, "Location", "ETag"
    )
    return operation(
        operation_id(noun, "upsert"),
        summary,
        name,
        {
            "201": answers.success_response("The new record.", ref(name), "Location", "ETag"),
            "200": said,
        },
        parameters=shared_parameters("dryRun", "ifMatch"),
        errors=(404, 412, *(() if update else (405,)), *answers.WRITING),
        writes=True,
        # The body of an update where there is one: what the address says and what is there may be left out.
        requestBody=request_body(ref(input_name(update or create)), required=False),
    )


def _get_operation(noun: type[Noun], id: str = "", summary: str = "Read one {}.") -> Schema:
    return operation(
        id or operation_id(noun, "get"),
        summary.format(noun.__name__),
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
    updates = verb.name == "update"
    # Every verb but that is a POST.
    headers = ["dryRun"] if updates else ["dryRun", "idempotencyKey"]
    found = operation(
        id or operation_id(verb.noun, wire_name(verb.name)),
        verb.summary,
        verb.noun.__name__,
        _verb_responses(verb),
        parameters=shared_parameters(*headers, *(() if verb.creates else ("ifMatch",))),
        errors=(*answers.WRITING, *(() if verb.creates else (404, 412))),
        writes=True,
        requestBody=_verb_body(verb),
    )
    asked = [gate_in_words(verb.noun.schema, gate) for gate in gates_of_verb(verb)]
    if asked or (verb.__doc__ or "").strip() != verb.summary:
        found["description"] = "\n\n".join([verb.__doc__ or "", *asked]).strip()
    if verb.public is not None:
        found["security"] = PUBLIC
    return found


def _verb_responses(verb: Verb) -> dict[str, Schema]:
    name = verb.noun.__name__
    either = ref(receipt_name(verb, "Answer") if verb.public is not None else f"{name}Answer")
    if not verb.creates:
        tag = ("ETag",) if verb.name == "update" else ()
        return {"200": answers.success_response("The record after it, or a dry run.", either, *tag)}
    # With a dry run nothing was created, and a verb may have found the record instead.
    made = answers.success_response("The new record.", ref(name), "Location", "ETag")
    if verb.finds:
        what = "The record that was found, or a dry run."
        known = answers.success_response(what, either, "Location", "ETag")
    else:
        known = answers.success_response("A dry run.", ref(f"{name}DryRun"))
    return {"201": made, "200": known}


def _verb_body(verb: Verb) -> Schema:
    if verb.asks:
        body = request_body(ref(input_name(verb)))
        for kind in (FORM, MULTIPART) if verb.public is not None else ():
            body["content"][kind] = {"schema": ref(input_name(verb))}
        return body
    if verb.inputs:
        needed = any(is_required_input(verb, field) for field in verb.inputs.values())
        body = request_body(ref(input_name(verb)), required=needed)
        if verb.takes_file:
            body["content"][MULTIPART] = {"schema": ref(form_name(verb))}
        return body
    return request_body({"type": "object", "maxProperties": 0}, required=False)


def _delete_operation(verb: Verb) -> Schema:
    return operation(
        operation_id(verb.noun, "delete"),
        verb.summary,
        verb.noun.__name__,
        {
            "204": answers.success_response("It is deleted.", None),
            "200": answers.success_response("A dry run.", ref(f"{verb.noun.__name__}DryRun")),
        },
        parameters=shared_parameters("dryRun", "ifMatch"),
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
    example = example_value(input_schema(create), reference_ids(create))
    rows = {"type": "array", "items": row, "examples": [[example]]}
    workbook = BINARY | {"description": "A workbook, of which the first visible sheet is read."}
    bodies: dict[str, Schema] = {
        formats.CSV: table,
        formats.JSON: rows,
        formats.NDJSON: TEXT,
        formats.XLSX: workbook,
        formats.VCF: TEXT | {"description": "vCards of an address book."},
    }
    content = {kind: {"schema": bodies[format]} for kind, format in formats.MEDIA_TYPES.items()}
    content[MULTIPART] = {"schema": ref("ImportFile")}
    return operation(
        operation_id(noun, "import"),
        f"Import {noun.plural} from a file, in the background.",
        noun.__name__,
        {"202": answers.success_response("It is in line.", ref("Import"), "Location")},
        parameters=[*_import_options(noun), *shared_parameters("dryRun", "idempotencyKey")],
        errors=answers.WRITING,
        writes=True,
        requestBody={"required": True, "content": content},
    )


def _import_options(noun: type[Noun]) -> list[Schema]:
    fields = ", ".join([ID, *(f.wire for f in matchable_fields(noun))])
    options: dict[str, tuple[Iterable[str], str]] = {
        "match": (
            (),
            "Update the record with the same values of these fields instead of making another one, with "
            f"commas: {fields}.",
        ),
        "numbers": (NUMBERS, "The mark before decimals, where the file does not show it."),
        "days": (
            DAYS,
            "The order of day and month in 03/09/2026, where the file does not show it.",
        ),
        "zone": ((), "The time zone of times without one; else UTC."),
        "unknown": (
            (import_options.IGNORE, import_options.REFUSE),
            "What becomes of columns that are no field: left out and told, or the file is refused.",
        ),
        "create": (
            (import_options.MISSING, import_options.NOTHING),
            "Whether records that rows describe beside their own are made where they are missing.",
        ),
        "defaults": ((), "A JSON object of what rows say that do not say it themselves."),
        "mapping": (
            (),
            f"What columns and words mean, as JSON: `{EXAMPLE}`. A path is a field or one of a record that "
            "rows describe (`contact.email`); null leaves a column out, and a word says nothing. What is not "
            f"named is guessed. A program ({', '.join(program_keys())}) has a ready one; `kept` takes that "
            "of the last import of a file with the same headings.",
        ),
        "encoding": (ENCODINGS, "Of a text, where its bytes do not show it."),
        "delimiter": (
            import_options.DELIMITER_NAMES,
            "Between two cells, where the file does not show it.",
        ),
        "guess": (
            (import_options.HEADINGS, import_options.VALUES),
            "By what it is guessed which field a column is: its heading, or its values too.",
        ),
    }
    return [
        parameters.query_parameter(name, TEXT | ({"enum": list(words)} if words else {}), said)
        for name, (words, said) in options.items()
    ]


def _export_operation(noun: type[Noun]) -> Schema:
    query_parameter = parameters.query_parameter
    response = answers.success_response("The records, streamed.", None, "Content-Disposition")
    records = {"type": "array", "items": ref(f"{noun.__name__}Exported")}
    kinds = {"text/csv": TEXT, "application/x-ndjson": TEXT, JSON: records, WORKBOOK: BINARY}
    response["content"] = {kind: {"schema": schema} for kind, schema in kinds.items()}
    own = [
        query_parameter(
            "format", TEXT | {"enum": list(exporting.WRITERS)}, f"{exporting.CSV} if left out."
        ),
        query_parameter(
            "labels",
            TEXT | {"enum": [code for code, _name in settings.LANGUAGES]},
            "Headings and choices in this language, names instead of ids; of `format=csv`.",
        ),
        query_parameter("zone", TEXT, "The time zone of its times; with `labels`."),
    ]
    return operation(
        operation_id(noun, "export"),
        f"All {noun.plural} that a list would show, as a file.",
        noun.__name__,
        {"200": response},
        parameters=[*own, *parameters.export_parameters(noun)],
    )
