"""Files as inputs of verbs: a parameter ``file: bytes``."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from headlessly.declaration import normalization

if TYPE_CHECKING:
    from headlessly.declaration.schema import Field

#: The most bytes of a file. In JSON it is a third longer, and JSON bodies have a lower limit of their own.
MAX_SIZE = 25 * 1024 * 1024
#: The longest name of a file. A longer one is cut before its ending.
MAX_NAME = 200


class SentFile(bytes):
    """The content of a file. ``name`` is what its sender called it, or empty."""

    name: str

    def __new__(cls, content: bytes, name: str = "") -> SentFile:
        made = super().__new__(cls, content)
        made.name = name
        return made


def clean_file(field: Field, value: Any, text: bool) -> SentFile:
    """Returns the file in bytes, in text in base64, or in ``{"name": ..., "content": text in base64}``.
    Raises ValueError."""
    name = getattr(value, "name", "")
    if isinstance(value, Mapping) and value.keys() <= {"name", "content"}:
        name, value = value.get("name") or "", value.get("content")
    if isinstance(value, str):
        value = _decode(value)
    if not isinstance(value, bytes) or not isinstance(name, str):
        raise ValueError(
            _('Send the file as text in base64, or as {"name": "offer.pdf", "content": "…"}.')
        )
    if not value:
        raise ValueError(_("The file is empty."))
    if len(value) > MAX_SIZE:
        raise ValueError(_("The file is larger than %d MB.") % (MAX_SIZE >> 20))
    name = clean_name(name)
    return value if isinstance(value, SentFile) and value.name == name else SentFile(value, name)


def _decode(text: str) -> bytes:
    """Raises ValueError."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(_("This is not base64.")) from None


def clean_name(name: str) -> str:
    """Returns the last part of a path, without the characters that no file name may have."""
    last = PurePosixPath(name.replace("\\", "/")).name
    last = normalization.normalize_line("".join(c for c in last if c.isprintable()))
    if len(last) <= MAX_NAME:
        return last
    ending = PurePosixPath(last).suffix[:20]
    return last[: MAX_NAME - len(ending)] + ending
