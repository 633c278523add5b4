"""Answers and pages that are worth it travel compressed."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers

#: What fits into one packet is not sooner there when it is smaller.
SMALLEST = 1_400
#: Each part has to arrive when it is sent.
FLUSHED = "text/event-stream"
#: An ``Accept-Encoding`` that names it to say that it is not understood.
REFUSED = re.compile(r"\bgzip\s*;\s*q\s*=\s*0(\.0*)?\s*(,|\Z)", re.IGNORECASE)


class CompressionMiddleware(GZipMiddleware):
    """Django's, which adds random bytes so that the length tells nothing of a page's secrets (BREACH).

    A record's ``ETag`` stays as it is: it is the version for ``If-Match``, whichever way the record travels.
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
