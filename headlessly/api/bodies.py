"""Bodies: JSON in, JSON out, and nothing to negotiate about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any, cast
from urllib.parse import urlencode

import orjson
from django.core.files.uploadhandler import MemoryFileUploadHandler, TemporaryFileUploadHandler
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.datastructures import MultiValueDict
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from headlessly.declaration import sent_files
from headlessly.declaration.sent_files import SentFile
from headlessly.errors import BadRequest, TooLarge, UnsupportedMediaType
from headlessly.log.events import dump_json

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
PLAIN = "text/plain"
#: The encoding assumed for text that is not UTF-8.
WESTERN = "cp1252"
#: The most bytes of a body. Imports have a limit, and a way of reading, of their own.
MAX_BODY_SIZE = 10 * 1024 * 1024
#: The same of a form with a file, and what stands around it.
MAX_FILE_FORM_SIZE = sent_files.MAX_SIZE + 1024 * 1024


class ApiResponse(HttpResponse):
    """``data`` as JSON, written at once: what cannot be written is caught like any other error.
    ``content`` is JSON that was written before.

    (A framework's response is rendered after its view is done, when nothing answers for it.)
    """

    #: Whether a refusal still had an effect that is kept. The request may be sent again.
    has_effect = False
    #: Whether this is a refusal in spite of its status, as in MCP.
    undone = False
    #: The body to replay when the request is sent again, if it is not the whole body.
    kept: bytes | None = None

    def __init__(
        self,
        data: Any = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        has_effect: bool = False,
        content: bytes | None = None,
    ) -> None:
        self.has_effect = has_effect
        if content is None:
            content = b"" if data is None else dump_json(data)
        super().__init__(content, content_type=JSON, status=status, headers=headers)


class JsonRenderer(BaseRenderer):
    """What the framework may render itself; ours is :class:`ApiResponse`."""

    media_type, format, charset = JSON, "json", None

    def render(self, data: Any, media_type: Any = None, context: Any = None) -> bytes:
        return b"" if data is None else dump_json(data)


class JsonParser(BaseParser):
    """Strict JSON: no NaN, no numbers beyond a double, no broken UTF-8, not too deep; an object."""

    media_type = JSON

    def __init__(self, largest: int = MAX_BODY_SIZE, *, mends: bool = False) -> None:
        self.largest, self.mends = largest, mends

    def parse(self, stream: Any, media_type: Any = None, context: Any = None) -> dict[str, Any]:
        content = _read_limited(stream, context["request"], self.largest)
        if not content.strip():
            return {}
        return parse_object(content, "The body", mends=self.mends)


class FormBody(dict[str, Any]):
    """A body in which every value is text, as a browser sends it, or a file.

    Of a name that is given several times the first value counts; ``repeated`` has all of them. ``files`` has
    the names of the files that were sent along, by the names of their inputs; what is in them is read only
    where files are wanted.
    """

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        self.repeated: dict[str, list[str]] = {}
        self.files: dict[str, str] = {}


class FormParser(BaseParser):
    """``application/x-www-form-urlencoded`` and ``multipart/form-data``, in the encoding of the page that
    sends them; and what a script sends without its kind (``navigator.sendBeacon``): JSON or a form as text.
    """

    media_type = FORM

    #: Whether files that are sent along are read, too.
    with_files = False

    def __init__(self, largest: int = MAX_BODY_SIZE) -> None:
        self.largest = largest

    def parse(self, stream: Any, media_type: Any = None, context: Any = None) -> dict[str, Any]:
        content = _read_limited(stream, context["request"], self.largest)
        kind = media_type_of(media_type)
        if kind != MULTIPART and content.lstrip()[:1] == b"{":
            return parse_object(content, "The body", mends=True)
        if kind == PLAIN and b"=" not in content:
            raise UnsupportedMediaType("Send a form, or JSON with Content-Type: application/json.")

        def read(encoding: str) -> FormBody:
            if kind != MULTIPART:
                return read_form(QueryDict(_joined_lines(content, kind), encoding=encoding))
            around = context["request"]._request
            meta = around.META | {"CONTENT_LENGTH": str(len(content))}
            handlers = [MemoryFileUploadHandler(around), TemporaryFileUploadHandler(around)]
            try:
                parser: Any = MultiPartParser(meta, cast(Any, BytesIO(content)), handlers, encoding)
                sent = parser.parse()
            except MultiPartParserError as problem:
                raise BadRequest(f"The body is no multipart/form-data: {problem}.") from None
            if self.with_files and content and content.rfind(b"--%b--" % parser._boundary) < 0:
                raise BadRequest(
                    "The body ends before its form does: the last boundary is missing."
                )
            return read_form(*sent, with_files=self.with_files)

        found = read("utf-8")
        # What is no UTF-8 comes from a page in the encoding that such pages have.
        return read(WESTERN) if _is_damaged(found) else found


class FileFormParser(FormParser):
    """The same, with files."""

    with_files = True

    def __init__(self) -> None:
        super().__init__(MAX_FILE_FORM_SIZE)


def read_form(
    sent: QueryDict, files: MultiValueDict[str, Any] | None = None, *, with_files: bool = False
) -> FormBody:
    """The values by name; also the files, if wanted."""
    found = FormBody()
    for name, values in sent.lists():
        found[name] = str(values[0])
        if len(values) > 1:
            found.repeated[name] = [str(value) for value in values]
    for name, uploaded in files.lists() if files is not None else ():
        found.files[name] = ", ".join(str(each.name) for each in uploaded)
        if with_files:
            if len(uploaded) > 1 or name in found:
                raise BadRequest(f"{name}: send one file.", field=name)
            found[name] = read_file(uploaded[0])
    return found


def read_file(sent: Any) -> SentFile:
    """A file that was uploaded; of one that is larger than any verb takes no more than tells that."""
    return SentFile(sent.read(sent_files.MAX_SIZE + 1), str(sent.name))


def _joined_lines(content: bytes, kind: str) -> bytes:
    """A form that is sent as plain text has a line for each input, in which nothing is encoded."""
    if kind != PLAIN or b"&" in content or b"\n" not in content.strip():
        return content
    pairs = (line.partition(b"=") for line in content.splitlines())
    return urlencode([(name, value) for name, _, value in pairs]).encode()


def _is_damaged(found: FormBody) -> bool:
    """Whether some bytes could not be decoded."""
    texts = (text for pair in found.items() for text in pair if isinstance(text, str))
    return any("\ufffd" in text for text in texts)


def media_type_of(content_type: str | None) -> str:
    """Returns the media type in lower case, without its parameters."""
    return (content_type or "").partition(";")[0].strip().lower()


class BodyRequest(Request):
    """A request whose body counts also when its length was not announced (a chunked one).

    Django takes such a body for an empty one, and a change would silently be none.
    """

    def __init__(self, request: HttpRequest, **options: Any) -> None:
        super().__init__(request, **options)
        # Asked all the time, where the framework looks for what it does not have itself each time.
        self.META, self.method = request.META, request.method

    def _load_stream(self) -> None:
        meta = self._request.META
        if meta.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("", "identity"):
            raise UnsupportedMediaType("Send the body as it is: without a Content-Encoding.")
        if "HTTP_TRANSFER_ENCODING" not in meta or meta.get("CONTENT_LENGTH"):
            super()._load_stream()
        elif meta.get("wsgi.input_terminated"):
            self._stream = meta["wsgi.input"]
        else:
            self._stream = self._request


class OnlyJson(BaseContentNegotiation):
    """Everything is answered in JSON, whatever Accept says; only JSON is taken."""

    renderer = JsonRenderer()

    def select_renderer(
        self, request: Any, renderers: Any, format_suffix: Any = None
    ) -> tuple[BaseRenderer, str]:
        return self.renderer, JSON

    def select_parser(self, request: Any, parsers: Any) -> BaseParser | None:
        """The parser, also for a body that does not say what it is; None (a 415) for others."""
        media_type = media_type_of(request.content_type)
        return parsers[0] if media_type in ("", JSON) or media_type.endswith("+json") else None


class JsonOrForm(OnlyJson):
    """A form that a browser sends is taken too: the second parser's."""

    def select_parser(self, request: Any, parsers: Any) -> BaseParser | None:
        is_form = media_type_of(request.content_type) in (FORM, MULTIPART, PLAIN, "")
        return parsers[1] if is_form else super().select_parser(request, parsers)


class JsonOrFiles(OnlyJson):
    """A form with files is taken too: the second parser's."""

    def select_parser(self, request: Any, parsers: Any) -> BaseParser | None:
        if media_type_of(request.content_type) == MULTIPART:
            return parsers[1]
        return super().select_parser(request, parsers)


def parse_object(content: bytes | str, what: str, *, mends: bool = False) -> dict[str, Any]:
    """The JSON object in ``content``. Raises BadRequest that says where it is broken.

    What strangers send ``mends`` its letters: a page that shortens a text cuts an emoji in two, and that may
    cost no more than the emoji.
    """
    try:
        found = orjson.loads(content)
    except ValueError as problem:  # a string with half of a surrogate pair raises a plain one
        found = _with_whole_letters(content) if mends else None
        if found is None:
            raise BadRequest(f"{what} is not valid JSON: {problem}.") from None
    if not isinstance(found, dict):
        raise BadRequest(f"{what} is a JSON object, in braces.")
    return found


def _with_whole_letters(content: bytes | str) -> Any:
    """The JSON in ``content`` with a sign in place of each letter that is none; None where more is wrong."""
    try:
        text = content if isinstance(content, str) else content.decode()
    except UnicodeDecodeError as problem:
        text = problem.object.decode(WESTERN, "replace")
    try:
        found = json.dumps(json.loads(text), ensure_ascii=False, allow_nan=False)
        return orjson.loads(found.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    except (ValueError, RecursionError):
        return None


def _read_limited(stream: Any, request: Any, largest: int) -> bytes:
    """The body. Raises TooLarge, before reading it where its length was announced."""
    _refuse_larger(announced_size(request), largest)
    # One byte more than allowed tells a body that is too large from one that just fits.
    content = stream.read(largest + 1)
    _refuse_larger(len(content), largest)
    return content


def announced_size(request: Any) -> int:
    """Returns the body size that Content-Length announces, or 0 if it is missing or no number."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _refuse_larger(size: int, largest: int) -> None:
    if size > largest:
        limit = f"{largest >> 20} MB" if largest >> 20 else f"{largest >> 10} KB"
        raise TooLarge(f"The body is larger than {limit}.")
