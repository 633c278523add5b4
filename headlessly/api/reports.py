"""Numbers by name: which there are, and what they say."""

from __future__ import annotations

from rest_framework.request import Request

from headlessly.api import parameters
from headlessly.api.base import TenantView
from headlessly.api.bodies import ApiResponse
from headlessly.query.named_reports import reports
from headlessly.query.report_answers import describe_reports, report_as_json


class ReportView(TenantView):
    """The numbers by name, or one of them."""

    def get(self, request: Request, name: str | None = None) -> ApiResponse:
        if name is None:
            parameters.refuse_parameters(request.GET)
            return ApiResponse(describe_reports())
        allowed = reports.require(name).parameters
        return ApiResponse(report_as_json(name, parameters.read_parameters(request.GET, allowed)))
