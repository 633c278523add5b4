"""Workbooks: reads the first visible sheet that is not empty.

They are opened in their own process (:mod:`headlessly.transfer.workbook_child`), because a few kilobytes may
expand to all the memory and time that there is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from django.utils.translation import gettext as _

from headlessly.transfer import workbook_child
from headlessly.transfer.rows import Formula, Layout, Unreadable
from headlessly.transfer.tables import Header, find_header

#: The limits of the process: its computing time in seconds, while somebody waits and in the background; and
#: its memory in megabytes.
SOON, LATER, MEMORY = 10, 600, 512


def find_layout(
    file: BinaryIO, count_known: Callable[[Iterable[str]], int]
) -> tuple[Header, Layout]:
    """Returns the header of the first visible sheet with known columns, else of the first that is not empty.

    Raises Unreadable if all are empty, and for a file that is no workbook, or too large.
    """
    found: list[tuple[Header, Layout]] = []
    for sheet in _read_in_child(file, "begin", SOON):
        rows = [[_as_cell(value) for value in row] for row in sheet["rows"]]
        header = find_header(rows, count_known)
        if isinstance(header, Header):
            found.append((header, Layout(sheet=sheet["sheet"], above=header.above)))
    if not found:
        raise Unreadable(_("The workbook has no sheet with anything in it."))
    return next((each for each in found if each[0].known), found[0])


def read_records(file: BinaryIO, number: int) -> Iterator[list[Any]]:
    """Yields the rows of a sheet. Raises Unreadable where it breaks off."""
    for row in _read_in_child(file, str(number), LATER):
        if isinstance(row, int):
            for _empty in range(row):
                yield []
        else:
            yield [_as_cell(value) for value in row]


def _as_cell(value: Any) -> Any:
    if isinstance(value, dict):
        if value["kind"] == workbook_child.FORMULA:
            return Formula(value["value"])
        return workbook_child.KINDS[value["kind"]].fromisoformat(value["value"])
    return value


def _read_in_child(file: BinaryIO, what: str, seconds: int) -> Iterator[Any]:
    """Yields the lines that the child process writes. Raises Unreadable for what it cannot read, also if it
    is killed."""
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as copy:
        file.seek(0)
        shutil.copyfileobj(file, copy)
        copy.flush()
        # Without the product's secrets in its environment, because it reads files from anybody.
        child = subprocess.Popen(
            [sys.executable, "-E", "-s", workbook_child.__file__, copy.name]
            + [str(seconds), str(MEMORY), what],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"},
            cwd=Path(copy.name).parent,
        )
        assert child.stdout is not None
        try:
            for line in child.stdout:
                value = orjson.loads(line)
                if isinstance(value, dict) and "error" in value:
                    raise _unreadable(value)
                yield value
            if child.wait():
                raise _unreadable({"error": "too_large"})
        finally:
            child.kill()
            child.wait()
            child.stdout.close()


def _unreadable(problem: dict[str, Any]) -> Unreadable:
    match problem["error"]:
        case "too_large":
            return Unreadable(_("The workbook is too large. Send it as CSV."))
        case "no_workbook":
            return Unreadable(_("The file is no workbook (.xlsx)."))
    return Unreadable(_("The workbook cannot be read: %s") % problem["told"])
