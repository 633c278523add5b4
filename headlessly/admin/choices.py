"""The search behind reference inputs: finds records of the tenant by their words, twenty at a time.

The name of the field says what is offered (:class:`headlessly.admin.widgets.ReferenceSelect`). Owners and
the like are chosen among the members; the record that another one goes on as, among open records that suit
it. Some forms can also create the record that they refer to.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _

from headlessly.access import actors, visibility
from headlessly.access.models import Membership
from headlessly.admin import display, suitable_records
from headlessly.database import timeouts
from headlessly.declaration.folding import WAYS, fold
from headlessly.declaration.quick import quick_fields
from headlessly.declaration.registry import noun_of, registry
from headlessly.errors import InvalidFilter, NotFound
from headlessly.nouns import Noun
from headlessly.query import ranking, reads, sorting
from headlessly.query.list_address import ME, NONE
from headlessly.query.paging import RecordList
from headlessly.query.scope import Scope

PAGE = 20
#: In place of a field's name: the members; members for a filter, with "me" and "nobody"; and, before the
#: id of a record, the records that suit it.
MEMBER, MEMBER_FILTER, SUITS = "member", "member-filter", "suits-"
#: In place of a field's name: records, with the choice to create one: "Create 'Acme GmbH'".
OR_NEW = "or-new"


def find_choices(request: HttpRequest, site: Any) -> JsonResponse:
    """Returns matching records of the noun that ``model_name`` names, in the format of select2."""
    noun = _requested_noun(request)
    if not site.get_model_admin(noun).has_view_permission(request):
        raise PermissionDenied
    page = request.GET.get("page", "1")
    start = (int(page) - 1) * PAGE if page.isdecimal() and len(page) < 4 and int(page) else 0
    term, name = request.GET.get("term", "").strip(), request.GET.get("field_name", "")
    if name in (MEMBER, MEMBER_FILTER):
        found = find_members(noun, term, offers=name == MEMBER_FILTER)
        return _answer(found[start : start + PAGE], more=len(found) > start + PAGE)
    try:
        if name.startswith(SUITS):
            search = reads.make_search(Scope(noun), term)
            return _answer(_suiting(noun, name.removeprefix(SUITS), search))
        keys = _find_keys(noun, term, start)
    except InvalidFilter:
        return _answer([])
    about = [f.name for f in display.about_references(noun)]
    there = visibility.load_visible_references(noun.objects.all(), about, to_be_named=True)
    by_id = there.in_bulk(keys)
    rows = [by_id[key] for key in keys if key in by_id]
    items = [describe_choice(row) for row in rows[:PAGE]]
    more = len(keys) > PAGE
    # Offered even if records of this name were found, but only once: below the first page.
    if name == OR_NEW and term and start == 0 and quick_fields(noun):
        items += _create_choice(noun, term)
    return _answer(items, more=more)


def describe_choice(record: Noun) -> dict[str, Any]:
    """Returns a record as a choice. ``brings`` are values for other inputs of the form: a contact brings
    their organization."""
    brings = {
        field.name: {"id": other.pk, "text": str(other)}
        for field in display.about_references(type(record))
        if getattr(record, field.column) and (other := getattr(record, field.name)) is not None
    }
    found: dict[str, Any] = {"id": record.pk, "text": choice_label(record)}
    return found | ({"brings": brings} if brings else {})


def _create_choice(noun: type[Noun], term: str) -> list[dict[str, Any]]:
    """Returns the choice to create a record called ``term``, if the actor may."""
    if not actors.may(actors.current(), "create", noun):
        return []
    return [
        {
            "id": "+",
            "text": _("Create “%s”") % term,
            "create": display.page_url(noun, "quick"),
            "sends": {noun.schema.name_field.name: term},
        }
    ]


def _answer(items: list[dict[str, Any]], *, more: bool = False) -> JsonResponse:
    return JsonResponse({"results": items, "pagination": {"more": more}})


def _find_keys(noun: type[Noun], term: str, start: int) -> list[str]:
    """Returns the ids of a page, and one more if there is a next page. Raises InvalidFilter."""
    if term:
        with timeouts.statement_timeout():
            best = ranking.best_matches([noun], term)
        return [match.key for match in best[start : start + PAGE + 1]]
    scope = Scope(noun)
    latest = RecordList(scope, sorting.sort_keys(scope, None))
    return [key for key, *_ in latest.first_keys(PAGE, start)]


def choice_label(record: Noun) -> str:
    """Returns a record's name, with a value that distinguishes it from namesakes."""
    noun = type(record)
    known = [getattr(record, n) for n in noun.unique_fields if n in noun.schema.search]
    return " · ".join([str(record), *(v for v in known[:1] if v and v != str(record))])


# -- members ----------------------------------------------------------------------------------


def find_members(noun: type[Noun], term: str, *, offers: bool) -> list[dict[str, str]]:
    """Returns matching members: those whose name or a word of it begins with ``term``, before those that
    contain it elsewhere. Without a term the actor comes first. ``offers`` puts "me" and "nobody" on top."""
    mine = actors.current().contact_id
    members = Membership.of_contacts().values_list("contact_id", flat=True)
    people = noun.objects.filter(pk__in=list(members))
    sought = " ".join(term.split())
    ranked = []
    for person in people:
        text = choice_label(person)
        if (rank := _rank(text, sought)) is not None:
            me = person.pk == mine
            label = f"{text} ({_('me')})" if me else text
            ranked.append((not me or bool(sought), rank, fold(text), person.pk, label))
    found = [{"id": id, "text": text} for *_order, id, text in sorted(ranked)]
    if not offers:
        return found
    special = [(ME, _("Me"))] if mine else []
    special.append((NONE, _("Nobody")))
    fitting = [(id, text) for id, text in special if fold(text).startswith(fold(sought))]
    return [{"id": id, "text": text} for id, text in fitting] + found


def offered_members(noun: type[Noun], most: int) -> list[tuple[str, str]]:
    """Returns the ids and names of at most ``most`` members, the actor first. Only namesakes have their
    distinguishing value."""
    found = [(each["id"], each["text"]) for each in find_members(noun, "", offers=False)]
    names = [text.partition(" · ")[0] for _id, text in found]
    mine = actors.current().contact_id
    return [
        (id, text if names.count(name) > 1 else f"{name} ({_('me')})" if id == mine else name)
        for (id, text), name in zip(found, names, strict=True)
    ][:most]


def _rank(text: str, sought: str) -> int | None:
    """Returns how well a name matches: 0 if it begins so, 1 if one of its words does, 2 if it contains it,
    else None."""
    ranks = [_rank_folded(way(text), way(sought)) for way in WAYS]
    return min((rank for rank in ranks if rank is not None), default=None)


def _rank_folded(text: str, sought: str) -> int | None:
    if text.startswith(sought):
        return 0
    if f" {sought}" in text:
        return 1
    return 2 if sought in text else None


# -- what suits a record ----------------------------------------------------------------------


def _suiting(noun: type[Noun], id: str, search: Any) -> list[dict[str, str]]:
    """Returns the open records of ``noun`` that suit the record with this id, the nearest first."""
    kind = noun_of(id)
    try:
        record = kind.get(id) if kind is not None else None
    except NotFound:
        record = None
    if record is None:
        raise PermissionDenied
    rows = suitable_records.suiting_records(noun, record, search, PAGE)
    return [{"id": row.pk, "text": suitable_records.option_text(row)} for row in rows]


# -- which noun -------------------------------------------------------------------------------


def _requested_noun(request: HttpRequest) -> type[Noun]:
    """Returns the noun to search: the one named, or the one that the named field refers to."""
    wanted = (request.GET.get("app_label"), request.GET.get("model_name"))
    for noun in registry.values():
        if (noun._meta.app_label, noun._meta.model_name) == wanted:
            name = request.GET.get("field_name", "id")
            field = noun.schema.references.get(name)
            if field is not None:
                return field.target_noun
            if name in ("id", OR_NEW, MEMBER, MEMBER_FILTER) or name.startswith(SUITS):
                return noun
    raise PermissionDenied
