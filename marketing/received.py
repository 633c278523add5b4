"""Sorts what a website sends with a form: answers, where the visitor came from, and the rest.

Websites send more than was asked: a captcha, the name of a button, what an advertisement added to the
address. None of it may cost a lead, and none is thrown away: it is kept beside the answers, within limits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import models

from headlessly.access import tenancy
from headlessly.database import prepared
from headlessly.database.tenant_joins import TenantForeignKey
from headlessly.declaration.normalization import normalize_text
from headlessly.declaration.schema import Field
from headlessly.declaration.values import as_storable
from headlessly.log.events import dump_json
from marketing import questions

#: The limits of what is kept beside the answers: how many names, how long each name and value, and how long
#: all.
MOST_EXTRAS, LONGEST_NAME, LONGEST_VALUE, LONGEST_TOGETHER = 50, 64, 1_000, 16_000
#: The name under which the number of further values is kept.
LEFT_OUT = "left out"
#: The types whose answers are cut if they are too long; of others that would make another value.
CUTTABLE = ("string", "text")
#: The same answers to the same form within this time are one submission: somebody pressed Send twice.
CLAIM = """
INSERT INTO marketing_sentanswers (tenant_id, form_id, digest, sent_at) VALUES (%s, %s, %s, %s)
ON CONFLICT (tenant_id, form_id, digest) DO UPDATE SET sent_at = EXCLUDED.sent_at
    WHERE marketing_sentanswers.sent_at <= EXCLUDED.sent_at - interval '10 minutes'
RETURNING true"""
#: Nothing waits for this: rows that are locked are skipped.
CLEAR = """
DELETE FROM marketing_sentanswers WHERE tenant_id = %s AND id = ANY(ARRAY(
    SELECT id FROM marketing_sentanswers
    WHERE tenant_id = %s AND sent_at < %s::timestamptz - interval '10 minutes'
    ORDER BY sent_at LIMIT 20 FOR UPDATE SKIP LOCKED))"""


class Extras(dict[str, str]):
    """What was sent but not asked for. Names and values are cut, and what exceeds the limits is only
    counted."""

    def keep(self, name: str, value: Any) -> None:
        name = as_storable(name, "")[:LONGEST_NAME].strip()
        text = value if isinstance(value, str) else dump_json(value).decode()
        text = as_storable(text, "").strip()
        if not name or not text or self.get(name) == text:
            return
        room = LONGEST_TOGETHER - sum(len(n) + len(v) for n, v in self.items())
        if name in self or len(self) >= MOST_EXTRAS or room < len(name) + 2:
            self[LEFT_OUT] = str(int(self.get(LEFT_OUT, "0")) + 1)
            return
        most = min(LONGEST_VALUE, room - len(name))
        self[name] = text if len(text) <= most else f"{text[: most - 1]}…"


def sort_submission(
    asked: Mapping[str, Field], sent: Mapping[str, Any]
) -> tuple[dict[str, Any], Extras]:
    """Returns the answers and attribution by name, and what else was sent.

    The case of names does not matter, and empty answers are ignored. Of several values the first counts; of a
    checkbox the last, as websites put a hidden one before it for "not ticked". Answers that are too long are
    cut, and kept whole among the rest as far as there is room.
    """
    beside = {name.replace("_", ""): name for name in questions.ATTRIBUTION_FIELDS}
    names = beside | {name.casefold(): name for name in asked}
    repeated: Mapping[str, list[str]] = getattr(sent, "repeated", {})
    taken: dict[str, Any] = {}
    extras = Extras()
    for key, value in sent.items():
        name = names.get(key.casefold())
        several = repeated.get(key) or (
            value if name in questions.ATTRIBUTION_FIELDS and isinstance(value, list) else ()
        )
        if several and name is not None:
            said = [each for each in several if not _is_empty(each)] or [None]
            value = said[-1] if asked[name].type == "bool" else said[0]
        if several and len(set(map(str, several))) > 1:
            extras.keep(key, several)
        if isinstance(value, str):
            value = as_storable(value, "")
        if _is_empty(value):
            continue
        if name is None or name in taken:
            if not several:
                extras.keep(key, value)
            continue
        if name in questions.ATTRIBUTION_FIELDS:
            if not isinstance(value, str | int | float) or isinstance(value, bool):
                extras.keep(key, value)
                continue
            value = str(value).strip()
        taken[name] = _cut(asked[name], key, value, extras)
    for key, filename in getattr(sent, "files", {}).items():
        extras.keep(key, filename)
    return {name: value for name, value in taken.items() if value != ""}, extras


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _cut(field: Field, key: str, value: Any, extras: Extras) -> Any:
    """Returns the value, cut to its maximum length."""
    most = field.max_length
    if (
        not isinstance(value, str)
        or field.type not in CUTTABLE
        or field.validators
        or most is None
        or len(value) <= most
    ):
        return value
    extras.keep(key, value)
    return value[:most]


class SentAnswers(models.Model):
    """What was sent lately, as a digest, so that a repetition is recognized."""

    tenant = models.ForeignKey(
        "headlessly.Tenant", models.CASCADE, related_name="+", db_index=False
    )
    form = TenantForeignKey("marketing.Form", models.CASCADE, related_name="+", db_index=False)
    digest = models.BinaryField(max_length=32)
    sent_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "form", "digest"], name="sent_once")
        ]
        indexes = [models.Index(fields=["tenant", "sent_at"], name="sent_lately")]

    def __str__(self) -> str:
        return f"{self.form_id} at {self.sent_at}"

    @classmethod
    def claim(cls, form: str, answers: Mapping[str, Any], now: datetime) -> bool:
        """Note that these answers were sent. Returns False if they were already sent within the last ten
        minutes.

        Two at once meet at the unique index, and the later one waits for the outcome of the first.
        """
        said = {
            n: normalize_text(v).casefold() if isinstance(v, str) else v
            for n, v in answers.items()
            if n not in questions.ATTRIBUTION_FIELDS
        }
        digest = hashlib.sha256(dump_json(dict(sorted(said.items())))).digest()
        tenant = tenancy.require().pk
        prepared.execute_prepared(CLEAR, [tenant, tenant, now], rows=False)
        return bool(prepared.execute_prepared(CLAIM, [tenant, form, digest, now]))
