"""Notes the position of the log at which a page was made, so that it is told of everything after it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from headlessly.admin.sites import PART
from headlessly.log.pages import end_of_log

P = ParamSpec("P")


def watched(
    view: Callable[Concatenate[Any, HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[Any, HttpRequest, P], HttpResponse]:
    """Decorates the view of a page that watches for changes (see watch.js): adds the position of the log,
    taken before the view reads anything.

    A page that only fetches a part of itself again already has its position.
    """

    @wraps(view)
    def wrapped(self: Any, request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        is_new = request.method == "GET" and PART not in request.headers
        at = end_of_log() if is_new else None
        response = view(self, request, *args, **kwargs)
        if at is not None and isinstance(response, TemplateResponse):
            response.context_data = {**(response.context_data or {}), "made_at": at}
        return response

    return wrapped
