"""Touchpoints are made where a campaign or a channel reached somebody, and never change."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import Activity, Contact, Lead
from headlessly.access import actors, tenancy
from headlessly.access.actors import Actor
from headlessly.api.tracking import track_event
from headlessly.context import tracing
from headlessly.query import reads
from headlessly.undo.at_once import undo_request
from marketing.models import Campaign, Form, Touchpoint
from tests.headlessly.admin.conftest import ann, users  # noqa: F401  (fixtures)
from tests.headlessly.transfer.conftest import imported, send  # noqa: F401  (fixtures)

pytestmark = pytest.mark.django_db

QUESTIONS = [{"name": "email", "type": "email", "label": "Email", "required": True}]


@pytest.fixture
def spring(people: Any) -> Campaign:
    return Campaign.create(name="Spring", slug="spring", utm_campaign="spring26", utm_source="news")


@pytest.fixture
def form(spring: Campaign) -> Form:
    return Form.create(name="Ask", fields=QUESTIONS, campaign=spring).publish()


def touches(**fields: Any) -> list[Touchpoint]:
    return list(Touchpoint.objects.filter(**fields).order_by("occurred_at", "pk"))


def test_a_lead_of_a_campaign_was_reached_by_it(spring: Campaign, people: Any) -> None:
    lead = Lead.create(
        name="L", source="event", campaign=spring, contact=people.ada,
        first_touch_at="2025-03-01T10:00:00Z",
    )  # fmt: skip
    Lead.create(name="M", source="event")
    (touch,) = touches()
    assert (touch.kind, touch.lead, touch.contact, touch.campaign) == (
        "Lead", lead, people.ada, spring,
    )  # fmt: skip
    assert (touch.source, touch.occurred_at) == ("event", lead.first_touch_at)


def test_a_form_that_is_sent_is_one_touch_with_all_that_it_says(form: Form) -> None:
    sent = {
        "email": "new@people.example", "utm_source": "news", "utm_medium": "email",
        "utmTerm": "crm", "page": "https://acme.example/a", "anonymousId": "visitor-1",
    }  # fmt: skip
    form.submit(**sent)
    (touch,) = touches()
    lead = Lead.objects.get()
    assert (touch.kind, touch.lead, touch.contact_id) == ("Form", lead, lead.contact_id)
    assert (touch.source, touch.medium, touch.utm_term) == ("news", "email", "crm")
    assert (touch.page, touch.anonymous_id) == ("https://acme.example/a", "visitor-1")
    assert touch.campaign_id == form.campaign_id


def test_a_done_activity_of_a_campaign_is_a_touch(spring: Campaign, lead: Lead) -> None:
    planned = Activity.create(subject="Call", type="Call", lead=lead, campaign=spring)
    assert touches(kind="Activity") == []
    planned.complete(outcome="Interested")
    Activity.log(subject="Mail", type="Email", lead=lead)
    (touch,) = touches(kind="Activity")
    assert (touch.lead, touch.contact_id, touch.medium) == (lead, lead.contact_id, "call")


def visit(**more: Any) -> None:
    track_event({"name": "page_view", "anonymousId": "v", **more})


def test_a_visit_with_a_campaign_or_utm_values_is_a_touch(spring: Campaign) -> None:
    visit(url="https://acme.example/", properties={"utm_campaign": "SPRING26"})
    visit(path="/prices", properties={"campaign": "spring"})
    visit(properties={"utmSource": "ads"})
    visit(url="https://acme.example/none")
    found = touches()
    assert [t.campaign for t in found] == [spring, spring, None]
    assert [t.page for t in found] == ["https://acme.example/", "/prices", None]
    assert {t.kind for t in found} == {"Visit"}
    assert {t.contact for t in found} == {None}


def test_visits_belong_to_who_a_form_names(form: Form) -> None:
    visit(properties={"utm_source": "ads"})
    form.submit(email="new@people.example", anonymousId="v")
    visit(properties={"utm_source": "ads"})
    contact = Contact.objects.get(email="new@people.example")
    assert [t.contact for t in touches()] == [contact] * 3


@pytest.mark.parametrize("by", ["capture", "identify by id", "identify by address"])
def test_visits_belong_to_who_is_captured_or_identified(by: str, people: Any) -> None:
    visit(properties={"utm_source": "ads"})
    if by == "capture":
        Contact.capture(email=people.ada.email, anonymous_id="v")
    else:
        known = people.ada.pk if by.endswith("id") else people.ada.email.upper()
        track_event({"name": "identify", "anonymousId": "v", "userId": known})
    assert [t.contact for t in touches()] == [people.ada]


def test_of_two_contacts_with_one_id_later_visits_go_to_the_later_one(people: Any) -> None:
    visit(properties={"utm_source": "1"})
    Contact.capture(email=people.ada.email, anonymous_id="v")
    visit(properties={"utm_source": "2"})
    Contact.capture(email=people.cleo.email, anonymous_id="v")
    visit(properties={"utm_source": "3"})
    assert [t.contact for t in touches()] == [people.ada, people.ada, people.cleo]


def test_visits_of_a_merged_contact_are_the_survivors(people: Any) -> None:
    Contact.capture(email=people.cleo.email, anonymous_id="v")
    visit(properties={"utm_source": "1"})
    people.cleo.merge(into=people.ada)
    visit(properties={"utm_source": "2"})
    assert [t.contact for t in touches()] == [people.ada] * 2


def test_a_merge_that_is_taken_back_gives_the_visitor_back(people: Any) -> None:
    Contact.capture(email=people.cleo.email, anonymous_id="v")
    with tracing.request_id_scope("req_merged0000000000"):
        people.cleo.merge(into=people.ada)
    undo_request("req_merged0000000000")
    visit(properties={"utm_source": "1"})
    assert [t.contact for t in touches()] == [people.cleo]


def test_visits_of_who_is_gone_are_nobodys(people: Any) -> None:
    Contact.capture(email=people.cleo.email, anonymous_id="v").delete()
    visit(properties={"utm_source": "1"})
    assert [t.contact for t in touches()] == [None]


def test_a_visitor_of_another_tenant_is_somebody_else(people: Any, rival: Any) -> None:
    Contact.capture(email=people.ada.email, anonymous_id="v")
    with tenancy.active(rival):
        visit(properties={"utm_source": "1"})
        assert [t.contact for t in touches()] == [None]
    assert touches() == []


def test_it_goes_with_the_lead_and_returns_with_it(spring: Campaign, people: Any) -> None:
    lead = Lead.create(name="L", source="event", campaign=spring, contact=people.ada)
    (touch,) = touches()
    Lead.delete(lead.pk)
    assert touches() == []
    Lead.restore(lead.pk)
    assert touches() == [touch]


def test_a_limited_rep_sees_those_of_whom_they_see(
    spring: Campaign, people: Any, acme: Any, api: Any
) -> None:
    for owner in (people.bob, people.cleo):
        Lead.create(name="L", source="event", campaign=spring, owner=owner)
    with actors.acting(Actor("user_x", "Bob", "rep", people.bob.pk, limited=True)):
        (touch,) = touches()
        assert touch.lead.owner == people.bob
        assert len(reads.record_page(Touchpoint).results) == 1
        assert [e.name for e in Touchpoint.history(touch.pk)] == ["Touchpoint.Created"]
    assert len(touches()) == 2


def test_programs_add_past_ones(api: Any, spring: Campaign) -> None:
    body = {"occurredAt": "2024-05-01T10:00:00Z", "kind": "Import", "campaign": spring.pk}
    answer = api.call("POST", "/touchpoints", body)
    assert answer.status_code == 201
    assert answer.json()["$id"].startswith("touch_")
    future = body | {"occurredAt": "2999-05-01T10:00:00Z"}
    assert api.call("POST", "/touchpoints", future).json()["field"] == "occurredAt"


def test_an_imported_lead_of_a_campaign_is_a_touch_of_its_day(
    spring: Campaign,
    imported: Any,  # noqa: F811
    people: Any,
) -> None:
    rows = b"Name,Source,Campaign,First touch at\n" + b"".join(
        b"Lead %d,event,Spring,2024-05-0%dT10:00:00Z\n" % (number, number) for number in range(1, 4)
    )
    told = imported("leads", rows)
    assert told["created"] == 3, told
    found = touches()
    assert [t.kind for t in found] == ["Import"] * 3
    assert [t.occurred_at.day for t in found] == [1, 2, 3]
    assert {t.campaign for t in found} == {spring}
    assert [t.history(t.pk)[0].cause for t in found] == [
        t.lead.history(t.lead)[0].id for t in found
    ]


def test_a_file_of_touchpoints_matches_no_record(spring: Campaign, send: Any) -> None:  # noqa: F811
    rows = "Occurred at\n2024-05-01T10:00:00Z\n"
    response = send("touchpoints", rows, "?match=source")
    assert response.status_code == 422
    assert "never changes" in response.json()["details"][0]["message"]


def test_the_page_that_asks_before_deleting_says_what_goes_too(
    spring: Campaign,
    people: Any,
    ann: Any,  # noqa: F811
) -> None:
    lead = Lead.create(name="L", source="event", campaign=spring, contact=people.ada)
    asked = ann.get(f"/~acme/admin/crm/lead/{lead.pk}/delete/").content.decode()
    assert "Deleted with it: 1 touchpoint." in asked
    lead = Lead.create(name="L", source="event", contact=people.ada)
    assert "Deleted with it" not in ann.get(
        f"/~acme/admin/crm/lead/{lead.pk}/delete/"
    ).content.decode()  # fmt: skip


def test_a_script_is_told_that_it_never_changes(spring: Campaign, acme: Any) -> None:
    from headlessly import scripts
    from headlessly.scripts.failures import ScriptError

    touch = Touchpoint.create(occurred_at="2024-05-01T10:00:00Z", campaign=spring)
    for verb in ("update", "rollback"):
        with pytest.raises(ScriptError, match=f"Touchpoint has no {verb}"):
            scripts.run(f"Touchpoint.{verb}({touch.pk!r}, source='x')")


def test_they_say_whom_they_reached_on_the_page_of_their_campaign_the_latest_first(
    ann: Any,  # noqa: F811
    people: Any,
) -> None:
    campaign = Campaign.create(name="Fair")
    for person, day in ((people.ada, "2026-02-03"), (people.bob, "2026-01-02")):
        Touchpoint.create(contact=person, campaign=campaign, occurred_at=f"{day}T09:00:00Z")
    place = f"/~acme/admin/marketing/campaign/{campaign.pk}/change/"
    html = ann.get(place).content.decode()
    card = html.split('aria-label="Touchpoints"')[1].split("</section>")[0]
    said = re.findall(r">(Response, [^<]+)<small>([^<]+)</small>", card)
    assert said == [("Response, Feb 3, 2026", "Ada Chen"), ("Response, Jan 2, 2026", "Bob Stone")]
    with CaptureQueriesContext(connection) as two:
        ann.get(place)
    Touchpoint.create(contact=people.cleo, campaign=campaign, occurred_at="2026-03-01T09:00:00Z")
    with CaptureQueriesContext(connection) as three:
        ann.get(place)
    assert len(three) <= len(two)
