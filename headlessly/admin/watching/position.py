"""Where in the log a page was made, so that it hears of all that happens from then on."""

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
    """Tell a page that watches (see watch.js) up to where it has the log: asked before it reads anything.

    A page that is open already, and fetches parts of itself anew, knows where it stands.
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
