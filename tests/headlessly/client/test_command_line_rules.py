"""Rules, from a terminal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crm import Lead, Rule
from tests.headlessly.client.test_command_line import cli, signed_in

__all__ = ["cli", "signed_in"]
pytestmark = pytest.mark.django_db(transaction=True)
ALL = json.dumps({"type": "Lead", "filter": {}})
LINE = {"name": "Site", "points": 30, "type": "Lead", "filter": {"source": "website"}}


def test_a_rule_is_made_read_and_obeyed(cli: Any, signed_in: Any, people: Any) -> None:
    score = ("Rule.create", "--kind", "Score", "--condition", ALL)
    wrong = cli(*score, "--name", "W", "--lines", json.dumps([{**LINE, "points": 500}]))
    assert wrong.code != 0 and "lines" in wrong.err and "100" in wrong.err, wrong.err
    assert not Rule.objects.exists()
    made = cli(*score, "--name", "Worth", "--lines", json.dumps([LINE]))
    assert made.code == 0, made.err
    assert Rule.objects.get().lines == [LINE]
    (row,) = cli("Rule.find", "--kind", "Score").json()
    assert (row["name"], row["error"]) == ("Worth", None)
    assert cli("Lead.create", "--name", "L", "--source", "website").code == 0
    assert Lead.objects.get().score == 30
