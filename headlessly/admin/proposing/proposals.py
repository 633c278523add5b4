"""The pages of proposals: open ones, what each would do, and the decision."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from headlessly.access import actors
from headlessly.access.actor_names import actor_names
from headlessly.admin import display, toasts
from headlessly.admin.proposing import proposal_text
from headlessly.admin.sites import TenantSite, menu_item
from headlessly.errors import HeadlesslyError
from headlessly.models import Proposal
from headlessly.scripts import proposals

PAGE = 25
STYLES = ("record", "proposals")
#: The label and colour of each status.
STATUSES = {
    Proposal.PENDING: (gettext_lazy("Waits for you"), "violet"),
    Proposal.STALE: (gettext_lazy("No longer works"), "amber"),
    Proposal.APPROVED: (gettext_lazy("Approved"), "green"),
    Proposal.REFUSED: (gettext_lazy("Refused"), "grey"),
}


def urls(site: TenantSite) -> list[URLPattern]:
    """Returns the URL patterns of proposals, below the workplace's own."""
    page = partial(site.page, may=actors.may_approve)
    return [
        page("proposals/", proposals_view, "proposals"),
        page("proposals/<str:id>/", proposal_view, "proposal"),
        page("proposals/<str:id>/approve/", approve_view, "proposal_approve"),
        page("proposals/<str:id>/refuse/", refuse_view, "proposal_refuse"),
    ]


def proposals_menu_item(request: HttpRequest) -> dict[str, Any] | None:
    """Returns the menu's entry with the number of open proposals; None for an actor who does not decide."""
    if not actors.may_approve(actors.current()):
        return None
    waiting = proposals.count_to_decide()
    item = menu_item(
        request, _("Suggested changes"), "fact_check", display.named_url("admin:proposals")
    )
    return item | {"badge": display.number(waiting) if waiting else ""}


@require_GET
def proposals_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Lists open proposals, the oldest first, and decided ones."""
    found = proposals.visible_proposals()
    waiting = list(found.filter(status__in=Proposal.OPEN).order_by("proposed_at", "pk")[:100])
    decided = found.exclude(status__in=Proposal.OPEN).order_by("-decided_at", "pk")
    page = Paginator(decided, PAGE).get_page(request.GET.get("page"))
    return site.respond(
        request,
        "proposals",
        _("Suggested changes"),
        styles=STYLES,
        waiting=_proposal_rows(waiting),
        decided=_proposal_rows(page),
        page=page,
    )


@require_GET
def proposal_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    return _proposal_page(request, site, proposals.find_proposal(id))


@require_POST
def approve_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    """Approves a proposal if it is still the version that the page showed."""
    found = proposals.find_proposal(id)
    seen = request.POST.get("version", "")
    try:
        proposals.approve(id, version=int(seen) if seen.isdecimal() and len(seen) < 9 else ())
    except proposals.ProposalChanged:
        pass  # the page shows it with the differences
    except HeadlesslyError as problem:
        messages.error(request, problem.message)
    else:
        toasts.say(request, _("Done: %s.") % _proposal_title(found), undo=True)
    return redirect("admin:proposal", id)


@require_POST
def refuse_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    found = proposals.find_proposal(id)
    reason = request.POST.get("reason", "")
    try:
        proposals.refuse(id, reason)
    except HeadlesslyError as problem:
        if problem.field == "reason":
            return _proposal_page(
                request, site, found, status=problem.status, reason=reason, wrong=problem
            )
        messages.error(request, problem.message)
        return redirect("admin:proposal", id)
    messages.success(request, _("Refused: %s.") % _proposal_title(found))
    return redirect("admin:proposals")


def _proposal_page(
    request: HttpRequest, site: TenantSite, proposal: Proposal, status: int = 200, **context: Any
) -> HttpResponse:
    names = actor_names({proposal.proposed_by, proposal.decided_by or ""})
    teller = proposal_text.ProposalTeller(proposal)
    return site.respond(
        request,
        "proposal",
        _proposal_title(proposal),
        status=status,
        styles=STYLES,
        **{k: v for k, v in _proposal_row(proposal, names).items() if k != "title"},
        steps=teller.steps(),
        differences=teller.differences() if proposal.is_open else [],
        value=_script_answer(proposal.value),
        longest=proposals.LONGEST_REASON,
        may_approve=proposals.may_approve_proposal(proposal),
        **context,
    )


def _proposal_title(proposal: Proposal) -> str:
    """Returns the proposal's note, or a summary if it has none."""
    return capfirst(proposal.note or proposal_text.proposal_summary(proposal.events))


def _script_answer(value: Any) -> str:
    """Returns the script's result if it is readable text; empty for whole records."""
    if isinstance(value, dict | list) or value is None:
        return ""
    return str(value)[:1_000]


def _proposal_rows(found: Any) -> list[dict[str, Any]]:
    found = list(found)
    names = actor_names({p.proposed_by for p in found} | {p.decided_by or "" for p in found})
    return [_proposal_row(proposal, names) for proposal in found]


def _decision_text(proposal: Proposal, decider: str) -> str:
    if proposal.status == Proposal.APPROVED:
        return _("approved by %(who)s") % {"who": decider}
    return _("refused by %(who)s") % {"who": decider} if decider else ""


def _proposal_row(proposal: Proposal, names: dict[str, str]) -> dict[str, Any]:
    decider = names.get(proposal.decided_by, _("Somebody")) if proposal.decided_by else ""
    return {
        "proposal": proposal,
        "title": _proposal_title(proposal),
        "who": names.get(proposal.proposed_by, _("Somebody")),
        "summary": proposal_text.proposal_summary(proposal.events),
        "badge": display.badge(*STATUSES[proposal.status]),
        "decider": decider,
        "decided": _decision_text(proposal, decider),
    }
