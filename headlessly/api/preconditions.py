"""``ETag``, ``If-Match`` and ``If-None-Match``: a record's version is its tag, that of a resource of the
platform is made of what it says. A write of what has neither refuses ``If-Match``: who sends it relies on
it."""

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
    """The tag of a resource that has no version: another one whenever it says something else."""
    content = dump_json(dict(sorted(said.items())))
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


def refuse_if_changed(header: str, said: Mapping[str, Any], kind: str, id: str) -> None:
    """Raises Stale where a resource does not say what ``If-Match`` has the tag of."""
    tags = _tags(header)
    if "*" not in tags and etag_of_content(said).strip('"') not in tags:
        raise Stale(f"{kind} {id[:64]} has changed since you read it.", type=kind, id=id[:64])


def refuse_if_match(header: str | None) -> None:
    """Raises BadRequest for who sends ``If-Match`` where nothing has a version."""
    if header is not None:
        raise BadRequest(
            "If-Match: nothing that this changes has a version. Send it without.",
            field="If-Match",
        )


def read_if_match(header: str | None) -> tuple[int, ...] | None:
    """The versions that ``If-Match`` accepts, None where any will do.

    A tag that is no version of ours is one that no record has: it accepts nothing.
    """
    if header is None or "*" in (tags := _tags(header)):
        return None
    return tuple(int(tag) for tag in tags if tag.isdecimal() and len(tag) < 16)


def read_if_none_match(header: str | None) -> bool:
    """Whether a write creates and changes nothing: ``If-None-Match: *``. Raises BadRequest for versions, of
    which nobody can say what a write should do."""
    if header is not None and header.strip() != "*":
        raise BadRequest(
            _("Send If-None-Match: * to create alone, or If-Match with a version to change."),
            field="If-None-Match",
        )
    return header is not None


def is_known(version: int, header: str | None) -> bool:
    """Whether ``If-None-Match`` says that the caller has this version already."""
    return header is not None and not {"*", str(version)}.isdisjoint(_tags(header))


def _tags(header: str) -> list[str]:
    return [match.group(1) for part in header.split(",") if (match := TAG.match(part))]
