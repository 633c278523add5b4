"""What all of REST has in common: who asks, the shape of errors, the headers of answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from headlessly import errors
from headlessly.access import actors
from headlessly.access.models import ApiKey
from headlessly.api.auth import SCHEME, KeyAuthentication, MemberAuthentication, unauthorized
from headlessly.api.bodies import JSON, ApiResponse, BodyRequest, JsonParser, JsonRenderer, OnlyJson
from headlessly.api.idempotency import answer_once
from headlessly.api.inner import InnerRequest

logger = logging.getLogger("headlessly.api")


class TenantView(APIView):
    """A view under a tenant's address: nobody gets past the door without a place in that tenant.

    What they may do there is decided below, by :func:`headlessly.access.actors.may` in the execution.
    """

    authentication_classes: ClassVar = [KeyAuthentication, MemberAuthentication]
    permission_classes: ClassVar = []
    throttle_classes: ClassVar = []
    parser_classes: ClassVar = [JsonParser]
    renderer_classes: ClassVar = [JsonRenderer]
    content_negotiation_class = OnlyJson
    #: They know nothing of a request, so one of each serves all.
    authenticated_by: ClassVar[list[Any]] = [KeyAuthentication(), MemberAuthentication()]
    parsed_by: ClassVar[list[Any]] = [JsonParser()]
    negotiated_by: ClassVar[Any] = OnlyJson()
    #: Whether it may be called from within a batch.
    in_batch: ClassVar[bool] = True
    #: Entries of an answer that are never kept, not even to be given again.
    never_kept: ClassVar[tuple[str, ...]] = ()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The framework's, but that a POST with an Idempotency-Key is done once."""
        self.args, self.kwargs = args, kwargs
        self.request = request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        try:
            self.initial(request, *args, **kwargs)
            known = request.method.lower() in self.http_method_names
            name = request.method.lower() if known else "http_method_not_allowed"
            handler = getattr(self, name, self.http_method_not_allowed)
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
            parsers=self.parsed_by,
            authenticators=self.authenticated_by,
            negotiator=self.negotiated_by,
        )
        if isinstance(request, InnerRequest):
            found.auth = request.place
            found._data = found._full_data = request.content
        return found

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        request.accepted_renderer, request.accepted_media_type = OnlyJson.renderer, JSON
        place = request.auth
        if place is None:
            self.meet_stranger(request)
            return
        # What is called from within was counted with the call around it.
        if isinstance(place, ApiKey) and not isinstance(request._request, InnerRequest):
            self.headers.update(request.use.headers)
            request.use.raise_if_exceeded()
        actors.enter(place.actor)  # until the end of the request: the mount closes what it opened

    def meet_stranger(self, request: Request) -> None:
        """Somebody without a place in this tenant is at the door."""
        raise unauthorized()

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {"Cache-Control": "private, no-store", "Vary": "Authorization, Cookie"}

    def options(self, request: Request, *args: Any, **kwargs: Any) -> ApiResponse:
        return ApiResponse(status=204, headers={"Allow": ", ".join(self.allowed_methods)})

    def get_exception_handler(self) -> Callable[..., ApiResponse]:
        inner = isinstance(self.request._request, InnerRequest)
        return raise_to_the_caller if inner else answer_to_problem


class AdminView(TenantView):
    """A view that is there for admins of the tenant only."""

    #: What only they see and change, by its name and in words.
    kind: ClassVar[str]
    theirs: ClassVar[str]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not actors.may_administer(actor := actors.current()):
            raise errors.Forbidden(
                f"As {actor.role} you may not see or change {self.theirs}.", type=self.kind
            )


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
    elif status >= 500:
        request = context["request"]
        logger.error("%s %s failed", request.method, request.path, exc_info=exc)
    return ApiResponse(body, status=status, headers=headers)
