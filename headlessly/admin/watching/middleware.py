"""Answers an open page that asks every two seconds what changed.

Threads are few (see the decisions), so none of them waits: the question is answered from memory in less
than a millisecond, before all other middleware and mostly on the event loop (:func:`answer_from_memory`).
Sessions and users would need the database, so the page sends a token that it got when it was loaded and
that is valid for some minutes. The answer is about the records that the page names, and no others.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import astuple
from typing import IO, Any, NamedTuple
from urllib.parse import parse_qsl

import orjson
from django.core import signing
from django.http import HttpRequest, HttpResponse

from headlessly.access import actors, tenancy
from headlessly.access.actors import Actor
from headlessly.admin.watching import recent
from headlessly.admin.watching.presence import Viewer
from headlessly.declaration.values import is_storable
from headlessly.log.events import LogPosition

ADDRESS = re.compile(r"/~([^/]+)/admin/watch/\Z")
#: How many seconds a token is valid. Then the page asks for another one, with its session.
HOLDS = 300
#: How many records a page may ask about (a board has the most), and how many bytes its request may have.
MOST, LONGEST = 500, 32 * 1024
#: How many seconds a process remembers a valid token, and how many of them.
REMEMBERS, MOST_TOKENS = 60, 5_000
_signer = signing.TimestampSigner(salt="headlessly.watch")
_good: dict[str, tuple[float, Asker]] = {}


class Asker(NamedTuple):
    """The tenant and the actor of a page."""

    tenant: int
    slug: str
    actor: Actor


def make_token() -> str:
    """Returns a token with which the actor's page may ask what changed in the active tenant."""
    actor, tenant = actors.current(), tenancy.require()
    # The actor includes what they may see: a page is told of no other records.
    return _signer.sign_object([tenant.pk, tenant.slug, list(astuple(actor))])


def _read_token(token: str) -> Asker:
    """Returns the tenant and the actor of a token. Raises BadSignature."""
    until, asker = _good.get(token, (0.0, None))
    if asker is None or until < time.monotonic():
        tenant, slug, actor = _signer.unsign_object(token, max_age=HOLDS)
        asker = Asker(tenant, slug, Actor(*actor))
        if len(_good) >= MOST_TOKENS:
            _good.clear()
        _good[token] = (time.monotonic() + REMEMBERS, asker)
    return asker


def answer(slug: str, asked: Mapping[str, str], *, reads: bool = True) -> bytes | None:
    """Returns what changed, as JSON; None if that would have to be read from the database and ``reads`` is
    false.

    Raises BadSignature and ValueError for a malformed question.
    """
    pk, whose, actor = _read_token(asked.get("token", ""))
    if whose != slug:
        raise signing.BadSignature
    here = asked.get("here", "")
    is_at = here and len(here) <= recent.LONGEST_ID and is_storable(here)
    question = recent.Question(
        actor=actor,
        since=LogPosition.parse(text) if (text := asked.get("since")) else None,
        noun=asked.get("noun", ""),
        shown=[id for id in asked.get("of", "").split(",")[:MOST] if id],
        viewer=Viewer(here, actor.id, actor.name[:150], bool(asked.get("writes")))
        if is_at
        else None,
    )
    found = recent.events_of(pk, slug).changes(question, reads=reads)
    if found is None:
        return None
    told: dict[str, Any] = {
        "at": str(found.at),
        "changed": found.changed,
        "others": found.others,
        "missed": found.missed,
    }
    return orjson.dumps(told if found.here is None else told | {"here": found.here})


def answer_from_memory(environ: Mapping[str, Any], body: IO[bytes]) -> bytes | None:
    """Returns the answer to a request if it is such a question and memory has the answer, else None.

    The event loop calls this, so it must never block.
    """
    match = ADDRESS.match(environ["PATH_INFO"])
    if match is None or environ["REQUEST_METHOD"] != "POST":
        return None
    try:
        asked = dict(parse_qsl(body.read(LONGEST).decode()))
        return answer(match[1], asked, reads=False)
    except (signing.BadSignature, ValueError):
        return None  # the middleware refuses it


class WatchMiddleware:
    """Answers requests to :data:`ADDRESS`, and passes all others on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (match := ADDRESS.match(request.path_info)) is None or request.method != "POST":
            return self.get_response(request)
        try:
            told = answer(match[1], request.POST.dict())
        except (signing.BadSignature, ValueError):
            return HttpResponse(status=401)
        return HttpResponse(
            told, content_type="application/json", headers={"Cache-Control": "no-store"}
        )
