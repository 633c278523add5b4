"""Files into records, in the browser: send one, see what would happen, then let it happen.

What is sent is tried first (an import that is a dry run); its file is kept for a day, and `go` begins
the import with it.
"""

from __future__ import annotations

import csv
import io
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from headlessly.access import actors
from headlessly.admin import display, the
from headlessly.api.uploads import MAX_FILE_SIZE
from headlessly.declaration.registry import registry
from headlessly.errors import BadRequest, HeadlesslyError, NotFound
from headlessly.nouns import Noun
from headlessly.transfer import formats, imports
from headlessly.transfer.columns import unique_fields
from headlessly.transfer.models import Import, RefusedRow

#: How many imports and how many refused rows a page shows.
LATELY, REFUSED = 20, 50
TONES: dict[str, str] = {
    Import.Status.COMPLETED: "green",
    Import.Status.FAILED: "grey",
    Import.Status.CANCELLED: "grey",
}


def urls(site: Any) -> list[Any]:
    """The addresses below the workplace's own."""

    def page(route: str, view: Any, name: str) -> Any:
        return path(f"imports/{route}", site.admin_view(view), name=name)

    return [
        page("", imports_page, "imports"),
        page("columns/<str:name>.csv", columns_file, "import_columns"),
        page("<str:id>/", import_page, "import"),
        page("<str:id>/go/", go, "import_go"),
        page("<str:id>/cancel/", cancel, "import_cancel"),
    ]


def nouns() -> list[type[Noun]]:
    """What the actor may import."""
    actor = actors.current()
    return [noun for noun in _in_order() if actors.may(actor, "create", noun)]


def _in_order() -> list[type[Noun]]:
    workplace = the.site
    return workplace.nouns


def address(noun: type[Noun]) -> str:
    """Where a file of these is sent."""
    return f"{reverse('admin:imports')}?type={noun.__name__}"


@require_http_methods(["GET", "HEAD", "POST"])
def imports_page(request: HttpRequest) -> HttpResponse:
    """Ask for a file, and show what became of the last ones."""
    offered = nouns()
    if not offered:
        raise PermissionDenied
    asked = request.POST if request.method == "POST" else request.GET
    noun = next((n for n in offered if n.__name__ == asked.get("type")), offered[0])
    if request.method != "POST":
        return _form(request, offered, noun)
    sent = request.FILES.get("file")
    try:
        source = _begin(noun, sent, asked.get("match", ""))
    except HeadlesslyError as problem:
        return _form(request, offered, noun, problem, status=422, match=asked.get("match", ""))
    return HttpResponseRedirect(reverse("admin:import", args=[source.pk]))


def _begin(noun: type[Noun], sent: Any, match: str) -> Import:
    """Begin to try the file. Raises what `imports.begin` does, and BadRequest where there is none."""
    if sent is None:
        raise BadRequest(_("Choose a file first."), field="file")
    if sent.size > MAX_FILE_SIZE:
        raise BadRequest(_("The file is larger than 200 MB. Send it in parts."), field="file")
    format = formats.by_name(sent.name)
    if format is None:
        known = ", ".join(formats.ENDINGS)
        raise BadRequest(_("Send a file that ends with one of %s.") % known, field="file")
    return imports.begin(
        noun,
        sent.file,
        format,
        size=sent.size,
        filename=sent.name,
        match=match or None,
        dry_run=True,
    )


def _form(
    request: HttpRequest,
    offered: list[type[Noun]],
    noun: type[Noun],
    problem: HeadlesslyError | None = None,
    status: int = 200,
    match: str = "",
) -> HttpResponse:
    found = list(imports.there()[:LATELY])
    return _respond(
        request,
        "imports",
        title=_("Import"),
        status=status,
        nouns=[
            {"name": n.__name__, "label": display.plural_title(n), "on": n is noun} for n in offered
        ],
        type=noun.__name__,
        many=display.plural_title(noun),
        required=[display.field_label(f) for f in noun.schema.inputs() if f.required],
        matches=[
            {"name": f.wire, "label": display.field_label(f), "on": f.wire == match}
            for f in unique_fields(noun)
        ]
        if actors.may(actors.current(), "update", noun)
        else [],
        problem=problem,
        details=(problem.details or [])[:10] if problem else [],
        list_url=display.place(noun, "changelist"),
        lately=[_row(each) for each in found],
    )


@require_GET
def import_page(request: HttpRequest, id: str) -> HttpResponse:
    """One import: how far it is, what became of it, and which rows it could not take."""
    source = _found(id)
    rows = list(source.rows.order_by("row")[: REFUSED + 1])
    return _respond(
        request,
        "import",
        title=_("Import"),
        source=source,
        row=_row(source),
        many=display.plural_title(source.noun),
        done=_share(source),
        may_go=may_go(source),
        good=source.created + source.updated,
        refused=[_told(row) for row in rows[:REFUSED]],
        more=source.refused - REFUSED if len(rows) > REFUSED else 0,
        refused_file=f"{_start(request)}imports/{source.pk}/refused.csv",
        list_url=f"{display.place(source.noun, 'changelist')}?view=all&o=-createdAt",
        again=address(source.noun),
    )


@require_POST
def go(request: HttpRequest, id: str) -> HttpResponse:
    """Do what was tried."""
    source = _found(id)
    try:
        begun = imports.go(source.pk)
    except HeadlesslyError as problem:
        return _form(request, nouns(), source.noun, problem, status=problem.status)
    return HttpResponseRedirect(reverse("admin:import", args=[begun.pk]))


@require_POST
def cancel(request: HttpRequest, id: str) -> HttpResponse:
    """Stop it; what is in stays in. One that is over already shows how it ended."""
    source = _found(id)
    try:
        imports.cancel(source.pk)
    except HeadlesslyError:
        pass
    return HttpResponseRedirect(reverse("admin:import", args=[source.pk]))


@require_GET
def columns_file(request: HttpRequest, name: str) -> HttpResponse:
    """An empty file with the columns that may be filled."""
    noun = registry.get(name)
    if noun is None or noun not in nouns():
        raise Http404
    buffer = io.StringIO()
    csv.writer(buffer).writerow(f.wire for f in noun.schema.inputs())
    return HttpResponse(
        buffer.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{noun.plural}.csv"'},
    )


def may_go(source: Import) -> bool:
    """Whether it is a trial that ended with rows to take."""
    tried = source.dry_run and source.status == Import.Status.COMPLETED
    return tried and bool(source.created + source.updated) and source.parts.exists()


def _found(id: str) -> Import:
    try:
        return imports.get(id)
    except NotFound:
        raise Http404 from None


def _start(request: HttpRequest) -> str:
    return request.META["SCRIPT_NAME"] + "/"


def _share(source: Import) -> int:
    return 100 * source.done // source.total if source.total else 0


def _row(source: Import) -> dict[str, Any]:
    return {
        "name": str(source),
        "url": reverse("admin:import", args=[source.pk]),
        "said": _said(source),
        "many": display.plural_title(source.noun),
        "when": display.time(source.created_at),
        "tone": TONES.get(source.status, "amber"),
        "status": _status(source),
    }


def _status(source: Import) -> str:
    if source.dry_run and source.status == Import.Status.COMPLETED:
        return _("tried")
    return {
        Import.Status.QUEUED: _("waiting"),
        Import.Status.RUNNING: _("at work"),
        Import.Status.COMPLETED: _("done"),
        Import.Status.FAILED: _("failed"),
        Import.Status.CANCELLED: _("cancelled"),
    }[source.status]


def _said(source: Import) -> str:
    """What became of its rows, or would have, in words."""
    if not source.finished:
        return ""
    counts = (
        (source.created, ngettext("%s new", "%s new", source.created)),
        (source.updated, ngettext("%s changed", "%s changed", source.updated)),
        (source.unchanged, ngettext("%s as it was", "%s as they were", source.unchanged)),
        (source.refused, ngettext("%s refused", "%s refused", source.refused)),
    )
    said = [text % f"{count:,}" for count, text in counts if count]
    return ", ".join(said) or _("no rows")


def _told(row: RefusedRow) -> dict[str, Any]:
    """A refused row: its number, how it begins, what is wrong."""
    values = row.values()
    if isinstance(values, dict):
        values = list(values.values())
    if not isinstance(values, list):
        values = [values]
    cells = [str(cell) for cell in values if cell not in (None, "")]
    return {
        "number": row.row,
        "begins": " · ".join(cells[:3])[:120],
        "problems": row.errors(),
    }


def _respond(
    request: HttpRequest, template: str, *, title: str, status: int = 200, **context: Any
) -> HttpResponse:
    workplace = the.site
    request.current_app = workplace.name
    context |= workplace.each_context(request) | {"title": title, "own_heading": True}
    return TemplateResponse(request, f"headlessly/{template}.html", context, status=status)
