"""The nouns as JSON, for clients that ask what there is, over REST and MCP."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from headlessly.declaration import gates, values
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import META, Field, wire_name
from headlessly.declaration.shapes import cached_by_shape

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.verbs import Verb

#: The types of the meta-fields, which every record has and no client sets.
META_TYPES = {
    "$id": "string",
    "$type": "string",
    "$context": "url",
    "$version": "integer",
    "$createdAt": "datetime",
    "$createdBy": "string",
    "$updatedAt": "datetime",
}
assert META_TYPES.keys() == META.keys()


@cached_by_shape
def describe_nouns() -> dict[str, Any]:
    """Returns every noun by name, and the meta-fields of all records."""
    return {
        "nouns": {name: describe_noun(each) for name, each in registry.items()},
        "meta": META_TYPES,
    }


@cached_by_shape
def describe_noun(noun: type[Record]) -> dict[str, Any]:
    """Returns one noun: its fields, verbs, machine and relations."""
    schema = noun.schema
    return {
        "name": schema.name,
        "plural": schema.plural,
        "prefix": schema.prefix,
        "immutable": noun.immutable,
        "description": schema.description,
        "columns": [schema.by_name[name].wire for name in schema.columns],
        "fields": {wire: describe_field(f) for wire, f in schema.fields.items()},
        "verbs": {wire_name(v.name): describe_verb(v) for v in schema.verbs.values()},
        "machine": describe_machine(noun),
        "relations": describe_relations(noun),
    } | ({"filters": describe_joins(noun)} if schema.joins else {})


def describe_joins(noun: type[Record]) -> dict[str, Any]:
    """Returns the names that filters may use beside the fields: groups into which records are put by another
    noun."""
    return {
        wire: {"type": "reference", "to": join.field.to, "through": join.noun.__name__}
        for wire, join in noun.schema.joins.items()
    }


def describe_field(field: Field) -> dict[str, Any]:
    """Returns a field of a noun or an input of a verb; what does not apply is left out."""
    said = {
        "type": field.type,
        "description": field.description or None,
        "required": field.required or None,
        "readOnly": field.read_only or None,
        "setBy": [wire_name(name) for name in field.set_by] or None,
        "computed": True if field.computed else None,
        "unique": field.unique or None,
        "indexed": field.indexed or None,
        "beside": [wire_name(name) for name in field.beside] or None,
        "choices": list(field.choices) or None,
        "to": field.to,
        "inverse": field.inverse,
        "cascades": field.cascades or None,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "maxLength": field.max_length if field.type in ("string", "text", "email", "url") else None,
        "default": field.default if field.default is None else values.to_json_value(field.default),
        "new": field.new or None,
    }
    return {key: value for key, value in said.items() if value is not None}


def describe_verb(verb: Verb) -> dict[str, Any]:
    """Returns a verb: its event, its hooks and what they require, its steps in the machine and its input."""
    words = verb.conjugation
    said = {
        "description": verb.summary,
        "event": verb.event,
        "before": words.before,
        "requires": _requirements(verb) or None,
        "after": words.after,
        "creates": verb.creates or None,
        "finds": wire_name(verb.finds) if verb.finds else None,
        "public": True if verb.public is not None else None,
        "asks": True if verb.asks else None,  # the input differs from record to record
        "from": list(map(str, verb.steps)) or None,
        "to": list(dict.fromkeys(map(str, verb.steps.values()))) or None,
        "input": {wire: describe_field(f) for wire, f in verb.inputs.items()},
    }
    return {key: value for key, value in said.items() if value is not None}


def _requirements(verb: Verb) -> list[str]:
    """Returns what has to be true before a verb: the first lines of the docstrings of its before-hooks, and
    the tenant's gates."""
    docs = (inspect.getdoc(function) for function in verb.before.functions())
    asked = (gates.gate_in_words(verb.noun.schema, gate) for gate in gates.gates_of_verb(verb))
    return [*(doc.splitlines()[0] for doc in docs if doc), *asked]


def describe_machine(noun: type[Record]) -> dict[str, Any] | None:
    """Returns the states of a noun and the steps between them, each with the verb that takes it."""
    found = noun.schema.machine
    if found is None:
        return None
    return {
        "field": noun.schema.by_name[found.name].wire,
        "states": list(found.states),
        "entry": list(map(str, found.entry)),
        "steps": [
            {"from": str(step.source), "to": str(step.target), "via": wire_name(step.via)}
            for step in found.steps
        ],
        "closed": {
            str(state): [f.wire for f in noun.schema.stored if f.name in fields]
            for state, fields in found.closed.items()
        },
        "gates": [gates.describe_gate(noun.schema, gate) for gate in gates.open_gates(noun.schema)],
    }


def describe_relations(noun: type[Record]) -> dict[str, dict[str, Any]]:
    """Returns what can be included: references (``->``) and their other sides (``<-``)."""
    schema = noun.schema
    return {
        f.wire: {"direction": "->", "to": f.to, "inverse": f.inverse}
        for f in schema.references.values()
    } | {
        r.wire: {
            "direction": "<-",
            "to": r.noun,
            "inverse": r.source_noun.schema.by_name[r.field].wire,
        }
        for r in schema.relations.values()
    }
