"""Saved views, from a terminal: ``headlessly views follow view_…``."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any
from urllib.parse import quote

import typer

from headlessly.client.commands.group import Output
from headlessly.client.commands.output import every_row, write_note, write_rows
from headlessly.client.commands.state import State

View = Annotated[str, typer.Argument(metavar="VIEW", help="view_...")]

COLUMNS = ("$id", "noun", "name", "shared", "following", "watched")
EVERY = (*COLUMNS, "query", "problem", "$createdAt", "$updatedAt")

app = typer.Typer(
    no_args_is_help=True,
    help="Saved views of lists: which there are, and who is told what enters them and leaves them.",
)


@app.command("list")
def list_(
    context: typer.Context,
    noun: Annotated[str | None, typer.Option(help="Lead")] = None,
    limit: Annotated[int | None, typer.Option(help="how many", min=1)] = None,
    output: Output = None,
) -> None:
    """The views that you may use, by name."""
    state, form = State.of_answer(context, output)

    def ask(limit: int, cursor: str | None) -> dict[str, Any]:
        return state.client.views(noun=noun, limit=limit, cursor=cursor)

    write_rows(islice(every_row(ask), limit), form, COLUMNS, EVERY)


@app.command()
def follow(context: typer.Context, view: View) -> None:
    """Be told what enters a view and leaves it, with a key of your own."""
    write_note(f"You follow {_post(context, view, 'follow')['name']}.")


@app.command()
def unfollow(context: typer.Context, view: View) -> None:
    """Be told no more."""
    write_note(f"You do not follow {_post(context, view, 'unfollow')['name']} any more.")


@app.command()
def watch(context: typer.Context, view: View) -> None:
    """Have View.Entered and View.Left in the log and sent to webhooks, whoever follows the view."""
    write_note(f"{_post(context, view, 'watch')['name']} is watched.")


@app.command()
def unwatch(context: typer.Context, view: View) -> None:
    """Have them there only while somebody follows the view."""
    write_note(f"{_post(context, view, 'unwatch')['name']} is not watched any more.")


def _post(context: typer.Context, view: str, verb: str) -> dict[str, Any]:
    client = State.of_context(context).client
    found: dict[str, Any] = client.request("POST", f"/views/{quote(view, safe='')}/{verb}")
    return found
