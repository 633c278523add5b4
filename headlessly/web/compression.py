"""Compresses responses that are large enough."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers

#: The minimum size in bytes: a response that fits into one packet does not arrive sooner if it is smaller.
SMALLEST = 1_400
#: The type of responses whose parts have to arrive when they are sent.
FLUSHED = "text/event-stream"
#: An ``Accept-Encoding`` that names gzip only to exclude it.
REFUSED = re.compile(r"\bgzip\s*;\s*q\s*=\s*0(\.0*)?\s*(,|\Z)", re.IGNORECASE)


class CompressionMiddleware(GZipMiddleware):
    """Django's middleware, which adds random bytes so that the length reveals nothing of a page's secrets
    (BREACH).

    A record's ``ETag`` is kept: it is the version for ``If-Match``, whether the response is compressed or
    not.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if response.headers.get("Content-Type", "").startswith(FLUSHED):
            return response
        if isinstance(response, HttpResponse) and len(response.content) < SMALLEST:
            return response
        if REFUSED.search(request.headers.get("Accept-Encoding", "")):
            patch_vary_headers(response, ("Accept-Encoding",))
            return response
        tag = response.headers.get("ETag")
        response = super().process_response(request, response)
        if tag is not None:
            response.headers["ETag"] = tag
        return response
