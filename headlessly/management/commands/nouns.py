"""`manage.py nouns [Lead]`: prints the nouns, their verbs, and the hooks that run, in order."""

from __future__ import annotations

import inspect
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from headlessly.declaration.registry import registry
from headlessly.declaration.schema import Field
from headlessly.declaration.values import to_json_value
from headlessly.declaration.verbs import Verb
from headlessly.nouns import Noun


class Command(BaseCommand):
    help = "Print a noun, or all: fields, machine, verbs, and every hook in the order it runs."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("noun", nargs="?", help="all of them when not given")

    def handle(self, *, noun: str | None, **_: Any) -> None:
        if noun is None:
            self.stdout.write("\n".join(_overview()))
            chosen = list(registry.values())
        else:
            chosen = [_find_noun(noun)]
        self.stdout.write("\n\n".join("\n".join(_noun_lines(each)) for each in chosen))


def _find_noun(word: str) -> type[Noun]:
    """Returns the noun with this name, in upper or lower case, or this plural."""
    for name, noun in registry.items():
        if word.lower() in (name.lower(), noun.plural):
            return noun
    raise CommandError(f"There is no noun {word}. There are: {', '.join(registry)}.")


def _overview() -> Iterator[str]:
    yield from _table_lines(
        (n.__name__, n.plural, _first_line(n.schema.description)) for n in registry.values()
    )
    yield ""


def _noun_lines(noun: type[Noun]) -> Iterator[str]:
    schema = noun.schema
    yield f"{schema.name}  {_first_line(schema.description)}"
    yield f"  {_source_place(noun)}, /{schema.plural}, {schema.prefix}_…"
    yield ""
    yield "  Fields"
    yield from _table_lines((_field_row(field) for field in schema.fields.values()), 4)
    if schema.relations:
        yield ""
        yield "  Referred to by"
        yield from _table_lines(
            ((r.wire, f"<- {r.noun}.{r.field}") for r in schema.relations.values()), 4
        )
    if machine := schema.machine:
        yield ""
        yield f"  Machine of {machine.name}: starts as {' or '.join(machine.entry)}"
        yield from _table_lines(
            ((step.source, f"-> {step.target}", f"by {step.via}") for step in machine.steps), 4
        )
        for state, fields in machine.closed.items():
            closed = ", ".join(f.wire for f in schema.stored if f.name in fields)
            yield f"    {state} is closed: {closed} no longer change"
    yield ""
    yield "  Verbs"
    for verb in schema.verbs.values():
        yield from _verb_lines(verb)


def _verb_lines(verb: Verb) -> Iterator[str]:
    yield f"    {verb.name}  {verb.event}  {verb.summary}"
    yield f"      input   {_input_text(verb)}"
    for word, hook in (("before", verb.before), ("after", verb.after)):
        functions = list(hook.functions())
        yield f"      {word:<7} {hook.name}{'' if functions else ': nothing'}"
        yield from _table_lines(((_function_name(f), _source_place(f)) for f in functions), 16)


def _input_text(verb: Verb) -> str:
    own = [f for f in verb.inputs.values() if f.name in _own_inputs(verb)]
    words = [f"{f.wire}{'!' if f.required else ''}" for f in own]
    if verb.takes_fields:
        words.append("fields")
        if verb.without:
            words.append(f"except {', '.join(sorted(verb.without))}")
        if verb.finds:
            words.append(f"finds an existing one by {verb.finds}")
    return ", ".join(words) or "nothing"


def _own_inputs(verb: Verb) -> set[str]:
    """Returns the names of the inputs that the verb declares itself."""
    kinds = inspect.signature(verb.body).parameters.values()
    return {p.name for p in kinds if p.kind is inspect.Parameter.KEYWORD_ONLY}


def _field_row(field: Field) -> Sequence[str]:
    words = [
        "required" if field.required else "",
        "unique" if field.unique else "",
        "computed"
        if field.computed
        else f"set by {', '.join(field.set_by)}"
        if field.set_by
        else "",
        f"default {to_json_value(field.default)}" if field.default not in (None, False) else "",
    ]
    says = [" | ".join(field.choices), field.description]
    return (
        field.wire,
        _field_type(field),
        ", ".join(filter(None, words)),
        ": ".join(filter(None, says)),
    )


def _field_type(field: Field) -> str:
    if field.type == "reference":
        return f"-> {field.to}" + (f".{field.inverse}" if field.inverse else "")
    if field.minimum is not None and field.maximum is not None:
        return f"{field.type} {field.minimum} to {field.maximum}"
    return field.type


# -- text ------------------------------------------------------------------------------------------


def _source_place(thing: Any) -> str:
    """Returns the file and line of a class or function, relative to the project's folder if it is in
    there."""
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        thing = type(thing)  # a callable object
    try:
        file, line = inspect.getsourcefile(thing), inspect.getsourcelines(thing)[1]
    except (OSError, TypeError):
        return "somewhere without a source"
    path = Path(str(file))
    if path.is_relative_to(settings.BASE_DIR):
        path = path.relative_to(settings.BASE_DIR)
    return f"{path}:{line}"


def _function_name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", type(function).__qualname__)


def _first_line(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())


def _table_lines(rows: Any, indent: int = 0) -> Iterator[str]:
    """Yields the rows as lines with aligned columns."""
    rows = [tuple(map(str, row)) for row in rows]
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield " " * indent + "  ".join(cells).rstrip()
