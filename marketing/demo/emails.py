"""What emails begin with, and those of the last evening."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from crm.models import Activity, EmailTemplate, Lead
from marketing.demo.calendar import midnight
from marketing.demo.timeline import Story

if TYPE_CHECKING:
    from marketing.demo.business import Business

INTRODUCTION = "Introduction"
TEMPLATES: tuple[dict[str, Any], ...] = (
    {"name": INTRODUCTION, "about": "Lead", "subject": "{{organization.name|Your team}} and planning",
     "body": "Hello {{contact.firstName|there}},\n\nyou asked about {{name}}. When would half an hour suit "
     "you this week? I would show you how others in your trade do it.\n\nBest regards\n{{owner.name}}"},
    {"name": "Our offer", "about": "Deal", "subject": "Our offer: {{name}}",
     "body": "Hello {{contact.firstName|there}},\n\nhere is our offer over {{value}} {{currency}}, as we "
     "talked it through. {{nextStep}}\n\nBest regards\n{{owner.name}}"},
    {"name": "Still there?", "about": "Contact", "subject": "Still there?",
     "body": "Hello {{firstName|there}},\n\nwe have not heard from each other for a while. Is planning "
     "still a topic?\n\nBest regards\n{{owner.name|Acme}}"},
)  # fmt: skip


def write_templates() -> None:
    for each in TEMPLATES:
        EmailTemplate.create(**each)


def emails(business: Business) -> Story:
    """On the last evening, each rep writes to a lead."""
    evening = midnight(business.last) - timedelta(minutes=55)
    while evening.weekday() >= 5:
        evening -= timedelta(days=1)
    for number, rep in enumerate(business.reps):
        yield evening + timedelta(seconds=40 * number), rep.actor
        template = EmailTemplate.objects.get(name=INTRODUCTION)
        for theirs in business.worked_by(rep)[2:3]:
            words = template.first_values(Lead.get(theirs.id))
            Activity.send(lead=theirs.id, recipient=theirs.person.email, **words)
