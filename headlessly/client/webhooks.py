"""Verifies the requests of webhooks by their headers (Standard Webhooks).

from headlessly.client import verify

event = verify(secret, request.headers, request.body)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from headlessly.client.errors import HeadlesslyError

#: How many seconds a message may be old, or ahead of this clock.
TOLERANCE = 300
PREFIX = "whsec_"


class NotVerified(HeadlesslyError, ValueError):
    """The message is not from the server, was changed on the way, or is too old."""


def verify(
    secret: str, headers: Mapping[str, str], body: bytes | str, *, tolerance: float = TOLERANCE
) -> dict[str, Any]:
    """Returns the event in ``body``, which has to be the bytes as they arrived, not parsed and dumped
    again.

    ``headers`` are those of the request, in any case; ``tolerance`` is in seconds. Raises NotVerified. An
    event may arrive more than once, with the same ``id``.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        id, timestamp, signatures = (
            given[f"webhook-{name}"] for name in ("id", "timestamp", "signature")
        )
    except KeyError as missing:
        raise NotVerified(f"There is no header {missing.args[0]}.") from None
    # A longer number is no timestamp, and would be too large to calculate with.
    moment = int(timestamp) if timestamp.isdecimal() and len(timestamp) < 16 else 0
    if abs(time.time() - moment) > tolerance:
        raise NotVerified("The message is too old, or the clocks differ.")
    content = body.encode() if isinstance(body, str) else bytes(body)
    signed = f"{id}.{timestamp}.".encode() + content
    expected = base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest())
    for signature in signatures.split():
        version, _, text = signature.partition(",")
        if version == "v1" and hmac.compare_digest(text.encode(), expected):
            return json.loads(content)
    raise NotVerified("No signature is of this secret and this body.")


def _key(secret: str) -> bytes:
    if not secret.startswith(PREFIX):
        return secret.encode()
    text = secret.removeprefix(PREFIX)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise NotVerified(f"What follows {PREFIX} in the secret is not base64.") from None
