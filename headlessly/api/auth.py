"""Who is asking, an API key of this tenant or a member of it in a browser; and who gets past the door.

What they may do inside is decided below, by :func:`headlessly.access.actors.may` in the execution.
"""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.permissions import BasePermission

from headlessly.access import actors
from headlessly.access.models import ApiKey, Membership
from headlessly.accounts import entering
from headlessly.api import limits, strangers
from headlessly.api.inner import InnerRequest
from headlessly.errors import Forbidden, Unauthorized

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
        if scheme.lower() != SCHEME.lower():
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
        with actors.acting(membership.actor):
            entering.note_entry(request._request, membership)
        if entering.lacks_second_factor(request._request, membership.tenant):
            raise Forbidden(
                f"{membership.tenant} asks for a second factor: set one up in the browser, or sign in "
                "again with it.",
                code="second_factor_required",
            )
        return user, membership


class BelongsToTenant(BasePermission):
    """A key of this tenant or a member of it, who acts from here on; the default of every view.

    Raises Unauthorized for others, and RateLimited for a key that has used up its minute.
    """

    def has_permission(self, request: Any, view: Any) -> bool:
        place = request.auth
        if place is None:
            raise unauthorized()
        # What is called from within was counted with the call around it.
        if isinstance(place, ApiKey) and not isinstance(request._request, InnerRequest):
            view.headers.update(request.use.headers)
            request.use.raise_if_exceeded()
        actors.enter(place.actor)  # until the end of the request: the mount closes what it opened
        return True


class IsTenantAdmin(BasePermission):
    """Who manages the tenant itself; what is only theirs, the view says (``kind``, ``kind_in_words``)."""

    def has_permission(self, request: Any, view: Any) -> bool:
        if not actors.may_administer(actor := actors.current()):
            raise Forbidden(
                f"As {actor.role} you may not see or change {view.kind_in_words}.", type=view.kind
            )
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            refuse_unconfirmed(request)
        return True


class IsConfirmed(BasePermission):
    """Whoever is signed in in a browser has typed the password a short while ago; a key has none."""

    def has_permission(self, request: Any, view: Any) -> bool:
        refuse_unconfirmed(request)
        return True


def refuse_unconfirmed(request: Any) -> None:
    """Raise Forbidden for a browser in which the password was not typed a short while ago."""
    if isinstance(request.auth, Membership) and not entering.is_confirmed(request._request):
        raise Forbidden(
            "Type your password again first, at admin/account/confirm/.", code="not_confirmed"
        )


class IsOpenToStrangers(BelongsToTenant):
    """Anybody, counted by where they come from; where there is no tenant, nothing is found."""

    def has_permission(self, request: Any, view: Any) -> bool:
        if request.auth is not None:
            return super().has_permission(request, view)
        strangers.enter_tenant(request._request)
        if request.method != "OPTIONS":
            use = strangers.count_request(request._request)
            view.headers.update(use.headers)
            use.raise_if_exceeded()
        if request._request.tenant is None and view.kwargs.get("id") is None:
            raise view.noun.not_found(None)  # what needs no record would be done
        return True
