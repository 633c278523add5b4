"""stdio on this side, the server's Streamable HTTP on the other: for agents that only start programs.

It runs where the agent does and needs no Django. Each side negotiates its own version of the protocol, by
the official SDK. Nothing is kept between two calls but connections, so that a server that was away and is
back is simply there again.

    python -m headlessly.mcp.bridge --url https://crm.example.com/~acme --key-from-env HEADLESSLY_API_KEY
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    CallToolRequestParams,
    CallToolResult,
    DiscoverResult,
    ListToolsResult,
    TextContent,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

#: The default variable with the key.
VARIABLE = "HEADLESSLY_API_KEY"
#: How long one call, and connecting to the server, may take, in seconds. A script has its own limits.
PATIENCE, CONNECT = 120.0, 10.0


class Unreachable(Exception):
    """Nothing answers at the address, or something else does; the message says what."""


def run(url: str, api_key: str) -> None:
    """Serve stdio until it is closed. ``url`` is the tenant's: ``https://crm.example.com/~acme``.

    Raises Unreachable if there is no server, MCPError if it does not accept this key.
    """
    anyio.run(_run, mcp_address(url), api_key)


def mcp_address(url: str) -> str:
    """Returns the address of MCP, for a tenant's address or this address itself."""
    url = url.rstrip("/")
    return url if url.endswith("/mcp") else f"{url}/mcp"


async def _run(address: str, api_key: str) -> None:
    headers = {"Authorization": f"Bearer {api_key}"}
    timeout = httpx2.Timeout(PATIENCE, connect=CONNECT)
    async with httpx2.AsyncClient(headers=headers, timeout=timeout) as http:
        bridge = Bridge(address, http)
        await bridge.discover()
        async with stdio_server() as (incoming, outgoing):
            server = bridge.make_server()
            await server.run(incoming, outgoing, server.create_initialization_options())


class Bridge:
    """The remote server, as a local server."""

    def __init__(self, address: str, http: httpx2.AsyncClient) -> None:
        self.address, self.http = address, http
        self.discovered: DiscoverResult | None = None
        self.mode, self.name, self.version = "auto", "headlessly", ""
        self.instructions: str | None = None

    async def discover(self) -> None:
        """Learn once what the server is, and which version of the protocol it speaks."""
        async with self._connected() as client:
            self.discovered, self.instructions = client.session.discover_result, client.instructions
            if client.server_info is not None:
                self.name, self.version = client.server_info.name, client.server_info.version
            modern = client.protocol_version in MODERN_PROTOCOL_VERSIONS
            self.mode = client.protocol_version if modern else "legacy"

    def make_server(self) -> Server:
        return Server(
            self.name,
            version=self.version,
            instructions=self.instructions,
            on_list_tools=self.list_tools,
            on_call_tool=self.call_tool,
        )

    async def list_tools(self, context: Any, params: Any) -> ListToolsResult:
        try:
            async with self._connected() as client:
                return await client.list_tools()
        except Unreachable as problem:
            raise MCPError(INTERNAL_ERROR, str(problem)) from None

    async def call_tool(self, context: Any, params: CallToolRequestParams) -> CallToolResult:
        try:
            async with self._connected() as client:
                return await client.call_tool(params.name, params.arguments or {})
        except Unreachable as problem:
            return unreachable_result(problem)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Client]:
        """A client of the server for one call. Raises Unreachable, MCPError."""
        transport = streamable_http_client(self.address, http_client=self.http)
        with ungrouped_errors(self.address):
            async with Client(transport, mode=self.mode, prior_discover=self.discovered) as client:
                yield client


def unreachable_result(problem: Unreachable) -> CallToolResult:
    """Returns the error for an agent, in the shape of the server's own errors."""
    body = {
        "error": "unreachable",
        "message": str(problem),
        "next": "Try again in a moment; whether a script ran meanwhile, search or fetch tells.",
    }
    text = json.dumps(body)
    return CallToolResult(content=[TextContent(text=text)], structured_content=body, is_error=True)


@contextmanager
def ungrouped_errors(address: str) -> Iterator[None]:
    """Raise the first error of an exception group on its own, because the SDK's tasks raise groups.

    A connection error is raised as Unreachable.
    """
    try:
        yield
    except BaseException as problem:
        found = _first_exception(problem)
        if isinstance(found, httpx2.HTTPError):
            reason = str(found) or type(found).__name__
            raise Unreachable(f"{address} does not answer: {reason}") from None
        if found is problem:
            raise
        raise found from None


def _first_exception(problem: BaseException) -> BaseException:
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    return problem


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit code: 0 if stdio was closed, else 1 with a line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m headlessly.mcp.bridge", description=__doc__)
    parser.add_argument("--url", required=True, help="https://crm.example.com/~acme")
    parser.add_argument(
        "--key-from-env", default=VARIABLE, metavar="NAME", help=f"where the key is; {VARIABLE}"
    )
    asked = parser.parse_args(arguments)
    if not (key := os.environ.get(asked.key_from_env)):
        print(f"Set {asked.key_from_env} to an API key of this tenant.", file=sys.stderr)
        return 1
    try:
        run(asked.url, key)
    except KeyboardInterrupt:
        return 0
    except (Unreachable, MCPError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
