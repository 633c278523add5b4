"""A report with rows as a page of its own, each row beside its values in the period before."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from headlessly.admin import display
from headlessly.admin.dashboards.dashboard import PATIENCE, AskedSlice
from headlessly.admin.dashboards.figures import definition_text
from headlessly.admin.dashboards.report_text import format_money, value_text
from headlessly.admin.sites import TenantSite
from headlessly.database import timeouts
from headlessly.errors import InvalidFilter
from headlessly.query.money import Amounts, add_amounts
from headlessly.query.named_reports import Measured, Report, Row, Value, measure, reports
from headlessly.query.reports import Records, Slice


@require_GET
def table_view(request: HttpRequest, name: str, *, site: TenantSite) -> HttpResponse:
    """Shows the rows of the report called ``name``. A number without rows has no such page."""
    report = reports.by_name.get(name)
    if report is None or not report.has_rows:
        raise Http404
    asked = AskedSlice(request, site)
    context: dict[str, Any] = {}
    try:
        slice, _since = asked.read()
        context = {"period": slice.period, "moment": slice.as_of, "before": slice.before.period}
        with timeouts.statement_timeout(PATIENCE * 1000):
            context |= _read(report, slice)
    except InvalidFilter as problem:
        context["problem"] = problem.message
    return site.respond(
        request,
        "report_table",
        str(report.title),
        styles=["dashboard"],
        heads=[str(report.row_title), *(str(column.title) for column in report.columns)],
        meaning=definition_text(report),
        over_time=report.over_time,
        **asked.context(),
        **context,
    )


def _read(report: Report, slice: Slice) -> dict[str, Any]:
    measured = measure(report, slice)
    rows = measured.rows or ()
    return {"rows": _rows(report, slice, rows), "total_cells": _total_cells(report, measured)}


def _total_cells(report: Report, measured: Measured) -> list[dict[str, Any]]:
    """What the rows come to together, by column; empty where no column is added up, or there is one row."""
    rows = measured.rows or ()
    if len(rows) < 2 or not any(column.adds for column in report.columns):
        return []
    found: list[dict[str, Any]] = []
    for column in report.columns:
        text, total = "", measured.together.get(column.name)
        if column.adds:
            values: list[Any] = [row.values[column.name] for row in rows]
            total = add_amounts(values) if isinstance(values[0], Amounts) else sum(values)
        if total is not None:
            text, _title = _texts(column.unit, total, {})
            if (records := measured.lists.get(column.name)) is not None:
                text = _link(records, text)
        found.append({"title": column.title, "text": mark_safe(text)})
    return found


def _rows(report: Report, slice: Slice, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Returns the name of each row and its cells as HTML. There may be hundreds, for which a template is
    too slow."""
    earlier = measure(report, slice.before).rows if report.over_time else None
    before = {row.key: row.values for row in earlier or ()}
    was = escape(_("in %(period)s") % {"period": slice.before.period.name})
    begins = [
        (column, f'<td class="number" data-label="{escape(str(column.title))}"')
        for column in report.columns
    ]
    list_urls: dict[Any, str] = {}
    texts: dict[tuple[str, Any], str] = {}
    found = []
    for row in rows:
        then, lists, cells = before.get(row.key), row.lists, []
        for column, begin in begins:
            name = column.name
            shown, title = _texts(column.unit, row.values.get(name), texts)
            if (records := lists.get(name)) is not None:
                if records.noun not in list_urls:
                    list_urls[records.noun] = display.page_url(records.noun, "changelist")
                shown = _link(records, shown, list_urls[records.noun])
            if then is not None and column.over_time:
                small, _whole = _texts(column.unit, then.get(name), texts)
                shown += f'<small title="{was}">{small}</small>'
            cells.append(f"{begin}{title}>{shown}</td>")
        whose = _day_url(row.colleague) if row.colleague else ""
        found.append({"name": row.name, "url": whose, "cells": mark_safe("".join(cells))})
    return found


def _link(records: Records, shown: str, list_url: str = "") -> str:
    """``shown`` as the link to the list of ``records``."""
    url = list_url or display.page_url(records.noun, "changelist")
    return f'<a href="{escape(url + records.query)}">{shown}</a>'


def _day_url(colleague: str) -> str:
    """Returns the address of a colleague's day: what is late, due and waiting for them."""
    return f"{reverse('admin:index')}?{urlencode({'of': colleague})}"


def _texts(unit: str, value: Value, known: dict[tuple[str, Any], str]) -> tuple[str, str]:
    """Returns the HTML of a value in a narrow cell, and of its title attribute. For a sum of several
    currencies the cell shows the total, and the title the parts. ``known`` caches the texts, because many
    values are the same."""
    if not isinstance(value, Amounts):
        key: tuple[str, Any] = (unit, value)
        return known.get(key) or known.setdefault(key, escape(value_text(unit, value))), ""
    total = value.converted
    if total is None:
        return escape(value_text(unit, value)), ""
    key = (value.currency, total)
    text = known.get(key) or known.setdefault(key, escape(format_money(total, value.currency)))
    whole = escape(value_text(unit, value)) if value.is_mixed else text
    return text, f' title="{whole}"' if whole != text else ""
