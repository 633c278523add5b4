"""Shows the emails that a development checkout would have sent. Production has no such page."""

from __future__ import annotations

import email
import re
from email.policy import default
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

from headlessly.admin.entrance import render_gate
from headlessly.web import csp

#: How many emails are shown, the newest first.
MOST = 30
BETWEEN = re.compile(r"^-{79}$", re.MULTILINE)
LINK = re.compile(r"(https?://\S+)")
#: The Content-Security-Policy of an email's HTML: its own styles, and nothing loaded from anywhere.
IN_FRAME = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)


@require_GET
@never_cache
def letters_view(request: HttpRequest) -> HttpResponse:
    """Lists the emails, the newest first: their text, and their HTML in a frame."""
    found: list[dict[str, Any]] = []
    for file in _files()[:MOST]:
        letters = [_letter(each, file, number) for number, each in enumerate(_messages_in(file))]
        found += reversed(letters)
    title = _("Mail")
    page = render_gate(request, "letters", title=title, letters=found[:MOST])
    page.headers[csp.HEADER] = f"{csp.STRICT}; frame-src 'self'"
    return page


@require_GET
@never_cache
@xframe_options_sameorigin
def letter_view(request: HttpRequest, file: str, number: int) -> HttpResponse:
    """Shows the HTML of one email as a mail program would: no scripts run, and nothing is loaded."""
    found = next((each for each in _files() if each.name == file), None)
    messages = _messages_in(found) if found is not None else []
    body = messages[number].get_body(("html",)) if number < len(messages) else None
    if body is None:
        raise Http404
    return HttpResponse(body.get_content(), headers={csp.HEADER: IN_FRAME})


def _files() -> list[Path]:
    """Returns the files with emails, the newest first. Raises Http404 in production, and if emails are not
    written to files."""
    folder = getattr(settings, "EMAIL_FILE_PATH", None)
    if settings.PRODUCTION or not folder:
        raise Http404
    return sorted(Path(folder).glob("*.log"), key=lambda f: f.stat().st_mtime, reverse=True)


def _messages_in(file: Path) -> list[Any]:
    """Returns the emails of a file. Django writes one file per connection, with a line between emails."""
    texts = [part for part in BETWEEN.split(file.read_text(errors="replace")) if part.strip()]
    return [email.message_from_bytes(text.lstrip().encode(), policy=default) for text in texts]


def _letter(message: Any, file: Path, number: int) -> dict[str, Any]:
    body = message.get_body(preferencelist=("plain",))
    parts = LINK.split(body.get_content() if body is not None else "")
    # Every second part is a link.
    body = format_html_join(
        "",
        "{}{}",
        (
            (text, format_html_join("", '<a href="{}">{}</a>', [(link, link)] if link else []))
            for text, link in zip(parts[::2], [*parts[1::2], ""], strict=True)
        ),
    )
    has_html = message.get_body(preferencelist=("html",)) is not None
    return {
        "to": message["to"], "subject": message["subject"], "at": message["date"], "body": body,
        "html": reverse("letter", args=[file.name, number]) if has_html else "",
    }  # fmt: skip
