"""What there is at the server: nouns, fields, verbs and their input, as ``GET /schema`` tells it.

All that the client knows of a noun it knows from here, so that a new one needs no change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from headlessly.client.wire import file_value, id_of, wire_name

#: Verbs that have a method of HTTP instead of an address of their own.
BY_METHOD = {"create": "POST", "update": "PUT", "delete": "DELETE"}


class Unknown(Exception):
    """A name that the schema does not have; the message says what exists."""

    def __init__(self, sentence: str, name: str, known: Iterable[str]) -> None:
        super().__init__(unknown_text(sentence, name, known))


class UnknownName(Unknown, AttributeError):
    """No such noun, or no such verb of a noun."""


class UnknownInput(Unknown, TypeError):
    """No such input of a verb."""


def unknown_text(sentence: str, name: str, known: Iterable[str]) -> str:
    """``sentence``, which says that there is no such name; which was probably meant, and which there are."""
    names = list(known)
    there = f"There are: {', '.join(names)}." if names else "There are none."
    return " ".join(filter(None, (sentence, did_you_mean(name, names), there)))


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A sentence that asks for the name that was probably meant, or nothing."""
    by_lower = {known.lower(): known for known in names}
    near = get_close_matches(name.lower(), by_lower, 1, 0.6)
    return f"Did you mean {by_lower[near[0]]}?" if near else ""


class NounDeclaration:
    """One noun."""

    def __init__(self, data: Mapping[str, Any], schema: Declarations) -> None:
        self.data = data
        self.schema = schema
        self.name: str = data["name"]
        self.plural: str = data["plural"]
        self.description: str = data.get("description") or ""
        self.fields: dict[str, dict[str, Any]] = data["fields"]
        self.verbs: dict[str, dict[str, Any]] = data["verbs"]
        self.relations: dict[str, dict[str, Any]] = data.get("relations") or {}
        self.machine: dict[str, Any] | None = data.get("machine")
        #: What is asked of a record, or done with it, beside its fields and verbs.
        self.operations: dict[str, dict[str, Any]] = data.get("operations") or {}

    @cached_property
    def verbs_by_past(self) -> dict[str, str]:
        """The verbs by their past: ``lost`` → ``lose``, for ``lost_by``."""
        return {verb["after"]: name for name, verb in self.verbs.items() if "after" in verb}

    def verb(self, name: str) -> tuple[str, dict[str, Any]]:
        """A verb's name on the wire and its declaration. Raises UnknownName."""
        wire = wire_name(name)
        if wire not in self.verbs:
            known = [*self.verbs, *self.operations]
            raise UnknownName(f"{self.name} has no verb {name}.", name, known)
        return wire, self.verbs[wire]

    def word(self, name: str) -> tuple[str, dict[str, Any]]:
        """The same of a verb or of what else is asked of a record. Raises UnknownName."""
        wire = wire_name(name)
        return (wire, self.operations[wire]) if self.is_operation(wire) else self.verb(name)

    def is_operation(self, name: str) -> bool:
        """Whether this is no verb, but something else that is asked of a record."""
        wire = wire_name(name)
        return wire in self.operations and wire not in self.verbs

    def field(self, name: str) -> str | None:
        """The wire name of a field, also by the name of a reference's column (``contact_id``)."""
        return _find_name(self.fields, name)

    def verb_body(self, verb: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The body of a verb: its input by wire names. Raises UnknownInput for what it does not take.

        Fields that it does not take but the noun has are sent: the server knows best what to say of
        them, and takes them where they are as they were.
        """
        wire, declared = self.verb(verb)
        takes = declared.get("input") or {}
        body = {}
        for name, value in given.items():
            found = _find_name(takes, name) or self.field(name)
            if found is None and (declared.get("asks") or name.startswith("$")):
                found = name
            if found is None:
                raise UnknownInput(f"{self.name}.{wire} takes no {name}.", name, takes)
            body[found] = self._body_value(takes.get(found) or {}, value)
        return body

    def _body_value(self, field: Mapping[str, Any], value: Any) -> Any:
        """A value as the body has it; the fields of a new record by their wire names."""
        if field.get("type") == "file":
            return file_value(value)
        if field.get("type") != "reference" or not isinstance(value, Mapping):
            return value
        other = self.schema.nouns.get(field.get("to") or "")
        if "$id" in value or other is None:
            return id_of(value) if "$id" in value else value
        return other.verb_body("create", value)


def _find_name(among: Mapping[str, Mapping[str, Any]], name: str) -> str | None:
    """The wire name among fields or inputs; a reference's also by its column."""
    wire = wire_name(name)
    if wire in among:
        return wire
    short = wire.removesuffix("Id")
    return short if among.get(short, {}).get("type") == "reference" else None


class Declarations:
    """All nouns of a server."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self.nouns = {name: NounDeclaration(each, self) for name, each in data["nouns"].items()}

    def noun(self, name: str) -> NounDeclaration:
        """Raises UnknownName."""
        if name not in self.nouns:
            raise UnknownName(f"There is no noun {name}.", name, self.nouns)
        return self.nouns[name]
