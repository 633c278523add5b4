"""The Content-Security-Policy of HTML pages: what they may load and run.

Nothing from other sites, no inline script or style, nothing evaluated. A view that needs another policy sets
the header itself.
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
#: For pages with Alpine, which compiles its attributes to functions; unfold's own pages also use style
#: attributes.
WITH_ALPINE = (
    f"{_SHARED}script-src 'self' 'unsafe-eval'; style-src 'self'; style-src-attr 'unsafe-inline'"
)


class ContentSecurityPolicy:
    """Middleware: sets the strict policy, unless a page has its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # With DEBUG, errors are shown on Django's own page, which has inline styles.
        debugging = settings.DEBUG and response.status_code >= 400
        if response.headers.get("Content-Type", "").startswith("text/html") and not debugging:
            response.headers.setdefault(HEADER, STRICT)
        return response
