"""The team: people who work together, and whose numbers are shown together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _

from headlessly.declaration.fields import Choice, Date, Integer, Reference, String
from headlessly.declaration.indexes import index_of_reference
from headlessly.nouns import Noun


class Team(Noun):
    """People who work together; lists and numbers can be narrowed to what they own."""

    name = String(required=True, unique=True)
    description = String("what it is there for")

    class Surface:
        icon = "diversity_3"
        area = "setup"
        setting = "Who works together, and is looked at together"
        rank = 54
        columns = ("name", "description")
        ordering = ("name",)
        groups = (("Team", ("name", "description")),)

    def __str__(self) -> str:
        return self.name


class TeamMember(Noun):
    """One person's place in one team; somebody may have several."""

    prefix = "place"

    class Role(models.TextChoices):
        MEMBER = "Member"
        LEADER = "Leader"

    team = Reference(
        "crm.Team", "members", "in which team", required=True, on_delete=models.CASCADE
    )
    member = Reference(
        "crm.Contact", "teams", "who is in it", required=True, on_delete=models.CASCADE
    )

    role = Choice(Role, "whether they lead it", default=Role.MEMBER)

    weight = Integer(
        "how many turns for one of the others; 0 for none", minimum=0, maximum=100, default=1
    )
    calendar = Reference(
        "crm.Calendar", "places", "in whose hours they take leads; always where there is none"
    )
    away_from = Date("the first day of a leave that is planned; empty for one that has begun")
    away_until = Date("the first day after a leave, on which they take leads again")

    class Surface:
        icon = "group_add"
        area = "setup"
        rank = 56
        columns = ("role", "member", "team", "weight", "calendar", "away_from", "away_until")
        facets = ("team", "member", "role")
        joins = ("member", "team")
        search = ("member__name", "team__name")
        alike = ()
        groups = (
            ("Place", ("member", "team", "role")),
            ("Turns", ("weight", "calendar")),
            ("Leave", ("away_from", "away_until")),
        )

    class Meta:
        verbose_name = "team member"
        verbose_name_plural = "team members"
        indexes: ClassVar = [
            index_of_reference("team", name="place_by_team"),
            index_of_reference("member", name="place_by_member"),
            index_of_reference("calendar", name="place_by_calendar"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "team", "member"],
                condition=models.Q(deleted_at=None),
                name="one_place_in_a_team",
            )
        ]

    def __str__(self) -> str:
        leads = self.role == self.Role.LEADER
        said = _("%(member)s leads %(team)s") if leads else _("%(member)s in %(team)s")
        return said % {"member": self.member, "team": self.team}

    def is_needless_with(self, field: str, successor: str) -> bool:
        """Whether the successor of a merged contact has a place in the team already."""
        there = TeamMember.objects.filter(team=self.team_id, member=successor)
        return field == "member" and there.exists()

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Check that nobody has two places in one team, and that a leave ends after it begins."""
        begins, back = (values.get(n, getattr(self, n)) for n in ("away_from", "away_until"))
        if begins is not None and {"away_from", "away_until"} & values.keys():
            if back is None:
                problems.setdefault("away_until", _("Say when they are back."))
            elif back <= begins:
                problems.setdefault("away_until", _("This has to be after the first day."))
        said = {
            "team": values.get("team", self.team_id),
            "member": values.get("member", self.member_id),
        }
        others = TeamMember.objects.filter(**said).exclude(pk=self.pk)
        if said.keys() & values.keys() and all(said.values()) and others.exists():
            problems["member"] = _("They are in this team already.")
