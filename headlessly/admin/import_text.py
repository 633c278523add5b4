"""The results of an import and of its rows in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from headlessly.admin import display
from headlessly.declaration import labels
from headlessly.declaration.record import Record
from headlessly.log.events import Event
from headlessly.transfer.models import Import, RefusedRow, RowWarning
from headlessly.undo.undos import TakenBack, taken_back_of


def percent_done(source: Import) -> int:
    return 100 * source.done // source.total if source.total else 0


def import_rows(sources: Iterable[Import]) -> list[dict[str, Any]]:
    """Returns imports with their results, including what was undone since."""
    found = list(sources)
    events = Event.objects.filter(id__in=[each.event for each in found if each.event])
    requests = dict(events.values_list("id", "request_id"))
    taken = taken_back_of(requests.values())
    return [import_row(each, taken.get(requests.get(each.event or "", ""))) for each in found]


def taken_back_text(taken: TakenBack) -> str:
    text = ngettext("%s record taken back", "%s records taken back", taken.records)
    return text % display.number(taken.records)


def import_row(source: Import, taken: TakenBack | None = None) -> dict[str, Any]:
    said = [_outcome_text(source), taken_back_text(taken) if taken else ""]
    return {
        "source": source,
        "said": ", ".join(filter(None, said)),
        "many": labels.plural_title(source.noun),
        "badge": display.run_badge(source, tried=_("tried")),
    }


def _outcome_text(source: Import) -> str:
    """Returns the counts of rows by what happened to them, or would happen."""
    if not source.finished:
        return ""
    counts = (
        (source.created, ngettext("%s new", "%s new", source.created)),
        (source.updated, ngettext("%s changed", "%s changed", source.updated)),
        (source.unchanged, ngettext("%s as it was", "%s as they were", source.unchanged)),
        (source.refused, ngettext("%s refused", "%s refused", source.refused)),
    )
    said = [text % display.number(count) for count, text in counts if count]
    return ", ".join(said) or _("no rows")


def field_words(noun: type[Record], path: str | None) -> str:
    """Returns the label of a field that an error names: ``contact.email`` is “Contact: Email”. A name that
    is not a field, such as a heading of the file, stays."""
    words: list[str] = []
    here: type[Record] | None = noun
    for name in (path or "").split("."):
        field = here.schema.fields.get(name) if here is not None else None
        if field is None:
            return path or ""
        words.append(labels.field_label(field))
        here = field.target_noun if field.to else None
    return ": ".join(words)


def _said(noun: type[Record], problem: dict[str, Any]) -> dict[str, Any]:
    return problem | {"field": field_words(noun, problem["field"])}


def refused_row(noun: type[Record], row: RefusedRow) -> dict[str, Any]:
    """Returns a refused row: its number, how it begins, and its problems."""
    values = row.values()
    if isinstance(values, dict):
        values = list(values.values())
    if not isinstance(values, list):
        values = [values]
    cells = [str(cell) for cell in values if cell not in (None, "")]
    return {
        "number": row.row,
        "begins": " · ".join(cells[:3])[:120],
        "problems": [_said(noun, problem) for problem in row.errors()],
    }


#: How many rows with the same warning are named.
NAMED = 5


def warning_rows(noun: type[Record], rows: Iterable[RowWarning]) -> list[dict[str, Any]]:
    """Returns the warnings of rows, the most frequent first, each with the rows that have it: values that
    were left out, or (without a field) records that are similar."""
    found: dict[tuple[str | None, str], list[int]] = {}
    for row in rows:
        for problem in row.errors():
            found.setdefault((problem["field"], problem["message"]), []).append(row.row)
    return [
        {"field": field_words(noun, field), "message": message, "rows": _rows_text(numbers)}
        for (field, message), numbers in sorted(found.items(), key=lambda each: -len(each[1]))
    ]


def _rows_text(numbers: list[int]) -> str:
    named = ", ".join(display.number(number) for number in numbers[:NAMED])
    more = len(numbers) - NAMED
    return (
        _("%(rows)s and %(more)s more") % {"rows": named, "more": display.number(more)}
        if more > 0
        else named
    )
