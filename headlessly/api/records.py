"""The one viewset, for every noun: list, create, read, change, delete, execute a verb, history."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from headlessly.access import tenancy
from headlessly.api import parameters
from headlessly.api.base import TenantView
from headlessly.api.bodies import ApiResponse, FormBody
from headlessly.api.log import paginate
from headlessly.api.preconditions import etag, read_if_match
from headlessly.declaration.schema import wire_name
from headlessly.declaration.values import UNSTORABLE
from headlessly.declaration.verbs import Verb
from headlessly.errors import NotFound
from headlessly.execution import executor, results
from headlessly.log import events
from headlessly.nouns import Noun
from headlessly.query import reads

#: Verbs that have a method of HTTP, and so no address of their own.
BY_METHOD = ("create", "update", "delete")


class NounViewSet(TenantView, GenericViewSet):
    """The records of one noun. ``noun`` and, at a verb's address, ``verb`` come from the routes."""

    noun: type[Noun] | None = None
    verb: Verb | None = None

    # -- reading ----------------------------------------------------------------------------------

    def list(self, request: Request) -> ApiResponse:
        return ApiResponse(
            reads.record_page(
                self.noun, **parameters.read_list_query(self.noun, request.GET)
            ).as_json()
        )

    def retrieve(self, request: Request, id: str) -> ApiResponse:
        asked = parameters.read_parameters(request.GET, parameters.RECORD)
        record = reads.record_json(
            self.noun,
            id,
            include=asked.get("include", ()),
            fields=asked.get("fields"),
            as_of=asked.get("asOf"),
        )
        return ApiResponse(record, headers={"ETag": etag(record["$version"])})

    def history(self, request: Request, id: str) -> ApiResponse:
        """The events of one record, newest first; also of one that was deleted since."""
        asked = parameters.read_parameters(request.GET, parameters.PAGE)
        if UNSTORABLE.search(id):
            raise self.noun.not_found(id)
        found = paginate(events.record_history(self.noun, id), **asked)
        if not found["total"]:
            raise self.noun.not_found(id)
        return ApiResponse(found)

    # -- writing ----------------------------------------------------------------------------------

    def create(self, request: Request) -> ApiResponse:
        return self._execute("create", None)

    def update(self, request: Request, id: str) -> ApiResponse:
        return self._execute("update", id)

    def destroy(self, request: Request, id: str) -> ApiResponse:
        return self._execute("delete", id)

    def execute(self, request: Request, id: str | None = None) -> ApiResponse:
        """The verb of this address."""
        return self._execute(self.verb.name, id)

    def no_such_verb(self, request: Request, id: str, what: str) -> ApiResponse:
        verbs = [wire_name(v.name) for v in self.noun.verbs.values() if at_record(v)]
        raise NotFound(
            f"{self.noun.__name__} has no verb {what[:64]!r} here. Verbs: {', '.join(verbs)}.",
            type=self.noun.__name__,
        )

    def _execute(self, name: str, id: str | None) -> ApiResponse:
        request, verb = self.request, self.noun.verbs[name]
        dry_run = parameters.read_dry_run(request.GET)
        result = executor.run(
            verb,
            id,
            {} if name == "delete" else request.data,
            wire=True,
            text=isinstance(request.data, FormBody),
            if_match=None if verb.creates else read_if_match(request.META.get("HTTP_IF_MATCH")),
            dry_run=dry_run,
        )
        if dry_run:
            return ApiResponse(results.dry_run_json(result))
        if name == "delete":
            return ApiResponse(status=204)
        record = results.record_json(result)
        if not verb.creates:
            headers = {"ETag": etag(result.version)} if name == "update" else None
            return ApiResponse(record, headers=headers)
        address = f"{tenancy.context_url()}/{self.noun.plural}/{result.pk}"
        return ApiResponse(
            record,
            # A verb that creates may have found the record instead.
            status=201 if result.is_new else 200,
            headers={"Location": address, "ETag": etag(result.version)},
        )


def at_record(verb: Verb) -> bool:
    """Whether the verb's address is below a record's."""
    return not verb.creates and verb.name not in BY_METHOD


def at_collection(verb: Verb) -> bool:
    """Whether the verb's address is below the collection's."""
    return verb.creates and verb.name not in BY_METHOD
