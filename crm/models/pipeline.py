"""The pipeline: how deals move, and when one has stood still for too long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _

from headlessly.declaration.fields import Flag, Integer, Json, Slug, String, Text
from headlessly.nouns import Noun


class Pipeline(Noun):
    """The stages that deals pass through, with the chance of winning at each."""

    name = String(required=True)
    slug = Slug(unique=True)
    description = Text()
    is_default = Flag("the tenant's pipeline; there is one", verbose_name="default")
    stages = Json(
        "in order: name, probability (0 to 100), order. Deals pass the stages that they have, whatever "
        "stands here; of one of the same name the probability counts in the forecast",
        keys=("name", "probability", "order"),
        kinds={"probability": "number", "order": "order"},
    )
    deal_rotting = Integer(
        "days without activity before a deal, or a lead, is stale",
        minimum=1,
        unit="d",
        verbose_name="stale after",
    )

    class Surface:
        icon = "view_kanban"
        area = "setup"
        columns = ("name", "is_default", "deal_rotting")
        facets = ("is_default",)
        groups = (("Pipeline", ("name", "slug", "description", "is_default", "stages",
                                "deal_rotting")),)  # fmt: skip

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="pipeline_by_created"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=models.Q(is_default=True, deleted_at=None),
                name="one_default_pipeline",
            )
        ]

    @classmethod
    def stale_after_by_default(cls) -> timedelta | None:
        """How long a lead or a deal may rest before it is stale, where the default pipeline says so."""
        found = cls.objects.filter(is_default=True).values_list("deal_rotting", flat=True).first()
        return timedelta(days=found) if found else None

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Stages are what they say; a second default is refused with the name of the first."""
        if values.get("stages") is not None and (wrong := wrong_stages(values["stages"])):
            problems["stages"] = wrong
        if values.get("is_default"):
            others = Pipeline.objects.filter(is_default=True).exclude(pk=self.pk)
            if other := others.first():
                problems["is_default"] = _("%s is the default pipeline already.") % other.name


def wrong_stages(stages: Any) -> str | None:
    """What is wrong with a list of stages, or None."""
    if not isinstance(stages, list):
        return _("Send a list of stages.")
    names = set()
    for number, stage in enumerate(stages, 1):
        if not isinstance(stage, dict) or set(stage) - {"name", "probability", "order"}:
            return _("Stage %d: send name, probability and order.") % number
        name, chance, order = (
            stage.get("name"),
            stage.get("probability"),
            stage.get("order", number),
        )
        if not isinstance(name, str) or not name.strip() or name in names:
            return _("Stage %d: give it a name of its own.") % number
        if chance is not None and (
            isinstance(chance, bool)
            or not isinstance(chance, int | float)
            or not 0 <= chance <= 100
        ):
            return _("Stage %d: probability is a number from 0 to 100.") % number
        if isinstance(order, bool) or not isinstance(order, int):
            return _("Stage %d: order is a whole number.") % number
        names.add(name)
    return None
