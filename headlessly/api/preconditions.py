"""``ETag``, ``If-Match`` and ``If-None-Match``: a record's version is its tag."""

from __future__ import annotations

import re

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


def is_known(version: int, header: str | None) -> bool:
    """Whether ``If-None-Match`` says that the caller has this version already."""
    return header is not None and not {"*", str(version)}.isdisjoint(_tags(header))


def _tags(header: str) -> list[str]:
    return [match.group(1) for part in header.split(",") if (match := TAG.match(part))]
