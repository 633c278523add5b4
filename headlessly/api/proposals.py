"""Proposals by REST: a script that waits for somebody to approve it, looked at and decided."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from rest_framework.request import Request

from headlessly import errors
from headlessly.access import tenancy
from headlessly.api import parameters, preconditions
from headlessly.api.base import TenantView
from headlessly.api.bodies import ApiResponse
from headlessly.api.log import paginate_as
from headlessly.errors import Invalid, InvalidFilter
from headlessly.models import Proposal
from headlessly.scripts import proposals


class ProposalsView(TenantView):
    """Those that one sees, the newest first: all for whoever decides, else one's own."""

    in_batch: ClassVar[bool] = False  # a script has a transaction of its own

    def get(self, request: Request) -> ApiResponse:
        asked = parameters.read_parameters(request.GET, ("status", *parameters.PAGE))
        found = proposals.visible_proposals().order_by("-proposed_at", "id")
        if "status" in asked:
            found = found.filter(status__in=_statuses(asked.pop("status")))
        return ApiResponse(
            {"cursor": None} | paginate_as(found, lambda p: p.as_json(whole=False), **asked)
        )

    def post(self, request: Request) -> ApiResponse:
        """Try a script, and store what it would do."""
        parameters.read_parameters(request.GET, ())
        body = _taken(request.data, ("code", "note"))
        made = proposals.propose(body.get("code"), body.get("note"))
        address = f"{tenancy.context_url()}/proposals/{made.pk}"
        return ApiResponse(made.as_json(), status=201, headers={"Location": address})


class ProposalView(TenantView):
    def get(self, request: Request, id: str) -> ApiResponse:
        parameters.read_parameters(request.GET, ())
        found = proposals.find_proposal(id)
        return ApiResponse(found.as_json(), headers={"ETag": preconditions.etag(found.version)})


class ApproveView(TenantView):
    """Do exactly what was proposed. With If-Match, what was looked at."""

    in_batch: ClassVar[bool] = False

    def post(self, request: Request, id: str) -> ApiResponse:
        parameters.read_parameters(request.GET, ())
        _taken(request.data, ())
        seen = preconditions.read_if_match(request.META.get("HTTP_IF_MATCH"))
        try:
            done, _run = proposals.approve(id, version=seen)
        except proposals.ProposalChanged as problem:
            status, body = errors.status_and_body(problem)
            answer = ApiResponse(body, status=status)
            answer.has_effect = True  # what it would do now is kept
            return answer
        return ApiResponse(done.as_json())


class RefuseView(TenantView):
    """Do it not, and say why."""

    in_batch: ClassVar[bool] = False

    def post(self, request: Request, id: str) -> ApiResponse:
        parameters.read_parameters(request.GET, ())
        return ApiResponse(
            proposals.refuse(id, _taken(request.data, ("reason",)).get("reason")).as_json()
        )


def _taken(body: Mapping[str, Any], names: Collection[str]) -> Mapping[str, Any]:
    """Raises Invalid for what is not among ``names``."""
    what = f"Fields: {', '.join(names)}." if names else "It takes none."
    if unknown := [name for name in body if name not in names]:
        raise Invalid.for_fields(
            {name[:64]: f"There is no such field. {what}" for name in unknown}, type="Proposal"
        )
    return body


def _statuses(text: str) -> list[str]:
    named = [name.strip() for name in text.split(",")]
    if unknown := [name for name in named if name not in Proposal.STATUSES]:
        raise InvalidFilter(
            f"status: there is no {unknown[0][:64]!r}. Statuses: {', '.join(Proposal.STATUSES)}.",
            field="status",
        )
    return named
