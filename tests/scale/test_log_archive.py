"""Old months of the log and of the past go to files and come back; who asks for them meanwhile is told so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from crm import Lead
from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.api.log import list_events, record_history
from headlessly.context import clock
from headlessly.context.tenant_scope import every_tenant
from headlessly.copies import log_archive
from headlessly.errors import InvalidFilter
from headlessly.query import reads
from headlessly.webhooks.registration import create_webhook

pytestmark = pytest.mark.django_db(transaction=True)

#: Everything that is taken out or stays, without the numbers that are drawn anew.
EVENTS = "SELECT to_jsonb(e) FROM headlessly_event e ORDER BY seq"
VERSIONS = "SELECT to_jsonb(v) - 'seq' FROM crm_lead_version v ORDER BY id, valid_from, version"
LAST_OF_MARCH = datetime(2026, 3, 31, tzinfo=UTC)


def run(action: str, folder: Path, *words: str) -> str:
    out = StringIO()
    call_command("log", action, "--folder", str(folder), *words, stdout=out)
    return out.getvalue()


def everything() -> list[Any]:
    with every_tenant(), connection.cursor() as cursor:
        found = []
        for sql in (EVENTS, VERSIONS):
            cursor.execute(sql)
            found.append([row for (row,) in cursor.fetchall()])
        return found


@pytest.fixture
def lead() -> Iterator[Lead]:
    """A lead that was changed once a month, beside one of another tenant."""
    tenants = [Tenant.objects.create(slug=slug, name=slug) for slug in ("rival", "acme")]
    for tenant in tenants:
        with tenancy.active(tenant), actors.acting(actors.SYSTEM):
            for month in (1, 2, 3, 4):
                moment = datetime(2026, month, 15, tzinfo=UTC)
                with clock.set_clock(moment, purpose="replay"):
                    if month == 1:
                        lead = Lead.create(name="Old", source="website")
                    else:
                        lead.update(score=month)
    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        yield lead


def as_of(lead: Lead, moment: datetime) -> Any:
    return reads.record_json(Lead, lead.pk, as_of=moment)["score"]


def refusal(call: Any) -> tuple[str | None, str | None]:
    with pytest.raises(InvalidFilter, match="taken out to files") as refused:
        call()
    return refused.value.field, refused.value.reason


def test_it_takes_old_months_out_and_brings_them_back(lead: Lead, tmp_path: Path) -> None:
    before, cursor = everything(), list_events({"limit": 1})["cursor"]
    told = run("archive", tmp_path, "--before", "2026-03", "--dry-run")
    assert not list(tmp_path.iterdir()) and everything() == before
    assert run("archive", tmp_path, "--before", "2026-03") == told
    # Of January the event, of February the event and the version that ended; of acme and of the rival.
    months = [line.split(": ") for line in told.splitlines()]
    assert [(Path(place).name, rows) for place, rows in months] == [
        ("2026-01", "1 rows of acme."), ("2026-02", "2 rows of acme."),
        ("2026-01", "1 rows of rival."), ("2026-02", "2 rows of rival."),
    ]  # fmt: skip
    assert [len(rows) for rows in everything()] == [2 * 2, 2 * 3]

    tenancy.require().refresh_from_db()
    assert as_of(lead, LAST_OF_MARCH) == 3 and as_of(lead, datetime(2026, 3, 1, tzinfo=UTC)) == 2
    old = datetime(2026, 2, 20, tzinfo=UTC)
    assert refusal(lambda: as_of(lead, old)) == ("asOf", "archived")
    assert refusal(lambda: reads.record_page(Lead, as_of=old)) == ("asOf", "archived")
    assert refusal(lambda: list_events({"since": old.isoformat()})) == ("since", "archived")
    assert refusal(lambda: list_events({"cursor": cursor})) == ("cursor", "archived")
    assert len(list_events({})["results"]) == record_history(Lead, lead.pk)["total"] == 2

    assert len(run("restore", tmp_path).splitlines()) == 4
    tenancy.require().refresh_from_db()
    assert everything() == before and as_of(lead, old) == 2
    assert len(list_events({"cursor": cursor})["results"]) == 3
    assert not run("restore", tmp_path), "it is here"


def test_of_two_changes_at_one_moment_the_last_holds_when_they_are_back(
    lead: Lead, tmp_path: Path
) -> None:
    with clock.set_clock(datetime(2026, 2, 20, tzinfo=UTC), purpose="replay"):
        twice = Lead.create(name="At one moment", source="website", score=1)
        twice.update(score=2)
    run("archive", tmp_path, "--before", "2026-03")
    tenancy.require().refresh_from_db()
    assert as_of(twice, LAST_OF_MARCH) == 2
    run("restore", tmp_path)
    tenancy.require().refresh_from_db()
    assert as_of(twice, LAST_OF_MARCH) == as_of(twice, datetime(2026, 2, 21, tzinfo=UTC)) == 2
    (row,) = reads.record_page(Lead, {"score": 2}, as_of=LAST_OF_MARCH).as_json()["results"]
    assert (row["$id"], row["score"]) == (twice.pk, 2)


def test_it_begins_a_month_anew_that_was_not_done(
    lead: Lead, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything()
    monkeypatch.setattr(log_archive, "SET_BEGINS", "SELECT 1/0, %s::timestamptz, %s::text, %s::int")
    with pytest.raises(Exception, match="division"):
        run("archive", tmp_path, "--before", "2026-02", "--tenant", "acme")
    assert everything() == before
    monkeypatch.undo()
    run("archive", tmp_path, "--before", "2026-02", "--tenant", "acme")
    file = tmp_path / "acme" / "2026-01" / "headlessly_event.ndjson"
    file.write_text(file.read_text().replace("Old", "New"))
    after = everything()
    with pytest.raises(CommandError, match="checksum"):
        run("restore", tmp_path, "--tenant", "acme")
    assert everything() == after and len(after[0]) == len(before[0]) - 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--before", "March"), "--before YYYY-MM"),
        (("--before", "2999-01"), "has not begun"),
        (("--before", "2026-03", "--tenant", "nobody"), "no tenant nobody"),
    ],
)
def test_it_says_what_it_cannot_take_out(words: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=said):
        run("archive", tmp_path, *words)


def test_it_says_where_nothing_can_be_written(lead: Lead, tmp_path: Path) -> None:
    (tmp_path / "acme").write_text("a file")
    before = everything()
    with pytest.raises(CommandError, match=r"acme.*: Not a directory"):
        run("archive", tmp_path, "--before", "2026-02", "--tenant", "acme")
    assert everything() == before


def test_it_keeps_what_a_webhook_has_not_been_told(lead: Lead, tmp_path: Path) -> None:
    create_webhook({"url": "https://hooks.example/", "events": ["*"], "secret": "s" * 24})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE headlessly_webhook SET xid = 0, seq = 0")
    with pytest.raises(CommandError, match=r"still to be told of events before 2026-02-01\.\Z"):
        run("archive", tmp_path, "--before", "2026-03", "--tenant", "acme")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE headlessly_webhook SET active = false")
    out = StringIO()
    with pytest.raises(CommandError, match=r"acme: .* It is paused"):
        call_command(
            *("log", "archive", "--folder", str(tmp_path), "--before", "2026-03"), stdout=out
        )
    # The other tenant does not wait for it.
    assert [line.partition(": ")[2] for line in out.getvalue().splitlines()] == [
        "1 rows of rival.",
        "2 rows of rival.",
    ]
    assert not (tmp_path / "acme").exists()
