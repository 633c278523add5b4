"""The view of MCP, with REST's keys, limits and ids; without browser sessions and cross-site pages.

A request that is refused gets REST's status and headers, with REST's error as the ``data`` of a JSON-RPC
error, because a client of MCP shows no other body to its user.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import orjson
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from rest_framework.request import Request

from headlessly.api.auth import KeyAuthentication
from headlessly.api.base import TenantView, answer_to_problem
from headlessly.api.bodies import ApiResponse
from headlessly.errors import BadRequest, Forbidden

#: JSON-RPC's codes for an invalid request, and for an internal error.
INVALID_REQUEST, INTERNAL_ERROR = -32600, -32603


class McpView(TenantView):
    """Streamable HTTP without sessions: a message in, its answer out. There is nothing to GET or DELETE."""

    # A browser sends cookies for any page, but never a key.
    authentication_classes: ClassVar = [KeyAuthentication]
    in_batch = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        refuse_other_sites(request._request)

    def post(self, request: Request) -> HttpResponse:
        # Imported on use, because the SDK takes half a second that no other process needs.
        from headlessly.mcp import transport

        refuse_malformed(request.data)
        try:
            content = orjson.dumps(request.data)
        except TypeError:  # orjson parses deeper nesting than it writes
            raise BadRequest("The body is nested too deeply.") from None
        answer = transport.exchange(request._request, content)
        if "HTTP_IDEMPOTENCY_KEY" in request.META:
            answer.undone = is_error(answer.content)
        return answer

    def get_exception_handler(self) -> Callable[..., ApiResponse]:
        return answer_in_json_rpc


def refuse_malformed(message: dict[str, Any]) -> None:
    """Raise BadRequest for an invalid JSON-RPC message, for which the SDK would reveal internals."""
    problems = {}
    if message.get("jsonrpc") != "2.0":
        problems["jsonrpc"] = 'Send "2.0".'
    id = message.get("id", 0)
    if not isinstance(id, str | int) or isinstance(id, bool):
        problems["id"] = "Send text or a whole number; a notification has none."
    if "method" in message:
        if not isinstance(message["method"], str):
            problems["method"] = "Send text, such as tools/list."
        if not isinstance(message.get("params", {}), dict):
            problems["params"] = "Send an object."
    elif not any(isinstance(message.get(name), dict) for name in ("result", "error")):
        problems["method"] = "Send text, such as tools/list."
    elif "id" not in message:
        problems["id"] = "Send that of what this answers."
    if problems:
        details = [{"field": name, "message": said} for name, said in problems.items()]
        raise BadRequest(
            "This is no message of JSON-RPC. "
            + " ".join(f"{each['field']}: {each['message']}" for each in details),
            field=details[0]["field"],
            details=details,
        )


def is_error(content: bytes) -> bool:
    """Whether the answer is an error, including an error of a tool, whose HTTP status is 200."""
    message = orjson.loads(content or b"{}")
    return "error" in message or message.get("result", {}).get("isError") is True


def refuse_other_sites(request: HttpRequest) -> None:
    """Raise Forbidden for requests from a page of another site, including one by DNS rebinding.

    Django has already checked the Host; an Origin must be this site's own, or a trusted one.
    """
    if "HTTP_ORIGIN" in request.META and not ORIGINS._origin_verified(request):  # type: ignore[attr-defined]  # the stubs do not know of it
        raise Forbidden("MCP is for agents: it takes no call from a page of another site.")


#: Pages that may send forms may also call: one setting, CSRF_TRUSTED_ORIGINS.
ORIGINS = CsrfViewMiddleware(lambda request: HttpResponse())


def answer_in_json_rpc(exc: Exception, context: dict[str, Any]) -> ApiResponse:
    """Returns REST's answer to the problem, in the shape of the protocol."""
    found = answer_to_problem(exc, context)
    body = orjson.loads(found.content)
    code = INTERNAL_ERROR if found.status_code >= 500 else INVALID_REQUEST
    error = {"code": code, "message": body["message"], "data": body}
    headers = {name: value for name, value in found.headers.items() if name != "Content-Type"}
    return ApiResponse(
        {"jsonrpc": "2.0", "id": None, "error": error}, status=found.status_code, headers=headers
    )
