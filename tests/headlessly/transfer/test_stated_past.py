"""An import that states dates tells the past that they are of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crm import Activity, Deal, Lead
from headlessly.log.events import Event
from headlessly.transfer.stated_past import milestones
from marketing import Campaign
from tests.headlessly.transfer.conftest import counts, errors, lines

LOST = (
    "name,source,status,lostReason,lostAt,$createdAt,score\n"
    "Old,event,Lost,Price,2024-05-02T10:00:00Z,2024-03-01T09:00:00Z,40\n"
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def told(record: Any) -> list[tuple[str, datetime, int | None]]:
    found = Event.objects.filter(target=record.pk).order_by("seq")
    return list(found.values_list("name", "timestamp", "version"))


def test_it_tells_when_a_lead_was_created_and_when_it_was_lost(imported: Any, acme: Any) -> None:
    assert counts(imported("leads", LOST)) == {"created": 1}
    lead = Lead.find().get()
    assert told(lead) == [
        ("Lead.Created", at("2024-03-01 09:00"), 1),
        ("Lead.Lost", at("2024-05-02 10:00"), 2),
    ]
    assert (lead.version, lead.created_at) == (2, at("2024-03-01 09:00"))
    assert lead.updated_at == lead.last_activity_at == at("2024-05-02 10:00")
    lost = Event.objects.get(name="Lead.Lost")
    assert lost.previous["status"] == "New"
    assert lost.data["lostReason"] == "Price" and lost.previous["lostReason"] is None


def test_it_knows_the_lead_as_it_was_on_any_day(imported: Any, acme: Any) -> None:
    imported("leads", LOST)
    id = Lead.find().get().pk
    assert Lead.count(as_of=at("2024-02-28 00:00")) == 0
    then = Lead.get(id, as_of=at("2024-04-01 00:00"))
    assert (then.status, then.lost_at, then.lost_reason, then.version) == ("New", None, None, 1)
    assert then.last_activity_at == at("2024-03-01 09:00") and then.score == 40
    assert Lead.get(id, as_of=at("2024-05-03 00:00")).status == "Lost"
    past = Lead.past.objects.filter(record=id).order_by("seq")
    assert [(p.valid_from, p.valid_to) for p in past] == [
        (at("2024-03-01 09:00"), at("2024-05-02 10:00")), (at("2024-05-02 10:00"), None),
    ]  # fmt: skip


def test_it_names_the_import_as_the_cause_of_all_that_it_did(imported: Any, acme: Any) -> None:
    imported("leads", LOST + "New,event,New,,,,\n")
    started = Event.objects.get(name="Import.Started")
    assert started.data["type"] == "Lead" and started.data["rows"] == 2
    events = Event.objects.filter(target_type="Lead")
    assert {e.cause for e in events} == {started.id}
    assert {e.request_id for e in events} == {started.request_id}
    assert all(e.seq > started.seq for e in events)


def test_it_leaves_the_order_of_the_log_as_it_is(imported: Any, api: Any, acme: Any) -> None:
    """A follower gets the told past as new; who asks by time, as of then."""
    Lead.create(name="First", source="web")
    cursor = api.call("GET", "/events").json()["cursor"]
    imported("leads", LOST)
    went_on = api.call("GET", f"/events?cursor={cursor}").json()["results"]
    assert [e["name"] for e in went_on] == ["Import.Started", "Lead.Created", "Lead.Lost"]
    since = api.call("GET", "/events?since=1h ago").json()["results"]
    assert [e["name"] for e in since] == ["Lead.Created", "Import.Started"]
    then = api.call("GET", "/events?since=2024-01-01&until=2024-12-31").json()["results"]
    assert [e["name"] for e in then] == ["Lead.Created", "Lead.Lost"]


def test_it_goes_on_from_the_past_as_from_any_present(imported: Any, acme: Any) -> None:
    imported("leads", LOST)
    lead = Lead.find().get()
    lead.update(status="New")
    assert (lead.version, lead.lost_at) == (3, None)
    Lead.rollback(lead.pk, as_of=at("2024-06-01 00:00"))
    again = Lead.get(lead.pk)
    assert (again.status, again.lost_reason, again.version) == ("Lost", "Price", 4)


def test_it_dates_a_creation_that_no_date_tells_by_the_first_that_does(
    imported: Any, acme: Any
) -> None:
    imported("leads", "name,source,status,convertedAt\nOld,event,Converted,2024-05-02T10:00:00Z\n")
    lead = Lead.find().get()
    assert lead.created_at == lead.first_touch_at == at("2024-05-02 10:00")
    assert Lead.count({"status": "Converted"}, as_of=at("2024-05-02 10:00")) == 1


@pytest.mark.parametrize("stage", ["Won", "Lost", "Closed"])
def test_it_tells_how_a_deal_ended(stage: str, imported: Any, acme: Any) -> None:
    imported(
        "deals",
        f"name,value,stage,actualCloseDate,$createdAt\nBig,10,{stage},2023-07-04,2023-01-02\n",
    )
    deal = Deal.find().get()
    assert told(deal) == [
        ("Deal.Created", at("2023-01-02 00:00"), 1),
        (f"Deal.{stage}", at("2023-07-04 00:00"), 2),
    ]
    then = Deal.get(deal.pk, as_of=at("2023-06-01 00:00"))
    assert (then.stage, then.actual_close_date) == ("Prospecting", None)


def test_it_takes_the_moment_where_a_day_is_told_beside_it(imported: Any, acme: Any) -> None:
    imported(
        "deals",
        "name,value,stage,wonAt,actualCloseDate,$createdAt\n"
        "Big,10,Won,2023-07-04T15:30:00Z,2023-07-04,2023-01-02\n",
    )
    deal = Deal.find().get()
    assert told(deal)[1:] == [("Deal.Won", at("2023-07-04 15:30"), 2)]
    assert deal.won_at == at("2023-07-04 15:30")


def test_it_tells_when_an_activity_was_done(imported: Any, acme: Any) -> None:
    imported(
        "activities",
        "subject,status,outcome,completedAt,$createdAt\n"
        "Call,Completed,Fine,2023-07-04T08:00:00Z,2023-07-01T08:00:00Z\n",
    )
    assert [name for name, _, _ in told(Activity.find().get())] == [
        "Activity.Created", "Activity.Completed",
    ]  # fmt: skip
    assert Activity.count({"status": "Pending"}, as_of=at("2023-07-02 00:00")) == 1


def test_it_ends_what_no_date_ends_by_the_last_moment_that_is_told(
    imported: Any, acme: Any
) -> None:
    imported(
        "campaigns",
        "name,slug,status,launchedAt,$createdAt\n"
        "Fair,fair,Completed,2023-07-04T08:00:00Z,2023-07-01T08:00:00Z\n"
        "Rest,rest,Paused,2023-07-04T08:00:00Z,2023-07-01T08:00:00Z\n",
    )
    fair, rest = Campaign.find({"slug": "fair"}).get(), Campaign.find({"slug": "rest"}).get()
    assert [name for name, _, _ in told(fair)] == [
        "Campaign.Created", "Campaign.Launched", "Campaign.Completed",
    ]  # fmt: skip
    assert [name for name, _, _ in told(rest)][1:] == ["Campaign.Launched", "Campaign.Paused"]
    assert rest.reached == "Launched" and fair.reached is None
    assert Campaign.count({"status": "Draft"}, as_of=at("2023-07-02 00:00")) == 2


def test_it_refuses_a_creation_after_what_came_of_it(imported: Any, acme: Any) -> None:
    header = "name,source,status,convertedAt,$createdAt\n"
    done = imported("leads", header + "A,x,Converted,2024-05-02T10:00:00Z,2024-05-03T00:00:00Z\n")
    assert errors(done) == [(1, "$createdAt")]
    assert "after" in done["errors"][0]["message"]
    ahead = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    assert errors(imported("leads", header + f"A,x,New,,{ahead}\n")) == [(1, "$createdAt")]
    foreign = "Lead Name,source,status,convertedAt,Created Date\n"
    done = imported("leads", foreign + "A,x,Converted,2024-05-02T10:00:00Z,2024-05-03\n")
    assert [w["field"] for w in done["warnings"]] == ["$createdAt"]
    assert Lead.find().get().created_at == at("2024-05-02 10:00")


def test_it_writes_nothing_more_for_rows_without_dates(imported: Any, acme: Any) -> None:
    imported("leads", "name,source,status,$createdAt\nOld,event,Qualified,2024-03-01\n")
    assert told(Lead.find().get()) == [("Lead.Created", at("2024-03-01 00:00"), 1)]


def test_it_makes_the_people_of_a_row_when_the_row_was_made(imported: Any, acme: Any) -> None:
    imported("leads", "name,source,Contact Email,$createdAt\nOld,event,a@b.example,2024-03-01\n")
    assert Lead.find().get().contact.created_at == at("2024-03-01 00:00")


def test_a_trial_tells_nothing_in_the_log(imported: Any, acme: Any) -> None:
    assert counts(imported("leads", LOST, "?dryRun=true")) == {"created": 1}
    assert not Event.objects.exists() and not Lead.past.objects.exists()


def test_its_own_export_makes_the_same_past_again(imported: Any, exported: Any, acme: Any) -> None:
    imported("leads", LOST)
    (line,) = lines(exported("leads?format=ndjson"))
    done = imported("leads", exported("leads?format=ndjson"), kind="application/x-ndjson")
    assert counts(done) in ({"created": 1}, {"unchanged": 1})
    done = imported(
        "leads", exported("leads?format=ndjson"), "?match=$id", kind="application/x-ndjson"
    )
    assert counts(done) == {"unchanged": done["total"]}
    assert line["$version"] == 2


@pytest.mark.parametrize(
    ("noun", "fields"),
    [
        (Lead, {("converted_at", "Converted"), ("lost_at", "Lost")}),
        (
            Deal,
            {("actual_close_date", s) for s in ("Closed", "Won", "Lost")} | {("won_at", "Won")},
        ),
        (Activity, {("completed_at", "Completed")}),
        (Campaign, {("launched_at", "Launched")}),
    ],
)
def test_the_declaration_says_which_moment_is_of_which_step(noun: Any, fields: Any) -> None:
    assert {(m.field.name, m.state) for m in milestones(noun)} == fields
