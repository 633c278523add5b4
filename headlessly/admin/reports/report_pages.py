"""The pages of reports: building one, saved ones, and a person's own page of pinned ones."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from headlessly.access import actors
from headlessly.admin import widgets
from headlessly.admin.lists.parameters import canonical_query
from headlessly.admin.lists.saved_views import change_view, refusal
from headlessly.admin.reports.drawing import BARS, draw_bars, draw_lines
from headlessly.admin.reports.report_address import ReportAddress
from headlessly.admin.reports.results import Report, run_report
from headlessly.admin.reports.workbook import write_workbook
from headlessly.admin.sites import TenantSite
from headlessly.declaration import labels
from headlessly.declaration.surface import SETUP
from headlessly.errors import HeadlesslyError, NotFound
from headlessly.nouns import Noun
from headlessly.query import saved_views
from headlessly.query.named_reports import reports
from headlessly.query.saved_views import View
from headlessly.transfer.exporting import MEDIA_TYPES
from headlessly.transfer.formats import XLSX

#: How many seconds the reports on the own page may take together. After that the rest show only their
#: names.
BUDGET = 12
#: How many bars of each report are drawn on the own page at most.
PINNED_BARS = 8


def urls(site: TenantSite) -> list[URLPattern]:
    return [
        site.page("reports/", own_page_view, "reports"),
        site.page("reports/saved/<str:id>/", saved_report_view, "saved_report"),
        site.page("reports/<str:plural>/", report_view, "report"),
        site.page("reports/<str:plural>/save/", save_report_view, "save_report"),
        site.page("reports/<str:plural>/workbook/", workbook_view, "report_workbook"),
    ]


def report_url(noun: type[Noun], query: str = "") -> str:
    """Returns the address of the page that builds a report about a noun."""
    return reverse("admin:report", args=[noun.plural]) + (f"?{query}" if query else "")


def saved_url(view: View, noun: type[Noun]) -> str:
    return report_url(noun, f"{canonical_query(view.query)}&{urlencode({'view': view.key})}")


# -- one report ----------------------------------------------------------------------------------------------


@require_GET
def report_view(request: HttpRequest, plural: str, *, site: TenantSite) -> HttpResponse:
    """Shows the report of an address. One that only names a saved report redirects to that report's full
    address."""
    noun = _noun(site, plural)
    view = _view_of(noun, request.GET.get("view", ""))
    if view is not None and set(request.GET) == {"view"} and view.query:
        return HttpResponseRedirect(saved_url(view, noun))
    return _page(request, site, ReportAddress(noun, request.GET, site), view)


def _page(
    request: HttpRequest,
    site: TenantSite,
    address: ReportAddress,
    view: View | None,
    *,
    saving: dict[str, Any] | None = None,
    renaming: dict[str, Any] | None = None,
) -> HttpResponse:
    """Returns the page of an address. ``saving`` and ``renaming`` are the input of a form that was
    refused."""
    noun = address.noun
    refused = saving or renaming
    report = run_report(address)
    status = refused["status"] if refused else 400 if address.errors or report.problem else 200
    edited = view is not None and canonical_query(view.query) != address.view_query
    pinned = {each.pk for each in saved_views.pinned_reports()}
    return site.respond(
        request,
        "report",
        _("Report"),
        status=status,
        styles=["lists", "dashboard", "reports"],
        media=widgets.select2(),
        nouns=labels.plural_title(noun),
        plural=noun.plural,
        about=[
            {"label": labels.plural_title(each), "url": report_url(each), "on": each is noun}
            for each in site.nouns
        ],
        view=view,
        edited=edited,
        is_pinned=view is not None and view.pk in pinned,
        may_share=actors.may_share(actors.current()),
        saving=saving,
        renaming=renaming,
        workbook=_workbook_url(address),
        heading=view.name if view else address.title,
        **_drawn(report),
    )


def _drawn(report: Report, bars: int = BARS) -> dict[str, Any]:
    """Returns what the templates need of a report, with its bars or line beside the table."""
    address = report.address
    context: dict[str, Any] = {"report": report, "address": address, "bars": None, "line": None}
    if report.answers and not report.problem and not address.errors:
        if address.shape == "bars":
            context["bars"] = draw_bars(report, bars)
        elif address.shape == "line":
            context["line"] = draw_lines(report)
        label = report.heads[-len(report.measures)]["label"]
        context["drawn_measure"] = label
    return context


def _workbook_url(address: ReportAddress) -> str:
    if address.is_wrong:
        return ""
    return f"{reverse('admin:report_workbook', args=[address.noun.plural])}?{address.query_string}"


@require_GET
def workbook_view(request: HttpRequest, plural: str, *, site: TenantSite) -> HttpResponse:
    """Downloads all groups of a report as a workbook. If something is wrong, redirects to its page, which
    says so."""
    noun = _noun(site, plural)
    address = ReportAddress(noun, request.GET, site)
    report = run_report(address)
    if report.problem or address.errors:
        return HttpResponseRedirect(report_url(noun, address.query_string))
    view = _view_of(noun, request.GET.get("view", ""))
    title = view.name if view else labels.plural_title(noun)
    name = slugify(title) or noun.plural
    return HttpResponse(
        write_workbook(report, title),
        content_type=MEDIA_TYPES[XLSX],
        headers={"Content-Disposition": f'attachment; filename="{name}.xlsx"'},
    )


def _noun(site: TenantSite, plural: str) -> type[Noun]:
    found = next((noun for noun in site.nouns if noun.plural == plural), None)
    if found is None:
        raise Http404
    return found


def _view_of(noun: type[Noun], id: str) -> View | None:
    """Returns the saved report that an address names; None if it is gone or about another noun."""
    if not id:
        return None
    try:
        view = saved_views.get_report(id)
    except NotFound:
        return None
    return view if view.noun == noun.__name__ else None


# -- saved ones ----------------------------------------------------------------------------------------------


@require_POST
def save_report_view(request: HttpRequest, plural: str, *, site: TenantSite) -> HttpResponse:
    """Saves a report under a name."""
    noun, sent = _noun(site, plural), request.POST
    address = ReportAddress(noun, sent.get("query", ""), site)
    name, shared = sent.get("name", ""), "shared" in sent
    try:
        made = saved_views.save_view(
            noun, name, address.view_query, shared=shared, kind=saved_views.REPORT
        )
        if "pinned" in sent:
            saved_views.pin_report(made)
    except HeadlesslyError as problem:
        saving = {"name": name, "shared": shared, "pinned": "pinned" in sent} | refusal(problem)
        return _page(request, site, address, None, saving=saving)
    messages.success(request, _("Saved: %s.") % made)
    return HttpResponseRedirect(saved_url(made, noun))


@require_POST
def saved_report_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    """Changes a saved report as ``do`` says."""
    sent = request.POST
    own_page = redirect("admin:reports")
    try:
        view = saved_views.get_report(id)
    except NotFound as problem:
        messages.error(request, problem.message)
        return own_page
    noun = next((noun for noun in site.nouns if noun.__name__ == view.noun), None)
    if noun is None:
        raise Http404
    address = ReportAddress(noun, sent.get("query", view.query), site)
    try:
        said = _do(sent.get("do", ""), view, sent.get("name", ""), address)
    except HeadlesslyError as problem:
        if sent.get("do") == "rename":
            renaming = {"name": sent.get("name", "")} | refusal(problem)
            return _page(request, site, address, view, renaming=renaming)
        messages.error(request, problem.message)
    else:
        if said:
            messages.success(request, said)
    stays = "query" in sent and sent.get("do") != "delete"
    return HttpResponseRedirect(saved_url(view, noun)) if stays else own_page


def _do(what: str, view: View, name: str, address: ReportAddress) -> str:
    """Does what a button says and returns the message to show. Raises Http404 if there is no such action."""
    if said := change_view(what, view, name, address.view_query):
        return said
    match what:
        case "delete":
            view.remove()
            return _("Deleted the report “%s”.") % view
        case "pin":
            saved_views.pin_report(view)
            return _("“%s” is on your page now.") % view
        case "unpin":
            saved_views.unpin_report(view)
            return _("“%s” is no longer on your page.") % view
        case "up" | "down":
            saved_views.move_report(view, -1 if what == "up" else 1)
            return ""
    raise Http404


# -- a page of one's own -------------------------------------------------------------------------------------


@require_GET
def own_page_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Shows the reports that the person pinned, in their order, and all saved ones."""
    nouns = {noun.__name__: noun for noun in site.nouns}
    pinned = [view for view in saved_views.pinned_reports() if view.noun in nouns]
    here = {view.pk for view in pinned}
    until = time.monotonic() + BUDGET
    return site.respond(
        request,
        "reports",
        _("Reports"),
        styles=["lists", "dashboard", "reports"],
        shown=[_pinned_html(request, view, nouns[view.noun], site, until) for view in pinned],
        saved=[
            {
                "view": view,
                "noun": labels.plural_title(nouns[view.noun]),
                "url": saved_url(view, nouns[view.noun]),
                "pinned": view.pk in here,
            }
            for view in saved_views.visible_reports()
            if view.noun in nouns
        ],
        tables=[
            {"label": each.title, "url": reverse("admin:report_table", args=[each.name])}
            for each in reports.by_name.values()
            if each.has_rows and each.is_offered()
        ],
        about=[
            {"label": labels.plural_title(noun), "url": report_url(noun)}
            for noun in site.nouns
            if noun.Surface.area != SETUP
        ],
    )


def _pinned_html(
    request: HttpRequest, view: View, noun: type[Noun], site: TenantSite, until: float
) -> str:
    """Returns the HTML of one pinned report; only its name when the time of the page is used up."""
    address = ReportAddress(noun, view.query, site)
    report = run_report(address) if time.monotonic() < until else Report(address)
    drawn = _drawn(report, PINNED_BARS)
    context = {
        "view": view,
        "url": saved_url(view, noun),
        "late": time.monotonic() >= until and not report.answers,
        "plural": noun.plural,
        "is_drawn": bool((drawn["bars"] or {}).get("bars") or drawn["line"]),
        **drawn,
    }
    return render_to_string("headlessly/pinned_report.html", context, request=request)
