"""``ETag``, ``If-Match`` and ``If-None-Match``: a record's version is its tag."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from headlessly.errors import BadRequest

TAG = re.compile(r'\s*(?:W/)?"?([^",]*)"?\s*\Z')


def etag(version: int) -> str:
    return f'"{version}"'


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
