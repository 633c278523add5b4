"""The fields to fill in where a record is created in passing: in the quick form, and in a picker."""

from __future__ import annotations

from typing import Any

from headlessly.declaration.record import Record
from headlessly.declaration.values import TEXT_TYPES
from headlessly.declaration.verbs import Verb


def quick_fields(noun: type[Record]) -> tuple[str, ...]:
    """Returns the fields of ``Surface.quick``, else the required ones of ``create``, in the order of
    declaration.

    Empty for a noun whose name cannot simply be typed, or that requires JSON, which no single input can take.
    """
    if noun.Surface.quick:
        return noun.Surface.quick
    create = noun.verbs.get("create")
    inputs = create.python_inputs if create is not None else {}
    name = noun.schema.name_field.name
    # A reference has two inputs: its own name, and that of its column.
    needed = {field.name: field for field in inputs.values() if field.required}
    if name not in needed or needed[name].type not in TEXT_TYPES or needed[name].offers:
        return ()
    if any(field.type == "json" for field in needed.values()):
        return ()
    return tuple(field for field in needed if field in inputs)


def quick_verb(noun: type[Record]) -> Verb[Any, Any]:
    """Returns the verb of the quick form: ``create``, or the first creating verb with all inputs that
    ``Surface.quick`` names."""
    asked = {name.partition(".")[0] for name in noun.Surface.quick}
    making = [noun.verbs["create"], *(verb for verb in noun.verbs.values() if verb.creates)]
    return next((verb for verb in making if asked <= verb.python_inputs.keys()), making[0])
