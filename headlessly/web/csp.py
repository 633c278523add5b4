"""What a page may load and run: a Content-Security-Policy on everything that is HTML.

Nothing from elsewhere, no script or style inside a page, nothing evaluated. A view that needs another
policy sets the header itself.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

HEADER = "Content-Security-Policy"
_SHARED = (
    "default-src 'none'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
)
STRICT = f"{_SHARED}script-src 'self'; style-src 'self'"
#: Where Alpine works: it makes functions of its attributes, and unfold's own pages carry styles in theirs.
WITH_ALPINE = (
    f"{_SHARED}script-src 'self' 'unsafe-eval'; style-src 'self'; style-src-attr 'unsafe-inline'"
)


class ContentSecurityPolicy:
    """Middleware: the strict policy, where a page does not bring its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # With DEBUG a failure is answered by Django's own page, whose styles stand inside.
        debugging = settings.DEBUG and response.status_code >= 400
        if response.headers.get("Content-Type", "").startswith("text/html") and not debugging:
            response.headers.setdefault(HEADER, STRICT)
        return response
