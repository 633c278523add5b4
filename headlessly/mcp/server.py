"""The SDK's server with our three tools. All answers are made in the thread of the request."""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    TextContent,
    Tool,
)

from headlessly.api.openapi.document import product_version
from headlessly.mcp import definitions, tools

#: The key in a request's scope for calling functions in the request's thread.
REQUEST_THREAD = "headlessly.request_thread"


@cache
def sdk_server() -> Server:
    """Returns the server of this process, which keeps nothing of a request or an event loop."""
    return Server(
        "headlessly",
        version=product_version(),
        title="headlessly CRM",
        instructions=definitions.INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        # No HTTP header repeats an argument, so there is nothing to compare.
        get_tool_input_schema=lambda name: None,
    )


async def list_tools(context: Any, params: Any) -> ListToolsResult:
    return await _request_thread(context)(_list_offered_tools)


async def call_tool(context: Any, params: CallToolRequestParams) -> CallToolResult:
    return await _request_thread(context)(_call_tool, params.name, params.arguments or {})


def _request_thread(context: Any) -> Any:
    return context.request.scope[REQUEST_THREAD]


def _list_offered_tools() -> ListToolsResult:
    return ListToolsResult(
        tools=[Tool.model_validate(each) for each in definitions.offered_tools()]
    )


def _call_tool(name: str, arguments: dict[str, Any]) -> CallToolResult:
    if name not in definitions.NAMES:
        raise MCPError(
            INVALID_PARAMS,
            f"There is no tool {name[:64]!r}. Tools: {', '.join(definitions.NAMES)}.",
        )
    content, failed = tools.call_tool(name, arguments)
    return CallToolResult(
        content=[TextContent(text=content.decode())],
        structured_content=orjson.loads(content),
        is_error=failed,
    )
