"""Files of every kind are read a row at a time, and a row that is broken costs no other one."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headlessly.transfer import formats
from headlessly.transfer.formats import CSV, JSON, NDJSON, XLSX, Unreadable
from headlessly.transfer.rows import Formula


def read(content: bytes | str, format: str = CSV) -> list[Any]:
    file = io.BytesIO(content.encode() if isinstance(content, str) else content)
    _header, layout = formats.find_layout(file, format, known)
    return list(formats.read_rows(file, format, layout))


def known(names: Iterable[str]) -> int:
    return len({"name", "source", "email", "score"}.intersection(name.lower() for name in names))


def contents(content: bytes | str, format: str = CSV) -> list[Any]:
    found = read(content, format)
    assert [row.number for row in found] == list(range(1, len(found) + 1))
    return [row.content if row.problem is None else row.problem for row in found]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_it_finds_the_delimiter_the_ends_of_lines_and_the_first_name(
    delimiter: str, end: str, bom: str
) -> None:
    text = end.join(["name,source", "Ada,web", "", "Bob,event", ""]).replace(",", delimiter)
    file = io.BytesIO((bom + text).encode())
    header, layout = formats.find_layout(file, CSV, known)
    assert (header, layout.delimiter) == (["name", "source"], delimiter)
    assert contents(bom + text) == [["Ada", "web"], ["Bob", "event"]]


def test_it_reads_cells_with_anything_in_quotes() -> None:
    assert contents('name,need\n"a ""b"", c","line\r\nline"\n') == [['a "b", c', "line\r\nline"]]


def test_it_loses_one_row_to_a_quote_that_is_never_closed() -> None:
    found = contents('name,source\n1,a\n"2,b\n3,c\n4,d\n')
    assert found[0] == ["1", "a"] and found[2:] == [["3", "c"], ["4", "d"]]
    assert "never closed" in found[1]


def test_it_loses_one_row_to_a_quote_in_the_wrong_place() -> None:
    found = contents('name,source\n"a"b,c\n3,d\n')
    assert "quote" in found[0] and found[1] == ["3", "d"]


def test_it_loses_one_row_to_a_cell_that_is_too_large() -> None:
    found = contents(f"name,source\n{'x' * 200_000},a\n2,b\n{'y' * 3_000_000}\n3,c\n")
    assert "131,072 characters" in found[0] and found[1] == ["2", "b"]
    assert found[2].startswith("This row cannot be read: a line has more") and found[3] == [
        "3",
        "c",
    ]


def test_it_reads_short_rows_and_tells_those_with_more_than_the_header_has() -> None:
    found = contents("name,source\na\nb,c,\nd,e,f\n")
    assert found[0] == ["a", None]
    assert found[1] == ["b", "c"]
    assert found[2] == "This row has 3 cells; the header has 2."


@pytest.mark.parametrize(
    ("content", "format", "said"),
    [
        (b"", CSV, "empty"),
        (b"\n\n", CSV, "empty"),
        (b'"name', CSV, "header cannot be read"),
        ("name\nZoë\n".encode() + "José\n".encode("latin-1"), CSV, "line 3 has the byte 0xe9"),
        (b"name\nJos\x81", CSV, "not UTF-8"),
        ("name\na\n".encode("utf-16") + b"x", CSV, "begins like UTF-16"),
        (b"PK\x03\x04whatever", CSV, "workbook"),
        (bytes(range(256)) * 9, CSV, "not UTF-8"),
        (b"{}", JSON, "no JSON array"),
        (b"", JSON, "no JSON array"),
        (b"nothing", XLSX, "no workbook"),
        (b"PK\x03\x04whatever", XLSX, "no workbook"),
    ],
)
def test_it_says_what_is_wrong_with_a_file(content: bytes, format: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        read(content, format)


@pytest.mark.parametrize(
    "content",
    ['[{"a": 1}, {"a": 2', '[{"a": 1}, nonsense]', '[{"a": NaN}]', '[{"a": 1}] more', "[1e999999]"],
)
def test_it_says_where_an_array_breaks_off(content: str) -> None:
    with pytest.raises(Unreadable, match="not valid JSON"):
        read(content, JSON)


def test_it_reads_objects_and_tells_what_is_none() -> None:
    array = '\ufeff[{"a": 1, "b": null}, 7, {"c": [1.5]}]'
    assert contents(array, JSON) == [{"a": 1, "b": None}, "This is no object.", {"c": [1.5]}]
    lines = '\ufeff{"a": 1}\r\n\n[]\n{"a": \n{"a": 2}'
    found = contents(lines, NDJSON)
    assert found[0] == {"a": 1} and found[1] == "This is no object." and found[3] == {"a": 2}
    assert found[2].startswith("This is not valid JSON")


def test_it_takes_a_line_of_any_length_for_one_row() -> None:
    found = contents(b'{"a": "' + b"x" * 2_500_000 + b'"}\n{"a": 2}\n', NDJSON)
    assert found == ["This line has more than 1,048,576 bytes.", {"a": 2}]


def test_it_reads_the_first_sheet_of_a_workbook() -> None:
    from openpyxl import Workbook

    book = Workbook()
    for row in (["name", "score", None], ["Ada", 80.5], [], ["Bob", None, "x"]):
        book.active.append(row)
    book.save(file := io.BytesIO())
    found = contents(file.getvalue(), XLSX)
    assert [list(row[:2]) for row in found] == [["Ada", 80.5], ["Bob", None]]


def test_a_formula_without_its_value_is_one_and_a_merged_cell_is_in_each_of_its_rows() -> None:
    from openpyxl import Workbook

    book = Workbook()
    rows = (
        ["company", "name", "budget"],
        ["Globex", "Ada", "=2*3"],
        [None, "Bob", 5],
        [None, None, 1],
    )
    for row in (*rows, [], ["Initech", "Cleo", None]):
        book.active.append(row)
    book.active.merge_cells("A2:A5")
    book.save(file := io.BytesIO())
    found = contents(file.getvalue(), XLSX)
    assert found == [
        ["Globex", "Ada", "=2*3"],
        ["Globex", "Bob", 5],
        ["Globex", None, 1],
        ["Initech", "Cleo", None],
    ]
    assert isinstance(found[0][2], Formula)


@settings(deadline=None)  # a workbook is read by a process of its own
@given(st.binary(max_size=300), st.sampled_from([CSV, JSON, NDJSON, XLSX]))
def test_it_reads_any_bytes_or_says_why_not(content: bytes, format: str) -> None:
    try:
        contents(content, format)
    except Unreadable as problem:
        assert str(problem)


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), min_size=1))
def test_it_reads_what_a_spreadsheet_writes(rows: list[list[str]]) -> None:
    import csv

    out = io.StringIO(newline="")
    csv.writer(out).writerows([["name", "source"], *rows])
    try:
        content = out.getvalue().encode()
    except UnicodeEncodeError:
        return
    assert contents(content) == [row for row in rows if any(cell.strip() for cell in row)]
