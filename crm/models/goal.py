"""The goal: how much a person, or everybody together, should reach in a month, a quarter or a year."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Value
from django.db.models.functions import Coalesce
from django.utils import formats
from django.utils.translation import gettext as _

from headlessly.declaration import days
from headlessly.declaration.fields import Choice, Date, Number, Reference, String
from headlessly.declaration.files import Files
from headlessly.declaration.indexes import index_of_reference
from headlessly.language import wording
from headlessly.language.moments import months_on
from headlessly.nouns import Noun
from headlessly.query import periods


def validate_first_of_month(value: date) -> None:
    if value.day != 1:
        raise ValidationError(
            _("A period begins on the first of a month: use %s.") % value.replace(day=1)
        )


class Goal(Noun):
    """What one person, or everybody together, is to reach in a period."""

    class Measure(models.TextChoices):
        WON_VALUE = "WonValue"
        WON_DEALS = "WonDeals"
        CONVERSIONS = "Conversions"
        LEADS_CREATED = "LeadsCreated"
        ACTIVITIES_DONE = "ActivitiesDone"

    class Period(models.TextChoices):
        MONTH = "Month"
        QUARTER = "Quarter"
        YEAR = "Year"

    measure = Choice(Measure, "what is counted", required=True)
    owner = Reference("crm.Contact", "owned_goals", "whose it is; everybody's together if empty")
    period = Choice(Period, "how long it is", required=True)
    start_date = Date(
        "the first day of the period", required=True, validators=[validate_first_of_month]
    )
    target = Number(
        "how many; of a value, how much in the currency of the tenant", required=True,
        minimum=0.01, maximum=9_999_999_999_999,
    )  # fmt: skip
    note = String("why this much")

    class Surface:
        icon = "flag"
        area = "setup"
        setting = "What the team and each rep shall reach"
        rank = 55
        columns = ("measure", "owner", "period", "start_date", "target")
        facets = ("measure", "period", "owner")
        ranges = ("start_date", "target")
        no_mean = ("target",)
        search = ("note", "owner__name")
        ordering = ("-start_date", "-created_at")
        groups = (("Goal", ("measure", "owner", "period", "start_date", "target", "note")),)
        files = Files(
            headings={
                "measure": ("Metric", "KPI", "Kennzahl"),
                "owner": ("User", "Sales rep", "Sales person", "Mitarbeiter"),
                "period": ("Period type", "Interval", "Zeitraum"),
                "start_date": ("Start", "Period start", "Beginn"),
                "target": ("Goal", "Quota", "Amount", "Ziel"),
            },
            words={
                "measure": {
                    "WonValue": ("Revenue", "Won revenue", "Umsatz"),
                    "WonDeals": ("Deals won", "Closed won deals", "Abschlüsse"),
                    "LeadsCreated": ("Leads", "New leads"),
                    "ActivitiesDone": ("Activities",),
                },
                "period": {
                    "Month": ("Monthly", "Monat"),
                    "Quarter": ("Quarterly", "Quartal"),
                    "Year": ("Yearly", "Annual", "Jahr"),
                },
            },
        )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-start_date", "-created_at", "-id"], name="goal_by_start"),
            index_of_reference("owner", name="goal_by_owner"),
        ]  # fmt: skip
        constraints: ClassVar = [
            models.UniqueConstraint(
                "tenant", "measure", "period", "start_date", Coalesce("owner", Value("")),
                condition=models.Q(deleted_at=None), name="one_goal_a_period",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{wording.state_label(self.measure)}, {self.period_label}"

    @property
    def end_date(self) -> date:
        """The first day after the period."""
        return months_on(self.start_date, days.STRETCHES[self.period.lower()])

    @property
    def period_label(self) -> str:
        """The period in words: ``November 2026``, ``Q4 2026``, ``2026``."""
        first = self.start_date
        if first != days.start_of_stretch(first, self.period.lower()):
            # The goal was set when the fiscal year began in another month.
            return str(periods.period_between(first, self.end_date - timedelta(days=1)).name)
        match self.period:
            case self.Period.YEAR:
                return periods.year_name(first)
            case self.Period.QUARTER:
                return periods.quarter_name(first)
        return str(formats.date_format(first, "YEAR_MONTH_FORMAT"))

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Check that the period begins as the fiscal year says, and that nobody has two goals for the
        same."""
        said: dict[str, Any] = {
            name: values.get(name, getattr(self, name))
            for name in ("measure", "period", "start_date")
        }
        period, first = said["period"], said["start_date"]
        if not all(said.values()) or {"start_date", "period"} & problems.keys():
            return
        start = days.start_of_stretch(first, period.lower())
        if start != first and {"start_date", "period"} & values.keys():
            problems["start_date"] = (
                _("A year begins on %s.")
                if period == self.Period.YEAR
                else _("This quarter begins on %s.")
            ) % start
            return
        owner = values.get("owner", self.owner_id)
        others = Goal.objects.filter(**said, owner=owner).exclude(pk=self.pk)
        if {*said, "owner"} & values.keys() and others.exists():
            problems["start_date"] = _("There is a goal for this already: change that one.")
