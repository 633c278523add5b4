"""The steps of a funnel as a report: counts, rates, lists; of a period, an owner, a campaign, a day."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html import unescape
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from crm import Lead
from headlessly.context import clock
from headlessly.log import tracking
from marketing import Funnel, funnel_report
from tests.answered import answered
from tests.headlessly.admin.conftest import users  # noqa: F401  (a fixture)
from tests.headlessly.admin.signed_in import client_of

MARCH = {"from": "2025-03-01", "to": "2025-03-31"}
STEPS = "Lead.Created,Lead.Updated,Lead.Converted"
PAGE = "/~acme/admin/marketing/funnel/steps/"


def on(month: int, day: int) -> Any:
    return clock.set_clock(datetime(2025, month, day, 10, tzinfo=UTC), purpose="replay")


@pytest.fixture
def world(people: SimpleNamespace) -> SimpleNamespace:
    """Bob's lead of February and two of March, of which one was converted in April; and one of Cleo's."""
    with on(2, 3):
        Lead.create(name="Early", source="event", owner=people.bob).update(score=5)
    with on(3, 3):
        won = Lead.create(name="Won", source="event", owner=people.bob, contact=people.ada)
        Lead.create(name="Stood", source="event", owner=people.bob)
        hers = Lead.create(name="Hers", source="web", owner=people.cleo, campaign=people.spring)
    with on(3, 10):
        won.update(status="Contacted")
        won.update(status="Qualified")
        hers.update(score=9)
    with on(4, 2):
        won.convert()
    people.won, people.hers = won, hers
    return people


def counts(api: Any, **asked: str) -> list[int]:
    found = answered(api.call("GET", f"/reports/funnel?{urlencode(MARCH | asked)}"))
    return [row["count"] for row in found["rows"]]


def test_it_counts_each_step_of_those_who_began_in_the_period(api: Any, world: Any) -> None:
    found = answered(api.call("GET", f"/reports/funnel?{urlencode(MARCH | {'steps': STEPS})}"))
    assert [row["count"] for row in found["rows"]] == [3, 2, 1]
    assert [row["key"] for row in found["rows"]] == STEPS.split(",")
    assert [round(row["share"]) for row in found["rows"]] == [100, 67, 33]
    assert [row["ofStepBefore"] for row in found["rows"]] == [None, pytest.approx(200 / 3), 50]
    assert round(found["value"]) == 33


def test_it_has_the_records_of_each_step_in_its_list(api: Any, world: Any) -> None:
    found = answered(api.call("GET", f"/reports/funnel?{urlencode(MARCH | {'steps': STEPS})}"))
    for row in found["rows"]:
        behind = row["lists"]["count"]
        there = answered(api.call("GET", f"/leads?filter={quote(json.dumps(behind['filter']))}"))
        assert there["total"] == row["count"]
    assert [each["$id"] for each in there["results"]] == [world.won.pk]


def test_it_is_narrowed_to_an_owner_a_campaign_and_a_day(api: Any, world: Any) -> None:
    assert counts(api, steps=STEPS, owner=world.bob.pk) == [2, 1, 1]
    assert counts(api, steps=STEPS, owner="-") == [0, 0, 0]
    assert counts(api, steps=STEPS, campaign=world.spring.pk) == [1, 1, 0]
    assert counts(api, steps=STEPS, asOf="2025-03-20") == [3, 2, 0]
    assert counts(api, steps=STEPS, asOf="2025-03-05") == [3, 0, 0]
    assert counts(api, steps=STEPS, asOf="2025-03-01") == [0, 0, 0]


def test_it_compares_the_same_steps_by_owner_and_by_campaign(
    api: Any, world: Any, monkeypatch: Any
) -> None:
    def groups(by: str, **asked: str) -> list[tuple[Any, list[int]]]:
        query = urlencode(MARCH | {"steps": STEPS, "by": by} | asked)
        found = answered(api.call("GET", f"/reports/funnel?{query}"))
        for group in found["groups"]:
            if not group.get("rest"):  # each is its own funnel
                alone = {by: group["key"] or "-"}
                assert counts(api, steps=STEPS, **alone, **asked) == [
                    row["count"] for row in group["rows"]
                ]
        columns = zip(*([row["count"] for row in g["rows"]] for g in found["groups"]), strict=True)
        assert [sum(column) for column in columns] == [row["count"] for row in found["rows"]]
        return [
            (group["name"], [row["count"] for row in group["rows"]]) for group in found["groups"]
        ]

    assert groups("owner") == [("Bob Stone", [2, 1, 1]), ("Cleo Marsh", [1, 1, 0])]
    assert groups("campaign") == [("No campaign", [2, 1, 1]), ("Spring launch", [1, 1, 0])]
    assert groups("owner", asOf="2025-03-05") == [
        ("Bob Stone", [2, 0, 0]), ("Cleo Marsh", [1, 0, 0])
    ]  # fmt: skip
    assert groups("owner", campaign=world.spring.pk) == [("Cleo Marsh", [1, 1, 0])]
    monkeypatch.setattr(funnel_report, "MOST_GROUPS", 1)
    assert groups("owner") == [("Bob Stone", [2, 1, 1]), ("All others", [1, 1, 0])]
    monkeypatch.undo()
    empty = answered(
        api.call("GET", f"/reports/funnel?from=2020-01-01&to=2020-01-02&steps={STEPS}&by=owner")
    )
    assert empty["groups"] == []


def test_it_takes_the_steps_of_a_saved_funnel_in_their_order(api: Any, world: Any) -> None:
    steps = [
        {"name": "Became a deal", "event": "Lead.Converted", "order": 2},
        {"name": "Came in", "event": "Lead.Created", "order": 1},
    ]
    funnel = Funnel.create(name="From lead to deal", steps=steps)
    assert counts(api, funnel=funnel.pk) == [3, 1]


def test_it_counts_visitors_by_what_a_website_tracks(api: Any, world: Any) -> None:
    with on(3, 5):
        tracking.track("page_view", {"anonymousId": "a"})
        tracking.track("page_view", {"anonymousId": "b"})
    with on(3, 6):
        tracking.track("signup", {"anonymousId": "a"})
    assert counts(api, steps="page_view,signup") == [2, 1]


def test_it_counts_what_one_sees_of_ones_own_tenant(
    api: Any,
    rival_api: Any,
    world: Any,
    acme: Any,
    users: Any,  # noqa: F811
) -> None:
    assert counts(rival_api, steps=STEPS) == [0, 0, 0]
    acme.limits_reps = True
    acme.save()
    html = client_of(users.bob).get(
        f"{PAGE}?{urlencode(MARCH)}&step=Lead.Created&step=Lead.Updated"
    )
    assert steps_of(html.content.decode()) == ["2", "1"]
    html = client_of(users.bob).get(
        f"{PAGE}?{urlencode(MARCH)}&step=Lead.Created&step=Lead.Updated&by=owner"
    )
    assert [line[:2] for line in compared(html.content.decode())] == [
        ["All", "2"],
        ["Bob Stone", "2"],
    ]


@pytest.mark.parametrize(
    ("asked", "field", "allowed"),
    [
        ({}, "funnel", "steps=Lead.Created,Lead.Converted"),
        ({"funnel": "funnel_none"}, "funnel", "There is no Funnel"),
        ({"steps": "Lead.Created"}, "steps", "2 to 20 steps"),
        ({"steps": "Lead.Created,Lead.Vanished"}, "steps", "Lead.Converted"),
        ({"steps": STEPS, "period": "soon"}, "period", "last_month"),
        ({"steps": STEPS, "owner": "x"}, "owner", "no Contact is called 'x'"),
        ({"steps": "page_view,signup", "owner": "-"}, "owner", "Leave it out"),
        ({"steps": STEPS, "colour": "red"}, "colour", "funnel, steps, period"),
        ({"steps": STEPS, "by": "source"}, "by", "owner, campaign"),
        ({"steps": "page_view,signup", "by": "owner"}, "by", "Leave it out"),
        ({"steps": "Campaign.Created,Campaign.Launched", "by": "campaign"}, "by", "owner"),
    ],
)
def test_it_says_what_is_wrong_and_what_is_allowed(
    api: Any, world: Any, asked: dict[str, str], field: str, allowed: str
) -> None:
    body = api.call("GET", f"/reports/funnel?{urlencode(asked)}")
    assert body.status_code == 400
    assert body.json()["field"] == field and allowed in body.json()["message"]


def steps_of(html: str) -> list[str]:
    """The counts of the bars on the page."""
    bars = html.split('<ol class="bars">')[1].split("</ol>")[0]
    return [
        re.sub("<.*?>", "", text) for text in re.findall(r'<span class="figure">(.*?)</span>', bars)
    ]


def compared(html: str) -> list[list[str]]:
    """The lines of funnels side by side: a name, and of each step how many and which part."""
    body = html.split('class="card graph compared"')[1].split("<tbody>")[1].split("</tbody>")[0]
    return [
        [
            word.strip().replace("\xa0", "")
            for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.S)
            for word in re.sub("<.*?>", "|", cell).split("|")
            if word.strip()
        ]
        for row in body.split("</tr>")[:-1]
    ]


def test_it_is_a_page_where_steps_are_chosen_and_each_number_opens_its_list(
    world: Any,
    users: Any,  # noqa: F811
) -> None:
    browser = client_of(users.cleo)
    funnel = Funnel.create(name="Mine", steps=[
        {"name": "Came in", "event": "Lead.Created"}, {"name": "Deal", "event": "Lead.Converted"},
    ])  # fmt: skip
    html = browser.get(f"{PAGE}?{urlencode(MARCH | {'funnel': funnel.pk})}").content.decode()
    assert "Mine" in html and steps_of(html) == ["3", "1"]
    assert '<option value="Lead: converted">' in html, "steps are chosen from what there is"
    link = unescape(re.findall(r'href="([^"]*/crm/lead/\?[^"]*)"', html)[-1])
    assert '<span class="count">1</span>' in browser.get(link).content.decode()
    chosen = "&".join(f"step={step}" for step in STEPS.split(","))
    html = browser.get(f"{PAGE}?{urlencode(MARCH)}&{chosen}&asOf=2025-03-20").content.decode()
    assert steps_of(html) == ["3", "2", "0"]
    assert "This is how it was on Mar 20, 2025" in html
    html = browser.get(f"{PAGE}?{urlencode(MARCH)}&{chosen}&by=owner").content.decode()
    assert compared(html) == [
        ["All", "3", "100%", "2", "67%", "1", "33%"],
        ["Bob Stone", "2", "100%", "1", "50%", "1", "50%"],
        ["Cleo Marsh", "1", "100%", "1", "100%", "0", "0%"],
    ]
    link = unescape(re.findall(r'<th scope="row"><a href="([^"]*)">Bob', html)[0])
    assert steps_of(browser.get(PAGE + link).content.decode()) == ["2", "1", "1"]
    html = unescape(browser.get(f"{PAGE}?step=Lead.Created").content.decode())
    assert "2 to 20 steps" in html
    record = browser.get(f"/~acme/admin/marketing/funnel/{funnel.pk}/change/").content.decode()
    assert f"{PAGE}?funnel={funnel.pk}" in record
