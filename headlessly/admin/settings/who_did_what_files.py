"""Who did what, as a CSV file or a workbook, the latest first."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from headlessly.admin.settings.event_lines import EventLines
from headlessly.log.newest import LatestQuestion
from headlessly.transfer.cells import guard_cell
from headlessly.transfer.exporting import MEDIA_TYPES
from headlessly.transfer.formats import XLSX
from headlessly.transfer.workbook_writing import write_workbook

FORMATS = {"csv": gettext_lazy("CSV"), "xlsx": gettext_lazy("Workbook")}
#: Most rows of a file, and how many are read at once. Programs read the whole log by its cursor.
MOST_ROWS, AT_ONCE = 10_000, 500

#: When (in the reader's time zone), who, their id, what, the event's name, the record, its id, what
#: changed, the id of the request.
Line = tuple[str, ...]


def headings() -> Line:
    return (
        _("When"), _("Who"), _("ID of who did it"), _("What"), _("Event"), _("Record"),
        _("ID of the record"), _("What changed"), _("Request"),
    )  # fmt: skip


def rows_of(question: LatestQuestion) -> list[Line]:
    """Returns the lines of the events, at most :data:`MOST_ROWS`."""
    found: list[Line] = []
    place = None
    while len(found) < MOST_ROWS:
        page = question.read_page(place, AT_ONCE)
        for row in EventLines(page.events).rows():
            event = row["event"]
            when = f"{timezone.localtime(event.timestamp):%Y-%m-%d %H:%M:%S}"
            about = row["about"][0] if row["about"] else ""
            found.append(
                (when, row["who"], event.actor, f"{row['did']} {row['after']}".strip(), event.name, about,
                 event.target or "", row["changes"] or row["asked"], event.request_id)
            )  # fmt: skip
        if (place := page.end) is None:
            break
    return found[:MOST_ROWS]


def write_file(form: str, rows: Iterable[Line]) -> HttpResponse:
    """Returns the file as a download. A cell that a spreadsheet would take for a formula stays text."""
    table = ([guard_cell(cell) for cell in row] for row in rows)
    if form == "xlsx":
        with write_workbook(_("Who did what"), headings(), table) as file:
            body, kind = file.read(), MEDIA_TYPES[XLSX]
    else:
        text = io.StringIO()
        csv.writer(text).writerows([headings(), *table])
        body, kind = ("\ufeff" + text.getvalue()).encode(), "text/csv; charset=utf-8"
    name = f"events-{timezone.localdate():%Y-%m-%d}.{form}"
    return HttpResponse(
        body, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
