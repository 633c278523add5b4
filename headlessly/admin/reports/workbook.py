"""A report as a workbook: one sheet with all its groups, numbers as numbers, a column for each currency."""

from __future__ import annotations

import io
from typing import Any

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from headlessly.admin.reports.results import Report
from headlessly.query.measures import Measure
from headlessly.transfer.cells import guarded

#: What a spreadsheet calls a sheet may be no longer.
MAX_TITLE = 31


def write_workbook(report: Report, title: str) -> bytes:
    """The file. Amounts have a column for each currency, and one for all of them converted where there are
    several."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_sheet_title(title))
    columns = _columns(report)
    heads = [head["label"] for head in report.heads if not head["number"]]
    heads += [head for head, _read in columns]
    for number in range(1, len(heads) + 1):
        sheet.column_dimensions[get_column_letter(number)].width = 22
    sheet.freeze_panes = "A2"
    sheet.append([_bold(sheet, guarded(head)) for head in heads])
    for row in report.rows:
        sheet.append([*map(guarded, row.labels), *(read(row.answer) for _head, read in columns)])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _columns(report: Report) -> list[tuple[str, Any]]:
    """The heads of the numbers, and what reads each from an answer."""
    found: list[tuple[str, Any]] = []
    heads = [head["label"] for head in report.heads if head["number"]]
    for measure, head in zip(report.measures, heads, strict=True):
        if not measure.is_money:
            found.append((head, _reads(measure.name)))
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
            found.append((name, _reads_converted(measure)))
    return found


def _reads(name: str) -> Any:
    return lambda answer: _plain(answer[name])


def _plain(value: Any) -> Any:
    return guarded(value) if isinstance(value, str) else value


def _reads_amount(measure: Measure, currency: str) -> Any:
    return lambda answer: answer[measure.name].get(currency)


def _reads_converted(measure: Measure) -> Any:
    """The converted total; of a group of the tenant's currency alone its only amount."""

    def read(answer: Any) -> Any:
        known = answer.get("converted", {}).get(measure.name)
        if known is not None:
            return known["value"]
        return next(iter(answer[measure.name].values()), None)

    return read


def _bold(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, value=text)
    cell.font = Font(bold=True)
    return cell


def _sheet_title(title: str) -> str:
    kept = "".join(" " if letter in "[]:*?/\\" else letter for letter in title).strip()
    return kept[:MAX_TITLE] or _("Report")
