"""Options made from fields: their names, help and values; and the conditions of a list."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from headlessly.client.commands.failures import UsageError, unknown_option_text
from headlessly.client.declarations import NounDeclaration
from headlessly.client.wire import META, file_value, option_name, python_name, wire_name

#: The lookups that a condition may end with: ``--score.gte 80``.
LOOKUPS = (
    "exact", "ne", "gt", "gte", "lt", "lte", "in", "nin", "isnull", "regex", "iexact", "contains",
    "icontains", "startswith", "istartswith",
)  # fmt: skip

Field = Mapping[str, Any]


@dataclass(frozen=True)
class Option:
    """An option of a command, or an argument if ``argument``."""

    name: str
    help: str = ""
    flags: tuple[str, ...] = ()
    metavar: str | None = None
    kind: Any = str | None
    default: Any = None
    panel: str | None = None
    argument: bool = False
    complete_with: Callable[[str], Iterable[str]] | None = None

    def parameter(self) -> inspect.Parameter:
        """Returns the option as a parameter of the function that typer inspects."""
        complete = self.complete_with
        more: dict[str, Any] = {"help": self.help, "metavar": self.metavar}
        if complete is not None:

            def completed(incomplete: str) -> list[str]:
                return list(complete(incomplete))

            more["autocompletion"] = completed
        if self.argument:
            info: Any = typer.Argument(**more)
        else:
            info = typer.Option(*self.flags, rich_help_panel=self.panel, show_default=False, **more)
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if self.argument else self.default,
            annotation=Annotated[self.kind, info],
        )


def make_function(
    options: Sequence[Option], run: Callable[[typer.Context, dict[str, Any]], Any], doc: str
) -> Any:
    """Returns a function for typer with one parameter per option."""

    def command(context: typer.Context, **given: Any) -> Any:
        return run(context, given)

    parameters = [
        inspect.Parameter(
            "context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
        ),
        *(option.parameter() for option in options),
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    command.__doc__ = doc
    return command


# -- options of fields ----------------------------------------------------------------------------


def flags(wire: str) -> tuple[str, ...]:
    """Returns the flags of a field: ``--lost-reason`` and, as on the wire, ``--lostReason``."""
    return tuple(dict.fromkeys((f"--{option_name(wire)}", f"--{wire}")))


def parameter_name(wire: str) -> str:
    """Returns a parameter name that is neither a keyword of Python nor an option of ours."""
    return f"f_{python_name(wire)}"


def option_of_field(
    wire: str, field: Field, *, required: bool = False, panel: str | None
) -> Option:
    """Returns the option for a field of a noun or an input of a verb."""
    return Option(
        parameter_name(wire),
        help=describe_field(field, required=required),
        flags=flags(wire),
        metavar=metavar(field),
        panel=panel,
        complete_with=_complete_choices(field),
    )


def metavar(field: Field) -> str:
    """Returns the placeholder of a value."""
    if field["type"] == "reference":
        return str(field.get("to") or "id").upper()
    return {"enum": "CHOICE", "bool": "true|false", "json": "JSON", "datetime": "MOMENT"}.get(
        field["type"], field["type"].upper()
    )


def describe_field(field: Field, *, required: bool = False) -> str:
    """Returns a line on what the field is and what is allowed."""
    parts = [field.get("description") or ""]
    if field.get("choices"):
        parts.append(", ".join(field["choices"]))
    if field["type"] == "reference":
        to = str(field.get("to"))
        article = "an" if to[:1] in "AEIOU" else "a"
        parts.append(f"id of {article} {to}" + (", or its fields" if field.get("new") else ""))
    low, high = field.get("minimum"), field.get("maximum")
    if low is not None or high is not None:
        parts.append(f"{'' if low is None else f'{low:g}'}..{'' if high is None else f'{high:g}'}")
    if field.get("readOnly"):
        by = ", ".join(field.get("setBy") or ())
        parts.append(f"set by {by}" if by else "read only")
    if field.get("default") is not None:
        default = str(field["default"])
        parts.append(f"else {default.lower() if field['type'] == 'bool' else default}")
    if required:
        parts.append("required")
    return "; ".join(filter(None, parts))


def _complete_choices(field: Field) -> Callable[[str], Iterable[str]] | None:
    words = field.get("choices") or (("true", "false") if field["type"] == "bool" else ())
    if not words:
        return None
    return lambda incomplete: [w for w in words if w.lower().startswith(incomplete.lower())]


# -- values ---------------------------------------------------------------------------------------


def parse_value(field: Field, text: str, flag: str) -> Any:
    """Converts a typed value. A value that does not fit is sent unchanged, because the server says what is
    allowed. Raises UsageError for invalid JSON."""
    if text == "":
        return None
    kind = field["type"]
    if kind in ("number", "integer", "money"):
        return _parse_number(text)
    if kind == "bool":
        return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(
            text.lower(), text
        )
    if kind == "choices" and not text.lstrip().startswith(("[", "{")):
        return [part.strip() for part in text.split(";") if part.strip()]
    if kind == "file":
        return _read_file(text, flag)
    if kind in ("json", "choices") or (field.get("new") and text.startswith("{")):
        return parse_json(text, flag)
    return text


def _read_file(path: str, flag: str) -> Any:
    """Raises Usage."""
    try:
        return file_value(Path(path))
    except OSError as problem:
        raise UsageError(f"{flag} {path}: {problem.strerror}.") from None


def _parse_number(text: str) -> Any:
    for read in (int, float):
        try:
            found = read(text)
        except ValueError:
            continue
        return found if abs(found) < float("inf") else text
    return text


def parse_json(text: str, flag: str) -> Any:
    """Parses JSON. Raises UsageError."""
    try:
        return json.loads(text)
    except ValueError as problem:
        raise UsageError(f"{flag} is JSON: {problem}.") from None


def parse_object(text: str, flag: str) -> dict[str, Any]:
    """Parses a JSON object; ``-`` reads it from stdin. Raises UsageError."""
    found = parse_json(sys.stdin.read() if text == "-" else text, flag)
    if not isinstance(found, dict):
        raise UsageError(f'{flag} is a JSON object, like {{"status": "New"}}.')
    return found


# -- conditions -----------------------------------------------------------------------------------


def parse_conditions(words: Sequence[str], noun: NounDeclaration, command: str) -> dict[str, str]:
    """Returns conditions like ``--score.gte 80 --organization.industry Technology`` as query parameters.
    Raises UsageError."""
    found: dict[str, str] = {}
    for flag, text in _pairs(words, command, "a condition is --field VALUE"):
        name = condition_name(flag, noun, command)
        if name in found:
            raise UsageError(f"{flag} is given twice; several values are one: {flag}.in A,B.")
        found[name] = text
    return found


def report_parameters(words: Sequence[str]) -> dict[str, str]:
    """Returns options like ``--owner me`` as query parameters, which the server checks. Raises UsageError."""
    pairs = _pairs(words, "report", "a parameter is --name VALUE")
    return {wire_name(flag[2:].replace("-", "_")): text for flag, text in pairs}


def _pairs(words: Sequence[str], command: str, form: str) -> Iterator[tuple[str, str]]:
    """Yields the flags and values of ``--a 1 --b=2``. Raises UsageError, which explains their ``form``."""
    waiting = iter(words)
    for word in waiting:
        if not word.startswith("--") or len(word) < 3:
            raise UsageError(f"{command} does not understand {word!r}: {form}.")
        flag, equals, text = word.partition("=")
        if not equals:
            try:
                text = next(waiting)
            except StopIteration:
                raise UsageError(f"{flag} needs a value.") from None
        yield flag, text


def condition_name(flag: str, noun: NounDeclaration, command: str) -> str:
    """Returns the query parameter of a condition: ``--score.gte`` → ``score__gte``. Raises UsageError for
    an unknown field."""
    path = [wire_name(part.replace("-", "_")) for part in flag[2:].split(".")]
    lookup = path.pop() if len(path) > 1 and path[-1] in LOOKUPS else ""
    first = noun.field(path[0]) or path[0]
    meta = {wire_name(name): wire for name, wire in META.items()}
    if first not in noun.fields:
        if first not in meta and not (first == "reached" and noun.machine):
            raise UsageError(unknown_option_text(flag, ["--filter", *filter_flags(noun)], command))
        first = meta.get(first, first)
    if len(path) > 1 and noun.fields.get(first, {}).get("type") != "reference":
        raise UsageError(
            f"{flag}: {first} is no reference, so nothing lies behind it; a lookup is one of "
            f"{', '.join(LOOKUPS)}."
        )
    return ".".join([first, *path[1:]]) + (f"__{lookup}" if lookup else "")


def filter_flags(noun: NounDeclaration) -> list[str]:
    return [
        f"--{option_name(wire)}" for wire, field in noun.fields.items() if not field.get("computed")
    ]
