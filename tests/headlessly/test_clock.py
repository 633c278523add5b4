"""The clock: history with its true dates, and nobody dates anything into the future."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from crm import Lead
from headlessly.context import clock
from headlessly.log.events import Event

MOMENT = datetime(2026, 1, 15, 10, tzinfo=UTC)


def test_it_is_now_unless_said() -> None:
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
    assert clock.now().tzinfo is UTC


@pytest.mark.parametrize("purpose", ["demo", "replay", "import"])
def test_it_is_set_for_three_purposes(purpose: str) -> None:
    with clock.set_clock(MOMENT, purpose=purpose):
        assert clock.now() == MOMENT
        with clock.set_clock(MOMENT + timedelta(days=1), purpose=purpose):
            assert clock.now() == MOMENT + timedelta(days=1)
        assert clock.now() == MOMENT
    assert clock.now() > MOMENT


@pytest.mark.parametrize(
    ("moment", "purpose"),
    [
        (MOMENT, "fun"),
        (MOMENT, ""),
        (MOMENT.replace(tzinfo=None), "demo"),
        (datetime.now(UTC) + timedelta(days=1), "demo"),
    ],
)
def test_it_refuses_other_purposes_no_zone_and_the_future(moment: datetime, purpose: str) -> None:
    with pytest.raises(ValueError), clock.set_clock(moment, purpose=purpose):
        pytest.fail("it let us in")
    assert clock.now() > MOMENT


def test_it_speaks_utc_whatever_zone_it_was_set_in() -> None:
    there = MOMENT.astimezone(timezone(timedelta(hours=5)))
    with clock.set_clock(there, purpose="import"):
        assert clock.now().utcoffset() == timedelta(0)


def test_it_dates_everything_that_a_verb_does(acme: Any, qualified: Lead) -> None:
    with clock.set_clock(MOMENT, purpose="replay"):
        lead = Lead.create(name="L", source="x", contact=qualified.contact)
    assert lead.created_at == lead.updated_at == lead.first_touch_at == MOMENT
    days = [MOMENT + timedelta(days=n) for n in range(1, 4)]
    for day, status in zip(days, ("Contacted", "Qualified"), strict=False):
        with clock.set_clock(day, purpose="replay"):
            lead.update(status=status)
    with clock.set_clock(days[2], purpose="replay"):
        lead.convert()
    assert lead.converted_at == lead.last_activity_at == lead.deal.created_at == days[2]
    assert [e.timestamp for e in Lead.history(lead)][::-1] == [MOMENT, *days]
    assert Event.objects.get(name="lead_converted").timestamp == days[2]
    assert Event.objects.get(name="lead_converted").data["cycleDays"] == 3


def test_it_never_runs_backwards_for_a_record(acme: Any) -> None:
    with clock.set_clock(MOMENT, purpose="replay"):
        lead = Lead.create(name="L", source="x")
    with clock.set_clock(MOMENT - timedelta(days=1), purpose="replay"):
        lead.update(score=1)
    assert lead.updated_at == MOMENT
    assert Lead.get(lead.id, as_of=MOMENT).score == 1
    with pytest.raises(Exception, match="no Lead"):
        Lead.get(lead.id, as_of=MOMENT - timedelta(hours=1))
