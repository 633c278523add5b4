"""Who reads which language, and in which time zone.

People read their own: what they chose for themselves, else what their browser asks for, among the languages
that are shipped; their time zone is the one that they chose, else that of their browser (which says it in a
cookie), else UTC. Programs read English and UTC, whatever they send: REST, MCP, scripts and jobs never get
here. A request begins as a program's and becomes a person's by :func:`activate_reader_language`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

#: What programs read.
ENGLISH = "en"
#: The cookie in which a browser says its time zone.
TIME_ZONE_COOKIE = "timezone"


class SpokenRequest(HttpRequest):
    """A request as the middleware leaves it. Django makes the requests: this only says what they have."""

    mounted: bool  #: whether the address names a tenant
    in_reader_language: bool  #: whether it is answered in the reader's language


class LanguageMiddleware:
    """Middleware: everything is English and UTC, the settings' own, but for the pages that people read."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: SpokenRequest) -> HttpResponse:
        request.in_reader_language = False
        try:
            if is_read_by_people(request):
                activate_reader_language(request, request.user)
            response = self.get_response(request)
            if request.in_reader_language:
                patch_vary_headers(response, ("Accept-Language", "Cookie"))
                response.headers.setdefault("Content-Language", translation.get_language())
            return response
        finally:
            # Nothing stays behind for whom this thread serves next.
            if request.in_reader_language:
                translation.deactivate()
                timezone.deactivate()


def is_read_by_people(request: SpokenRequest) -> bool:
    """Whether it is a page of the platform. Apps call :func:`activate_reader_language` for their pages."""
    if request.mounted:
        return request.path_info.startswith("/admin/")
    return True


def activate_reader_language(request: SpokenRequest, user: Any = None) -> None:
    """Activate the reader's language and time zone until the request ends.

    ``user`` is the reader; None for a visitor, whose browser decides.
    """
    request.in_reader_language = True
    translation.activate(language_of(request, user))
    timezone.activate(time_zone_of(request, user))
    request.LANGUAGE_CODE = translation.get_language()


def language_of(request: HttpRequest, user: Any = None) -> str:
    chosen = getattr(user, "language", "")
    if chosen in dict(settings.LANGUAGES):
        return chosen
    return translation.get_language_from_request(request)


def time_zone_of(request: HttpRequest, user: Any = None) -> ZoneInfo:
    for name in (getattr(user, "time_zone", ""), request.COOKIES.get(TIME_ZONE_COOKIE, "")):
        if name in time_zone_names():
            return ZoneInfo(name)
    return ZoneInfo("UTC")


@cache
def time_zone_names() -> frozenset[str]:
    """The names of all time zones that people live in."""
    return frozenset(name for name in available_timezones() if "/" in name or name == "UTC")


def capitalizes_nouns() -> bool:
    """Whether the language of the moment writes nouns with a capital within a sentence."""
    return (translation.get_language() or ENGLISH).partition("-")[0] in ("de", "lb")
