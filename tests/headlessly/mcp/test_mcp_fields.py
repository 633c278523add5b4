"""The tenant's own fields by an agent with the key of an admin, in a script."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from headlessly.shaping import custom_fields
from tests.answered import unchanged
from tests.headlessly.mcp.conftest import Agent

ADD = 'Schema.addField(noun="Lead", label="Customer number", type="string", unique=True)'


@pytest.fixture
def admin(acme: Any) -> Agent:
    return Agent(acme, "admin")


def test_a_field_is_there_for_the_script_that_added_it(admin: Any) -> None:
    code = f'{ADD}\nLead.create(name="A", source="web", customerNumber="K1").customerNumber'
    assert admin.tool("do", code=code)["value"] == "K1"
    assert "customerNumber" in admin.tool("fetch", type="Schema", id="Lead")["fields"]
    assert admin.tool("search", type="Lead", filter={"customerNumber": "K1"})["total"] == 1
    said = admin.refused("do", code='Lead.create(name="B", source="web", customerNumber="k1")')
    assert said["error"] == "conflict" and said["field"] == "customerNumber"


def test_it_is_changed_archived_restored_and_deleted(admin: Any) -> None:
    (made,) = admin.tool("do", code=f"{ADD}\nSchema.fields('Lead')")["value"]
    assert (made["name"], made["unique"]) == ("customerNumber", True)
    code = 'Schema.changeField("Lead.customerNumber", label="Number", name="number")'
    assert admin.tool("do", code=code)["value"]["label"] == "Number"
    assert admin.tool("do", code='Schema.archiveField("Lead.number")')["value"]["archived"]
    assert "number" not in admin.tool("fetch", type="Schema", id="Lead")["fields"]
    assert not admin.tool("do", code='Schema.restoreField("Lead.number")')["value"]["archived"]
    said = admin.refused("do", code='Schema.deleteField("Lead.number")')
    assert said["error"] == "validation_error" and "number" in said["message"]
    admin.tool("do", code='Schema.deleteField("Lead.number", "number")')
    assert admin.tool("do", code="Schema.fields()")["value"] == []


def test_what_is_tried_or_fails_leaves_no_field(admin: Any, acme: Any) -> None:
    with unchanged():
        code = f'{ADD}\nLead.create(name="A", source="web", customerNumber="K1").name'
        assert admin.tool("do", code=code, dryRun=True)["value"] == "A"
        admin.refused("do", code=f"{ADD}\n1 / 0")
    assert custom_fields.list_fields() == []
    assert "customerNumber" not in admin.tool("fetch", type="Schema", id="Lead")["fields"]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ('Schema.addField("Lead")', "bad_request"),
        ("Schema.changeField(7)", "bad_request"),
        ('Schema.archiveField("Lead.nothing")', "not_found"),
        ('Schema.addField(noun="Lead", label="X", type="colour")', "validation_error"),
        ('Schema.addField(noun="Lead", label="X", shape="round")', "validation_error"),
    ],
)
def test_what_is_wrong_is_said(admin: Any, code: str, error: str) -> None:
    with unchanged():
        assert admin.refused("do", code=code)["error"] == error


def test_nobody_else_changes_fields_nor_is_told_how(
    agent: Any, admin: Any, rivals_agent: Any
) -> None:
    found = admin.tool("fetch", type="Schema")
    assert len(found["ownFields"]["calls"]) == 6 and len(orjson.dumps(found)) / 4 < 1_300
    assert "ownFields" not in agent.tool("fetch", type="Schema")
    for code in (ADD, "Schema.fields()"):
        with unchanged():
            assert agent.refused("do", code=code)["error"] == "forbidden"
    admin.tool("do", code=ADD)
    assert "customerNumber" not in rivals_agent.tool("fetch", type="Schema", id="Lead")["fields"]
