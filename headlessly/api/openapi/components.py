"""What a noun is: its record as it is answered, and what a client may send."""

from __future__ import annotations

from typing import Any

from django.utils.text import capfirst

from headlessly.api.json_schema import (
    COUNT,
    TEXT,
    TYPES,
    Schema,
    id_schema,
    nullable,
    object_schema,
    read_schema,
    ref,
    value_schema,
    written_schema,
)
from headlessly.api.openapi.examples import TEXTS, example_value
from headlessly.declaration import describe
from headlessly.declaration.record import Record
from headlessly.declaration.schema import META, Field
from headlessly.declaration.verbs import Verb
from headlessly.language.wording import with_article
from headlessly.nouns import Noun


def noun_components(noun: type[Noun]) -> dict[str, Schema]:
    """The components of one noun by name."""
    name, schema = noun.__name__, noun.schema
    one = with_article(name)
    fields = {wire: read_schema(field) for wire, field in schema.fields.items()}
    whole = meta_properties(noun) | fields
    found = {
        name: object_schema(whole, [*META, *fields], description=schema.description),
        f"{name}Read": object_schema(
            whole | _included_properties(noun),
            META,
            description=f"{capfirst(one)} as it was asked for: with `fields` only some of its fields, with "
            "`include` other records in the place of their ids, and lists of those that refer to it.",
        ),
        f"{name}Exported": object_schema(
            whole,
            META,
            description=f"{capfirst(one)} in a file: computed fields are there where `fields` names them.",
        ),
        f"{name}List": list_schema(ref(f"{name}Read")),
        f"{name}DryRun": dry_run_schema(ref(name)),
        f"{name}Answer": _answer_schema(ref(name), ref(f"{name}DryRun")),
        f"{name}Reference": {
            "description": f"The id of {one}, or {one} as it was read.",
            "anyOf": [
                id_schema(noun.prefix),
                {
                    "type": "object",
                    "properties": {"$id": id_schema(noun.prefix)},
                    "required": ["$id"],
                },
            ],
        },
        f"{name}Fields": input_schema(
            noun.verbs["create"], required=False, description=f"Fields of a new {name}."
        ),
    }
    for verb in noun.verbs.values():
        if verb.asks:
            found[input_name(verb)] = _asked_schema()
        elif verb.inputs:
            found[input_name(verb)] = input_schema(verb, description=_describe_input(verb))
            if verb.takes_file:
                found[form_name(verb)] = _form_schema(verb)
        if verb.public is not None:
            receipt = receipt_name(verb)
            found[receipt] = _receipt_schema(verb)
            found[receipt_name(verb, "Answer")] = _answer_schema(
                ref(name), ref(f"{name}DryRun"), ref(receipt)
            )
    return found


def input_name(verb: Verb) -> str:
    """``LeadConvertInput``."""
    return f"{verb.noun.__name__}{verb.name.title().replace('_', '')}Input"


def form_name(verb: Verb) -> str:
    """``AttachmentCreateForm``."""
    return input_name(verb).removesuffix("Input") + "Form"


def _form_schema(verb: Verb) -> Schema:
    """The same input as a form with files, in which all else is text."""
    fields = {
        wire: {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
        if field.type == "file"
        else TEXT
        for wire, field in verb.inputs.items()
    }
    return object_schema(fields, ())


def receipt_name(verb: Verb, what: str = "Receipt") -> str:
    """``FormSubmitReceipt``."""
    return input_name(verb).removesuffix("Input") + what


def _answer_schema(*schemas: Schema) -> Schema:
    """What a write answers, under one name: the record, or what would be."""
    return {"anyOf": list(schemas), "description": "The record; with `dryRun`, what would be."}


def _asked_schema() -> Schema:
    """A body whose names are the record's own."""
    return {
        "type": "object",
        "description": "Flat: the names that this record asks for, and their values. What else is sent "
        "is kept in the log.",
        "examples": [{"email": TEXTS["email"]}],  # what nearly each of them asks for
        # Texts, numbers, flags; said so, clients in Python would not compile.
        "additionalProperties": True,
    }


def _receipt_schema(verb: Verb) -> Schema:
    said = ("$id", "$type", "$context")
    properties = {
        name: schema for name, schema in meta_properties(verb.noun).items() if name in said
    }
    shown = [verb.noun.schema.by_name[name] for name in verb.public or ()]
    properties |= {field.wire: read_schema(field) for field in shown}
    return object_schema(
        properties, properties, description="What is answered to those without a key."
    )


def meta_properties(noun: type[Record]) -> dict[str, Schema]:
    """What every record carries."""
    special = {
        "$id": id_schema(noun.prefix),
        "$type": TEXT | {"enum": [noun.__name__]},
        "$version": {"type": "integer", "minimum": 1},
    }
    return {
        name: special.get(name, TYPES[type]) | {"readOnly": True}
        for name, type in describe.META_TYPES.items()
    }


MISSING_RATES: Schema = {
    "type": "array",
    "items": TEXT,
    "description": "The currencies without an exchange rate whose amounts a range of the filter leaves out; "
    "only there when there are such.",
}


def list_schema(item: Schema, cursor: Schema | None = None) -> Schema:
    more = TEXT | {"description": "Where the next page begins; null on the last."}
    total = "How many there are in all; counting stops at 10,000."
    inexact = "False; only there when counting stopped before the end."
    return object_schema(
        {
            "results": {"type": "array", "items": item},
            "total": COUNT | {"description": total},
            "hasMore": {"type": "boolean"},
            "cursor": cursor or nullable(more),
            "totalIsExact": {"type": "boolean", "description": inexact},
            "missingRates": MISSING_RATES,
        },
        ["results", "total", "hasMore", "cursor"],
    )


def dry_run_schema(record: Schema) -> Schema:
    """What a write with ``dryRun=true`` answers."""
    return object_schema(
        {"record": record, "events": {"type": "array", "items": ref("Event")}},
        ["record", "events"],
        description="What would be: nothing was changed.",
    )


def input_schema(verb: Verb, *, required: bool = True, **more: Any) -> Schema:
    """The body that ``verb`` takes."""
    entry = verb.noun.schema.machine.entry if verb.creates and verb.noun.schema.machine else ()
    fields = {wire: written_schema(field, entry=entry) for wire, field in verb.inputs.items()}
    needed = [f.wire for f in verb.inputs.values() if required and is_required_input(verb, f)]
    return object_schema(fields, needed, **_input_examples(verb, fields), **more)


def _input_examples(verb: Verb, fields: dict[str, Schema]) -> Schema:
    """A body to try, where what is required is not enough of one."""
    if verb.finds:  # nothing may be there to be found
        names = [f.wire for f in verb.inputs.values() if f.required]
    elif verb.takes_fields and not any(f.required for f in verb.inputs.values()):
        own = [f for f in verb.inputs.values() if f.type == "file"]
        plain = [f for f in verb.inputs.values() if f.type in ("string", "text", "enum")]
        plain.sort(key=lambda f: f.type == "enum")  # a choice where there is no text
        names = [f.wire for f in own or plain][:1]
    elif verb.chooses:  # it may be left out where another input says enough
        names = [f.wire for f in verb.inputs.values() if f.required or f.name == verb.chooses]
    else:
        return {}
    return {
        "examples": [{name: example_value(fields[name], reference_ids(verb)) for name in names}]
    }


def reference_ids(verb: Verb) -> dict[str, Schema]:
    """What examples of its input say for the components of references: ids."""
    references = (f for f in verb.inputs.values() if f.type == "reference")
    return {f"{f.to}Reference": id_schema(f.prefix or "") for f in references}


def is_required_input(verb: Verb, field: Field) -> bool:
    """Whether a body without the field never does: one that finds its record needs no more."""
    return field.required and verb.finds in (None, field.name)


def _describe_input(verb: Verb) -> str:
    text = verb.summary
    if verb.finds:
        text += " Fields that a new record must have may be left out when it is found."
    if verb.takes_fields:
        text += (
            " A record may be sent back as it was read: what it takes over from the record (the"
            " `$` fields, the read-only ones) changes nothing."
        )
    return text


def _included_properties(noun: type[Noun]) -> dict[str, Schema]:
    """References and other sides, as ``include`` answers them."""
    references = {
        f.wire: {
            "anyOf": [value_schema(f), ref(f"{f.to}"), {"type": "null"}],
            "description": read_schema(f)["description"],
        }
        for f in noun.schema.references.values()
    }
    return references | {
        r.wire: {
            "type": "array",
            "items": ref(r.noun),
            "description": f"<- {r.noun}. The newest 25, when included.",
        }
        for r in noun.schema.relations.values()
    }


def event_schema() -> Schema:
    event = {
        "$id": id_schema("evt"),
        "$type": TEXT | {"enum": ["Event"]},
        "$context": TYPES["url"],
        "seq": nullable({"type": "integer", "description": "Null in a dry run."}),
        "name": TEXT | {"examples": ["Noun.Verbed", "page_view"]},
        "target": nullable(TEXT | {"description": "The record; null for a tracked event."}),
        "targetType": nullable(TEXT),
        "actor": TEXT,
        "timestamp": TYPES["datetime"],
        "version": nullable({"type": "integer", "description": "The record's."}),
        "data": {"type": "object", "description": "The record after the verb, or properties."},
        "previous": nullable(
            {"type": "object", "description": "The fields that changed, as they were before."}
        ),
        "cause": nullable(TEXT | {"description": "The event whose hook or script did this."}),
        "requestId": TEXT,
        "tenant": TEXT,
    }
    what = "The record of one executed verb, or something tracked from outside."
    return object_schema(event, event, description=what)
