"""Agents of acme and of the rival that call the three tools by JSON-RPC."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.db import connection

from tests.conftest import Api

ROOT = Path(__file__).parents[3]


class Agent(Api):
    """A client of the MCP of one tenant."""

    def ask(self, method: str, params: Any = None, **headers: str) -> Any:
        """Returns the HTTP response to one message."""
        body = {"jsonrpc": "2.0", "id": 7, "method": method}
        return self.call("POST", "/mcp", body | ({"params": params} if params else {}), **headers)

    def result(self, method: str, params: Any = None) -> dict[str, Any]:
        response = self.ask(method, params)
        assert response.status_code == 200, response.content
        found = response.json()
        assert (found["jsonrpc"], found["id"]) == ("2.0", 7)
        return found["result"]

    def tool(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """Returns the result of a tool, which must not be an error."""
        return self._said(self.result("tools/call", {"name": name, "arguments": arguments}), False)

    def refused(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """Returns the error of a tool, in the shape of REST's and with a next step."""
        result = self.result("tools/call", {"name": name, "arguments": arguments})
        body = self._said(result, True)
        assert isinstance(body["message"], str) and body["message"]
        assert body["requestId"].startswith("req_")
        assert body["next"].endswith(".")
        return body

    @staticmethod
    def _said(result: dict[str, Any], is_error: bool) -> dict[str, Any]:
        assert result["isError"] is is_error, result
        (content,) = result["content"]
        assert json.loads(content["text"]) == result["structuredContent"], "the same as text"
        return result["structuredContent"]


@pytest.fixture
def agent(acme: Any) -> Agent:
    """An agent in acme that may write."""
    return Agent(acme, "write")


@pytest.fixture
def reader(acme: Any) -> Agent:
    """An agent in acme with a key that only reads."""
    return Agent(acme, "read")


@pytest.fixture
def rivals_agent(rival: Any) -> Agent:
    return Agent(rival, "write")


@pytest.fixture(scope="module")
def served(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The address of a server of two real processes with this test's database."""
    with django_db_blocker.unblock():
        connection.ensure_connection()
        at = connection.settings_dict
        connection.close()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = psutil.Popen(
        [sys.executable, "manage.py", "serve", "--workers", "2", "--jobs", "0"]
        + ["--port", str(port)],
        cwd=ROOT,
        env=os.environ
        | {
            "HEADLESSLY_ENV": "development",
            "DATABASE_URL": f"postgresql://{at['USER']}@/{at['NAME']}?host={at['HOST']}",
        },
        start_new_session=True,
    )
    try:
        _wait(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz"):
                return
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError("nothing is served")
