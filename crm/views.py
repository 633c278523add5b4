"""What sales answers beside its nouns."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.http import content_disposition_header
from rest_framework.request import Request

from crm.attachments import content_of
from crm.models import Attachment
from headlessly.api import parameters
from headlessly.api.base import TenantView

PDF = "application/pdf"
#: Types that a browser may show instead of saving. Types that can contain scripts are not among them.
SHOWN = frozenset({PDF, "image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"})
#: A shown file can load and run nothing. PDF viewers need more than this, and isolate files themselves.
SEALED = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


class AttachmentFile(TenantView):
    """The file of an attachment, as it was sent."""

    in_batch = False

    def get(self, request: Request, id: str) -> HttpResponse:
        parameters.refuse_parameters(request.GET)
        attachment = Attachment.get(id)
        found = HttpResponse(content_of(attachment), content_type=attachment.media_type)
        kind = attachment.media_type
        shown = content_disposition_header(kind not in SHOWN, attachment.filename)
        found["Content-Disposition"] = shown or "inline"
        found["X-Content-Type-Options"] = "nosniff"
        if kind != PDF:
            found["Content-Security-Policy"] = SEALED
        return found
