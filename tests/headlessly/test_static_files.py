"""Static files are served as they were collected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpResponse
from django.test import RequestFactory

from headlessly.web.static_files import StaticFilesMiddleware


def test_one_that_was_deleted_while_it_is_served_is_not_found(
    tmp_path: Path, settings: Any
) -> None:
    settings.STATIC_ROOT, settings.WHITENOISE_USE_FINDERS = str(tmp_path), False
    settings.WHITENOISE_AUTOREFRESH = False
    file = tmp_path / "a.css"
    file.write_text("a {}")
    served = StaticFilesMiddleware(lambda request: HttpResponse(status=204))
    asked = RequestFactory().get("/static/a.css")
    assert served(asked).status_code == 200
    file.unlink()
    assert convert_exception_to_response(served)(asked).status_code == 404
    assert served(RequestFactory().get("/leads")).status_code == 204
