"""Redirects people who are not signed in."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme

#: The header of requests by a page's own script, which lets people sign in on top of the page.
LIVE = "X-Live"


def sign_in_url(request: HttpRequest) -> str:
    """Returns the address to sign in at: the site's root, above the tenant's mount."""
    return request.META.get("SCRIPT_NAME", "").rpartition("/~")[0] + "/"


def redirect_to_sign_in(request: HttpRequest) -> HttpResponse:
    """Redirect to the sign-in page and back here afterwards; a script gets a 401 with the address of that
    page."""
    if request.headers.get(LIVE):
        return HttpResponse(status=401, headers={"X-Sign-In": sign_in_url(request)})
    onward = urlencode({"next": readable_address(request)}, safe="/~")
    return HttpResponseRedirect(f"{sign_in_url(request)}?{onward}")


def readable_address(request: HttpRequest) -> str:
    """Returns an address to come back to: this one, or the page from which a form was sent here."""
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    referrer = request.headers.get("Referer", "")
    host = {request.get_host()}
    if url_has_allowed_host_and_scheme(referrer, host, require_https=request.is_secure()):
        parts = urlsplit(referrer)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path
    return f"{request.META.get('SCRIPT_NAME', '')}/admin/"
