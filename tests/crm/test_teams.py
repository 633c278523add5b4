"""Teams: who is in one, and that lists, boards, days and numbers can be narrowed to what a team owns."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from crm import Activity, Lead, Team, TeamMember
from headlessly.accounts.models import Invitation
from headlessly.errors import Invalid
from headlessly.query import periods
from headlessly.query.filters import compile_filter
from headlessly.query.named_reports import measure, reports
from headlessly.query.reports import Slice
from tests.answered import answered
from tests.headlessly.admin.conftest import *  # noqa: F403  (the people who sign in)
from tests.refusals import details, refused

LEADS = "/~acme/admin/crm/lead/"


@pytest.fixture
def north(users: Any, people: Any) -> SimpleNamespace:
    """Bob is in North; one lead is his, one hers, one nobody's."""
    team = Team.create(name="North")
    TeamMember.create(team=team, member=people.bob)
    owners = {"Bob's": people.bob, "Cleo's": people.cleo, "Nobody's": None}
    leads = {
        name: Lead.create(name=name, source="x", owner=owner) for name, owner in owners.items()
    }
    return SimpleNamespace(
        team=team, **{name.split("'")[0].lower(): lead for name, lead in leads.items()}
    )


def names(filter: dict[str, Any]) -> set[str]:
    return set(Lead.objects.filter(compile_filter(Lead, filter)).values_list("name", flat=True))


def listed(api: Any, path: str) -> list[str]:
    return [row.get("name") for row in answered(api.call("GET", path))["results"]]


def test_every_way_in_filters_by_the_team_of_the_owner(north, api, rival_api, theirs):
    team = north.team.pk
    assert names({"owner.team": team}) == {"Bob's"}
    assert names({"owner.team": {"$ne": team}}) == {"Cleo's", "Nobody's"}
    assert names({"owner.team": None}) == {"Cleo's", "Nobody's"}
    assert names({"owner.team.name": "North"}) == {"Bob's"}
    for query in (f"owner.team={team}", f"owner.team__in={team}", 'filter={"owner.team":"North"}'):
        assert listed(api, f"/leads?{query}") == ["Bob's"], query
    assert api.call("GET", "/leads?owner.team=nonsense").status_code == 400
    assert api.call("GET", "/schema").json()["nouns"]["Contact"]["filters"]["team"]["to"] == "Team"
    # Another tenant knows nothing of it, whatever it asks.
    assert listed(rival_api, f"/leads?owner.team={team}") == []
    assert listed(rival_api, "/teams") == listed(rival_api, "/teammembers") == []


def test_nobody_is_in_a_team_twice_and_only_who_works_here_is_in_one(north, people, api):
    with refused(Invalid) as problem:
        TeamMember.create(team=north.team, member=people.bob)
    assert "in this team already" in details(problem)["member"]
    answer = api.call("POST", "/teammembers", {"team": north.team.pk, "member": people.ada.pk})
    assert answer.status_code == 422 and "Name a member" in answer.content.decode()
    Team.delete(north.team)
    assert TeamMember.objects.count() == 0
    assert names({"owner.team": None}) == {"Bob's", "Cleo's", "Nobody's"}


def test_lists_boards_days_numbers_and_the_log_show_a_team(north, people, ann, bob, acme):
    team = north.team.pk
    Activity.create(subject="Bob calls", assignee=people.bob, due_at="2026-01-01T09:00:00Z")
    Activity.create(subject="Cleo calls", assignee=people.cleo, due_at="2026-01-01T09:00:00Z")
    for place in (f"{LEADS}?view=all", LEADS + "board/"):
        html = ann.get(place, {"owner.team": team, "view": "all"}).content.decode()
        assert "Bob&#x27;s" in html and "Cleo&#x27;s" not in html, place
        assert 'name="owner.team"' in html
    day = ann.get("/~acme/admin/", {"of": team}).content.decode()
    assert "Bob calls" in day and "Cleo calls" not in day and f"assignee.team={team}" in day
    assert "Cleo calls" in ann.get("/~acme/admin/", {"of": "team"}).content.decode()
    table = ann.get("/~acme/admin/dashboard/tables/team/", {"owner.team": team}).content.decode()
    assert ">Bob Stone</a></th>" in table and "Cleo Marsh</a></th>" not in table
    slice = Slice(periods.read_period({"period": "this_year"}), {"owner.team": team})
    counted = measure(reports.require("newLeads"), slice)
    assert (counted.value, counted.records.query.count("owner.team=")) == (1, 1)
    assert ann.get("/~acme/admin/dashboard/", {"owner.team": team}).status_code == 200
    bob.post(f"{LEADS}{north.bob.pk}/move/", {"to": "Contacted"})
    log = ann.get("/~acme/admin/settings/log/", {"who": team, "what": "Lead"}).content.decode()
    assert "Bob&#x27;s" in log and "Cleo&#x27;s" not in log
    settings = ann.get("/~acme/admin/settings/").content.decode()
    assert "/admin/crm/team/" in settings
    assert ann.get(f"/~acme/admin/crm/team/{team}/change/").status_code == 200


def test_several_owners_are_one_filter(north, people, ann):
    html = ann.get(f"{LEADS}?view=all&owner={people.bob.pk}&owner=-").content.decode()
    assert "Bob&#x27;s" in html and "Nobody&#x27;s" in html and "Cleo&#x27;s" not in html
    assert "multiple" in html.split('<select name="owner"')[1].split(">")[0]


def test_somebody_is_invited_into_a_team(north, ann, acme):
    from tests.headlessly.admin.test_admin_settings import INVITATION, at

    page = ann.post(at("members/"), INVITATION | {"sells": "", "groups": [north.team.pk]})
    assert "owns records" in page.content.decode() and not Invitation.objects.exists()
    ann.post(at("members/"), INVITATION | {"groups": [north.team.pk]})
    contact = Invitation.objects.get().contact_id
    assert TeamMember.objects.filter(team=north.team, member=contact).exists()
