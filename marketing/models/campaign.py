"""The campaign: what generates leads, what it costs and what it brings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _

from headlessly.declaration.fields import (
    Choice,
    Currency,
    Date,
    DateTime,
    Integer,
    Money,
    Number,
    Reference,
    Slug,
    StatusField,
    String,
    Text,
    Url,
)
from headlessly.declaration.files import Files
from headlessly.declaration.indexes import index_of_reference
from headlessly.declaration.values import validate_not_in_future
from headlessly.errors import VerbRefused
from headlessly.nouns import CalendarView, Noun, verb
from marketing import returns


class Campaign(Noun):
    """A campaign: its run, its budget, the leads and the revenue that it brought."""

    class Type(models.TextChoices):
        EMAIL = "Email"
        SOCIAL = "Social"
        CONTENT = "Content"
        EVENT = "Event"
        PAID = "Paid"
        WEBINAR = "Webinar"
        REFERRAL = "Referral"

    class Status(models.TextChoices):
        DRAFT = "Draft"
        SCHEDULED = "Scheduled"
        LAUNCHED = "Launched"
        PAUSED = "Paused"
        COMPLETED = "Completed"
        CANCELLED = "Cancelled"

    name = String(required=True)
    slug = Slug(unique=True)
    description = Text()
    type = Choice(Type)
    status = StatusField(
        Status,
        entry=[Status.DRAFT, Status.SCHEDULED],
        moves={
            Status.DRAFT: (Status.SCHEDULED, Status.CANCELLED),
            Status.SCHEDULED: Status.CANCELLED,
        },
    )
    start_date = Date()
    end_date = Date()
    launched_at = DateTime(
        "when it was first launched", editable=False, validators=[validate_not_in_future]
    )
    budget = Money()
    actual_cost = Money()
    currency = Currency(fixed_on=("end_date",))
    target_leads = Integer(minimum=0)
    target_revenue = Money()
    actual_leads = Integer("leads it generated, counted by complete", editable=False)
    actual_revenue = Money(
        "value of the deals it won in its currency, counted by complete", editable=False
    )
    roi = Number(
        "(revenue - cost) / cost * 100, in percent, counted by complete; so far: report returnByCampaign",
        unit="%",
        editable=False,
    )
    landing_page_url = Url()
    utm_source = String()
    utm_medium = String()
    utm_campaign = String()
    organization = Reference("crm.Organization", "campaigns")
    owner = Reference("crm.Contact", "owned_campaigns", "who runs it")

    class Surface:
        icon = "campaign"
        rank = 1
        path = ("Draft", "Scheduled", "Launched", "Completed")
        area = "marketing"
        files = Files(
            headings={
                "budget": ("Budgeted Cost", "Planned cost", "Total budget"),
                "actual_cost": ("Cost", "Spend", "Amount spent"),
                "target_revenue": ("Expected Revenue",),
                "type": ("Campaign Type", "Channel"),
            },
            words={
                "type": {
                    "Event": ("Conference", "Trade Show", "Messe"),
                    "Paid": ("Advertisement", "Ads", "Anzeigen"),
                    "Referral": ("Partners", "Referral Program"),
                },
                "status": {
                    "Draft": ("Planning", "Planned"),
                    "Launched": ("Active", "In Progress"),
                    "Completed": ("Complete", "Done", "Inactive"),
                    "Cancelled": ("Aborted",),
                },
            },
        )
        calendar = CalendarView("start_date", "end_date", longest=timedelta(days=366))
        columns = ("name", "type", "status", "start_date", "budget", "actual_leads", "roi")
        counts = ("target_leads", "actual_leads")
        no_mean = ("roi",)  # one campaign's cost may be a hundred times another's
        facets = ("status", "type", "owner")
        ranges = ("start_date", "end_date", "budget", "actual_leads", "roi")
        search = ("name", "utm_campaign")
        quick = ("name",)
        groups = (
            ("What", ("name", "slug", "type", "description", "owner", "organization")),
            ("When", ("status", "start_date", "end_date", "launched_at")),
            ("Money", ("budget", "actual_cost", "currency", "target_leads", "target_revenue",
                       "actual_leads", "actual_revenue", "roi")),
            ("Tracking", ("landing_page_url", "utm_source", "utm_medium", "utm_campaign")),
        )  # fmt: skip

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="campaign_by_created"),
            models.Index(
                fields=["tenant", "start_date"],
                name="campaign_by_day",
                condition=models.Q(start_date__isnull=False, deleted_at=None),
            ),
            models.Index(fields=["tenant", "utm_campaign"], name="campaign_by_utm"),
            index_of_reference("organization", name="campaign_by_organization"),
            index_of_reference("owner", name="campaign_by_owner"),
        ]

    @verb(
        source=[Status.DRAFT, Status.SCHEDULED, Status.PAUSED],
        target=Status.LAUNCHED,
        sets=["launched_at"],
    )
    def launch(self) -> None:
        """Start the campaign, or go on after a pause."""
        self.launched_at = self.launched_at or self.moment()

    @verb(source=Status.LAUNCHED, target=Status.PAUSED)
    def pause(self) -> None:
        """Stop it for a while."""

    @verb(
        source=[Status.LAUNCHED, Status.PAUSED],
        target=Status.COMPLETED,
        sets=["actual_leads", "actual_revenue", "roi"],
    )
    def complete(self) -> None:
        """End it, and count what it brought: leads, revenue of won deals, return on investment.

        Revenue is in the campaign's currency: a deal in another counts at the rate of the day it was won.
        Where one of these rates is missing, only the deals in the campaign's own currency count.
        """
        self.actual_leads, revenue = returns.leads_and_revenue(self)
        try:
            self.actual_revenue = self.schema.by_name["actual_revenue"].clean(revenue)
        except ValueError as problem:  # more than an amount can hold
            raise VerbRefused(
                f"{revenue:,.2f} {self.currency}: {problem}", code="too_much", field="actualRevenue"
            ) from None
        self.roi = returns.return_on_investment(self.actual_revenue, self.actual_cost)

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Reject an end before the start."""
        start = values.get("start_date", self.start_date)
        end = values.get("end_date", self.end_date)
        if start and end and end < start:
            problems["end_date"] = _("This is before the start.")
