"""What all of REST has in common: who asks, the shape of errors, the headers of answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, TypeVar

import orjson
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSetMixin

from headlessly import errors
from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.api.auth import SCHEME, BelongsToTenant, IsTenantAdmin
from headlessly.api.bodies import JSON, ApiResponse, BodyRequest, OnlyJson
from headlessly.api.idempotency import answer_once
from headlessly.api.inner import InnerRequest
from headlessly.api.json_schema import Schema
from headlessly.api.parameters import read_parameters
from headlessly.api.preconditions import etag_of_content, refuse_if_changed, refuse_if_match

logger = logging.getLogger("headlessly.api")

Found = TypeVar("Found", bound=models.Model)
Handler = Callable[..., HttpResponse]

#: The methods that change nothing.
READING = ("get", "head", "options")


class TenantView(APIView):
    """A view under a tenant's address. The settings close it to whoever has no place in that tenant."""

    #: Whether it may be called from within a batch; of several actions, which of them.
    in_batch: ClassVar[bool | tuple[str, ...]] = True
    #: Entries of an answer that are never kept, not even to be given again.
    never_kept: ClassVar[tuple[str, ...]] = ()
    #: Whether its writes read If-Match themselves.
    honours_if_match: ClassVar[bool] = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The framework's, but that a POST with an Idempotency-Key is done once."""
        self.args, self.kwargs = args, kwargs
        self.request = request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        try:
            self.initial(request, *args, **kwargs)
            method = f"{request.method}".lower()
            known = method in self.http_method_names and hasattr(self, method)
            handler: Handler = getattr(self, method if known else "http_method_not_allowed")
            if known and method not in READING and not self.honours_if_match:
                handler = partial(self.write, handler)
            if request.method == "POST" and "HTTP_IDEMPOTENCY_KEY" in request.META:
                response = answer_once(
                    request, lambda: handler(request, *args, **kwargs), unkept=self.never_kept
                )
            else:
                response = handler(request, *args, **kwargs)
        except Exception as exc:
            response = self.handle_exception(exc)
        self.response = self.finalize_response(request, response, *args, **kwargs)
        return self.response

    def write(self, handler: Handler, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """What changes something. Raises BadRequest where If-Match is sent, as nothing here has a version."""
        refuse_if_match(request.META.get("HTTP_IF_MATCH"))
        return handler(request, *args, **kwargs)

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        found = BodyRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
        )
        if isinstance(request, InnerRequest):
            found.auth = request.place
            found._data = found._full_data = request.content
        return found

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Nothing is negotiated, and nothing has a version: there is only the door."""
        request.accepted_renderer, request.accepted_media_type = OnlyJson.renderer, JSON
        self.check_permissions(request)

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {"Cache-Control": "private, no-store", "Vary": "Authorization, Cookie"}

    def options(self, request: Request, *args: Any, **kwargs: Any) -> ApiResponse:
        return ApiResponse(status=204, headers={"Allow": ", ".join(self.allowed_methods)})

    def get_exception_handler(self) -> Handler:
        inner = isinstance(self.request._request, InnerRequest)
        return raise_to_the_caller if inner else answer_to_problem


class TenantViewSet(ViewSetMixin, TenantView):
    """The same for several addresses, which a router gives their names."""


class ResourceViewSet(TenantViewSet):
    """One of the platform's own resources; its actions say what they answer (:mod:`.describing`)."""

    #: What begins the names of its operations in the document, and under what they stand there.
    word: ClassVar[str]
    tag: ClassVar[str] = "About"
    #: What the parts of its addresses are; an ``id`` is one of what it answers unless said.
    ids: ClassVar[dict[str, Schema]] = {}
    #: Whether some of those who may ask other things may not read it.
    is_refused: ClassVar[bool] = False
    #: The parameters of the request, by name.
    asked: dict[str, Any]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """The same, and only the parameters that the action says it takes. Raises BadRequest."""
        super().initial(request, *args, **kwargs)
        described = getattr(getattr(self, self.action or "", None), "described", None)
        if described is not None:
            self.asked = read_parameters(request.GET, described.query)


class TaggedViewSet(ResourceViewSet):
    """Resources that one reads, and then changes: each has an ETag, of what it says."""

    kind: ClassVar[str]
    #: Entries that change by themselves: no part of the tag.
    untagged: ClassVar[tuple[str, ...]] = ()

    def shown(self, id: str) -> dict[str, Any]:
        """What one of them says. Raises NotFound."""
        raise NotImplementedError

    def write(self, handler: Handler, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """What changes something: of a resource that is as it was when its tag was read, if that is sent."""
        sent = request.META.get("HTTP_IF_MATCH")
        if sent is None or "id" not in kwargs:
            return super().write(handler, request, *args, **kwargs)
        with transaction.atomic():
            # Concurrent writers wait here, and then find the resource changed.
            Tenant.objects.select_for_update(no_key=True).get(pk=tenancy.require().pk)
            now = ApiResponse(self.shown(kwargs["id"]))
            refuse_if_changed(sent, self._tagged(now), self.kind, kwargs["id"])
            return handler(request, *args, **kwargs)

    def finalize_response(
        self, request: Request, response: HttpResponse, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        found = super().finalize_response(request, response, *args, **kwargs)
        is_one = "id" in kwargs or request.method == "POST"
        if is_one and found.status_code in (200, 201) and not request.GET:
            said = self._tagged(found)
            if said.get("$type") == self.kind:
                found["ETag"] = etag_of_content(said)
        return found

    def _tagged(self, response: HttpResponse) -> dict[str, Any]:
        """What an answer says of a resource, but for what changes by itself or is said once."""
        said = orjson.loads(response.content)
        return {k: v for k, v in said.items() if k not in (*self.never_kept, *self.untagged)}


class AdminViewSet(TaggedViewSet):
    """What is there for admins of the tenant only."""

    permission_classes: ClassVar = [BelongsToTenant, IsTenantAdmin]
    is_refused = True
    #: What only they see and change, in words.
    kind_in_words: ClassVar[str]


def refuse_key_that_reads(kind: str) -> None:
    """Raise Forbidden for a key that only reads, where something of a person changes: ``kind`` says what."""
    actor = actors.current()
    if actor.is_key and not actor.writes:
        raise errors.Forbidden(f"As {actor.role} this key reads, and changes nothing.", type=kind)


def created_response(what: dict[str, Any], path: str, status: int = 201) -> ApiResponse:
    """Returns a response with the new resource and its Location."""
    address = f"{tenancy.context_url()}/{path}"
    return ApiResponse(what, status=status, headers={"Location": address})


def find_by_id(among: models.QuerySet[Found], type: str, id: str) -> Found:
    """Returns the object with this id. Raises NotFound."""
    if (found := among.filter(pk=id).first()) is None:
        raise errors.NotFound(f"There is no {type} {id[:64]}.", type=type, id=id[:64])
    return found


def raise_to_the_caller(exc: Exception, context: dict[str, Any]) -> ApiResponse:
    """Re-raises the exception of an inner request: its caller knows what to undo."""
    raise exc


def answer_to_problem(exc: Exception, context: dict[str, Any]) -> ApiResponse:
    """Returns any exception as the contract's error body; details of a 500 go to the log only."""
    status, body = errors.status_and_body(exc)
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = SCHEME
    elif status == 405:
        headers["Allow"] = ", ".join(context["view"].allowed_methods)
    elif "retryAfter" in body:
        headers["Retry-After"] = str(body["retryAfter"])
    if status >= 500:
        asked = context["request"]
        logger.error("%s %s failed", asked.method, asked.path[:300], exc_info=exc)
    return ApiResponse(body, status=status, headers=headers)
