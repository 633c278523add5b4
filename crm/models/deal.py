"""The deal: an opportunity with a value and a stage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import F
from django.utils.translation import gettext as _

from crm.models import files, replies, sources
from crm.models.activity import NOTHING_PLANNED
from headlessly.declaration import paths
from headlessly.declaration.fields import (
    Choice,
    Currency,
    Date,
    DateTime,
    Money,
    Number,
    Reference,
    StatusField,
    String,
    Text,
)
from headlessly.declaration.indexes import LIVE, index_of_reference
from headlessly.declaration.paths import StatesOf
from headlessly.declaration.values import validate_not_in_future
from headlessly.language import wording
from headlessly.nouns import Board, CalendarView, Noun, Reason, verb

#: The chance of winning in each of the usual stages, in percent, for pipelines that give none.
USUAL_CHANCES = {"Prospecting": 10, "Qualification": 25, "Proposal": 50, "Negotiation": 75}
#: Why deals are usually lost; a tenant may have its own reasons.
LOST_REASONS = ("Price", "Timing", "Competitor", "No budget", "No decision", "Missing feature")


def usual_forecast(deal: Deal) -> str | None:
    """Returns the forecast category of a deal for which nobody chose one.

    It depends on the kind of the stage, and for open stages on the chance of winning: from 50 percent on a
    deal is best case, from 75 percent on committed. The usual stages have the usual chances. A won deal
    counts as won in any case.
    """
    category = Deal.ForecastCategory
    if deal.kind != paths.OPEN:
        return category.COMMIT if deal.kind == paths.WON else category.OMITTED
    state = deal.schema.require_machine().path_of(deal).by_key.get(deal.stage)
    chance = USUAL_CHANCES.get(deal.stage) or (state.probability if state else None) or 0
    if chance >= 75:
        return category.COMMIT
    return category.BEST_CASE if chance >= 50 else category.PIPELINE


class Deal(Noun):
    """An opportunity: what it is worth, where it stands, how likely it is and when it closes."""

    class Interval(models.TextChoices):
        MONTHLY = "Monthly"
        QUARTERLY = "Quarterly"
        YEARLY = "Yearly"

    class Stage(models.TextChoices):
        PROSPECTING = "Prospecting"
        QUALIFICATION = "Qualification"
        PROPOSAL = "Proposal"
        NEGOTIATION = "Negotiation"
        CLOSED = "Closed"
        WON = "Won"
        LOST = "Lost"

    class ForecastCategory(models.TextChoices):
        PIPELINE = "Pipeline"
        BEST_CASE = "BestCase"
        COMMIT = "Commit"
        OMITTED = "Omitted"

    OPEN = StatesOf(paths.OPEN)
    ENDED = StatesOf(*paths.ENDED)
    WON = StatesOf(paths.WON)
    LOST = StatesOf(paths.LOST)

    #: For reading the forecast as of weeks ago.
    past_indexes = (
        # Only deals with a closing day: deals made by a conversion have none at first.
        models.Index(
            fields=["tenant", "expected_close_date"], name="deal_past_by_close_date",
            condition=models.Q(
                stage__in=["Prospecting", "Qualification", "Proposal", "Negotiation"],
                expected_close_date__isnull=False,
                deleted_at=None,
            ),
        ),
        models.Index(
            fields=["tenant", "actual_close_date"], name="deal_past_by_win",
            condition=models.Q(stage="Won", deleted_at=None),
        ),
    )  # fmt: skip

    name = String(required=True)
    organization = Reference("crm.Organization", "deals")
    contact = Reference("crm.Contact", "deals")
    owner = Reference("crm.Contact", "owned_deals", "the sales rep who works it")
    value = Money("what it is worth, once", required=True)
    currency = Currency(fixed_on=("actual_close_date",))
    recurring_value = Money("what it is worth in each interval", per="recurring_interval")
    recurring_interval = Choice(Interval)
    pipeline = Reference(
        "crm.Pipeline", "deals", "whose stages it passes through; the default one unless said"
    )
    stage = StatusField(
        Stage,
        "where it stands: a stage of its pipeline",
        path_from="pipeline",
        kinds={Stage.CLOSED: paths.CLOSED, Stage.WON: paths.WON, Stage.LOST: paths.LOST},
    )
    probability = Number("of winning, 0 to 100", minimum=0, maximum=100, unit="%")
    expected_close_date = Date()
    forecast_category = Choice(
        ForecastCategory,
        "how it counts in the forecast: by its stage unless set, and again when emptied",
        follows=("stage", usual_forecast),
    )
    actual_close_date = Date(
        "when it was won, lost or closed", editable=False, validators=[validate_not_in_future]
    )
    won_at = DateTime("when it was won", editable=False, validators=[validate_not_in_future])
    description = Text()
    next_step = String()
    competitor_notes = Text()
    lost_reason = String(editable=False, suggests=LOST_REASONS)
    won_reason = String(editable=False)
    source = String("channel that brought it", suggests=sources.SOURCES, list_of=sources.LIST)
    campaign = Reference("marketing.Campaign", "deals", "the campaign that brought it")
    last_activity_at = DateTime(
        "latest touch: stage moves, activities", validators=[validate_not_in_future]
    )
    reply_waiting_since = replies.waiting_since()

    class Surface:
        icon = "handshake"
        rank = 4
        files = files.DEAL
        columns = (
            "name", "organization", "stage", "value", "probability", "expected_close_date", "owner"
        )  # fmt: skip
        facets = ("stage", "pipeline", "owner", "forecast_category", "source", "campaign")
        due = "expected_close_date"
        calendar = CalendarView()
        board = Board(
            order="expected_close_date",
            measure="value",
            shows=("expected_close_date",),
            age_field="last_activity_at",
            end_field="last_activity_at",
        )
        ranges = ("value", "probability", "expected_close_date", "last_activity_at")
        inline = ("stage", "owner", "value", "probability", "expected_close_date")
        presets = {
            "Reply waiting": replies.WAITING,
            "Nothing planned": NOTHING_PLANNED,
            "Stale": {"$stale": True},
        }
        views = {
            "Closing in 30 days": "stage={open}"
            "&expectedCloseDate__gte=today&expectedCloseDate__lt=30d from now&o=expectedCloseDate",
            "Overdue": "stage={open}&expectedCloseDate__lt=today&o=expectedCloseDate",
        }
        waits = "reply_waiting_since"
        intends = "next_step"
        agenda = (
            replies.on_the_day(rank=6),
            Reason(
                "Should be closed by now",
                "stage={open}&owner={person}&expectedCloseDate__lt=today&o=expectedCloseDate",
                rank=50,
                moment="expected_close_date",
                late=True,
            ),
            Reason(
                "Deals gone quiet",
                "stage={open}&owner={person}&is=stale,nothing-planned&o=-value",
                rank=55,
                moment="last_activity_at",
            ),
        )
        introduces = ("contact", "organization", "campaign")
        search = (
            "name", "next_step", "description", "organization__name", "contact__name"
        )  # fmt: skip
        card = ("value", "expected_close_date")
        groups = (
            ("What", ("name", "organization", "contact", "owner", "description", "next_step")),
            ("Worth", ("value", "currency", "recurring_value", "recurring_interval", "probability",
                       "expected_close_date", "forecast_category")),
            ("Where from", ("source", "campaign")),
            ("Outcome", ("pipeline", "stage", "won_at", "actual_close_date", "won_reason", "lost_reason",
                         "competitor_notes", "last_activity_at", "reply_waiting_since")),
        )  # fmt: skip

    class Meta:
        indexes: ClassVar = [
            *replies.indexes_of_waiting("deal"),
            models.Index(
                fields=["tenant", "stage", "-created_at", "-id"], name="deal_by_stage", condition=LIVE
            ),
            models.Index(
                fields=["tenant", "stage", "expected_close_date", "id"], name="deal_by_close",
                condition=models.Q(
                    stage__in=["Prospecting", "Qualification", "Proposal", "Negotiation"],
                    deleted_at=None,
                ),
            ),
            # For lists of open deals, the most valuable first.
            models.Index(
                fields=["tenant", "stage", "-value", "-id"], name="deal_by_value",
                condition=models.Q(
                    stage__in=["Prospecting", "Qualification", "Proposal", "Negotiation"],
                    deleted_at=None,
                ),
                include=("last_activity_at",),
            ),
            # For reports on the deals that were won, lost or closed in a period, by owner.
            models.Index(
                fields=["tenant", "actual_close_date"], name="deal_by_closing",
                condition=models.Q(actual_close_date__isnull=False, deleted_at=None),
                include=("stage", "owner"),
            ),
            models.Index(
                "tenant", "stage", F("last_activity_at").desc(nulls_last=True), F("id").desc(),
                name="deal_by_end",
                condition=models.Q(stage__in=["Closed", "Won", "Lost"], deleted_at=None),
            ),
            models.Index(
                fields=["tenant", "expected_close_date", "owner"], name="deal_by_day",
                condition=models.Q(expected_close_date__isnull=False, deleted_at=None),
            ),
            models.Index(fields=["tenant", "-created_at", "-id"], name="deal_by_created"),
            models.Index(
                fields=["tenant", "won_at"], name="deal_by_win",
                condition=models.Q(won_at__isnull=False, deleted_at=None),
            ),
            models.Index(
                "tenant", F("last_activity_at").desc(nulls_last=True), F("id").desc(),
                name="deal_by_activity",
            ),
            index_of_reference("pipeline", name="deal_by_pipeline"),
            index_of_reference("organization", name="deal_by_organization"),
            index_of_reference("contact", name="deal_by_contact"),
            index_of_reference("owner", name="deal_by_owner"),
            index_of_reference("campaign", name="deal_by_campaign"),
        ]  # fmt: skip

    @verb(
        source=paths.OPEN,
        target=paths.CLOSED,
        sets=["actual_close_date"],
        title="Close without result",
        aside=True,
    )
    def close(self) -> None:
        """End this deal without a winner or a loser."""
        self.actual_close_date = self.moment().date()

    @verb(source=paths.OPEN, target=paths.WON, sets=["won_at", "actual_close_date", "won_reason"])
    def win(self, *, won_reason: str | None = None) -> None:
        """The customer said yes."""
        self.won_at = self.moment()
        self.actual_close_date, self.won_reason = self.won_at.date(), won_reason

    @verb(source=paths.OPEN, target=paths.LOST, sets=["actual_close_date", "lost_reason"])
    def lose(self, *, lost_reason: str) -> None:
        """The customer said no; say why."""
        self.actual_close_date, self.lost_reason = self.moment().date(), lost_reason

    @verb(source=paths.OPEN, target=paths.NEXT)
    def advance(self) -> None:
        """Move on to the next stage."""

    @verb(source=paths.OPEN, target=paths.ANY, chooses="stage")
    def move(self, *, stage: str | None = None, pipeline: str | None = None) -> None:
        """Move to any open stage, ahead or back, of this pipeline or of another one.

        Another ``pipeline`` without a ``stage``: the deal stands where it stood, else at the first open one.
        """
        self.pipeline_id = pipeline or self.pipeline_id

    @verb(sets=["reply_waiting_since"], needs="reply_waiting_since", title="Reply handled")
    def settle(self) -> None:
        """Say that their reply was answered, or needs no answer."""
        replies.note(self, None)

    @verb(corrects=True, event="Updated", sets=["reply_waiting_since"])
    def note_reply(self, *, reply_waiting_since: str | None = None) -> None:
        """Note since when a reply of theirs waits, or that none does any more."""
        replies.note(self, reply_waiting_since)

    @verb(corrects=True)
    def restage(self, *, stage: str) -> None:
        """Stand in another stage of the same kind, because its own goes away."""
        self.stage = stage

    @verb(
        source=paths.ENDED,
        target=paths.OPEN,
        sets=["won_at", "actual_close_date", "won_reason", "lost_reason"],
    )
    def reopen(self) -> None:
        """Work on it again, from the start."""
        self.won_at = self.actual_close_date = self.won_reason = self.lost_reason = None

    def after_move(self, source: str, target: str) -> None:
        if not self.is_open:
            self.reply_waiting_since = None
        self.last_activity_at = max(filter(None, (self.last_activity_at, self.moment())))

    def before_write(self) -> None:
        self.last_activity_at = self.last_activity_at or self.created_at
        day = self.actual_close_date
        # Files of other programs give the day only.
        if self.kind == paths.WON and self.won_at is None:
            known = self.created_at
            if day is not None and day != known.date():
                known = datetime(day.year, day.month, day.day, tzinfo=UTC)
            self.won_at = known

    @classmethod
    def stale_after(cls) -> timedelta:
        """Returns how long a deal may rest if neither its stage nor its pipeline says.

        See :mod:`headlessly.declaration.staleness`.
        """
        from crm.models.pipeline import usual_rest

        return usual_rest()

    @property
    def kind(self) -> str | None:
        """The kind of its stage: open, won, lost or closed."""
        return self.schema.require_machine().kinds.get(self.stage)

    @property
    def is_open(self) -> bool:
        return self.kind == paths.OPEN

    def validate(self, values: Any, problems: dict[str, str]) -> None:
        """Require an interval for a recurring value."""
        recurring = values.get("recurring_value", self.recurring_value)
        interval = values.get("recurring_interval", self.recurring_interval)
        said = {"recurring_value", "recurring_interval"} & values.keys()
        if recurring and not interval and said:
            problems["recurring_interval"] = _("Say how often: %s.") % wording.join_with_or(
                map(wording.state_in_error, self.Interval.values)
            )
