"""What belongs to somebody who is away or leaves goes to a colleague: of all nouns at once, and back."""

from __future__ import annotations

import re
from typing import Any

import pytest

from crm import Activity, Contact, Deal, Goal, Lead
from headlessly.admin.today import handing_over
from headlessly.errors import VerbRefused
from headlessly.execution import executor
from headlessly.log.events import Event

HAND_OVER = "/~acme/admin/today/hand-over/"


@pytest.fixture
def bobs(people: Any) -> dict[str, Any]:
    """What is Bob's: open and not, and one lead of Cleo's."""
    given = {"owner": people.bob}
    lost = Lead.create(name="Lost", source="x", **given)
    lost.lose(lost_reason="No budget")
    return {
        "lead": Lead.create(name="Open", source="x", **given),
        "lost": lost,
        "deal": Deal.create(name="Big", value=5, **given),
        "task": Activity.create(subject="Call", type="Task", assignee=people.bob),
        "contact": Contact.create(name="Known", **given),
        "goal": Goal.create(
            measure="WonDeals", period="Month", start_date="2026-12-01", target=5, **given
        ),
    }


def owners(bobs: dict[str, Any]) -> dict[str, str | None]:
    found = {}
    for name, record in bobs.items():
        record.refresh_from_db()
        found[name] = getattr(record, type(record).schema.owner.column)
    return found


def test_what_is_open_goes_to_a_colleague_in_one_request_and_comes_back(cleo, people, bobs):
    page = cleo.get("/~acme/admin/", {"of": people.bob.pk}).content.decode()
    address = re.search(r'href="([^"]*hand-over[^"]*)"', page)[1]
    html = cleo.get(address).content.decode()
    ticked = re.findall(r'value="(\w+)" checked', html)
    assert ticked == ["Lead", "Deal", "Activity"]
    assert 'value="Contact"' in html and 'value="Goal"' not in html
    before = owners(bobs)
    answer = cleo.post(address, {"nouns": ticked, "owner": people.cleo.pk})
    assert (answer.status_code, answer.headers["Location"]) == (
        302, f"/~acme/admin/?of={people.bob.pk}",
    )  # fmt: skip
    after = owners(bobs)
    given = {"lead", "deal", "task"}
    assert {name for name, owner in after.items() if owner == people.cleo.pk} == given
    assert all(after[name] == before[name] for name in before.keys() - given)
    assert "3 handed over to Cleo" in cleo.get(answer.headers["Location"]).content.decode()
    requests = {
        e.request_id for e in Event.objects.filter(target=bobs["deal"].pk).order_by("-seq")[:1]
    }
    assert cleo.post("/~acme/admin/undo/", {"request": requests.pop()}).status_code == 302
    assert owners(bobs) == before


def test_what_refuses_is_named_and_keeps_no_other(cleo, people, bobs, monkeypatch):
    run = executor.run

    def refuse_the_deal(verb: Any, target: Any, *rest: Any, **options: Any) -> Any:
        if target == bobs["deal"].pk:
            raise VerbRefused("Not this one.", code="refused")
        return run(verb, target, *rest, **options)

    monkeypatch.setattr(executor, "run", refuse_the_deal)
    sent = {"nouns": ["Lead", "Deal"], "owner": people.cleo.pk}
    html = cleo.post(f"{HAND_OVER}?of={people.bob.pk}", sent).content.decode()
    assert "Not this one." in html and "Big" in html and 'action="/~acme/admin/undo/"' in html
    assert (owners(bobs)["lead"], owners(bobs)["deal"]) == (people.cleo.pk, people.bob.pk)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"nouns": ["Lead"]}, "This is required."),
        ({"nouns": ["Lead"], "owner": "contact_AAAAAAAAAAAA"}, "This is not there any more."),
        ({"nouns": ["Lead"], "owner": "bob"}, "These are theirs already."),
        ({"owner": "cleo"}, "Nothing is selected."),
        ({"nouns": ["Goal", "Nothing"], "owner": "cleo"}, "Nothing is selected."),
    ],
)
def test_it_says_what_is_missing_and_gives_nothing(cleo, people, bobs, sent, said):
    if sent.get("owner") in ("bob", "cleo"):
        sent = sent | {"owner": getattr(people, sent["owner"]).pk}
    answer = cleo.post(f"{HAND_OVER}?of={people.bob.pk}", sent)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert people.cleo.pk not in owners(bobs).values()


def test_no_more_than_fit_a_request_are_handed_over(cleo, people, bobs, monkeypatch):
    monkeypatch.setattr(handing_over, "AT_ONCE", 1)
    place = f"{HAND_OVER}?of={people.bob.pk}"
    answer = cleo.post(place, {"nouns": ["Lead", "Deal"], "owner": people.cleo.pk})
    assert answer.status_code == 422
    assert "At most 1 at once: choose less" in answer.content.decode()
    Lead.create(name="Another", source="x", owner=people.bob)
    html = cleo.get(place).content.decode()
    assert 'value="Lead" disabled' in html and "More than 1: give them away" in html
    cleo.post(place, {"nouns": ["Lead"], "owner": people.cleo.pk})
    assert people.cleo.pk not in owners(bobs).values()


def test_it_is_only_for_who_may_change_them_and_of_people_who_are_here(
    bob, cleo, people, acme, rival, theirs, bobs
):
    for unknown in ("", "x", "contact_AAAAAAAAAAAA", theirs.eve.pk):
        assert cleo.get(f"{HAND_OVER}?of={unknown}").status_code == 404
    assert bob.get(f"{HAND_OVER}?of={people.bob.pk}").status_code == 200
    acme.limits_reps = True
    acme.save()
    Lead.create(name="Cleos secret", source="x", owner=people.cleo)
    html = bob.get(f"{HAND_OVER}?of={people.cleo.pk}").content.decode()
    assert "There is nothing to hand over" in html
