"""The definitions of all named numbers: the page that a tile or chart links to."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from headlessly.access import tenancy
from headlessly.admin.dashboards.figures import definition_text
from headlessly.admin.sites import TenantSite
from headlessly.query.named_reports import reports


@require_GET
def definitions_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Lists all named numbers with their definitions, and their address in the API."""
    return site.respond(
        request,
        "definitions",
        _("What the numbers mean"),
        styles=["dashboard"],
        address=f"{tenancy.context_url()}/reports",
        defined=[
            {
                "name": report.name,
                "title": report.title,
                "meaning": definition_text(report),
                "columns": [column.title for column in report.columns],
            }
            for report in reports.by_name.values()
        ],
    )
