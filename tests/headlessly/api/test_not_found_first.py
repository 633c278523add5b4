"""What is not there is said before anything is said of what was sent: for another tenant's as for none."""

from __future__ import annotations

from typing import Any

import pytest

from crm import Lead, Rule
from crm.models import RuleRun
from crm.rules import runs
from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey
from headlessly.log.events import Event
from headlessly.notifications.models import Notification
from headlessly.notifications.telling import Notice, tell
from headlessly.scripts import proposals
from headlessly.shaping import custom_fields
from headlessly.webhooks import registration
from headlessly.webhooks.models import Delivery
from tests import answered
from tests.headlessly.admin.conftest import *  # noqa: F403  (the people who sign in)

BAD = {"nonsense": 1}


@pytest.fixture
def made(acme: Any, rival: Any, rival_api: Any, users: Any) -> dict[str, str]:
    """Ids of the rival's things."""
    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        Lead.create(name="Theirs", source="x")
        rule = Rule.create(
            name="Greet", kind="Automation", condition={"type": "Lead", "filter": {}},
            events=["Lead.Created"], steps=[{"do": "Lead.update", "with": {"source": "y"}}],
        )  # fmt: skip
        runs.run_on_what_is_there(rule)
        field = custom_fields.create_field({"noun": "Lead", "name": "region", "type": "string"})
        webhook = registration.create_webhook(
            {"url": "https://receiver.example/in", "events": ["Deal.Won"]}
        )
        registration.ping_webhook(webhook)
        tell([Notice("rule", users.eve.pk, "x", "system")])
        return {
            "request": Event.log.filter(name="Lead.Created").values_list("request_id", flat=True)[
                0
            ],
            "rule": rule.pk,
            "run": RuleRun.objects.get().pk,
            "field": field.pk,
            "webhook": webhook.pk,
            "delivery": Delivery.objects.get(webhook=webhook).pk,
            "notification": Notification.objects.get(user=users.eve).pk,
            "proposal": proposals.propose('Lead.create(name="P", source="x")').pk,
        }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/rules/{rule}/runs"),
        ("POST", "/rules/{rule}/failures/retry"),
        ("POST", "/rules/{rule}/backtest"),
        ("POST", "/rules/{rule}/runs/{run}/stop"),
        ("POST", "/rules/{rule}/runs/{run}/retry"),
        ("PATCH", "/rules/{rule}"),
        ("PATCH", "/fields/{field}"),
        ("PATCH", "/lists/Lead.nothing"),
        ("POST", "/lists/Lead.nothing/merge"),
        ("PATCH", "/webhooks/{webhook}"),
        ("POST", "/webhooks/{webhook}/ping"),
        ("POST", "/webhooks/{webhook}/deliveries/{delivery}/redeliver"),
        ("POST", "/proposals/{proposal}/approve"),
        ("POST", "/proposals/{proposal}/refuse"),
        ("PATCH", "/notifications/{notification}"),
        ("POST", "/requests/{request}/undo"),
    ],
)
def test_it_is_not_found_before_the_body_is_looked_at(
    made: dict[str, str], api: Any, rival_api: Any, users: Any, method: str, path: str
) -> None:
    if "notification" in path:  # they are people's
        for each, user in ((api, users.ann), (rival_api, users.eve)):
            with tenancy.active(each.key.tenant):
                ApiKey.objects.filter(pk=each.key.pk).update(user=user)
    address = path.format(**made)
    with answered.unchanged():
        answered.problem(api.call(method, address, BAD), 404, "not_found")
        if "nothing" not in path:
            assert rival_api.call(method, address, BAD).status_code in (400, 422)
