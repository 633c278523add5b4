"""A report with columns as a page of its own: a row each, beside what it was in the period before."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from headlessly.admin import display
from headlessly.admin.dashboards.dashboard import PATIENCE, AskedSlice
from headlessly.admin.dashboards.figures import definition_text
from headlessly.admin.dashboards.report_text import format_money, value_text
from headlessly.admin.sites import TenantSite
from headlessly.database import timeouts
from headlessly.errors import InvalidFilter
from headlessly.query.money import Amounts
from headlessly.query.named_reports import Report, Value, measure, reports
from headlessly.query.reports import Slice


@require_GET
def table_view(request: HttpRequest, name: str, *, site: TenantSite) -> HttpResponse:
    """The rows of the report called ``name``; of a number without rows there is no such page."""
    report = reports.by_name.get(name)
    if report is None or not report.columns:
        raise Http404
    asked = AskedSlice(request, site)
    context: dict[str, Any] = {}
    try:
        slice, _since = asked.read()
        context = {"period": slice.period, "moment": slice.as_of, "before": slice.before.period}
        with timeouts.statement_timeout(PATIENCE * 1000):
            context |= {"rows": _rows(report, slice)}
    except InvalidFilter as problem:
        context["problem"] = problem.message
    return site.respond(
        request,
        "report_table",
        str(report.title),
        styles=["dashboard"],
        heads=[str(report.row_title), *(str(column.title) for column in report.columns)],
        meaning=definition_text(report),
        **asked.context(),
        **context,
    )


def _rows(report: Report, slice: Slice) -> list[dict[str, Any]]:
    before = {row.key: row for row in measure(report, slice.before).rows or ()}
    list_urls: dict[Any, str] = {}  # asked once: there are hundreds of cells
    titles = {column.name: str(column.title) for column in report.columns}
    found = []
    for row in measure(report, slice).rows or ():
        then = before.get(row.key)
        cells = []
        for column in report.columns:
            value = row.values.get(column.name)
            was = then.values.get(column.name) if then and column.over_time else None
            text, records = _short_text(column.unit, value), row.lists.get(column.name)
            url = ""
            if records is not None:
                if records.noun not in list_urls:
                    list_urls[records.noun] = display.page_url(records.noun, "changelist")
                url = list_urls[records.noun] + records.query
            whole = value_text(column.unit, value) if isinstance(value, Amounts) else text
            cells.append(
                {
                    "text": text,
                    "url": url,
                    "whole": whole if whole != text else "",
                    "before": _short_text(column.unit, was) if then and column.over_time else "",
                    "name": titles[column.name],
                }
            )
        found.append({"name": row.name, "cells": cells})
    return found


def _short_text(unit: str, value: Value) -> str:
    """A value as a narrow cell shows it: of a sum of several currencies the total."""
    if isinstance(value, Amounts) and value.converted is not None:
        return format_money(value.converted, value.currency)
    return value_text(unit, value)
