"""The tenant's lists of values: order, colour, retire and merge values, close a list."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from headlessly.admin.settings.fields import COLORS, option_rows, read_lines, read_marks
from headlessly.admin.sites import TenantSite
from headlessly.context import tracing
from headlessly.declaration import labels
from headlessly.declaration.registry import registry
from headlessly.errors import HeadlesslyError
from headlessly.shaping import value_lists
from headlessly.shaping.following import Followed
from headlessly.shaping.value_lists import FieldList


def title_of(found: FieldList) -> str:
    """Returns what people call a list: the nouns that use it, and its field."""
    nouns = ", ".join(dict.fromkeys(labels.plural_title(noun) for noun, _field in found.fields))
    return f"{nouns}: {labels.field_label(found.field)}"


def value_label(found: FieldList, value: str) -> str:
    """Returns the label of a value if it differs from the value itself, such as ``Decision maker``, else
    an empty text."""
    if not found.is_choice or not value:
        return ""
    label = labels.choice_label(found.field, value)
    return label if label != value else ""


def lists_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    lists = [
        (found, title_of(found), [value_label(found, v) or v for v in found.values.offered])
        for found in value_lists.all_lists()
    ]
    return site.respond(request, "settings/lists", _("Lists of values"), lists=lists)


def list_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    """Shows one list; a POST changes it."""
    found = value_lists.find_list(id)
    if request.method != "POST":
        return _respond(request, site, found)
    sent = read_values(request.POST)
    try:
        is_open = not found.is_choice and request.POST.get("open") != "no"
        value_lists.change_list(id, {"values": sent, "open": is_open})
    except HeadlesslyError as problem:
        return _respond(request, site, found, problem=_said(problem), sent=sent)
    messages.success(request, _("Saved."))
    return redirect("admin:settings_list", id)


def read_values(sent: Any) -> list[dict[str, Any]]:
    """Returns the values of the form, sorted by their numbers; a line without one counts by its position."""
    found: list[tuple[int, dict[str, Any]]] = []
    lines = read_lines(sent, "value", "name", "color", "retired", "place")
    for number, line in enumerate(lines, 1):
        if name := line["name"].strip():
            place = line["place"].strip()
            at = int(place) if place.isascii() and place.isdigit() and len(place) < 6 else number
            found.append((at, {"value": name, **read_marks(line)}))
    return [value for _place, value in sorted(found, key=itemgetter(0))]


def _respond(
    request: HttpRequest,
    site: TenantSite,
    found: FieldList,
    *,
    problem: str = "",
    sent: list[dict[str, Any]] | None = None,
) -> HttpResponse:
    used = found.used()
    values = sent if sent is not None else [each.as_json() for each in found.values.values]
    rows = [
        row | {"used": used.get(row["value"], 0), "label": value_label(found, row["value"])}
        for row in option_rows(values)
    ]
    others = found.others(used)
    names = dict.fromkeys([*(each.value for each in found.values.values), *used])
    return site.respond(
        request,
        "settings/list",
        title_of(found),
        status=422 if problem else None,
        found=found,
        known={each.value for each in found.values.values},
        rows=rows,
        colors=COLORS.items(),
        color_codes=list(COLORS),
        others=others,
        names=names,
        problem=problem,
    )


@require_POST
def merge_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    """Replaces one value by another in every record. If the other is new, this renames the value."""
    found = value_lists.find_list(id)
    source, into = request.POST.get("from", ""), request.POST.get("into", "").strip()
    try:
        merged = value_lists.merge_values(id, source, into)
    except HeadlesslyError as problem:
        return _respond(request, site, found, problem=_said(problem))
    count = len(merged.changed)
    said = ngettext("%d record has it now.", "%d records have it now.", count) % count
    if merged.remaining:
        said += " " + _("%d have the old one still: merge again.") % merged.remaining
    if followed := [each for each in merged.followed if each.refused is None]:
        said += " " + _("These ask for it too now: %s.") % ", ".join(map(_named, followed))
    said += " " + _("Request %s, to undo it.") % tracing.request_id()
    messages.success(request, said)
    for _id, why in merged.refused[:3]:
        messages.error(request, f"{_id}: {why}")
    for each in merged.followed:
        if each.refused is not None:
            messages.error(request, f"{_named(each)}: {each.refused}")
    return redirect("admin:settings_list", id)


def _named(followed: Followed) -> str:
    """Returns what people call a record or view that uses a value, such as ``Segment “From fairs”``."""
    noun = registry.get(followed.type)
    kind = labels.noun_title(noun) if noun is not None else _("View")
    return f"{kind} “{followed.name}”" if followed.name else kind


def _said(problem: HeadlesslyError) -> str:
    return " ".join(detail["message"] for detail in problem.by_field)
