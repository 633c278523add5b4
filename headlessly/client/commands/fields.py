"""Commands for the tenant's own fields, for its admins: ``headlessly fields add Lead "Contract end"``."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from headlessly.client.commands.failures import UsageError
from headlessly.client.commands.group import OneNoun, Output, complete_noun_names
from headlessly.client.commands.options import parse_object
from headlessly.client.commands.output import listed_rows, write_note, write_one, write_rows
from headlessly.client.commands.state import State

Which = Annotated[str, typer.Argument(metavar="FIELD", help="Lead.contractEnd, or its id")]

COLUMNS = ("noun", "name", "label", "type", "required", "unique", "archived")
EVERY = (
    "$id",
    *COLUMNS,
    "group",
    "order",
    "help",
    "to",
    "default",
    "minimum",
    "maximum",
    "options",
)

app = typer.Typer(
    no_args_is_help=True,
    help="Fields that the tenant added to the nouns: list, add, change, archive, delete.",
)


def _path(field: str) -> str:
    return f"/fields/{quote(field, safe='')}"


def _change(
    context: typer.Context, output: str | None, field: str, body: dict[str, Any], **query: Any
) -> None:
    state, form = State.of_answer(context, output)
    write_one(state.client.request("PATCH", _path(field), query=query, body=body), form)


@app.command("list")
def list_(
    context: typer.Context,
    noun: OneNoun = None,
    output: Output = None,
) -> None:
    """The fields there are, archived ones too."""
    state, form = State.of_answer(context, output)
    if noun is not None:
        noun = state.declared.noun(noun).name

    every = listed_rows(state.client, "/fields")
    rows = (each for each in every if noun in (None, each["noun"]))
    write_rows(rows, form, COLUMNS, EVERY)


@app.command()
def add(
    context: typer.Context,
    noun: Annotated[str, typer.Argument(help="Lead", autocompletion=complete_noun_names)],
    label: Annotated[str, typer.Argument(help="what people call it: Contract end")],
    type: Annotated[str, typer.Option(help="string, integer, date, choice, ...")] = "string",
    name: Annotated[
        str | None, typer.Option(help="for programs: contractEnd; made of the label if not said")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="of a choice, in order; once for each")
    ] = None,
    to: Annotated[str | None, typer.Option(help="the noun that a reference leads to")] = None,
    required: Annotated[bool, typer.Option("--required", help="has to be filled in")] = False,
    unique: Annotated[bool, typer.Option("--unique", help="no two records have the same")] = False,
    indexed: Annotated[
        bool, typer.Option("--indexed", help="long lists are quick in its order")
    ] = False,
    more: Annotated[
        str | None,
        typer.Option("--more", metavar="JSON", help="what else: help, default, minimum, group"),
    ] = None,
    output: Output = None,
) -> None:
    """Add a field; it is part of its noun at once."""
    state, form = State.of_answer(context, output)
    said = {"noun": noun, "label": label, "type": type, "name": name, "options": option, "to": to}
    body: dict[str, Any] = {key: value for key, value in said.items() if value}
    body |= {"required": True} if required else {}
    body |= {"unique": True} if unique else {}
    body |= {"indexed": True} if indexed else {}
    body |= parse_object(more, "--more") if more else {}
    write_one(state.client.request("POST", "/fields", body=body), form)


@app.command()
def rename(
    context: typer.Context,
    field: Which,
    label: Annotated[str | None, typer.Argument(help="what people call it from now on")] = None,
    name: Annotated[str | None, typer.Option(help="what programs call it from now on")] = None,
    output: Output = None,
) -> None:
    """Call a field otherwise. Its values stay, those of the past too."""
    body = {key: value for key, value in (("label", label), ("name", name)) if value is not None}
    if not body:
        raise UsageError("Give the new label, or --name, or both.")
    _change(context, output, field, body)


@app.command()
def change(
    context: typer.Context,
    field: Which,
    values: Annotated[str, typer.Argument(metavar="JSON", help='{"unique": true}')],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="try it, and change nothing")] = False,
    output: Output = None,
) -> None:
    """Change what is said of a field: its type, its options, whether it is unique, ..."""
    query = {"dryRun": "true"} if dry_run else {}
    _change(context, output, field, parse_object(values, "JSON"), **query)
    if dry_run:
        write_note("A dry run: nothing has changed.")


@app.command()
def archive(context: typer.Context, field: Which, output: Output = None) -> None:
    """Take a field out of every surface. Its values are kept."""
    _change(context, output, field, {"archived": True})


@app.command()
def restore(context: typer.Context, field: Which, output: Output = None) -> None:
    """Bring an archived field back, with its values."""
    _change(context, output, field, {"archived": False})


@app.command()
def delete(
    context: typer.Context,
    field: Which,
    confirm: Annotated[
        str, typer.Option(metavar="NAME", help="the field's name; without it, what would be lost")
    ] = "",
) -> None:
    """Delete a field for good, with its values."""
    client = State.of_context(context).client
    client.request("DELETE", _path(field), query={"name": confirm} if confirm else None)
    write_note("It is deleted.")
