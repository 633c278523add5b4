"""What a checkout would have sent by mail, to be read by whoever develops. Production has no such page."""

from __future__ import annotations

import email
import re
from email.policy import default
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from headlessly.admin.entrance import render_gate

#: How many letters are shown, the newest first.
MOST = 30
BETWEEN = re.compile(r"^-{79}$", re.MULTILINE)
LINK = re.compile(r"(https?://\S+)")


@require_GET
@never_cache
def letters(request: HttpRequest) -> HttpResponse:
    """The letters, the newest first."""
    folder = getattr(settings, "EMAIL_FILE_PATH", None)
    if settings.PRODUCTION or not folder:
        raise Http404
    files = sorted(Path(folder).glob("*.log"), key=lambda f: f.stat().st_mtime, reverse=True)
    found = [letter for file in files[:MOST] for letter in reversed(_letters_in(file))]
    return render_gate(request, "letters", title="Mail", letters=found[:MOST])


def _letters_in(file: Path) -> list[dict[str, Any]]:
    """Django writes one file for each connection, with a line between letters."""
    texts = [part for part in BETWEEN.split(file.read_text(errors="replace")) if part.strip()]
    return [
        _letter(email.message_from_bytes(text.lstrip().encode(), policy=default)) for text in texts
    ]


def _letter(message: Any) -> dict[str, Any]:
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
    return {"to": message["to"], "subject": message["subject"], "at": message["date"], "body": body}
