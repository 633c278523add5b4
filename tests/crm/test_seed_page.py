"""The customer's page on the Lead, sentence by sentence."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from crm import Contact, Deal, Lead, Organization
from headlessly.context import clock
from headlessly.errors import Conflict, HeadlesslyError, Invalid, VerbRefused
from headlessly.execution import executor
from headlessly.log import events
from headlessly.log.events import Event
from headlessly.query import reads
from tests.refusals import details, refused

pytestmark = pytest.mark.usefixtures("acme")

# "Inbound leads with BANT qualification, campaign attribution, and conversion tracking."

SCHEMA = """
    name string Yes
    contact Contact No
    organization Organization No
    owner Contact No
    status enum No
    source string Yes
    sourceDetail string No
    campaign Campaign No
    score number No
    budget money No
    authority string No
    need text No
    timeline string No
    deal Deal No
    convertedAt datetime No
    lostReason string No
    lostAt datetime No
    firstTouchAt datetime No
    lastActivityAt datetime No
"""


@pytest.mark.parametrize("row", SCHEMA.strip().splitlines(), ids=str.strip)
def test_it_has_the_field(row: str) -> None:
    name, kind, required = row.split()
    field = Lead.schema.fields[name]
    assert kind == (field.to or field.type)
    assert (required == "Yes") == field.required


def test_it_has_them_in_the_order_of_the_page() -> None:
    names = [row.split()[0] for row in SCHEMA.strip().splitlines()]
    assert [name for name in Lead.schema.fields if name in names] == names


@pytest.mark.parametrize(
    ("field", "target", "inverse"),
    [
        ("contact", "Contact", "leads"),  # | contact | -> | Contact.leads |
        ("organization", "Organization", None),
        ("owner", "Contact", None),
        ("campaign", "Campaign", "leads"),  # | campaign | -> | Campaign.leads |
        ("deal", "Deal", "leads"),  # | deal | -> | Deal.leads |
    ],
)
def test_it_relates(field: str, target: str, inverse: str | None, people: Any) -> None:
    found = Lead.schema.fields[field]
    assert found.to == target
    if inverse:
        relation = Lead.registry[target].schema.relations[inverse]
        assert (relation.noun, relation.field) == ("Lead", field)


@pytest.mark.parametrize(
    ("verb", "event"),
    [
        ("create", "Created"),
        ("update", "Updated"),
        ("delete", "Deleted"),
        ("convert", "Converted"),
        ("lose", "Lost"),
    ],
)
def test_it_has_the_verb(verb: str, event: str) -> None:
    assert Lead.verbs[verb].event == f"Lead.{event}"


# -- Verb Lifecycle -------------------------------------------------------------------------------


def test_it_must_have_a_contact_before_conversion() -> None:
    # "BEFORE hook -- validate conversion prerequisites"
    # "if (!lead.contact) throw new Error('Lead must have a contact before conversion')"
    lead = Lead.create(name="Nobody behind it", source="website")
    for status in ("New", "Contacted", "Qualified"):
        lead.update(status=status)
        with refused(VerbRefused) as caught:
            Lead.convert(lead.id)
        assert str(caught.value) == "Lead must have a contact before conversion"
    assert Lead.get(lead.id).status == "Qualified"
    assert not Deal.count()


def test_it_does_not_convert_a_lost_lead(qualified: Lead) -> None:
    # "if (lead.status === 'Lost') throw new Error('Cannot convert a lost lead')"
    qualified.lose(lost_reason="No budget")
    with refused(VerbRefused) as caught:
        qualified.convert()
    assert str(caught.value) == "Cannot convert a lost lead"
    assert (qualified.status, qualified.converted_at) == ("Lost", None)


def test_it_creates_the_deal_and_updates_related_records(
    qualified: Lead, people: SimpleNamespace
) -> None:
    # "Execute -- convert the lead: await Lead.convert('lead_pQ8xNfKm')"
    before = clock.now()
    lead = Lead.convert(qualified.id)
    # "AFTER hook -- create the deal and update related records"
    # "$.Deal.create({name, contact, organization, value: lead.budget || 0,
    #   stage: 'Prospecting', source, campaign})"
    deal = Deal.find().get()
    assert {f: getattr(deal, f) for f in ("name", "value", "stage", "source")} == {
        "name": "Acme Platform Evaluation",
        "value": 50_000,
        "stage": "Prospecting",
        "source": "website",
    }
    assert (deal.contact, deal.organization, deal.owner, deal.campaign) == (
        people.ada,
        people.corp,
        people.bob,
        people.spring,
    )
    # "$.Lead.update(lead.$id, { deal: deal.$id })"
    assert lead.deal_id == Lead.get(lead.id).deal_id == deal.id
    assert list(deal.leads.all()) == [lead]
    # "$.Contact.update(lead.contact, { stage: 'Qualified' })"
    assert Contact.get(people.ada.id).stage == "Qualified"
    # "convertedAt: Timestamp when the lead was converted"
    assert before <= lead.converted_at <= lead.updated_at
    assert lead.status == "Converted"


def test_it_opens_a_deal_worth_nothing_when_no_budget_is_known(qualified: Lead) -> None:
    # "value: lead.budget || 0"
    qualified.update(budget=None)
    assert qualified.convert().deal.value == 0


# -- Status State Machine -------------------------------------------------------------------------


def walk(lead: Lead, *statuses: str) -> Lead:
    for status in statuses:
        if status == "Lost":
            lead.lose(lost_reason="No reply")
        elif status == "Converted":
            lead.convert()
        else:
            lead.update(status=status)
    return lead


def test_it_goes_from_new_to_contacted_to_qualified_to_converted(lead: Lead) -> None:
    # "New --> Contacted --> Qualified --> Converted"
    # "New: Lead just entered the system, no outreach yet"
    assert lead.status == "New"
    assert walk(lead, "Contacted", "Qualified", "Converted").status == "Converted"


@pytest.mark.parametrize("way", [(), ("Contacted",), ("Contacted", "Qualified")], ids=str)
def test_it_is_lost_from_any_open_status_with_a_recorded_reason(lead: Lead, way: Any) -> None:
    # "Lost: Disqualified or unresponsive, with a recorded reason"
    # "lostAt: Timestamp when the lead was marked as lost"
    walk(lead, *way)
    with refused(Invalid) as caught:
        lead.lose()
    assert details(caught) == {"lost_reason": "This is required."}
    before = clock.now()
    Lead.lose(lead.id, lost_reason="Went with a rival")
    lead = Lead.get(lead.id)
    assert (lead.status, lead.lost_reason) == ("Lost", "Went with a rival")
    assert before <= lead.lost_at <= lead.updated_at


SKIPS = [
    ((), "Qualified"),
    ((), "Converted"),
    (("Contacted",), "New"),
    (("Contacted",), "Converted"),
    (("Contacted", "Qualified"), "Contacted"),
    (("Contacted", "Qualified"), "New"),
    (("Lost",), "Contacted"),
    (("Lost",), "Qualified"),
]


@pytest.mark.parametrize(("way", "target"), SKIPS, ids=str)
def test_it_takes_no_short_cut_and_no_way_back(lead: Lead, way: Any, target: str) -> None:
    walk(lead, *way)
    with refused((Conflict, VerbRefused)):
        walk(lead, target)


@pytest.mark.parametrize("target", ["Converted", "Lost"])
def test_it_reaches_its_ends_only_by_their_verbs(qualified: Lead, target: str) -> None:
    with refused(Conflict, "convert" if target == "Converted" else "lose"):
        qualified.update(status=target)


@pytest.mark.parametrize("target", ["New", "Contacted", "Qualified", "Lost", "Converted"])
def test_it_is_terminal_once_converted(qualified: Lead, target: str) -> None:
    # "Leads are terminal once Converted or Lost."
    qualified.convert()
    if target == "Converted":
        with refused(Conflict, "already Converted"):
            qualified.convert()
        return
    with refused(Conflict) as caught:
        walk(qualified, target)
    assert caught.value.body()["status"] == "Converted"
    assert caught.value.body()["allowed"] == []
    assert caught.value.body()["deal"] == qualified.deal_id


def test_it_is_terminal_once_lost_but_can_be_reopened(qualified: Lead) -> None:
    # "A lost lead can be reopened by updating its status back to New."
    qualified.lose(lost_reason="No budget")
    with refused(Conflict, "already Lost"):
        qualified.lose(lost_reason="Again")
    Lead.update(qualified.id, status="New")
    lead = Lead.get(qualified.id)
    assert (lead.status, lead.lost_at, lead.lost_reason) == ("New", None, None)
    # (the log keeps them)
    reopened = Lead.history(lead)[0]
    assert reopened.previous["lostReason"] == "No budget"
    assert reopened.previous["status"] == "Lost"
    assert walk(lead, "Contacted", "Qualified", "Converted").deal


# -- BANT Qualification ---------------------------------------------------------------------------


def test_it_has_fields_for_bant_qualification(people: SimpleNamespace) -> None:
    # The page's own example.
    lead = Lead.create(
        name="Acme Platform Evaluation",
        contact=people.ada.id,
        organization=people.corp.id,
        source="demo-request",
        budget=50_000,
        authority="CTO - final decision maker",
        need="Replace fragmented SaaS tools with unified platform",
        timeline="Q2 2025",
    )
    yes = dict.fromkeys(("budget", "authority", "need", "timeline"), True)
    assert lead.bant == yes | {"answered": 4}
    lead.update(need=None, budget=0)
    assert lead.bant == yes | {"need": False, "answered": 3}


# -- Cross-Domain Patterns ------------------------------------------------------------------------


def test_it_tracks_which_campaign_generated_it(lead: Lead, people: SimpleNamespace) -> None:
    # "Lead.campaign tracks which Campaign generated the lead. Lead.source records the channel."
    assert list(people.spring.leads.all()) == [lead]
    assert (lead.source, lead.source_detail) == ("website", "/pricing")


def test_it_preserves_the_attribution_chain_from_campaign_to_revenue(
    qualified: Lead, people: SimpleNamespace
) -> None:
    # "The Lead.deal back-link preserves the full attribution chain from campaign to revenue."
    deal = qualified.convert().deal
    deal.win()
    assert Lead.count({"campaign": people.spring.id, "deal.stage": "Won"}) == 1
    assert list(people.spring.deals.all()) == [deal]


def test_it_measures_the_sales_cycle(qualified: Lead) -> None:
    # "Time from firstTouchAt to convertedAt measures sales cycle length."
    # "const cycleDays = Math.round(cycleMs / 86_400_000)"
    qualified.update(first_touch_at=clock.now() - timedelta(days=9, hours=13))
    qualified.convert()
    event = Event.objects.filter(name="lead_converted").get()
    # "properties: { source: lead.source, cycleDays, budget: lead.budget }"
    assert event.data == {"source": "website", "cycleDays": 10, "budget": 50_000}
    assert (event.target, event.target_type, event.version) == (None, None, None)
    assert event.cause == Lead.converted_by("system")[0].id


@pytest.mark.parametrize(
    ("hours", "days"), [(0, 0), (11, 0), (12, 1), (36, 2), (60, 3), (59, 2), (24 * 365, 365)]
)
def test_it_rounds_the_cycle_to_the_nearest_whole_day(
    qualified: Lead, hours: int, days: int
) -> None:
    now = clock.now()
    qualified.update(first_touch_at=now - timedelta(hours=hours))
    with clock.set_clock(now, purpose="replay"):
        qualified.convert()
    assert Event.objects.get(name="lead_converted").data["cycleDays"] == days


def test_it_runs_the_hook_of_the_page_as_it_is_written(qualified: Lead) -> None:
    # Lead.converted((lead, $) => { $.Event.create({ name: 'lead_converted', properties: ... }) })
    def track(lead: Lead, ctx: Any) -> None:
        cycle = lead.converted_at - lead.first_touch_at
        ctx.Event.create(
            name="lead_converted_again",
            properties={"source": lead.source, "cycleDays": cycle.days, "budget": lead.budget},
        )

    with Lead.converted.attached(track):
        qualified.convert()
    assert Event.objects.get(name="lead_converted_again").data["budget"] == 50_000


# -- Query Examples -------------------------------------------------------------------------------


def test_it_finds_high_value_leads_from_a_specific_campaign(
    qualified: Lead, people: SimpleNamespace
) -> None:
    Lead.create(name="Another", source="website", campaign=people.spring, score=99)
    hot = Lead.find({"status": "Qualified", "campaign": people.spring.id, "score": {"$gte": 80}})
    assert list(hot) == [qualified]


def test_it_gets_a_lead_with_full_context(qualified: Lead, people: SimpleNamespace) -> None:
    deal = qualified.convert().deal
    names = ["contact", "organization", "campaign", "deal"]
    lead = Lead.get(qualified.id, include=names)
    assert (lead.contact.name, lead.organization.name) == ("Ada Chen", "Acme Corp")
    assert (lead.campaign.name, lead.deal.id) == ("Spring launch", deal.id)
    one = reads.record_json(Lead, qualified.id, include=names)
    assert [one[name]["$type"] for name in names] == [
        "Contact", "Organization", "Campaign", "Deal",
    ]  # fmt: skip
    assert one["contact"]["email"] == "ada@acme.example"


def test_it_creates_a_lead_from_a_form_submission(people: SimpleNamespace) -> None:
    body = {
        "name": "Website Demo Request",
        "contact": people.ada.id,
        "source": "website",
        "sourceDetail": "/pricing",
        "score": 65,
    }
    lead = executor.run(Lead.verbs["create"], None, body, wire=True)
    assert {k: v for k, v in lead.as_json().items() if k in body} == body
    assert lead.status == "New"
    assert lead.first_touch_at == lead.last_activity_at == lead.created_at


def test_it_answers_the_question_of_the_mcp_example(people: SimpleNamespace) -> None:
    # {"type": "Lead", "filter": {"status": "New", "source": "website"},
    #  "sort": {"score": "desc"}, "limit": 25}
    for score in (10, None, 90):
        Lead.create(name=f"Scored {score}", source="website", score=score)
    Lead.create(name="Not from there", source="referral", score=100)
    page = reads.record_page(
        Lead, {"status": "New", "source": "website"}, sort={"score": "desc"}, limit=25
    )
    assert [lead["score"] for lead in page.results] == [90, 10, None]
    assert b'"score":90,' in events.dump_json(page.as_json())


def test_it_undoes_the_whole_conversion_when_a_hook_of_it_fails(qualified: Lead) -> None:
    def explode(lead: Lead, ctx: Any) -> None:
        raise HeadlesslyError("The last of the hooks fails")

    with Lead.converted.attached(explode), refused(HeadlesslyError):
        qualified.convert()
    assert (qualified.status, qualified.deal_id, qualified.version) == ("Qualified", None, 3)
    assert not Organization.find({"type": "Customer"})
