"""``ETag``, ``If-Match`` and ``If-None-Match``. A record's tag is its version; the tag of a platform resource
is a hash of its content. Other writes refuse ``If-Match``, because a client that sends it relies on it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from headlessly.errors import BadRequest, Stale
from headlessly.log.events import dump_json

TAG = re.compile(r'\s*(?:W/)?"?([^",]*)"?\s*\Z')


def etag(version: int) -> str:
    return f'"{version}"'


def etag_of_content(said: Mapping[str, Any]) -> str:
    """Returns the tag of a resource without a version: a hash that changes with its content."""
    content = dump_json(dict(sorted(said.items())))
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


def refuse_if_changed(header: str, said: Mapping[str, Any], kind: str, id: str) -> None:
    """Raises Stale if the resource's content does not match a tag in ``If-Match``."""
    tags = _tags(header)
    if "*" not in tags and etag_of_content(said).strip('"') not in tags:
        raise Stale(f"{kind} {id[:64]} has changed since you read it.", type=kind, id=id[:64])


def refuse_if_match(header: str | None) -> None:
    """Raises BadRequest if ``If-Match`` is sent where nothing has a version."""
    if header is not None:
        raise BadRequest(
            "If-Match: nothing that this changes has a version. Send it without.",
            field="If-Match",
        )


def read_if_match(header: str | None) -> tuple[int, ...] | None:
    """Returns the versions that ``If-Match`` accepts, or None if it accepts any.

    A tag that is not a version matches no record and is left out.
    """
    if header is None or "*" in (tags := _tags(header)):
        return None
    return tuple(int(tag) for tag in tags if tag.isdecimal() and len(tag) < 16)


def read_if_none_match(header: str | None) -> bool:
    """Whether a write may only create: ``If-None-Match: *``. Raises BadRequest for versions, which have no
    clear meaning for a write."""
    if header is not None and header.strip() != "*":
        raise BadRequest(
            _("Send If-None-Match: * to create alone, or If-Match with a version to change."),
            field="If-None-Match",
        )
    return header is not None


def is_known(version: int, header: str | None) -> bool:
    """Whether the caller already has this version, according to ``If-None-Match``."""
    return header is not None and not {"*", str(version)}.isdisjoint(_tags(header))


def _tags(header: str) -> list[str]:
    return [match.group(1) for part in header.split(",") if (match := TAG.match(part))]
