"""A request made inside another request, by a caller who is already authenticated."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, QueryDict
from rest_framework.request import Request

from headlessly.access import tenancy
from headlessly.api.bodies import JSON


class InnerRequest(HttpRequest):
    """A request to a view from inside another one. Its caller is known and its body is already parsed.

    It is not authenticated again. Exceptions are raised to the calling code, which may have a transaction to
    roll back. Of the outer request's headers it keeps only ``Host``.
    """

    def __init__(
        self,
        outer: Request,
        method: str,
        path: str,
        query: str,
        content: dict,
        if_match: str | None,
    ) -> None:
        super().__init__()
        around = outer._request
        kept = {
            name: value
            for name, value in around.META.items()
            if name == "HTTP_HOST" or not name.startswith(("HTTP_", "CONTENT_"))
        }
        self.META: dict[str, Any] = kept | {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": JSON,
        }
        if if_match is not None:
            self.META["HTTP_IF_MATCH"] = if_match
        self.method = method
        self.path_info = path
        self.path = around.META.get("SCRIPT_NAME", "") + path
        self.GET = QueryDict(query, encoding="utf-8")
        self.tenant, self.user = tenancy.require(), around.user
        self.place, self.content = outer.auth, content
