"""A noun for people: fields with types and allowed values, verbs, states."""

from __future__ import annotations

from collections.abc import Iterable

from headlessly.client.commands import options, output
from headlessly.client.declarations import Declarations, NounDeclaration
from headlessly.client.wire import option_name


def nouns(declared: Declarations, form: str) -> None:
    """All nouns, a line each."""
    if form != "table":
        output.one(declared.data, form)
        return
    rows = [
        {
            "noun": noun.name,
            "what": " ".join(noun.description.split("\n\n")[0].split()),
            "verbs": ", ".join(noun.verbs),
        }
        for noun in declared.nouns.values()
    ]
    output.many(rows, form, ("noun", "what", "verbs"), ())


def noun(noun: NounDeclaration, form: str) -> None:
    """One noun."""
    if form != "table":
        output.one(noun.data, form)
        return
    output.write(f"{noun.name}: {' '.join(noun.description.split())}\n")
    _section("Fields", (_field(wire, field) for wire, field in noun.fields.items()))
    _section("Verbs", (_verb(noun, name) for name in noun.verbs))
    if noun.machine is not None:
        steps = noun.machine["steps"]
        ways = {state: [s for s in steps if s["from"] == state] for state in noun.machine["states"]}
        _section(
            "States",
            (
                (state, ", ".join(f"{s['to']} ({s['via']})" for s in found) or "closed")
                for state, found in ways.items()
            ),
        )
    others = [(n, r["to"]) for n, r in noun.relations.items() if r["direction"] == "<-"]
    _section("Referred to by, for --include", others)
    output.write(f"\nheadlessly {noun.name}.find --help, headlessly {noun.name}.create --help\n")


def _section(title: str, rows: Iterable[tuple[str, ...]]) -> None:
    found = list(rows)
    if not found:
        return
    output.write(f"\n{title}\n")
    output.grid(found)


def _field(wire: str, field: options.Field) -> tuple[str, str, str]:
    required = bool(field.get("required"))
    return (
        f"  --{option_name(wire)}",
        options.metavar(field),
        options.described(field, required=required),
    )


def _verb(noun: NounDeclaration, name: str) -> tuple[str, str, str]:
    declared = noun.verbs[name]
    takes = declared.get("input") or {}
    said = "fields" if len(takes) > 4 else " ".join(f"--{option_name(wire)}" for wire in takes)
    return f"  {noun.name}.{name}", said, declared["description"]
