"""The address of a verb that says it is public: the one kind of write that needs no key.

A browser's session counts for nothing here, so there is nothing that another site could make a visitor
do in their own name, and no CSRF token to ask for. That is also why any site may call it: CORS is open
at this address, for a record on which the verb is possible, and nowhere else.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from headlessly.access import actors, tenancy
from headlessly.api import parameters, strangers
from headlessly.api.auth import IsOpenToStrangers, KeyAuthentication
from headlessly.api.bodies import ApiResponse, FormBody, FormParser, JsonOrForm, JsonParser
from headlessly.api.records import VerbViewSet, action_name, verb_action
from headlessly.declaration.verbs import Verb
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


class PublicVerbViewSet(VerbViewSet):
    """A public verb of a noun: for those with a key like any other, for strangers without."""

    verb_name: ClassVar[str]

    authentication_classes: ClassVar = [KeyAuthentication]
    permission_classes: ClassVar = [IsOpenToStrangers]
    content_negotiation_class = JsonOrForm

    def get_parsers(self) -> list[BaseParser]:
        return [
            JsonParser(strangers.MAX_BODY_SIZE, mends=True),
            FormParser(strangers.MAX_BODY_SIZE),
        ]

    def options(self, request: Request, *args: Any, **kwargs: Any) -> ApiResponse:
        answer = super().options(request, *args, **kwargs)
        if "HTTP_ORIGIN" in request.META and self._is_open():
            self.headers.update(PREFLIGHT)
        return answer

    def execute(self, request: Request, verb: Verb, id: str | None) -> HttpResponse:
        if request.auth is not None:
            return super().execute(request, verb, id)
        # A dry run would tell what is known of others, a version how many were here before.
        parameters.refuse_parameters(request.GET)
        text = isinstance(request.data, FormBody)
        result = executor.run(verb, id, request.data, wire=True, text=text)
        return ApiResponse(results.public_json(verb, result))

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
        if tenancy.current() is None:  # a key that is none
            return False
        id, machine = self.kwargs.get("id"), self.noun.schema.machine
        steps = self.noun.verbs[self.verb_name].steps
        if id is None:
            return self.request._request.tenant is not None
        # Also for an answer to somebody who did not get past the door.
        with actors.acting(actors.PUBLIC):
            found = self.noun.objects.filter(pk=id)
            if machine and steps:
                found = found.filter(**{f"{machine.name}__in": list(steps)})
            return found.exists()


def public_viewset_for(verb: Verb) -> type[PublicVerbViewSet]:
    """The verb's own viewset, with itself as the only action."""
    own = {"noun": verb.noun, "verb_name": verb.name, action_name(verb): verb_action(verb)}
    return type(f"{verb.noun.__name__}{verb.name.title()}ViewSet", (PublicVerbViewSet,), own)
