"""The year that the demo tells: true to the log, the same every time, and like a company's."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from django.db import transaction
from django.db.models import Count, F, Max, Min

from crm import (
    Activity,
    Contact,
    Deal,
    DealContact,
    Lead,
    LineItem,
    Organization,
    Pipeline,
    Rule,
    TeamMember,
)
from crm.models import RuleAttempt, RuleRun
from crm.reports import lead_funnel
from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, Membership, Tenant
from headlessly.context.tenant_scope import every_tenant
from headlessly.log.names import IMPORT_STARTED, SECURITY, VIEW_EVENTS
from headlessly.models import Event, Webhook
from headlessly.notifications.models import Notification
from headlessly.query.periods import Period
from headlessly.query.reports import Slice
from headlessly.query.saved_views import pinned_reports, watched_views
from headlessly.scripts import host, proposals
from headlessly.transfer.models import Import
from marketing import Campaign, Form, Funnel, Segment
from marketing.demo import automations, business, cast, suggestions, views, words
from marketing.management.commands import demo
from tests.marketing.demo.telling import DAY, LEADS

MIDNIGHT = datetime(2025, 6, 16, tzinfo=UTC)
#: How many leads come on the last evening, for its rules.
LAST = 16
#: How many leads of the year before were imported.
BROUGHT = 15
#: A company that the command does not know.
OTHER = replace(cast.RIVAL, slug="other", name="Other")
ID = re.compile(
    r"\b(?:lead|contact|org|deal|activity|attachment|pipeline|gate|dealcontact|emailtemplate|lineitem|product|campaign|form|segment|funnel"
    r"|rate|goal|rule|run|calendar|stalelimit|team|place|touch|evt|req|user|apikey)"
    r"_\w{12}\b"
)


def verbs() -> Any:
    """The log of the year: without what belongs to today (that the tenant is whole, and who made its webhook)
    and without what imports brought along."""
    imports = Event.objects.filter(name=IMPORT_STARTED)
    told = Event.objects.exclude(name__in=(cast.FILLED, *VIEW_EVENTS)).exclude(target_type=SECURITY)
    return told.exclude(id__in=imports.values("id")).exclude(cause__in=imports.values("id"))


def test_it_writes_the_log_in_the_order_in_which_things_happened(acme: Tenant) -> None:
    moments = list(verbs().order_by("seq").values_list("timestamp", flat=True))
    assert moments == sorted(moments)
    assert moments[0].date() == DAY - timedelta(365)
    assert DAY - timedelta(5) <= moments[-1].date() < DAY


def test_it_leaves_versions_without_a_gap(acme: Tenant) -> None:
    imports = Event.objects.filter(name=IMPORT_STARTED)
    brought = Event.objects.filter(cause__in=imports.values("id"))
    records = verbs().exclude(target=None).exclude(target__in=brought.values("target"))
    records = records.order_by().values("target")
    records = records.annotate(events=Count("pk"), first=Min("version"), last=Max("version"))
    assert records.count() > LEADS
    assert not records.exclude(first=1, events=F("last")).exists()


def test_who_leads_is_told_what_came_into_a_followed_view(acme: Tenant) -> None:
    came = Event.objects.filter(name="View.Entered")
    assert 0 < came.count() <= views.CAME
    assert came.filter(target_type="Lead", cause__isnull=False).count() == came.count()
    told = Notification.objects.filter(kind="view", record__in=came.values("target"))
    assert len(set(told.values_list("user", flat=True))) == 2


def test_it_uses_every_verb_of_a_lead(acme: Tenant) -> None:
    names = set(verbs().values_list("name", flat=True))
    weekend = {"Lead.Claimed"}  # nobody works then
    assert {verb.event for verb in Lead.verbs.values()} - weekend <= names
    # Taking back is an update too: of the budget with two zeros too many.
    slips = verbs().filter(name="Lead.Updated", previous__budget__gt=0, data__budget=None)
    assert slips.count() == LEADS // 100 + 1
    assert {"Contact.Merged", "Deal.Won", "Deal.Lost", "Activity.Cancelled"} <= names


def test_somebody_wrote_back_on_the_last_evening(acme: Tenant) -> None:
    waiting = Lead.objects.filter(reply_waiting_since__isnull=False)
    assert waiting.exclude(owner=None).count() >= 1
    assert not waiting.exclude(status__in=("New", "Contacted", "Qualified")).exists()
    assert Activity.objects.filter(direction="Outbound").exists()


def test_it_says_who_did_what(acme: Tenant) -> None:
    roles = {m.user_id: m.role for m in Membership.objects.filter(tenant=acme)}
    keys = {key.pk: "website" for key in ApiKey.objects.filter(tenant=acme)}
    rules = dict.fromkeys(Rule.objects.values_list("pk", flat=True), "rule")
    did: dict[str, set[str]] = {}
    for name, actor in verbs().values_list("name", "actor"):
        did.setdefault(
            (roles | keys | rules | {"system": "system", "public": "visitor"})[actor], set()
        ).add(name)
    assert "Lead.Created" in did["website"] and "Lead.Created" in did["rep"]
    assert {"Lead.Converted", "Lead.Lost", "Deal.Won"} <= did["rep"]
    assert "Campaign.Launched" in did["manager"] and "Lead.Deleted" in did["manager"]
    assert not did.keys() & {"viewer"}
    assert did["system"] == {"Contact.Created"} and did["rule"] == {
        "Lead.Assigned", "Lead.AnswerExpected", "Lead.AnswerMissed", "Lead.Rescored", "Activity.Created",
        "automation_ran",
    }  # fmt: skip
    assert did["visitor"] == {
        "Form.Submitted", "Contact.Created", "Lead.Created", "Touchpoint.Created", "form_submitted"
    }  # fmt: skip


def test_it_lets_nobody_work_at_the_weekend_but_the_website(acme: Tenant) -> None:
    people = Membership.objects.filter(tenant=acme, role="rep").values_list("user_id", flat=True)
    days = Counter(
        moment.weekday()
        for moment in verbs().filter(actor__in=people).values_list("timestamp", flat=True)
    )
    assert not {5, 6} & days.keys() and sum(days.values()) > 200


def test_it_gives_every_outcome_its_reason(acme: Tenant) -> None:
    assert Lead.count() == LEADS - 1 + LAST + BROUGHT  # one was spam, and deleted
    statuses = Counter(Lead.objects.values_list("status", flat=True))
    assert statuses["Converted"] > 4 and statuses["Lost"] > 20
    assert not Lead.objects.filter(status="Lost", lost_reason=None).exists()
    converted = Lead.objects.filter(status="Converted")
    assert not converted.filter(deal=None).exists() and not converted.filter(budget=None).exists()
    assert converted.count() == Deal.count()
    assert not Deal.objects.filter(stage="Lost", lost_reason=None).exists()
    assert Campaign.objects.values("status").distinct().count() >= 4
    assert [pipeline.is_default for pipeline in Pipeline.objects.order_by("-is_default")] == [
        True,
        False,
    ]
    assert Organization.count() > 10 and Activity.count() > LEADS
    assert not Contact.objects.exclude(email__endswith=".example").exists()


def test_it_brought_the_year_before_along_with_its_own_past(acme: Tenant) -> None:
    found = {each.type: each for each in Import.objects.filter(tenant=acme)}
    assert {each.status for each in found.values()} == {"completed"}
    assert found.keys() == {"Contact", "Deal", "Lead"} and found["Lead"].created == BROUGHT
    assert not any(each.refused or each.warned or each.unknown for each in found.values())
    old = Lead.objects.filter(created_at__lt=MIDNIGHT - timedelta(365))
    assert old.count() == BROUGHT and set(old.values_list("status", flat=True)) == {
        "Converted",
        "Lost",
    }
    assert not old.filter(owner=None).exists() and not old.filter(contact=None).exists()
    before, year = (
        Slice(Period(DAY - timedelta(days), DAY - timedelta(days - 365), "", DAY, DAY, ""))
        for days in (730, 365)
    )
    converted = old.filter(status="Converted").count()
    reached = [stage.reached for stage in lead_funnel(before).stages]
    assert reached == [BROUGHT, converted, converted, converted] and converted > 1
    assert lead_funnel(year).stages[0].reached == LEADS - 1 + LAST
    for lead in old:
        assert Lead.get(lead.pk, as_of=lead.created_at).status == "New"
    won = Deal.objects.filter(won_at__lt=MIDNIGHT - timedelta(365))
    assert won.exists() and not won.filter(leads=None).exists()


def test_it_has_forms_that_were_sent_and_numbers_that_were_counted(acme: Tenant) -> None:
    forms = {form.slug: form for form in Form.objects.all()}
    assert {slug: form.status for slug, form in forms.items()} == {
        "request-a-demo": "Published", "newsletter": "Archived", "next-webinar": "Draft"
    }  # fmt: skip
    sent = Lead.objects.filter(source="form")
    assert forms["request-a-demo"].submission_count == sent.count() == 6
    assert sent.filter(campaign__isnull=False).exists()
    assert Segment.count() == 4 and not Segment.objects.filter(member_count=None).exists()
    for funnel in Funnel.objects.all():
        assert funnel.is_active and 0 < funnel.conversion_rate < 100


def test_it_has_deals_that_several_people_decide_and_people_with_several_addresses(
    acme: Tenant,
) -> None:
    people = DealContact.objects.values("deal").annotate(count=Count("pk")).order_by()
    assert people.filter(count__gt=1).exists() and not people.filter(count=1).exists()
    assert DealContact.objects.values("role").distinct().count() > 2
    of_won = LineItem.objects.filter(deal__stage="Won")
    assert of_won.values("product").distinct().count() > 3
    assert Activity.objects.filter(delivery="Waiting", description__startswith="Hello ").exists()
    for field in ("other_emails", "other_phones", "tags"):
        assert Contact.objects.exclude(**{field: None}).exists(), field
    found = Contact.objects.exclude(other_emails=None).first()
    assert Contact.capture(email=found.other_emails[0]).pk == found.pk


def test_it_has_a_webhook_that_delivered_for_the_most_part(acme: Tenant) -> None:
    (webhook,) = Webhook.objects.filter(tenant=acme)
    states = Counter(delivery.state for delivery in webhook.deliveries.all())
    assert states["delivered"] > 10 and states["failing"] == states["retrying"] == 1
    with tenancy.active(acme):
        (view,) = watched_views()
    assert webhook.wants("View.Entered", "Lead", view)
    assert not webhook.wants("View.Left", "Lead", view)


def test_an_agent_suggests_what_waits_for_who_decides(acme: Tenant) -> None:
    with tenancy.active(acme), actors.acting(actors.SYSTEM):
        found = list(proposals.visible_proposals())
    known = {note for note, _code in suggestions.SUGGESTED}
    assert found and known.issuperset(each.note for each in found)
    assert {each.status for each in found} == {"Pending"}
    assert all(each.foreseen for each in found), "each would change something"


def test_who_leads_has_reports_on_their_page(acme: Tenant) -> None:
    leading = Membership.objects.filter(tenant=acme, role__in=("admin", "manager"))
    for member in leading.select_related("user", "tenant"):
        with tenancy.active(acme), actors.acting(member.actor):
            pinned = pinned_reports()
        assert [view.name for view in pinned] == [
            name for reports in views.REPORTS.values() for name, _query in reports
        ]


def test_a_lead_goes_its_way_there_as_readme_shows_it(acme: Tenant) -> None:
    """No gate of the company's own stands in it."""
    ada = Contact.create(name="Ada Chen", email="ada@chen.example")
    lead = Lead.create(name="Chen", contact=ada, source="website", budget=50_000)
    for status in ("Contacted", "Qualified"):
        lead.update(status=status)
    lead.convert()
    assert (lead.status, lead.deal.stage) == ("Converted", "Prospecting")


def retold() -> list[bytes]:
    """The log of a telling, with ids replaced by numbers in the order of their appearance."""
    with transaction.atomic():
        tenant = cast.fill(OTHER, DAY, 10, "!")
        assert cast.is_filled(OTHER)
        numbers: dict[str, str] = {}
        with tenancy.active(tenant), actors.acting(actors.SYSTEM):
            events = (
                verbs()
                # Scores are counted, and runs go on, in the order of ids, which are drawn.
                .exclude(name__in=["Lead.Rescored", "automation_ran"])
                .order_by("seq")
                .values_list("name", "timestamp", "target", "actor", "version", "data", "previous")
            )
            log = [
                ID.sub(
                    lambda found: numbers.setdefault(found[0], f"#{len(numbers)}"),
                    orjson.dumps(event, option=orjson.OPT_SORT_KEYS).decode(),
                )
                for event in events
            ]
        transaction.set_rollback(True)
    return log


def test_it_tells_the_same_year_every_time_and_nothing_of_one_that_was_interrupted(
    acme: Tenant,
) -> None:
    """A filling that was killed is not half there: the next run does it again."""
    seen: list[datetime] = []

    def interrupt(moment: datetime) -> None:
        seen.append(moment)
        if len(seen) == 40:
            raise KeyboardInterrupt

    there = Lead.count(), Contact.count(), Event.objects.count()
    first = retold()
    assert len(first) > 200
    with pytest.raises(KeyboardInterrupt):
        cast.fill(OTHER, DAY, 10, "!", interrupt)
    assert Tenant.find_by_slug(OTHER.slug) is None
    assert not cast.is_filled(OTHER)
    assert retold() == first
    assert (Lead.count(), Contact.count(), Event.objects.count()) == there


def test_it_does_not_take_somebody_elses_tenant_for_its_own(acme: Tenant) -> None:
    Tenant.objects.create(slug=OTHER.slug, name="Other Ltd")
    with pytest.raises(cast.Occupied):
        cast.is_filled(OTHER)


def test_it_keeps_the_two_companies_apart(acme: Tenant) -> None:
    ours = set(Contact.objects.values_list("pk", flat=True))
    # Rival was filled later; that acme has no lead more, `test_it_gives_every_outcome_its_reason` tells.
    with tenancy.active(Tenant.objects.get(slug="rival")), actors.acting(actors.SYSTEM):
        assert Lead.count() == LEADS - 1 + LAST
        theirs = set(Contact.objects.values_list("pk", flat=True))
    assert ours and theirs and not theirs & ours
    # One user is in both, with a role in each.
    with every_tenant():
        both = Membership.objects.filter(user__email="tomas.berger@advisors.example")
        assert {m.tenant.slug: m.role for m in both} == {"acme": "viewer", "rival": "manager"}


def test_what_follows_by_itself_was_done_and_waits(acme: Tenant) -> None:
    states = Counter(RuleRun.objects.values_list("rule__name", "state"))
    written = [*automations.RULES, automations.FAILING]
    assert {name for name, _state in states} == {rule["name"] for rule in written}
    assert {"Done", "Waiting"} <= {state for _name, state in states}, states
    planning = [
        rule["name"] for rule in automations.RULES if any("do" in step for step in rule["steps"])
    ]
    done = RuleRun.objects.filter(state="Done", rule__name__in=planning).count()
    assert Activity.count({"$createdBy": {"$regex": "^rule_"}}) == done


def test_some_rules_fail_and_say_why(acme: Tenant) -> None:
    failed = RuleRun.objects.filter(rule__name=automations.FAILING["name"])
    assert failed and {run.state for run in failed} <= {"Retrying", "Failed"}
    assert all("must have a contact" in (run.because or "") for run in failed), failed[0].because
    (forgotten,) = Rule.find({"name": business.FORGOTTEN["name"]})
    assert "region" in (forgotten.error or "")
    owed = RuleAttempt.objects.filter(rule=forgotten.pk)
    assert owed.count() >= LAST and all("region" in (each.because or "") for each in owed)


def test_many_that_came_at_once_are_one_person_s(acme: Tenant) -> None:
    admin = Membership.objects.get(tenant=acme, role="admin").contact_id
    came = Lead.objects.filter(owner=admin, source="event")
    assert came.count() == len(words.FAIR)
    assert all("From the fair" in (each.assigned_because or "") for each in came)


def test_somebody_works_in_the_mornings_and_somebodys_leave_is_planned(acme: Tenant) -> None:
    (part_time,) = TeamMember.find({"calendar.name": "Mornings"})
    (leave,) = TeamMember.find({"awayFrom": {"$exists": True}})
    assert leave.away_from > Lead.objects.latest("created_at").created_at.date()
    assert (leave.away_until - leave.away_from).days == 14
    whys = Lead.objects.filter(source="partner").exclude(assigned_because=None)
    told = " ".join(whys.values_list("assigned_because", flat=True))
    assert f"{part_time.member.name} works again" in told, told


def test_a_busy_machine_leaves_out_what_it_cannot_try_in_time(
    acme: Tenant, monkeypatch: Any
) -> None:
    known = proposals.Proposal.objects.count()
    monkeypatch.setattr(host, "REHEARSAL_SECONDS", 0)
    suggestions.add_suggestions()
    assert proposals.Proposal.objects.count() == known


def test_the_site_is_served_by_a_process_that_begins_with_it(monkeypatch: Any) -> None:
    """One that ran scripts cannot fork others that run any, and the demo's agent runs some; one that loaded
    the admin counts its requests where nobody adds them up."""
    done: list[str] = []

    class Replaced(Exception):
        """The process is another one."""

    def execv(program: str, arguments: list[str]) -> None:
        assert arguments == [program, "-X", "dev", "manage.py", "serve", "--port", "8001"]
        raise Replaced

    monkeypatch.setattr(demo, "call_command", lambda name, **_: done.append(name))
    monkeypatch.setattr(demo, "access", SimpleNamespace(
        read=lambda *_: {}, password_of=lambda *_: "", open_up=lambda *_: {},
        write=lambda *_: done.append("kept"),
    ))  # fmt: skip
    monkeypatch.setattr(demo, "port_refusal", lambda *_: None)
    monkeypatch.setattr(demo.sys, "argv", ["manage.py", "demo", "--leads", "1"])
    monkeypatch.setattr(demo.sys, "orig_argv", ["python", "-X", "dev", *demo.sys.argv])
    monkeypatch.setattr(demo.os, "execv", execv)
    monkeypatch.setattr(demo.Command, "filling_alone", nullcontext)
    monkeypatch.setattr(demo.Command, "fill", lambda *_: None)
    monkeypatch.setattr(demo.Command, "tell", lambda *_: done.append("told"))
    with pytest.raises(Replaced):
        demo.Command().handle(port=8001, serve=True, leads=1)
    assert done == ["migrate", "kept", "told"]
