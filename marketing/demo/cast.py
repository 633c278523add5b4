"""The two tenants of the demo: who works there, and how each is filled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from crm.models import Contact
from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, Membership, Tenant, User
from headlessly.context import clock
from headlessly.log import tracking
from headlessly.models import Event
from marketing.demo import former_years
from marketing.demo.business import Business, Member
from marketing.demo.calendar import YEAR, midnight
from marketing.demo.campaigns import PLANS, Plan
from marketing.demo.suggestions import add_suggestions
from marketing.demo.views import add_followed_view, add_reports
from marketing.demo.webhooks import add_webhook

#: The tracked event that marks a tenant as the demo's, and as complete.
FILLED = "demo_filled"


@dataclass(frozen=True)
class Cast:
    """One tenant of the demo."""

    slug: str
    name: str
    leads: int
    people: tuple[tuple, ...]  #: name, role, title, and for reps: share, skill, day of joining
    plans: tuple[Plan, ...]
    #: Members with another address than the usual one.
    elsewhere: dict[str, str] = field(default_factory=dict)
    has_moved_in: bool = False  #: whether it imported the year before from another program

    @property
    def domain(self) -> str:
        return f"{self.slug}.example"

    def members(self) -> list[Member]:
        return [
            Member(name, self.email(name, role), title, role, *rest)
            for name, role, title, *rest in self.people
        ]

    def email(self, name: str, role: str) -> str:
        if name in self.elsewhere:
            return self.elsewhere[name]
        word = role if role == actors.ADMIN else name.lower().replace(" ", ".")
        return f"{word}@{self.domain}"


ADVISOR = {"Tomas Berger": "tomas.berger@advisors.example"}

ACME = Cast(
    "acme",
    "Acme",
    2000,
    (
        ("Ingrid Solberg", "admin", "Head of IT"),
        ("Marcus Adeyemi", "manager", "Head of Sales"),
        ("Ana Ferreira", "rep", "Senior Account Executive", 1.3, 0.07),
        ("Ben Whitlock", "rep", "Account Executive", 1.2, 0.00),
        ("Chiara Donati", "rep", "Account Executive", 1.1, 0.04),
        ("Dev Malhotra", "rep", "Account Executive", 1.2, -0.02),
        ("Elin Sandberg", "rep", "Account Executive", 1.0, 0.02),
        ("Femi Balogun", "rep", "Sales Development", 1.0, -0.04),
        ("Grace Osei", "rep", "Account Executive", 0.8, 0.05, 96),
        ("Hugo Marchand", "rep", "Sales Development", 0.9, -0.06, 215),
        ("Nora Quist", "viewer", "Controller"),
        ("Tomas Berger", "viewer", "Advisor"),
    ),
    PLANS,
    ADVISOR,
    has_moved_in=True,
)
RIVAL = Cast(
    "rival",
    "Rival",
    60,
    (
        ("Paula Renner", "admin", "Managing Director"),
        ("Tomas Berger", "manager", "Interim Head of Sales"),
        ("Quinn Harper", "rep", "Account Executive", 1.3, 0.02),
        ("Rosa Iglesias", "rep", "Account Executive", 1.0, 0.0),
        ("Stefan Mroz", "rep", "Account Executive", 0.8, -0.03, 120),
    ),
    (PLANS[0], PLANS[2], PLANS[4], PLANS[11]),
    ADVISOR,
)
CASTS = (ACME, RIVAL)
OPERATOR = "operator@headlessly.example"


class Occupied(Exception):
    """Raised if there is a tenant of this name that the demo did not make."""


def is_filled(cast: Cast) -> bool:
    """Whether the tenant exists and is complete. Raises Occupied if the demo did not make it."""
    tenant = Tenant.find_by_slug(cast.slug)
    if tenant is None:
        return False
    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        if not Event.objects.filter(name=FILLED).exists():
            raise Occupied(cast.slug)
    return True


def fill(
    cast: Cast,
    today: date,
    leads: int,
    password: str,
    watch: Callable[[datetime], None] = lambda moment: None,
) -> Tenant:
    """Create the tenant and tell its year. `password` is already hashed.

    It is one transaction: an interrupted run leaves nothing, and can simply be repeated.
    """
    first = today - timedelta(YEAR)
    with transaction.atomic():
        tenant = Tenant.objects.create(slug=cast.slug, name=cast.name)
        members = cast.members()
        with tenancy.active(tenant), actors.acting(actors.SYSTEM):
            with clock.set_clock(midnight(first) + timedelta(hours=6), purpose="demo"):
                for member in members:
                    _engage(tenant, member, first, password)
            website, _ = ApiKey.issue(tenant, "Website", "write")
            business = Business(
                cast.name, cast.domain, cast.slug, today, leads, members, website.actor, cast.plans
            )
            if cast.has_moved_in:
                former_years.move_in(business)
            business.tell(_learning(watch, first))
            if cast.slug == ACME.slug:
                add_webhook(add_followed_view())
                add_reports()
                add_suggestions()
            tracking.track(FILLED, {"leads": leads, "day": today.isoformat()})
    return tenant


def _learning(watch: Callable[[datetime], None], first: date) -> Callable[[datetime], None]:
    """Returns `watch` extended by ANALYZE from time to time.

    PostgreSQL gathers statistics only between transactions. Without them it would read all contacts of the
    new tenant to find an email address.
    """
    due = [first + timedelta(days) for days in (3, 20, 70, 180)]

    def look(moment: datetime) -> None:
        watch(moment)
        if due and moment.date() >= due[0]:
            due.pop(0)
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")

    return look


def _engage(tenant: Tenant, member: Member, first: date, password: str) -> None:
    """Create a member's user and contact."""
    first_name, _, last_name = member.name.partition(" ")
    contact = Contact.create(
        name=member.name,
        first_name=first_name,
        last_name=last_name,
        email=member.email,
        title=member.title,
        stage=Contact.Stage.PARTNER,
    )
    user, _ = User.objects.get_or_create(
        email=member.email,
        defaults={
            "first_name": first_name,
            "last_name": last_name,
            "password": password,
            "email_proven_at": clock.now(),
            "date_joined": midnight(first + timedelta(member.joined)),
        },
    )
    place = Membership.objects.create(user=user, tenant=tenant, role=member.role, contact=contact)
    member.actor, member.contact = place.actor, contact.pk
