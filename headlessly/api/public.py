"""The address of a verb that says it is public: the one kind of write that needs no key.

A browser's session counts for nothing here, so there is nothing that another site could make a visitor
do in their own name, and no CSRF token to ask for. That is also why any site may call it: CORS is open
at this address, for a record on which the verb is possible, and nowhere else.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from headlessly.access import actors
from headlessly.api import parameters, strangers
from headlessly.api.auth import KeyAuthentication
from headlessly.api.bodies import ApiResponse, FormBody, FormParser, JsonOrForm, JsonParser
from headlessly.api.records import NounViewSet
from headlessly.declaration.values import UNSTORABLE
from headlessly.execution import executor, results

#: No credentials: what a script of another site may not send, it cannot misuse.
ORIGINS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "X-Request-Id, Retry-After",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key",
    "Access-Control-Max-Age": "600",
}


class PublicViewSet(NounViewSet):
    """A public verb of a noun: for those with a key like any other, for strangers without."""

    authenticated_by: ClassVar = [KeyAuthentication()]
    parsed_by: ClassVar = [JsonParser(strangers.MAX_BODY_SIZE), FormParser(strangers.MAX_BODY_SIZE)]
    negotiated_by: ClassVar = JsonOrForm()

    def meet_stranger(self, request: Request) -> None:
        if request._request.tenant is None:
            raise self.noun.not_found(self.kwargs.get("id"))
        if request.method != "OPTIONS":
            use = strangers.count_request(request._request)
            self.headers.update(use.headers)
            use.raise_if_exceeded()
        actors.enter(actors.PUBLIC)

    def options(self, request: Request, *args: Any, **kwargs: Any) -> ApiResponse:
        answer = super().options(request, *args, **kwargs)
        if "HTTP_ORIGIN" in request.META and self._is_open():
            self.headers.update(PREFLIGHT)
        return answer

    def _execute(self, name: str, id: str | None) -> ApiResponse:
        request = self.request
        if request.auth is not None:
            return super()._execute(name, id)
        # A dry run would tell what is known of others, a version how many were here before.
        parameters.read_parameters(request.GET, ())
        text = isinstance(request.data, FormBody)
        result = executor.run(self.verb, id, request.data, wire=True, text=text)
        return ApiResponse(results.public_json(self.verb, result))

    def finalize_response(
        self, request: Request, response: HttpResponse, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if "HTTP_ORIGIN" in request.META and self._is_open():
            self.headers.update(ORIGINS)
        return super().finalize_response(request, response, *args, **kwargs)

    @property
    def default_response_headers(self) -> dict[str, str]:
        said = super().default_response_headers
        return said | {"Vary": f"{said['Vary']}, Origin"}

    def _is_open(self) -> bool:
        """Whether there is a record here on which the verb is possible now."""
        if self.request._request.tenant is None:
            return False
        id, machine = self.kwargs.get("id"), self.noun.schema.machine
        if id is None:
            return True
        if UNSTORABLE.search(id):
            return False
        found = self.noun.objects.filter(pk=id)
        if self.verb.steps:
            found = found.filter(**{f"{machine.name}__in": list(self.verb.steps)})
        return found.exists()
