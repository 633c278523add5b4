"""A report with columns as a page of its own: a row each, beside what it was in the period before."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from headlessly.admin.dashboards.dashboard import PATIENCE, AskedSlice
from headlessly.admin.dashboards.figures import definition_text
from headlessly.admin.dashboards.report_text import row_figures, value_text
from headlessly.admin.sites import TenantSite
from headlessly.database import timeouts
from headlessly.errors import InvalidFilter
from headlessly.query.named_reports import Report, measure, reports
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
    found = []
    for row in measure(report, slice).rows or ():
        then = before.get(row.key)
        cells = [
            {
                "figure": figure,
                "before": value_text(column.unit, then.values.get(column.name)) if then else "",
                "name": str(column.title),
            }
            for figure, column in zip(row_figures(report, row), report.columns, strict=True)
        ]
        found.append({"name": row.name, "cells": cells})
    return found
