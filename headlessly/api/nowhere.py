"""Where no address is."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request

from headlessly.api.base import TenantView
from headlessly.api.bodies import ApiResponse
from headlessly.errors import NotFound


class NowhereView(TenantView):
    """The answer to every other address under a tenant; strangers are not even told this much."""

    def nothing(self, request: Request, *args: Any, **kwargs: Any) -> ApiResponse:
        hint = " Addresses have no slash at the end." if request.path.endswith("/") else ""
        raise NotFound(f"There is nothing at this address.{hint}")

    get = head = post = put = patch = delete = options = nothing
