"""The Python of the contract, word for word: verbs, look-ups, hooks and what a hook receives."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection

from crm import Activity, Contact, Deal, Lead, Organization
from headlessly.access import actors
from headlessly.declaration.conjugation import conjugate
from headlessly.errors import Conflict, HeadlesslyError, Invalid, NotFound, VerbRefused
from headlessly.log.events import Event
from tests.refusals import everything, refused

pytestmark = pytest.mark.usefixtures("acme")


# -- "## Python" ----------------------------------------------------------------------------------


def test_it_reads_like_the_contract(people: SimpleNamespace) -> None:
    ada, spring = people.ada.id, people.spring.id
    # lead = Lead.create(name="Website Demo Request", contact="contact_...", source="website", ...)
    lead = Lead.create(name="Website Demo Request", contact=ada, source="website", score=65)
    # Lead.update(lead.id, status="Contacted")
    Lead.update(lead.id, status="Contacted")
    assert Lead.get(lead.id).status == "Contacted"
    # hot = Lead.find({"status": "Qualified", "campaign": "campaign_...", "score": {"$gte": 80}})
    hot = Lead.create(name="Hot", source="web", contact=ada, campaign=spring, score=80)
    hot.update(status="Contacted")
    hot.update(status="Qualified")
    found = Lead.find({"status": "Qualified", "campaign": spring, "score": {"$gte": 80}})
    assert list(found) == [hot]
    # lead = Lead.get("lead_...", include=["contact", "organization", "campaign", "deal"])
    got = Lead.get(hot.id, include=["contact", "organization", "campaign", "deal"])
    assert (got.contact.name, got.organization, got.campaign.id, got.deal) == (
        "Ada Chen", None, spring, None,
    )  # fmt: skip
    # Lead.lose(lead.id, lost_reason="No budget")      # or lead.lose(lost_reason="No budget")
    Lead.lose(lead.id, lost_reason="No budget")
    hot.lose(lost_reason="No budget")
    assert hot.status == Lead.get(lead.id).status == "Lost"
    # Lead.lost_by("user_a8Kd...")                     # the events, newest first
    assert [e.target for e in Lead.lost_by("system")] == [hot.id, lead.id]
    # Lead.count({"status": "New"});  Lead.rollback(lead.id, as_of="2026-01-15T10:00:00Z")
    assert Lead.count({"status": "New"}) == 0
    Lead.rollback(lead.id, as_of=lead.created_at.isoformat())
    assert Lead.count({"status": "New"}) == 1


def test_it_includes_without_asking_again(people: SimpleNamespace, lead: Lead) -> None:
    names = ["contact", "organization", "activities"]
    with count_queries() as queries:
        for found in Lead.find(include=names):
            assert found.contact.name
            assert found.organization.name
            assert list(found.activities.all()) == []
    assert len(queries) == 2


def count_queries() -> Any:
    from django.test.utils import CaptureQueriesContext

    return CaptureQueriesContext(connection)


def test_it_updates_the_object_it_is_called_on(lead: Lead) -> None:
    other = Lead.get(lead.id)
    lead.update(status="Contacted")
    assert (lead.status, lead.version) == ("Contacted", 2)
    assert (other.status, other.version) == ("New", 1)
    lead.contact  # noqa: B018  (remembered)
    lead.update(contact=None)
    assert lead.contact is None


def test_it_takes_records_ids_and_columns_for_references(people: SimpleNamespace) -> None:
    for given in ({"contact": people.ada}, {"contact": people.ada.id},
                  {"contact_id": people.ada.id}, {"contact": {"$id": people.ada.id}}):  # fmt: skip
        assert Lead.create(name="L", source="x", **given).contact == people.ada


def test_it_takes_other_peoples_changes_into_account_when_saving(lead: Lead) -> None:
    mine, yours = Lead.get(lead.id), Lead.get(lead.id)
    yours.score = 1
    yours.save()
    mine.name = "Renamed"
    mine.save()
    now = Lead.get(lead.id)
    assert (now.name, now.score, now.version) == ("Renamed", 1, 3)


@pytest.mark.parametrize("id", ["lead_aaaaaaaaaaaa", "", "x" * 500, "\x00", "\ud800", None, 5, []])
def test_it_finds_no_record_by_a_strange_id(id: Any) -> None:
    for call in (Lead.get, Lead.delete, lambda id: Lead.update(id, name="x")):
        with refused((NotFound, TypeError) if id is None else NotFound):
            call(id)


def test_it_does_not_take_a_record_of_another_noun(people: SimpleNamespace) -> None:
    with refused(NotFound):
        Lead.lose(people.ada, lost_reason="x")


# -- "## Hooks in Python" -------------------------------------------------------------------------


def test_it_hears_hooks_by_decorator_and_by_connect(qualified: Lead) -> None:
    heard = []

    def by_decorator(lead: Lead, ctx: Any) -> None:
        heard.append(("decorator", lead.status, ctx.event))

    def by_signal(sender: type, record: Lead, ctx: Any, **_: Any) -> None:
        heard.append((sender, record.status, ctx.event.name))

    assert Lead.converting(by_decorator) is by_decorator
    Lead.converted.connect(by_signal)
    try:
        qualified.convert()
    finally:
        assert Lead.converting.remove(by_decorator)
        assert Lead.converted.disconnect(by_signal)
    assert heard == [("decorator", "Qualified", None), (Lead, "Converted", "Lead.Converted")]
    assert not Lead.converting.remove(by_decorator)


def test_it_hears_hooks_of_both_kinds_in_their_order_and_of_its_own_sender(lead: Lead) -> None:
    heard: list[str] = []

    def by_signal(sender: type, record: Lead, ctx: Any, **_: Any) -> None:
        heard.append("signal")

    def of_deals(sender: type, record: Lead, ctx: Any, **_: Any) -> None:
        heard.append("deal")

    def hook(name: str) -> Any:
        return Lead.updated.attached(lambda record, ctx: heard.append(name))

    with hook("first"):
        lead.update(score=1)
        Lead.updated.connect(by_signal)
        Lead.updated.connect(of_deals, sender=Deal)
        try:
            with hook("last"):
                lead.update(score=2)
        finally:
            assert Lead.updated.disconnect(by_signal)
            assert Lead.updated.disconnect(of_deals, sender=Deal)
        lead.update(score=3)
    lead.update(score=4)
    assert heard == ["first", "first", "signal", "last", "first"]


def test_it_gives_a_hook_every_noun_and_who_where_and_what(lead: Lead, acme: Any) -> None:
    seen = {}

    def hook(lead: Lead, ctx: Any) -> None:
        seen.update(actor=ctx.actor, tenant=ctx.tenant, event=ctx.event.name, input=dict(ctx.input))
        assert ctx.Lead is Lead
        assert ctx.Deal is Deal
        with pytest.raises(TypeError):
            ctx.input["lost_reason"] = "Another"
        with pytest.raises(AttributeError, match="There is no noun Nonsense"):
            ctx.Nonsense  # noqa: B018

    with Lead.lost.attached(hook):
        lead.lose(lost_reason="Price")
    assert seen == {
        "actor": actors.SYSTEM,
        "tenant": acme,
        "event": "Lead.Lost",
        "input": {"lost_reason": "Price"},
    }


def test_it_runs_hooks_in_the_order_in_which_they_were_connected(lead: Lead) -> None:
    heard: list[int] = []
    hooks = [lambda lead, ctx, n=n: heard.append(n) for n in range(3)]
    for hook in hooks:
        Lead.updating(hook)
    lead.update(score=1)
    for hook in hooks:
        Lead.updating.remove(hook)
    assert heard == [0, 1, 2]


def test_it_names_the_cause_of_what_hooks_do_however_deep(people: SimpleNamespace) -> None:
    def first(contact: Contact, ctx: Any) -> None:
        ctx.Organization.update(people.corp.id, industry="Software")

    def second(organization: Organization, ctx: Any) -> None:
        ctx.Activity.create(subject="Look at it")
        ctx.Event.create(name="looked")

    with Contact.qualified.attached(first), Organization.updated.attached(second):
        people.ada.qualify()
    found = list(Event.objects.order_by("-seq")[:4])[::-1]
    assert [e.name for e in found] == [
        "Contact.Qualified", "Organization.Updated", "Activity.Created", "looked",
    ]  # fmt: skip
    assert [e.cause for e in found] == [None, found[0].id, found[1].id, found[1].id]
    assert len({e.request_id for e in found}) == 1


def test_it_lets_a_before_hook_change_the_record_and_records_it(lead: Lead) -> None:
    def tidy(lead: Lead, ctx: Any) -> None:
        lead.source_detail = "tidied"

    with Lead.updating.attached(tidy):
        lead.update(name="Renamed")
    assert Lead.get(lead.id).source_detail == "tidied"
    assert set(Lead.history(lead)[0].previous) == {"name", "sourceDetail"}


def test_it_undoes_what_a_before_hook_did_when_the_verb_is_refused(lead: Lead) -> None:
    def meddle(lead: Lead, ctx: Any) -> None:
        ctx.Activity.create(subject="Too early")
        lead.name = "Half done"

    def refuse(lead: Lead, ctx: Any) -> None:
        raise VerbRefused("No")

    with Lead.losing.attached(meddle), Lead.losing.attached(refuse), refused(VerbRefused):
        lead.lose(lost_reason="x")
    assert lead.name == "Acme Platform Evaluation"


def test_it_lets_a_hook_catch_the_refusal_of_what_it_tried(lead: Lead) -> None:
    def try_something(lead: Lead, ctx: Any) -> None:
        with pytest.raises(Invalid):
            ctx.Contact.create(name="")
        with pytest.raises(NotFound):
            ctx.Deal.win("deal_aaaaaaaaaaaa")

    with Lead.updated.attached(try_something):
        assert lead.update(score=1).score == 1


def test_it_leaves_no_trace_of_a_refused_try_on_a_record_in_use(people: Any, lead: Lead) -> None:
    def meddle_and_refuse(contact: Contact, ctx: Any) -> None:
        if contact.title == "CTO":
            contact.name = "Meddled"
            raise VerbRefused("Not the title")

    def try_twice(lead: Lead, ctx: Any) -> None:
        with pytest.raises(VerbRefused):
            ctx.Contact.update(people.ada.id, phone="555")
        ctx.lock(Contact, people.ada.id).title = "CEO"
        ctx.Contact.update(people.ada.id, phone="777")

    with Contact.updating.attached(meddle_and_refuse), Lead.updated.attached(try_twice):
        lead.update(score=1)
    ada = Contact.get(people.ada.id)
    assert (ada.name, ada.title, ada.phone) == ("Ada Chen", "CEO", "777")


def test_it_does_not_let_a_hook_keep_half_of_what_failed(lead: Lead) -> None:
    def explode(contact: Contact, ctx: Any) -> None:
        raise HeadlesslyError("The inner hook fails")

    def swallow(lead: Lead, ctx: Any) -> None:
        try:
            ctx.Contact.create(name="Half")
        except HeadlesslyError:
            pass

    with (
        Contact.created.attached(explode),
        Lead.updated.attached(swallow),
        refused(HeadlesslyError, "inner hook"),
    ):
        lead.update(score=1)


def test_it_does_not_let_a_hook_swallow_an_error_of_the_database(people: Any, lead: Lead) -> None:
    def swallow(lead: Lead, ctx: Any) -> None:
        try:
            ctx.Contact.create(name="Twin", email="ada@acme.example")
        except IntegrityError:
            pass

    with Lead.updated.attached(swallow), refused(Conflict, "ada@acme.example"):
        lead.update(score=1)


def test_it_refuses_hooks_that_cause_each_other_without_end(people: SimpleNamespace) -> None:
    def contact_first(contact: Contact, ctx: Any) -> None:
        ctx.Organization.update(people.corp.id, employee_count=(organization_size() or 0) + 1)

    def organization_size() -> int | None:
        return Organization.get(people.corp.id).employee_count

    def then_organization(organization: Organization, ctx: Any) -> None:
        ctx.Contact.update(people.ada.id, title=f"CEO of {organization.employee_count}")

    with (
        Contact.updated.attached(contact_first),
        Organization.updated.attached(then_organization),
        refused(VerbRefused) as caught,
    ):
        people.ada.update(title="CEO")
    path = str(caught.value).split(": ", 1)[1].rstrip(".").split(" → ")
    assert path == ["Contact.update", "Organization.update"] * 8


def test_it_allows_a_chain_of_sixteen(people: SimpleNamespace) -> None:
    def again(contact: Contact, ctx: Any) -> None:
        if contact.lead_score < 16:
            ctx.Contact.update(contact.id, lead_score=contact.lead_score + 1)

    with Contact.updated.attached(again):
        Contact.update(people.ada.id, lead_score=1)
    assert Contact.get(people.ada.id).lead_score == 16


def test_it_sees_the_log_so_far_in_a_hook(lead: Lead) -> None:
    seen: list[str] = []

    def look(lead: Lead, ctx: Any) -> None:
        seen.extend(e.name for e in Lead.history(lead))

    with Lead.updated.attached(look):
        lead.update(score=1)
    assert seen == ["Lead.Updated", "Lead.Created"]


def test_it_does_not_know_a_deleted_record_any_more_in_the_same_transaction(people: Any) -> None:
    def cling(organization: Organization, ctx: Any) -> None:
        ctx.Contact.create(name="Clinging", organization=organization.id)

    org = Organization.create(name="Going")
    with Organization.deleted.attached(cling), refused(Invalid, f"no Organization {org.id}"):
        org.delete()


def test_it_records_a_tracked_event_from_any_hook() -> None:
    def track(record: Any, ctx: Any) -> None:
        ctx.Event.create(name="seen", properties={"name": record.name})

    with Lead.creating.attached(track), Lead.created.attached(track):
        lead = Lead.create(name="L", source="x")
    before, created, after = Event.objects.order_by("seq")
    assert (before.cause, created.target, after.cause) == (None, lead.id, created.id)


def test_it_makes_no_dry_run_inside_of_a_hook(lead: Lead) -> None:
    def hook(lead: Lead, ctx: Any) -> None:
        ctx.Deal.create(name="D", value=1, dry_run=True)

    with Lead.updated.attached(hook), refused(ValueError, "dry run"):
        lead.update(score=1)


# -- "## Dry run" ---------------------------------------------------------------------------------


def test_it_tells_the_record_and_the_events_and_changes_nothing(
    qualified: Lead, people: SimpleNamespace
) -> None:
    before = everything()
    dry = Lead.convert(qualified.id, dry_run=True)
    assert everything() == before
    assert dry.record.status == "Converted"
    assert [e.name for e in dry.events] == [
        "Lead.Converted", "Deal.Created", "Lead.Updated", "Contact.Qualified", "lead_converted",
    ]  # fmt: skip
    assert qualified.status == "Qualified"
    with refused(NotFound):
        Lead.get(Lead.create(name="x", source="x", dry_run=True).record.id)


def test_it_refuses_on_a_dry_run_what_it_would_refuse(lead: Lead) -> None:
    with refused(Conflict):
        lead.convert(dry_run=True)
    with refused(Invalid):
        Lead.create(name="", source="x", dry_run=True)


# -- conjugation ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    """
    create   creating    created    Created    created_by
    update   updating    updated    Updated    updated_by
    delete   deleting    deleted    Deleted    deleted_by
    convert  converting  converted  Converted  converted_by
    lose     losing      lost       Lost       lost_by
    qualify  qualifying  qualified  Qualified  qualified_by
    capture  capturing   captured   Captured   captured_by
    assign   assigning   assigned   Assigned   assigned_by
    merge    merging     merged     Merged     merged_by
    enrich   enriching   enriched   Enriched   enriched_by
    score    scoring     scored     Scored     scored_by
    close    closing     closed     Closed     closed_by
    win      winning     won        Won        won_by
    advance  advancing   advanced   Advanced   advanced_by
    reopen   reopening   reopened   Reopened   reopened_by
    complete completing  completed  Completed  completed_by
    cancel   cancelling  cancelled  Cancelled  cancelled_by
    log      logging     logged     Logged     logged_by
    launch   launching   launched   Launched   launched_by
    pause    pausing     paused     Paused     paused_by
    publish  publishing  published  Published  published_by
    archive  archiving   archived   Archived   archived_by
    submit   submitting  submitted  Submitted  submitted_by
    refresh  refreshing  refreshed  Refreshed  refreshed_by
    analyze  analyzing   analyzed   Analyzed   analyzed_by
    activate activating  activated  Activated  activated_by
    send     sending     sent       Sent       sent_by
    stop     stopping    stopped    Stopped    stopped_by
    show     showing     showed     Showed     showed_by
    fix      fixing      fixed      Fixed      fixed_by
    agree    agreeing    agreed     Agreed     agreed_by
    tie      tying       tied       Tied       tied_by
    play     playing     played     Played     played_by
    visit    visiting    visited    Visited    visited_by
    """.strip().splitlines(),
    ids=lambda row: row.split()[0],
)
def test_it_is_conjugated(words: str) -> None:
    verb, before, after, event, by = words.split()
    found = conjugate(verb)
    assert (found.before, found.after, found.event, found.by) == (before, after, event, by)


VERBS = {
    "Lead": "convert lose assign claim expect_answer merge rescore settle",
    "Contact": "qualify capture assign merge enrich",
    "Organization": "enrich merge score",
    "Deal": "close win lose advance move reopen settle",
    "Activity": "complete cancel log send",
    "Pipeline": "remove_stage",
    "Campaign": "launch pause complete",
}


@pytest.mark.parametrize("noun", VERBS)
def test_it_has_the_verbs_of_the_contract(noun: str) -> None:
    found = set(Lead.registry[noun].verbs) - {"create", "update", "delete", "restore", "rollback"}
    assert found == set(VERBS[noun].split())


def test_it_touches_nothing_it_was_not_asked_to(lead: Lead) -> None:
    before = lead.as_json()
    done = Activity.create(subject="Later", lead=lead)
    assert Lead.get(lead.id).as_json() == before
    done.delete()
    assert Lead.get(lead.id).as_json() == before


def test_a_hook_writes_no_amount_that_is_no_number(lead: Lead) -> None:
    def spoil(found: Lead, ctx: Any) -> None:
        found.budget = Decimal("NaN")

    Lead.updating(spoil)
    try:
        with pytest.raises(ValidationError):
            lead.update(name="Another")
    finally:
        Lead.updating.remove(spoil)
    assert Lead.get(lead.id).name == lead.name != "Another"
