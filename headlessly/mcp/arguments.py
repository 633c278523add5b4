"""Checks a tool's arguments against its definition, with error messages that help to correct the call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from headlessly.declaration import values
from headlessly.errors import BadRequest, did_you_mean
from headlessly.mcp import definitions

#: The Python types for each type of JSON Schema, and its name in messages.
KINDS: dict[str, tuple[Any, str]] = {
    "string": (str, "text"),
    "integer": (int, "a whole number"),
    "boolean": (bool, "true or false"),
    "object": (dict, "an object"),
    "array": (list, "a list of names"),
}

#: Examples for arguments whose type does not show their form.
EXAMPLES = {
    "filter": '{"status": "New"}',
    "sort": '{"score": "desc"} or "-score,name"',
    "group": '"source,owner.name"',
    "measure": '"count,sum(budget)"',
    "by": '"month(createdAt)"',
}


def check_arguments(tool: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of a call, checked against the tool's schema, without those that are null.

    Raises BadRequest for one that is unknown, of the wrong kind, or missing.
    """
    (schema,) = (t["inputSchema"] for t in definitions.all_tools() if t["name"] == tool)
    known, found = schema["properties"], {}
    for name, value in given.items():
        if name not in known:
            raise unknown_argument(tool, name, known)
        if value is not None:
            found[name] = _checked_value(name, value, known[name]["type"])
    for name in schema["required"]:
        if name not in found:
            choices = known[name].get("enum")
            one = f" One of {', '.join(choices)}." if choices else ""
            raise BadRequest(f"{tool} needs {name}.{one}", field=name)
    return found


def refuse_other_arguments(what: str, given: Mapping[str, Any], allowed: Iterable[str]) -> None:
    """Raises BadRequest for arguments that do not apply to this type."""
    for name in given:
        if name not in ("type", *allowed):
            raise unknown_argument(what, name, allowed)


def unknown_argument(what: str, name: str, allowed: Iterable[str]) -> BadRequest:
    known_names = f"Arguments: {', '.join(allowed)}." if allowed else "It takes none."
    said = f"{what} takes no argument {name[:64]!r}.{did_you_mean(name, allowed)} {known_names}"
    return BadRequest(said, field=name[:64])


def _checked_value(name: str, value: Any, wanted: str | list[str]) -> Any:
    kinds = [wanted] if isinstance(wanted, str) else wanted
    takes: tuple[type, ...] = tuple(KINDS[kind][0] for kind in kinds)
    if kinds == ["array"]:
        takes = (list, str)  # names in one text, with commas, mean what they mean in an address
    if not isinstance(value, takes) or (isinstance(value, bool) and bool not in takes):
        words = " or ".join(KINDS[kind][1] for kind in kinds)
        but = ", not text" if isinstance(value, str) and kinds == ["object"] else ""
        example = f", as in {EXAMPLES[name]}" if name in EXAMPLES else ""
        raise BadRequest(f"{name} is {words}{but}{example}.", field=name)
    if isinstance(value, list) and not all(isinstance(each, str) for each in value):
        raise BadRequest(f"{name} is {KINDS['array'][1]}.", field=name)
    if name != "code":  # a script is no value, and may be longer than one
        try:
            values.check_json(value, 0)
        except ValueError as problem:
            raise BadRequest(f"{name}: {problem}", field=name) from None
    return value
