"""The router of REST: Django REST framework's, with the addresses of this API."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import DynamicRoute, Route, SimpleRouter

METHODS = ("get", "post", "put", "patch", "delete")


class TenantRouter(SimpleRouter):
    """No slash at the end; an action that a viewset does not have is answered in its words."""

    routes = [
        Route("{prefix}", {"get": "list", "post": "create"}, "{basename}", False, {}),
        DynamicRoute("{prefix}/{url_path}", "{basename}-{url_name}", False, {}),
        Route(
            "{prefix}/{lookup}",
            {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"},
            "{basename}-record",
            True,
            {},
        ),
        DynamicRoute("{prefix}/{lookup}/{url_path}", "{basename}-{url_name}", True, {}),
        Route(
            "{prefix}/by/<name>/<path:value>",
            {"get": "retrieve_by_name", "put": "upsert"},
            "{basename}-by",
            True,
            {},
        ),
        Route(
            "{prefix}/{lookup}/<what>",
            dict.fromkeys(METHODS, "no_such_verb"),
            "{basename}-nothing",
            True,
            {},
        ),
    ]

    def __init__(self) -> None:
        super().__init__(trailing_slash=False, use_regex_path=False)

    def get_lookup_regex(self, viewset: Any, lookup_prefix: str = "") -> str:
        return "<id>"

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Those of a collection below one pattern: an address is held against its own, not against all."""
        found: list[URLPattern | URLResolver] = []
        below: dict[str, list[URLPattern]] = {}
        for pattern in super().get_urls():
            prefix, slash, rest = str(pattern.pattern).partition("/")
            if not slash:
                found.append(pattern)
                continue
            if prefix not in below:
                below[prefix] = []
                found.append(path(f"{prefix}/", include(below[prefix])))
            below[prefix].append(path(rest, pattern.callback, name=pattern.name))
        return found
