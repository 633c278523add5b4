"""The attachment: a file that is kept with a record, or a link to one."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _

from headlessly.contents.store import keep_content, read_content
from headlessly.declaration.fields import Integer, Reference, String, Url
from headlessly.declaration.indexes import index_of_reference
from headlessly.declaration.sent_files import clean_name
from headlessly.declaration.verbs import Example
from headlessly.nouns import Noun, verb

#: An example of a file, for programs that try the verbs out.
EXAMPLE = Example({"name": "offer.txt", "content": "T3VyIG9mZmVy"})
#: The fields that describe the file.
KEPT = ("media_type", "size", "checksum")
#: The media type of a file whose name has no known ending.
UNKNOWN_KIND = "application/octet-stream"
#: Python's own table of media types, without what a machine adds to it.
COMMON_KINDS = mimetypes.MimeTypes()
#: Media types that not every version of that table has.
KINDS = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".heic": "image/heic",
    ".md": "text/markdown",
    ".msg": "application/vnd.ms-outlook",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".webp": "image/webp",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class Attachment(Noun):
    """A file kept with a record, or a link to one."""

    name = String("what it is called; as its file, unless said", required=True)
    url = Url("where it is, if it is kept elsewhere")
    note = String("what is in it, or what it is for")
    media_type = String("such as application/pdf, by the ending of its name", editable=False)
    size = Integer("of the file", unit="bytes", editable=False, minimum=0)
    checksum = String(
        "SHA-256 of the file, in hexadecimal", editable=False, max_length=64, for_programs=True
    )
    lead = Reference("crm.Lead", "attachments", on_delete=models.CASCADE)
    deal = Reference("crm.Deal", "attachments", on_delete=models.CASCADE)
    contact = Reference("crm.Contact", "attachments", on_delete=models.CASCADE)
    organization = Reference("crm.Organization", "attachments", on_delete=models.CASCADE)
    campaign = Reference("marketing.Campaign", "attachments", on_delete=models.CASCADE)

    class Surface:
        icon = "attach_file"
        rank = 47
        is_in_menu = False
        columns = ("name", "size", "note", "lead", "deal", "contact", "organization")
        facets = ("organization", "contact")
        quick = ("file", "name", "note")
        about = ("lead", "deal", "contact", "organization", "campaign")
        search = ("name", "note")
        ordering = ("-created_at",)
        groups = (
            ("File", ("name", "note", "url", "size", "media_type", "checksum")),
            ("About", ("lead", "deal", "contact", "organization", "campaign")),
        )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="attachment_by_created"),
            index_of_reference("lead", "-created_at", name="attachment_by_lead"),
            index_of_reference("deal", "-created_at", name="attachment_by_deal"),
            index_of_reference("contact", "-created_at", name="attachment_by_contact"),
            index_of_reference("organization", "-created_at", name="attachment_by_company"),
            index_of_reference("campaign", "-created_at", name="attachment_by_campaign"),
        ]

    @verb(creates=True, title="Link")
    def create(self, **fields: Any) -> None:
        """Keep a link to a file that is elsewhere, or the name of one that is to come."""

    @verb(creates=True, without=["name", "url"], sets=KEPT)
    def upload(
        self, *, file: Annotated[bytes, EXAMPLE], name: str | None = None, **fields: Any
    ) -> None:
        """Keep a file with a record. It is called as the file is, unless said."""
        self._keep(file)

    @verb(sets=KEPT)
    def replace(self, *, file: Annotated[bytes, EXAMPLE]) -> None:
        """Keep another file in its place, such as the next version of an offer."""
        self._keep(file)

    def _keep(self, file: bytes) -> None:
        called = getattr(file, "name", "")
        self.name = self.name or called
        self.media_type = media_type_of(called or self.name)
        self.size, self.checksum = len(file), keep_content(file)

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Refuse a file without a name."""
        file = values.get("file")
        if file is not None and not (self.name or values.get("name") or file.name):
            problems["name"] = _("Say what the file is called.")

    @property
    def filename(self) -> str:
        """What the file is called where it is saved: its name, with the ending of its kind."""
        name, kind = clean_name(self.name or ""), self.media_type
        return name if kind in (None, media_type_of(name)) else name + ending_of(kind)

    def content(self) -> bytes | None:
        """Returns the content of the file, or None if there is none, as for a link."""
        return read_content(self.checksum) if self.checksum else None


def media_type_of(name: str) -> str:
    """Returns the media type that belongs to the ending of a file name."""
    ending = f".{name.rpartition('.')[2].lower()}" if "." in name else ""
    return KINDS.get(ending) or COMMON_KINDS.types_map[True].get(ending) or UNKNOWN_KIND


def ending_of(kind: str) -> str:
    """The usual ending of a name of this kind; empty of a kind that nobody knows."""
    if kind == UNKNOWN_KIND:
        return ""
    ours = (ending for ending, each in KINDS.items() if each == kind)
    return next(ours, None) or COMMON_KINDS.guess_extension(kind) or ""
