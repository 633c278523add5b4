"""The commands that exist for every tenant."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from headlessly.client.commands import (
    describe,
    fields,
    following,
    notifications,
    nouns,
    sign_in,
    views,
)
from headlessly.client.commands.failures import MEANING, UsageError
from headlessly.client.commands.group import NounCommands, OneNoun, Output, complete_noun_names
from headlessly.client.commands.options import (
    parse_conditions,
    parse_object,
    report_parameters,
)
from headlessly.client.commands.output import (
    EVENT_COLUMNS,
    write,
    write_event_lines,
    write_note,
    write_one,
    write_rows,
    write_script_run,
)
from headlessly.client.commands.state import State
from headlessly.client.errors import ConnectionFailed, HeadlesslyError
from headlessly.client.files import FORMATS
from headlessly.client.records import Import

app = typer.Typer(
    cls=NounCommands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=MEANING,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _version(asked: bool) -> None:
    if asked:
        write(f"headlessly {version('headlessly')}\n")
        raise typer.Exit


@app.callback()
def root(
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="which stored login; else HEADLESSLY_PROFILE, the last"),
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="the tenant's address; else HEADLESSLY_URL")
    ] = None,
    output: Output = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="name the request in errors")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="which this is", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """The same verbs on the same nouns, from a terminal: headlessly Lead.find --status Qualified.

    headlessly Lead shows what there is of a noun, headlessly Lead.create --help what a verb takes.
    Which tenant: --profile or --url, HEADLESSLY_URL with HEADLESSLY_API_KEY, or the login in use.
    """


app.add_typer(fields.app, name="fields")
app.add_typer(notifications.app, name="notifications")
app.add_typer(following.app, name="following")
app.add_typer(views.app, name="views")


@app.command()
def login(
    url: Annotated[str | None, typer.Argument(help="https://crm.example.com/~acme")] = None,
    profile: Annotated[
        str | None, typer.Option(help="the name to keep it under; the tenant's if not said")
    ] = None,
    api_key: Annotated[
        str | None, typer.Option("--api-key", help="hly_sk_...; asked for, or read from stdin")
    ] = None,
) -> None:
    """Sign in to a tenant: check the key and keep it, for your eyes only."""
    sign_in.sign_in(url, profile, api_key)


@app.command()
def logout(context: typer.Context) -> None:
    """Forget the login in use, or that of --profile."""
    sign_in.sign_out(State.of_context(context).profile)


@app.command()
def profiles(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="use this one from now on")] = None,
    output: Output = None,
) -> None:
    """The stored logins, and which is in use."""
    sign_in.write_profiles(name, State.of_answer(context, output)[1])


@app.command()
def me(context: typer.Context, output: Output = None) -> None:
    """Who am I, where, and what may I do?"""
    state, form = State.of_answer(context, output)
    data = state.client.me().to_dict()
    if form == "table":
        may = data.pop("may")
        data = {n: v for n, v in data.items() if v is not None and n != "$context"}
        data |= {"tenant": data["tenant"]["name"], "url": state.client.url}
        data |= {f"may {noun}": ", ".join(verbs) for noun, verbs in may.items() if verbs}
    write_one(data, form)


@app.command()
def status(context: typer.Context, output: Output = None) -> None:
    """The numbers of the pipeline: records by state."""
    state, form = State.of_answer(context, output)
    data = state.client.status()
    if form in ("json", "ndjson"):
        write_one(data, form)
        return
    rows = [
        {"noun": noun, "state": name, "records": number}
        for noun, found in data["nouns"].items()
        for name, number in found["states"].items()
    ]
    write_rows(rows, form, ("noun", "state", "records"), ("noun", "state", "records"))


@app.command(context_settings=nouns.LOOSE)
def report(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="newLeads, for one; what there is if not said")
    ] = None,
    period: Annotated[str | None, typer.Option(help="last_month, this_year, ...")] = None,
    first: Annotated[str | None, typer.Option("--from", help="the first day")] = None,
    last: Annotated[str | None, typer.Option("--to", help="the last day")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="what it was then")] = None,
    since: Annotated[str | None, typer.Option(help="and what changed since then (JSON)")] = None,
    output: Output = None,
) -> None:
    """The numbers of the dashboard: what there is, or what one says. What else one takes is an option of that
    name: --owner me."""
    state, form = State.of_answer(context, output)
    if name is not None and name.startswith("--"):
        raise UsageError(f"Say first which report: {name} is for one.")
    said = {"period": period, "from_": first, "to": last, "asOf": as_of, "since": since}
    said |= report_parameters(context.args)
    data = state.client.report(name, **said)
    if form in ("json", "ndjson"):
        write_one(data, form)
    elif name is None:
        columns = ("name", "title", "unit", "definition")
        write_rows(data["reports"], form, columns, columns)
    elif "rows" in data:
        rows = data["rows"]
        shown = tuple(each["name"] for each in data.get("columns", ())) or tuple(
            rows[0] if rows else ()
        )
        shown = ("name", *(each for each in shown if each not in ("name", "converted", "lists")))
        write_rows(rows, form, shown, shown)
    else:
        shown = ("period", "value")
        before = data.get("before", {})
        rows = [
            {"period": " to ".join(part["period"].values()) if "period" in part else "now"}
            | {"value": part["value"]}
            for part in (data, before)
            if part
        ] + [
            {"period": point["start"], "value": point["value"]} for point in data.get("series", ())
        ]
        write_rows(rows, form, shown, shown)


@app.command()
def schema(
    context: typer.Context,
    noun: OneNoun = None,
    output: Output = None,
) -> None:
    """What there is: nouns, fields, verbs, states."""
    state, form = State.of_answer(context, output)
    if noun is None:
        describe.describe_nouns(state.declared, form)
    else:
        describe.describe_noun(state.declared.noun(noun), form)


@app.command()
def events(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="and what happens next")] = False,
    since: Annotated[str | None, typer.Option(help="2026-01-31, 1h ago")] = None,
    until: Annotated[str | None, typer.Option(help="the same")] = None,
    name: Annotated[str | None, typer.Option(help="Lead.Converted, page_view")] = None,
    target: Annotated[str | None, typer.Option(help="the id of a record")] = None,
    type: Annotated[str | None, typer.Option(help="the noun of the records")] = None,
    actor: Annotated[str | None, typer.Option(help="the id of a user or a key; me")] = None,
    request: Annotated[str | None, typer.Option(help="all that one request did")] = None,
    cursor: Annotated[str | None, typer.Option(help="go on behind this place")] = None,
    limit: Annotated[int | None, typer.Option(help="how many; 0: all")] = None,
    output: Output = None,
) -> None:
    """The log, oldest first. Followed it begins now, unless --since or --cursor says where; in JSON it is
    one event a line."""
    state, form = State.of_answer(context, output)
    if follow and since is None and cursor is None:
        cursor = state.client.events(since="now").page().cursor
    found = state.client.events(
        since=since,
        until=until,
        name=name,
        target=target,
        type=type,
        actor=actor,
        request=request,
        cursor=cursor,
        follow=follow,
        limit=limit or None,
        interrupted=lambda problem: write_note(f"{problem.message} It goes on from here later."),
    )
    if follow and form == "json":
        form = "ndjson"
    rows = (event.to_dict() for event in found)
    every = ("$id", "timestamp", "name", "target", "targetType", "actor", "version", "data")
    try:
        if follow and form == "table":
            write_event_lines(rows)
        else:
            write_rows(rows, form, EVENT_COLUMNS, every)
    finally:
        if found.cursor and (follow or state.verbose):
            sys.stdout.flush()
            write_note(f"Go on with --cursor {found.cursor}")


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="CSV, JSON, NDJSON, XLSX or VCF; - for stdin")],
    type: Annotated[str, typer.Option(help="the noun: Lead", autocompletion=complete_noun_names)],
    match: Annotated[
        str | None, typer.Option(help="fields, with commas, by which rows update what exists")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="tell what would happen")] = False,
    format: Annotated[str | None, typer.Option(help=", ".join(FORMATS))] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="until it is done")] = True,
    mapping: Annotated[
        str | None,
        typer.Option(
            help="what columns and words mean: JSON, @FILE with it, kept, or a program: hubspot"
        ),
    ] = None,
    numbers: Annotated[str | None, typer.Option(help="comma or point before decimals")] = None,
    days: Annotated[str | None, typer.Option(help="dmy or mdy")] = None,
    encoding: Annotated[str | None, typer.Option(help="utf-8, windows-1252, ...")] = None,
    delimiter: Annotated[str | None, typer.Option(help="comma, semicolon, tab, pipe")] = None,
    guess: Annotated[str | None, typer.Option(help="headings, or values: by these too")] = None,
    zone: Annotated[str | None, typer.Option(help="of times without one: Europe/Berlin")] = None,
    unknown: Annotated[
        str | None, typer.Option(help="columns that are no field: ignore or refuse")
    ] = None,
    create: Annotated[
        str | None, typer.Option(help="people and companies beside a row: missing or nothing")
    ] = None,
    defaults: Annotated[
        str | None, typer.Option(help='what rows do not say, as JSON: {"source": "Fair"}')
    ] = None,
    output: Output = None,
) -> None:
    """Import a file. Good rows are in; what is wrong with others is told, and the exit code is 1."""
    state, form = State.of_answer(context, output)
    noun = state.declared.noun(type)
    source: Any = file
    if file == "-":
        if format is None:
            raise UsageError(f"--format says what comes from stdin: {', '.join(FORMATS)}.")
        source = sys.stdin.buffer.read()
    bar = sys.stderr.isatty()

    def progress(found: Import) -> None:
        if bar and found["total"]:
            sys.stderr.write(f"\r{found['done']:,} of {found['total']:,} rows ")
            sys.stderr.flush()

    done = state.client._session.noun(noun.name).import_(
        source,
        match=match,
        dry_run=dry_run,
        format=format,
        wait=wait,
        progress=progress,
        mapping=_mapping_of(mapping),
        numbers=numbers,
        days=days,
        encoding=encoding,
        delimiter=delimiter,
        guess=guess,
        zone=zone,
        unknown=unknown,
        create=create,
        defaults=None if defaults is None else parse_object(defaults, "--defaults"),
    )
    if bar:
        sys.stderr.write("\r\033[K")
    _imported(done, form)
    if done["refused"]:
        raise typer.Exit(1)


def _mapping_of(text: str | None) -> dict[str, Any] | str | None:
    """Returns a mapping that is given by name, as JSON, or in a file. Raises UsageError."""
    if text is None or not text.startswith(("{", "@")):
        return text
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            raise UsageError(f"--mapping cannot be read: {problem}") from None
    return parse_object(text, "--mapping")


def _imported(result: Import, form: str) -> None:
    data = result.to_dict()
    if form != "table":
        write_one(data, form)
        return
    names = ("$id", "status", "dryRun", "total", "created", "updated", "unchanged", "refused")
    write_one({name: data[name] for name in names}, form)
    if data["errors"]:
        sys.stdout.write("\n")
        write_rows(data["errors"], form, ("row", "field", "message"), ())
        if data.get("hasMoreErrors"):
            write_note(f"More are at /imports/{data['$id']}/refused.csv.")


@app.command(context_settings=nouns.LOOSE)
def export(
    context: typer.Context,
    noun: Annotated[str, typer.Argument(help="Lead", autocompletion=complete_noun_names)],
    format: Annotated[str, typer.Option(help="csv, ndjson, json or xlsx")] = "csv",
    to: Annotated[str | None, typer.Option("-o", "--to", help="a file; else stdout")] = None,
    filter: Annotated[str | None, typer.Option(metavar="JSON", help=nouns.FILTER.help)] = None,
    q: Annotated[str | None, typer.Option("--q", "-q", help=nouns.WORDS.help)] = None,
    sort: Annotated[str | None, typer.Option(help=nouns.SORT.help)] = None,
    fields: Annotated[str | None, typer.Option(help=nouns.FIELDS.help)] = None,
    as_of: Annotated[str | None, typer.Option(help=nouns.AS_OF.help)] = None,
) -> None:
    """Export all records that fit, of any number: conditions as for find."""
    state = State.of_context(context)
    declared = state.declared.noun(noun)
    where = parse_conditions(context.args, declared, "export")
    download = state.client._session.noun(noun).export(
        format,  # type: ignore[arg-type]  # the server knows what there is
        filter=None if filter is None else parse_object(filter, "--filter"),
        q=q,
        sort=sort,
        fields=fields,
        as_of=as_of,
    )
    download._asked += tuple(where.items())
    if to is not None:
        size = download.save(Path(to))
        return write_note(f"{to}: {size:,} bytes.")
    for block in download:
        sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()
    return None


@app.command()
def track(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="page_view, trial_started")],
    properties: Annotated[str | None, typer.Option(metavar="JSON", help="what of it")] = None,
    output: Output = None,
) -> None:
    """Record that something happened outside."""
    state, form = State.of_answer(context, output)
    data = None if properties is None else parse_object(properties, "--properties")
    write_one(state.client.track(name, data).to_dict(), form)  # type: ignore[union-attr]


@app.command()
def do(
    context: typer.Context,
    script: Annotated[
        str | None, typer.Argument(help="Noun.verb and its words; or a script, - for stdin")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", help="a script in a file")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="tell what would happen")] = False,
    output: Output = None,
) -> None:
    """Do a verb, or run a short Python script at the server: all of it or nothing."""
    if (script is None) == (file is None):
        raise UsageError(
            "Give a verb (do Lead.convert lead_...), a script, - for stdin, or --file."
        )
    state, form = State.of_answer(context, output)
    code = (
        file.read_text(encoding="utf-8")
        if file
        else sys.stdin.read()
        if script == "-"
        else str(script)
    )
    ran = state.client.do(code, dry_run=dry_run)
    if form != "table":
        write_one(ran.data, form)
        return
    write_script_run(ran)


@app.command()
def undo(
    context: typer.Context,
    request: Annotated[str, typer.Argument(help="a requestId, as events have it: req_...")],
    event: Annotated[str | None, typer.Option(help="only this event, and what it caused")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="tell what would happen")] = False,
    output: Output = None,
) -> None:
    """Take back what a request did; what was touched since stays, and why is told."""
    state, form = State.of_answer(context, output)
    bar = form == "table" and sys.stderr.isatty()
    progress = _undo_progress if bar else None
    done = state.client.undo(request, event=event, dry_run=dry_run, progress=progress)
    if bar:
        sys.stderr.write("\r\033[K")
    if done["$type"] == "LargeUndo":
        _large_undo(done, form)
        return
    if form != "table":
        write_one(done, form)
        return
    write_rows(done["undone"], form, ("type", "id", "name", "event"), ())
    if done["stays"]:
        write_note("These stay as they are:")
        write_rows(done["stays"], form, ("type", "id", "name", "message"), ())


def _undo_progress(undo: dict[str, Any]) -> None:
    done = undo["undone"] + undo["stays"] + undo["asItWas"]
    sys.stderr.write(f"\r\033[K{done:,} of {undo['total'] or 0:,} records")
    sys.stderr.flush()


def _large_undo(undo: dict[str, Any], form: str) -> None:
    if form != "table":
        write_one(undo, form)
        return
    names = ("$id", "status", "dryRun", "total", "undone", "stays", "asItWas")
    write_one({name: undo[name] for name in names}, form)
    rows = [{"type": name, **counts} for name, counts in undo["byType"].items()]
    write_rows(rows, form, ("type", "undone", "stays"), ())
    if undo["message"]:
        write_note(undo["message"])
    if undo["stays"]:
        write_note(f"What stays, and why: /undos/{undo['$id']}/stays.csv.")


@app.command()
def mcp(context: typer.Context) -> None:
    """Serve MCP on stdin and stdout, for an agent on this machine."""
    client = State.of_context(context).client
    # Imported here, because the SDK takes half a second to load that no other command needs.
    from mcp.shared.exceptions import MCPError

    from headlessly.mcp.bridge import Unreachable, run

    try:
        run(client.url, client._session.api_key)
    except Unreachable as problem:
        raise ConnectionFailed(str(problem)) from None
    except MCPError as problem:
        client.me()  # raises if the key is the problem
        raise HeadlesslyError(str(problem)) from None
