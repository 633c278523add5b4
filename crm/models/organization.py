"""The organization: a company."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from django.db import models
from django.utils.translation import gettext as _

from crm.models import files, sources
from crm.models.validators import validate_timezone
from headlessly.declaration.fields import (
    Choice,
    Domain,
    Integer,
    Money,
    Number,
    Reference,
    Slug,
    String,
    Text,
    Url,
)
from headlessly.declaration.indexes import index_of_reference
from headlessly.declaration.merging import Kept
from headlessly.declaration.verbs import Existing
from headlessly.nouns import Noun, verb

#: The company that remains after a merge. It takes values over from the merged one.
Survivor = Annotated["Organization", Existing("Organization")]
Keep = Annotated[Any, Kept()]
INDUSTRIES = (
    "Software", "Manufacturing", "Retail", "Financial services", "Healthcare", "Logistics", "Energy",
    "Professional services", "Public sector",
)  # fmt: skip


class Organization(Noun):
    """A company that buys, might buy, or works with us."""

    prefix = "org"

    class Type(models.TextChoices):
        PROSPECT = "Prospect"
        CUSTOMER = "Customer"
        PARTNER = "Partner"
        VENDOR = "Vendor"
        COMPETITOR = "Competitor"

    class Status(models.TextChoices):
        ACTIVE = "Active"
        INACTIVE = "Inactive"
        CHURNED = "Churned"
        ARCHIVED = "Archived"

    class Tier(models.TextChoices):
        ENTERPRISE = "Enterprise"
        BUSINESS = "Business"
        STARTUP = "Startup"
        SMB = "SMB"

    said_together = (("address", "postal_code", "city", "state", "country"),)

    name = String(required=True)
    legal_name = String()
    slug = Slug(unique=True)
    domain = Domain("like acme.com", unique=True)
    website = Url()
    description = Text()
    logo = Url()
    type = Choice(Type, default=Type.PROSPECT)
    status = Choice(Status, default=Status.ACTIVE)
    tier = Choice(Tier)
    source = String("channel that brought them", suggests=sources.SOURCES, list_of=sources.LIST)
    industry = String(suggests=INDUSTRIES)
    naics_code = String("North American Industry Classification System")
    employee_count = Integer(minimum=0)
    annual_revenue = Money()
    founded_year = Integer(minimum=1000, maximum=2100)
    address = String()
    city = String()
    state = String()
    country = String()
    postal_code = String()
    timezone = String("IANA name, like Europe/Berlin", validators=[validate_timezone])
    parent = Reference("crm.Organization", "subsidiaries")
    lifetime_value = Money()
    health_score = Number(minimum=0, maximum=100)
    nps_score = Number("net promoter score, -100 to 100", minimum=-100, maximum=100)
    linkedin_url = Url()
    twitter_handle = String()

    class Surface:
        icon = "domain"
        rank = 3
        files = files.ORGANIZATION
        columns = ("name", "type", "tier", "industry", "country", "employee_count", "health_score")
        facets = ("type", "status", "tier", "industry")
        ranges = ("employee_count", "annual_revenue", "health_score", "lifetime_value")
        inline = ("type", "tier")
        search = ("name", "domain", "description")
        alike = ("name", "website")
        quick = ("name", "domain")
        card = ("industry", "website")
        groups = (
            ("Who", ("name", "legal_name", "domain", "website", "description", "industry",
                     "naics_code", "employee_count", "annual_revenue", "founded_year")),
            ("Standing", ("type", "status", "tier", "source", "parent", "health_score",
                          "nps_score", "lifetime_value")),
            ("Where", ("address", "postal_code", "city", "state", "country", "timezone")),
            ("More", ("slug", "logo", "linkedin_url", "twitter_handle")),
        )  # fmt: skip

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="organization_by_created"),
            models.Index(fields=["tenant", "name"], name="organization_by_name"),
            index_of_reference("parent", name="organization_by_parent"),
        ]

    @verb(without=["type", "status"])
    def enrich(self, **fields: Any) -> None:
        """Fill fields that are empty; those that are filled stay as they are."""
        self.fill(self.only_empty(fields))

    @verb(deletes=True, merges=True)
    def merge(self, *, into: Survivor, keep: Keep = None) -> Organization:
        """Merge this organization into another, which takes over everything that refers to it.

        What only this one knows fills what the other lacks. ``keep`` says whose value of a field stays.
        """
        return self.become(into)

    @verb
    def score(self, *, health_score: float | None = None, nps_score: float | None = None) -> None:
        """Record how healthy the relation is: health from 0 to 100, net promoter from -100 to 100."""
        self.fill({k: v for k, v in {"health_score": health_score, "nps_score": nps_score}.items()
                   if v is not None})  # fmt: skip

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Reject a company that would be its own ancestor."""
        if self.pk in _above(values.get("parent")):
            problems["parent"] = _("This would make the company its own ancestor.")

    def handed_on(self, successor: Self) -> dict[str, Any]:
        """Move the surviving company up if it stands below the one that is merged into it.

        Otherwise it would end up below itself.
        """
        if self.pk not in _above(successor.parent_id):
            return {}
        return {"parent": None if self.parent_id == successor.pk else self.parent_id}


def _above(parent: str | None) -> set[str]:
    """Returns the ids of a company and of its ancestors.

    They are locked, so that two concurrent changes cannot close a circle together.
    """
    found: set[str] = set()
    while isinstance(parent, str) and parent not in found:
        found.add(parent)
        above = Organization.objects.select_for_update(no_key=True).filter(pk=parent)
        parent = above.order_by().values_list("parent_id", flat=True).first()
    return found
