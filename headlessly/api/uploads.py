"""Files as bodies: up to 200 MB, of the kinds that an import takes."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http.multipartparser import MultiPartParser
from rest_framework.parsers import BaseParser

from headlessly.api.bodies import MULTIPART, BodyRequest, OnlyJson, announced_size, media_type_of
from headlessly.errors import BadRequest, TooLarge, UnsupportedMediaType
from headlessly.transfer import formats

#: The most bytes of a body that is a file, and how much of it stays in memory while it is read.
MAX_FILE_SIZE, IN_MEMORY = 200 * 1024 * 1024, 1024 * 1024
#: Bodies whose kind says nothing: their first character, or their name, does.
UNTOLD_MEDIA_TYPES = ("", "application/octet-stream", "text/plain")


@dataclass(frozen=True)
class Upload:
    """A file that was sent, on this machine for as long as the request is."""

    file: BinaryIO
    size: int
    format: str
    filename: str | None
    digest: bytes  #: of its content and its name


class UploadParser(BaseParser):
    """A CSV, JSON, NDJSON or workbook body, or a form with one file."""

    def parse(self, stream: Any, media_type: Any = None, context: Any = None) -> Upload:
        request = context["request"]
        if announced_size(request) > MAX_FILE_SIZE:
            raise _file_too_large()
        kind = media_type_of(request.content_type)
        if kind == MULTIPART:
            return _read_form_file(request, stream)
        file, size = _spool_body(stream)
        format = formats.MEDIA_TYPES.get(kind) or formats.by_content(file.read(4096))
        return _make_upload(file, size, format, None)


class OnlyFiles(OnlyJson):
    """Answers JSON like all of REST, and takes files."""

    def select_parser(self, request: Any, parsers: Any) -> BaseParser:
        kind = media_type_of(request.content_type)
        if kind in formats.MEDIA_TYPES or kind in (MULTIPART, *UNTOLD_MEDIA_TYPES):
            return parsers[0]
        raise UnsupportedMediaType(
            f"Send a file: {', '.join([*formats.MEDIA_TYPES, MULTIPART])}, as its Content-Type says."
        )


def _file_too_large() -> TooLarge:
    return TooLarge("The file is larger than 200 MB.")


def _spool_body(stream: Any) -> tuple[BinaryIO, int]:
    """The body in a file, read to its end or to where it is too large."""
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  (closed when it is forgotten)
    size = 0
    while stream is not None and (block := stream.read(64 * 1024)):
        size += len(block)
        if size > MAX_FILE_SIZE:
            raise _file_too_large()
        file.write(block)
    file.seek(0)
    return cast(BinaryIO, file), size


def _read_form_file(request: BodyRequest, stream: Any) -> Upload:
    around = request._request
    if hasattr(around, "_files"):
        files = around._files  # read already, for the token of a browser's form
    else:
        body, size = _spool_body(stream)
        meta = around.META | {"CONTENT_LENGTH": str(size)}
        files = MultiPartParser(
            meta, cast(Any, body), [TemporaryFileUploadHandler(around)]
        ).parse()[1]
    if len(files) != 1:
        raise BadRequest("Send a form with one file.", field="file")
    (file,) = files.values()
    format = formats.by_name(file.name)
    if format is None:
        raise UnsupportedMediaType(
            f"{file.name[:64]!r} ends like no file that can be imported: "
            f"{', '.join(formats.ENDINGS)}."
        )
    return _make_upload(file.file, file.size, format, file.name)


def _make_upload(file: BinaryIO, size: int, format: str, filename: str | None) -> Upload:
    digest = hashlib.sha256((filename or "").encode("utf-8", "replace") + b"\0" + format.encode())
    file.seek(0)
    while block := file.read(1024 * 1024):
        digest.update(block)
    file.seek(0)
    return Upload(file, size, format, filename, digest.digest())
