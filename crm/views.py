"""What sales answers beside its nouns."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.http import content_disposition_header
from rest_framework.request import Request

from crm.attachments import content_of
from crm.models import Attachment
from crm.models.attachment import UNKNOWN_KIND
from headlessly.api import parameters
from headlessly.api.base import TenantView

PDF = "application/pdf"
#: Types that a browser may show instead of saving. Types that can contain scripts are not among them.
SHOWN = frozenset({PDF, "image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"})
#: What a page may load from its own site and run. It is sent as what none does.
CODE = frozenset({"application/javascript", "text/javascript", "text/css"})
#: What is shown can load, run and reach nothing. A viewer of PDFs needs more, and keeps them apart itself.
SEALED = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


class AttachmentFile(TenantView):
    """The file of an attachment, as it was sent; with ``asOf`` the one of then."""

    in_batch = False

    def get(self, request: Request, id: str) -> HttpResponse:
        given = parameters.read_parameters(request.GET, ("asOf",))
        attachment = Attachment.get(id, as_of=given.get("asOf"))
        kind = UNKNOWN_KIND if attachment.media_type in CODE else attachment.media_type
        found = HttpResponse(content_of(attachment), content_type=kind)
        shown = content_disposition_header(kind not in SHOWN, attachment.filename)
        found["Content-Disposition"] = shown or "inline"
        found["X-Content-Type-Options"] = "nosniff"
        if kind != PDF:
            found["Content-Security-Policy"] = SEALED
        return found
