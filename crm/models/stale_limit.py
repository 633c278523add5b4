"""The stale limit: how long records of a noun may go without a touch, in one state or in all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _

from headlessly.declaration.fields import Integer, String
from headlessly.errors import did_you_mean
from headlessly.nouns import Noun, registry

MOST_DAYS = 3_650


class StaleLimit(Noun):
    """For how many days a lead, or another record with states of its own, may rest before it is stale. Of
    several for the same state the shortest counts."""

    reason = String("why, for whoever asks")
    about = String(
        "of which noun: Lead, Campaign, ...", required=True, suggests=("Lead",), example="Lead"
    )
    status = String(
        "only in this status; in all that have no limit of their own if empty", example="New"
    )
    days = Integer("without activity", required=True, minimum=1, maximum=MOST_DAYS, unit="d")

    class Surface:
        icon = "hourglass_bottom"
        area = "setup"
        setting = "When a record has rested too long"
        rank = 62
        columns = ("about", "status", "days")
        facets = ("about",)
        search = ("about",)
        no_mean = ("days",)
        alike = ()
        groups = (("Limit", ("about", "status", "days", "reason")),)

    class Meta:
        verbose_name = "stale limit"
        verbose_name_plural = "stale limits"
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="stalelimit_by_created"),
        ]

    def __str__(self) -> str:
        return f"{self.about}: {self.status}" if self.status else self.about

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Check that the noun has states of its own, and that the given one is open."""
        name, status = str(values.get("about", self.about)), values.get("status", self.status)
        if not {"about", "status"} & values.keys():
            return
        known = nouns_with_limits()
        noun = known.get(name)
        if noun is None:
            said = _("Use one of %s.") % ", ".join(known) + did_you_mean(name, known)
            if name == "Deal":
                said = (
                    f"{_('How long deals rest is said by their pipeline and its stages.')} {said}"
                )
            problems["about"] = said
            return
        states = [*map(str, getattr(noun, "OPEN", noun.schema.require_machine().states))]
        if status and status not in states:
            said = _("Use one of %s.") % ", ".join(states)
            problems["status"] = said + did_you_mean(status, states)


def nouns_with_limits() -> dict[str, type[Noun]]:
    """Returns the nouns with states of their own and a board that shows how long nobody touched a record."""
    return {
        name: noun
        for name, noun in registry.items()
        if (machine := noun.schema.machine) is not None
        and machine.field.path_from is None
        and noun.Surface.board is not None
        and noun.stale_after() != timedelta(0)
    }
