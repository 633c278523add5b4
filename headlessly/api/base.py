"""What all of REST has in common: who asks, the shape of errors, the headers of answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from django.db import models
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSetMixin

from headlessly import errors
from headlessly.access import actors, tenancy
from headlessly.api.auth import SCHEME, BelongsToTenant, IsTenantAdmin
from headlessly.api.bodies import JSON, ApiResponse, BodyRequest, OnlyJson
from headlessly.api.idempotency import answer_once
from headlessly.api.inner import InnerRequest
from headlessly.api.json_schema import Schema
from headlessly.api.parameters import read_parameters

logger = logging.getLogger("headlessly.api")

Found = TypeVar("Found", bound=models.Model)
Handler = Callable[..., HttpResponse]


class TenantView(APIView):
    """A view under a tenant's address. The settings close it to whoever has no place in that tenant."""

    #: Whether it may be called from within a batch; of several actions, which of them.
    in_batch: ClassVar[bool | tuple[str, ...]] = True
    #: Entries of an answer that are never kept, not even to be given again.
    never_kept: ClassVar[tuple[str, ...]] = ()

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


class AdminViewSet(ResourceViewSet):
    """What is there for admins of the tenant only."""

    permission_classes: ClassVar = [BelongsToTenant, IsTenantAdmin]
    is_refused = True
    #: What only they see and change, by its name and in words.
    kind: ClassVar[str]
    kind_in_words: ClassVar[str]


def refuse_key_that_reads(kind: str) -> None:
    """Raise Forbidden for a key that only reads, where something of a person changes: ``kind`` says what."""
    actor = actors.current()
    if actor.is_key and not actor.writes:
        raise errors.Forbidden(f"As {actor.role} this key reads, and changes nothing.", type=kind)


def made(what: dict[str, Any], path: str, status: int = 201) -> ApiResponse:
    """The answer with what was made, and where it is from now on."""
    address = f"{tenancy.context_url()}/{path}"
    return ApiResponse(what, status=status, headers={"Location": address})


def find_by_id(among: models.QuerySet[Found], type: str, id: str) -> Found:
    """The one with this id. Raises NotFound, also for an id that is none."""
    found = among.filter(pk=id).first() if id.isascii() and id.isprintable() else None
    if found is None:
        raise errors.NotFound(f"There is no {type} {id[:64]}.", type=type, id=id[:64])
    return found


def log_problem(log: logging.Logger, what: str, exc: Exception) -> None:
    """Keep for the operator what nobody outside is told. What is over by itself is one line: there may be
    thousands of them."""
    if errors.status_and_body(exc)[0] == 503:
        log.warning("%s: %s", what[:300], str(exc).partition("\n")[0])
    else:
        log.error("%s", what[:300], exc_info=exc)


def raise_to_the_caller(exc: Exception, context: dict[str, Any]) -> ApiResponse:
    """Of a call from within: its maker knows what the problem means for the rest."""
    raise exc


def answer_to_problem(exc: Exception, context: dict[str, Any]) -> ApiResponse:
    """Any exception as the contract's error body; the inside of a 500 goes to the log only."""
    status, body = errors.status_and_body(exc)
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = SCHEME
    elif status == 405:
        headers["Allow"] = ", ".join(context["view"].allowed_methods)
    elif "retryAfter" in body:
        headers["Retry-After"] = str(body["retryAfter"])
    if status >= 500:
        log_problem(logger, f"{context['request'].method} {context['request'].path} failed", exc)
    return ApiResponse(body, status=status, headers=headers)
