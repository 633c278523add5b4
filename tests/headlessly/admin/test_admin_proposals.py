"""Proposals in the browser: who sees them, what the page says, and what a decision does."""

from __future__ import annotations

import pytest

from crm import Activity, Lead
from headlessly.access import actors
from headlessly.access.models import ApiKey
from headlessly.models import Proposal
from headlessly.scripts import proposals

pytestmark = pytest.mark.django_db
PLACE = "/~acme/admin/proposals/"


@pytest.fixture
def agent(acme):
    return ApiKey.issue(acme, "Agent", "propose")[0].actor


@pytest.fixture
def propose(agent):
    def propose(code, note=None):
        with actors.acting(agent):
            return proposals.propose(code, note)

    return propose


def text(response, status=200):
    assert response.status_code == status, response.content.decode()[:500]
    return " ".join(response.content.decode().split())


def test_the_menu_counts_what_waits_for_those_who_decide(lead, propose, cleo, bob, vic):
    propose(f'Lead.update("{lead.pk}", score=1)', "Cold")
    home = text(cleo.get("/~acme/admin/"))
    assert f'href="{PLACE}"' in home
    assert f'href="{PLACE}"' not in text(bob.get("/~acme/admin/"))
    assert cleo.get(PLACE).context["waiting"][0]["summary"] == "changes 1 lead"
    for who in (bob, vic):
        assert who.get(PLACE).status_code == 403
        place = f"{PLACE}{Proposal.objects.get().pk}/"
        assert who.get(place).status_code == 403
        assert who.post(f"{place}approve/", {"version": "1"}).status_code == 403
        assert who.post(f"{place}refuse/", {"reason": "No"}).status_code == 403
    assert Lead.get(lead.pk).score == 82


def test_the_page_says_each_record_from_what_to_what(qualified, people, propose, cleo):
    made = propose(
        f"""lead = Lead.get("{qualified.pk}")
lead.update(owner="{people.cleo.pk}", score=90)
lead.convert()
Activity.create(subject="Kick-off", type="Task", assignee="{people.cleo.pk}")
Contact.create(name="<b>Eve</b>")
Event.create(name="handed_over", properties={{"team_size": 3}})""",
        "Hand over <now>",
    )
    page = cleo.get(f"{PLACE}{made.pk}/")
    said = text(page)
    assert "Hand over &lt;now&gt;" in said and "<b>Eve</b>" not in said
    update, convert, task, eve, event = page.context["steps"]
    assert (update.does, update.what, update.name) == ("Update", "lead", str(qualified))
    assert [(c.label, c.was, c.now) for c in update.changes] == [
        ("Owner", "Bob Stone", "Cleo Marsh"),
        ("Score", "82", "90"),
    ]
    assert "Qualified" in convert.moved[0] and "Converted" in convert.moved[1]
    deal = convert.caused[0]
    assert (deal.kind, deal.does, deal.what, deal.url) == ("create", "Create", "deal", "")
    assert {"Organization": "Acme Corp", "Owner": "Cleo Marsh"}.items() <= {
        c.label: c.now for c in deal.changes
    }.items()
    assert (task.name, eve.name) == ("Kick-off", "<b>Eve</b>")
    assert [(c.label, c.now) for c in event.changes] == [("Team size", "3")]
    assert page.context["summary"] == (
        "changes 1 lead, 1 contact; creates 1 deal, 1 activity, 1 contact"
    )
    assert Activity.count() == 0


def test_approving_does_it_and_the_record_tells_by_whom_and_from_whom(lead, propose, cleo, users):
    made = propose(f'Lead.update("{lead.pk}", score=1)')
    place = f"{PLACE}{made.pk}/"
    answer = cleo.post(f"{place}approve/", {"version": "1"}, follow=True)
    assert "Cleo approved this" in text(answer) and "What happened" in text(answer)
    assert Lead.get(lead.pk).score == 1
    record = text(cleo.get(f"/~acme/admin/crm/lead/{lead.pk}/change/"))
    assert "in a script that API key “Agent” proposed" in record and "score=1" in record
    assert cleo.post(f"{place}approve/", {"version": "1"}, follow=True).status_code == 200
    assert Lead.get(lead.pk).version == 2


def test_what_was_not_seen_is_not_approved(lead, propose, cleo, people):
    made = propose(f'Lead.update("{lead.pk}", score=1)')
    place = f"{PLACE}{made.pk}/"
    lead.update(score=50, owner=people.cleo)
    answer = text(cleo.post(f"{place}approve/", {"version": "1"}, follow=True))
    assert 'owner would be another: <span class="was">Bob Stone</span>' in answer
    assert (
        '<span class="now">Cleo Marsh</span>' in answer
    )  # by their names, though it is about none of them
    assert "The world has changed since this was proposed" in answer
    assert "score is another by now" in answer and "different now" in answer
    for version in ("1", "", "x", "-1"):  # from a page that was open before
        answer = text(cleo.post(f"{place}approve/", {"version": version}, follow=True))
        assert "has changed since you looked" in answer
    assert Lead.get(lead.pk).score == 50
    text(cleo.post(f"{place}approve/", {"version": "2"}, follow=True))
    assert Lead.get(lead.pk).score == 1


def test_what_would_happen_no_longer_is_said_by_name(lead, propose, cleo):
    other = Lead.create(name="Quiet one", source="website")
    made = propose('for lead in Lead.find({"status": "New"}):\n    lead.lose(lostReason="Quiet")')
    other.lose(lost_reason="Price")
    cleo.post(f"{PLACE}{made.pk}/approve/", {"version": "1"})
    page = cleo.get(f"{PLACE}{made.pk}/")
    assert [(d.name, d.what) for d in page.context["differences"]] == [
        ("Quiet one", "“Lost” would no longer happen")
    ]
    assert [step.name for step in page.context["steps"]] == [lead.name]


def test_what_works_no_longer_says_why(qualified, propose, cleo):
    made = propose(f'Lead.convert("{qualified.pk}")')
    qualified.update(contact=None)
    answer = text(cleo.post(f"{PLACE}{made.pk}/approve/", {"version": "1"}, follow=True))
    assert "this no longer works" in answer and "must have a contact" in answer
    assert "Try again" in answer


def test_refusing_takes_a_reason(lead, propose, cleo, agent):
    made = propose(f'Lead.update("{lead.pk}", score=1)')
    place = f"{PLACE}{made.pk}/"
    assert "Say why" in text(cleo.post(f"{place}refuse/", {"reason": " "}), 422)
    answer = text(cleo.post(f"{place}refuse/", {"reason": "She <asked> us not to"}, follow=True))
    assert "Nothing waits" in answer and "Refused" in answer
    assert "She &lt;asked&gt; us not to" in text(cleo.get(place))
    assert Lead.get(lead.pk).score == 82


def test_another_tenants_are_not_there(lead, propose, users, acme, rival):
    from tests.headlessly.admin.signed_in import client_of

    made = propose(f'Lead.update("{lead.pk}", score=1)')
    eve = client_of(users.eve)
    assert eve.get(f"/~rival/admin/proposals/{made.pk}/").status_code == 404
    answer = eve.post(f"/~rival/admin/proposals/{made.pk}/approve/", {"version": "1"})
    assert answer.status_code == 404 and Lead.get(lead.pk).score == 82
    assert eve.get(f"/~acme/admin/proposals/{made.pk}/").status_code == 404
    assert eve.get("/~rival/admin/proposals/x\0y/").status_code in (404, 400)
