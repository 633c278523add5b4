"""Saved views, from a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from headlessly.access.models import ApiKey
from headlessly.client import Headlessly
from headlessly.subscriptions import from_log
from tests.headlessly.admin.conftest import users
from tests.headlessly.client.test_command_line import cli, signed_in
from tests.headlessly.subscriptions.test_subscriptions import by, make, save

__all__ = ["cli", "signed_in", "users"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_views_are_listed_followed_and_watched(
    cli: Any, signed_in: Any, acme: Any, people: Any, users: Any
) -> None:
    view = save(users.ann, "score__gte=80")
    refused = cli("views", "follow", view.pk)
    assert refused.code != 0 and "nobody's" in refused.err, "a service key"
    assert cli("views", "watch", view.pk).code == 0
    assert cli("views", "unwatch", view.pk).code == 0
    secret = ApiKey.issue(acme, "own", "write", user=users.cleo, rate_limit=100_000)[1]
    assert cli("login", signed_in.acme.url, stdin=secret).code == 0
    assert "You follow Hot leads." in cli("views", "follow", view.pk).err
    (row,) = cli("views", "list", "--noun", "Lead").json()
    assert (row["$id"], row["following"], row["watched"]) == (view.pk, True, False)
    with by(users.ann):
        make("New", score=90)
    from_log.read_log()
    (told,) = cli("notifications", "list", "--kind", "view").json()
    assert told["text"] == "New entered “Hot leads”"
    with Headlessly(signed_in.acme.url, api_key=secret) as client:
        assert client.views(noun="Deal")["results"] == []
        assert [each["name"] for each in client.views()["results"]] == ["Hot leads"]
    assert cli("views", "unfollow", view.pk).code == 0
    assert cli("views", "list").json()[0]["following"] is False
    assert "noun" in cli("views", "list", "--noun", "Leed").err
