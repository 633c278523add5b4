"""The activity: an engagement with a lead, a deal or a contact, done or to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import F
from django.db.models.lookups import IsNull
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.models import emails
from crm.models.validators import validate_timezone
from headlessly.accounts import mail
from headlessly.declaration.engagements import EngagementForm, Engagements
from headlessly.declaration.fields import (
    Choice,
    DateTime,
    Email,
    Flag,
    Integer,
    Reference,
    StatusField,
    String,
    Text,
    Url,
)
from headlessly.declaration.indexes import first_filled, index_of_reference
from headlessly.declaration.values import validate_not_in_future
from headlessly.nouns import Board, CalendarView, Noun, Reason, verb

#: The usual results of calls, meetings and demos; a tenant may have a list of its own.
RESULTS = ("Reached", "No answer", "Left a message", "Meeting agreed", "Not interested")


class Activity(Noun):
    """One touch: a call, an email, a meeting, a note, or a task for later."""

    plural = "activities"

    class Type(models.TextChoices):
        CALL = "Call"
        EMAIL = "Email"
        MEETING = "Meeting"
        TASK = "Task"
        NOTE = "Note"
        DEMO = "Demo"
        FOLLOW_UP = "FollowUp"

    class Status(models.TextChoices):
        PENDING = "Pending"
        IN_PROGRESS = "InProgress"
        COMPLETED = "Completed"
        CANCELLED = "Cancelled"

    class Priority(models.TextChoices):
        LOW = "Low"
        MEDIUM = "Medium"
        HIGH = "High"
        URGENT = "Urgent"

    class Direction(models.TextChoices):
        INBOUND = "Inbound"
        OUTBOUND = "Outbound"

    class Delivery(models.TextChoices):
        WAITING = "Waiting"
        SENT = "Sent"
        FAILED = "Failed"

    OPEN = (Status.PENDING, Status.IN_PROGRESS)

    subject = String(required=True)
    type = Choice(Type, default=Type.TASK)
    direction = Choice(Direction, "whether they came to us, or we to them; empty where it is both")
    description = Text()
    lead = Reference("crm.Lead", "activities")
    deal = Reference("crm.Deal", "activities")
    contact = Reference("crm.Contact", "activities")
    organization = Reference("crm.Organization", "activities")
    campaign = Reference("marketing.Campaign", "activities")
    assignee = Reference("crm.Contact", "assigned_activities", "the rep who does it")
    due_at = DateTime(day_if="all_day")
    start_at = DateTime(day_if="all_day")
    end_at = DateTime(day_if="all_day")
    duration = Integer("minutes", minimum=0, unit="min")
    all_day = Flag("whether its dates are whole days, the same wherever one reads")
    timezone = String("IANA name, like Europe/Berlin", validators=[validate_timezone])
    status = StatusField(Status, entry=OPEN, moves={Status.PENDING: Status.IN_PROGRESS})
    priority = Choice(Priority, default=Priority.MEDIUM)
    completed_at = DateTime("when it was done", editable=False, validators=[validate_not_in_future])
    outcome = Text("what came of it", editable=False)
    result = String("how it ended, in a word or two: what reports count by", suggests=RESULTS)
    recording_url = Url()
    meeting_link = Url()
    reminder_at = DateTime("when its assignee is reminded of it, as long as it is open")

    recipient = Email("the address that the email goes to", editable=False)
    delivery = Choice(
        Delivery, "where the email is; empty of what was not sent from here", editable=False
    )
    delivery_problem = String("why the email was not delivered", editable=False, told=True)

    #: For reports as of a day: how fast leads were answered, and what a lead was worth.
    past_indexes = (
        models.Index(
            fields=["tenant", "lead"], name="activity_past_of_lead",
            condition=models.Q(lead__isnull=False),
        ),
        models.Index(
            fields=["tenant", "lead", "completed_at"], name="activity_past_by_lead",
            condition=models.Q(status="Completed", deleted_at=None),
        ),
    )  # fmt: skip

    class Surface:
        icon = "event_available"
        rank = 5
        area = "activity"
        owner = "assignee"
        about = ("lead", "deal", "contact")
        due = "due_at"
        engagements = Engagements(
            forms=(
                EngagementForm("Note", "n", "log", ("description",), {"type": "Note"}),
                EngagementForm(
                    "Call", "c", "log",
                    ("outcome", "result", "duration", "direction", "completed_at"),
                    {"type": "Call"}, after="tel",
                ),
                EngagementForm(
                    "Email", "m", "send", ("recipient", "subject", "description"),
                    says={"description": gettext_lazy("Message")}, done=gettext_lazy("Email sent."),
                    needs="contact", takes={"recipient": "email"}, begins_with="EmailTemplate",
                    offered=mail.is_set_up,
                ),
                EngagementForm("Task", "t", "create", ("subject", "due_at"), {"type": "Task"}),
                EngagementForm(
                    "Log email", "l", "log", ("description", "direction", "completed_at"),
                    {"type": "Email"}, after="mailto", aside=True,
                ),
            ),
            kind="type",
            headline="subject",
            text_fields=("outcome", "description"),
            detail_fields=("direction", "duration", "due_at", "recipient"),
            due="due_at",
        )  # fmt: skip
        columns = ("subject", "type", "status", "priority", "due_at", "lead", "assignee")
        quick = ("subject", "type", "due_at", "lead", "deal", "contact")
        facets = ("type", "status", "priority", "assignee")
        board = Board(order="due_at", shows=("type", "priority"), age_field="due_at")
        calendar = CalendarView("start_at", "end_at", is_fed=True)
        ranges = ("due_at", "completed_at")
        inline = ("status", "priority", "due_at", "assignee")
        views = {
            "Due": "status=Pending,InProgress&assignee=me&dueAt__lt=tomorrow&o=dueAt",
            "Overdue": "status=Pending,InProgress&dueAt__lt=now&o=dueAt",
        }
        agenda = (
            Reason(
                "Email not delivered",
                "delivery=Failed&assignee={person}&completedAt__gte=7d ago&o=completedAt",
                rank=8,
                moment="completed_at",
                late=True,
            ),
            Reason(
                "Overdue",
                "status=Pending,InProgress&assignee={person}&dueAt__lt=now&o=dueAt",
                rank=10,
                moment="due_at",
                late=True,
            ),
            Reason(
                "Due today",
                "status=Pending,InProgress&assignee={person}&dueAt__gte=now&dueAt__lt=tomorrow&o=dueAt",
                rank=20,
                moment="due_at",
            ),
        )
        reminds = "reminder_at"
        introduces = ("contact", "organization")
        search = ("subject", "outcome", "description")
        groups = (
            ("What", ("subject", "type", "direction", "description", "outcome", "result",
                      "priority", "status")),
            ("About", ("lead", "deal", "contact", "organization", "campaign", "assignee")),
            ("When", ("due_at", "start_at", "end_at", "duration", "all_day", "timezone",
                      "reminder_at", "completed_at")),
            ("Email", ("recipient", "delivery", "delivery_problem")),
            ("Links", ("recording_url", "meeting_link")),
        )  # fmt: skip

    class Meta:
        verbose_name_plural = "activities"
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="activity_by_created"),
            models.Index(
                "tenant", "assignee", "status", F("due_at").asc(), name="activity_by_assignee"
            ),
            models.Index(
                fields=["tenant", "status", "due_at", "id"], name="activity_by_due",
                condition=models.Q(status__in=["Pending", "InProgress"], deleted_at=None),
                include=("assignee", "all_day"),
            ),
            models.Index(
                fields=["tenant", "reminder_at"], name="activity_by_reminder",
                condition=models.Q(
                    status__in=["Pending", "InProgress"], deleted_at=None, reminder_at__isnull=False
                ),
            ),
            # For reports on what each member of the team did in a period.
            models.Index(
                fields=["tenant", "completed_at"], name="activity_by_completed",
                condition=models.Q(status="Completed", deleted_at=None),
                include=("type", "direction", "assignee", "lead"),
            ),
            models.Index(
                fields=["tenant", "status", "-updated_at", "-id"], name="activity_by_end",
                condition=models.Q(status__in=["Completed", "Cancelled"], deleted_at=None),
            ),
            models.Index(
                fields=["tenant", "assignee", "completed_at"], name="activity_undelivered",
                condition=models.Q(delivery="Failed", deleted_at=None),
            ),
            # For the calendar, where an activity stands by its start, else by when it is due.
            models.Index(
                "tenant", first_filled("start_at", "due_at"), "assignee", name="activity_by_day",
                condition=models.Q(IsNull(first_filled("start_at", "due_at"), False), deleted_at=None),
            ),
            index_of_reference("lead", "-created_at", name="activity_by_lead"),
            index_of_reference("deal", "-created_at", name="activity_by_deal"),
            index_of_reference("contact", "-created_at", name="activity_by_contact"),
            index_of_reference("organization", name="activity_by_organization"),
            index_of_reference("campaign", name="activity_by_campaign"),
        ]  # fmt: skip

    @classmethod
    def stale_after(cls) -> timedelta:
        """Planned activities are stale as soon as they are due."""
        return timedelta(0)

    @verb(source=OPEN, target=Status.COMPLETED, sets=["completed_at", "outcome"])
    def complete(self, *, outcome: str, result: str | None = None) -> None:
        """Say that it is done, and what came of it."""
        self.completed_at, self.outcome = self.moment(), outcome
        self.result = result or self.result

    @verb(source=OPEN, target=Status.CANCELLED)
    def cancel(self) -> None:
        """It will not happen."""

    @verb(creates=True, without=["status"], sets=["completed_at", "outcome"])
    def log(
        self, *, outcome: str | None = None, completed_at: str | None = None, **fields: Any
    ) -> None:
        """Record a touch that has already happened."""
        self.status = self.Status.COMPLETED
        self.outcome = outcome
        took_place = completed_at or self.end_at or self.start_at or self.moment()
        self.completed_at = min(took_place, self.moment())

    @verb(
        creates=True,
        without=["subject", "description", "type", "direction", "status"],
        sets=["completed_at", "recipient", "delivery", "delivery_problem"],
        title="Send email",
    )
    def send(self, *, recipient: str, subject: str, description: str, **fields: Any) -> None:
        """Write an email. It goes out some seconds later, and is taken back until then."""
        self.recipient, self.subject, self.description = recipient, subject, description
        emails.address(self)
        self.type, self.direction = self.Type.EMAIL, self.Direction.OUTBOUND
        self.status, self.completed_at = self.Status.COMPLETED, self.moment()
        self.delivery = self.Delivery.WAITING

    @verb(corrects=True, event="Updated", sets=["delivery", "delivery_problem"])
    def note_delivery(self, *, delivery: str, delivery_problem: str | None = None) -> None:
        """Note that the email has gone out, or why it could not."""
        self.delivery, self.delivery_problem = delivery, delivery_problem

    def settles(self, *, by_rule: bool) -> bool:
        """Whether the activity, once completed, answers somebody who waits.

        Notes that people write for themselves answer nobody, and neither does what a rule did or what the
        other side sent.
        """
        noted = self.type == self.Type.NOTE and self.direction is None
        return not (noted or by_rule or self.direction == self.Direction.INBOUND)

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Reject an end before the start."""
        start = values.get("start_at", self.start_at)
        end = values.get("end_at", self.end_at)
        if start and end and end < start:
            problems["end_at"] = _("This is before the start.")


#: The condition that no activity is open for a record.
NOTHING_PLANNED = {"activities": {"$none": {"status": {"$in": [*Activity.OPEN]}}}}
