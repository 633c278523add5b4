"""docs/figures.md says of each number what its declaration says."""

from __future__ import annotations

from pathlib import Path

import pytest

from headlessly.query.named_reports import Report, reports

PAGE = (Path(__file__).parents[2] / "docs" / "figures.md").read_text()


def line_of(report: Report) -> str:
    """The row of the table on the page."""
    return f"| `{report.name}` | {report.title} | {report.unit} | {report.definition} |"


@pytest.mark.parametrize("name", list(reports.by_name))
def test_it_is_defined_on_the_page_as_it_is_declared(name: str) -> None:
    assert line_of(reports.by_name[name]) in PAGE


def test_it_has_no_number_on_the_page_that_does_not_exist() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert rows == [line_of(report) for report in reports.by_name.values()]
