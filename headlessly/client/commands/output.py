"""Writes answers: tables for people, JSON, NDJSON and CSV for programs."""

from __future__ import annotations

import csv
import itertools
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from headlessly.client.clients import Headlessly
from headlessly.client.commands.failures import UsageError
from headlessly.client.declarations import NounDeclaration
from headlessly.client.scripts import Ran
from headlessly.client.wire import wire_name

FORMS = ("table", "json", "ndjson", "csv")
#: How many rows are requested at once.
PAGE = 100
#: How many rows are read to measure the columns of a table before it is printed.
MEASURED = 100
#: To how many characters the columns of a table are cut on a narrow screen.
LEAST = 6
#: A cell that starts with one of these gets an apostrophe, because a spreadsheet would run it as a
#: formula.
RUNS = ("=", "+", "-", "@", "\t", "\r")

Row = Mapping[str, Any]


def check_form(form: str | None) -> str | None:
    """Returns the format. Raises UsageError for an unknown one."""
    if form is not None and form not in FORMS:
        raise UsageError(f"--output is one of {', '.join(FORMS)}, not {form!r}.")
    return form


def write(text: str) -> None:
    sys.stdout.write(text)


def write_note(text: str) -> None:
    """Writes a note that is not part of the answer."""
    sys.stderr.write(f"{text}\n")


# -- one thing ------------------------------------------------------------------------------------


def write_one(data: Row, form: str) -> None:
    """Writes a record, or anything else with names and values."""
    match form:
        case "json":
            write(dump_json(data, indent=2) + "\n")
        case "ndjson":
            write(dump_json(data) + "\n")
        case "csv":
            _write_csv([data], list(data))
        case _:
            write_grid([(name, cell_text(value)) for name, value in data.items()])


def write_answer(data: Row, form: str) -> None:
    """Writes an answer of any shape: for people single values as pairs, then each list of objects as a
    table."""
    if form != "table":
        write_one(data, form)
        return
    tables = {name: value for name, value in data.items() if _is_table(value)}
    said = {name: value for name, value in data.items() if name not in tables}
    write_one({name: value for name, value in said.items() if value not in (None, [])}, form)
    for name, rows in tables.items():
        write(f"\n{name}\n")
        columns = list(dict.fromkeys(column for row in rows for column in row))
        write_rows(rows, form, columns, columns)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def write_dry_run(record: Row, events: Sequence[Row], form: str) -> None:
    """Writes the result of a dry run."""
    if form != "table":
        write_one({"record": record, "events": events}, form)
        return
    write_one({n: v for n, v in record.items() if v is not None}, form)
    write("\n")
    write_rows(events, "table", EVENT_COLUMNS, EVENT_COLUMNS)
    write_note("A dry run: nothing has changed.")


def write_script_run(ran: Ran) -> None:
    """Writes the output of a script, its value, and the events it logged."""
    write("".join(printable(line) + "\n" for line in ran.output.splitlines()))
    if ran.proposal is not None:
        write_note("Proposed, not done: it waits for somebody's approval.")
        write_one(ran.proposal, "table")
    elif ran.value is not None:
        write(dump_json(ran.data["value"], indent=2) + "\n")
    if ran.events:
        write("\n")
        names = ("name", "target", "$id")
        write_rows([event.to_dict() for event in ran.events], "table", names, names)
    if ran.dry_run:
        write_note("A dry run: nothing has changed.")


# -- many -----------------------------------------------------------------------------------------


def every_row(ask: Callable[[int, str | None], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yields the rows of all pages. ``ask`` is called with the number of rows and the cursor of the page
    before."""
    cursor = None
    while True:
        page = ask(PAGE, cursor)
        yield from page["results"]
        if not page["hasMore"]:
            return
        cursor = page["cursor"]


def listed_rows(client: Headlessly, path: str, **asked: Any) -> Iterator[dict[str, Any]]:
    """Yields the rows of all pages of a list at an address."""
    asked |= {"limit": PAGE}
    while True:
        query = {name: value for name, value in asked.items() if value is not None}
        page = client.request("GET", path, query=query)
        yield from page["results"]
        if page["cursor"] is None:
            return
        asked["cursor"] = page["cursor"]


def write_rows(rows: Iterable[Row], form: str, columns: Sequence[str], every: Sequence[str]) -> int:
    """Writes rows as they arrive: ``columns`` in a table, ``every`` column in CSV. Returns their number."""
    number = 0

    def counted() -> Iterator[Row]:
        nonlocal number
        for row in rows:
            number += 1
            yield row

    match form:
        case "json":
            _write_json_array(counted())
        case "ndjson":
            for row in counted():
                write(dump_json(row) + "\n")
                sys.stdout.flush()
        case "csv":
            _write_csv(counted(), every)
        case _:
            _write_table(counted(), columns)
    return number


def _write_json_array(rows: Iterable[Row]) -> None:
    """Writes a JSON array of any length as its rows arrive."""
    before = "["
    for row in rows:
        write(f"{before}\n  {dump_json(row)}")
        before = ","
    write("[]\n" if before == "[" else "\n]\n")


def _write_csv(rows: Iterable[Row], columns: Sequence[str]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_guard_formula(_csv_text(row.get(name))) for name in columns])


def _guard_formula(text: str) -> str:
    number = text.replace(".", "", 1).lstrip("-").isdecimal()
    return f"'{text}" if text.startswith(RUNS) and not number else text


def _csv_text(value: Any) -> str:
    """Returns a value as a cell of CSV. An included record becomes its id."""
    if isinstance(value, dict) and "$id" in value:
        value = value["$id"]
    return "" if value is None else value if isinstance(value, str) else dump_json(value)


def _write_table(rows: Iterable[Row], columns: Sequence[str]) -> None:
    waiting = iter(rows)
    header: Sequence[str] | None = columns
    while part := list(itertools.islice(waiting, MEASURED)):
        write_grid([[cell_text(row.get(name)) for name in columns] for row in part], header)
        header = None


EVENT_COLUMNS = ("timestamp", "name", "target", "actor", "$id")


def write_event_lines(events: Iterable[Row]) -> None:
    """Writes events as they happen, a line each."""
    for event in events:
        shown = (printable(cell_text(event.get(name))) for name in EVENT_COLUMNS[:-1])
        write("  ".join(shown).rstrip() + "\n")
        sys.stdout.flush()


def table_columns(noun: NounDeclaration, fields: str | None) -> list[str]:
    """Returns the columns of a table: the requested ones, else those of the noun's list."""
    if fields:
        return ["$id", *(wire_name(name.strip()) for name in fields.split(",") if name.strip())]
    return ["$id", *(noun.data.get("columns") or list(noun.fields)[:6])]


def csv_columns(noun: NounDeclaration, fields: str | None) -> list[str]:
    return (
        table_columns(noun, fields) if fields else ["$id", *noun.fields, "$version", "$createdAt"]
    )


# -- cells ----------------------------------------------------------------------------------------


def cell_text(value: Any) -> str:
    """Returns a value as text for people."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case dict() if "$id" in value:
            return str(value.get("name") or value.get("subject") or value["$id"])
        case list() if value and all(isinstance(v, dict) and "$id" in v for v in value):
            return ", ".join(map(cell_text, value))
        case list() if value and all(isinstance(v, dict) and "state" in v for v in value):
            return ", ".join(str(v["state"]) for v in value)  # the state of each step
        case dict() | list():
            return dump_json(value)
        case float() | int():
            return f"{value:,}" if isinstance(value, int) else f"{value:,g}"
        case str() if len(value) > 18 and value[4] == "-" and value[10] == "T":
            return _local_moment(value)
    return str(value)


def _local_moment(text: str) -> str:
    """Returns a moment in the reader's time zone."""
    try:
        return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return text


def dump_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, default=_json_default)


def _json_default(value: Any) -> Any:
    return value.to_dict() if hasattr(type(value), "to_dict") else str(value)


def write_grid(rows: Sequence[Sequence[str]], header: Sequence[str] | None = None) -> None:
    """Writes a table, with colours and cut to the screen's width on a terminal."""
    seen = sys.stdout.isatty()
    console = Console(file=sys.stdout, highlight=False, width=None if seen else 10_000)
    lines = [[printable(text) for text in row] for row in rows]
    widths = _column_widths([*lines, *([header] if header else [])], console.width)
    table = Table(
        box=None,
        pad_edge=False,
        show_header=header is not None,
        header_style="bold",
        padding=(0, 2, 0, 0),
    )
    for number, width in enumerate(widths):
        if header is None and number:
            table.add_column(overflow="fold")
            continue
        name = header[number] if header is not None else ""
        style = "" if number else "cyan"
        table.add_column(name, style=style, width=width, no_wrap=True, overflow="ellipsis")
    for line in lines:
        table.add_row(*map(Text, line[: len(widths)]))
    with console.capture() as captured:
        console.print(table)
    write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def _column_widths(lines: Sequence[Sequence[str]], screen: int) -> list[int]:
    """Returns the widths of the columns, so that all fit; the last ones are left out if they cannot.

    The first one, which identifies the row, is never cut.
    """
    number = max(map(len, lines), default=0)
    widths = [max(cell_len(line[n]) for line in lines if len(line) > n) for n in range(number)]
    while sum(widths) + 2 * len(widths) > screen and len(widths) > 1:
        widest = max(range(1, len(widths)), key=widths.__getitem__)
        if widths[widest] > LEAST:
            widths[widest] -= 1
        else:
            widths.pop()
    return widths


def printable(text: str) -> str:
    """Returns text on one line, without control characters for the terminal."""
    return "".join(c if c.isprintable() else " " for c in text)
