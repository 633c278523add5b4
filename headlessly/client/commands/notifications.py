"""Commands for notifications: ``headlessly notifications list --unread``."""

from __future__ import annotations

from itertools import islice
from typing import Annotated
from urllib.parse import quote

import typer

from headlessly.client.commands.failures import UsageError
from headlessly.client.commands.group import Output
from headlessly.client.commands.options import parse_object
from headlessly.client.commands.output import listed_rows, write_note, write_one, write_rows
from headlessly.client.commands.state import State

COLUMNS = ("$createdAt", "kind", "text", "read")
EVERY = ("$id", *COLUMNS, "detail", "record", "recordType", "url")

app = typer.Typer(
    no_args_is_help=True,
    help="What you are told, with a key of your own: list it, note what is read, choose what and where.",
)


@app.command("list")
def list_(
    context: typer.Context,
    unread: Annotated[bool, typer.Option("--unread", help="only those")] = False,
    kind: Annotated[str | None, typer.Option(help="assigned,mentioned")] = None,
    since: Annotated[str | None, typer.Option(help="2026-01-31, 1h ago")] = None,
    limit: Annotated[int | None, typer.Option(help="how many", min=1)] = None,
    output: Output = None,
) -> None:
    """What you were told, the newest first."""
    state, form = State.of_answer(context, output)
    asked = {"unread": "true" if unread else None, "kind": kind, "since": since}
    rows = listed_rows(state.client, "/notifications", **asked)
    write_rows(islice(rows, limit), form, COLUMNS, EVERY)


@app.command()
def read(
    context: typer.Context,
    id: Annotated[str | None, typer.Argument(help="notification_...")] = None,
    every: Annotated[bool, typer.Option("--all", help="all that there are")] = False,
) -> None:
    """Note that you have read one, or all."""
    if (id is None) != every:
        raise UsageError("Give the id of one, or --all.")
    client = State.of_context(context).client
    if id is None:
        number = client.request("POST", "/notifications/read")["read"]
        write_note(f"{number} read.")
    else:
        path = f"/notifications/{quote(id, safe='')}"
        client.request("PATCH", path, body={"read": True})
        write_note("It is read.")


@app.command()
def preferences(
    context: typer.Context,
    changes: Annotated[
        str | None,
        typer.Argument(metavar="JSON", help='{"kinds": {"followed": {"mail": true}}}'),
    ] = None,
    output: Output = None,
) -> None:
    """Of what you are told, and where; with changes, from now on."""
    state, form = State.of_answer(context, output)
    path = "/notifications/preferences"
    if changes is None:
        found = state.client.request("GET", path)
    else:
        found = state.client.request("PATCH", path, body=parse_object(changes, "JSON"))
    if form != "table":
        write_one(found, form)
        return
    rows = [{"kind": kind, **channels} for kind, channels in found["kinds"].items()]
    write_rows(rows, form, ("kind", "browser", "mail"), ())
    hour = found["digestHour"]
    write_note("Mails come at once." if hour is None else f"One mail a day, at {hour}:00.")
