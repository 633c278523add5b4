"""Describes nouns to people: fields with types and allowed values, verbs, states."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headlessly.client.commands import options, output
from headlessly.client.declarations import Declarations, NounDeclaration
from headlessly.client.wire import option_name


def describe_nouns(declared: Declarations, form: str) -> None:
    """Writes all nouns, a line each."""
    if form != "table":
        output.write_one(declared.data, form)
        return
    rows = [
        {
            "noun": noun.name,
            "what": " ".join(noun.description.split("\n\n")[0].split()),
            "verbs": ", ".join(noun.verbs),
        }
        for noun in declared.nouns.values()
    ]
    output.write_rows(rows, form, ("noun", "what", "verbs"), ())


def describe_noun(noun: NounDeclaration, form: str) -> None:
    """Writes one noun."""
    if form != "table":
        output.write_one(noun.data, form)
        return
    output.write(f"{noun.name}: {' '.join(noun.description.split())}\n")
    _write_section("Fields", (_field_row(wire, field) for wire, field in noun.fields.items()))
    _write_section("Verbs", (_verb_row(noun, name) for name in noun.verbs))
    _write_section("Of one record", (_operation_row(noun, name) for name in noun.operations))
    if noun.machine is not None:
        steps = noun.machine["steps"]
        ways = {state: [s for s in steps if s["from"] == state] for state in noun.machine["states"]}
        _write_section(
            "States",
            (
                (state, ", ".join(f"{s['to']} ({s['via']})" for s in found) or "closed")
                for state, found in ways.items()
            ),
        )
        _write_section("Gates", (_gate_row(gate) for gate in noun.machine.get("gates", ())))
    others = [(n, r["to"]) for n, r in noun.relations.items() if r["direction"] == "<-"]
    _write_section("Referred to by, for --include", others)
    output.write(f"\nheadlessly {noun.name}.find --help, headlessly {noun.name}.create --help\n")


def _write_section(title: str, rows: Iterable[tuple[str, ...]]) -> None:
    found = list(rows)
    if not found:
        return
    output.write(f"\n{title}\n")
    output.write_grid(found)


def _gate_row(gate: dict[str, Any]) -> tuple[str, str]:
    """Returns the state of a gate, with the id of its pipeline if it is not for all, and the fields that
    it requires."""
    places = [str(said) for name, said in gate.items() if name not in ("state", "requires")]
    return f"  {' '.join([gate['state'], *places])}", f"needs {', '.join(gate['requires'])}"


def _field_row(wire: str, field: options.Field) -> tuple[str, str, str]:
    required = bool(field.get("required"))
    return (
        f"  --{option_name(wire)}",
        options.metavar(field),
        options.describe_field(field, required=required),
    )


def _operation_row(noun: NounDeclaration, name: str) -> tuple[str, str, str]:
    declared = noun.operations[name]
    takes = (
        w.upper() if f.get("required") else f"--{option_name(w)}"
        for w, f in declared["takes"].items()
    )
    return f"  {noun.name}.{name}", " ".join(takes), declared["description"]


def _verb_row(noun: NounDeclaration, name: str) -> tuple[str, str, str]:
    declared = noun.verbs[name]
    takes = declared.get("input") or {}
    inputs = "fields" if len(takes) > 4 else " ".join(f"--{option_name(wire)}" for wire in takes)
    return f"  {noun.name}.{name}", inputs, declared["description"]
