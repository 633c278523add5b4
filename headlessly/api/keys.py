"""API keys by REST, for admins of the tenant: issued, listed without their secrets, and revoked."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.serializers import CharField, ChoiceField

from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey
from headlessly.accounts.keys import issue_key, revoke_key
from headlessly.api.base import AdminViewSet, created_response, find_by_id
from headlessly.api.bodies import ApiResponse
from headlessly.api.describing import answers
from headlessly.api.log import paginate
from headlessly.api.serializers import (
    Count,
    InputSerializer,
    Moment,
    ResourceSerializer,
    declared_field,
)
from headlessly.context import clock
from headlessly.declaration.schema import Field


class ApiKeySerializer(ResourceSerializer):
    """Nothing of it gives the secret away."""

    kind, prefix = ApiKey.__name__, ApiKey.prefix

    name = CharField()
    scope = ChoiceField(list(actors.SCOPES))
    hint = CharField()
    owner = CharField(
        source="user_id",
        allow_null=True,
        help_text="The user with whose place it ends; null of a service key.",
    )
    rate_limit = Count()
    expires_at = Moment(allow_null=True)
    last_used_at = Moment(allow_null=True)
    revoked_at = Moment(allow_null=True)


class ApiKeyIssuedSerializer(ApiKeySerializer):
    key = CharField(required=False)


EXPIRY = Field("expires_at", "expiresAt", "expires_at", "datetime")


def check_expiry(value: Any) -> Any:
    moment = EXPIRY.clean(value)
    if moment and moment <= clock.now():
        raise ValueError("This is in the past.")
    return moment


class ApiKeyInput(InputSerializer):
    kind = ApiKey.__name__

    name = declared_field(Field("name", "name", "name", "string", required=True, max_length=255))
    scope = declared_field(
        Field("scope", "scope", "scope", "enum", choices=tuple(actors.SCOPES), default="write")
    )
    expires_at = declared_field(EXPIRY, check_expiry)
    service = declared_field(Field("service", "service", "service", "bool", default=False))


class ApiKeyViewSet(AdminViewSet):
    """The keys of the tenant, the newest first; those that were revoked too, as the log names them."""

    kind, kind_in_words, word = ApiKey.__name__, "API keys", "key"
    untagged: ClassVar = ("lastUsedAt",)
    never_kept: ClassVar = ("key",)  # shown once: not to whoever sends the request again

    @answers(ApiKeySerializer, many=True)
    def list(self, request: Request) -> ApiResponse:
        """The API keys of the tenant, without their secrets."""
        found = keys_of_tenant().order_by("-created_at", "id")
        return ApiResponse(paginate(found, ApiKeySerializer.to_json, **self.asked))

    @answers(ApiKeyIssuedSerializer, takes=ApiKeyInput, status=201, id="keyIssue")
    def create(self, request: Request) -> ApiResponse:
        """Issue an API key: this answer is the only place where it can be read."""
        key, secret = issue_key(**ApiKeyInput.read_body(request.data))
        return created_response(
            ApiKeySerializer.to_json(key) | {"key": secret}, f"apikeys/{key.pk}"
        )

    def shown(self, id: str) -> dict[str, Any]:
        return ApiKeySerializer.to_json(find_by_id(keys_of_tenant(), self.kind, id))

    @answers(ApiKeySerializer)
    def retrieve(self, request: Request, id: str) -> ApiResponse:
        """Read one API key."""
        return ApiResponse(self.shown(id))

    @answers(None, id="keyRevoke")
    def destroy(self, request: Request, id: str) -> ApiResponse:
        """Revoke an API key, at once."""
        revoke_key(find_by_id(keys_of_tenant(), self.kind, id))
        return ApiResponse(status=204)


def keys_of_tenant() -> QuerySet[ApiKey]:
    return ApiKey.objects.filter(tenant_id=tenancy.require().pk)
