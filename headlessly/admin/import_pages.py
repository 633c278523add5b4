"""Importing files in the browser: send one, see what would happen, then let it happen.

A file is tried first (an import that is a dry run). It is kept for a day, and `go` starts the import with
it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from headlessly.access import actors
from headlessly.admin import display
from headlessly.admin.import_choices import Choices, same_choices
from headlessly.admin.import_reading import reading_choices, said_of_all
from headlessly.admin.import_text import (
    import_row,
    import_rows,
    percent_done,
    refused_row,
    taken_back_text,
    warning_rows,
)
from headlessly.admin.import_words import word_choices
from headlessly.admin.setting_up import beside_settings
from headlessly.admin.sites import TenantSite
from headlessly.admin.undo import Undo, large_undo
from headlessly.admin.widgets import select2
from headlessly.api.uploads import MAX_FILE_SIZE
from headlessly.declaration import labels
from headlessly.declaration.registry import registry
from headlessly.errors import BadRequest, Conflict, HeadlesslyError
from headlessly.language import wording
from headlessly.log.events import Event
from headlessly.nouns import Noun
from headlessly.transfer import formats, imports
from headlessly.transfer.matching import unique_fields
from headlessly.transfer.models import Import
from headlessly.transfer.options import KEPT, VALUES, Options, read_options
from headlessly.transfer.programs import program_called
from headlessly.undo import undos
from headlessly.undo.undos import taken_back_of

#: How many imports and how many refused rows a page shows, and in how many warnings it looks for
#: omissions.
LATELY, REFUSED, WARNED = 20, 50, 1_000


def urls(site: TenantSite) -> list[URLPattern]:
    """Returns the URL patterns of imports, below the workplace's own."""
    return [
        site.page("imports/", imports_view, "imports"),
        site.page("imports/columns/<str:name>.csv", columns_view, "import_columns"),
        site.page("imports/<str:id>/", import_view, "import"),
        site.page("imports/<str:id>/again/", again_view, "import_again"),
        site.page("imports/<str:id>/go/", go_view, "import_go"),
        site.page("imports/<str:id>/cancel/", cancel_view, "import_cancel"),
    ]


def importable_nouns(site: TenantSite) -> list[type[Noun]]:
    """Returns the nouns that the actor may import."""
    actor = actors.current()
    return [noun for noun in site.nouns if actors.may(actor, "create", noun)]


def import_url(noun: type[Noun]) -> str:
    """Returns the address of the page that imports records of a noun."""
    return f"{reverse('admin:imports')}?type={noun.__name__}"


def imports_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Asks for a file, and lists the latest imports; a POST starts a trial."""
    offered = importable_nouns(site)
    if not offered:
        raise PermissionDenied
    asked = request.POST if request.method == "POST" else request.GET
    noun = next((n for n in offered if n.__name__ == asked.get("type")), offered[0])
    if request.method != "POST":
        return _form_page(request, site, noun, asked)
    sent = request.FILES.get("file")
    try:
        source = _begin(noun, sent, asked)
    except HeadlesslyError as problem:
        return _form_page(request, site, noun, asked, problem, status=422)
    return redirect("admin:import", source.pk)


def _begin(noun: type[Noun], sent: Any, asked: Mapping[str, Any]) -> Import:
    """Starts a trial of the file.

    Raises what `imports.begin_import` raises, and BadRequest without a usable file.
    """
    if sent is None:
        raise BadRequest(_("Choose a file first."), field="file")
    if sent.size > MAX_FILE_SIZE:
        raise BadRequest(_("The file is larger than 200 MB. Send it in parts."), field="file")
    format = formats.by_name(sent.name)
    if format is None:
        known = ", ".join(formats.ENDINGS)
        raise BadRequest(_("Send a file that ends with one of %s.") % known, field="file")
    return imports.begin_import(
        noun,
        sent.file,
        format,
        size=sent.size,
        filename=sent.name,
        match=asked.get("match") or None,
        dry_run=True,
        options=read_options(
            {name: asked.get(name, "") for name in ("numbers", "days", "create")}
            | {
                "guess": VALUES,
                "mapping": "" if asked.get("anew") else KEPT,
                "defaults": {wire: id for wire, (id, _name) in said_of_all(noun, asked).items()},
            },
            for_people=True,
        ),
    )


def _form_page(
    request: HttpRequest,
    site: TenantSite,
    noun: type[Noun],
    asked: Mapping[str, str],
    problem: HeadlesslyError | None = None,
    status: int = 200,
) -> HttpResponse:
    return site.respond(
        request,
        "imports",
        _("Import"),
        status=status,
        in_settings=beside_settings(_("Imports")),
        nouns=[(each.__name__, labels.plural_title(each)) for each in importable_nouns(site)],
        type=noun.__name__,
        many=labels.plural_title(noun),
        of_all=said_of_all(noun, asked),
        problem=problem,
        details=(problem.details or [])[:10] if problem else [],
        list_url=display.page_url(noun, "changelist"),
        lately=import_rows(Import.visible()[:LATELY]),
    )


def _matches(noun: type[Noun]) -> list[tuple[str, str]]:
    """Returns the fields by which existing records may be matched, for an actor who may update them."""
    if not actors.may(actors.current(), "update", noun):
        return []
    sets = [[field] for field in unique_fields(noun)]
    if alike := noun.Surface.files.alike:
        sets.append([noun.schema.by_name[name] for name in alike])
    return [
        (
            ",".join(field.wire for field in fields),
            wording.join_with_and(labels.field_label(field) for field in fields),
        )
        for fields in sets
    ]


@require_GET
def import_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    """Shows an import: its progress, its results and the refused rows; for a trial also what its columns
    and words become, to be changed."""
    return _import_page(request, site, imports.get_import(id))


def _import_page(
    request: HttpRequest, site: TenantSite, source: Import, problem: HeadlesslyError | None = None
) -> HttpResponse:
    noun: type[Noun] = source.noun
    rows = list(source.rows.order_by("row")[: REFUSED + 1])
    changes = source.dry_run and source.parts.exists() and bool(source.samples)
    choices = Choices(source) if changes else None
    warnings = warning_rows(source.noun, source.warnings.order_by("row")[:WARNED])
    undo = _undo_of(source)
    taken = taken_back_of([undo.request]).get(undo.request) if undo is not None else None
    large = large_undo(request, undos.last_undo_of(undo.request)) if undo is not None else None
    return site.respond(
        request,
        "import",
        _("Import"),
        in_settings=beside_settings(_("Imports")),
        styles=("imports", "lists"),
        media=select2(),
        source=source,
        row=import_row(source),
        taken=taken and {"at": taken.at, "said": taken_back_text(taken)},
        many=labels.plural_title(source.noun),
        done=percent_done(source),
        may_go=may_go(source),
        good=source.created + source.updated,
        refused=[refused_row(source.noun, row) for row in rows[:REFUSED]],
        refused_numbers=[row.row for row in rows],
        warnings=[each for each in warnings if each["field"]][:REFUSED],
        alike_rows=[each for each in warnings if not each["field"]][:REFUSED],
        looked_at=WARNED,
        alike=wording.join_with_and(
            labels.field_label(noun.schema.by_name[name]) for name in noun.Surface.files.alike
        ),
        made=[
            {"many": labels.plural_title(registry[name]), "count": count}
            for name, count in source.made.items()
        ],
        more=source.refused - REFUSED if len(rows) > REFUSED else 0,
        refused_file=f"{request.META['SCRIPT_NAME']}/imports/{source.pk}/refused.csv",
        list_url=f"{display.page_url(source.noun, 'changelist')}?view=all&o=-createdAt",
        again=import_url(source.noun),
        undo=undo if large is None or large["undo"].finished else None,
        large=large,
        choices=choices,
        columns=choices.columns() if choices else (),
        groups=choices.groups() if choices else (),
        also=choices.also() if choices else (),
        words=word_choices(source) if choices else (),
        reading=reading_choices(source, site) if choices else None,
        matches=_matches(noun) if choices else (),
        kept_from=_kept_from(source),
        program=program_called(noun, source.options.get("program") or ""),
        problem=problem,
        status=problem.status if problem else 200,
    )


def _kept_from(source: Import) -> Import | None:
    """Returns the import whose mapping this one took over, or None."""
    kept = source.options.get("kept_from")
    return Import.visible().filter(pk=kept).first() if kept else None


def _undo_of(source: Import) -> Undo | None:
    """Returns the undo of an import for an actor who may write; None before it has finished."""
    if source.event is None or not source.finished or not actors.current().writes:
        return None
    event = Event.objects.filter(id=source.event).first()
    return Undo(event.request_id) if event is not None else None


@require_POST
def again_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    """Tries the file again with the columns, words and reading that were chosen."""
    source = imports.get_import(id)
    try:
        imports.try_import_again(
            source.pk, _chosen(source, request.POST), match=request.POST.get("match")
        )
    except HeadlesslyError as problem:
        return _import_page(request, site, imports.get_import(id), problem)
    return redirect("admin:import", source.pk)


def _chosen(source: Import, sent: Mapping[str, str]) -> Options:
    """Returns the options that a form chose for a trial; without any mapping if everything is to be
    guessed anew."""
    if "anew" in sent:
        options = Options(**source.options)
        return replace(options, mapping={}, keeps=False, kept_from=None, program=None, chosen=False)
    return Choices(source).read_choices(sent)


@require_POST
def go_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    """Starts the import that was tried. If choices were changed since, they are tried first."""
    source = imports.get_import(id)
    if "choices" in request.POST and may_go(source):
        same = same_choices(Options(**source.options), _chosen(source, request.POST))
        if not same or (request.POST.get("match") or None) != source.match:
            messages.warning(
                request, _("This is how it looks with your changes. Nothing is saved yet.")
            )
            return again_view(request, id, site=site)
    try:
        begun = imports.import_as_tried(source.pk)
    except HeadlesslyError as problem:
        return _form_page(request, site, source.noun, {}, problem, status=problem.status)
    return redirect("admin:import", begun.pk)


@require_POST
def cancel_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    """Cancels an import; imported rows stay. Shows the results of one that has already finished."""
    with suppress(Conflict):
        imports.cancel_import(id)
    return redirect("admin:import", id)


@require_GET
def columns_view(request: HttpRequest, name: str, *, site: TenantSite) -> HttpResponse:
    """Downloads an empty file with the columns that may be filled."""
    noun = registry.get(name)
    if noun is None or noun not in importable_nouns(site):
        raise Http404
    buffer = io.StringIO()
    csv.writer(buffer).writerow(f.wire for f in noun.schema.inputs())
    return HttpResponse(
        buffer.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{noun.plural}.csv"'},
    )


def may_go(source: Import) -> bool:
    """Whether this is a completed trial with rows to import."""
    tried = source.dry_run and source.status == Import.Status.COMPLETED
    return tried and bool(source.created + source.updated) and source.parts.exists()
