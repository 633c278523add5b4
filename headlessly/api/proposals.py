"""Proposals by REST: a script that waits for somebody to approve it, looked at and decided."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.decorators import action
from rest_framework.request import Request

from headlessly import errors
from headlessly.access import tenancy
from headlessly.api import preconditions
from headlessly.api.base import TenantViewSet
from headlessly.api.bodies import ApiResponse
from headlessly.api.log import paginate
from headlessly.api.parameters import PAGE, read_parameters, refuse_parameters
from headlessly.api.resources import (
    ListedProposalSerializer,
    ProposalInput,
    ProposalNothing,
    ProposalRefusal,
    ProposalSerializer,
)
from headlessly.errors import InvalidFilter
from headlessly.models import Proposal
from headlessly.scripts import proposals


class ProposalViewSet(TenantViewSet):
    """Those that one sees: all for whoever decides, else one's own."""

    in_batch: ClassVar = ("retrieve",)  # a script has a transaction of its own

    def list(self, request: Request) -> ApiResponse:
        """The newest first."""
        asked = read_parameters(request.GET, ("status", *PAGE))
        found = proposals.visible_proposals().order_by("-proposed_at", "id")
        if "status" in asked:
            found = found.filter(status__in=read_statuses(asked.pop("status")))
        return ApiResponse(paginate(found, ListedProposalSerializer.to_json, **asked))

    def create(self, request: Request) -> ApiResponse:
        """Try a script, and store what it would do."""
        refuse_parameters(request.GET)
        made = proposals.propose(**ProposalInput.read_body(request.data))
        address = f"{tenancy.context_url()}/proposals/{made.pk}"
        answer = ProposalSerializer.to_json(made)
        return ApiResponse(answer, status=201, headers={"Location": address})

    def retrieve(self, request: Request, id: str) -> ApiResponse:
        refuse_parameters(request.GET)
        found = proposals.find_proposal(id)
        tag = preconditions.etag(found.version)
        return ApiResponse(ProposalSerializer.to_json(found), headers={"ETag": tag})

    @action(detail=True, methods=["post"])
    def approve(self, request: Request, id: str) -> ApiResponse:
        """Do exactly what was proposed. With If-Match, what was looked at."""
        refuse_parameters(request.GET)
        ProposalNothing.read_body(request.data)
        seen = preconditions.read_if_match(request.META.get("HTTP_IF_MATCH"))
        try:
            done, _run = proposals.approve(id, version=seen)
        except proposals.ProposalChanged as problem:
            status, body = errors.status_and_body(problem)
            # What it would do now is kept.
            return ApiResponse(body, status=status, has_effect=True)
        return ApiResponse(ProposalSerializer.to_json(done))

    @action(detail=True, methods=["post"])
    def refuse(self, request: Request, id: str) -> ApiResponse:
        """Do it not, and say why."""
        refuse_parameters(request.GET)
        refused = proposals.refuse(id, ProposalRefusal.read_body(request.data)["reason"])
        return ApiResponse(ProposalSerializer.to_json(refused))


def read_statuses(text: str) -> list[str]:
    """The statuses in ``text``, with commas between. Raises InvalidFilter for one that there is not."""
    named = [name.strip() for name in text.split(",")]
    if unknown := [name for name in named if name not in Proposal.STATUSES]:
        raise InvalidFilter(
            f"status: there is no {unknown[0][:64]!r}. Statuses: {', '.join(Proposal.STATUSES)}.",
            field="status",
        )
    return named
