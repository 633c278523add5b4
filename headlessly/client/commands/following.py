"""Followed records, from a terminal: ``headlessly following follow lead_…``."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any
from urllib.parse import quote

import typer

from headlessly.client.commands.group import Output
from headlessly.client.commands.output import every_row, write_note, write_rows
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

    def ask(limit: int, cursor: str | None) -> dict[str, Any]:
        asked = {"limit": limit, "cursor": cursor}
        found: dict[str, Any] = state.client.request("GET", "/following", query=asked)
        return found

    write_rows(islice(every_row(ask), limit), form, COLUMNS, COLUMNS)


@app.command()
def follow(context: typer.Context, record: Record) -> None:
    """Be told of what becomes of a record."""
    write_note(f"You follow {_post(context, record, 'follow')['name']}.")


@app.command()
def unfollow(context: typer.Context, record: Record) -> None:
    """Be told no more."""
    write_note(f"You do not follow {_post(context, record, 'unfollow')['name']} any more.")


def _post(context: typer.Context, record: str, verb: str) -> dict[str, Any]:
    client = State.of_context(context).client
    path = f"/following/{quote(record, safe='')}/{verb}"
    found: dict[str, Any] = client.request("POST", path)
    return found
