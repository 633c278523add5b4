"""Undo in the browser: where it is offered, and the address that does it.

A request is undone as a whole, by :mod:`headlessly.undo.at_once`. In a timeline it is one event of a
request and what that caused. Whether that is still possible is first judged by the record alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from headlessly.access import actors
from headlessly.admin import display
from headlessly.admin.event_text import Entry
from headlessly.admin.sites import TenantSite
from headlessly.context import tracing
from headlessly.declaration import labels
from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry
from headlessly.errors import Conflict, HeadlesslyError
from headlessly.log.events import Event, plain_json
from headlessly.nouns import Noun
from headlessly.undo import undos
from headlessly.undo.at_once import RecordStays, RequestUndone, events_of_request
from headlessly.undo.models import Undo as LargeUndo
from headlessly.undo.models import UndoRecord
from headlessly.undo.plan import RecordChange

#: How many of the records that could not be undone a page lists.
STAYING = 100


@dataclass(frozen=True)
class Undo:
    """What a button undoes: a request, or one event of it; with the reason if that is not possible."""

    request: str
    event: str = ""
    reason: str = ""
    redo: bool = False  #: whether the request was itself an undo


def urls(site: TenantSite) -> list[URLPattern]:
    """Returns the URL patterns of undo, below the workplace's own."""
    return [
        site.page("undo/", undo_view, "undo"),
        site.page("undos/<str:id>/", large_view, "undo_progress"),
        site.page("undos/<str:id>/cancel/", cancel_view, "undo_cancel"),
    ]


def offer_undo(record: Noun, entries: Iterable[Entry]) -> None:
    """Sets the undo of each entry about ``record`` or about a touch of it."""
    entries = list(entries)
    others: dict[type[Record], set[str]] = {}
    for entry in entries:
        noun, target = entry.event.noun, entry.event.target
        if noun is not None and noun.Surface.engagements and target and target != record.pk:
            others.setdefault(noun, set()).add(target)
    known: dict[str, Record] = {record.pk: record}
    for noun, ids in others.items():
        known |= {found.pk: found for found in noun.objects.filter(pk__in=ids)}
    for entry in entries:
        if (about := known.get(entry.event.target or "")) is not None:
            entry.undo = find_undo(about, entry.event)


def find_undo(record: Record, event: Event) -> Undo | None:
    """Returns the undo of an event of ``record``; None if there is nothing to undo, or the actor may not."""
    noun, actor = type(record), actors.current()
    change = RecordChange(noun, record.pk, [event], record)
    if change.created and not noun.Surface.engagements:
        return None  # deleting the record is a decision of its own, not an undo of its first event
    verb = noun.schema.verbs_by_event.get(event.name)
    name = verb.name if verb is not None and not verb.corrects else "update"
    if not (actors.may(actor, name, noun) and actor.writes):
        return None
    change.judge()
    told = [wire for wire in change.changed if not noun.schema.fields[wire].follows_events]
    if change.undone or not (told or change.goes or change.returns):
        return None
    return Undo(event.request_id, event.id, change.stays.message if change.stays else "")


@require_POST
def undo_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    """Undoes a request, or one event of it, and lists what could not be undone."""
    sent = request.POST
    back = safe_return(request) or reverse("admin:index")
    try:
        done = undos.take_back(sent.get("request"), event=sent.get("event") or None)
    except HeadlesslyError as problem:
        messages.error(request, problem.message)
        return HttpResponseRedirect(back)
    if isinstance(done, LargeUndo):
        shown = "follow" in sent and safe_return(request)
        return HttpResponseRedirect(shown or reverse("admin:undo_progress", args=[done.pk]))
    tag = tracing.request_id() or ""
    messages.success(
        request, undone_text(done), extra_tags=tag if "redo" in sent else f"{REDO}{tag}"
    )
    if not done.stays:
        return HttpResponseRedirect(_still_there(done, back))
    return site.respond(
        request,
        "undo",
        _("Not all of it was taken back"),
        styles=("lists",),
        done=undone_text(done),
        stays=_staying_rows(done.stays[:STAYING]),
        more=max(0, len(done.stays) - STAYING),
        back=_still_there(done, back),
    )


#: Prefix of a message's tag that says it was an undo; the id of its request follows.
REDO = "redo-"


def undone_text(done: RequestUndone) -> str:
    """Returns a sentence on what was undone."""
    if len(done.undone) == 1:
        return _("Taken back: %s.") % done.undone[0].name
    count = len(done.undone)
    said = ngettext("Taken back: %(count)s record.", "Taken back: %(count)s records.", count)
    return said % {"count": display.number(count)}


def safe_return(request: HttpRequest) -> str:
    """Returns the page of this site that a form says it came from; empty for any other address."""
    back = request.POST.get("back", "")
    here = request.META.get("SCRIPT_NAME", "") + "/admin/"
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return back if safe and back.startswith(here) else ""


def _still_there(done: RequestUndone, back: str) -> str:
    """Returns ``back``, unless the record of that page is gone: then the page of the record that it was
    made from, or the list."""
    undone = {each.id: each.noun for each in done.undone}
    for id, noun in undone.items():
        gone = not noun.objects.filter(pk=id).exists()
        if gone and back.startswith(display.page_url(noun, "change", id)):
            asked = events_of_request(done.request)[0].target or ""
            made_from = undone.get(asked)
            if made_from is not None and made_from.objects.filter(pk=asked).exists():
                return display.page_url(made_from, "change", asked)
            return display.page_url(noun, "changelist")
    return back


@require_GET
def large_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    """Shows the progress and the results of a large undo."""
    return site.respond(
        request,
        "undo_progress",
        _("Undo"),
        styles=("imports", "lists"),
        large=large_undo(request, undos.get_undo(id)),
    )


@require_POST
def cancel_view(request: HttpRequest, id: str, *, site: TenantSite) -> HttpResponse:
    """Cancels an undo; what was undone stays so. Shows the results of one that has already finished."""
    with suppress(Conflict):
        undos.cancel_undo(id)
    return HttpResponseRedirect(safe_return(request) or reverse("admin:undo_progress", args=[id]))


def large_undo(request: HttpRequest, found: LargeUndo | None) -> dict[str, Any] | None:
    """Returns the context of a large undo."""
    if found is None:
        return None
    looking = not found.undone and found.looked_at < (found.total or 0)
    stays = undos.staying_records(found)[:STAYING] if found.finished else ()
    return {
        "undo": found,
        "again": Undo(found.request_id, redo=True) if _may_redo(found) else None,
        "badge": display.run_badge(found),
        "looking": looking,
        "done": display.number(found.looked_at if looking else found.done),
        "total": display.number(found.total or 0),
        "percent": 100 * (found.looked_at if looking else found.done) // (found.total or 1),
        "by_type": [
            {
                "many": labels.plural_title(registry[name]),
                **{what: display.number(count) for what, count in counts.items()},
            }
            for name, counts in found.by_type.items()
            if name in registry
        ],
        "stays": _staying_rows(stays),
        "more": display.number(found.stays - STAYING) if found.stays > STAYING else "",
        "file": f"{request.META['SCRIPT_NAME']}/undos/{found.pk}/stays.csv",
    }


def _may_redo(found: LargeUndo) -> bool:
    taken_back = found.finished and bool(found.undone) and not found.dry_run
    return taken_back and actors.current().writes


def _staying_rows(staying: Iterable[RecordStays | UndoRecord]) -> list[dict[str, str]]:
    """Returns the records that could not be undone with the reason, and the page of each that the actor
    sees; one query per noun."""
    told = [plain_json(each.as_json()) for each in staying]
    by_noun: dict[str, list[str]] = defaultdict(list)
    for each in told:
        by_noun[each["type"]].append(each["id"])
    pages = {
        id: display.page_url(registry[noun], "change", id)
        for noun, ids in by_noun.items()
        if noun in registry
        for id in registry[noun].objects.filter(pk__in=ids).values_list("pk", flat=True)
    }
    return [
        {
            "name": each["name"],
            "url": pages.get(each["id"], ""),
            "reason": each["message"],
            "when": display.age_html(datetime.fromisoformat(each["since"]["timestamp"]))
            if each["since"]
            else "",
        }
        for each in told
    ]
