"""Creates touchpoints: one for each time a campaign or a channel reaches somebody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.dispatch import receiver

from crm.models import Activity, Contact, Lead
from headlessly.access import actors
from headlessly.declaration.hooks import only_creates
from headlessly.execution.executor import Context
from headlessly.log.events import Event
from headlessly.log.tracking import event_tracked
from marketing import visitors
from marketing.models import Campaign, Form, Touchpoint
from marketing.utm import campaign_of

#: The tracked event that names a visitor: its ``userId`` or ``email`` belongs to a contact.
IDENTIFY = "identify"
UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")


@Lead.created
@only_creates
def remember_what_brought_it(lead: Lead, ctx: Context) -> None:
    """A lead of a campaign was reached by it; a form remembers what it knows more of itself."""
    made_by_form = ctx.cause is not None and ctx.cause.noun is Form
    if lead.campaign_id is None or made_by_form:
        return
    ctx.Touchpoint.create(
        kind=Touchpoint.Kind.IMPORT if ctx.is_import else Touchpoint.Kind.LEAD,
        lead=lead.pk,
        contact=lead.contact_id,
        campaign=lead.campaign_id,
        source=lead.source,
        occurred_at=lead.first_touch_at,
        page=lead.source_detail if (lead.source_detail or "").startswith("http") else None,
    )


@Activity.completed
@Activity.logged
@Activity.sent
def remember_the_campaigns_activity(activity: Activity, ctx: Context) -> None:
    """An activity of a campaign is a touch, when it is done."""
    if activity.campaign_id is None:
        return
    deal_contact = activity.deal.contact_id if activity.deal else None
    ctx.Touchpoint.create(
        kind=Touchpoint.Kind.ACTIVITY,
        lead=activity.lead_id,
        contact=activity.contact_id
        or (activity.lead.contact_id if activity.lead else deal_contact),
        campaign=activity.campaign_id,
        medium=activity.type.lower(),
        occurred_at=activity.completed_at,
    )


@Contact.captured
def know_the_visitor(contact: Contact, ctx: Context) -> None:
    """Who is captured with the id of a visitor is that visitor."""
    visitors.identify(ctx.input.get("anonymous_id"), contact.pk, contact.moment())


def touch_of_form(lead: Lead, ctx: Context, page: str | None, sent: Mapping[str, Any]) -> None:
    """Record how a form was reached, and who its sender is. Called in the hook that creates the lead."""
    assert lead.contact_id is not None  # a form makes one
    utm = {name: sent.get(name) for name in UTM}
    visitor = sent.get("anonymous_id")
    ctx.Touchpoint.create(
        kind=Touchpoint.Kind.FORM,
        lead=lead.pk,
        contact=lead.contact_id,
        campaign=lead.campaign_id,
        source=utm["utm_source"] or lead.source,
        medium=utm["utm_medium"],
        occurred_at=lead.moment(),
        page=page,
        anonymous_id=visitor,
        **utm,
    )
    visitors.identify(visitor, lead.contact_id, lead.moment())


@receiver(event_tracked)
def read_a_visit(sender: Any, event: Event, **_: Any) -> None:
    """Create a touchpoint for a tracked event with a campaign or utm values, and name its visitor if it
    identifies one."""
    said = _values(event.data)
    visitor = said.get("anonymousId")
    # Tracking an event is enough permission for its consequences.
    with actors.acting(actors.SYSTEM):
        named = visitors.named_contact(said.get("userId") or said.get("email"))
        if event.name == IDENTIFY and named and visitor:
            visitors.identify(visitor, named, event.timestamp)
        utm = {name: said.get(name) for name in UTM}
        campaign = _campaign(said.get("campaign")) or campaign_of(utm)
        if campaign is None and not any(utm.values()):
            return
        Touchpoint.create(
            kind=Touchpoint.Kind.VISIT,
            contact=named or visitors.contact_of(visitor),
            campaign=campaign,
            source=utm["utm_source"] or said.get("source"),
            medium=utm["utm_medium"],
            occurred_at=event.timestamp,
            page=said.get("url") or said.get("path"),
            anonymous_id=visitor,
            **utm,
        )


def _values(data: Mapping[str, Any]) -> dict[str, str]:
    """Returns the texts of a tracked event, ``utmSource`` as ``utm_source``, each cut to the length of its
    field."""
    found: dict[str, str] = {}
    for name, value in data.items():
        if isinstance(value, str) and value.strip():
            wire = name if not name.startswith("utm") or "_" in name else f"utm_{name[3:].lower()}"
            most = 2000 if name in ("url", "path") else 255
            found[wire] = value.strip()[:most]
    return found


def _campaign(name: str | None) -> str | None:
    """Returns the id of the campaign that a website names by id or slug."""
    if name is None:
        return None
    known = Campaign.objects.filter(pk=name) | Campaign.objects.filter(slug=name.lower())
    return known.values_list("pk", flat=True).first()
