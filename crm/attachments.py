"""The file of an attachment on the surfaces: as JSON for programs, as a link on pages.

The file itself is served at ``/attachments/{id}/file``.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import get_script_prefix
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm.models import Attachment
from headlessly.errors import NotFound, TooLarge
from headlessly.query.record_operations import explains

#: The most bytes of a file that is returned as JSON.
MAX_SIZE = 7 * 1024 * 1024
TEXT: dict[str, Any] = {"type": "string"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": TEXT,
        "mediaType": TEXT,
        "size": {"type": "integer"},
        "content": TEXT | {"format": "byte", "contentEncoding": "base64"},
    },
    "required": ["name", "mediaType", "size", "content"],
}


def content_of(attachment: Attachment) -> bytes:
    """Returns the content. Raises NotFound if there is only a link or a name."""
    content = attachment.content()
    if content is None:
        said = _("No file is kept with the attachment %s.") % attachment.pk
        raise NotFound(said, type="Attachment", id=attachment.pk)
    return content


def file_address(attachment: Attachment) -> str:
    """Where the file is read, or the link leads; empty where there is neither. Of a past attachment it is the
    file of then."""
    if attachment.checksum:
        here = f"{get_script_prefix()}attachments/{attachment.pk}/file"
        if hasattr(attachment, "as_of"):
            return f"{here}?{urlencode({'asOf': attachment.as_of.isoformat()})}"
        return here
    return attachment.url or ""


def file_html(attachment: Attachment) -> SafeString | str:
    """Returns the name of an attachment as a link to its file."""
    address = file_address(attachment)
    if not address:
        return str(attachment.name)
    return format_html('<a href="{}" rel="noopener noreferrer">{}</a>', address, attachment.name)


@explains(Attachment, "content", schema=SCHEMA, in_past=True)
def answer_content(id: str, as_of: datetime | None = None) -> dict[str, Any]:
    """The file of an attachment, in base64; of at most 7 MB."""
    attachment = Attachment.get(id, as_of=as_of)
    if (attachment.size or 0) > MAX_SIZE:
        raise TooLarge(f"The file is larger than 7 MB: read it at /attachments/{id}/file.")
    return {
        "name": attachment.filename,
        "mediaType": attachment.media_type,
        "size": attachment.size,
        "content": base64.b64encode(content_of(attachment)).decode(),
    }
