"""Any question, as it would have been answered then; and going back to then."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from crm import Contact, Deal, Lead, Organization, Pipeline
from headlessly.access import tenancy
from headlessly.context import clock
from headlessly.errors import Conflict, Invalid, InvalidFilter, NotFound, VerbRefused
from headlessly.log.events import Event
from headlessly.query import reads
from tests.answered import answered, problem
from tests.refusals import refused

pytestmark = pytest.mark.usefixtures("acme")

DAY = timedelta(days=1)


@pytest.fixture
def days() -> list[datetime]:
    """Midnights, the last of them yesterday."""
    today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return [today - n * DAY for n in range(10, 0, -1)]


@pytest.fixture
def story(days: list[datetime]) -> SimpleNamespace:
    """Created on day 0, contacted on day 2, lost on day 4, reopened on day 6, deleted on day 8."""

    def on(day: int) -> Any:
        return clock.set_clock(days[day], purpose="replay")

    with on(0):
        tools = Organization.create(name="Tools Ltd", industry="Tools")
        ada = Contact.create(name="Ada", organization=tools)
        lead = Lead.create(name="First name", source="website", score=10, contact=ada)
    with on(2):
        lead.update(status="Contacted", score=20, name="Second name")
    with on(4):
        lead.lose(lost_reason="No budget")
        tools.update(industry="Software")
    with on(6):
        lead.update(status="New")
    with on(8):
        lead.delete()
    return SimpleNamespace(lead=lead, ada=ada, tools=tools)


WHEN = [(0, "New", 10), (1, "New", 10), (2, "Contacted", 20), (3, "Contacted", 20),
        (4, "Lost", 20), (5, "Lost", 20), (6, "New", 20), (7, "New", 20)]  # fmt: skip


@pytest.mark.parametrize(("day", "status", "score"), WHEN)
def test_it_is_as_it_was(story: Any, days: Any, day: int, status: str, score: int) -> None:
    then = days[day]
    lead = Lead.get(story.lead.id, as_of=then)
    assert (lead.status, lead.score) == (status, score)
    assert (lead.lost_reason == "No budget") == (status == "Lost")
    one = reads.record_json(Lead, story.lead.id, as_of=then)
    assert (one["status"], one["$updatedAt"]) == (status, lead.updated_at)
    assert list(Lead.find({"status": status, "score": score}, as_of=then)) == [lead]
    assert reads.record_page(Lead, {"status": status}, as_of=then).total == 1
    assert Lead.count({"status": status}, as_of=then) == 1
    assert Lead.count({"status": {"$ne": status}}, as_of=then) == 0
    assert [x.name for x in Lead.find(q=lead.name, as_of=then)] == [lead.name]


def test_it_was_not_there_before_its_creation_or_after_its_deletion(story: Any, days: Any) -> None:
    for then in (days[0] - DAY, days[8], days[9], "now"):
        with pytest.raises(NotFound):
            Lead.get(story.lead.id, as_of=then)
        assert not Lead.find(as_of=then)
        assert Lead.count(as_of=then) == reads.record_page(Lead, as_of=then).total == 0


def test_it_filters_over_references_as_they_were(story: Any, days: Any) -> None:
    def found(industry: str, day: int) -> int:
        return Lead.count({"contact.organization.industry": industry}, as_of=days[day])

    assert (found("Tools", 3), found("Software", 3)) == (1, 0)
    assert (found("Tools", 5), found("Software", 5)) == (0, 1)


def test_it_includes_what_was_as_it_was(story: Any, days: Any) -> None:
    def industry(day: int) -> Any:
        return reads.record_json(Contact, story.ada.id, include=["organization"], as_of=days[day])[
            "organization"
        ]["industry"]

    assert (industry(3), industry(5)) == ("Tools", "Software")
    then = reads.record_json(Contact, story.ada.id, include=["leads"], as_of=days[2])["leads"]
    assert [lead["name"] for lead in then] == ["Second name"]
    assert reads.record_json(Contact, story.ada.id, include=["leads"])["leads"] == []


def test_a_page_of_then_is_one_statement(
    story: Any, days: Any, django_assert_num_queries: Any
) -> None:
    def page(day: int, **more: Any) -> reads.Page:
        with django_assert_num_queries(1):
            return reads.record_page(Contact, include=["organization"], as_of=days[day], **more)

    then = [page(day).results[0]["organization"]["industry"] for day in (3, 5)]
    assert then == ["Tools", "Software"]
    with clock.set_clock(days[9], purpose="replay"):
        later = Contact.create(name="Zoe")
    assert [x["$id"] for x in page(5).results] == [story.ada.id]
    both = page(9, limit=1)
    assert (both.results[0]["$id"], both.total, both.has_more) == (later.id, 2, True)
    rest = reads.record_page(Contact, limit=1, as_of=days[9], cursor=both.cursor)
    assert [x["$id"] for x in rest.results] == [story.ada.id]


def test_it_sorts_the_past_like_the_present(days: Any) -> None:
    for score in (5, None, 9):
        with clock.set_clock(days[0], purpose="demo"):
            Lead.create(name=str(score), source="x", score=score)
    for sort, names in (("-score", ["9", "5", "None"]), ({"score": "asc"}, ["5", "9", "None"])):
        assert [x.name for x in Lead.find(sort=sort, as_of=days[1])] == names


@pytest.mark.parametrize("moment", ["now", "1h ago", None])
def test_it_takes_moments_absolute_and_relative(moment: Any, lead: Lead) -> None:
    count = 0 if moment == "1h ago" else 1
    assert Lead.count(as_of=moment) == count


@pytest.mark.parametrize(
    "moment",
    ["soon", "tomorrow", "2999-01-01", 5, "2026-13-01", ["now"], "99999y ago", "", "2026-W40"],
)
def test_it_refuses_what_is_no_moment(moment: Any, lead: Lead) -> None:
    for call in (Lead.find, Lead.count, lambda as_of: Lead.get(lead.id, as_of=as_of)):
        with refused(InvalidFilter, "asOf"):
            call(as_of=moment)


def test_it_shows_the_past_of_its_own_tenant_only(lead: Lead, rival: Any) -> None:
    with tenancy.active(rival):
        assert Lead.count(as_of="now") == 0
        with pytest.raises(NotFound):
            Lead.get(lead.id, as_of="now")


def test_it_shows_a_conversion_whole_or_not_at_all(qualified: Lead) -> None:
    qualified.convert()
    moments = Event.objects.values_list("timestamp", flat=True)
    for moment in {*moments, *(m - timedelta(microseconds=1) for m in moments)}:
        for was in Lead.find({"$id": qualified.id}, as_of=moment):
            done = was.status == "Converted"
            assert done == (was.deal_id is not None) == (Deal.count(as_of=moment) == 1)


def test_it_is_converted_at_the_moment_it_says(qualified: Lead) -> None:
    qualified.convert()
    assert Lead.get(qualified.id, as_of=qualified.converted_at).status == "Converted"


def test_it_does_not_save_a_record_of_the_past(story: Any, days: Any, lead: Lead) -> None:
    past = Lead.get(lead.id, as_of="now")
    past.name = "Rewritten"
    with refused(TypeError, "past"):
        past.save()


# -- rollback -------------------------------------------------------------------------------------


def test_it_goes_back_to_a_moment_as_a_new_event(lead: Lead, people: SimpleNamespace) -> None:
    lead.update(score=1, owner=None)
    then = lead.as_json()
    lead.update(status="Contacted", name="Other", owner=people.cleo)
    lead.lose(lost_reason="x")
    lead.rollback(as_of=then["$updatedAt"])
    now = lead.as_json()
    assert {k: v for k, v in now.items() if k[0] != "$"} == {
        k: v for k, v in then.items() if k[0] != "$"
    }
    assert lead.version == 5
    event = Lead.history(lead)[0]
    assert event.name == "Lead.Updated"
    assert event.previous["lostReason"] == "x"
    assert lead.last_activity_at == then["lastActivityAt"]


def test_it_goes_back_to_being_lost(lead: Lead) -> None:
    lead.lose(lost_reason="No budget")
    then = lead.as_json()
    lead.update(status="New")
    lead.rollback(as_of=then["$updatedAt"])
    assert {k: v for k, v in lead.as_json().items() if k[0] != "$"} == {
        k: v for k, v in then.items() if k[0] != "$"
    }


def test_it_does_not_go_to_a_moment_that_has_not_come(lead: Lead, api: Any) -> None:
    for moment in ("tomorrow", "2 weeks from now", "2099-01-01T00:00:00Z"):
        with refused(VerbRefused, "in the future"):
            lead.rollback(as_of=moment)
    answer = api.call("POST", f"/leads/{lead.pk}/rollback", {"asOf": "2099-01-01"})
    assert (answer.status_code, answer.json()["field"]) == (422, "asOf")
    assert Lead.history(lead).count() == 1


def test_it_answers_nothing_of_a_moment_that_has_not_come(lead: Lead, api: Any) -> None:
    for path in ("/leads", f"/leads/{lead.pk}", "/leads/aggregate?group=status", "/export/leads?format=json",
                 "/reports/newLeads", "/reports/attribution", f"/leads/{lead.pk}/score"):  # fmt: skip
        for moment in ("tomorrow", "2099-01-01T00:00:00Z"):
            asked = f"{path}{'&' if '?' in path else '?'}asOf={moment}"
            told = problem(api.call("GET", asked), 400, "invalid_filter", field="asOf")
            assert "yet to come" in told["message"], asked
    said = problem(api.call("GET", "/reports/newLeads?since=tomorrow"), 400, "invalid_filter")
    assert said["field"] == "since"
    soon = clock.now() + timedelta(seconds=20)
    for moment in (
        "now",
        "0 days ago",
        f"{soon:%Y-%m-%dT%H:%M:%SZ}",
    ):  # whose clock is a little ahead
        answered(api.call("GET", f"/leads/{lead.pk}?asOf={moment}"))


def test_it_does_not_go_back_where_it_cannot(lead: Lead, people: Any, qualified: Lead) -> None:
    with refused(NotFound, "then"):
        lead.rollback(as_of="2001-01-01")
    for wrong in ("soon", None, 5):
        with refused(Invalid):
            lead.rollback(as_of=wrong)
    gone = Contact.create(name="Gone soon")
    lead.update(owner=gone)
    then = lead.updated_at
    lead.update(owner=None)
    gone.delete()
    with refused(Conflict, gone.id, "no longer exists"):
        lead.rollback(as_of=then)
    qualified = qualified.convert()
    with refused(Conflict, "stays so"):
        qualified.rollback(as_of=then)
    converted, name = qualified.updated_at, qualified.name
    qualified.update(name="Renamed")
    qualified.rollback(as_of=converted)
    assert Lead.get(qualified.id).name == name, "what is not closed goes back"
    lead = Lead.create(name="L", source="x")
    lead.delete()
    with refused(NotFound):
        Lead.rollback(lead.id, as_of=lead.created_at)


def test_it_does_not_go_back_to_what_somebody_else_has_now() -> None:
    ada = Contact.create(name="Ada", email="ada@example.com")
    ada.update(email=None)
    then = ada.created_at
    twin = Contact.create(name="Twin", email="ADA@example.com")
    with refused(Conflict) as caught:
        ada.rollback(as_of=then)
    assert caught.value.body()["existingId"] == twin.id
    first = Pipeline.create(name="P", is_default=True)
    then = first.updated_at
    first.update(is_default=False)
    Pipeline.create(name="Q", is_default=True)
    with refused(Conflict):
        first.rollback(as_of=then)


def test_a_rollback_takes_relative_moments_like_every_other_question_of_the_past(lead: Any) -> None:
    lead.update(score=1)
    lead.rollback(as_of="now")
    assert lead.score == 1
    refused(NotFound, lambda: Lead.rollback(lead.pk, as_of="1d ago"))
