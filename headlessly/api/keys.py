"""API keys by REST, for admins of the tenant: issued, listed without their secrets, and revoked."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request

from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey
from headlessly.api import parameters
from headlessly.api.base import AdminView
from headlessly.api.bodies import ApiResponse
from headlessly.api.log import paginate
from headlessly.context import clock
from headlessly.declaration.schema import Field
from headlessly.errors import Invalid, NotFound

logger = logging.getLogger("headlessly.keys")

#: What a new key is made of.
FIELDS = {
    "name": Field("name", "name", "name", "string", required=True, max_length=255),
    "scope": Field(
        "scope", "scope", "scope", "enum", choices=tuple(actors.SCOPES), default="write"
    ),
    "expiresAt": Field("expires_at", "expiresAt", "expires_at", "datetime"),
}


class KeysView(AdminView):
    """The keys of the tenant, the newest first; those that were revoked too, as the log names them."""

    kind, theirs = ApiKey.__name__, "API keys"
    never_kept: ClassVar = ("key",)  # shown once: not to whoever sends the request again

    def get(self, request: Request) -> ApiResponse:
        asked = parameters.read_parameters(request.GET, parameters.PAGE)
        return ApiResponse(
            {"cursor": None} | paginate(_keys().order_by("-created_at", "id"), **asked)
        )

    def post(self, request: Request) -> ApiResponse:
        """Issue a key. This answer is the only place where it can be read."""
        parameters.read_parameters(request.GET, ())
        key, secret = ApiKey.issue(tenancy.require(), **_cleaned(request.data))
        logger.info("key %s issued by %s", key.pk, actors.current().id)
        address = f"{tenancy.context_url()}/apikeys/{key.pk}"
        return ApiResponse(
            key.as_json() | {"key": secret}, status=201, headers={"Location": address}
        )


class KeyView(AdminView):
    """One key of the tenant."""

    kind, theirs = ApiKey.__name__, "API keys"

    def get(self, request: Request, id: str) -> ApiResponse:
        parameters.read_parameters(request.GET, ())
        return ApiResponse(_key(id).as_json())

    def delete(self, request: Request, id: str) -> ApiResponse:
        """Revoke it, at once; also one that is revoked already."""
        parameters.read_parameters(request.GET, ())
        if _key(id).revoke():
            logger.info("key %s revoked by %s", id, actors.current().id)
        return ApiResponse(status=204)


def _keys() -> QuerySet[ApiKey]:
    return ApiKey.objects.filter(tenant_id=tenancy.require().pk)


def _key(id: str) -> ApiKey:
    """The tenant's key with this id. Raises NotFound, also for another tenant's."""
    found = _keys().filter(pk=id).first() if id.isascii() and id.isprintable() else None
    if found is None:
        raise NotFound(f"There is no ApiKey {id[:64]}.", type="ApiKey", id=id[:64])
    return found


def _cleaned(body: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a new key, by their names in Python. Raises Invalid."""
    problems = {
        name[:64]: f"There is no such field. Fields: {', '.join(FIELDS)}."
        for name in body
        if name not in FIELDS
    }
    values = {}
    for name, field in FIELDS.items():
        try:
            values[field.name] = field.clean(body.get(name))
        except ValueError as problem:
            problems[name] = str(problem)
    if (expires := values.get("expires_at")) and expires <= clock.now():
        problems["expiresAt"] = "This is in the past."
    if problems:
        raise Invalid.for_fields(problems, type="ApiKey")
    return values
