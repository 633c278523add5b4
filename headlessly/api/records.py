"""The viewset of every noun: list, create, read, change, delete, history, and an action for each verb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.decorators import action
from rest_framework.request import Request

from headlessly.access import tenancy
from headlessly.api import parameters
from headlessly.api.base import TenantViewSet
from headlessly.api.bodies import ApiResponse, FileFormParser, FormBody, JsonOrFiles, JsonParser
from headlessly.api.filtersets import NounFilterSet, filterset_for
from headlessly.api.log import record_history
from headlessly.api.preconditions import (
    etag,
    is_known,
    read_if_match,
    read_if_none_match,
    refuse_if_match,
)
from headlessly.declaration import labels
from headlessly.declaration.schema import wire_name
from headlessly.declaration.verbs import Verb
from headlessly.errors import BadRequest, NotFound, Stale, did_you_mean
from headlessly.execution import executor, results
from headlessly.execution import upsert as upserts
from headlessly.language import wording
from headlessly.nouns import Noun
from headlessly.query import aggregates, names, reads
from headlessly.query.record_operations import RecordOperation, by_path, record_operations

#: Verbs that have an HTTP method, and so no address of their own.
BY_METHOD = ("create", "update", "delete")


class VerbViewSet(TenantViewSet):
    """Executes verbs of ``noun``."""

    noun: ClassVar[type[Noun]]
    honours_if_match = True

    def execute(self, request: Request, verb: Verb, id: str | None) -> HttpResponse:
        dry_run = parameters.read_dry_run(request.GET)
        if verb.creates:
            refuse_if_match(request.META.get("HTTP_IF_MATCH"))
        if id is not None and read_if_none_match(request.META.get("HTTP_IF_NONE_MATCH")):
            self.noun.get(id)
            said = wording.fill(_("There is such a %s already."), labels.noun_in_error(self.noun))
            raise Stale(said, type=self.noun.__name__, id=id)
        result = executor.run(
            verb,
            id,
            {} if verb.name == "delete" else names.resolve_input(verb, request.data),
            wire=True,
            text=isinstance(request.data, FormBody),
            if_match=read_if_match(request.META.get("HTTP_IF_MATCH")),
            dry_run=dry_run,
        )
        return self.answer(verb, result, dry_run=dry_run)

    def answer(self, verb: Verb, result: Any, *, dry_run: bool) -> HttpResponse:
        """What a write answers."""
        if dry_run:
            return ApiResponse(results.dry_run_json(result))
        if verb.name == "delete":
            return ApiResponse(status=204)
        record = results.record_json(result)
        if not verb.creates:
            headers = {"ETag": etag(result.version)} if verb.name == "update" else None
            return ApiResponse(record, headers=headers)
        address = f"{tenancy.context_url()}/{self.noun.plural}/{result.pk}"
        return ApiResponse(
            record,
            # A verb that creates may have found the record instead.
            status=201 if result.is_new else 200,
            headers={"Location": address, "ETag": etag(result.version)},
        )


class NounViewSet(VerbViewSet):
    """The records of one noun. Subclassed for each by :func:`viewset_for`."""

    filterset_class: ClassVar[type[NounFilterSet]]

    # -- reading ----------------------------------------------------------------------------------

    def list(self, request: Request) -> ApiResponse:
        return ApiResponse(
            reads.record_page(
                self.noun, **parameters.read_list_query(self.filterset_class, request.GET)
            ).as_json()
        )

    @action(detail=False)
    def aggregate(self, request: Request) -> ApiResponse:
        """The records that fit, measured by group."""
        asked = parameters.read_aggregate_query(self.filterset_class, request.GET)
        return ApiResponse(aggregates.aggregate(self.noun, **asked).as_json())

    def retrieve(self, request: Request, id: str) -> ApiResponse:
        asked = parameters.read_parameters(request.GET, parameters.RECORD)
        record = reads.record_json(
            self.noun,
            id,
            include=asked.get("include", ()),
            fields=asked.get("fields"),
            as_of=asked.get("asOf"),
        )
        headers = {"ETag": etag(version := record["$version"])}
        # An included record changes without this one; a computed field is made of the record's own columns.
        known = is_known(version, request.META.get("HTTP_IF_NONE_MATCH"))
        if known and not asked.get("include"):
            return ApiResponse(status=304, headers=headers)
        return ApiResponse(record, headers=headers)

    def retrieve_by_name(self, request: Request, name: str, value: str) -> ApiResponse:
        """The record with a unique value, or with an id of another system."""
        return self.retrieve(request, upserts.name_record(self.noun, name, value).find_or_refuse())

    @action(detail=True, url_path="events", url_name="events")
    def history(self, request: Request, id: str) -> ApiResponse:
        """The events of one record, newest first; also of one that was deleted since."""
        page = parameters.read_parameters(request.GET, parameters.PAGE)
        return ApiResponse(record_history(self.noun, id, **page))

    # -- writing ----------------------------------------------------------------------------------

    def create(self, request: Request) -> HttpResponse:
        return self.execute(request, self.noun.verbs["create"], None)

    def upsert(self, request: Request, name: str, value: str) -> HttpResponse:
        """Change the record with a unique value or an id of another system; create it where there is none."""
        dry_run = parameters.read_dry_run(request.GET)
        result = upserts.upsert(
            upserts.name_record(self.noun, name, value),
            names.resolve_input(self.noun.verbs["create"], request.data),
            wire=True,
            text=isinstance(request.data, FormBody),
            if_match=read_if_match(request.META.get("HTTP_IF_MATCH")),
            only_new=read_if_none_match(request.META.get("HTTP_IF_NONE_MATCH")),
            dry_run=dry_run,
        )
        return self.answer(self.noun.verbs["create"], result, dry_run=dry_run)

    def destroy(self, request: Request, id: str) -> HttpResponse:
        return self.execute(request, self.noun.verbs["delete"], id)

    def http_method_not_allowed(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.noun.immutable and request.method in ("PUT", "PATCH") and "id" in kwargs:
            raise self.noun.never_changes("update")
        return super().http_method_not_allowed(request, *args, **kwargs)

    def no_such_verb(self, request: Request, id: str, what: str) -> HttpResponse:
        verbs = [wire_name(v.name) for v in self.noun.verbs.values() if at_record(v)]
        asked = record_operations(self.noun)
        near = did_you_mean(what, [*verbs, *dict.fromkeys(each.path for each in asked)])
        others = ", ".join(f"{each.method} {each.path}" for each in asked)
        raise NotFound(
            f"{self.noun.__name__} has no verb {what[:64]!r} here.{near} Verbs: {', '.join(verbs)}."
            + (f" Beside them: {others}." if others else ""),
            type=self.noun.__name__,
        )


class ChangingNounViewSet(NounViewSet):
    """The records of a noun that change."""

    def update(self, request: Request, id: str) -> HttpResponse:
        return self.execute(request, self.noun.verbs["update"], id)

    partial_update = update  #: both merge what is given


def viewset_for(noun: type[Noun]) -> type[NounViewSet]:
    """The noun's own viewset, with an action for each verb that has an address of its own."""
    verbs = [v for v in noun.verbs.values() if v.name not in BY_METHOD and v.public is None]
    own: dict[str, Any] = {action_name(verb): verb_action(verb) for verb in verbs}
    own |= operation_actions(noun)
    if any(verb.takes_file for verb in noun.verbs.values()):
        own["parser_classes"] = [JsonParser, FileFormParser]
        own["content_negotiation_class"] = JsonOrFiles
    return type(
        f"{noun.__name__}ViewSet",
        (NounViewSet if noun.immutable else ChangingNounViewSet,),
        {"noun": noun, "filterset_class": filterset_for(noun), **own},
    )


def action_name(verb: Verb) -> str:
    """Returns the action's name, which cannot clash with methods of every view (``update``, ``options``)."""
    return f"execute_{verb.name}"


def verb_action(verb: Verb) -> Callable[..., HttpResponse]:
    """Returns the viewset action that executes the verb."""

    def execute(self: VerbViewSet, request: Request, id: str | None = None) -> HttpResponse:
        return self.execute(request, verb, id)

    execute.__name__, execute.__doc__ = action_name(verb), verb.__doc__
    at = {"url_path": wire_name(verb.name), "url_name": verb.name}
    return action(detail=not verb.creates, methods=["post"], **at)(execute)


def operation_actions(noun: type[Noun]) -> dict[str, Callable[..., HttpResponse]]:
    """Returns the viewset actions for a record's operations beside its fields and verbs. Operations at one
    address are one action with several HTTP methods."""
    found = {}
    for route, (first, *others) in by_path(record_operations(noun)).items():
        at = {"methods": [first.method.lower()], "url_path": route, "url_name": first.name}
        begun = action(detail=True, **at)(operation_view(first))
        found[begun.__name__] = begun
        for each in others:
            view = getattr(begun.mapping, each.method.lower())(operation_view(each))
            found[view.__name__] = view
    return found


def operation_view(asked: RecordOperation) -> Callable[..., HttpResponse]:
    """Returns the viewset method that answers one operation."""

    def answer(self: NounViewSet, request: Request, id: str, **named: str) -> HttpResponse:
        given = {**parameters.read_parameters(request.GET, asked.in_query), **named}
        asked.require(id, given)
        if asked.writes:
            refuse_if_match(request.META.get("HTTP_IF_MATCH"))
        if asked.method == "POST" and request.data:
            first = str(next(iter(request.data)))[:64]
            raise BadRequest("This takes no body.", field=first)
        found = asked.call(id, given)
        return ApiResponse(found, status=200 if found.get("dryRun") else asked.status)

    answer.__name__, answer.__doc__ = f"ask_{asked.name}", asked.description
    return answer


def at_record(verb: Verb) -> bool:
    """Whether the verb's address is below a record's."""
    return not verb.creates and verb.name not in BY_METHOD


def at_collection(verb: Verb) -> bool:
    """Whether the verb's address is below the collection's."""
    return verb.creates and verb.name not in BY_METHOD
