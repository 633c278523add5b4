"""Proposals by REST: a script that waits for somebody to approve it, looked at and decided."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.serializers import CharField, ChoiceField, DictField, IntegerField, ListField

from headlessly import errors
from headlessly.api import preconditions
from headlessly.api.base import ResourceViewSet, created_response
from headlessly.api.bodies import ApiResponse
from headlessly.api.describing import answers
from headlessly.api.json_schema import TEXT, nullable
from headlessly.api.log import paginate
from headlessly.api.serializers import (
    CheckedField,
    Count,
    InputSerializer,
    Moment,
    ResourceSerializer,
    SchemaField,
    WireSerializer,
    refuse_body,
)
from headlessly.errors import InvalidFilter
from headlessly.models import Proposal
from headlessly.scripts import proposals
from headlessly.scripts.limits import LIMITS
from headlessly.scripts.proposals import LONGEST_NOTE, LONGEST_REASON


class ProposalDifferenceSerializer(WireSerializer):
    name = CharField()
    target = CharField(allow_null=True)
    field = CharField(allow_null=True)
    was = SchemaField()
    now = SchemaField()


class BriefEventSerializer(WireSerializer):
    """An event in few words."""

    meta: ClassVar = {"$id": CharField()}

    name = CharField()
    target = CharField(allow_null=True)
    version = IntegerField(allow_null=True)
    cause = CharField(allow_null=True)
    data = DictField(required=False, help_text="Of a new record, and of a tracked event.")
    changes = SchemaField(
        {"type": "object", "examples": [{"score": [82, 90]}]},
        required=False,
        help_text="By field: the value before and after.",
    )


class ProposalShortSerializer(ResourceSerializer):
    kind, prefix = "Proposal", Proposal.prefix
    meta: ClassVar = {
        "$version": IntegerField(
            source="version",
            min_value=1,
            help_text="+1 whenever what it would do has changed.",
        ),
        "$createdAt": Moment(source="proposed_at"),
        "$createdBy": CharField(source="proposed_by"),
    }

    note = CharField(allow_null=True)
    code = CharField()
    status = ChoiceField(
        list(Proposal.STATUSES),
        help_text="Stale: it no longer works, and may be refused or tried again.",
    )
    event_count = Count()
    problem = DictField(allow_null=True, help_text="Why it no longer works.")
    differences = ListField(
        child=ProposalDifferenceSerializer(),
        allow_null=True,
        help_text="What it would do differently from when it was first looked at.",
    )
    decided_at = Moment(allow_null=True)
    decided_by = CharField(allow_null=True)
    reason = CharField(allow_null=True)
    event = CharField(allow_null=True, help_text="The event of the script that was approved.")

    def to_representation(self, instance: Proposal) -> dict[str, Any]:
        return instance.as_json(whole=False)  # as scripts answer it to whoever proposed it


class ProposalSerializer(ProposalShortSerializer):
    value = SchemaField(help_text="What the script answers.")
    output = CharField(help_text="What it prints.")
    events = ListField(child=BriefEventSerializer())
    events_left_out = IntegerField(required=False)

    def to_representation(self, instance: Proposal) -> dict[str, Any]:
        return instance.as_json()


def leave_unchecked(value: Any) -> Any:
    """A value that is checked where all scripts are, from whatever surface they come."""
    return value


class ProposalInput(InputSerializer):
    kind = "Proposal"

    code = CheckedField(
        TEXT
        | {
            "minLength": 1,
            "maxLength": max(limits.code for limits in LIMITS.values()),
            "examples": ["Lead.count()"],
        },
        leave_unchecked,
        help_text="A short Python script against the nouns.",
    )
    note = CheckedField(
        nullable(TEXT | {"maxLength": LONGEST_NOTE}),
        leave_unchecked,
        default=None,
        help_text="What it is for, in short.",
    )


class ProposalRefusal(InputSerializer):
    kind = "Proposal"

    reason = CheckedField(
        TEXT | {"minLength": 1, "maxLength": LONGEST_REASON, "pattern": r"\S"}, leave_unchecked
    )


class ProposalViewSet(ResourceViewSet):
    """Those that one sees: all for whoever decides, else one's own."""

    word, tag = "proposal", "Proposal"
    honours_if_match = True
    in_batch: ClassVar = ("retrieve",)  # a script has a transaction of its own

    @answers(
        ProposalShortSerializer,
        many=True,
        parameters={
            "status": TEXT
            | {"description": f"Of these, with commas between: {', '.join(Proposal.STATUSES)}."}
        },
    )
    def list(self, request: Request) -> ApiResponse:
        """The proposals, the newest first: all for whoever decides on them, else one's own."""
        found = proposals.visible_proposals().order_by("-proposed_at", "id")
        status = self.asked.pop("status", None)
        if status is not None:
            found = found.filter(status__in=read_statuses(status))
        return ApiResponse(
            paginate(found, ProposalShortSerializer.to_json, of=status or "", **self.asked)
        )

    @answers(ProposalSerializer, takes=ProposalInput, status=201, errors=(404,))
    def create(self, request: Request) -> ApiResponse:
        """Try a script and store what it would do, for somebody to approve."""
        preconditions.refuse_if_match(request.META.get("HTTP_IF_MATCH"))
        found = proposals.propose(**ProposalInput.read_body(request.data))
        return created_response(ProposalSerializer.to_json(found), f"proposals/{found.pk}")

    @answers(ProposalSerializer, headers=("ETag",))
    def retrieve(self, request: Request, id: str) -> ApiResponse:
        """One proposal: its script, what it would do, and what became of it."""
        found = proposals.find_proposal(id)
        tag = preconditions.etag(found.version)
        return ApiResponse(ProposalSerializer.to_json(found), headers={"ETag": tag})

    @answers(ProposalSerializer, takes_version=True, errors=(412,))
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, id: str) -> ApiResponse:
        """Do exactly what was proposed; where it would now do something else, a 409 with what differs, and
        nothing is done."""
        proposals.find_proposal(id)  # before anything is said of the body
        refuse_body(request.data, "Proposal")
        seen = preconditions.read_if_match(request.META.get("HTTP_IF_MATCH"))
        try:
            done, _run = proposals.approve(id, version=seen)
        except proposals.ProposalChanged as problem:
            status, body = errors.status_and_body(problem)
            # What it would do now is kept.
            return ApiResponse(body, status=status, has_effect=True)
        return ApiResponse(ProposalSerializer.to_json(done))

    @answers(ProposalSerializer, takes=ProposalRefusal, takes_version=True, errors=(412,))
    @action(detail=True, methods=["post"])
    def refuse(self, request: Request, id: str) -> ApiResponse:
        """Refuse a proposal, and say why.

        With If-Match, what was looked at.
        """
        proposals.find_proposal(id)
        reason = ProposalRefusal.read_body(request.data)["reason"]
        seen = preconditions.read_if_match(request.META.get("HTTP_IF_MATCH"))
        refused = proposals.refuse(id, reason, version=seen)
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
