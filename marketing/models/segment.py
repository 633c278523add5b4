"""The segment: records that belong together, and how many they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _

from headlessly.database import timeouts
from headlessly.declaration.fields import Flag, Integer, Json, String, Text
from headlessly.declaration.registry import registry
from headlessly.errors import InvalidFilter
from headlessly.nouns import Noun, verb
from headlessly.query import filters


class Segment(Noun):
    """A group of records that fit a filter, such as qualified leads without an owner."""

    name = String(required=True)
    description = Text()
    criteria = Json(
        'type and filter, such as {"type": "Lead", "filter": {"status": "New"}}',
        keys=("type", "filter"),
        filters=True,
    )
    member_count = Integer(
        "how many there were when last counted", editable=False, verbose_name="last count"
    )
    is_dynamic = Flag(
        "whether refreshing counts again; else the number stays as it is",
        default=True,
        verbose_name="recounts members",
    )

    class Surface:
        icon = "groups"
        rank = 3
        area = "marketing"
        columns = ("name", "member_count", "is_dynamic", "description")
        facets = ("is_dynamic",)
        no_mean = ("member_count",)  # a record in two segments would count twice
        groups = (("Segment", ("name", "description", "criteria", "is_dynamic", "member_count")),)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="segment_by_created"),
        ]

    @verb(sets=["member_count"], title="Count again")
    def refresh(self) -> None:
        """Count the members again. One that is not dynamic stays as it is.

        Days such as "7d ago" mean those before this moment. Without criteria there is nothing to count.
        """
        if self.is_dynamic:
            self.member_count = count_members(self.criteria)

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Check that the criteria are a valid filter of their noun."""
        if values.get("criteria") is not None and (found := filter_problem(values["criteria"])):
            problems["criteria"] = found


def filter_problem(criteria: Any) -> str | None:
    """Returns what is wrong with criteria, or None."""
    if not isinstance(criteria, dict) or set(criteria) != {"type", "filter"}:
        return _("Send type and filter, and nothing else.")
    noun = registry.get(criteria["type"]) if isinstance(criteria["type"], str) else None
    if noun is None:
        return _("type: use one of %s.") % ", ".join(registry)
    if not isinstance(criteria["filter"], dict):
        return _('filter: send an object, such as {"status": "New"}; {} is all of them.')
    try:
        filters.compile_filter(noun, criteria["filter"])
    except InvalidFilter as problem:
        return _("filter: %s") % problem.message
    return None


def count_members(criteria: Mapping[str, Any] | None) -> int | None:
    """Returns how many records fit. The statement is limited to the time that a list may take."""
    if criteria is None:
        return None
    with timeouts.statement_timeout():
        return registry[criteria["type"]].count(criteria["filter"])
