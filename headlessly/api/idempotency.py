"""``Idempotency-Key``: a POST that is sent again takes effect once and returns the first response.

The response is stored in the transaction of the effect, so that a crash leaves both or neither. The row
is claimed first: a second request with the same key waits at the unique index until the first one commits,
and then returns its response, or rolls back, and then runs itself.

Only successful responses are kept. A request that was refused or failed may be sent again, as it is or
corrected.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
from django.db import transaction
from django.http import HttpResponse
from psycopg.types.json import Jsonb
from rest_framework.request import Request

from headlessly.access import actors, tenancy
from headlessly.access.encryption import decrypt_bytes, encrypt_bytes
from headlessly.api.uploads import Upload
from headlessly.context import clock
from headlessly.database import prepared
from headlessly.errors import BadRequest, Invalid
from headlessly.execution.contention import retry_on_deadlock

HEADER, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
KEY = re.compile(r"[!-~]{1,255}\Z")
#: How long a response is kept, and how many expired ones one request in sixteen deletes.
KEEP_FOR, CLEAR_AT_ONCE = timedelta(hours=24), 200

#: Returns a row if the caller must run the request: the key is new, or its row has expired.
CLAIM = """
INSERT INTO headlessly_idempotentreply AS r
    (tenant_id, actor, key, fingerprint, headers, body, created_at)
VALUES (%s, %s, %s, %s, '{}', '', %s)
ON CONFLICT (tenant_id, actor, key) DO UPDATE SET
    fingerprint = excluded.fingerprint, created_at = excluded.created_at,
    status = NULL, headers = '{}', body = ''
WHERE r.created_at <= %s
RETURNING true
"""
FIND = """
SELECT fingerprint, status, headers::text, body FROM headlessly_idempotentreply
WHERE tenant_id = %s AND actor = %s AND key = %s
"""
KEEP = """
UPDATE headlessly_idempotentreply SET status = %s, headers = %s, body = %s
WHERE tenant_id = %s AND actor = %s AND key = %s
"""
#: For a request that was refused but had an effect: it may be sent again.
FORGET = """
DELETE FROM headlessly_idempotentreply WHERE tenant_id = %s AND actor = %s AND key = %s
"""
#: Never blocks: skips rows that another transaction is deleting or renewing.
CLEAR = """
DELETE FROM headlessly_idempotentreply WHERE tenant_id = %s AND (actor, key) IN (
    SELECT actor, key FROM headlessly_idempotentreply WHERE tenant_id = %s AND created_at <= %s
    ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED)
"""
#: The same for all tenants: once an hour, by reading the rows kept of a day.
CLEAR_ALL = """
DELETE FROM headlessly_idempotentreply WHERE (tenant_id, actor, key) IN (
    SELECT tenant_id, actor, key FROM headlessly_idempotentreply WHERE created_at <= %s
    LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING 1
"""


def answer_once(
    request: Any,
    handle: Callable[[], HttpResponse],
    *,
    unkept: tuple[str, ...] = (),
    fingerprint: str = "",
    sealed: bool = False,
) -> HttpResponse:
    """Returns the response of ``handle``, or the stored one if the same request was made before. Requests are
    the same if their ``fingerprint`` is; by default it is computed from the REST request.

    Raises BadRequest for a malformed key, Invalid for one that was used for another request. Entries named in
    ``unkept`` are not stored, nor is anything that the response's own ``kept`` leaves out. If ``sealed``, the
    stored body is encrypted.
    """
    key = _hash(request.META["HTTP_IDEMPOTENCY_KEY"])
    fingerprint = fingerprint or _fingerprint_request(request)

    def try_once() -> HttpResponse:
        with transaction.atomic():
            return _claim_and_answer(key, fingerprint, handle, unkept, sealed)

    # The executor cannot retry, because it no longer owns the transaction.
    return retry_on_deadlock(try_once)


def _claim_and_answer(
    key: str,
    fingerprint: str,
    handle: Callable[[], HttpResponse],
    unkept: tuple[str, ...],
    sealed: bool,
) -> HttpResponse:
    place = (tenancy.require().pk, actors.current().id, key)
    now = clock.now()
    claimed = prepared.execute_prepared(CLAIM, [*place, fingerprint, now, now - KEEP_FOR])
    if not claimed:
        (found,) = prepared.execute_prepared(FIND, place, binary=True)
        return _replay_answer(fingerprint, *found, sealed=sealed)
    response = handle()
    if response.status_code >= 400 or getattr(response, "undone", False):
        # Also for an error response that was returned, not raised: a refusal keeps nothing.
        if getattr(response, "has_effect", False):
            prepared.execute_prepared(FORGET, place, rows=False)
        else:
            transaction.set_rollback(True)
        return response
    headers = Jsonb(dict(response.headers), orjson.dumps)
    kept = getattr(response, "kept", None)
    body = _drop_entries(response.content, unkept) if kept is None else kept
    if sealed and body:
        body = encrypt_bytes(body)
    prepared.execute_prepared(KEEP, [response.status_code, headers, body, *place], rows=False)
    if key.startswith("0"):
        over = [place[0], place[0], now - KEEP_FOR, CLEAR_AT_ONCE]
        prepared.execute_prepared(CLEAR, over, rows=False)
    return response


def _replay_answer(
    asked: str, fingerprint: str, status: int, headers: str, body: bytes, *, sealed: bool
) -> HttpResponse:
    """Returns the first response. Raises Invalid if the request is not the same."""
    if asked != fingerprint:
        raise Invalid.for_fields(
            {HEADER: "This key was used for another request. Use a new one for each."}
        )
    if sealed and body:
        body = decrypt_bytes(body)
    return HttpResponse(body, status=status, headers=orjson.loads(headers) | {REPLAYED: "true"})


def is_answered(key: str) -> bool:
    """Whether a response to the actor's request with this key is kept. Raises BadRequest."""
    place = (tenancy.require().pk, actors.current().id, _hash(key))
    return bool(prepared.execute_prepared(FIND, place, binary=True))


def _hash(key: str) -> str:
    """Returns the hash of a key. Raises BadRequest if it is malformed."""
    if not KEY.match(key):
        raise BadRequest(
            f"{HEADER} is 1 to 255 visible characters of ASCII, such as a UUID.", field=HEADER
        )
    return hashlib.sha256(key.encode()).hexdigest()


def _fingerprint_request(request: Request) -> str:
    """Returns a hash of method, address and body, however its JSON is written. Raises the parser's errors."""
    return hashlib.sha256(
        b"\0".join(
            (
                request.method.encode(),
                request.path.encode(errors="surrogateescape"),
                request.META.get("QUERY_STRING", "").encode(errors="surrogateescape"),
                _canonical_body(request.data),
            )
        )
    ).hexdigest()


def _canonical_body(data: Any) -> bytes:
    if isinstance(data, Upload):
        return data.digest
    try:
        return orjson.dumps(data, default=_digest_of_file, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # it reads deeper than it writes
        raise BadRequest("The body is nested too deeply.") from None


def _digest_of_file(value: Any) -> str:
    """Raises TypeError for what is no file."""
    return hashlib.sha256(value).hexdigest() + str(getattr(value, "name", ""))


def _drop_entries(content: bytes, names: tuple[str, ...]) -> bytes:
    if not names:
        return content
    return orjson.dumps({k: v for k, v in orjson.loads(content).items() if k not in names})
