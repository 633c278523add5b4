"""The contact: a person."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from django.db import models

from crm.models import files, sources
from crm.models.validators import validate_language, validate_timezone
from headlessly.declaration.fields import (
    Choice,
    DateTime,
    Email,
    Flag,
    Number,
    Others,
    Phone,
    Reference,
    StatusField,
    String,
    Url,
)
from headlessly.declaration.indexes import LIVE, index_of_reference
from headlessly.declaration.merging import Kept
from headlessly.declaration.values import validate_not_in_future
from headlessly.declaration.verbs import Existing
from headlessly.nouns import Noun, verb

#: The contact that remains after a merge. It takes values over from the merged one.
Survivor = Annotated["Contact", Existing("Contact")]
Keep = Annotated[Any, Kept()]


class Contact(Noun):
    """A person: a prospect, a customer, a partner, or one of our own reps."""

    class Role(models.TextChoices):
        DECISION_MAKER = "DecisionMaker"
        INFLUENCER = "Influencer"
        CHAMPION = "Champion"
        BLOCKER = "Blocker"
        USER = "User"

    class Stage(models.TextChoices):
        LEAD = "Lead"
        QUALIFIED = "Qualified"
        CUSTOMER = "Customer"
        CHURNED = "Churned"
        PARTNER = "Partner"

    class Status(models.TextChoices):
        ACTIVE = "Active"
        INACTIVE = "Inactive"
        BOUNCED = "Bounced"
        UNSUBSCRIBED = "Unsubscribed"

    class Channel(models.TextChoices):
        EMAIL = "Email"
        PHONE = "Phone"
        SMS = "SMS"
        CHAT = "Chat"

    said_together = (
        ("name", "first_name", "last_name"),
        # A person's title in one company is not their title in another.
        ("organization", "title", "department"),
    )

    name = String(required=True)
    first_name = String()
    last_name = String()
    email = Email(unique=True)
    phone = Phone()
    mobile = Phone()
    other_emails = Others(
        "more addresses of theirs; they are found by each of them",
        beside="email",
        example=["ada@home.example"],
    )
    other_phones = Others(
        "more numbers of theirs", beside=("phone", "mobile"), example=["+49 30 1234567"]
    )
    avatar = Url()
    title = String()
    department = String()
    organization = Reference("crm.Organization", "contacts")
    owner = Reference("crm.Contact", "owned_contacts", "the sales rep who looks after them")
    role = Choice(Role, "their part in a decision", listed=True)
    stage = StatusField(
        Stage,
        "how far they have come with us",
        moves={
            Stage.LEAD: Stage.QUALIFIED,
            Stage.QUALIFIED: Stage.CUSTOMER,
            Stage.CUSTOMER: (Stage.CHURNED, Stage.PARTNER),
            Stage.CHURNED: Stage.CUSTOMER,
        },
    )
    status = Choice(Status, default=Status.ACTIVE)
    source = String("channel that brought them", suggests=sources.SOURCES, list_of=sources.LIST)
    lead_score = Number(minimum=0, maximum=100)
    preferred_channel = Choice(Channel)
    timezone = String("IANA name, like Europe/Berlin", validators=[validate_timezone])
    language = String("language tag, like de or en-GB", validators=[validate_language])
    manager = Reference("crm.Contact", "reports")
    linkedin_url = Url()
    twitter_handle = String()
    marketing_consent = Flag()
    last_engagement = DateTime("latest activity with them", validators=[validate_not_in_future])
    #: Values of contacts that are made for members: members are no prospects.
    member_values: ClassVar[dict[str, Any]] = {"stage": Stage.PARTNER}

    class Surface:
        icon = "person"
        rank = 2
        files = files.CONTACT
        path = ("Lead", "Qualified", "Customer")
        columns = ("name", "organization", "title", "email", "stage", "owner", "last_engagement")
        facets = ("stage", "status", "role", "owner", "organization")
        ranges = ("lead_score", "last_engagement")
        presets = {"May be written to": {"status": "Active", "marketing_consent": True}}
        search = ("name", "email", "organization__name")
        alike = ("name", "phone", "mobile", "other_phones")
        quick = ("name", "email", "organization.name", "phone")
        card = ("title", "email", "phone", "mobile", "other_emails", "other_phones", "linkedin_url")
        groups = (
            ("Who", ("name", "first_name", "last_name", "title", "department", "organization")),
            ("Reach", ("email", "other_emails", "phone", "mobile", "other_phones", "preferred_channel",
                       "linkedin_url", "twitter_handle", "marketing_consent")),
            ("Standing", ("stage", "status", "role", "owner", "manager", "lead_score", "source",
                          "last_engagement")),
            ("More", ("avatar", "timezone", "language")),
        )  # fmt: skip

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="contact_by_created"),
            models.Index(
                fields=["tenant", "stage", "-created_at", "-id"],
                name="contact_by_stage",
                condition=LIVE,
            ),
            models.Index(fields=["tenant", "name"], name="contact_by_name"),
            index_of_reference("organization", name="contact_by_organization"),
            index_of_reference("owner", name="contact_by_owner"),
            index_of_reference("manager", name="contact_by_manager"),
        ]

    @verb(source=Stage.LEAD, target=Stage.QUALIFIED)
    def qualify(self) -> None:
        """Mark this contact as someone worth selling to."""

    @verb(creates=True, finds="email")
    def capture(self, *, anonymous_id: str | None = None, **fields: Any) -> None:
        """Create a contact, or update the one with this email.

        ``anonymousId`` is the visitor of a website that they were until then.
        """
        self.fill(fields)

    @verb
    def assign(self, *, owner: str) -> None:
        """Give this contact to a sales rep."""
        self.owner_id = owner

    @verb(deletes=True, merges=True)
    def merge(self, *, into: Survivor, keep: Keep = None) -> Contact:
        """Merge this contact into another, which takes over everything that refers to it.

        What only this one knows fills what the other lacks. ``keep`` says whose value of a field stays.
        """
        return self.become(into)

    @verb(without=["stage"])
    def enrich(self, **fields: Any) -> None:
        """Fill fields that are empty; those that are filled stay as they are."""
        self.fill(self.only_empty(fields))
