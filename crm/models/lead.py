"""The lead: someone who might buy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar

from django.db import models
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from crm.models import files, replies
from crm.models.activity import NOTHING_PLANNED
from crm.models.sources import SOURCES
from headlessly.access import actors
from headlessly.context import clock
from headlessly.declaration.fields import (
    Choice,
    Currency,
    DateTime,
    HiddenMoment,
    HiddenText,
    Money,
    Number,
    Reference,
    StatusField,
    String,
    Text,
)
from headlessly.declaration.indexes import LIVE, index_of_reference
from headlessly.declaration.merging import Kept
from headlessly.declaration.surface import computed
from headlessly.declaration.values import validate_not_in_future
from headlessly.declaration.verbs import Existing, NewOrExisting
from headlessly.errors import VerbRefused
from headlessly.language.sayings import Saying
from headlessly.nouns import Board, Noun, Reason, verb

#: An existing open deal, or the fields of a new deal that the conversion creates.
DealChoice = Annotated[Any, NewOrExisting("Deal")]
#: The pipeline in whose first stage the deal of a conversion begins.
PipelineChoice = Annotated[Any, Existing("Pipeline")]
#: The lead that remains after a merge. It takes values over from the merged one.
Survivor = Annotated["Lead", Existing("Lead")]
Keep = Annotated[Any, Kept()]
#: The prefix of rules' ids. Rules are actors.
RULES = "rule_"
#: The usual reasons for which leads are lost; a tenant may have reasons of its own.
LOST_REASONS = ("Price", "Timing", "Competitor", "No budget", "No answer", "Not a fit")


class Lead(Noun):
    """An inbound lead: its BANT qualification, its campaign attribution and its outcome."""

    class Status(models.TextChoices):
        NEW = "New"
        CONTACTED = "Contacted"
        QUALIFIED = "Qualified"
        CONVERTED = "Converted"
        LOST = "Lost"

    class Answer(models.TextChoices):
        WAITING = "Waiting"
        LATE = "Late"  # not yet answered, and the time is over
        MET = "Met"
        MISSED = "Missed"  # answered, but too late

    OPEN = (Status.NEW, Status.CONTACTED, Status.QUALIFIED)
    #: The value of ``scored_by`` for a score that somebody set by hand.
    BY_HAND = Saying(gettext_noop("by hand"))()
    CLAIMED = Saying(gettext_noop("claimed"))()
    BANT = ("budget", "authority", "need", "timeline")
    conflict_references = ("deal",)
    said_together = (("contact", "organization"), ("source", "source_detail"))

    name = String("what this lead is about", required=True)
    contact = Reference("crm.Contact", "leads", "the person behind this lead")
    organization = Reference("crm.Organization", "leads", "the company behind this lead")
    owner = Reference("crm.Contact", "owned_leads", "the sales rep who works it")
    assigned_because = String("why it is theirs, or nobody's", editable=False, told=True)
    answer = Choice(
        Answer,
        "whether the first answer came in time, of a lead with a time for it",
        editable=False,
    )
    answer_due_at = DateTime(
        "until when it is to be answered first", editable=False, done_at="answered_at",
        near_at="answer_near_at", verbose_name="answer due",
    )  # fmt: skip
    answer_near_at = DateTime(
        "when its owner is warned, as long as no answer came", editable=False,
        verbose_name="answer near",
    )  # fmt: skip
    answered_at = DateTime(
        "when somebody touched it first, of a lead with a time for it", editable=False,
        validators=[validate_not_in_future], verbose_name="answered",
    )  # fmt: skip
    answer_because = String("why until then", editable=False, told=True)
    status = StatusField(
        Status,
        "where it stands",
        entry=[Status.NEW],
        moves={
            Status.NEW: Status.CONTACTED,
            Status.CONTACTED: Status.QUALIFIED,
            Status.LOST: Status.NEW,
        },
        closed={Status.CONVERTED: ("status", "deal", *BANT)},
    )
    source = String(
        "acquisition channel: website, referral, event, ...", required=True, suggests=SOURCES
    )
    source_detail = String("page, URL, campaign name")
    campaign = Reference("marketing.Campaign", "leads", "the campaign that generated it")
    score = Number("how promising it is, 0 to 100", minimum=0, maximum=100)
    scored_by = String(
        "the rule whose number the score is, or that it was set by hand", editable=False, told=True
    )
    #: The rule and its version that gave the score, so that it can be calculated again as it was, and when it
    #: was.
    scored_with = HiddenText(null=True)
    scored_at = HiddenMoment(null=True)
    budget = Money("BANT: what can they spend?")
    currency = Currency(fixed_on=("converted_at", "lost_at"))
    authority = String("BANT: who decides?")
    need = Text("BANT: which problem are they solving?")
    timeline = String("BANT: when do they need it?")
    deal = Reference("crm.Deal", "leads", "the deal it became", editable=False)
    converted_at = DateTime(
        "when it became a deal", editable=False, validators=[validate_not_in_future]
    )
    lost_reason = String("why it was lost", editable=False, suggests=LOST_REASONS)
    lost_at = DateTime("when it was lost", editable=False, validators=[validate_not_in_future])
    first_touch_at = DateTime(
        "first interaction; the creation if nothing else is known",
        validators=[validate_not_in_future],
    )
    last_activity_at = DateTime(
        "latest touch: status moves, activities", validators=[validate_not_in_future]
    )
    reply_waiting_since = replies.waiting_since()

    class Surface:
        icon = "person_search"
        rank = 1
        files = files.LEAD
        columns = (
            "name", "status", "score", "owner", "source", "campaign", "last_activity_at"
        )  # fmt: skip
        facets = ("status", "owner", "source", "campaign")
        board = Board(
            order="-score",
            measure="budget",
            shows=("score", "answer_due_at"),
            age_field="last_activity_at",
            end_field="last_activity_at",
        )
        ranges = ("score", "budget", "last_activity_at")
        inline = ("status", "owner", "score")
        presets = {
            "BANT complete": {
                "budget": {"$exists": True},
                "authority": {"$exists": True},
                "need": {"$exists": True},
                "timeline": {"$exists": True},
            },
            "Reply waiting": replies.WAITING,
            "Nothing planned": NOTHING_PLANNED,
            "Stale": {"$stale": True},
        }
        views = {
            "Hot": "status=New,Contacted,Qualified&score__gte=80&o=-score",
            "Going cold": "status=New,Contacted,Qualified&owner=me&is=stale&o=lastActivityAt",
        }
        tells = {"answer_near": "answer_near_at"}
        waits = "reply_waiting_since"
        agenda = (
            replies.on_the_day(rank=7),
            Reason(
                "Answer due",
                "answer=Waiting,Late&owner={person}&answeredAt=-&o=answerDueAt",
                rank=5,
                moment="answer_due_at",
                column="answer_due_at",
            ),
            Reason(
                "Waits for a first answer",
                "status=New&owner={person}&owner__isnull=false&answerDueAt=-&is=nothing-planned&o=createdAt",
                rank=30,
                moment="first_touch_at",
            ),
            Reason("New, and nobody's", "status=New&owner=-&o=-createdAt", 40, "first_touch_at"),
            Reason(
                "Leads gone quiet",
                "status=Contacted,Qualified&owner={person}&is=stale,nothing-planned&o=-score",
                rank=60,
                moment="last_activity_at",
            ),
        )
        introduces = ("contact", "organization", "campaign")
        not_offered = (
            "expect_answer", "answer", "answer_due_at", "answered_at", "answer_because", "answer_near_at",
            "rescore", "scored_by",
        )  # fmt: skip
        search = (
            "name", "authority", "need", "timeline",
            "contact__name", "contact__email", "organization__name",
        )  # fmt: skip
        alike = ("name", "contact")
        quick = ("contact.name", "contact.email", "organization.name", "source", "name")
        groups = (
            ("Who", ("name", "contact", "organization", "owner")),
            (
                "Where from",
                ("source", "source_detail", "campaign", "first_touch_at", "assigned_because"),
            ),
            (
                "Qualification",
                ("score", "scored_by", "budget", "currency", "authority", "need", "timeline"),
            ),
            (
                "First answer",
                ("answer", "answer_due_at", "answered_at", "answer_near_at", "answer_because"),
            ),
            (
                "Outcome",
                (
                    "status", "deal", "converted_at", "lost_reason", "lost_at", "last_activity_at",
                    "reply_waiting_since",
                ),
            ),
        )  # fmt: skip

    class Meta:
        indexes: ClassVar = [
            *replies.indexes_of_waiting("lead"),
            # Deleted leads are left out, so that counts of open leads need not read the table; with the last
            # activity in it, counts of stale leads need not either.
            models.Index(
                "tenant", "status", F("score").desc(nulls_last=True), F("id").desc(),
                include=["last_activity_at"], name="lead_by_status", condition=LIVE,
            ),
            models.Index(
                "tenant", "status", F("last_activity_at").desc(nulls_last=True), F("id").desc(),
                name="lead_by_end",
                condition=models.Q(status__in=["Converted", "Lost"], deleted_at=None),
            ),
            # Covers what a funnel counts, so that it reads the index and nothing of the table.
            models.Index(
                fields=["tenant", "-created_at", "-id"],
                include=["status", "reached", "deleted_at", "source", "owner", "campaign"],
                name="lead_by_created",
            ),
            # The same for leads that were converted or lost in a period; it holds only those leads.
            models.Index(
                fields=["tenant", "converted_at"], include=["first_touch_at", "owner"],
                name="lead_by_converted",
                condition=models.Q(converted_at__isnull=False, deleted_at=None),
            ),
            models.Index(
                fields=["tenant", "lost_at"], include=["lost_reason"], name="lead_by_loss",
                condition=models.Q(lost_at__isnull=False, deleted_at=None),
            ),
            models.Index(
                "tenant", F("score").desc(nulls_last=True), F("id").desc(),
                name="lead_by_score", condition=LIVE,
            ),
            models.Index(
                "tenant", F("last_activity_at").desc(nulls_last=True), F("id").desc(),
                name="lead_by_activity", include=("owner", "deleted_at"),
            ),
            models.Index(fields=["tenant", "source", "-created_at"], name="lead_by_source"),
            # For lists of leads that nobody works on yet.
            models.Index(
                fields=["tenant", "status", "-created_at", "-id"], name="lead_unowned",
                condition=models.Q(
                    owner=None, deleted_at=None, status__in=["New", "Contacted", "Qualified"]
                ),
            ),
            # For reports on leads that were due for an answer in a period; it holds only leads with a time
            # for it.
            models.Index(
                fields=["tenant", "answer_due_at", "id"], include=["answer", "owner", "source"],
                name="lead_by_answer",
                condition=models.Q(answer_due_at__isnull=False, deleted_at=None),
            ),
            # For the jobs that note missed answers, and that warn before the time is over.
            models.Index(
                fields=["tenant", "answer", "answer_due_at", "id"],
                include=["owner", "answered_at"], name="lead_to_answer",
                condition=models.Q(answer__in=["Waiting", "Late"], deleted_at=None),
            ),
            models.Index(
                fields=["tenant", "answer_near_at"], include=["owner", "status"],
                name="lead_by_answer_near",
                condition=models.Q(answer_near_at__isnull=False, deleted_at=None),
            ),
            # Recognizes records in a file that is imported twice: see `Surface.files`.
            models.Index(fields=["tenant", "name"], name="lead_by_name", condition=LIVE),
            index_of_reference("campaign", name="lead_by_campaign"),
            index_of_reference("owner", name="lead_by_owner"),
            index_of_reference("contact", name="lead_by_contact"),
            index_of_reference("organization", name="lead_by_organization"),
            index_of_reference("deal", name="lead_by_deal"),
        ]  # fmt: skip

    @computed("json", *BANT)
    def bant(self) -> dict[str, Any]:
        """Which of the four BANT questions are answered, and how many."""
        answers = {question: getattr(self, question) is not None for question in Lead.BANT}
        return answers | {"answered": sum(answers.values())}

    @verb(source=Status.QUALIFIED, target=Status.CONVERTED, sets=["converted_at", "deal"])
    def convert(
        self,
        *,
        deal: DealChoice = None,
        contact: str | None = None,
        organization: str | None = None,
        pipeline: PipelineChoice = None,
        without_deal: bool = False,
        without_organization: bool = False,
    ) -> None:
        """Hand this lead to sales as a deal.

        ``deal`` as an object overrides fields of the new deal; as an id it attaches an open one; none is made
        ``withoutDeal``. A new deal begins at the first stage of ``pipeline``, by default the tenant's default
        one. ``contact`` and ``organization``, an id or the fields of a new one, take the place of those that
        the lead has; ``withoutOrganization`` it is about a person alone.
        """
        self.converted_at = self.moment()
        self.contact_id = contact or self.contact_id
        self.organization_id = (
            None if without_organization else organization or self.organization_id
        )

    @verb(source=OPEN, target=Status.LOST, sets=["lost_at", "lost_reason"])
    def lose(self, *, lost_reason: str) -> None:
        """Give up on this lead, and say why."""
        self.lost_at, self.lost_reason = self.moment(), lost_reason

    @verb(deletes=True, merges=True)
    def merge(self, *, into: Survivor, keep: Keep = None) -> Lead:
        """Merge this lead into another, which takes over everything that refers to it.

        What only this one knows fills what the other lacks. ``keep`` says whose value of a field stays.
        """
        return self.become(into)

    @verb(sets=["assigned_because"])
    def assign(self, *, owner: str | None = None, reason: str | None = None) -> None:
        """Give this lead to somebody, and say why; without an owner it is nobody's."""
        self.owner_id, self.assigned_because = owner, reason

    @verb(sets=["assigned_because"], unless="owner")
    def claim(self, *, owner: str | None = None) -> None:
        """Take this lead, which is nobody's yet."""
        if self.owner_id is not None:
            raise VerbRefused(_("This lead has an owner already."), code="lead_owned")
        contact = owner or actors.current().contact_id
        if contact is None:
            raise VerbRefused(
                _("Who claims a lead has to be a member with a contact, or name one as owner."),
                code="no_contact",
                field="owner",
            )
        self.owner_id, self.assigned_because = contact, self.CLAIMED

    @verb(
        event="AnswerExpected",
        sets=["answer", "answer_due_at", "answer_near_at", "answered_at", "answer_because"],
    )
    def expect_answer(
        self,
        *,
        answer_due_at: str | None = None,
        answer_near_at: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Say until when this lead is to be answered first; as the rules say now, where nothing is said."""
        if answer_due_at is not None:
            self.expect_until(answer_due_at, answer_near_at, reason)

    @verb(sets=["reply_waiting_since"], needs="reply_waiting_since", title="Reply handled")
    def settle(self) -> None:
        """Say that their reply was answered, or needs no answer."""
        replies.note(self, None)

    @verb(corrects=True, event="Updated", sets=["reply_waiting_since"])
    def note_reply(self, *, reply_waiting_since: str | None = None) -> None:
        """Note since when a reply of theirs waits, or that none does any more."""
        replies.note(self, reply_waiting_since)

    @verb(corrects=True, sets=["answer", "answer_near_at", "answered_at"])
    def touch(self, *, answered_at: str) -> None:
        """Note that an activity with this lead was the first answer."""
        self.note_touch(answered_at)

    @verb(event="AnswerMissed", corrects=True)
    def miss_answer(self) -> None:
        """Note that the first answer did not come in time."""
        if not self.is_answer_missed(self.moment()):
            raise VerbRefused(_("No answer is due."), code="no_answer_due")
        self.answer = self.Answer.LATE if self.answered_at is None else self.Answer.MISSED
        self.answer_near_at = None

    def expect_until(self, due: Any, near: Any, reason: str | None) -> None:
        """Expect the first answer until `due`, or no longer if that is None."""
        waiting = self.Answer.WAITING if due is not None else None
        self.answer, self.answer_because = waiting, reason
        self.answer_due_at, self.answer_near_at = due, near
        self.answered_at = None

    def is_answer_missed(self, moment: datetime) -> bool:
        """Whether the time for the first answer passed without one, and this has not been recorded yet."""
        due = self.answer_due_at
        return self.answer == self.Answer.WAITING and due is not None and due <= moment

    def answered_by_touch(self, moment: datetime) -> dict[str, Any]:
        """Returns the changes that a touch at a moment brings.

        The first touch by a person is the answer; a touch by a rule is none.
        """
        due, known = self.answer_due_at, self.answered_at
        if due is None or moment < self.created_at or (known is not None and known <= moment):
            return {}
        if actors.current().id.startswith(RULES):
            return {}
        found: dict[str, Any] = {"answered_at": moment, "answer_near_at": None}
        if moment <= due:
            return found | {"answer": self.Answer.MET}
        # A waiting lead becomes missed once the job has recorded it as late.
        return found | ({"answer": self.Answer.MISSED} if self.answer == self.Answer.LATE else {})

    def note_touch(self, moment: Any) -> None:
        for name, value in self.answered_by_touch(moment).items():
            setattr(self, name, value)

    @verb(sets=["scored_by"], quiet=True)
    def rescore(self) -> None:
        """Count the score by the rules, and take back one that was set by hand."""

    def after_move(self, source: str, target: str) -> None:
        answered = target == self.Status.CONTACTED and not actors.current().id.startswith(RULES)
        if answered or target not in self.OPEN:
            self.reply_waiting_since = None
        if target != self.Status.NEW:
            self.note_touch(self.moment())
        if source == self.Status.LOST:
            self.lost_at = self.lost_reason = None
        self.last_activity_at = max(filter(None, (self.last_activity_at, self.moment())))

    @classmethod
    def stale_after(cls) -> timedelta:
        """A lead may rest as long as the default pipeline says, else two weeks."""
        from crm.models.pipeline import usual_rest

        return usual_rest()

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Reject a first touch after the conversion, with some tolerance for clocks that differ."""
        touched = values.get("first_touch_at", self.first_touch_at)
        converted = values.get("converted_at", self.converted_at)
        stated = {"first_touch_at", "converted_at"} & values.keys()
        if stated and touched and converted and touched > converted + clock.TOLERANCE:
            problems["first_touch_at"] = _("This is after the conversion.")

    def before_write(self) -> None:
        given = not self._state.adding and self._read.get("owner_id") != self.owner_id
        if given and self._read.get("assigned_because") == self.assigned_because:
            self.assigned_because = None  # the former reason does not hold for the new owner
        known = (self.created_at, self.converted_at, self.lost_at)
        self.first_touch_at = self.first_touch_at or min(filter(None, known))
        self.last_activity_at = self.last_activity_at or self.first_touch_at
