"""The funnel: how many of those who begin arrive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models

from headlessly.declaration.fields import Flag, Json, Number, String, Text
from headlessly.nouns import Noun, verb
from marketing import funnels
from marketing.models.segment import filter_problem


class Funnel(Noun):
    """Steps on a way, each an event, such as a lead's creation and its conversion."""

    name = String(required=True)
    description = Text()
    steps = Json(
        'two or more, in order: name and event, such as "Lead.Created" or "page_view"',
        keys=("name", "event", "order"),
        kinds={"event": funnels.offered_events, "order": "order"},
        form_help="two or more, in order: what the step is called, and what happens in it, or the name of "
        "what a website tracks, such as page_view",
    )
    criteria = Json(
        'who counts, type and filter, such as {"type": "Lead", "filter": {"source": "web"}}; else all who '
        "took the first step",
        keys=("type", "filter"),
        filters=True,
        verbose_name="who counts",
    )
    conversion_rate = Number(
        "how many of 100 who took the first step took all, in order",
        editable=False, minimum=0, maximum=100, unit="%",
    )  # fmt: skip
    is_active = Flag("whether it is in use", verbose_name="in use")

    class Surface:
        icon = "filter_alt"
        rank = 4
        area = "marketing"
        columns = ("name", "conversion_rate", "is_active", "description")
        facets = ("is_active",)
        groups = (
            (
                "Funnel",
                ("name", "description", "steps", "criteria", "is_active", "conversion_rate"),
            ),
        )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="funnel_by_created"),
        ]

    @verb(sets=["conversion_rate"])
    def analyze(self) -> None:
        """Compute the conversion rate from the log.

        It is 100 * arrived / begun, to two decimals. Begun have all that ever did the first step: the
        records, or for tracked events the visitors (userId, anonymousId or sessionId). Arrived have those
        who then did the second, after it the third, and so on to the last, whatever came between. Where
        nobody has begun, or there are no steps, it is empty. Criteria are held against the records as they
        are now.
        """
        events = funnels.funnel_events(self.steps)
        self.conversion_rate = funnels.completion_rate(events, self.criteria)

    @verb
    def activate(self) -> None:
        """Take it into use."""
        self.is_active = True

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Check the steps, and the criteria against them."""
        if values.get("steps") is not None and (found := funnels.steps_problem(values["steps"])):
            problems["steps"] = found
        criteria = values.get("criteria", self.criteria)
        if criteria is not None and {"criteria", "steps"} & values.keys():
            steps = values.get("steps", self.steps)
            if found := filter_problem(criteria) or funnels.criteria_problem(criteria, steps):
                problems["criteria"] = found
