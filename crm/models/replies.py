"""The fields, indexes and reasons that leads and deals share for replies that wait.

A reply waits if the person behind the record wrote or called, and nobody answered since. :mod:`crm.replies`
says what makes a reply wait and what settles it.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from headlessly.declaration.fields import DateTime
from headlessly.nouns import Reason

FIELD = "reply_waiting_since"
#: The condition that a reply waits.
WAITING = {FIELD: {"$exists": True}}


def waiting_since() -> DateTime:
    return DateTime("since when they wait for an answer of ours", editable=False)


def indexes_of_waiting(noun: str) -> list[models.Index]:
    """Returns the indexes for lists of waiting replies, longest wait first: of everybody and of each
    owner."""
    waits = models.Q(reply_waiting_since__isnull=False, deleted_at=None)
    return [
        models.Index(fields=["tenant", FIELD, "id"], name=f"{noun}_reply_waiting", condition=waits),
        models.Index(
            fields=["tenant", "owner", FIELD, "id"], name=f"{noun}_reply_of_owner", condition=waits
        ),
    ]


def on_the_day(rank: int) -> Reason:
    """Returns the reason why such a record is on somebody's day: before all planned work, as somebody
    waits."""
    return Reason(
        "Replies waiting",
        "is=reply-waiting&owner={person}&o=replyWaitingSince",
        rank=rank,
        moment=FIELD,
        done="settle",
    )


def note(record: Any, since: Any) -> None:
    record.reply_waiting_since = since
