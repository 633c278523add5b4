"""A call made inside of another one, by those who are past the door already."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, QueryDict
from rest_framework.request import Request

from headlessly.access import tenancy
from headlessly.api.bodies import JSON


class InnerRequest(HttpRequest):
    """What a view is asked from within: it knows who asks, and its body has been read.

    Nobody is authenticated a second time, and what goes wrong is raised to the one who made the call,
    who may have a transaction to undo. None of the outer call's headers count for it.
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
