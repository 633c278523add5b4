"""The log: append-only, and nobody can forge the record of a verb."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from crm import Contact, Lead
from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.context.tenant_scope import every_tenant
from headlessly.database.cluster import CLOSED
from headlessly.errors import Invalid, Moving, NoTenant
from headlessly.execution import executor
from headlessly.log import events, tracking
from headlessly.log.events import Event
from tests.refusals import details, refused

pytestmark = pytest.mark.usefixtures("acme")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE headlessly_event SET actor = 'somebody else'",
        "UPDATE headlessly_event SET seq = seq",
        "DELETE FROM headlessly_event",
        "DELETE FROM headlessly_event WHERE name = 'Lead.Created'",
        "INSERT INTO headlessly_event SELECT * FROM headlessly_event "
        "ON CONFLICT (tenant_id, id) DO UPDATE SET actor = 'x'",
        "WITH gone AS (DELETE FROM headlessly_event RETURNING *) SELECT * FROM gone",
    ],
)
def test_it_is_never_changed_nor_deleted_by_the_database(sql: str, lead: Lead) -> None:
    with refused(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_it_is_not_truncated(lead: Lead) -> None:
    # The suite itself may empty the log between tests; only there is the trigger missing.
    with every_tenant(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(events.APPEND_ONLY)
        with refused(IntegrityError), transaction.atomic():
            cursor.execute("TRUNCATE headlessly_event CASCADE")
        transaction.set_rollback(True)


def test_it_is_never_changed_nor_deleted_through_the_model(lead: Lead) -> None:
    event = Lead.history(lead)[0]
    for call in (
        event.save,
        event.delete,
        lambda: Event.objects.update(actor="x"),
        lambda: Event.objects.all().delete(),
        lambda: Event.objects.filter(target=lead.id).update(actor="x"),
        lambda: Event.objects.bulk_update([event], ["actor"]),
        lambda: Event.objects.bulk_create([Event(name="Lead.Converted")]),
        lambda: Event.objects.create(name="Lead.Converted", target=lead.id),
        lambda: Event(name="Lead.Converted").save(),
    ):
        with refused(TypeError):
            call()


def test_it_belongs_to_its_tenant(lead: Lead, rival: Any) -> None:
    with tenancy.active(rival):
        assert not Event.objects.count()
        assert not Lead.history(lead.id)
    with tenancy.active(None), pytest.raises(NoTenant):
        Event.objects.count()


def test_it_grows_in_sequence_and_tells_itself_on_the_wire(lead: Lead, acme: Any) -> None:
    lead.update(score=3)
    newest, oldest = Lead.history(lead)
    assert oldest.seq < newest.seq
    wire = newest.as_json()
    assert wire["$id"].startswith("evt_")
    assert list(wire) == [
        "$id", "$type", "$context", "seq", "name", "target", "targetType", "actor", "timestamp",
        "version", "data", "previous", "cause", "requestId", "tenant",
    ]  # fmt: skip
    assert (wire["name"], wire["targetType"], wire["version"], wire["tenant"]) == (
        "Lead.Updated", "Lead", 2, "acme",
    )  # fmt: skip
    assert wire["previous"] == {"score": 82}
    assert wire["data"]["score"] == 3


def test_it_keeps_the_record_of_a_deleted_one_and_its_history(people: Any) -> None:
    gone = Contact.create(name="Gone", title="CEO")
    gone.delete()
    deleted = Contact.history(gone.id)[0]
    assert (deleted.name, deleted.data["title"], deleted.version) == ("Contact.Deleted", "CEO", 2)


# -- tracked events -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["page_view", "trial started", "checkout.opened", "v2.Started", "Ünïcode", "Upper", "a.b.c"],
)
def test_it_tracks_what_happens_outside(name: str) -> None:
    event = tracking.track(name, {"path": "/pricing", "nested": {"list": [1, None, True]}})
    kept = Event.objects.get(id=event.id)
    assert (kept.name, kept.data["path"], kept.actor) == (name, "/pricing", "system")
    assert (kept.target, kept.target_type, kept.version, kept.previous, kept.cause) == (None,) * 5
    assert kept.request_id


FORGED = ["Lead.Converted", "Deal.Won", "Nonsense.Done", "Lead.Converted.x", "Lead.Converted ",
          " Lead.Converted"]  # fmt: skip


@pytest.mark.parametrize("name", [*FORGED, "", "  ", None, 5, "x" * 256, "nul\x00", "half\ud800"])
def test_it_does_not_track_under_a_name_like(name: Any, lead: Lead) -> None:
    def from_a_hook(lead: Lead, ctx: Any) -> None:
        ctx.Event.create(name=name)

    with refused(Invalid) as caught:
        tracking.track(name)
    assert list(details(caught)) == ["name"]
    with Lead.updated.attached(from_a_hook), refused(Invalid):
        lead.update(score=1)


@pytest.mark.parametrize(
    "properties", [{"a": "\x00"}, {"\x00": 1}, {"a": {1}}, {"a": {5: 1}}, {"a": "\ud800"}]
)
def test_it_does_not_track_what_is_no_json(properties: Any, lead: Lead) -> None:
    def from_a_hook(lead: Lead, ctx: Any) -> None:
        ctx.Event.create(name="x", properties=properties)

    with refused((Invalid, ValueError)):
        tracking.track("page_view", properties)
    with Lead.updated.attached(from_a_hook), refused((Invalid, ValueError, TypeError)):
        lead.update(score=1)


def test_it_tracks_only_from_a_hook_through_the_context(lead: Lead) -> None:
    with refused(RuntimeError):
        tracking.Tracker.create(name="page_view")


#: What a file for COPY, and JSON, write otherwise than it is.
ODD = "\\N \\ \t \n \" '{},"


def _change(leads: list[Lead]) -> list[Event]:
    """The events of one transaction in which each lead is changed."""
    last = Event.objects.order_by("-seq")[0].seq
    with executor.one_transaction():
        for lead in leads:
            Lead.update(lead.pk, need=f"{lead.name} {ODD}|", budget=Decimal("0.10"))
    return list(Event.objects.filter(seq__gt=last).order_by("seq"))


def test_many_at_once_are_told_in_their_order_as_few_are(rival: Any) -> None:
    leads = [Lead.create(name=f"Lead {n}", source="website") for n in range(events.MANY + 2)]
    few, many = _change(leads[:2]), _change(leads[2:])
    assert len(few) < events.MANY <= len(many)
    moments = ("$createdAt", "$updatedAt", "firstTouchAt", "lastActivityAt")
    for event, lead in zip(few + many, leads, strict=True):
        assert event.target == lead.pk
        assert event.data == few[0].data | {
            "$id": lead.pk,
            "name": lead.name,
            "need": f"{lead.name} {ODD}|",
            **{moment: event.data[moment] for moment in moments},
        }
        assert event.previous == {"budget": None, "need": None}
        assert (event.name, event.version, event.actor) == ("Lead.Updated", 2, actors.SYSTEM.id)
        assert event.cause is None and event.target_type == "Lead"
        assert event.timestamp == datetime.fromisoformat(event.data["$updatedAt"])
    assert len({event.request_id for event in many}) == len({event.xid for event in many}) == 1
    assert [event.position for event in many] == sorted(event.position for event in many)
    assert Event.objects.settled_after(few[-1].position).count() == len(many)
    with tenancy.active(rival):
        assert not Event.objects.exists()


def test_many_at_once_are_of_the_tenant_that_is_open(rival: Any) -> None:
    leads = [Lead.create(name=f"Lead {n}", source="website") for n in range(events.MANY)]
    many = _change(leads)
    with tenancy.active(rival), pytest.raises(ValueError, match="another tenant"):
        events.append_events(many)
    with tenancy.active(rival):
        assert not Event.objects.exists()


def test_many_at_once_are_not_written_to_a_log_that_is_closed(acme: Any) -> None:
    leads = [Lead.create(name=f"Lead {n}", source="website") for n in range(events.MANY)]
    there = Event.objects.count()
    Tenant.objects.filter(pk=acme.pk).update(log_cluster=CLOSED)
    with pytest.raises(Moving), transaction.atomic():
        _change(leads)
    assert Event.objects.count() == there


def test_many_at_once_resume_a_log_that_comes_from_another_cluster(acme: Any) -> None:
    leads = [Lead.create(name=f"Lead {n}", source="website") for n in range(events.MANY)]
    last = Event.objects.order_by("-seq")[0].position
    Tenant.objects.filter(pk=acme.pk).update(log_cluster="another/1")
    assert all(event.position > last for event in _change(leads))
    acme.refresh_from_db()
    assert acme.log_cluster != "another/1" and acme.log_offset > 0
