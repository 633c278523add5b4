"""The charset that a request claims to use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.utils.http import parse_header_parameters

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

#: The characters of an address, and all other bytes.
ASCII, OTHERS = bytes(range(0x20, 0x7F)), bytes(range(0x80, 0x100))


class IgnoreUnreadableCharset:
    """WSGI middleware in front of Django that removes a charset in which no address can be read.

    ``Content-Type: text/plain; charset=zlib`` names a Python codec, and Django decodes the query with it
    before there is a request for which an error could be reported.
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        given = environ.get("CONTENT_TYPE", "")
        if "charset" in given.lower():
            kind, parameters = parse_header_parameters(given)
            if not _reads_text(parameters.pop("charset", "utf-8")):
                rest = (f'; {name}="{value}"' for name, value in parameters.items())
                environ["CONTENT_TYPE"] = kind + "".join(rest)
        return self.application(environ, start_response)


def _reads_text(charset: str) -> bool:
    if charset.lower() in ("utf-8", "utf8"):
        return True
    try:
        OTHERS.decode(charset, "replace")
        return ASCII.decode(charset) == ASCII.decode("ascii")
    except (LookupError, ValueError):
        return False
