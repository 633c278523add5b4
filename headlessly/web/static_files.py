"""The static files, as WhiteNoise serves them."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """Which files there are it knows from its start: one that was deleted since is not found."""

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> Any:
        try:
            return WhiteNoiseMiddleware.serve(static_file, request)
        except FileNotFoundError:
            raise Http404 from None
