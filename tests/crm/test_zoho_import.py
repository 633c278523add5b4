"""A workspace that moved in by a file has its own past: what a plain script counts in the file."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from crm import Lead, reports
from headlessly.query.periods import Period
from headlessly.query.reports import Slice
from tests.crm import zoho
from tests.headlessly.transfer.conftest import counts, imported, send  # noqa: F401  (fixtures)

NOW = datetime.now(UTC)


def year(of: int) -> Slice:
    first, after = date(of, 1, 1), date(of + 1, 1, 1)
    return Slice(Period(first, after, str(of), date(of - 1, 1, 1), first, str(of - 1)))


def funnel(of: int) -> list[int]:
    return [stage.reached for stage in reports.lead_funnel(year(of)).stages]


def table(rows: list[list[Any]]) -> str:
    text = io.StringIO()
    header = ["name", "source", "status", "$createdAt", "convertedAt", "lostAt", "lostReason"]
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()


def test_it_leaves_the_funnel_of_this_year_as_it_was(imported: Any, acme: Any) -> None:  # noqa: F811
    Lead.create(name="Of this year", source="web")
    before = funnel(NOW.year)
    rows = [
        [f"Old {n}", "web", "Converted", f"2024-03-{1 + n % 28:02}T09:00:00Z",
         f"2024-05-{1 + n % 28:02}T09:00:00Z", "", ""]
        for n in range(100)
    ]  # fmt: skip
    assert counts(imported("leads", table(rows))) == {"created": 100}
    assert funnel(NOW.year) == before
    assert funnel(2024) == [100] * 4
    april = datetime(2024, 4, 15, tzinfo=UTC)
    assert Lead.count(as_of=april) == Lead.count({"status": "New"}, as_of=april) == 100
    assert Lead.count({"status": "Converted"}, as_of=datetime(2024, 5, 15, tzinfo=UTC)) == 56


@pytest.mark.skipif(not zoho.FOLDER.is_dir(), reason=f"the workspace is not here: {zoho.FOLDER}")
def test_it_knows_2021_as_the_files_tell_it(imported: Any, acme: Any) -> None:  # noqa: F811
    potentials = {row["LEADID"]: row for row in zoho.rows("Potentials")}
    campaigns = {row["CAMPAIGNID"]: row for row in zoho.rows("Campaigns")}
    rows: list[list[Any]] = []
    past: list[tuple[datetime, datetime | None, str]] = []
    for lead in zoho.rows("Leads"):
        created, status = zoho.moment(lead["Created Time"]), zoho.status_of(lead)
        ended: datetime | None = None
        if status == "Converted":
            potential = potentials[lead["LEADID"]]
            ended = zoho.converted_at(lead, potential, campaigns[potential["Campaign Id"]])
        elif status == "Lost":
            ended = created + timedelta(hours=1)
        when = ended.isoformat() if ended else ""
        converted, lost = (when if status == state else "" for state in ("Converted", "Lost"))
        reason = lead["Lead Status"] if lost else ""
        name = f"{lead['Last Name']}, {lead['Company']}"
        rows.append(
            [name, lead["Lead Source"], status, created.isoformat(), converted, lost, reason]
        )
        past.append((created, ended, status))
    assert counts(imported("leads", table(rows))) == {"created": len(rows)}

    for month in range(1, 13):
        then = datetime(2021, month, 1, tzinfo=UTC)
        there: Counter[str] = Counter(
            status if ended is None or ended <= then else "New"
            for created, ended, status in past
            if created <= then
        )
        for status in Lead.Status.values:
            assert Lead.count({"status": status}, as_of=then) == there[status], (then, status)
    assert sum(1 for created, _ended, _status in past if created.year == 2021) > 0
    order = ["New", "Contacted", "Qualified", "Converted"]
    for each in (2020, 2021):
        cohort = [status for created, _ended, status in past if created.year == each]
        furthest = [order.index(s) if s in order else 0 for s in cohort]
        assert funnel(each) == [sum(f >= n for f in furthest) for n in range(4)]
