"""The funnel: how many of those who begin arrive, by the log."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import Lead
from headlessly.access import tenancy
from headlessly.database import timeouts
from headlessly.errors import Invalid, VerbRefused
from headlessly.log import tracking
from marketing import Funnel, funnels
from tests.answered import answered
from tests.refusals import details, refused

pytestmark = pytest.mark.usefixtures("acme")


def steps(*names: str) -> list[dict[str, Any]]:
    return [{"name": f"Step {n}", "event": name} for n, name in enumerate(names, 1)]


def rate(*names: str) -> float | None:
    return Funnel.create(name="F", steps=steps(*names)).analyze().conversion_rate


def lead() -> Lead:
    return Lead.create(name="L", source="x")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "a list of 2 to 20"),
        (steps("Lead.Created"), "a list of 2 to 20"),
        (steps(*["page_view"] * 21), "a list of 2 to 20"),
        ([*steps("a"), "b"], "Step 2: send name and event"),
        ([*steps("a"), {"name": "x", "event": "b", "colour": 1}], "Step 2: send name and event"),
        ([*steps("a"), {"event": "b"}], "Step 2: give it a name"),
        ([*steps("a"), {"name": " ", "event": "b"}], "Step 2: give it a name"),
        ([*steps("a"), *steps("b")], "Step 2: give it a name of its own"),
        ([*steps("a"), {"name": "x"}], "Step 2 (x): event is a name"),
        ([*steps("a"), {"name": "x", "event": 5}], "Step 2 (x): event is a name"),
        (steps("Lead.Created", "Lead.Vanished"), "no verb leaves Lead.Vanished"),
        (steps("lead.created", "Deal.Won"), "Did you mean 'Lead.Created'?"),
        (steps("Lead.*", "Deal.Won"), "no verb leaves Lead.*"),
        (steps("Lead", "Deal.Won"), "no verb leaves Lead."),
        ([{**s, "order": 1} for s in steps("a", "b")], "order is a whole number"),
        ([{**s, "order": "1"} for s in steps("a", "b")], "order is a whole number"),
        ([{**s, "order": True} for s in steps("a", "b")], "order is a whole number"),
    ],
)
def test_it_says_which_step_is_wrong_and_why(wrong: Any, says: str) -> None:
    with refused(Invalid, says) as caught:
        Funnel.create(name="F", steps=wrong)
    assert list(details(caught)) == ["steps"]


def test_it_counts_who_went_all_the_way_in_order() -> None:
    arrived, half, lost = lead(), lead(), lead()
    lead()
    for each in (arrived, half, lost):
        each.update(status="Contacted")
    for each in (arrived, half):
        each.update(status="Qualified")
    lost.lose(lost_reason="Price")
    assert rate("Lead.Created", "Lead.Lost") == 25
    assert rate("Lead.Created", "Lead.Updated") == 75
    assert rate("Lead.Created", "Lead.Updated", "Lead.Updated") == 50
    assert rate("Lead.Created", "Lead.Updated", "Lead.Updated", "Lead.Updated") == 0
    assert rate("Lead.Updated", "Lead.Lost") == 33.33
    assert rate("Lead.Lost", "Lead.Updated") == 0, "what came before does not count"
    assert rate("Lead.Converted", "Lead.Lost") is None, "nobody has begun"


def test_it_counts_everybody_once() -> None:
    again = lead()
    for _ in range(3):
        again.lose(lost_reason="Price")
        again.update(status="New")
    lead().lose(lost_reason="Price")
    lead()
    assert rate("Lead.Lost", "Lead.Updated") == 50
    assert rate("Lead.Lost", "Lead.Updated", "Lead.Lost", "Lead.Updated", "Lead.Lost") == 50


def test_it_follows_visitors_by_what_the_website_calls_them() -> None:
    def visited(page: str, **who: str) -> None:
        tracking.track(page, who)

    visited("page_view", userId="ada", sessionId="s1")
    visited("page_view", anonymousId="a1", sessionId="s2")
    visited("page_view", sessionId="s3")
    visited("page_view")  # nobody
    visited("signup", userId="ada", sessionId="s9")
    visited("signup", sessionId="s3")
    assert rate("page_view", "signup") == 66.67


def test_it_goes_by_when_things_happened() -> None:
    from datetime import timedelta

    from headlessly.context import clock

    now = clock.now()
    tracking.track("paid", {"userId": "ada"}, timestamp=now)
    tracking.track("signup", {"userId": "ada"}, timestamp=now - timedelta(days=1))  # told late
    assert rate("signup", "paid") == 100
    assert rate("paid", "signup") == 0


def test_it_takes_its_steps_in_the_order_that_they_say() -> None:
    lead().lose(lost_reason="Price")
    first, last = steps("Lead.Lost", "Lead.Created")
    turned = [first | {"order": 2}, last | {"order": 1}]
    assert Funnel.create(name="F", steps=turned).analyze().conversion_rate == 100


def test_it_counts_its_own_tenant_only(rival: Any) -> None:
    with tenancy.active(rival):
        for _ in range(3):
            lead()
    lead().lose(lost_reason="Price")
    assert rate("Lead.Created", "Lead.Lost") == 100


def test_it_asks_the_database_once(api: Any) -> None:
    lead()
    funnel = Funnel.create(name="F", steps=steps("Lead.Created", "Lead.Updated", "Lead.Lost"))
    with CaptureQueriesContext(connection) as captured:
        assert funnel.analyze().conversion_rate == 0
    assert len([q for q in captured if "step_1" in q["sql"]]) == 1
    answer = answered(api.call("POST", f"/funnels/{funnel.pk}/analyze"))
    assert (answer["conversionRate"], answer["isActive"]) == (0, False)


def test_it_sees_what_happened_in_its_own_transaction() -> None:
    from headlessly.execution import executor

    with executor.one_transaction():
        lead().lose(lost_reason="Price")
        assert rate("Lead.Created", "Lead.Lost") == 100


def test_it_is_taken_into_use_and_out_again() -> None:
    funnel = Funnel.create(name="F")
    assert funnel.analyze().conversion_rate is None
    assert funnel.activate().is_active
    assert [e.verb for e in Funnel.history(funnel)] == ["Activated", "Analyzed", "Created"]
    assert not funnel.update(is_active=False).is_active


def test_it_gives_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    impatience = timeouts.statement_timeout
    monkeypatch.setattr("headlessly.database.timeouts.statement_timeout", lambda: impatience(1))
    slow = "(SELECT count(*) FROM generate_series(1, 5000000)) > 0"
    monkeypatch.setattr(
        funnels, "FIRST_STEP_SQL", funnels.FIRST_STEP_SQL.replace("who IS NOT NULL", slow)
    )
    lead()
    funnel = Funnel.create(name="F", steps=steps("Lead.Created", "Lead.Lost"))
    with refused(VerbRefused, "too many of these events"):
        funnel.analyze()


def test_it_counts_only_those_who_fit() -> None:
    for name, source, converts in (("A", "web", True), ("B", "web", False), ("C", "fair", True)):
        lead = Lead.create(name=name, source=source)
        if converts:
            Lead.lose(lead.pk, lost_reason="Elsewhere")
    steps = [{"name": "In", "event": "Lead.Created"}, {"name": "Out", "event": "Lead.Lost"}]
    web = {"type": "Lead", "filter": {"source": "web"}}
    funnel = Funnel.create(name="Web", steps=steps, criteria=web)
    assert Funnel.analyze(funnel.pk).conversion_rate == 50
    assert Funnel.analyze(Funnel.create(name="All", steps=steps).pk).conversion_rate == 66.67
    with pytest.raises(Invalid, match="taken by no Deal"):
        Funnel.update(funnel.pk, criteria={"type": "Deal", "filter": {}})
    with pytest.raises(Invalid, match="no field"):
        Funnel.update(funnel.pk, criteria={"type": "Lead", "filter": {"nothing": 1}})
