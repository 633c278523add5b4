"""What one is told, from a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from headlessly.access.models import ApiKey
from headlessly.client import Headlessly
from tests.headlessly.admin.conftest import users
from tests.headlessly.client.test_command_line import cli, signed_in
from tests.headlessly.notifications.test_telling import given_apart

__all__ = ["cli", "signed_in", "users"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_notifications_are_listed_read_and_chosen(
    cli: Any, signed_in: Any, acme: Any, people: Any, users: Any
) -> None:
    refused = cli("notifications", "list")
    assert refused.code != 0 and "nobody's" in refused.err, "a service key"
    secret = ApiKey.issue(acme, "own", "write", user=users.cleo, rate_limit=100_000)[1]
    assert cli("login", signed_in.acme.url, stdin=secret).code == 0
    given_apart(users.ann, people.cleo, 3)

    found = cli(
        "notifications", "list", "--unread", "--kind", "assigned", "--since", "1d ago"
    ).json()
    assert len(found) == 3 and found[0]["text"].startswith("Ann gave you Lead")
    assert len(cli("notifications", "list", "--limit", 2).json()) == 2
    assert "Ann gave you Lead" in cli("notifications", "list", "--output", "table").out
    with Headlessly(signed_in.acme.url, api_key=secret) as client:
        page = client.notifications(unread=True, limit=2)
        assert [each["$id"] for each in page["results"]] == [each["$id"] for each in found[:2]]
        rest = client.notifications(unread=True, cursor=page["cursor"])
        assert [each["$id"] for each in rest["results"]] == [found[2]["$id"]]

    assert cli("notifications", "read").code != 0, "one or all"
    assert cli("notifications", "read", found[0]["$id"]).code == 0
    assert len(cli("notifications", "list", "--unread").json()) == 2
    assert "2 read." in cli("notifications", "read", "--all").err
    assert cli("notifications", "list", "--unread").json() == []

    changed = '{"kinds": {"followed": {"mail": true}}, "digestHour": 8}'
    said = cli("notifications", "preferences", changed).json()
    assert said["kinds"]["followed"]["mail"] and said["digestHour"] == 8
    table = cli("notifications", "preferences", "--output", "table")
    assert "followed" in table.out and "at 8:00" in table.err
    wrong = cli("notifications", "preferences", '{"kinds": {"folowed": {"mail": true}}}')
    assert wrong.code != 0 and "followed" in wrong.err


def test_records_are_followed_from_a_terminal(
    cli: Any, signed_in: Any, acme: Any, lead: Any, users: Any
) -> None:
    secret = ApiKey.issue(acme, "own", "write", user=users.cleo, rate_limit=100_000)[1]
    assert cli("login", signed_in.acme.url, stdin=secret).code == 0
    assert f"You follow {lead.name}." in cli("following", "follow", lead.pk).err
    assert [each["record"] for each in cli("following", "list").json()] == [lead.pk]
    assert "do not follow" in cli("following", "unfollow", lead.pk).err
    assert cli("following", "list").json() == []
    assert cli("following", "follow", "lead_7hqtm2XLwPhY").code != 0
