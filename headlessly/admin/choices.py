"""What a searchable choice finds: records of the tenant by their words, twenty at a time."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse

from headlessly.database import timeouts
from headlessly.declaration.registry import registry
from headlessly.errors import InvalidFilter
from headlessly.nouns import Noun
from headlessly.query import ranking, sorting
from headlessly.query.paging import RecordList
from headlessly.query.scope import Scope

PAGE = 20


def find_choices(request: HttpRequest, site: Any) -> JsonResponse:
    """The answer in select2's terms, for the noun that ``model_name`` names."""
    noun = _requested_noun(request)
    if not site.get_model_admin(noun).has_view_permission(request):
        raise PermissionDenied
    page = request.GET.get("page", "1")
    start = (int(page) - 1) * PAGE if page.isdecimal() and 0 < int(page[:5]) < 1_000 else 0
    try:
        keys = _find_keys(noun, request.GET.get("term", "").strip(), start)
    except InvalidFilter:
        return JsonResponse({"results": [], "pagination": {"more": False}})
    by_id = noun.objects.in_bulk(keys)
    rows = [by_id[key] for key in keys if key in by_id]
    return JsonResponse(
        {
            "results": [{"id": row.pk, "text": choice_label(row)} for row in rows[:PAGE]],
            "pagination": {"more": len(keys) > PAGE},
        }
    )


def _find_keys(noun: type[Noun], term: str, start: int) -> list[str]:
    """The ids on a page, and of one record more where there is one. Raises InvalidFilter."""
    if term:
        with timeouts.statement_timeout():
            best = ranking.best_matches([noun], term)
        return [match.key for match in best[start : start + PAGE + 1]]
    scope = Scope(noun)
    latest = RecordList(scope, sorting.sort_keys(scope, None))
    return [key for key, *_ in latest.first(PAGE, start)]


def choice_label(record: Noun) -> str:
    """A record's name, with what tells it from its namesakes."""
    noun = type(record)
    known = [getattr(record, n) for n in noun.unique_fields if n in noun.schema.search]
    return " · ".join([str(record), *(value for value in known[:1] if value)])


def _requested_noun(request: HttpRequest) -> type[Noun]:
    """The noun that is searched: the one named, or the one that its field refers to."""
    wanted = (request.GET.get("app_label"), request.GET.get("model_name"))
    for noun in registry.values():
        if (noun._meta.app_label, noun._meta.model_name) == wanted:
            name = request.GET.get("field_name", "id")
            field = noun.schema.references.get(name)
            if field is not None:
                return registry[field.to]
            if name == "id":
                return noun
    raise PermissionDenied
