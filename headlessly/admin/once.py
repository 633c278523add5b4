"""What a page writes is done once, however often a slow line or an impatient hand sends it.

A page's script gives each thing that is asked for a key (``Idempotency-Key``); the answer is kept with the
effect, as REST does it (:mod:`headlessly.api.idempotency`), and so is what was to be said on the page that
follows.
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

#: What was to be said on the page that follows.
SAID = "X-Said"


def answer_once(request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    """The answer of ``view``, or the one that the same request had before."""
    if request.method != "POST" or not request.headers.get(idempotency.HEADER):
        return view()
    try:
        answer = idempotency.answer_once(
            request,
            lambda: _keep_messages(request, view()),
            fingerprint=_fingerprint(request),
            sealed=True,  # a page may show a new key, codes or a link, for once
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
    """The answer, drawn, with what it says on the next page."""
    if hasattr(answer, "render"):
        answer = answer.render()
    queued = getattr(messages.get_messages(request), "_queued_messages", ())
    if queued and answer.status_code < 400:
        said = [[each.level, str(each.message), each.extra_tags] for each in queued]
        answer.headers[SAID] = json.dumps(said)
    return answer


def _fingerprint(request: HttpRequest) -> str:
    """What is asked, whoever's token it carries."""
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
    """What a file says, which is read again by whoever takes it."""
    found = hashlib.sha256(str(file.name).encode())
    for block in file.chunks():
        found.update(block)
    file.seek(0)
    return found.hexdigest()
