"""The programs whose exports are known: told by the headings of a file, or named instead of a mapping."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from headlessly.declaration.files import Program
from headlessly.declaration.registry import registry
from headlessly.transfer.mapping import heading_key

if TYPE_CHECKING:
    from headlessly.declaration.record import Record


def find_program(noun: type[Record], header: Iterable[str]) -> Program | None:
    """The program that a file with these headings comes from; None where nothing tells it."""
    keys = {heading_key(name) for name in header}
    for program in noun.Surface.files.programs:
        if any(keys.issuperset(map(heading_key, signs)) for signs in program.signs):
            return program
    return None


def program_called(noun: type[Record], key: str) -> Program | None:
    """The program of this key; None where the noun knows none."""
    return next((p for p in noun.Surface.files.programs if p.key == key), None)


def program_keys() -> list[str]:
    """The keys of all programs, of whatever noun."""
    return sorted({p.key for noun in registry.values() for p in noun.Surface.files.programs})


def ready_mapping(noun: type[Record], program: Program) -> dict[str, Any]:
    """What is this program's alone, as a mapping; what its other headings mean is known of every file."""
    wire = {name: noun.schema.by_name[name].wire for name in noun.schema.by_name}
    return {
        "columns": {
            heading: None if name is None else wire[name]
            for heading, name in program.columns.items()
        },
        "values": {wire[name]: dict(words) for name, words in program.words.items()},
    }


def ready_defaults(noun: type[Record], program: Program) -> dict[str, str]:
    """What a record of this program's files is that does not say it."""
    return {noun.schema.by_name[name].wire: value for name, value in program.otherwise.items()}
