"""The answer to an open page that asks every two seconds what changed.

No thread waits for anything: there are few (see the decisions), and a page that asks is answered from memory
in less than a millisecond, before everything else and mostly without a thread (:func:`answer_from_memory`).
So it is answered not by session and user, which would ask the database, but by a token that a signed-in page
was given and that holds for some minutes. It says which of the records that the page names changed, and no
other.
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
#: How long a token holds, in seconds; a page asks for another one, as whoever is signed in.
HOLDS = 300
#: How many records a page may ask about (a board has the most), and how long a question may be, in bytes.
MOST, LONGEST = 500, 32 * 1024
#: For how long a process remembers that a token is good, in seconds, and of how many.
REMEMBERS, MOST_TOKENS = 60, 5_000
_signer = signing.TimestampSigner(salt="headlessly.watch")
_good: dict[str, tuple[float, Asker]] = {}


class Asker(NamedTuple):
    """In which tenant a page asks, and for whom."""

    tenant: int
    slug: str
    actor: Actor


def make_token() -> str:
    """The right to ask what changed in the active tenant, for who acts."""
    actor, tenant = actors.current(), tenancy.require()
    # Also what they see: a page hears of no record that they do not.
    return _signer.sign_object([tenant.pk, tenant.slug, list(astuple(actor))])


def _read_token(token: str) -> Asker:
    """Of which tenant a token is, and whose. Raises BadSignature."""
    until, asker = _good.get(token, (0.0, None))
    if asker is None or until < time.monotonic():
        tenant, slug, actor = _signer.unsign_object(token, max_age=HOLDS)
        asker = Asker(tenant, slug, Actor(*actor))
        if len(_good) >= MOST_TOKENS:
            _good.clear()
        _good[token] = (time.monotonic() + REMEMBERS, asker)
    return asker


def answer(slug: str, asked: Mapping[str, str], *, reads: bool = True) -> bytes | None:
    """What a page is told, as JSON; None where it would have to be read first, but ``reads`` is not said.

    Raises BadSignature and ValueError for a question that nobody may ask.
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
    """The answer to a request, where it is such a question and nothing has to be read for it; else None.

    The event loop asks it, so that it never waits for anything.
    """
    match = ADDRESS.match(environ["PATH_INFO"])
    if match is None or environ["REQUEST_METHOD"] != "POST":
        return None
    try:
        asked = dict(parse_qsl(body.read(LONGEST).decode()))
        return answer(match[1], asked, reads=False)
    except (signing.BadSignature, ValueError):
        return None  # it is refused like any other


class WatchMiddleware:
    """Answers :data:`ADDRESS`, and lets everything else pass."""

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
