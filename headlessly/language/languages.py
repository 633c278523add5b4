"""The language and the time zone of a request.

People get the language that they chose, else the one that their browser asks for, among those that are
shipped. Their time zone is the one that they chose, else that of their browser (which sends it in a
cookie), else UTC. Programs get English and UTC, whatever they send: REST, MCP, scripts and jobs do not use
this module. A request is a program's until :func:`activate_reader_language` makes it a person's.
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

#: The language of programs.
ENGLISH = "en"
#: The cookie in which a browser sends its time zone.
TIME_ZONE_COOKIE = "timezone"


class SpokenRequest(HttpRequest):
    """A request after the middleware. Django creates the requests; this class only declares their
    attributes."""

    mounted: bool  #: whether the address names a tenant
    in_reader_language: bool  #: whether it is answered in the reader's language


class LanguageMiddleware:
    """A middleware that answers in English and UTC, except for the pages that people read."""

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
            # The thread serves somebody else next.
            if request.in_reader_language:
                translation.deactivate()
                timezone.deactivate()


def is_read_by_people(request: SpokenRequest) -> bool:
    """Whether it is a page of the platform. Apps call :func:`activate_reader_language` for their pages."""
    if request.mounted:
        return request.path_info.startswith("/admin/")
    return True


def activate_reader_language(request: SpokenRequest, user: Any = None) -> None:
    """Activates the reader's language and time zone until the request ends.

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
    """Returns the names of all time zones that people live in."""
    return frozenset(name for name in available_timezones() if "/" in name or name == "UTC")


def capitalizes_nouns() -> bool:
    """Whether the active language capitalizes nouns within a sentence."""
    return (translation.get_language() or ENGLISH).partition("-")[0] in ("de", "lb")
