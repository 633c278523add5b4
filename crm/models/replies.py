"""Since when a reply waits: whom a lead or a deal is about came to us, and nobody of us went to them since.

What makes it wait and what settles it is in :mod:`crm.replies`; here is what those nouns declare alike.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from headlessly.declaration.fields import DateTime
from headlessly.errors import VerbRefused
from headlessly.nouns import Reason

FIELD = "reply_waiting_since"
#: The condition that one waits.
WAITING = {FIELD: {"$exists": True}}


def waiting_since() -> DateTime:
    return DateTime("since when they wait for an answer of ours", editable=False)


def indexes_of_waiting(noun: str) -> list[models.Index]:
    """Of those alone for which one waits, who waited longest first: of everybody's and of each owner's."""
    waits = models.Q(reply_waiting_since__isnull=False, deleted_at=None)
    return [
        models.Index(fields=["tenant", FIELD, "id"], name=f"{noun}_reply_waiting", condition=waits),
        models.Index(
            fields=["tenant", "owner", FIELD, "id"], name=f"{noun}_reply_of_owner", condition=waits
        ),
    ]


def on_the_day(rank: int) -> Reason:
    """Why they stand on somebody's day: before all that is merely planned, for somebody waits."""
    return Reason(
        "Replies waiting",
        "is=reply-waiting&owner={person}&o=replyWaitingSince",
        rank=rank,
        moment=FIELD,
        done="settle",
    )


def note(record: Any, since: Any) -> None:
    record.reply_waiting_since = since


def settle(record: Any) -> None:
    """Raises VerbRefused where none waits."""
    if record.reply_waiting_since is None:
        raise VerbRefused(_("No reply waits here."), code="no_reply_waiting")
    record.reply_waiting_since = None
