"""A report as a workbook: one sheet with all groups, numbers as numbers, a column for each currency."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.utils.translation import gettext as _

from headlessly.admin.reports.results import Report
from headlessly.query.aggregates import comparable_value
from headlessly.query.measures import Measure
from headlessly.transfer import workbook_writing
from headlessly.transfer.cells import guard_cell


def write_workbook(report: Report, title: str) -> bytes:
    """Returns the file. Amounts have a column for each currency, and one with all of them converted where
    there are rates."""
    columns = _columns(report)
    heads = [head["label"] for head in report.heads if not head["number"]]
    heads += [head for head, _read in columns]
    rows = (
        [*map(guard_cell, row.labels), *(read(row.answer) for _head, read in columns)]
        for row in report.rows
    )
    with workbook_writing.write_workbook(
        title, list(map(guard_cell, heads)), rows, spare=_("Report")
    ) as file:
        return file.read()


def _columns(report: Report) -> list[tuple[str, Any]]:
    """Returns the headings of the numbers, each with the function that reads it from an answer."""
    found: list[tuple[str, Any]] = []
    heads = [head["label"] for head in report.heads if head["number"]]
    for measure, head in zip(report.measures, heads, strict=True):
        if not measure.is_money:
            found.append((head, lambda answer, name=measure.name: _plain(answer[name])))
            continue
        every = {currency for answer in report.answers for currency in answer[measure.name]}
        found += [
            (f"{head} ({currency})", _reads_amount(measure, currency)) for currency in sorted(every)
        ]
        kept = [
            known
            for answer in report.answers
            if (known := answer.get("converted", {}).get(measure.name)) is not None
        ]
        if kept:
            name = _("%(number)s, converted to %(currency)s") % {
                "number": head, "currency": kept[0]["currency"],
            }  # fmt: skip
            found.append((name, partial(comparable_value, name=measure.name)))
    return found


def _plain(value: Any) -> Any:
    return guard_cell(value) if isinstance(value, str) else value


def _reads_amount(measure: Measure, currency: str) -> Any:
    return lambda answer: answer[measure.name].get(currency)
