"""Who gets in, what the protocol answers, and what the three tools cost."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import orjson
import pytest
from django.test import Client
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_PROTOCOL_VERSION

from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, Membership, User
from headlessly.declaration.registry import registry
from headlessly.mcp import definitions, tools, transport
from tests.answered import unchanged

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


def refused(response: Any, status: int, code: str) -> dict[str, Any]:
    """REST's error, in JSON-RPC's."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    found = response.json()
    assert (found["jsonrpc"], found["id"]) == ("2.0", None)
    body = found["error"]["data"]
    assert found["error"]["message"] == body["message"]
    assert body["error"] == code
    assert body["requestId"] == response["X-Request-Id"]
    return body


# -- who gets in ----------------------------------------------------------------------------------


def test_it_answers_strangers_all_the_same_wherever_they_knock(
    client: Client, agent: Any, rivals_agent: Any
) -> None:
    answers = []
    for tenant, header in [
        ("acme", None),
        ("nobody", None),
        ("acme", "Bearer nonsense"),
        ("acme", f"Bearer {rivals_agent.secret}"),
        ("nobody", f"Bearer {rivals_agent.secret}"),
        ("acme%00", f"Bearer {agent.secret}"),
        ("acme", f"Basic {agent.secret}"),
    ]:
        headers = {"Authorization": header} if header else {}
        response = client.post(
            f"/~{tenant}/mcp", LIST, content_type="application/json", headers=headers
        )
        answers.append(refused(response, 401, "unauthorized") | {"requestId": None})
        assert response["WWW-Authenticate"] == "Bearer"
        assert "X-RateLimit-Limit" not in response.headers
    assert all(answer == answers[0] for answer in answers)


def test_it_takes_no_browsers_session(acme: Any) -> None:
    user = User.objects.create_user("ann@acme.example", "pass-word-1")
    Membership.objects.create(user=user, tenant=acme, role="admin")
    browser = Client()
    browser.force_login(user)
    assert browser.get("/~acme/me").status_code == 200
    response = browser.post("/~acme/mcp", LIST, content_type="application/json")
    refused(response, 401, "unauthorized")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://testserver", 200),
        ("https://trusted.example", 200),
        ("https://evil.example", 403),
        ("https://testserver", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_it_takes_no_call_from_a_page_of_another_site(
    agent: Any, settings: Any, origin: str, status: int, monkeypatch: Any
) -> None:
    from django.middleware.csrf import CsrfViewMiddleware

    from headlessly.mcp import endpoint

    settings.CSRF_TRUSTED_ORIGINS = ["https://trusted.example"]
    monkeypatch.setattr(endpoint, "ORIGINS", CsrfViewMiddleware(lambda request: None))
    response = agent.ask("tools/list", Origin=origin)
    assert response.status_code == status
    if status == 403:
        refused(response, 403, "forbidden")
    assert "Access-Control-Allow-Origin" not in response.headers


def test_it_answers_to_no_name_that_is_not_this_sites(agent: Any) -> None:
    assert agent.ask("tools/list", Host="evil.example").status_code == 400


def test_it_counts_each_call_with_the_key(agent: Any) -> None:
    ApiKey.objects.filter(pk=agent.key.pk).update(rate_limit=2)
    assert agent.ask("tools/list")["X-RateLimit-Remaining"] == "1"
    assert agent.call("GET", "/leads")["X-RateLimit-Remaining"] == "0"
    response = agent.ask("tools/list")
    refused(response, 429, "rate_limited")
    assert int(response["Retry-After"]) > 0


def test_it_takes_ten_megabytes_and_no_more(agent: Any) -> None:
    words = "x" * (10 * 1024 * 1024 - 200)
    said = agent.refused("search", type="Lead", filter={"name": {"$regex": words}})
    assert said["error"] == "invalid_filter"
    with unchanged():
        response = agent.ask(
            "tools/call", {"name": "search", "arguments": {"type": "Lead", "q": words + "x" * 200}}
        )
        refused(response, 413, "too_large")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "HEAD"])
def test_it_has_nothing_to_listen_to_and_nothing_to_end(agent: Any, method: str) -> None:
    response = agent.call(method, "/mcp", Accept="text/event-stream", Mcp_Session_Id="abc")
    assert response.status_code == 405
    assert response["Allow"] == "POST, OPTIONS"


def test_it_is_no_part_of_a_batch(agent: Any) -> None:
    operations = [{"method": "POST", "path": "/mcp", "body": LIST}]
    (result,) = agent.call("POST", "/batch", {"operations": operations}).json()["results"]
    assert (result["status"], result["body"]["error"]) == (400, "bad_request")


# -- the protocol ---------------------------------------------------------------------------------


@pytest.mark.parametrize("version", HANDSHAKE_PROTOCOL_VERSIONS)
def test_it_speaks_every_version_that_begins_with_a_handshake(agent: Any, version: str) -> None:
    hello = {
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "x", "version": "1"},
    }
    said = agent.result("initialize", hello)
    assert said["protocolVersion"] == version
    assert said["serverInfo"]["name"] == "headlessly"
    assert said["capabilities"] == {"tools": {"listChanged": False}}
    body = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    response = agent.call("POST", "/mcp", body, Mcp_Protocol_Version=version)
    assert (response.status_code, response.content) == (202, b"")
    response = agent.ask("tools/list", Mcp_Protocol_Version=version)
    assert len(response.json()["result"]["tools"]) == 3
    assert "Mcp-Session-Id" not in response.headers


def modern(**params: Any) -> dict[str, Any]:
    return params | {
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": LATEST_PROTOCOL_VERSION,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    }


def test_it_speaks_the_newest_version_without_a_handshake(agent: Any, lead: Any) -> None:
    version = {"Mcp_Protocol_Version": LATEST_PROTOCOL_VERSION}
    said = agent.ask("server/discover", modern(), Mcp_Method="server/discover", **version).json()
    assert said["result"]["supportedVersions"] == [LATEST_PROTOCOL_VERSION]
    call = modern(name="search", arguments={"type": "Lead"})
    headers = version | {"Mcp_Method": "tools/call", "Mcp_Name": "search"}
    result = agent.ask("tools/call", call, **headers).json()["result"]
    assert result["structuredContent"]["results"][0]["$id"] == lead.pk
    response = agent.ask("tools/call", call, **headers | {"Mcp_Name": "do"})
    assert response.status_code == 400, "a header that says otherwise than the body"
    response = agent.ask("tools/list", modern(), Mcp_Protocol_Version="2031-01-01")
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"", 400),
        (b"[]", 400),
        (b'"x"', 400),
        (b"\xff\xfe", 400),
        (b'{"jsonrpc": "2.0", "id": NaN}', 400),
        (b'{"a":' * 300 + b"1" + b"}" * 300, 400),
        (b"{}", 400),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', 400),
        (b'{"jsonrpc": "2.0", "id": 1, "result": {}}', 202),
    ],
)
def test_it_refuses_what_is_no_message(agent: Any, body: bytes, status: int) -> None:
    with unchanged():
        response = agent.call("POST", "/mcp", body)
    assert response.status_code == status, response.content
    if status == 400:
        assert response.json()["error"]["code"] < 0
        assert response.json()["error"]["message"]


def test_it_takes_nothing_but_json(agent: Any) -> None:
    response = agent.generic(
        "POST",
        "/~acme/mcp",
        b"<x/>",
        content_type="text/xml",
        headers={"Authorization": f"Bearer {agent.secret}"},
    )
    refused(response, 415, "unsupported_media_type")


def test_it_says_which_tools_there_are_and_what_it_does_not_do(agent: Any) -> None:
    found = agent.ask("tools/call", {"name": "explode", "arguments": {}}).json()["error"]
    assert found["code"] == -32602
    assert found["message"] == "There is no tool 'explode'. Tools: search, fetch, do."
    assert agent.ask("resources/list").json()["error"]["code"] == -32601


def test_it_does_a_call_with_an_idempotency_key_once(
    agent: Any, lead: Any, monkeypatch: Any
) -> None:
    """What a tool refused was not done, and may be asked for again."""
    call = {"name": "fetch", "arguments": {"type": "Lead", "id": lead.pk}}
    first = agent.ask("tools/call", call, Idempotency_Key="one")
    lead.update(score=3)
    again = agent.ask("tools/call", call, Idempotency_Key="one")
    assert again["Idempotency-Replayed"] == "true"
    assert again.content == first.content
    call = {"name": "fetch", "arguments": {"type": "Lead", "id": "lead_not_yet"}}
    assert agent.ask("tools/call", call, Idempotency_Key="two").json()["result"]["isError"]
    assert "Idempotency-Replayed" not in agent.ask("tools/call", call, Idempotency_Key="two")


# -- the tools ------------------------------------------------------------------------------------


def test_it_defines_three_tools_in_less_than_a_thousand_tokens(agent: Any) -> None:
    found = agent.result("tools/list")["tools"]
    assert [tool["name"] for tool in found] == ["search", "fetch", "do"]
    text = json.dumps(found, separators=(",", ":"))
    assert len(text) / 4 < 900, "as is usually reckoned"
    # Never fewer than a tokenizer makes: words of at most six letters, and every sign by itself but
    # those that JSON has in rows.
    strict = re.findall(r"[A-Za-z0-9]{1,6}|[\"{}\[\]:,]+|[^\s\w]|_", text)
    assert len(strict) < 1_000
    for tool in found:
        assert tool["inputSchema"]["additionalProperties"] is False
    assert [tool["annotations"]["readOnlyHint"] for tool in found] == [True, True, False]


def test_it_names_every_noun_there_is() -> None:
    search, fetch, _ = definitions.all_tools()
    assert search["inputSchema"]["properties"]["type"]["enum"] == [
        *registry,
        "Event",
        "Notification",
        "Following",
        "View",
    ]
    assert set(registry) < set(fetch["inputSchema"]["properties"]["type"]["enum"])


def test_it_shows_do_only_to_a_key_that_may_write(reader: Any, acme: Any) -> None:
    assert [tool["name"] for tool in reader.result("tools/list")["tools"]] == ["search", "fetch"]
    with unchanged():
        said = reader.refused("do", code="Lead.create(name='x', source='y')")
    assert said["error"] == "forbidden"
    assert "scope propose, write or admin" in said["message"]


def test_it_works_in_the_thread_of_the_request(agent: Any, monkeypatch: Any) -> None:
    """Tenant, actor, request id and connection are those of the request, and end with it."""
    import threading

    seen = {}

    def look(given: Any) -> dict[str, Any]:
        seen.update(
            thread=threading.current_thread(),
            tenant=tenancy.require().slug,
            actor=actors.current().id,
        )
        return {}

    monkeypatch.setitem(tools.TOOLS, "search", look)
    agent.tool("search", type="Lead")
    assert seen["tenant"] == "acme"
    assert seen["actor"] == agent.key.pk
    assert seen["thread"] is threading.current_thread()
    with actors.acting(None):
        agent.tool("search", type="Lead")
        assert actors.current_or_none() is None


def test_it_tells_the_log_what_failed_and_the_agent_nothing_of_the_inside(
    agent: Any, monkeypatch: Any, caplog: Any
) -> None:
    def explode(given: Any) -> dict[str, Any]:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setitem(tools.TOOLS, "search", explode)
    with caplog.at_level(logging.INFO):
        response = agent.ask("tools/call", {"name": "search", "arguments": {"type": "Lead"}})
    said = response.json()["result"]["structuredContent"]
    assert said["error"] == "internal_error"
    assert said["requestId"] == response["X-Request-Id"]
    assert b"swordfish" not in response.content
    (record,) = [record for record in caplog.records if record.name.startswith("headlessly")]
    assert record.getMessage() == "MCP search failed"
    assert "swordfish" in caplog.text
    assert agent.secret not in caplog.text


def test_it_gives_up_on_a_protocol_that_hangs(agent: Any, monkeypatch: Any) -> None:
    async def hang(*args: Any) -> None:
        import asyncio

        await asyncio.Event().wait()

    monkeypatch.setattr(transport, "PATIENCE", 0.05)
    monkeypatch.setattr(transport.StreamableHTTPSessionManager, "handle_request", hang)
    refused(agent.ask("tools/list"), 500, "internal_error")


def test_it_asks_the_database_no_more_than_rest_does(
    agent: Any, lead: Any, django_assert_num_queries: Any
) -> None:
    from crm import Lead

    orjson.loads(agent.ask("tools/list").content)
    agent.tool("search", type="Lead", include=["owner", "contact"])
    Lead.create(name="One more", source="website", owner=lead.owner, contact=lead.contact)
    for _ in range(2):
        with django_assert_num_queries(3):  # the tenant, the key and its count; the rows
            agent.tool("search", type="Lead", include=["owner", "contact"])
        for number in range(10):
            Lead.create(name=f"Lead {number}", source="website", owner=lead.owner)
