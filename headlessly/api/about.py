"""What a client can ask about the API itself, about its tenant and about its own place in it."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.serializers import CharField, IntegerField

from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey
from headlessly.api import parameters
from headlessly.api.base import TenantView
from headlessly.api.bodies import ApiResponse
from headlessly.api.json_schema import TEXTS, TYPES, Schema
from headlessly.api.serializers import Moment, SchemaField, WireSerializer
from headlessly.declaration import describe
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import wire_name
from headlessly.declaration.shapes import cached_by_shape
from headlessly.errors import NotFound, did_you_mean
from headlessly.nouns import Noun
from headlessly.query import counts
from headlessly.query.record_operations import describe_operations


class SchemaView(TenantView):
    """The nouns: fields, verbs, machine, relations."""

    def get(self, request: Request, name: str | None = None) -> ApiResponse:
        parameters.refuse_parameters(request.GET)
        if name is None:
            return ApiResponse(_describe_all())
        noun: type[Noun] | None = registry.get(name)
        if noun is None:
            near = did_you_mean(name, registry)
            raise NotFound(f"There is no noun {name[:64]!r}.{near} Nouns: {', '.join(registry)}.")
        return ApiResponse(_describe_noun(noun))


@cached_by_shape
def _describe_all() -> dict[str, Any]:
    found = describe.describe_nouns()
    return found | {"nouns": {name: _describe_noun(noun) for name, noun in registry.items()}}


def _describe_noun(noun: type[Noun]) -> dict[str, Any]:
    """A noun, and what may be asked of its records beside their fields and verbs."""
    return describe.describe_noun(noun) | {"operations": describe_operations(noun)}


def schema_by_noun(schema: Schema) -> Schema:
    """An object with one entry for each noun."""
    names = {"enum": list(registry)}
    return {"type": "object", "propertyNames": names, "additionalProperties": schema}


class TenantSerializer(WireSerializer):
    slug = CharField()
    name = CharField()
    currency = CharField(help_text="What amounts of several currencies are converted to.")
    fiscal_year_begins = IntegerField(
        help_text="The month from which quarters and years are counted, 1 for January."
    )


class MeSerializer(WireSerializer):
    """Who asks, by which place in which tenant."""

    meta: ClassVar = {
        "$id": CharField(source="actor.id"),
        "$type": SchemaField({"enum": ["ApiKey", "User"]}, source="type"),
        "$context": SchemaField(TYPES["url"], source="context"),
    }

    name = CharField(source="actor.name")
    role = SchemaField({"enum": [*actors.ROLES, actors.PROPOSER]}, source="actor.role")
    contact = CharField(source="actor.contact_id", allow_null=True)
    sees = SchemaField(
        {"enum": ["all", "own"]},
        help_text="own: only the records that one owns and that nobody owns.",
    )
    scope = SchemaField(
        {"enum": list(actors.SCOPES)},
        source="place.scope",
        required=False,
        help_text="Of a key.",
    )
    expires_at = Moment(source="place.expires_at", required=False, allow_null=True)
    tenant = TenantSerializer()
    may = SchemaField(lambda: schema_by_noun(TEXTS))


class MeView(TenantView):
    """Who am I, where, and what may I do?"""

    def get(self, request: Request) -> ApiResponse:
        parameters.refuse_parameters(request.GET)
        actor, place = actors.current(), request.auth
        me = {
            "actor": actor,
            "place": place,
            "tenant": tenancy.require(),
            "type": "ApiKey" if isinstance(place, ApiKey) else "User",
            "context": tenancy.context_url(),
            "sees": "own" if actor.limited else "all",
            "may": {
                name: [wire_name(v) for v in noun.verbs if actors.may(actor, v, noun)]
                for name, noun in registry.items()
            },
        }
        return ApiResponse(MeSerializer.to_json(me))


class StatusView(TenantView):
    """The numbers of the pipeline."""

    def get(self, request: Request) -> ApiResponse:
        parameters.refuse_parameters(request.GET)
        return ApiResponse({"$context": tenancy.context_url(), "nouns": counts.counts_by_state()})
