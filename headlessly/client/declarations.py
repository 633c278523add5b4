"""The server's declarations: nouns, fields, verbs and their input, from ``GET /schema``.

The client knows everything about a noun from here, so that a new one needs no change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from headlessly.client.wire import file_value, id_of, wire_name

#: Verbs that have an HTTP method instead of an address of their own.
BY_METHOD = {"create": "POST", "update": "PUT", "delete": "DELETE"}


class Unknown(Exception):
    """A name that the schema does not have. The message lists those that exist."""

    def __init__(self, sentence: str, name: str, known: Iterable[str]) -> None:
        super().__init__(unknown_text(sentence, name, known))


class UnknownName(Unknown, AttributeError):
    """An unknown noun, or an unknown verb of a noun."""


class UnknownInput(Unknown, TypeError):
    """An unknown input of a verb."""


def unknown_text(sentence: str, name: str, known: Iterable[str]) -> str:
    """Returns ``sentence``, which says that a name is unknown, with the name that was probably meant and
    those that exist."""
    names = list(known)
    there = f"There are: {', '.join(names)}." if names else "There are none."
    return " ".join(filter(None, (sentence, did_you_mean(name, names), there)))


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Returns a question for the name that was probably meant, or an empty text."""
    by_lower = {known.lower(): known for known in names}
    near = get_close_matches(name.lower(), by_lower, 1, 0.6)
    return f"Did you mean {by_lower[near[0]]}?" if near else ""


class NounDeclaration:
    """A noun of the server."""

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
        #: Operations on a record beside its fields and verbs.
        self.operations: dict[str, dict[str, Any]] = data.get("operations") or {}

    @cached_property
    def verbs_by_past(self) -> dict[str, str]:
        """The verbs by their past participle: ``lost`` → ``lose``, for ``lost_by``."""
        return {verb["after"]: name for name, verb in self.verbs.items() if "after" in verb}

    def verb(self, name: str) -> tuple[str, dict[str, Any]]:
        """Returns a verb's wire name and its declaration. Raises UnknownName."""
        wire = wire_name(name)
        if wire not in self.verbs:
            known = [*self.verbs, *self.operations]
            raise UnknownName(f"{self.name} has no verb {name}.", name, known)
        return wire, self.verbs[wire]

    def word(self, name: str) -> tuple[str, dict[str, Any]]:
        """Returns the wire name and the declaration of a verb or another operation. Raises UnknownName."""
        wire = wire_name(name)
        return (wire, self.operations[wire]) if self.is_operation(wire) else self.verb(name)

    def is_operation(self, name: str) -> bool:
        """Whether this is an operation on a record but not a verb."""
        wire = wire_name(name)
        return wire in self.operations and wire not in self.verbs

    def field(self, name: str) -> str | None:
        """Returns the wire name of a field, also by the column of a reference (``contact_id``); None if
        unknown."""
        return _find_name(self.fields, name)

    def verb_body(self, verb: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the body of a verb: its input by wire names. Raises UnknownInput.

        Fields of the noun that the verb does not take are sent all the same: the server has the best
        error, and accepts them if they are unchanged.
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
    """Returns the wire name among fields or inputs, for a reference also by its column."""
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
        """Returns the declaration of a noun. Raises UnknownName."""
        if name not in self.nouns:
            raise UnknownName(f"There is no noun {name}.", name, self.nouns)
        return self.nouns[name]
