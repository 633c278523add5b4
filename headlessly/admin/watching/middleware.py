"""The answer to an open page that asks every two seconds what changed.

No thread waits for anything: there are few (see the decisions), and a page that asks is answered from memory
in less than a millisecond. So it is answered before everything else: not by session and user, which would
ask the database, but by a token that a signed-in page was given and that holds for some minutes. It answers
whether the records that the page names changed, and names no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse, JsonResponse

from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.admin.watching import presence, recent
from headlessly.declaration.values import UNSTORABLE
from headlessly.log.events import LogPosition

ADDRESS = re.compile(r"/~([^/]+)/admin/watch/\Z")
#: How long a token holds, in seconds; a page asks for another one, as whoever is signed in.
HOLDS = 300
#: As many records a page may ask about: a board has the most.
MOST = 500
_signer = signing.TimestampSigner(salt="headlessly.watch")


def make_token() -> str:
    """The right to ask what changed in the active tenant, for who acts."""
    actor, tenant = actors.current(), tenancy.require()
    return _signer.sign_object([tenant.pk, tenant.slug, actor.id, actor.name])


class WatchMiddleware:
    """Answers :data:`ADDRESS`, and lets everything else pass."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (match := ADDRESS.match(request.path_info)) is None or request.method != "POST":
            return self.get_response(request)
        asked = request.POST
        try:
            pk, slug, actor, name = _signer.unsign_object(asked.get("token", ""), max_age=HOLDS)
            since = LogPosition.parse(text) if (text := asked.get("since")) else None
        except (signing.BadSignature, ValueError):
            return HttpResponse(status=401)
        if slug != match[1]:
            return HttpResponse(status=401)
        shown = [id for id in asked.get("of", "").split(",")[:MOST] if id]
        found = recent.changes_of(Tenant(pk=pk, slug=slug), since, asked.get("noun", ""), shown)
        answer: dict[str, Any] = {
            "at": str(found.at),
            "changed": found.changed,
            "others": found.others,
            "missed": found.missed,
        }
        here = asked.get("here", "")
        if here and len(here) <= recent.LONGEST_ID and not UNSTORABLE.search(here):
            writes = bool(asked.get("writes"))
            answer["here"] = presence.enter_record(pk, here, actor, name[:150], writes=writes)
        return JsonResponse(answer, headers={"Cache-Control": "no-store"})
