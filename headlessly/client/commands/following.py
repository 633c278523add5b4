"""Commands for followed records: ``headlessly following follow lead_…``."""

from __future__ import annotations

from itertools import islice
from typing import Annotated
from urllib.parse import quote

import typer

from headlessly.client.commands.group import Output
from headlessly.client.commands.output import listed_rows, write_note, write_rows
from headlessly.client.commands.state import State

Record = Annotated[str, typer.Argument(metavar="RECORD", help="lead_...")]

COLUMNS = ("record", "recordType", "name")

app = typer.Typer(
    no_args_is_help=True, help="The records of whose changes you are told, with a key of your own."
)


@app.command("list")
def list_(
    context: typer.Context,
    limit: Annotated[int | None, typer.Option(help="how many", min=1)] = None,
    output: Output = None,
) -> None:
    """What you follow, by its id."""
    state, form = State.of_answer(context, output)
    write_rows(islice(listed_rows(state.client, "/following"), limit), form, COLUMNS, COLUMNS)


@app.command()
def follow(context: typer.Context, record: Record) -> None:
    """Be told of what becomes of a record."""
    write_note(f"You follow {_name_after(context, record, 'follow')}.")


@app.command()
def unfollow(context: typer.Context, record: Record) -> None:
    """Be told no more."""
    write_note(f"You do not follow {_name_after(context, record, 'unfollow')} any more.")


def _name_after(context: typer.Context, record: str, verb: str) -> str:
    path = f"/following/{quote(record, safe='')}/{verb}"
    return str(State.of_context(context).client.request("POST", path)["name"])
