"""Where somebody who is not signed in is sent."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseRedirect


def sign_in_url(request: HttpRequest) -> str:
    """The address where one signs in: the site's root, above the tenant's mount."""
    return request.META.get("SCRIPT_NAME", "").rpartition("/~")[0] + "/"


def redirect_to_sign_in(request: HttpRequest) -> HttpResponseRedirect:
    """To the sign-in page and back here afterwards."""
    return HttpResponseRedirect(
        f"{sign_in_url(request)}?{urlencode({'next': request.get_full_path()}, safe='/~')}"
    )
