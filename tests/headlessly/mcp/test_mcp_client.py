"""The SDK's own client, over HTTP to real processes, and over stdio through the bridge."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types.version import LATEST_HANDSHAKE_VERSION, LATEST_PROTOCOL_VERSION

from crm import Lead
from headlessly.access.models import ApiKey

pytestmark = pytest.mark.django_db(transaction=True)

#: The customer's page, word for word.
PAGE = {
    "type": "Lead",
    "filter": {"status": "New", "source": "website"},
    "sort": {"score": "desc"},
    "limit": 25,
}

#: The same question as a script.
SCRIPT = """
found = Lead.find({"status": "New", "source": "website"}, sort={"score": "desc"}, limit=25)
[lead.name for lead in found]
"""


@asynccontextmanager
async def http(address: str, secret: str, **options: Any) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx2.AsyncClient(headers=headers) as connections:
        transport = streamable_http_client(address, http_client=connections)
        async with Client(transport, **options) as client:
            yield client


def stdio(address: str, secret: str, **options: Any) -> Client:
    return Client(
        StdioServerParameters(
            command=sys.executable,
            args=["-m", "headlessly.mcp.bridge", "--url", address, "--key-from-env", "A_KEY"],
            env={"A_KEY": secret},
        ),
        **options,
    )


@pytest.fixture
def secret(acme: Any) -> str:
    return ApiKey.issue(acme, "agent", "write")[1]


@pytest.fixture
def leads(lead: Any) -> list[str]:
    """Names in the order in which the customer's question answers them."""
    Lead.create(name="Better", source="website", score=95)
    Lead.create(name="Without a score", source="website")
    Lead.create(name="Elsewhere", source="referral", score=99)
    return ["Better", lead.name, "Without a score"]


def names(result: Any) -> list[str]:
    assert not result.is_error, result
    return [record["name"] for record in result.structured_content["results"]]


@pytest.mark.parametrize(
    ("mode", "version"), [("auto", LATEST_PROTOCOL_VERSION), ("legacy", LATEST_HANDSHAKE_VERSION)]
)
@pytest.mark.parametrize("way", [http, stdio])
def test_it_serves_the_customers_page_over_http_and_stdio(
    way: Callable, mode: str, version: str, served: str, secret: str, leads: list[str]
) -> None:
    async def ask() -> None:
        async with way(f"{served}/~acme/mcp", secret, mode=mode) as client:
            assert client.protocol_version == version
            assert client.server_info.name == "headlessly"
            assert "Schema" in client.instructions
            tools = (await client.list_tools()).tools
            assert [tool.name for tool in tools] == ["search", "fetch", "do"]
            assert names(await client.call_tool("search", PAGE)) == leads
            done = await client.call_tool("do", {"code": SCRIPT})
            assert done.structured_content["value"] == leads
            refusal = await client.call_tool("fetch", {"type": "Lead", "id": "lead_nothing"})
            assert refusal.is_error
            assert refusal.structured_content["error"] == "not_found"

    anyio.run(ask)


@pytest.mark.parametrize("way", [http, stdio])
def test_an_agent_takes_back_what_it_did(
    way: Callable, served: str, secret: str, leads: list[str]
) -> None:
    lose = 'for lead in Lead.find():\n    lead.lose(lostReason="Price")\nlen(Lead.find())'
    lost = 'Lead.count({"status": "Lost"})'

    async def ask() -> None:
        async with way(f"{served}/~acme/mcp", secret, mode="auto") as client:

            async def do(code: str) -> Any:
                answer = await client.call_tool("do", {"code": code})
                assert not answer.is_error, answer
                return answer.structured_content

            done = await do(lose)
            count = done["value"]
            assert (await do(lost))["value"] == count
            request = done["requestId"]
            undone = (await do(f'Request.undo("{request}")'))["value"]
            assert (len(undone["undone"]), undone["stays"]) == (count, [])
            assert (await do(lost))["value"] == 0
            again = await client.call_tool("do", {"code": f'Request.undo("{request}")'})
            assert again.is_error
            assert again.structured_content["error"] == "conflict"

    anyio.run(ask)


def test_it_answers_many_agents_at_once_each_in_its_own_tenant(
    served: str, secret: str, rival: Any, leads: list[str], theirs: Any
) -> None:
    _, rivals = ApiKey.issue(rival, "agent", "read")
    asked = [("acme", secret, leads), ("rival", rivals, [theirs.lead.name])] * 6

    async def ask(tenant: str, key: str, expected: list[str]) -> None:
        async with http(f"{served}/~{tenant}/mcp", key, mode=LATEST_PROTOCOL_VERSION) as client:
            for _ in range(5):
                assert names(await client.call_tool("search", PAGE)) == expected

    async def all_at_once() -> None:
        async with anyio.create_task_group() as group:
            for each in asked:
                group.start_soon(ask, *each)

    anyio.run(all_at_once)


def test_it_tells_the_clients_user_why_a_key_is_refused(served: str, rival: Any, acme: Any) -> None:
    _, rivals = ApiKey.issue(rival, "agent", "read")

    async def ask(tenant: str) -> None:
        async with http(f"{served}/~{tenant}/mcp", rivals) as client:
            await client.list_tools()

    for tenant in ("acme", "nobody"):
        with pytest.raises(BaseException) as caught:
            anyio.run(ask, tenant)
        found = caught.value
        while isinstance(found, BaseExceptionGroup):
            (found,) = found.exceptions
        assert isinstance(found, MCPError)
        assert "send an API key" in found.message
        assert found.data["error"] == "unauthorized"


# -- the bridge -----------------------------------------------------------------------------------


def bridge(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "headlessly.mcp.bridge", *arguments],
        env=os.environ | env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_the_bridge_says_in_a_line_what_keeps_it_from_beginning(served: str, acme: Any) -> None:
    done = bridge("--url", f"{served}/~acme", "--key-from-env", "NOT_SET_AT_ALL")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Set NOT_SET_AT_ALL to an API key of this tenant.\n"
    done = bridge("--url", "http://127.0.0.1:9/~acme", HEADLESSLY_API_KEY="x")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("http://127.0.0.1:9/~acme/mcp does not answer: ")
    done = bridge("--url", f"{served}/~acme", HEADLESSLY_API_KEY="hly_sk_wrong")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Sign in, or send an API key")
    assert len(done.stderr.splitlines()) == 1
    assert "hly_sk_wrong" not in done.stderr


def test_the_bridge_begins_and_ends_with_its_stdin(served: str, secret: str) -> None:
    done = bridge("--url", f"{served}/~acme/", HEADLESSLY_API_KEY=secret)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_bridge_needs_no_django() -> None:
    code = (
        "import sys; sys.modules['django'] = None; import headlessly.mcp.bridge as b; "
        "print(b.mcp_address('http://x/~acme/'), [m for m in sys.modules if m.startswith('django.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.stdout.strip() == "http://x/~acme/mcp []", done.stderr


def test_the_bridge_outlives_a_server_that_goes_away(secret: str, live_server: Any) -> None:
    from headlessly.mcp.bridge import Bridge

    class Gone(httpx2.AsyncBaseTransport):
        away = False

        def __init__(self) -> None:
            self.inner = httpx2.AsyncHTTPTransport()

        async def handle_async_request(self, request: Any) -> Any:
            if self.away:
                raise httpx2.ConnectError("Connection refused")
            return await self.inner.handle_async_request(request)

    async def ask() -> None:
        transport = Gone()
        headers = {"Authorization": f"Bearer {secret}"}
        async with httpx2.AsyncClient(headers=headers, transport=transport) as connections:
            near = Bridge(f"{live_server.url}/~acme/mcp", connections)
            await near.discover()
            async with Client(near.make_server()) as client:
                assert not (await client.call_tool("search", PAGE)).is_error
                transport.away = True
                refusal = await client.call_tool("search", PAGE)
                assert refusal.is_error
                assert refusal.structured_content["error"] == "unreachable"
                with pytest.raises(MCPError, match="does not answer"):
                    await client.list_tools(cache_mode="bypass")
                transport.away = False
                assert not (await client.call_tool("search", PAGE)).is_error

    anyio.run(ask)
