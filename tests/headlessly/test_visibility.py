"""A rep who is limited sees what they own and what nobody owns; nothing of the others' shows anywhere.

Whatever is Cleo's says "Whisper" somewhere. Bob, a limited rep, is then shown every answer that there is.
"""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from django.db.models import Q
from django.test import Client
from django.urls import reverse, set_script_prefix

from crm import Activity, Contact, Deal, DealContact, Lead, Organization, Team, TeamMember
from headlessly import scripts
from headlessly.access import actors
from headlessly.access.actors import Actor
from headlessly.access.models import Membership, User
from headlessly.context import clock
from headlessly.declaration.registry import registry
from headlessly.errors import Conflict, Invalid, NotFound
from headlessly.log import event_visibility, tracking
from headlessly.log.events import Event
from headlessly.log.names import SECURITY
from headlessly.query import reads
from headlessly.shaping import custom_fields
from marketing import Campaign, Form
from tests.answered import answered
from tests.headlessly.admin.signed_in import client_of
from tests.refusals import everything, refused

WHISPER = "Whisper"


@pytest.fixture
def bob(acme: Any, people: SimpleNamespace) -> Any:
    """A rep in a tenant that limits its reps."""
    acme.limits_reps = True
    acme.save()
    user = User.objects.create_user("bob@sign.example", first_name="Bob")
    return Membership.objects.create(user=user, tenant=acme, role="rep", contact=people.bob)


@pytest.fixture
def world(bob: Any, people: SimpleNamespace) -> SimpleNamespace:
    """Cleo's, Bob's and nobody's, all tied to each other."""
    cleo, corp = people.cleo, people.corp
    whispered = Contact.create(
        name="Whisper Person", email="whisper@acme.example", owner=cleo, organization=corp
    )
    known = Contact.create(
        name="Known Person",
        email="known@acme.example",
        phone="+49 171 5551234",
        department="Whisper department",
        owner=cleo,
        organization=corp,
    )
    campaign = Campaign.create(name="Whisper campaign", owner=cleo)
    fair = Campaign.create(name="Fair", description="Whispered aims", budget=900, owner=cleo)
    theirs = Lead.create(
        name="Whisper lead",
        source="whispersource",
        owner=cleo,
        contact=whispered,
        organization=corp,
    )
    deal = Deal.create(
        name="Whisper deal",
        value=7,
        owner=cleo,
        contact=whispered,
        organization=corp,
        campaign=campaign,
    )
    own = Lead.create(
        name="Own lead",
        source="website",
        owner=people.bob,
        contact=known,
        organization=corp,
        campaign=fair,
    )
    own.update(status="Contacted")
    own.update(status="Qualified")
    free = Lead.create(name="Free lead", source="website", contact=people.ada)
    done = {
        "about_theirs": Activity.create(subject="Whisper note", lead=theirs),
        "assigned_to_them": Activity.create(subject="Whisper task", lead=own, assignee=cleo),
        "about_their_deal": Activity.create(subject="Whisper call", deal=deal, lead=own),
        "task": Activity.create(subject="Own task", lead=theirs, assignee=people.bob),
        "note": Activity.create(subject="Free note", lead=own),
    }
    theirs.update(score=50)
    return SimpleNamespace(
        whispered=whispered,
        known=known,
        campaign=campaign,
        fair=fair,
        theirs=theirs,
        deal=deal,
        own=own,
        free=free,
        **done,
    )


@pytest.fixture
def hidden(world: SimpleNamespace) -> list[Any]:
    return [
        *(world.whispered, world.known, world.campaign, world.fair, world.theirs, world.deal),
        *(world.about_theirs, world.assigned_to_them, world.about_their_deal),
    ]


@pytest.fixture
def as_bob(bob: Any) -> Any:
    """Bob's calls of REST, through his session: everything he is answered."""
    client = Client(raise_request_exception=False)
    client.force_login(bob.user)

    def call(method: str, path: str, body: Any = None, **query: Any) -> Any:
        return client.generic(
            method,
            "/~acme" + path,
            b"" if body is None else orjson.dumps(body),
            content_type="application/json",
            query_params=query,
        )

    return call


# -- reading --------------------------------------------------------------------------------------


def test_it_sees_what_is_theirs_and_what_is_nobodys(bob: Any, world: Any) -> None:
    with actors.acting(bob.actor):
        assert {lead.name for lead in Lead.find()} == {"Own lead", "Free lead"}
        assert {a.subject for a in Activity.find()} == {"Own task", "Free note"}
        assert Lead.count() == 2 and Deal.count() == 0 and Organization.count() == 1
        assert Lead.get(world.own.pk).name == "Own lead"


def test_it_finds_none_of_the_others_by_id(bob: Any, hidden: list[Any]) -> None:
    with actors.acting(bob.actor):
        for record in hidden:
            for call in (
                lambda r=record: type(r).get(r.pk),
                lambda r=record: reads.record_json(type(r), r.pk),
                lambda r=record: type(r).get(r.pk, as_of=clock.now()),
                lambda r=record: type(r).update(r.pk),
                lambda r=record: type(r).rollback(r.pk, as_of=clock.now()),
            ):
                with refused(NotFound, record.pk):
                    call()
            assert not type(record).history(record)


def test_it_is_shown_nothing_of_the_others_by_rest(as_bob: Any, hidden: list[Any]) -> None:
    for noun in registry.values():
        includes = ",".join([f.wire for f in noun.schema.references.values()])
        others = ",".join(noun.schema.relations)
        for query in (
            {},
            {"q": WHISPER},
            {"asOf": clock.now().isoformat()},
            {"include": includes},
            {"include": others},
            {"include": others, "asOf": clock.now().isoformat()},
            {"include": includes, "asOf": clock.now().isoformat()},
            {"sort": "$createdAt", "limit": 1},
            {"count": "exact"},
        ):
            if "" in query.values():
                continue
            answer = as_bob("GET", f"/{noun.plural}", **query)
            assert answer.status_code == 200, (noun, query, answer.content)
            assert WHISPER.lower() not in answer.content.decode().lower(), (noun, query)
            if "include" not in query and "limit" not in query:
                found = answer.json()
                assert found["total"] == len(found["results"])
        own = [record.pk for record in hidden if type(record) is noun]
        for id in own or [hidden[0].pk]:  # where it is at home, and one in every other place
            assert as_bob("GET", f"/{noun.plural}/{id}").status_code == 404
            assert as_bob("GET", f"/{noun.plural}/{id}/events").status_code == 404
    for path in ("/events", "/status", "/me", "/events?limit=100"):
        answer = as_bob("GET", path)
        assert answer.status_code == 200
        assert WHISPER.lower() not in answer.content.decode().lower(), path


@pytest.mark.parametrize(
    ("path", "filter"),
    [
        ("/leads", {"contact.name": {"$regex": WHISPER}}),
        ("/leads", {"contact.owner.name": {"$regex": "Cleo"}}),
        ("/leads", {"campaign.name": "Whisper campaign"}),
        ("/activities", {"lead.source": "whispersource"}),
        ("/activities", {"lead.contact.email": "whisper@acme.example"}),
        ("/leads", {"source": "whispersource"}),
        ("/leads", {"$text": WHISPER}),
        ("/leads", {"owner": {"$ne": None}, "name": {"$regex": WHISPER}}),
    ],
)
def test_it_cannot_ask_for_the_others_in_a_filter(
    path: str, filter: Any, as_bob: Any, world: Any
) -> None:
    found = as_bob("GET", path, filter=orjson.dumps(filter).decode()).json()
    assert (found["results"], found["total"]) == ([], 0)


def test_it_counts_what_it_sees(as_bob: Any, world: Any) -> None:
    states = as_bob("GET", "/status").json()["nouns"]
    assert states["Lead"]["states"] == {
        "New": 1, "Contacted": 0, "Qualified": 1, "Converted": 0, "Lost": 0
    }  # fmt: skip
    assert sum(states["Deal"]["states"].values()) == 0


def test_it_keeps_the_id_of_a_reference_and_shows_nothing_behind_it(
    as_bob: Any, world: Any
) -> None:
    included = {"include": "campaign,organization,activities"}
    world.free.update(campaign=world.campaign)
    assert (
        as_bob("GET", f"/leads/{world.free.pk}", **included).json()["campaign"] == world.campaign.pk
    )
    lead = as_bob("GET", f"/leads/{world.own.pk}", **included).json()
    assert set(lead["campaign"]) == {"$id", "$type", "$context", "name"}
    assert lead["organization"]["name"] == "Acme Corp"
    assert [a["subject"] for a in lead["activities"]] == ["Free note"]
    read = as_bob("GET", f"/leads/{world.own.pk}").json()
    changed = as_bob("PATCH", f"/leads/{world.own.pk}", read | {"name": "Mine"})
    assert changed.status_code == 200, "what was read can be sent back"


@pytest.mark.parametrize("path", ["/leads", "/leads/{id}", "/leads?asOf=now"])
def test_it_sees_how_to_reach_the_person_of_their_own_lead_and_no_more(
    path: str, as_bob: Any, world: Any, acme: Any
) -> None:
    answer = as_bob("GET", path.format(id=world.own.pk), include="contact").json()
    rows = answer.get("results", [answer])
    lead = next(row for row in rows if row["$id"] == world.own.pk)
    assert lead["contact"] == {
        "$id": world.known.pk, "$type": "Contact", "$context": lead["$context"],
        "name": "Known Person", "title": None, "email": "known@acme.example",
        "phone": "+49 171 5551234", "mobile": None, "linkedinUrl": None,
        "otherEmails": None, "otherPhones": None,
    }  # fmt: skip
    assert as_bob("PATCH", f"/leads/{world.own.pk}", lead | {"name": "Mine"}).status_code == 200


def test_it_reads_who_their_own_lead_is_about_on_every_surface(
    bob: Any, as_bob: Any, world: Any, people: Any
) -> None:
    own = world.own.pk
    mine = Activity.create(
        subject="Call",
        lead=own,
        contact=world.known,
        assignee=people.bob,
        due_at="2026-01-05T09:00:00Z",
    )
    pages, leads = client_of(bob.user), "/~acme/admin/crm/lead/"
    known = '{"contact.email": "KNOWN@acme.example"}'
    for where, answer in {
        "a lead": as_bob("GET", f"/leads/{own}", include="contact"),
        "as of a moment": as_bob("GET", f"/leads/{own}", include="contact", asOf="now"),
        "an activity": as_bob("GET", f"/activities/{mine.pk}", include="contact"),
        "behind a condition": as_bob("GET", "/leads", filter=known, include="contact"),
        "a file": as_bob("GET", "/export/leads", format="csv", labels="en", fields="name,contact"),
        "the list": pages.get(f"{leads}?view=all"),
        "the board": pages.get(f"{leads}board/"),
        "the calendar": pages.get("/~acme/admin/crm/activity/calendar/week/2026-01-05/"),
        "today": pages.get("/~acme/admin/"),
        "the palette": pages.get("/~acme/admin/find/?q=own+lead"),
        "the page of an activity": pages.get(f"/~acme/admin/crm/activity/{mine.pk}/change/"),
    }.items():
        content = b"".join(answer) if answer.streaming else answer.content
        assert b"Known Person" in content, where
    with actors.acting(bob.actor):
        read = f"lead = Lead.get('{own}')\nlead.contact.name, lead.contact.email"
        assert scripts.run(read).as_json()["value"] == ["Known Person", "known@acme.example"]
        for hidden in ("department", "stage"):
            with refused(scripts.ScriptFailed):
                scripts.run(f"Lead.get('{own}').contact.{hidden}")
        assert [lead.name for lead in Lead.find({"contact.stage": "Lead"})] == ["Free lead"]
        assert Lead.count({"contact.department": "Whisper department"}) == 0
        with refused(scripts.ScriptFailed):
            scripts.run(f"Contact.get('{world.whispered.pk}')")


def test_it_finds_their_own_lead_by_its_person(bob: Any, as_bob: Any, world: Any) -> None:
    for words in ("known person", "known@acme", "own known"):
        found = as_bob("GET", "/leads", q=words).json()
        assert [lead["name"] for lead in found["results"]] == ["Own lead"], words
        assert found["total"] == 1
    assert as_bob("GET", "/contacts", q="known").json()["total"] == 0
    with actors.acting(bob.actor):
        assert Lead.find(q="known").get() == world.own
        card = Lead.get(world.own.pk, include=["contact"]).contact
        assert (card.is_card, card.name, card.department, card.stage) == (
            True,
            "Known Person",
            None,
            None,
        )
        with refused(NotFound):
            card.update(name="Mine")


def test_it_is_introduced_by_their_own_records_only(as_bob: Any, world: Any, people: Any) -> None:
    Lead.create(name="Nobody's", source="x", contact=world.whispered)
    found = as_bob("GET", "/leads", include="contact").json()["results"]
    assert {lead["name"]: lead["contact"] for lead in found}["Nobody's"] == world.whispered.pk
    world.own.update(owner=people.cleo)
    world.free.update(contact=world.known)
    found = as_bob("GET", f"/leads/{world.free.pk}", include="contact").json()
    assert found["contact"] == world.known.pk
    assert as_bob("GET", "/leads", q="known").json()["total"] == 0


def test_it_knows_who_takes_part_in_its_own_deals_and_is_shown_a_deal_with_somebody_hidden(
    bob: Any, as_bob: Any, world: Any, people: Any
) -> None:
    mine, free = (
        Deal.create(name="Own deal", value=7, owner=people.bob),
        Deal.create(name="Free deal", value=7),
    )
    place = Team.create(name="Whom nobody sees")
    known = DealContact.create(deal=mine, contact=world.known, role="User")
    hidden = DealContact.create(deal=free, contact=world.whispered, role="User")
    TeamMember.create(team=place, member=world.whispered)
    with actors.acting(bob.actor):
        assert DealContact.get(hidden.pk).contact is None
        (read,) = DealContact.find({"deal": mine.pk}, include="contact")
        assert (read.contact.is_card, read.contact.name) == (True, "Known Person")
    found = as_bob("GET", "/dealcontacts", include="contact").json()["results"]
    named = {each["$id"]: each["contact"] for each in found}
    assert named[known.pk]["name"] == "Known Person"
    assert named[hidden.pk] == world.whispered.pk
    client = client_of(bob.user)
    pages = {
        f"crm/deal/{mine.pk}/change/": True,
        f"crm/deal/{free.pk}/change/": False,
        "crm/dealcontact/?view=all": True,
        f"crm/team/{place.pk}/change/": False,
        "crm/teammember/?view=all": False,
    }
    for address, shows in pages.items():
        page = client.get(f"/~acme/admin/{address}")
        assert page.status_code == 200, address
        assert ("Known Person" in page.content.decode()) is shows, address
        assert WHISPER not in page.content.decode(), address
    mine.update(owner=people.cleo)
    assert as_bob("GET", "/dealcontacts", include="contact").json()["total"] == 1


def test_its_lists_are_narrowed_by_what_is_introduced_to_it_under_its_name(
    bob: Any, world: Any
) -> None:
    client = client_of(bob.user)
    for campaign, name in ((world.fair, "Fair"), (world.campaign, world.campaign.pk)):
        page = client.get("/~acme/admin/crm/lead/", {"view": "all", "campaign": campaign.pk})
        (chosen,) = re.findall(
            rf'<option value="{campaign.pk}"[^>]*>([^<]*)<', page.content.decode()
        )
        assert chosen == name
        assert WHISPER not in page.content.decode()


def test_its_day_has_the_number_of_the_person_of_its_own_lead(
    bob: Any, world: Any, people: Any
) -> None:
    Activity.create(subject="Ring back", type="Task", contact=world.known, lead=world.own,
                    assignee=people.bob, due_at=clock.now() - timedelta(hours=1))  # fmt: skip
    page = client_of(bob.user).get("/~acme/admin/", {"of": "me"}).content.decode()
    assert "Ring back" in page and "tel:+491715551234" in page
    assert WHISPER not in page


def test_it_sees_a_record_with_all_of_its_past_once_it_is_given_one(
    bob: Any, world: Any, people: Any
) -> None:
    before = clock.now()
    world.theirs.update(owner=people.bob)
    with actors.acting(bob.actor):
        assert Lead.get(world.theirs.pk, as_of=before).name == "Whisper lead"
        assert [e.verb for e in Lead.history(world.theirs)] == ["Updated", "Updated", "Created"]
    world.own.update(owner=people.cleo)
    with actors.acting(bob.actor):
        assert not Lead.history(world.own)
        with refused(NotFound):
            Lead.get(world.own.pk, as_of=before)


# -- the log --------------------------------------------------------------------------------------


def test_it_follows_the_log_of_what_it_sees_to_its_end(
    as_bob: Any, world: Any, hidden: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from headlessly.log import pages
    from marketing import Touchpoint

    monkeypatch.setattr(pages, "EVENTS_PER_LIMITED_PAGE", 3)
    for number in range(20):
        world.theirs.update(score=number)
    world.free.update(score=1)
    seen, cursor, more = [], "", True
    while more:
        page = as_bob("GET", "/events", limit=2, cursor=cursor).json()
        seen += page["results"]
        cursor, more = page["cursor"], page["hasMore"]
    ids = {record.pk for record in hidden}
    touches = Touchpoint.objects.filter(Q(lead__in=ids) | Q(contact__in=ids))
    ids |= set(touches.values_list("pk", flat=True))
    told = [
        e.id
        for e in Event.objects.exclude(target_type=SECURITY).order_by("seq")
        if e.target not in ids
    ]
    assert [event["$id"] for event in seen] == told
    counted = as_bob("GET", "/events", limit=2, count="exact").json()
    assert counted["total"] == len(told)
    (whispered, *_) = Event.objects.filter(target=world.theirs.pk)
    assert as_bob("GET", f"/events/{whispered.id}").status_code == 404


def test_it_is_told_nothing_of_the_others_by_what_was_tracked(
    as_bob: Any, bob: Any, world: Any, people: Any
) -> None:
    world.theirs.update(status="Contacted")
    world.theirs.update(status="Qualified", budget=47_110_815)
    world.theirs.convert()
    form = Form.create(name="Contact us", fields=[{"name": "email", "type": "email"}])
    form.publish()
    form.submit(email="whisper@acme.example", page="/whisper")
    tracking.track("page_view", {"lead": world.theirs.pk, "path": "/whisper"})
    tracking.track("page_view", {"lead": world.own.pk, "path": "/pricing"})
    tracking.track("page_view", {"path": "/news"})
    world.own.convert()
    form.submit(email="new@acme.example", page="/new")
    seen = as_bob("GET", "/events", limit=100).json()["results"]
    assert not [
        (e["name"], e["data"]) for e in seen if "whisper" in str(e).lower() or "47110815" in str(e)
    ]
    told = [
        (e["name"], e["data"].get("path") or e["data"].get("page")) for e in seen if not e["target"]
    ]
    assert told == [
        ("page_view", "/pricing"), ("page_view", "/news"), ("lead_converted", None),
        ("form_submitted", "/new"),
    ]  # fmt: skip
    with actors.acting(bob.actor):
        for event in Event.log.filter(target=None):
            answer = as_bob("GET", f"/events/{event.id}")
            assert answer.status_code == (200 if event.id in {e["$id"] for e in seen} else 404)


def test_it_is_shown_no_answers_of_the_others_in_what_a_form_would_do(bob: Any, world: Any) -> None:
    form = Form.create(name="Contact us", fields=[{"name": "email", "type": "email"}])
    form.publish()
    told = form.submit(email="whisper@acme.example", dry_run=True)
    assert "form_submitted" in {event.name for event in told.events}
    bob.role = "rep"
    with actors.acting(bob.actor):
        assert event_visibility.visible_of_recorded(told.events, told.record) == told.events[:1]


# -- writing --------------------------------------------------------------------------------------


def test_it_changes_none_of_the_others(as_bob: Any, hidden: list[Any]) -> None:
    before = everything()
    for record in hidden:
        address = f"/{type(record).plural}/{record.pk}"
        if actors.may(Actor("x", "X", "rep"), "update", type(record)):
            assert as_bob("PATCH", address, {}).status_code == 404
            assert as_bob("PATCH", address + "?dryRun=true", {}).status_code == 404
    operations = [
        {"id": "a", "method": "GET", "path": f"/leads/{hidden[2].pk}"},
        {"id": "b", "method": "POST", "path": f"/leads/{hidden[2].pk}/lose", "body": {"lostReason": "x"}},
    ]  # fmt: skip
    answer = as_bob("POST", "/batch", {"operations": operations}).json()
    assert [result["status"] for result in answer["results"]] == [404, 404]
    assert everything() == before


def test_it_refers_to_none_of_the_others(bob: Any, world: Any) -> None:
    with actors.acting(bob.actor):
        for call in (
            lambda: Lead.create(name="x", source="y", contact=world.whispered.pk),
            lambda: Lead.update(world.free.pk, contact=world.whispered.pk),
            lambda: Lead.update(world.own.pk, deal=world.deal.pk),
            lambda: Lead.convert(world.own.pk, deal=world.deal.pk),
            lambda: Activity.create(subject="x", lead=world.theirs.pk),
            lambda: Activity.log(subject="x", lead=world.theirs.pk),
        ):
            with refused(Invalid):
                call()


def test_it_sends_back_what_their_own_record_refers_to(as_bob: Any, world: Any) -> None:
    custom_fields.create_field({"noun": "Lead", "type": "reference", "name": "old", "to": "Deal"})
    Lead.update(world.own.pk, old=world.deal.pk)
    place = f"/leads/{world.own.pk}"
    sent = {"name": "Renamed", "old": answered(as_bob("GET", place))["old"]}
    assert sent["old"] == world.deal.pk
    assert answered(as_bob("PATCH", place, sent))["name"] == "Renamed"


def test_it_names_the_person_of_their_own_lead_and_does_nothing_with_them(
    bob: Any, as_bob: Any, world: Any, people: Any
) -> None:
    body = {"subject": "Called back", "lead": world.own.pk, "contact": world.known.pk}
    for path in ("/activities/log", "/activities"):
        made = answered(as_bob("POST", path, body), 201)
        assert (made["contact"], made["assignee"]) == (world.known.pk, people.bob.pk)
        seen = answered(as_bob("GET", f"/activities/{made['$id']}", include="contact"))
        assert seen["contact"]["name"] == "Known Person" and "department" not in seen["contact"]
    note = answered(as_bob("POST", "/activities", {"subject": "Free", "lead": world.own.pk}), 201)
    assert note["assignee"] is None, "what is about nobody hidden stays as it was said"
    named = {"name": "Second", "source": "x", "contact": {"email": "known@acme.example"}}
    assert answered(as_bob("POST", "/leads", named), 201)["contact"] == world.known.pk
    with actors.acting(bob.actor), refused(NotFound):
        Contact.update(world.known.pk, title="x")
    assert Contact.get(world.known.pk).department == "Whisper department"


def test_it_learns_of_a_unique_value_but_not_whose_it_is(bob: Any, world: Any) -> None:
    with actors.acting(bob.actor):
        for call in (
            lambda: Contact.create(name="x", email="whisper@acme.example"),
            lambda: Contact.capture(name="x", email="whisper@acme.example", phone="1"),
        ):
            with refused(Conflict, "whisper@acme.example") as refusal:
                call()
            assert "existingId" not in refusal.value.extra
    assert Contact.get(world.whispered.pk).phone is None


def test_it_is_not_shown_the_others_in_what_would_happen(bob: Any, world: Any) -> None:
    with actors.acting(bob.actor):
        told = world.own.convert(dry_run=True)
        assert {event.name for event in told.events} == {
            "Lead.Converted", "Deal.Created", "Lead.Updated", "lead_converted", "Activity.Updated"
        }  # fmt: skip
        notes = [event.target for event in told.events if event.target_type == "Activity"]
        assert notes == [world.note.pk], "of what was moved to the deal only what they see"
        world.own.convert()
    assert Contact.get(world.known.pk).stage == "Qualified", "hooks see everything"


def test_it_gives_a_record_away(as_bob: Any, world: Any, people: Any) -> None:
    user = User.objects.create_user("cleo@sign.example")
    Membership.objects.create(user=user, tenant=people.cleo.tenant, contact=people.cleo)
    answer = as_bob("PATCH", f"/leads/{world.own.pk}", {"owner": people.cleo.pk})
    assert answer.json()["owner"] == people.cleo.pk
    assert as_bob("GET", f"/leads/{world.own.pk}").status_code == 404


# -- pages ----------------------------------------------------------------------------------------


def test_it_is_shown_nothing_of_the_others_in_the_browser(
    bob: Any, world: Any, hidden: list[Any], people: Any
) -> None:
    client = client_of(bob.user)
    set_script_prefix("/~acme/")
    places = [reverse("admin:index", urlconf="headlessly.tenant_urls")]
    for noun in registry.values():
        place = reverse(
            f"admin:{noun._meta.app_label}_{noun._meta.model_name}_changelist",
            urlconf="headlessly.tenant_urls",
        )
        places += [place + "?view=all", place + "?q=whis", place + "?owner=me"]
    for record in (world.own, world.free, world.task, people.corp, people.bob):
        meta = record._meta
        for page in ("change", "edit", "history"):
            places.append(
                reverse(
                    f"admin:{meta.app_label}_{meta.model_name}_{page}",
                    args=[record.pk],
                    urlconf="headlessly.tenant_urls",
                )
            )
    choices = reverse("admin:autocomplete", urlconf="headlessly.tenant_urls")
    for field in ("contact", "owner", "campaign", "deal"):
        places.append(f"{choices}?app_label=crm&model_name=lead&field_name={field}&term=")
    set_script_prefix("/")
    for place in places:
        answer = client.get(place)
        assert answer.status_code == 200, place
        assert WHISPER.lower() not in answer.content.decode().lower(), place
    for record in hidden:
        meta = record._meta
        place = f"/~acme/admin/{meta.app_label}/{meta.model_name}/{record.pk}/change/"
        assert client.get(place).status_code == 404
    page = client.get(f"/~acme/admin/crm/lead/{world.own.pk}/change/").content.decode()
    for shown in ("Known Person", "known@acme.example", "tel:+491715551234"):
        assert shown in page
    assert world.known.pk not in page.replace(f'value="{world.known.pk}"', ""), "no way leads there"


def test_it_sees_all_where_the_tenant_does_not_limit_its_reps(bob: Any, world: Any) -> None:
    bob.tenant.limits_reps = False
    with actors.acting(bob.actor):
        assert Lead.count() == 3
    for role in ("manager", "viewer", "admin"):
        bob.role, bob.tenant.limits_reps = role, True
        with actors.acting(bob.actor):
            assert Lead.count() == 3


def test_it_sees_only_what_is_nobodys_when_it_is_no_contact(bob: Any, world: Any) -> None:
    bob.contact = None
    with actors.acting(bob.actor):
        assert [lead.name for lead in Lead.find()] == ["Free lead"]
