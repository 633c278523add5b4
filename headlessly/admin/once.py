"""Executes each write of a page once, however often a slow connection or an impatient person sends it.

The page's script adds a key (``Idempotency-Key``). The response is stored with the effect, as in the REST
API (:mod:`headlessly.api.idempotency`), and so are the messages for the next page.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from headlessly.api import idempotency
from headlessly.errors import BadRequest, Invalid

#: Holds the messages for the next page.
SAID = "X-Said"


def answer_once(request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    """Returns the response of ``view``, or the stored one if the same request was made before."""
    if request.method != "POST" or not request.headers.get(idempotency.HEADER):
        return view()
    try:
        answer = idempotency.answer_once(
            request,
            lambda: _keep_messages(request, view()),
            fingerprint=_fingerprint(request),
            sealed=True,  # a page may show a secret once: a key, codes, a link
        )
    except (BadRequest, Invalid) as problem:
        return HttpResponse(problem.message, status=problem.status, content_type="text/plain")
    said = answer.headers.get(SAID)
    if said and idempotency.REPLAYED in answer.headers:
        for level, text, tags in json.loads(said):
            messages.add_message(request, level, text, extra_tags=tags)
    if said:
        del answer.headers[SAID]
    return answer


def _keep_messages(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """Returns the rendered response with the messages that it queued."""
    if hasattr(answer, "render"):
        answer = answer.render()
    queued = getattr(messages.get_messages(request), "_queued_messages", ())
    if queued and answer.status_code < 400:
        said = [[each.level, str(each.message), each.extra_tags] for each in queued]
        answer.headers[SAID] = json.dumps(said)
    return answer


def _fingerprint(request: HttpRequest) -> str:
    """Returns a hash of the request without its CSRF token."""
    sent = [
        (name, value)
        for name, values in sorted(request.POST.lists())
        if name != "csrfmiddlewaretoken"
        for value in values
    ]
    sent += [(name, _digest(file)) for name, file in sorted(request.FILES.items())]
    asked = f"{request.get_full_path()}\0{urlencode(sent)}"
    return hashlib.sha256(asked.encode(errors="surrogateescape")).hexdigest()


def _digest(file: Any) -> str:
    """Returns a hash of a file's name and content. The file can be read again afterwards."""
    found = hashlib.sha256(str(file.name).encode())
    for block in file.chunks():
        found.update(block)
    file.seek(0)
    return found.hexdigest()
