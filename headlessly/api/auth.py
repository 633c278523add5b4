"""Who is asking: an API key of this tenant, or a member of it in a browser."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BaseAuthentication, SessionAuthentication

from headlessly.access.models import ApiKey, Membership
from headlessly.api import limits
from headlessly.errors import Unauthorized

SCHEME = "Bearer"


def unauthorized() -> Unauthorized:
    """The one answer to strangers, whatever is wrong: it tells nothing of keys or tenants."""
    return Unauthorized("Sign in, or send an API key as `Authorization: Bearer hly_sk_...`.")


class KeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer hly_sk_...``. A header decides: with one, no session is tried."""

    def authenticate(self, request: Any) -> tuple[None, ApiKey] | None:
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        scheme, _, secret = header.strip().partition(" ")
        tenant = request._request.tenant
        if scheme.lower() != SCHEME.lower() or tenant is None:
            raise unauthorized()
        admitted = limits.find_and_count_key(tenant, secret.strip())
        if admitted is None:
            raise unauthorized()
        key, request.use = admitted
        return None, key

    def authenticate_header(self, request: Any) -> str:
        return SCHEME


class MemberAuthentication(SessionAuthentication):
    """The browser's session, of a member of this tenant; writing needs the CSRF token."""

    def authenticate(self, request: Any) -> tuple[Any, Membership] | None:
        user = getattr(request._request, "user", None)
        if user is None:
            return None
        membership = Membership.find_membership(user, request._request.tenant)
        if membership is None:
            return None
        self.enforce_csrf(request)
        return user, membership
