"""What a client can ask about the API itself, about its tenant and about its own place in it."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request

from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey
from headlessly.api import parameters
from headlessly.api.base import TenantView
from headlessly.api.bodies import ApiResponse
from headlessly.declaration import describe
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import wire_name
from headlessly.errors import NotFound
from headlessly.nouns import Noun
from headlessly.query import counts


class SchemaView(TenantView):
    """The nouns: fields, verbs, machine, relations."""

    def get(self, request: Request, name: str | None = None) -> ApiResponse:
        parameters.refuse_parameters(request.GET)
        if name is None:
            return ApiResponse(describe.describe_nouns())
        noun: type[Noun] | None = registry.get(name)
        if noun is None:
            raise NotFound(f"There is no noun {name[:64]!r}. Nouns: {', '.join(registry)}.")
        return ApiResponse(describe.describe_noun(noun))


class MeView(TenantView):
    """Who am I, where, and what may I do?"""

    def get(self, request: Request) -> ApiResponse:
        parameters.refuse_parameters(request.GET)
        actor, tenant = actors.current(), tenancy.require()
        return ApiResponse(
            {
                "$id": actor.id,
                "$type": "ApiKey" if isinstance(request.auth, ApiKey) else "User",
                "$context": tenancy.context_url(),
                "name": actor.name,
                "role": actor.role,
                "contact": actor.contact_id,
                "sees": "own" if actor.limited else "all",
                **_describe_key(request.auth),
                "tenant": {"slug": tenant.slug, "name": tenant.name},
                "may": {
                    noun.__name__: [wire_name(v) for v in noun.verbs if actors.may(actor, v, noun)]
                    for noun in registry.values()
                },
            }
        )


def _describe_key(place: Any) -> dict[str, Any]:
    """What else there is to say of an API key."""
    if not isinstance(place, ApiKey):
        return {}
    return {"scope": place.scope, "expiresAt": place.expires_at}


class StatusView(TenantView):
    """The numbers of the pipeline."""

    def get(self, request: Request) -> ApiResponse:
        parameters.refuse_parameters(request.GET)
        return ApiResponse({"$context": tenancy.context_url(), "nouns": counts.counts_by_state()})
