"""The palette (Ctrl-K): finds records of every noun by their words, pages, and things to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from headlessly.access import actors, visibility
from headlessly.admin import buttons, display, import_pages
from headlessly.admin.lists.tabs import Tabs, ready_views
from headlessly.admin.settings import navigation
from headlessly.database import timeouts
from headlessly.declaration import labels, values
from headlessly.declaration.folding import WAYS, may_be_in
from headlessly.declaration.registry import noun_of, registry
from headlessly.errors import InvalidFilter
from headlessly.language import wording
from headlessly.nouns import Noun
from headlessly.query import ranking, saved_views
from headlessly.transfer import formats

#: How many records of a noun are shown.
SHOWN = 5
#: How many recently opened records are shown.
RECENT = 8
LONGEST = 100
#: How many words of a text are shown before and after the found one.
AROUND = 5
#: Timeout of the search in the database, in milliseconds.
PATIENCE = 1_000


@require_GET
def find_view(request: HttpRequest, *, site: Any) -> JsonResponse:
    """Returns what the palette finds: ``q`` are the words, ``at`` is the current page, ``recent`` the ids
    of records that were opened recently."""
    text = request.GET.get("q", "").strip()
    said = ""
    groups: list[dict[str, Any]] = []
    try:
        if text:
            groups += _find_records(text, site.nouns)
        else:
            groups += _group(_("Recent"), _recent_items(request.GET.get("recent", "")))
    except InvalidFilter as problem:
        said = problem.message
    for title, items in (
        (_("Do"), [*_record_actions(request), *_creating_actions(site), *_commands(site, text)]),
        (_("Go to"), _page_items(request, site, text)),
    ):
        groups += _group(title, _fitting(items, text))
    # Groups with an item that begins with the text come first.
    groups.sort(key=lambda group: min(_rank(item["label"], text) for item in group["items"]) > 0)
    return JsonResponse({"groups": groups, "problem": said})


def _group(title: str, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"title": title, "items": items}] if items else []


def _fitting(items: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """Returns the items whose label or other ``words`` contain every typed word, the best first."""
    sought = text.split()
    ranked = []
    for item in items:
        words = f"{item['label']} {item.pop('words', '')}"
        if all(may_be_in(word, words) for word in sought):
            ranked.append((_rank(item["label"], text), item))
    return [item for _rank, item in sorted(ranked, key=lambda each: each[0])]


def _rank(label: str, text: str) -> int:
    """Returns how well a label matches: 0 if it begins with the text, 1 if its words do, else 2."""
    return min(_rank_folded(way(label), way(text)) for way in WAYS)


def _rank_folded(known: str, sought: str) -> int:
    if known.startswith(sought):
        return 0
    return 1 if all(f" {word}" in f" {known}" for word in sought.split()) else 2


# -- records --------------------------------------------------------------------------------------


def _find_records(text: str, nouns: list[type[Noun]]) -> list[dict[str, Any]]:
    """Returns groups of matching records by noun, in the order of the menu. Raises InvalidFilter."""
    if len(text) > LONGEST:
        raise InvalidFilter(_("Search for %s characters at most.") % LONGEST)
    if not values.is_storable(text):
        raise InvalidFilter(_("This cannot be searched for."))
    if (known := _by_id(text)) is not None:
        return _group(labels.plural_title(type(known)), [_record_item(known)])
    if len(text) < 2:
        return []
    keys: dict[str, list[str]] = {}
    with timeouts.statement_timeout(PATIENCE):
        for match in ranking.best_matches(nouns, text):
            keys.setdefault(match.noun, []).append(match.key)
    groups = []
    for noun in nouns:
        best = keys.get(noun.__name__, [])[:SHOWN]
        by_id = {row.pk: row for row in _read_records(noun, best)}
        items = [_found_item(by_id[key], text) for key in best if key in by_id]
        groups += _group(labels.plural_title(noun), items)
    return groups


def _by_id(text: str) -> Noun | None:
    """Returns the record whose id was typed, if the actor sees it."""
    noun = noun_of(text)
    return noun.objects.filter(pk=text).first() if noun else None


def _read_records(noun: type[Noun], ids: Iterable[str]) -> list[Noun]:
    ids = list(ids)
    if not ids:
        return []
    about = [f.name for f in display.about_references(noun)]
    there = noun.objects.filter(pk__in=ids)
    return list(visibility.load_visible_references(there, about, to_be_named=True))


def _record_item(record: Noun) -> dict[str, Any]:
    noun = type(record)
    machine = noun.schema.machine
    about = [
        display.visible_name(getattr(record, f.name))
        for f in display.about_references(noun)
        if getattr(record, f.column)
    ]
    unique = [getattr(record, n) for n in noun.unique_fields if n in noun.schema.search]
    state = getattr(record, machine.name) if machine else ""
    return {
        "label": str(record),
        "detail": " · ".join([*about, *filter(None, unique)][:2]),
        "state": wording.state_label(state) if state else "",
        "tone": display.state_tone(noun, state) if state else "",
        "kind": labels.noun_title(noun),
        "icon": noun.Surface.icon,
        "url": display.record_url(record),
    }


def _found_item(record: Noun, text: str) -> dict[str, Any]:
    """Returns a record as an item. If label and detail do not contain the words, the detail is the part of
    a text that does."""
    item = _record_item(record)
    words = text.split()
    shown = f"{item['label']} {item['detail']}"
    if not all(may_be_in(word, shown) for word in words):
        schema = type(record).schema
        for name in schema.search:
            known = getattr(record, name, None) if name in schema.by_name else None
            if isinstance(known, str) and (part := _part_with(known, words)):
                return item | {"detail": part}
    return item


def _part_with(text: str, words: list[str]) -> str:
    """Returns the words around the first match in ``text``; empty without one."""
    parts = text.split()
    at = next((n for n, part in enumerate(parts) if any(may_be_in(w, part) for w in words)), None)
    if at is None:
        return ""
    first, last = max(at - AROUND, 0), at + AROUND + 1
    ends = "… " * (first > 0), " …" * (last < len(parts))
    return f"{ends[0]}{' '.join(parts[first:last])}{ends[1]}"


def _recent_items(text: str) -> list[dict[str, Any]]:
    """Returns the records with these ids that the actor sees, in their order."""
    ids = [id for id in text.split(",")[:RECENT] if id]
    found: dict[str, Noun] = {}
    for noun in registry.values():
        mine = [id for id in ids if id.startswith(f"{noun.prefix}_")]
        found |= {row.pk: row for row in _read_records(noun, mine)}
    return [_record_item(found[id]) for id in ids if id in found]


# -- things to do, and pages ----------------------------------------------------------------------


def _record_actions(request: HttpRequest) -> list[dict[str, Any]]:
    """Returns the verbs of the page's record that are possible now. Each presses the button on the page."""
    record = display.record_of_page(request.GET.get("at", ""))
    if record is None:
        return []
    steps, others = buttons.record_buttons(record)
    return [
        {"label": b.label, "detail": str(record), "icon": "bolt", "press": b.url, "sends": b.sends}
        for b in (*steps, *others)
        if not b.reason
    ]


def _creating_actions(site: Any) -> list[dict[str, Any]]:
    actor = actors.current()
    found = []
    for noun in site.nouns:
        if actors.may(actor, "create", noun):
            label = _("Create %(noun)s") % {"noun": labels.noun_in_sentence(noun)}
            page = "quick" if noun.Surface.quick else "add"
            item = {"label": label, "icon": "add", "url": display.page_url(noun, page)}
            item["words"] = _("add new")
            found.append(item | ({"quick": True} if noun.Surface.quick else {}))
        found += [
            {
                "label": labels.verb_and_noun(verb),
                "icon": "add",
                "url": display.page_url(noun, "add_by", verb.name),
            }
            for verb in buttons.creating_verbs(noun)
        ]
    return found


def _commands(site: Any, text: str) -> list[dict[str, Any]]:
    """Returns commands that click a control of the page (``clicks`` is its selector), and the import. They
    are only offered for a typed text."""
    if not text:
        return []
    look = _("theme colours appearance mode")
    export, more = "#hly a[download][href*='format=%s']", _("download file")
    found = [
        (_("Dark theme"), "dark_mode", "[data-theme][value=dark]", look),
        (_("Light theme"), "light_mode", "[data-theme][value=light]", look),
        (_("Theme of the system"), "contrast", "[data-theme][value=auto]", look),
        (_("Export this list as CSV"), "download", export % formats.CSV, more),
        (_("Export this list as a workbook"), "download", export % formats.XLSX, more),
        (_("Export this list…"), "download", "#hly .head a[href*='/confirm/']", more),
        (_("Keys"), "keyboard", "[data-keys]", _("keyboard shortcuts")),
        (_("Sign out"), "logout", "#logout-form button", _("log out leave")),
    ]
    items = [{"label": a, "icon": b, "clicks": c, "words": d} for a, b, c, d in found]
    if import_pages.importable_nouns(site):
        url = reverse("admin:imports")
        item = {"label": _("Import"), "icon": "upload", "url": url, "words": _("upload file CSV")}
        items.append(item)
    return items


def _page_items(request: HttpRequest, site: Any, text: str) -> list[dict[str, Any]]:
    """Returns the pages in the sidebar, the settings and the account's menu, the boards and the calendars."""
    found = [
        {"label": str(item["title"]), "icon": item["icon"], "url": str(item["link"])}
        for group in site.get_sidebar_list(request)
        for item in group["items"]
    ]
    found += [
        {
            "label": _("%(nouns)s board") % {"nouns": labels.plural_title(noun)},
            "icon": "view_kanban",
            "url": display.page_url(noun, "board"),
        }
        for noun in site.nouns
        if noun.Surface.board
    ]
    found += [
        {
            "label": _("%(nouns)s calendar") % {"nouns": labels.plural_title(noun)},
            "icon": "calendar_month",
            "url": display.page_url(noun, "calendar"),
        }
        for noun in site.nouns
        if noun.Surface.calendar
    ]
    links = site.account_links(request)
    found += [{"label": i["title"], "icon": "settings", "url": i["link"]} for i in links]
    if not text:  # the settings and views would be most of the list
        return found
    by_url = {item["url"]: item for item in found}
    for page in navigation.open_pages(request):
        words = f"{page.title} {page.effect} {_('Settings')}"
        known = by_url.get(page.url)
        if known is None:
            item = {"label": page.title, "icon": "settings", "url": page.url}
            found.append(item | {"detail": page.effect, "words": words})
        else:
            known["words"] = words
    return found + _view_items(site)


def _view_items(site: Any) -> list[dict[str, Any]]:
    """Returns the views of lists: a noun's own ones, and those that people saved."""
    saved: dict[str, list[saved_views.View]] = {}
    for view in saved_views.visible_lists():
        saved.setdefault(view.noun, []).append(view)
    return [
        {
            "label": f"{labels.plural_title(noun)}: {view.name}",
            "icon": noun.Surface.icon,
            "url": display.page_url(noun, "changelist") + Tabs.url(view),
        }
        for noun in site.nouns
        for view in (*ready_views(noun)[1:], *saved.get(noun.__name__, ()))
    ]
