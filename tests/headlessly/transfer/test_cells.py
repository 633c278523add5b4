"""What people and spreadsheets write in cells is read as they mean it, or refused where it is unclear."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headlessly.declaration.registry import registry
from headlessly.transfer import cells, day_cells


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("80", "80"),
        ("-5", "-5"),
        ("(5.00)", "-5.00"),
        ("$1,117.10K", "1117100"),
        ("$22,700.00", "22700.00"),
        ("1.117,10 €", "1117.10"),
        ("1,5", "1.5"),
        ("1.234", "1.234"),
        ("1,234", "1234"),
        ("1.234.567", "1234567"),
        ("12'000", "12000"),
        ("1 200 000", "1200000"),
        ("USD 12", "12"),
        ("2.5m", "2500000"),
        ("95%", "95"),
        (".5", "0.5"),
        ("1e5", "1e5"),
        ("many", "many"),
        ("1.2.3,4,5", "1.2.3,4,5"),
        (7, 7),
        ("12 T€", "12000"),
        ("TEUR 12", "12000"),
        ("M€ 1,5", "1500000"),
        ("12 Mkr", "12000000"),
        ("5 MLN", "5000000"),
        ("Rs. 1,20,000/-", "120000"),
        ("12 500:-", "12500"),
        ("€ (500)", "-500"),
        ("\u200e1\u200b250", "1250"),
        ("'1250", "1250"),
        ("12 PCS", "12 PCS"),
        ("12 BIO", "12 BIO"),
    ],
)
def test_it_reads_a_number_as_it_is_written(cell: Any, said: Any) -> None:
    found = cells.read_number(cell)
    try:
        assert float(found) == float(said)
    except ValueError:
        with pytest.raises(ValueError):
            float(found)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("15 Apr, 2021 00:03:00", datetime(2021, 4, 15, 0, 3)),
        ("Apr 15, 2021", datetime(2021, 4, 15)),
        ("15.04.2021 09:30", datetime(2021, 4, 15, 9, 30)),
        ("2021/04/15", datetime(2021, 4, 15)),
        ("15/04/2021", datetime(2021, 4, 15)),
        ("04/15/2021 5:06 PM", datetime(2021, 4, 15, 17, 6)),
        ("04/04/2021", datetime(2021, 4, 4)),
        ("2021-04-15T09:00:00+02:00", "2021-04-15T09:00:00+02:00"),
        ("yesterday-ish", "yesterday-ish"),
        ("15.04.2021 14.05 Uhr", datetime(2021, 4, 15, 14, 5)),
        ("15.04.2021 14.05", datetime(2021, 4, 15, 14, 5)),
        ("15. 4. 2021", datetime(2021, 4, 15)),
        ("2021-4-15", datetime(2021, 4, 15)),
        ("2021-04-15 2:05 p.m.", datetime(2021, 4, 15, 14, 5)),
        ("04/15/2021 5pm", datetime(2021, 4, 15, 17)),
        ("Do, 15. Apr 2021", datetime(2021, 4, 15)),
        ("\u200e15\u200e/04\u200e/2021", datetime(2021, 4, 15)),
        ("2021\u201104\u201115", "2021-04-15"),
        ("2021-W15", "2021-W15"),
        ("2021-04-15+02:00", "2021-04-15+02:00"),
    ],
)
def test_it_reads_a_moment_as_it_is_written(cell: str, said: Any) -> None:
    assert day_cells.read_moment(cell) == said


def test_it_does_not_guess_which_number_is_the_month() -> None:
    with pytest.raises(ValueError, match="2021-05-04 or 2021-04-05"):
        day_cells.read_moment("04/05/2021")


@pytest.mark.parametrize("cell", [46085, "46085", "46085.5"])
def test_it_takes_no_number_of_a_spreadsheet_for_a_day(cell: Any) -> None:
    with pytest.raises(ValueError, match="how a spreadsheet counts its days"):
        day_cells.read_day(cell)


def test_it_reads_a_day_and_leaves_the_time_out() -> None:
    assert day_cells.read_day("15 Apr, 2021 00:03:00") == date(2021, 4, 15)
    assert day_cells.read_day("2021-04-15T09:00:00Z") == date(2021, 4, 15)
    assert day_cells.read_day("2021-04-15") == "2021-04-15"


def test_it_reads_yes_and_no() -> None:
    assert [cells.read_flag(word) for word in ("Yes", "x", "1", "TRUE")] == [True] * 4
    assert [cells.read_flag(word) for word in ("no", "0", "F")] == [False] * 3
    assert cells.read_flag("perhaps") == "perhaps"


def test_it_reads_a_choice_however_it_is_spelled() -> None:
    read = cells.cell_reader_of(registry["Contact"].schema.fields["role"])
    assert read("decision maker") == "DecisionMaker"
    assert read("boss") == "boss"


@pytest.mark.parametrize("text", ["=1+1", "+49 30", "-x", "@home", "'=x", "''+x", "\t=x"])
def test_it_lets_no_spreadsheet_run_a_cell(text: str) -> None:
    assert cells.guard_cell(text) == f"'{text}"
    assert cells.unguard_cell(f"'{text}") == text


@pytest.mark.parametrize("text", ["plain", "", "'quoted'", "it's", "'"])
def test_it_leaves_other_text_alone(text: str) -> None:
    assert cells.guard_cell(text) == cells.unguard_cell(text) == text


@given(st.text())
def test_it_gives_back_any_text_that_it_guarded(text: str) -> None:
    assert cells.unguard_cell(cells.guard_cell(text)) == text


@settings(deadline=None)  # the first call looks up every word of every language
@given(st.one_of(st.text(), st.text("0123456789.,-()$kK% /:'", max_size=12)))
def test_it_reads_any_cell_or_says_why_not(text: str) -> None:
    for noun in registry.values():
        for field in noun.schema.stored:
            try:
                cells.cell_reader_of(field)(text)
            except ValueError as problem:
                assert str(problem)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("Thu Nov 13 2025 10:00:00 GMT+0100 (CET)", "2025-11-13T10:00:00+01:00"),
        ("Sat, 15 Nov 2025 10:00:00 -0530", "2025-11-15T10:00:00-05:30"),
        ("November 24th, 2025 at 10:00 AM", "2025-11-24T10:00:00"),
        ("Montag, 3. März 2025", "2025-03-03T00:00:00"),
        ("Sept. 5, 2025", "2025-09-05T00:00:00"),
        ("2025-09-05 14:05 CEST", "2025-09-05T14:05:00+02:00"),
        ("09/15/2025 02:05 PM PST", "2025-09-15T14:05:00-08:00"),
    ],
)
def test_it_reads_moments_as_scripts_and_letters_write_them(cell: str, said: str) -> None:
    assert day_cells.read_moment(cell).isoformat() == said


@pytest.mark.parametrize(
    "cell", ["Ada Chen <ada@x.example>", "<ada@x.example>", "Ada (mailto:ada@x.example)"]
)
def test_it_reads_the_address_beside_a_name(cell: str) -> None:
    assert cells.read_email(cell) == "ada@x.example"
