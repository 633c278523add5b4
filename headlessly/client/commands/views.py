"""Commands for saved views: ``headlessly views follow view_…``."""

from __future__ import annotations

from itertools import islice
from typing import Annotated
from urllib.parse import quote

import typer

from headlessly.client.commands.group import Output
from headlessly.client.commands.output import listed_rows, write_note, write_rows
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
    write_rows(islice(listed_rows(state.client, "/views", noun=noun), limit), form, COLUMNS, EVERY)


@app.command()
def follow(context: typer.Context, view: View) -> None:
    """Be told what enters a view and leaves it, with a key of your own."""
    write_note(f"You follow {_name_after(context, view, 'follow')}.")


@app.command()
def unfollow(context: typer.Context, view: View) -> None:
    """Be told no more."""
    write_note(f"You do not follow {_name_after(context, view, 'unfollow')} any more.")


@app.command()
def watch(context: typer.Context, view: View) -> None:
    """Have View.Entered and View.Left in the log and sent to webhooks, whoever follows the view."""
    write_note(f"{_name_after(context, view, 'watch')} is watched.")


@app.command()
def unwatch(context: typer.Context, view: View) -> None:
    """Have them there only while somebody follows the view."""
    write_note(f"{_name_after(context, view, 'unwatch')} is not watched any more.")


def _name_after(context: typer.Context, view: str, verb: str) -> str:
    path = f"/views/{quote(view, safe='')}/{verb}"
    return str(State.of_context(context).client.request("POST", path)["name"])
