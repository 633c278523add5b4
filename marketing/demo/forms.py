"""What marketing set up besides campaigns: forms, segments and funnels, and who sent a form lately."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection

from headlessly.access import actors
from headlessly.errors import VerbRefused
from marketing.demo.calendar import any_hour
from marketing.demo.campaigns import morning
from marketing.demo.timeline import Story
from marketing.models import Campaign, Form, Funnel, Segment

if TYPE_CHECKING:
    from marketing.demo.business import Business

#: How many visitors sent the form lately, and within how many days: new enough to be worked on.
VISITORS, LATELY = 6, 12

EMAIL = {"name": "email", "type": "email", "label": "Work email", "required": True}
NAME = {"name": "name", "type": "text", "label": "Your name", "required": True}
SIZES = ("1-20", "21-100", "101-500", "more than 500")
TOPICS = ("Shifts", "Routes", "Stock", "Hours per job")
DEMO: dict[str, Any] = {
    "name": "Request a demo",
    "slug": "request-a-demo",
    "description": "Half an hour with somebody who knows your trade. We call within a working day.",
    "fields": [
        NAME,
        EMAIL,
        {"name": "phone", "type": "phone", "label": "Phone"},
        {"name": "topic", "type": "select", "label": "What is it about?", "options": [*TOPICS]},
        {"name": "employees", "type": "select", "label": "Employees", "options": [*SIZES]},
        {"name": "message", "type": "textarea", "label": "What should we prepare?"},
        {
            "name": "marketing_consent",
            "type": "checkbox",
            "label": "You may write to me about news, four times a year",
        },
    ],
}
NEWSLETTER: dict[str, Any] = {
    "name": "Newsletter",
    "slug": "newsletter",
    "fields": [EMAIL, {"name": "first_name", "type": "text", "label": "First name"}],
}
WEBINAR: dict[str, Any] = {
    "name": "Sign up for the next webinar",
    "slug": "next-webinar",
    "fields": [NAME, EMAIL, {"name": "date", "type": "date", "label": "Which day suits you?"}],
}
MESSAGES = (
    "We plan 60 people in three shifts with a spreadsheet. Please show us how absences work.",
    "Our drivers return half empty. Can routes take opening hours into account?",
    "Does stock from two sites show in one list?",
    "The works council wants to see how rest periods are kept.",
    "",
)
SEGMENTS: tuple[dict[str, Any], ...] = (
    {
        "name": "Promising and not called yet",
        "description": "New leads with a good score.",
        "criteria": {"type": "Lead", "filter": {"status": "New", "score": {"$gte": 60}}},
        "is_dynamic": True,
    },
    {
        "name": "Customers whom we may write to",
        "criteria": {
            "type": "Contact",
            "filter": {"stage": "Customer", "marketingConsent": True, "status": "Active"},
        },
        "is_dynamic": True,
    },
    {
        "name": "Open leads with nothing planned",
        "criteria": {
            "type": "Lead",
            "filter": {
                "status": {"$in": ["New", "Contacted", "Qualified"]},
                "activities": {"$none": {"status": "Pending"}},
            },
        },
        "is_dynamic": True,
    },
    {
        "name": "Lost in the last quarter over the price",
        "criteria": {
            "type": "Lead",
            "filter": {"lostAt": {"$gte": "90d ago"}, "lostReason": {"$text": "price"}},
        },
        "is_dynamic": True,
    },
)
FUNNELS: tuple[dict[str, Any], ...] = (
    {
        "name": "From lead to deal",
        "description": "All leads there ever were, however they came.",
        "steps": [
            {"name": "Came in", "event": "Lead.Created"},
            {"name": "Became a deal", "event": "Lead.Converted"},
        ],
    },
    {
        "name": "From our own pages to a deal",
        "description": "Leads whose source is the website, and who became deals.",
        "steps": [
            {"name": "Came in", "event": "Lead.Created"},
            {"name": "Became a deal", "event": "Lead.Converted"},
        ],
        "criteria": {"type": "Lead", "filter": {"source": "website"}},
    },
    {
        "name": "From deal to customer",
        "steps": [
            {"name": "Opened", "event": "Deal.Created"},
            {"name": "Moved on", "event": "Deal.Advanced"},
            {"name": "Won", "event": "Deal.Won"},
        ],
    },
)


def forms(business: Business) -> Story:
    """Tells of one form in use, one that was given up, and one in preparation."""
    boss = business.manager
    yield morning(business.first + timedelta(2), 9), boss.actor
    demo, newsletter = Form.create(**DEMO), Form.create(**NEWSLETTER)
    Form.publish(demo.pk)
    Form.publish(newsletter.pk)
    yield morning(business.first + timedelta(150), 16), boss.actor
    Form.archive(newsletter.pk)
    yield morning(business.last - timedelta(8), 10), boss.actor
    Form.create(**WEBINAR)


def numbers(business: Business) -> Story:
    """Tells of the segments and funnels, which were last counted a day ago."""
    boss = business.manager
    yield morning(business.first + timedelta(30), 14), boss.actor
    made = [*(Segment.create(**each) for each in SEGMENTS)]
    funnels = [Funnel.activate(Funnel.create(**each).pk) for each in FUNNELS]
    yield morning(business.last - timedelta(4), 8), boss.actor
    for segment in made:
        Segment.refresh(segment.pk)
    with (
        connection.cursor() as cursor
    ):  # the tables were filled so quickly that the planner has no statistics yet
        cursor.execute("ANALYZE headlessly_event")
    for funnel in funnels:
        # On a busy machine it stays uncounted, and the company complete.
        with suppress(VerbRefused):
            Funnel.analyze(funnel.pk)


def visitor(business: Business, number: int) -> Story:
    """A visitor sends the form, perhaps after a click on a campaign."""
    rng = business.random("visitor", number)
    day = business.last - timedelta(1 + LATELY * number // VISITORS)
    yield any_hour(rng, day), actors.PUBLIC
    person = business.colleague(rng, next(business.companies))
    known = Campaign.objects.filter(status=Campaign.Status.LAUNCHED).order_by("slug")
    campaign = rng.choice([*known, None])
    names = ("utm_source", "utm_medium", "utm_campaign") if campaign else ()
    Form.submit(
        Form.objects.get(slug=DEMO["slug"]).pk,
        name=person.name,
        email=person.email,
        phone=f"{person.company.country.dial} {rng.randrange(10_000, 100_000)}",
        topic=rng.choice(TOPICS),
        employees=rng.choice(SIZES),
        message=rng.choice(MESSAGES) or None,
        marketing_consent=rng.random() < 0.5,
        page=f"https://www.{business.domain}/demo",
        **{name: getattr(campaign, name) for name in names},
    )
