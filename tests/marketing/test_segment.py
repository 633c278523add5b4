"""The segment: a filter with a name, and how many fit it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import Contact, Lead
from headlessly.access import tenancy
from headlessly.database import timeouts
from headlessly.errors import Invalid, InvalidFilter
from marketing import Segment
from tests.answered import answered, named, problem
from tests.refusals import details, refused

pytestmark = pytest.mark.usefixtures("acme")

NEW = {"type": "Lead", "filter": {"status": "New", "score": {"$gte": 50}}}


@pytest.mark.parametrize(
    ("criteria", "says"),
    [
        ([], "Send type and filter"),
        ({}, "Send type and filter"),
        ({"type": "Lead"}, "Send type and filter"),
        (NEW | {"sort": "score"}, "Send type and filter, and nothing else"),
        (NEW | {"type": "Nothing"}, "type: use one of "),
        (NEW | {"type": "Event"}, "type: use one of"),
        (NEW | {"type": ["Lead"]}, "type: use one of"),
        (NEW | {"filter": None}, "filter: send an object"),
        (NEW | {"filter": {"colour": "red"}}, "filter: Lead has no field 'colour'"),
        (NEW | {"filter": {"stage": "Won"}}, "filter: Lead has no field 'stage'"),
        (NEW | {"filter": {"score": {"$near": 5}}}, "filter: score: there is no operator '$near'"),
        (NEW | {"filter": {"status": "Nonsense"}}, "filter: status: Use one of New"),
        (NEW | {"filter": {"name": {"$regex": "("}}}, "filter: name: $regex"),
        (NEW | {"filter": {"$or": []}}, "filter: $or takes a list"),
    ],
)
def test_it_takes_only_a_filter_that_its_noun_understands(criteria: Any, says: str) -> None:
    segment = Segment.create(name="S", criteria=NEW)
    for write in (lambda: Segment.create(name="S", criteria=criteria),
                  lambda: segment.update(criteria=criteria)):  # fmt: skip
        with refused(Invalid, says) as caught:
            write()
        assert list(details(caught)) == ["criteria"]


def test_it_names_the_criteria_over_rest_too(api: Any) -> None:
    wrong = {"name": "S", "criteria": {"type": "Lead", "filter": {"colour": "red"}}}
    found = problem(api.call("POST", "/segments", wrong), 422, "validation_error", type="Segment")
    assert list(named(found)) == ["criteria"]


def test_it_counts_its_members_when_refreshed(rival: Any, api: Any) -> None:
    segment = Segment.create(name="S", criteria=NEW, is_dynamic=True)
    assert segment.member_count is None
    assert segment.refresh().member_count == 0
    for score in (10, 50, 90):
        Lead.create(name="L", source="x", score=score)
    gone = Lead.create(name="Gone", source="x", score=99)
    gone.delete()
    with tenancy.active(rival):
        Lead.create(name="Theirs", source="x", score=99)
    assert segment.member_count == 0
    refreshed = answered(api.call("POST", f"/segments/{segment.pk}/refresh"))
    assert (refreshed["memberCount"], refreshed["$version"]) == (2, 3)
    Lead.find({"score": 90}).get().update(status="Contacted")
    assert Segment.refresh(segment.pk).member_count == 1


def test_it_looks_behind_references_and_back_in_time(people: Any) -> None:
    tech = {"organization.industry": "Technology", "$createdAt": {"$gt": "7d ago"}}
    segment = Segment.create(
        name="S", criteria={"type": "Contact", "filter": tech}, is_dynamic=True
    )
    assert segment.refresh().member_count == 1
    everyone = Segment.create(name="E", criteria={"type": "Contact", "filter": {}}, is_dynamic=True)
    assert everyone.refresh().member_count == Contact.count()


def test_it_stays_as_it_is_when_it_is_not_dynamic() -> None:
    Lead.create(name="L", source="x", score=90)
    segment = Segment.create(name="S", criteria=NEW, is_dynamic=True).refresh()
    segment.update(is_dynamic=False)
    Lead.create(name="M", source="x", score=90)
    assert segment.refresh().member_count == 1
    static = Segment.create(name="S", criteria=NEW, is_dynamic=False)
    assert static.refresh().member_count is None
    assert Segment.create(name="S", criteria=NEW).refresh().member_count == 2, "as it is made"
    assert Segment.create(name="S", is_dynamic=True).refresh().member_count is None


def test_it_reads_a_number_and_no_rows() -> None:
    for _ in range(30):
        Lead.create(name="L", source="x", score=90)
    segment = Segment.create(name="S", criteria=NEW, is_dynamic=True)
    with CaptureQueriesContext(connection) as captured:
        assert segment.refresh().member_count == 30
    (counting,) = [q["sql"] for q in captured if "crm_lead" in q["sql"]]
    assert counting.startswith("SELECT COUNT(*)")


def test_it_gives_up_counting_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    impatience = timeouts.statement_timeout
    segment = Segment.create(name="S", criteria=NEW, is_dynamic=True)

    def slow(*_: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(1)")

    monkeypatch.setattr("headlessly.database.timeouts.statement_timeout", lambda: impatience(50))
    monkeypatch.setattr(Lead, "count", slow)
    with refused(InvalidFilter, "takes too long"):
        segment.refresh()
