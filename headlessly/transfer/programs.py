"""The programs whose exports are known: recognized by the headings of a file, or named instead of a
mapping."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from headlessly.declaration.files import Program
from headlessly.declaration.registry import registry
from headlessly.transfer.mapping import heading_key

if TYPE_CHECKING:
    from headlessly.declaration.record import Record


def find_program(noun: type[Record], header: Iterable[str]) -> Program | None:
    """Returns the program that a file with these headings comes from, or None."""
    keys = {heading_key(name) for name in header}
    for program in noun.Surface.files.programs:
        if any(keys.issuperset(map(heading_key, signs)) for signs in program.signs):
            return program
    return None


def program_called(noun: type[Record], key: str) -> Program | None:
    """Returns the program with this key, or None if the noun does not know it."""
    return next((p for p in noun.Surface.files.programs if p.key == key), None)


def program_keys() -> list[str]:
    """Returns the keys of all programs, for all nouns."""
    return sorted({p.key for noun in registry.values() for p in noun.Surface.files.programs})


def ready_mapping(noun: type[Record], program: Program) -> dict[str, Any]:
    """Returns the mapping of what only this program's files have; its other headings are known for every
    file."""
    wire = {name: noun.schema.by_name[name].wire for name in noun.schema.by_name}
    return {
        "columns": {
            heading: None if name is None else wire[name]
            for heading, name in program.columns.items()
        },
        "values": {wire[name]: dict(words) for name, words in program.words.items()},
    }


def ready_defaults(noun: type[Record], program: Program) -> dict[str, str]:
    """Returns the default values for this program's files."""
    return {noun.schema.by_name[name].wire: value for name, value in program.otherwise.items()}
