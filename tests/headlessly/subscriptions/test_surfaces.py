"""Followed views by REST, for agents, for webhooks and in the browser."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from headlessly.access import tenancy
from headlessly.access.models import ApiKey
from headlessly.models import Delivery, Webhook
from headlessly.query import saved_views
from headlessly.subscriptions import from_log, members
from headlessly.subscriptions.models import WatchedList
from headlessly.webhooks import outbox
from headlessly.webhooks.sending import payload_of
from tests.answered import answered
from tests.conftest import Api
from tests.headlessly.mcp.conftest import Agent
from tests.headlessly.subscriptions.test_subscriptions import by, make, save, told

pytestmark = pytest.mark.django_db


def owned(made: Any, tenant: Any, user: Any, scope: str) -> Any:
    made.key, made.secret = ApiKey.issue(tenant, "own", scope, user=user, rate_limit=100_000)
    return made


def problem(response: Any, status: int) -> dict[str, Any]:
    """The error that an answer is."""
    assert response.status_code == status, response.content
    return response.json()


@pytest.fixture
def cleos(acme: Any, users: SimpleNamespace) -> Api:
    return owned(Api(acme), acme, users.cleo, "write")


def test_rest_lists_follows_and_unfollows(
    cleos: Api, api: Api, acme: Any, users: SimpleNamespace, rival: Any
) -> None:
    shared = save(users.ann, "score__gte=80")
    mine = save(users.cleo, "", "A private one", shared=False)
    save(users.bob, "", "Bob's", shared=False)
    page = answered(cleos.call("GET", "/views?noun=Lead"))
    assert [each["$id"] for each in page["results"]] == [mine.pk, shared.pk]
    assert (page["total"], page["cursor"]) == (2, None)
    first = answered(cleos.call("GET", "/views?noun=Lead&limit=1"))
    assert first["hasMore"] and [each["$id"] for each in first["results"]] == [mine.pk]
    rest = answered(cleos.call("GET", f"/views?noun=Lead&limit=1&cursor={first['cursor']}"))
    assert [each["$id"] for each in rest["results"]] == [shared.pk] and not rest["hasMore"]
    for wrong in (f"cursor={first['cursor']}", f"noun=Lead&offset=1&cursor={first['cursor']}"):
        problem(cleos.call("GET", f"/views?{wrong}"), 400)
    tag = cleos.call("GET", f"/views/{shared.pk}")["ETag"]
    said = answered(cleos.call("POST", f"/views/{shared.pk}/follow", If_Match=tag))
    stale = cleos.call("POST", f"/views/{shared.pk}/unfollow", If_Match=tag)
    assert problem(stale, 412)["id"] == shared.pk
    assert said == answered(cleos.call("GET", f"/views/{shared.pk}"))
    assert {n: said[n] for n in ("$type", "name", "noun", "query", "following", "watched")} == {
        "$type": "View", "name": "Hot leads", "noun": "Lead", "query": "score__gte=80",
        "following": True, "watched": False,
    }  # fmt: skip
    assert said["problem"] is None
    with by(users.ann):
        make("New", score=90)
    from_log.read_log()
    assert told(users.cleo) == ["New entered “Hot leads”"]
    for _again in range(2):
        assert answered(cleos.call("POST", f"/views/{shared.pk}/unfollow"))["following"] is False
    assert not WatchedList.objects.exists()
    # A key that is nobody's has no private views, follows nothing, and may have one watched.
    assert [v["$id"] for v in answered(api.call("GET", "/views"))["results"]] == [shared.pk]
    assert answered(api.call("GET", f"/views/{shared.pk}"))["following"] is None
    assert problem(api.call("POST", f"/views/{shared.pk}/follow"), 403)["type"] == "View"
    assert answered(api.call("POST", f"/views/{shared.pk}/watch"))["watched"] is True
    assert answered(api.call("POST", f"/views/{shared.pk}/unwatch"))["watched"] is False
    assert problem(api.call("GET", f"/views/{mine.pk}"), 404)
    with tenancy.active(rival):
        other = Api(rival)
        assert problem(other.call("POST", f"/views/{shared.pk}/watch"), 404)


def test_rest_says_what_is_wrong_and_where(
    cleos: Api, users: SimpleNamespace, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "MOST", 1)
    for number in range(2):
        make(f"Hot {number}", score=90)
    view = save(users.ann, "score__gte=80")
    said = problem(cleos.call("POST", f"/views/{view.pk}/follow"), 422)
    assert said["details"][0]["field"] == "query"
    assert "more than 1 records" in said["details"][0]["message"]
    mine = save(users.ann, "owner=me", "Mine")
    said = problem(cleos.call("POST", f"/views/{mine.pk}/watch"), 422)
    assert said["details"][0]["field"] == "query"
    assert problem(cleos.call("GET", "/views?noun=Leed"), 400)["field"] == "noun"
    assert problem(cleos.call("POST", f"/views/{view.pk}/follow", {"now": True}), 422)
    assert problem(cleos.call("POST", f"/views/{view.pk}/follow?x=1"), 400)["field"] == "x"
    assert problem(cleos.call("POST", "/views/view_none/follow"), 404)
    reads = owned(Api(acme), acme, users.cleo, "read")
    assert problem(reads.call("POST", f"/views/{view.pk}/follow"), 403)
    assert not WatchedList.objects.exists()


def test_a_list_of_views_asks_no_more_for_more_of_them(cleos: Api, users: SimpleNamespace) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            answered(cleos.call("GET", "/views"))
        return len(queries)

    view = save(users.ann, "score__gte=80")
    answered(cleos.call("POST", f"/views/{view.pk}/follow"))
    asked()
    one = asked()
    for number in range(5):
        save(users.ann, f"score__gte={number}", f"Over {number}")
    assert asked() == one


def test_a_webhook_is_sent_what_enters_a_watched_view_once(
    api: Api, acme: Any, users: SimpleNamespace, settings: Any
) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    view = save(users.ann, "score__gte=80")
    url = {"url": "http://127.0.0.1:9009/hook"}
    for events in (["View.*"], ["Lead.*"], ["View.Left"]):
        made = api.call("POST", "/webhooks", url | {"events": events})
        assert made.status_code == 201, made.content
    answered(api.call("POST", f"/views/{view.pk}/watch"))
    with by(users.cleo):
        lead = make("New", score=90)
        make("Cold", score=9)
    for _again in range(2):
        from_log.read_log()
        outbox.pump()
    names = {
        webhook.events[0]: list(
            Delivery.objects.filter(webhook=webhook)
            .order_by("event")
            .values_list("name", flat=True)
        )
        for webhook in Webhook.objects.all()
    }
    assert names["View.*"] == ["View.Entered"] and names["View.Left"] == []
    assert set(names["Lead.*"]) == {"Lead.Created"}
    (delivery,) = Delivery.objects.filter(name="View.Entered")
    payload = payload_of(delivery)
    assert (payload["target"], payload["targetType"]) == (lead.pk, "Lead")
    assert payload["data"] == {"view": view.pk, "viewName": "Hot leads"}
    wrong = problem(api.call("POST", "/webhooks", url | {"events": ["View.Entred"]}), 422)
    assert wrong["details"][0]["field"] == "events"
    assert "View.Entered" in wrong["details"][0]["message"]


def test_agents_and_rest_find_the_events(
    acme: Any, api: Api, users: SimpleNamespace, rival: Any
) -> None:
    view = save(users.ann, "score__gte=80")
    answered(api.call("POST", f"/views/{view.pk}/watch"))
    with by(users.cleo):
        lead = make("New", score=90)
    from_log.read_log()
    agent = owned(Agent(acme), acme, users.cleo, "read")
    (event,) = agent.tool(
        "search", type="Event", filter={"name": "View.Entered"}, fields=["data", "target"]
    )["results"]
    assert event["target"] == lead.pk and event["data"]["view"] == view.pk
    found = answered(api.call("GET", "/events?targetType=Lead"))["results"]
    assert [each["name"] for each in found] == ["Lead.Created", "View.Entered"]
    assert (
        agent.tool("search", type="View", filter={"noun": "Lead"})["results"][0]["$id"] == view.pk
    )
    refused = agent.refused("search", type="View", filter={"nun": "Lead"})
    assert refused["field"] == "nun"
    others = owned(Agent(rival), rival, users.eve, "read")
    assert others.tool("search", type="Event", filter={"name": "View.Entered"})["results"] == []
    assert others.tool("search", type="View")["results"] == []


def test_the_list_of_a_view_has_a_button_and_the_record_says_it(
    cleo: Client, users: SimpleNamespace, acme: Any
) -> None:
    view = save(users.ann, "score__gte=80")
    base = "/~acme/admin/crm/lead"
    page = cleo.get(f"{base}/?score__gte=80&view={view.pk}").content.decode()
    assert "Follow this view" in page and "Do not follow it any more" not in page
    assert "Follow this view" not in cleo.get(f"{base}/?view=all").content.decode()
    sent: Callable[[str], Any] = lambda do: cleo.post(  # noqa: E731
        f"{base}/views/{view.pk}/", {"do": do, "query": "score__gte=80"}, follow=True
    )
    page = sent("follow").content.decode()
    assert "You are told what enters “Hot leads” and what leaves it." in page
    assert "Do not follow it any more" in page
    with by(users.ann):
        lead = make("New", score=90)
    from_log.read_log()
    assert "New entered “Hot leads”" in cleo.get("/~acme/admin/notifications/").content.decode()
    shown = cleo.get(f"{base}/{lead.pk}/change/").content.decode()
    assert "brought it into “Hot leads”" in shown
    assert "Follow this view" in sent("unfollow").content.decode()
    assert not WatchedList.objects.exists()
    assert "Send it to webhooks no more" in sent("watch").content.decode()
    assert saved_views.View.objects.get(pk=view.pk).watched
    assert "Send its changes to webhooks" in sent("unwatch").content.decode()
    too = save(users.ann, "owner=me", "Mine")
    refused = cleo.post(
        f"{base}/views/{too.pk}/", {"do": "watch", "query": "owner=me"}, follow=True
    )
    assert "This view says “me”" in refused.content.decode()


def test_a_page_says_that_a_view_is_not_looked_at(
    cleo: Client, users: SimpleNamespace, acme: Any
) -> None:
    view = save(users.ann, "score__gte=80")
    base = "/~acme/admin/crm/lead"
    cleo.post(f"{base}/views/{view.pk}/", {"do": "follow", "query": "score__gte=80"})
    asked = f"{base}/?score__gte=80&view={view.pk}"
    said = "It is not looked at now: its filters have to be changed."
    assert said not in cleo.get(asked).content.decode()
    WatchedList.objects.update(problem=members.TOO_MANY)
    assert said in cleo.get(asked).content.decode()
