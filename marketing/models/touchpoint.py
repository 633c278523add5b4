"""The touchpoint: a moment at which a campaign or a channel reached a person."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import formats, timezone

from headlessly.declaration.fields import Choice, DateTime, Reference, String, Text
from headlessly.declaration.files import Files
from headlessly.declaration.values import validate_not_in_future
from headlessly.language import wording
from headlessly.nouns import Noun


class Touchpoint(Noun):
    """A moment at which a campaign or a channel reached a person: what revenue is attributed to.

    Most are made where they happen: a form that is sent, a visit with a campaign in its address, an activity
    of a campaign, a lead that one brought. Whose it is may become known later.
    """

    prefix = "touch"
    immutable = True

    class Kind(models.TextChoices):
        FORM = "Form"
        VISIT = "Visit"
        ACTIVITY = "Activity"
        LEAD = "Lead"
        RESPONSE = "Response"
        IMPORT = "Import"

    contact = Reference(
        "crm.Contact", "touchpoints", "whom it reached; empty for an unknown visitor",
        on_delete=models.CASCADE,
    )  # fmt: skip
    lead = Reference(
        "crm.Lead", "touchpoints", "the lead that it was about", on_delete=models.CASCADE
    )
    campaign = Reference("marketing.Campaign", "touchpoints", "the campaign that reached them")
    source = String("channel: website, referral, event, ...")
    medium = String("how: email, cpc, social, ...")
    kind = Choice(Kind, default=Kind.RESPONSE)
    occurred_at = DateTime("when it happened", required=True, validators=[validate_not_in_future])
    page = Text("the page that they saw")
    utm_source = String()
    utm_medium = String()
    utm_campaign = String()
    utm_content = String()
    utm_term = String()
    anonymous_id = String("the visitor, as the website knows them")

    class Surface:
        icon = "ads_click"
        rank = 5
        area = "marketing"
        columns = ("kind", "occurred_at", "campaign", "source", "contact", "lead")
        facets = ("kind", "campaign", "source", "medium")
        ranges = ("occurred_at",)
        inline = ()
        about = ("lead", "contact")
        search = ("contact__name", "lead__name")
        ordering = ("-occurred_at",)
        presets: ClassVar = {
            "UTM of no campaign": {"campaign": None, "utm_campaign": {"$exists": True}},
        }
        views: ClassVar = {
            "UTM of no campaign": "is=utm-of-no-campaign"
            "&columns=occurredAt,utmCampaign,utmSource,utmMedium,contact,page",
        }
        groups = (
            ("What", ("kind", "occurred_at", "campaign", "source", "medium", "page")),
            ("Whom", ("contact", "lead", "anonymous_id")),
            ("Tracking", ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")),
        )
        files = Files(
            headings={
                "occurred_at": ("Date", "Timestamp", "Datum"),
                "source": ("Channel", "Kanal"),
                "page": ("URL", "Landing page"),
            },
            words={},
        )

    class Meta:
        # Few, and each for one way of reading: every lead of a campaign writes to all indexes that it is in.
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-occurred_at", "-id"], name="touch_by_moment"),
            models.Index(
                fields=["tenant", "contact", "occurred_at"], name="touch_by_contact",
                condition=models.Q(contact__isnull=False, deleted_at=None),
            ),
            models.Index(
                fields=["tenant", "lead", "occurred_at"], name="touch_by_lead",
                condition=models.Q(lead__isnull=False, deleted_at=None),
            ),
            models.Index(
                fields=["tenant", "campaign", "-occurred_at"], name="touch_by_campaign",
                condition=models.Q(campaign__isnull=False, deleted_at=None),
            ),
            models.Index(
                fields=["tenant", "anonymous_id"], name="touch_by_visitor",
                condition=models.Q(anonymous_id__isnull=False, deleted_at=None),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        day = formats.date_format(timezone.localtime(self.occurred_at), "DATE_FORMAT")
        return f"{wording.state_label(self.kind)}, {day}"
