"""The tenant's own fields from a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from headlessly.access import tenancy
from headlessly.access.models import Tenant
from headlessly.shaping import custom_fields
from tests.headlessly.client.test_command_line import cli, signed_in

__all__ = ["cli", "signed_in"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_field_is_added_changed_archived_and_deleted(
    cli: Any, signed_in: Any, people: Any
) -> None:
    made = cli("fields", "add", "Lead", "Customer number", "--unique", "--more", '{"help": "Ours"}')
    assert made.code == 0, made.err
    said = made.json()
    assert (said["name"], said["unique"], said["help"]) == ("customerNumber", True, "Ours")
    size = cli(
        "fields", "add", "Deal", "Size", "--type", "choice", "--option", "S", "--option", "L"
    ).json()
    assert [each["value"] for each in size["options"]] == ["S", "L"]
    assert [each["name"] for each in cli("fields", "list").json()] == ["size", "customerNumber"]
    assert [each["name"] for each in cli("fields", "list", "Lead").json()] == ["customerNumber"]
    table = cli("fields", "list", "--output", "table").out
    assert "Customer number" in table and "Size" in table

    renamed = cli("fields", "rename", "Lead.customerNumber", "Number", "--name", "number")
    assert (renamed.json()["label"], renamed.json()["name"]) == ("Number", "number")
    lead = cli("Lead.create", "--name", "A", "--source", "web", "--number", "K1").json()
    again = cli("Lead.create", "--name", "B", "--source", "web", "--number", "k1")
    assert again.code != 0
    assert "K1" in again.err or "k1" in again.err

    tried = cli("fields", "change", "Lead.number", '{"type": "email"}', "--dry-run")
    assert tried.code != 0 and "K1" in tried.err
    tried = cli("fields", "change", "Lead.number", '{"type": "phone"}', "--dry-run")
    assert tried.json()["type"] == "phone" and "dry run" in tried.err
    assert custom_fields_of(signed_in, "Lead")[0].type == "string"

    assert cli("fields", "archive", "Lead.number").json()["archived"]
    assert "number" not in cli("Lead.get", lead["$id"]).json()
    assert not cli("fields", "restore", "Lead.number").json()["archived"]
    assert cli("Lead.get", lead["$id"]).json()["number"] == "K1"
    refused = cli("fields", "delete", "Lead.number")
    assert refused.code != 0 and "in 1 record." in refused.err
    assert cli("fields", "delete", "Lead.number", "--confirm", "number").code == 0
    assert custom_fields_of(signed_in, "Lead") == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "Nothing", "Label"), "noun"),
        (("add", "Lead", "Label", "--type", "colour"), "type"),
        (("add", "Lead", "Label", "--more", "[]"), "--more"),
        (("rename", "Lead.nothing"), "--name"),
        (("rename", "Lead.nothing", "Label"), "Lead.nothing"),
        (("change", "Lead.nothing", "no JSON"), "JSON"),
        (("list", "Nothing"), "Nothing"),
    ],
)
def test_what_is_wrong_is_said(cli: Any, signed_in: Any, words: tuple[str, ...], said: str) -> None:
    refused = cli("fields", *words)
    assert refused.code != 0 and said in refused.err and "Traceback" not in refused.err


def custom_fields_of(_tenants: Any, noun: str) -> list[Any]:
    with tenancy.active(Tenant.objects.get(slug="acme")):
        return custom_fields.list_fields(noun)
