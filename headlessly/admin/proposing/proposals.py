"""Proposals in the browser: what waits, what one of them would do, and the decision."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from headlessly.access import actors
from headlessly.admin import display, the
from headlessly.admin.event_text import actor_names
from headlessly.admin.proposing import proposal_text
from headlessly.errors import HeadlesslyError, NotFound
from headlessly.models import Proposal
from headlessly.scripts import proposals

PAGE = 25
TONES = {
    Proposal.PENDING: "violet",
    Proposal.STALE: "amber",
    Proposal.APPROVED: "green",
    Proposal.REFUSED: "grey",
}
LABELS = {
    Proposal.PENDING: gettext_lazy("Waits for you"),
    Proposal.STALE: gettext_lazy("No longer works"),
    Proposal.APPROVED: gettext_lazy("Approved"),
    Proposal.REFUSED: gettext_lazy("Refused"),
}


def urls(site: Any) -> list[Any]:
    def page(route: str, view: Callable[..., HttpResponse], name: str) -> Any:
        return path(f"proposals/{route}", site.admin_view(for_deciders(view)), name=name)

    return [
        page("", listed, "proposals"),
        page("<str:id>/", shown, "proposal"),
        page("<str:id>/approve/", approve, "proposal_approve"),
        page("<str:id>/refuse/", refuse, "proposal_refuse"),
    ]


def for_deciders(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not actors.may_approve(actors.current()):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


def menu(request: HttpRequest) -> dict[str, Any] | None:
    """The entry of the menu, with how many wait; None for those who do not decide."""
    if not actors.may_approve(actors.current()):
        return None
    link, waiting = reverse("admin:proposals"), proposals.count_to_decide()
    return {
        "title": _("Proposals"),
        "icon": "fact_check",
        "link": link,
        "active": request.path.startswith(link),
        "has_permission": True,
        "badge": f"{waiting:,}" if waiting else "",
    }


@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """Those that wait, the oldest first, and what was decided."""
    found = proposals.visible_proposals()
    waiting = list(found.filter(status__in=Proposal.OPEN).order_by("proposed_at", "pk")[:100])
    decided = found.exclude(status__in=Proposal.OPEN).order_by("-decided_at", "pk")
    page = Paginator(decided, PAGE).get_page(request.GET.get("page"))
    return _respond(
        request, "proposals", _("Proposals"), waiting=_rows(waiting), decided=_rows(page), page=page
    )


@require_GET
def shown(request: HttpRequest, id: str) -> HttpResponse:
    """One proposal, and what it would do."""
    return _page(request, _found(id))


@require_POST
def approve(request: HttpRequest, id: str) -> HttpResponse:
    """Do it, if it is still what the page showed."""
    found = _found(id)
    seen = request.POST.get("version", "")
    try:
        proposals.approve(id, version=int(seen) if seen.isdecimal() and len(seen) < 9 else ())
    except proposals.ProposalChanged:
        pass  # the page says so, and what is different
    except HeadlesslyError as problem:
        messages.error(request, problem.message)
    else:
        messages.success(request, _("Done: %s.") % _title(found))
    return HttpResponseRedirect(reverse("admin:proposal", args=[id]))


@require_POST
def refuse(request: HttpRequest, id: str) -> HttpResponse:
    found = _found(id)
    reason = request.POST.get("reason", "")
    try:
        proposals.refuse(id, reason)
    except HeadlesslyError as problem:
        if problem.field == "reason":
            return _page(request, found, status=problem.status, reason=reason, wrong=problem)
        messages.error(request, problem.message)
        return HttpResponseRedirect(reverse("admin:proposal", args=[id]))
    messages.success(request, _("Refused: %s.") % _title(found))
    return HttpResponseRedirect(reverse("admin:proposals"))


def _page(
    request: HttpRequest, proposal: Proposal, status: int = 200, **context: Any
) -> HttpResponse:
    names = actor_names({proposal.proposed_by, proposal.decided_by or ""})
    return _respond(
        request,
        "proposal",
        _title(proposal),
        status,
        **{k: v for k, v in _row(proposal, names).items() if k != "title"},
        steps=proposal_text.steps(proposal),
        differences=proposal_text.differences(proposal) if proposal.is_open else [],
        value=_value(proposal.value),
        tried=display.time(proposal.tried_at, ago=True),
        longest=proposals.LONGEST_REASON,
        **context,
    )


def _title(proposal: Proposal) -> str:
    """What it is for, or else what it does."""
    said = proposal.note or proposal_text.summary(proposal.events)
    return said[:1].upper() + said[1:]


def _value(value: Any) -> str:
    """What the script answers, where somebody can read it: no whole records."""
    if isinstance(value, dict | list) or value is None:
        return ""
    return str(value)[:1_000]


def _rows(found: Any) -> list[dict[str, Any]]:
    found = list(found)
    names = actor_names({p.proposed_by for p in found} | {p.decided_by or "" for p in found})
    return [_row(proposal, names) for proposal in found]


def _decided(proposal: Proposal, decider: str) -> str:
    if proposal.status == Proposal.APPROVED:
        return _("approved by %(who)s") % {"who": decider}
    return _("refused by %(who)s") % {"who": decider} if decider else ""


def _row(proposal: Proposal, names: dict[str, str]) -> dict[str, Any]:
    decider = names.get(proposal.decided_by, _("Somebody")) if proposal.decided_by else ""
    return {
        "proposal": proposal,
        "title": _title(proposal),
        "url": reverse("admin:proposal", args=[proposal.pk]),
        "who": names.get(proposal.proposed_by, _("Somebody")),
        "when": display.time(proposal.proposed_at, ago=True),
        "summary": proposal_text.summary(proposal.events),
        "tone": TONES[proposal.status],
        "label": LABELS[proposal.status],
        "decider": decider,
        "decided": _decided(proposal, decider),
        "decided_when": display.time(proposal.decided_at, ago=True) if proposal.decided_at else "",
    }


def _found(id: str) -> Proposal:
    try:
        return proposals.find_proposal(id)
    except NotFound as problem:
        raise Http404(problem.message) from None


def _respond(
    request: HttpRequest, name: str, title: str, status: int = 200, **context: Any
) -> HttpResponse:
    workplace = the.site
    request.current_app = workplace.name
    context |= workplace.each_context(request)
    styles = [
        *context["styles"],
        static("headlessly/record.css"),
        static("headlessly/proposals.css"),
    ]
    return TemplateResponse(
        request,
        f"headlessly/{name}.html",
        context | {"title": title, "styles": styles},
        status=status,
    )
