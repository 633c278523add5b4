"""The hooks of sales: guards before verbs and consequences after them."""

from __future__ import annotations

from datetime import datetime
from math import floor
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from crm.models import (
    Activity,
    Attachment,
    Contact,
    Deal,
    DealContact,
    Lead,
    LineItem,
    Organization,
)
from crm.models.line_item import worth_of
from headlessly.access.models import Membership
from headlessly.access.prepared_queries import prepared_query
from headlessly.errors import Conflict, VerbRefused
from headlessly.execution import executor
from headlessly.execution.executor import Context
from headlessly.language import wording
from headlessly.log.events import Event

SECONDS_A_DAY = 86_400
#: The event that records which members belonged to a merged contact.
MEMBERS_MOVED = "contact_members_moved"
MERGES = [Contact.verbs["merge"].event, Contact.corrections["remerge"].event]
#: The texts of events that this module records beside those of verbs.
RECORDED = (pgettext_lazy("event", "lead converted"), pgettext_lazy("label", "Cycle days"))
wording.tell_tracked_event(
    "lead_converted", gettext_lazy("recorded the sales cycle, in days: %(cycleDays)s")
)


# -- converting a lead --------------------------------------------------------------------------------


@Lead.converting
def require_a_contact(lead: Lead, ctx: Context) -> None:
    """A lead needs a contact before conversion."""
    if lead.contact_id is None and not ctx.input.get("contact"):
        raise VerbRefused(
            _("Lead must have a contact before conversion"),
            code="contact_required",
            field="contact",
        )


@Lead.converting
def refuse_a_lost_lead(lead: Lead, ctx: Context) -> None:
    """A lost lead is not converted."""
    if lead.status == Lead.Status.LOST:
        raise VerbRefused(
            _("Cannot convert a lost lead"), code="lead_lost", **lead.status_for_conflict()
        )


@Lead.converting
def refuse_a_deal_that_is_not_wanted(lead: Lead, ctx: Context) -> None:
    """A deal is attached, made or left out."""
    if ctx.input.get("without_deal") and ctx.input.get("deal"):
        raise VerbRefused(
            _("Give a deal, or say that there is none."),
            code="deal_not_wanted",
            field="withoutDeal",
        )


@Lead.converting
def refuse_an_organization_that_is_not_wanted(lead: Lead, ctx: Context) -> None:
    """An organization is given or left out."""
    if ctx.input.get("without_organization") and ctx.input.get("organization"):
        raise VerbRefused(
            _("Give an organization, or say that there is none."),
            code="organization_not_wanted",
            field="withoutOrganization",
        )


@Lead.converting
def refuse_a_pipeline_without_a_new_deal(lead: Lead, ctx: Context) -> None:
    """Only a deal that the conversion makes is put into a pipeline."""
    pipeline, deal = ctx.input.get("pipeline"), ctx.input.get("deal")
    if pipeline is None:
        return
    if ctx.input.get("without_deal") or isinstance(deal, Deal):
        raise VerbRefused(
            _("Only a new deal is put into a pipeline. A deal that is there is moved."),
            code="pipeline_not_wanted",
            field="pipeline",
        )
    if deal and deal.get("pipeline", pipeline.pk) != pipeline.pk:
        raise VerbRefused(
            _("Give one pipeline: here, or among the fields of the deal."),
            code="pipeline_not_wanted",
            field="pipeline",
        )


@Lead.converting
def attach_only_an_open_deal(lead: Lead, ctx: Context) -> None:
    """A deal that is given has to be open; without one the conversion makes one."""
    deal = ctx.input.get("deal")
    if isinstance(deal, Deal) and not deal.is_open:
        raise VerbRefused(
            _("The deal is %s. Attach an open one, or let the conversion make one.")
            % deal.schema.require_machine().state_in_error(deal.stage),
            code="deal_not_open",
            field="deal",
        )


@Lead.converted
def open_a_deal(lead: Lead, ctx: Context) -> None:
    """The lead becomes a deal, and points to it: revenue can be traced back to the first touch."""
    if ctx.input.get("without_deal"):
        return
    deal = ctx.input.get("deal")
    if not isinstance(deal, Deal):
        given = {
            "name": lead.name,
            "contact": lead.contact_id,
            "organization": lead.organization_id,
            "owner": lead.owner_id,
            "value": lead.budget or 0,
            "currency": lead.currency,
            "source": lead.source,
            "campaign": lead.campaign_id,
            "pipeline": ctx.input.get("pipeline"),
        }
        deal = ctx.Deal.create(**given | (deal or {}))
    ctx.Lead.update(lead.pk, deal=deal)


@Lead.converted
def move_open_tasks(lead: Lead, ctx: Context) -> None:
    """What is still to be done goes on with the deal; the lead keeps it in its timeline."""
    if lead.deal_id is None:
        return
    planned = ctx.lock_many(Activity, (id for (id,) in _tasks_without_a_deal(lead.pk)))
    for task in planned:
        if task.deal_id is None and task.status in Activity.OPEN:
            ctx.Activity.update(task.pk, deal=lead.deal_id)


@prepared_query
def _tasks_without_a_deal(lead: str) -> QuerySet[Activity, tuple[Any, ...]]:
    planned = Activity.objects.filter(lead=lead, status__in=Activity.OPEN, deal=None)
    return planned.values_list("pk")


@Lead.converted
def keep_files_with_the_deal(lead: Lead, ctx: Context) -> None:
    """What was attached to the lead is the deal's as well."""
    if lead.deal_id is None:
        return
    kept = ctx.lock_many(Attachment, (id for (id,) in _files_without_a_deal(lead.pk)))
    for attachment in kept:
        if attachment.deal_id is None:
            ctx.Attachment.update(attachment.pk, deal=lead.deal_id)


@prepared_query
def _files_without_a_deal(lead: str) -> QuerySet[Attachment, tuple[Any, ...]]:
    return Attachment.objects.filter(lead=lead, deal=None).values_list("pk")


@Lead.converted
def qualify_the_contact(lead: Lead, ctx: Context) -> None:
    """The person behind a converted lead is worth selling to; nobody is moved backwards."""
    if lead.contact_id and ctx.lock(Contact, lead.contact_id).stage == Contact.Stage.LEAD:
        ctx.Contact.qualify(lead.contact_id)


@Lead.converted
def measure_the_cycle(lead: Lead, ctx: Context) -> None:
    """Time from first touch to conversion is the length of the sales cycle."""
    cycle = lead.moment() - (lead.first_touch_at or lead.created_at)
    ctx.Event.create(
        name="lead_converted",
        properties={
            "source": lead.source,
            "cycleDays": max(floor(cycle.total_seconds() / SECONDS_A_DAY + 0.5), 0),
            "budget": lead.budget,
        },
    )


# -- winning a deal -----------------------------------------------------------------------------------


@Deal.won
def make_them_customers(deal: Deal, ctx: Context) -> None:
    """Who buys is a customer: the person, unless a partner, and the company, if it was a prospect."""
    if deal.contact_id:
        contact = ctx.lock(Contact, deal.contact_id)
        if contact.stage == Contact.Stage.LEAD:
            ctx.Contact.qualify(contact.pk)
        if contact.stage in (Contact.Stage.QUALIFIED, Contact.Stage.CHURNED):
            ctx.Contact.update(contact.pk, stage=Contact.Stage.CUSTOMER)
    if deal.organization_id:
        organization = ctx.lock(Organization, deal.organization_id)
        if organization.type == Organization.Type.PROSPECT:
            ctx.Organization.update(organization.pk, type=Organization.Type.CUSTOMER)


# -- people of a deal ---------------------------------------------------------------------------------


@DealContact.made_primary
def let_them_be_the_contact(person: DealContact, ctx: Context) -> None:
    """The deal's own contact is its primary one; who was it before stays in the deal."""
    deal = ctx.lock(Deal, person.deal_id)
    if (before := deal.contact_id) == person.contact_id:
        return
    people = DealContact.objects.filter(deal=deal.pk, contact=before)
    if before and not people.exists():
        ctx.DealContact.create(deal=deal.pk, contact=before, role=DealContact.Role.USER)
    ctx.Deal.update(deal.pk, contact=person.contact_id)


# -- line items of a deal -----------------------------------------------------------------------------


@Deal.updating
def leave_the_value_to_the_line_items(deal: Deal, ctx: Context) -> None:
    """A deal with line items is worth what they amount to, in their currency."""
    said = {"value", "recurring_value", "currency"} & ctx.input.keys()
    if not said or not (items := list(LineItem.objects.filter(deal=deal.pk))):
        return
    decided = worth_of(deal, items) | {"currency": items[0].currency}
    for name in said & decided.keys():
        if ctx.input[name] != decided[name]:
            raise VerbRefused(
                _("This follows from the line items of the deal: change or remove those."),
                field=Deal.schema.by_name[name].wire,
            )


@LineItem.created
@LineItem.updated
@LineItem.deleted
@LineItem.restored
@LineItem.rolled_back
def add_up(item: LineItem, ctx: Context) -> None:
    """The deal is worth what its line items amount to; without any it keeps what it was worth last."""
    before = (ctx.event.previous or {}) if ctx.event is not None else {}
    for deal in sorted({item.deal_id, before.get("deal") or item.deal_id}):
        if Deal.objects.filter(pk=deal).exists():  # or its line items were deleted with it
            _add_up(deal, ctx)


@Deal.updated
def add_up_by_the_new_interval(deal: Deal, ctx: Context) -> None:
    """What recurs is counted in the interval of the deal."""
    if ctx.event is not None and "recurringInterval" in (ctx.event.previous or {}):
        _add_up(deal.pk, ctx)


def _add_up(id: str, ctx: Context) -> None:
    deal = ctx.lock(Deal, id)
    decided = worth_of(deal, LineItem.objects.filter(deal=id).order_by("created_at", "pk"))
    if changed := {name: v for name, v in decided.items() if v != getattr(deal, name)}:
        ctx.Deal.update(id, **changed)


# -- touches ------------------------------------------------------------------------------------------


@Activity.completed
@Activity.logged
@Activity.sent
def remember_the_touch(activity: Activity, ctx: Context) -> None:
    """A touch is the latest activity of its lead, its deal and its contact, unless a later one is known."""
    moment = activity.completed_at or activity.moment()
    touched = (
        (ctx.Lead, activity.lead_id, "last_activity_at"),
        (ctx.Deal, activity.deal_id, "last_activity_at"),
        (ctx.Contact, activity.contact_id, "last_engagement"),
    )
    for noun, id, field in touched:
        if id is None:
            continue
        record = ctx.lock(noun, id)
        if is_earlier(getattr(record, field), moment):
            noun.update(id, **{field: moment})
    _note_first_touch(activity, ctx)


@Activity.updated
def remember_a_touch_of_another_lead(activity: Activity, ctx: Context) -> None:
    """A touch that turns out to be one with a lead may have been its first answer."""
    moved = ctx.event is not None and "lead" in (ctx.event.previous or {})
    if moved and activity.completed_at is not None:
        _note_first_touch(activity, ctx)


def _note_first_touch(activity: Activity, ctx: Context) -> None:
    moment = activity.completed_at or activity.moment()
    if activity.lead_id is None or activity.direction == Activity.Direction.INBOUND:
        return
    lead = ctx.lock(Lead, activity.lead_id)
    if lead.answered_by_touch(moment):
        executor.run(Lead.corrections["touch"], lead.pk, {"answered_at": moment})


def is_earlier(known: datetime | None, moment: datetime) -> bool:
    return known is None or known < moment


# -- merging contacts ---------------------------------------------------------------------------------


@Contact.merged
def move_members(merged: Contact, ctx: Context) -> None:
    """A member who was the merged contact is the one that it was merged into."""
    _move_members(ctx, merged.pk, ctx.input["into"].pk)


def _move_members(ctx: Context, contact: str, to: str) -> None:
    """Move the members of a merged contact to the remaining one, and record who they were for an undo."""
    members = Membership.objects.filter(tenant=ctx.tenant, contact=contact)
    if users := list(members.order_by("pk").values_list("user_id", flat=True)):
        ctx.Event.create(name=MEMBERS_MOVED, properties={"users": users, "contact": to})
        members.update(contact=to)


@Contact.unmerged
def give_members_back(contact: Contact, ctx: Context) -> None:
    """Who was this contact when it was merged is it again, unless somebody said otherwise since."""
    merge = Contact.history(contact).filter(name__in=MERGES).first()
    if merge is None:
        return
    found = Event.log.filter(request_id=merge.request_id, cause=merge.id, name=MEMBERS_MOVED)
    for moved in found:
        members = Membership.objects.filter(
            tenant=ctx.tenant, user__in=moved.data["users"], contact=moved.data["contact"]
        )
        members.update(contact=contact.pk)


@Contact.remerged
def move_members_again(contact: Contact, ctx: Context) -> None:
    """A merge that holds after all moves its members as it did."""
    if contact.successor:
        _move_members(ctx, contact.pk, contact.successor)


# -- merging leads ------------------------------------------------------------------------------------


@Lead.merging
def keep_what_became_a_deal(lead: Lead, ctx: Context) -> None:
    """A lead that became a deal stays what that came of: others are merged into it."""
    if lead.status == Lead.Status.CONVERTED:
        raise Conflict(
            _("This lead is converted. Merge the other one into it."),
            code="lead_converted",
            **lead.status_for_conflict(),
        )
