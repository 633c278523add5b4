"""Whatever an agent says, it is told what was wrong with it; nothing goes wrong here."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from headlessly.declaration.registry import registry
from headlessly.mcp import definitions, tools

MANY = settings(
    max_examples=150,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

#: Words that mean something somewhere, and some that are nasty.
WORDS = st.sampled_from(
    [
        *(
            "name",
            "status",
            "score",
            "owner",
            "contact.email",
            "organization.industry",
            "owner.owner",
        ),
        *("$id", "$type", "$createdAt", "$context", "bant", "lastActivityAt", "activities", "deal"),
        *("$eq", "$ne", "$gt", "$in", "$nin", "$exists", "$regex", "$text", "$not", "$and", "$or"),
        *("New", "website", "7d ago", "99999999y ago", "2026-01-01", "2026-13-45T99:99", "today"),
        *("lead_x", "contact_x", "evt_x", "org_", "_", "", " ", "\x00", "a\x00b", "é" * 99, "((("),
        *("desc", "asc", "-score", "-", ",", "name,,score", "1", "1.0", "0" * 400, "reached"),
        *("target", "targetType", "since", "until", "cursor", "data", "previous", "Lead.Created"),
        *registry,
    ]
) | st.text(max_size=12)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, 25, 100, 101, -1, 2**63, 2**64 - 1, -(2**63)])
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


def plausible(tool: str, id: str = "lead_x") -> st.SearchStrategy[dict[str, Any]]:
    """Arguments of the kinds that are taken, and some that are not; often with this id."""
    (schema,) = (t["inputSchema"] for t in definitions.all_tools() if t["name"] == tool)
    kinds = {
        "string": WORDS,
        "integer": st.integers(1, 100) | st.integers(),
        "boolean": st.booleans(),
        "object": st.dictionaries(WORDS, ANYTHING, max_size=3),
        "array": st.lists(WORDS, max_size=3),
    }
    optional: dict[str, Any] = {}
    for name, field in schema["properties"].items():
        if name == "type":
            continue
        types = field["type"] if isinstance(field["type"], list) else [field["type"]]
        optional[name] = st.one_of(*(kinds[kind] for kind in types), ANYTHING)
    types = st.sampled_from(schema["properties"]["type"]["enum"])
    some = st.fixed_dictionaries({"type": types | WORDS}, optional=optional)
    if tool != "fetch":
        return some
    likely = st.sampled_from(["Lead", "History", "Schema", "Event", "Status"])
    return some | st.fixed_dictionaries({"type": likely}, optional={"id": st.just(id) | WORDS})


@pytest.mark.parametrize("tool", ["search", "fetch"])
def test_it_answers_any_arguments_at_all(tool: str, lead: Any) -> None:
    done = {True: 0, False: 0}

    @MANY
    @given(plausible(tool, lead.pk) | st.dictionaries(WORDS, ANYTHING, max_size=3))
    def ask(arguments: dict[str, Any]) -> None:
        content, failed = tools.call_tool(tool, arguments)
        said = orjson.loads(content)
        done[failed] += 1
        if failed:
            assert said["error"] != "internal_error", arguments
            assert said["message"] and said["next"]

    ask()
    assert min(done.values()) > 2, "some of it must make sense"


def test_it_answers_any_message_at_all(agent: Any, lead: Any) -> None:
    parts = st.fixed_dictionaries(
        {},
        optional={
            "jsonrpc": st.just("2.0") | ANYTHING,
            "id": st.integers() | WORDS | ANYTHING,
            "method": st.sampled_from(
                ["tools/call", "tools/list", "initialize", "ping", "server/discover"]
                + ["notifications/cancelled", "subscriptions/listen", "logging/setLevel"]
            )
            | WORDS,
            "params": st.fixed_dictionaries(
                {"name": st.sampled_from(["search", "fetch"]), "arguments": plausible("search")},
                optional={"_meta": ANYTHING},
            )
            | ANYTHING,
        },
    )
    headers = st.sampled_from([{}, {"Mcp_Protocol_Version": "2026-07-28"}])

    @settings(MANY, max_examples=80)
    @given(parts, headers)
    def ask(body: dict[str, Any], more: dict[str, str]) -> None:
        response = agent.call("POST", "/mcp", json.dumps(body).encode(), **more)
        assert response.status_code < 500, (body, response.content)
        assert b"internal_error" not in response.content, body
        assert b"-32603" not in response.content, body

    ask()
