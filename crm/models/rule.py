"""The rule: what happens automatically, in which order, and under which condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _

from crm.models import score_lines, step_offers
from crm.models.steps import StepProblem, read_steps
from headlessly.access import tenancy
from headlessly.access.models import Membership
from headlessly.access.tenant_rows import TenantRow
from headlessly.accounts.models import Invitation
from headlessly.database.tenant_joins import TenantForeignKey
from headlessly.declaration.fields import (
    Choice,
    Choices,
    Flag,
    Integer,
    Json,
    Pairs,
    Reference,
    String,
)
from headlessly.declaration.indexes import index_of_reference
from headlessly.declaration.surface import Kinds, computed
from headlessly.errors import InvalidFilter
from headlessly.log.names import OF, VIEW_EVENTS, without_view
from headlessly.nouns import Noun, registry
from headlessly.query import filters
from headlessly.query.saved_views import watched_views
from headlessly.webhooks.patterns import no_view

#: The longest time for a first answer, in minutes of working time.
MOST_MINUTES = 100_000


class Rule(Noun):
    """What happens by itself to the records that fit a condition: who gets a new lead, until when it is
    answered, what it is worth, what follows."""

    class Kind(models.TextChoices):
        ASSIGNMENT = "Assignment"
        FIRST_ANSWER = "FirstAnswer"
        SCORE = "Score"
        AUTOMATION = "Automation"

    class How(models.TextChoices):
        NOBODY = "Nobody"
        PERSON = "Person"
        TURNS = "Turns"
        FEWEST = "Fewest open"

    class OffHours(models.TextChoices):
        PASS_OVER = "Pass over"
        GIVE = "Give anyway"

    name = String(required=True)
    kind = Choice(Kind, "what it decides", default=Kind.ASSIGNMENT)
    position = Integer("which is asked first: the lowest", minimum=0, maximum=10_000, default=100)
    condition = Json(
        'of which records, such as {"type": "Lead", "filter": {"source": "website"}}; an empty '
        "filter is all",
        required=True,
        keys=("type", "filter"),
        filters=True,
        example={"type": "Lead", "filter": {"source": "website"}},
    )
    is_active = Flag("whether it is asked", default=True, verbose_name="active")
    how = Choice(
        How,
        "to one person, by turns in a team, to whom fewest open leads are, or to nobody",
        default=How.NOBODY,
    )
    person = Reference("crm.Contact", "rules_for", "who gets it, of the way Person")
    team = Reference("crm.Team", "rules", "whose members get it, of the ways Turns and Fewest open")
    capacity = Integer("how many open leads each may have", minimum=1, maximum=100_000)
    fallback = Reference(
        "crm.Contact",
        "rules_falling_back_on",
        "who gets it where nobody else can, at any hour",
    )
    off_hours = Choice(
        OffHours,
        "whoever does not work at the moment is passed over, or given it anyway",
        default=OffHours.PASS_OVER,
        db_default=OffHours.PASS_OVER,
        verbose_name="outside of hours",
    )
    within = Integer(
        "minutes of working time until the first answer",
        minimum=1,
        maximum=MOST_MINUTES,
        unit="min",
    )
    warn_before = Integer(
        "how many minutes of working time before that its owner is warned", minimum=1,
        maximum=MOST_MINUTES, unit="min",
    )  # fmt: skip
    lines = Json(
        "what a score is made of: each line a condition and points",
        keys=score_lines.KEYS,
        kinds=score_lines.KINDS,
        example=score_lines.EXAMPLE,
    )
    thresholds = Json(
        "the scores from which a lead is called something",
        keys=("name", "from"),
        kinds={"from": "number"},
        example=[{"name": "Warm", "from": 50}, {"name": "Hot", "from": 80}],
    )
    events = Choices(
        "after which events of these records, such as Deal.Won; all must be of one noun",
        offers=step_offers.offered_events,
        form_help="after what happens to one of these records",
    )
    steps = Json(
        "what follows, in order: wait (3 days, until expectedCloseDate 09:00, until workingDay 09:00), do a "
        "verb (Activity.create, of a reference) with input such as subject: Ask {{name}}, notify (owner) a "
        "text, or call a webhook by its id",
        keys=("wait", "do", "of", "with", "notify", "text", "webhook"),
        kinds={
            "wait": step_offers.offered_waits,
            "do": step_offers.offered_verbs,
            "of": step_offers.offered_references,
            "with": Pairs(step_offers.offered_inputs),
            "notify": step_offers.offered_people,
            "webhook": step_offers.offered_webhooks,
        },
        example=[{"do": "Lead.update", "with": {"source": "{{source}}"}}],
        form_help="what follows, in order. Each step waits, does something, tells somebody a text, or calls "
        "a webhook; texts may name fields of the record, such as Ask {{name}}",
    )

    class Surface:
        icon = "alt_route"
        area = "setup"
        setting = "Who gets a new lead"
        kinds = Kinds(
            "kind",
            {
                "Assignment": ("how", "person", "team", "capacity", "fallback", "off_hours"),
                "FirstAnswer": ("within", "warn_before"),
                "Score": ("lines", "thresholds"),
                "Automation": ("events", "steps"),
            },
            {
                "Assignment": "Who gets a new lead",
                "FirstAnswer": "How soon a new lead is answered",
                "Score": "What a lead is worth",
                "Automation": "What follows by itself",
            },
            about=dict.fromkeys(("Assignment", "FirstAnswer", "Score"), ("Lead",)),
        )
        rank = 64
        columns = ("name", "kind", "position", "is_active", "how", "team", "person", "events")
        no_mean = ("position", "capacity", "within", "warn_before")
        facets = ("kind", "is_active", "how", "team")
        ordering = ("position",)
        search = ("name",)
        alike = ("name",)
        groups = (
            ("Rule", ("name", "kind", "is_active", "position", "condition")),
            ("To whom", ("how", "person", "team", "capacity", "fallback", "off_hours")),
            ("First answer", ("within", "warn_before")),
            ("What it is worth", ("lines", "thresholds")),
            ("What follows", ("events", "steps")),
        )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="rule_by_created"),
            index_of_reference("person", name="rule_by_person"),
            index_of_reference("team", name="rule_by_team"),
            index_of_reference("fallback", name="rule_by_fallback"),
        ]

    def __str__(self) -> str:
        return self.name

    def is_asked_before(self, other: Rule) -> bool:
        """Whether this rule decides before another one of its kind."""
        keys = [(each.position, each.created_at, each.pk) for each in (self, other)]
        return keys[0] < keys[1]

    @computed("string", "condition", "kind", "lines", "events", "steps")
    def error(self) -> str | None:
        """Why it does nothing at the moment, such as that a field of its condition is gone."""
        found = Rule.problem_of(self.condition, self.kind)
        if found is None and self.kind == Rule.Kind.SCORE:
            return score_lines.problem_of_lines(registry["Lead"], self.lines)
        if found is None and self.kind == Rule.Kind.AUTOMATION:
            try:
                read_steps(registry[self.condition["type"]], self.steps, saved=True)
            except StepProblem as problem:
                return str(problem)
            return Rule.problem_of_views(registry[self.condition["type"]], self.events or ())
        return found

    @classmethod
    def problem_of(cls, condition: Any, kind: str) -> str | None:
        """Returns what is wrong with a condition, or None."""
        if not isinstance(condition, dict) or set(condition) != {"type", "filter"}:
            return _("Send type and filter, and nothing else.")
        if condition["type"] not in (about := cls.Surface.kinds.about.get(kind, registry)):
            return _("type: use one of %s.") % ", ".join(about)
        if not isinstance(condition["filter"], dict):
            return _('filter: send an object, such as {"status": "New"}; {} is all of them.')
        try:
            filters.compile_filter(registry[condition["type"]], condition["filter"])
        except InvalidFilter as problem:
            return _("filter: %s") % problem.message
        return None

    def validate(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Check what the kind of the rule needs: its condition, and what it gives or does."""
        kind = values.get("kind") or self.kind
        if "condition" in values and (found := self.problem_of(values["condition"], kind)):
            problems.setdefault("condition", found)
        if kind == self.Kind.ASSIGNMENT:
            self._validate_whom(values, problems)
        if kind == self.Kind.FIRST_ANSWER:
            self._validate_time(values, problems)
        if kind == self.Kind.SCORE:
            score_lines.validate_score(registry["Lead"], self, values, problems)
        if kind == self.Kind.AUTOMATION and not problems:
            self._validate_what_follows(values, problems)

    def _validate_what_follows(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Check that the events belong to the noun of the condition, and that the steps can be done from
        there."""
        given = {
            name: values.get(name, getattr(self, name)) for name in ("condition", "events", "steps")
        }
        noun = registry[given["condition"]["type"]]
        # Nothing can follow a deletion: the record no longer exists.
        verbs = (verb for verb in noun.verbs.values() if not verb.deletes)
        known = [*dict.fromkeys(verb.event for verb in verbs), *VIEW_EVENTS]
        others = [name for name in given["events"] or [] if without_view(name) not in known]
        if others or not given["events"]:
            said = _("Say after what: use some of %s.") % ", ".join(known)
            problems["events"] = f"{others[0]}: {said}" if others else said
        elif {"condition", "events"} & values.keys() and (
            found := self.problem_of_views(noun, given["events"])
        ):
            problems["events"] = found
        try:
            if {"condition", "steps"} & set(values) or self._state.adding:
                read_steps(noun, given["steps"])
        except StepProblem as problem:
            problems["steps"] = str(problem)

    @staticmethod
    def problem_of_views(noun: type[Any], events: Sequence[str]) -> str | None:
        """Returns what is wrong with the views that events are narrowed to, or None. Each must be of
        `noun`."""
        named = {name: name.partition(OF)[2] for name in events if OF in name}
        if not named:
            return None
        there = {id for id, (of, _name) in watched_views().items() if of == noun.__name__}
        return next(
            (f"{name}: {no_view(id)}" for name, id in named.items() if id not in there), None
        )

    def _validate_whom(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        how = values.get("how", self.how)
        needed = {self.How.PERSON: "person", self.How.TURNS: "team", self.How.FEWEST: "team"}
        name = needed.get(how)
        if name and {"how", name} & values.keys():
            given = values.get(name, getattr(self, f"{name}_id"))
            if not given:
                problems.setdefault(name, _("Say to whom: this way needs it."))
        for name in ("person", "fallback"):
            id = values.get(name)
            if id and name not in problems and not members_among([id], invited=True):
                problems[name] = _("Name a member: %s is none.") % id

    def _validate_time(self, values: Mapping[str, Any], problems: dict[str, str]) -> None:
        """Require a time for the first answer, and a warning before that time."""
        within = values.get("within", self.within)
        warned = values.get("warn_before", self.warn_before)
        if not within and {"kind", "within"} & values.keys():
            problems.setdefault("within", _("Say within how many minutes of working time."))
        if within and warned and warned >= within and {"within", "warn_before"} & values.keys():
            problems.setdefault("warn_before", _("This has to be less than the whole time."))


def members_among(contacts: list[str], *, invited: bool = False) -> set[str]:
    """Returns which of these contacts are members of the active tenant; with `invited`, also pending
    invitations.

    If no member is linked to a contact yet, all of them are returned.
    """
    linked = Membership.of_contacts()
    found = set(linked.filter(contact__in=contacts).values_list("contact_id", flat=True))
    if len(found) == len(set(contacts)):
        return found
    if invited:
        waiting = Invitation.objects.open().filter(
            tenant=tenancy.require(), contact_id__in=contacts
        )
        found |= {id for id in waiting.values_list("contact_id", flat=True) if id}
    return found if found or linked.exists() else set(contacts)


class RuleTurn(TenantRow):
    """Whose turn it is in an assignment rule.

    Giving a turn locks the row until the commit, so that turns are exact.
    """

    rule = TenantForeignKey("crm.Rule", models.CASCADE, related_name="+", db_index=False)
    #: How much each contact is owed; the highest is next.
    credits = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "rule"], name="one_turn_a_rule")
        ]

    def __str__(self) -> str:
        return str(self.rule_id)
