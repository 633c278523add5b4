"""Counts scores of leads by score rules: one statement for one lead or a thousand, now or at a past moment.

The database finds which conditions hold and when counted events happened; the arithmetic is done here, the
same for now and then. Every line adds whole points, so that the lines add up to the score.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from math import floor, log2
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import Case, DateTimeField, Exists, F, OuterRef, Subquery, Value, When
from django.db.models import IntegerField as Whole

from crm.models import Lead, Rule, ScoreDue
from crm.models.score_lines import (
    ENGAGEMENT,
    FIT,
    MOST_EVENTS,
    Line,
    conditions_of,
    relation_between,
)
from crm.rules.active import active_rules
from crm.rules.reasons import of_rule
from headlessly.access import actors, tenancy
from headlessly.declaration.shapes import cached_by_shape
from headlessly.log.versions import RowsMoment
from headlessly.nouns import Noun, registry
from headlessly.query import filters
from headlessly.query.scope import EVERYTHING, Scope

LOWEST, HIGHEST = 0, 100
A_MOMENT = timedelta(seconds=1)
#: The fields of a lead that decide until when time counts for it.
CLOSING = ("status", "convertedAt", "lostAt")
#: Stands for the time of the next count in queries of the past.
NEVER_DUE = Value(None, output_field=DateTimeField())


@dataclass(frozen=True)
class Model:
    """A score rule in the form in which it is counted."""

    rule: str
    version: int
    name: str
    filter: Mapping[str, Any]
    lines: tuple[Line, ...]
    thresholds: tuple[tuple[str, int], ...]

    @classmethod
    def of_rule(cls, rule: Rule) -> Model:
        given = sorted(rule.thresholds or (), key=lambda each: each["from"])
        return cls(
            rule=rule.pk,
            version=rule.version,
            name=rule.name,
            filter=rule.condition["filter"],
            lines=tuple(Line.read(each, Lead.__name__) for each in rule.lines or ()),
            thresholds=tuple((each["name"], int(each["from"])) for each in given),
        )

    @property
    def key(self) -> str:
        """The key by which this version of the rule is found again."""
        return f"{self.rule}@{self.version}"

    @property
    def pk(self) -> str:
        """The id of the rule."""
        return self.rule

    @cached_property
    def said(self) -> str:
        return of_rule(self)

    @cached_property
    def needs(self) -> Needs:
        return Needs.of_model(self)


@dataclass
class Needs:
    """What the scores of a model depend on: after changes of these, leads are counted again."""

    #: Fields of the lead, by wire name.
    fields: set[str] = field(default_factory=lambda: {"score", "scoredBy", *CLOSING})
    #: For each noun whose records refer to leads: the columns with the reference.
    relations: dict[str, set[str]] = field(default_factory=dict)
    #: For each noun that leads refer to: the columns with the reference, and the fields that matter.
    references: dict[str, dict[str, set[str]]] = field(default_factory=dict)

    @classmethod
    def of_model(cls, model: Model) -> Needs:
        needs = cls()
        needs._take(Lead, model.filter)
        for line in model.lines:
            if line.type == Lead.__name__:
                needs._take(Lead, line.filter)
                needs.fields |= {line.since} if line.since else set()
            elif (relation := relation_between(Lead, line.type)) is not None:
                needs.relations.setdefault(relation.noun, set()).add(relation.field)
        return needs

    def _take(self, noun: type[Noun], filter: Mapping[str, Any]) -> None:
        for asked in conditions_of(noun, filter):
            if asked.relation is not None:
                self.relations.setdefault(asked.relation.noun, set()).add(asked.relation.field)
            elif asked.field is None:
                self.fields |= {f.wire for f in noun.schema.stored if f.type in ("string", "text")}
            else:
                self.fields.add(asked.field.wire)
                if asked.rest and asked.field.type == "reference":
                    columns = self.references.setdefault(asked.field.to or "", {})
                    columns.setdefault(asked.field.column, set()).add(asked.rest)

    @classmethod
    def of_all(cls, models: Sequence[Model]) -> Needs:
        whole = cls()
        for each in (model.needs for model in models):
            whole.fields |= each.fields
            for noun, columns in each.relations.items():
                whole.relations.setdefault(noun, set()).update(columns)
            for noun, by_column in each.references.items():
                known = whole.references.setdefault(noun, {})
                for column, fields in by_column.items():
                    known.setdefault(column, set()).update(fields)
        return whole


@cached_by_shape
def score_models() -> tuple[tuple[Model, ...], Needs]:
    """Returns the models of the valid active score rules in the order in which they decide, and what they
    need."""
    rules = [rule for rule in active_rules(Rule.Kind.SCORE) if rule.error is None]
    models = tuple(map(Model.of_rule, rules))
    return models, Needs.of_all(models)


# -- arithmetic ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Earned:
    """What a line adds to a lead's score at a moment."""

    line: Line
    points: int
    #: The moments that count, the latest first; empty for lines about the lead itself, and if the line does
    #: not hold.
    moments: tuple[datetime, ...] = ()
    holds: bool = False
    #: When the line adds another number merely because time passes.
    due: datetime | None = None
    #: What the line adds before the cap and before rounding.
    whole: float = 0.0

    @property
    def gain(self) -> int:
        """How much the line could add: by holding for the first time, by no longer costing, or by counting
        once more."""
        line = self.line
        if line.points < 0:
            return -self.points
        more = line.points if line.since is None else self.whole + line.points
        if line.since is None and self.holds:
            return 0
        return _rounded(_capped(line, more)) - self.points


def earn_line(line: Line, holds: bool, moments: Sequence[datetime], at: datetime) -> Earned:
    """Returns what a line adds at a moment. Counted moments must have come and not be over."""
    if line.since is None:
        points = _capped(line, line.points) if holds else 0
        return Earned(line, _rounded(points), holds=holds)
    if not holds:
        return Earned(line, 0)
    window = None if line.within is None else timedelta(days=line.within)
    counted = tuple(
        moment
        for moment in sorted(moments, reverse=True)
        if moment <= at and (window is None or at - moment <= window)
    )
    whole = sum(line.points * _left(line, at - moment) for moment in counted)
    points = _rounded(_capped(line, whole))
    due = [moment for moment in moments if moment > at]
    if window is not None:
        due += [moment + window + A_MOMENT for moment in counted]
    if line.half_life is not None and points:
        # All counted moments decay alike, so one power tells when the next half point is lost.
        days = line.half_life * log2(abs(whole) / (abs(points) - 0.5))
        due.append(at + timedelta(days=days) + A_MOMENT)
    return Earned(line, points, counted, bool(counted), min(due, default=None), whole)


def _left(line: Line, age: timedelta) -> float:
    """Returns which part of the points is left after a time."""
    return 1.0 if line.half_life is None else 2.0 ** (-(age / timedelta(days=1)) / line.half_life)


def _capped(line: Line, points: float) -> float:
    return points if line.cap is None else max(-line.cap, min(line.cap, points))


def _rounded(points: float) -> int:
    """Rounds half a point away from zero, up and down alike."""
    return floor(points + 0.5) if points >= 0 else -floor(-points + 0.5)


@dataclass
class Count:
    """The score of a lead as counted. `model` is None if no rule applies."""

    lead: str
    version: int
    score: float | None  #: the stored score
    scored_by: str | None
    scored_with: str | None
    due_at: datetime | None  #: the stored time of the next count
    at: datetime  #: the moment for which it is counted
    until: datetime  #: the moment up to which time counts: for closed leads, when they were closed
    model: Model | None = None
    earned: tuple[Earned, ...] = ()

    @property
    def total(self) -> int:
        """The sum of all lines."""
        return sum(each.points for each in self.earned)

    @property
    def number(self) -> int:
        return max(LOWEST, min(HIGHEST, self.total))

    def sum_of(self, about: str) -> int:
        return sum(each.points for each in self.earned if each.line.about == about)

    @property
    def fit(self) -> int:
        return self.sum_of(FIT)

    @property
    def engagement(self) -> int:
        return self.sum_of(ENGAGEMENT)

    @property
    def next_due(self) -> datetime | None:
        """When the lead must be counted next if nothing else happens. Never for closed leads."""
        if self.until < self.at or self.is_by_hand:
            return None
        return min((each.due for each in self.earned if each.due is not None), default=None)

    @property
    def is_by_hand(self) -> bool:
        return self.scored_by == Lead.BY_HAND

    @property
    def is_news(self) -> bool:
        """Whether the lead must be given this score, because the number or the rule differs."""
        if self.model is None or self.is_by_hand:
            return False
        rule = (self.scored_with or "").partition("@")[0]
        return self.score != self.number or rule != self.model.rule

    def give_to(self, lead: Lead) -> None:
        """Give a lead the counted score."""
        assert self.model is not None
        lead.score = self.number
        lead.scored_by, lead.scored_with = self.model.said, self.model.key
        lead.scored_at = self.at


# -- asking the database ------------------------------------------------------------------------------


def count_scores(
    leads: Collection[str],
    models: Sequence[Model],
    at: datetime,
    *,
    as_of: datetime | None = None,
    whatever: bool = False,
) -> Iterator[Count]:
    """Count leads, each by the first of `models` that fits, at a moment not before their last change.

    `as_of` asks the past for how everything was then. `whatever` takes the first model without checking
    whether it fits. Raises InvalidFilter if a condition is no longer valid.
    """
    with actors.acting(actors.SYSTEM):  # the score does not depend on who asks
        scope = Scope(Lead, as_of)
        found = scope.queryset().filter(**{f"{scope.key}__in": list(leads)})
        # Not lazily: otherwise the caller would act as the system between two items.
        return iter(list(_count(found, scope, models, at, _due(scope), whatever)))


def count_versions(
    versions: Collection[int], models: Sequence[Model], at: datetime
) -> Iterator[Count]:
    """Count leads as they were in these versions, given by their numbers in the past.

    Everything is taken as it was when the version began. `at` is not before any of them. Raises
    InvalidFilter.
    """
    with actors.acting(actors.SYSTEM):
        past = Lead.past.objects.filter(tenant_id=tenancy.require().pk, deleted_at=None)
        found = past.filter(seq__in=list(versions))
        return iter(list(_count(found, Scope(Lead, RowsMoment()), models, at, NEVER_DUE, False)))


def _count(
    found: Any, scope: Scope, models: Sequence[Model], at: datetime, due: Any, whatever: bool
) -> Iterator[Count]:
    rows = found.order_by().values_list(
        F(scope.key), "version", "score", "scored_by", "scored_with", due,
        "updated_at", "converted_at", "lost_at", *_asked(models, scope, whatever),
    )  # fmt: skip
    for row in rows:
        yield _count_row(row, models, at)


def _due(scope: Scope) -> Any:
    rows = ScoreDue.objects.filter(lead=OuterRef(scope.key))
    return Subquery(rows.values("due_at")[:1])


def _asked(models: Sequence[Model], scope: Scope, whatever: bool) -> Iterator[Any]:
    """Yields the columns of each model: whether it fits, and for each line whether it holds and its
    moments."""
    for model in models:
        yield _whether(scope, {} if whatever else model.filter)
        for line in model.lines:
            if line.type == Lead.__name__:
                yield _whether(scope, line.filter)
                if line.since is not None:
                    yield F(filters.find_field(Lead, line.since).column)
            else:
                yield ArraySubquery(counted_records(line, scope, OuterRef(scope.key)).values("_at"))


def _whether(scope: Scope, filter: Mapping[str, Any]) -> Case:
    """Returns 1 for leads that fit a filter, else 0."""
    condition: Any = filters.compile_filter(scope, filter) or EVERYTHING
    of_rows = isinstance(scope.as_of, RowsMoment)  # then it is looked up from each lead anyway
    if not of_rows and any(asked.rest for asked in conditions_of(Lead, filter)):
        # What a reference leads to is looked up from the lead. Otherwise PostgreSQL would gather all records
        # that fit first, however many companies there are.
        there = scope.queryset().filter(condition, **{scope.key: OuterRef(scope.key)})
        condition = Exists(there.order_by())
    return Case(When(condition, then=Value(1)), default=Value(0), output_field=Whole())


def counted_records(line: Line, scope: Scope, lead: Any) -> Any:
    """Returns the latest records of a lead that a line counts, with their moments as ``_at``."""
    relation = relation_between(Lead, line.type)
    noun = registry[line.type]
    other = scope.for_noun(noun)
    column = noun.schema.by_name[relation.field].column if relation else ""
    moment = filters.find_field(noun, line.since or "$createdAt").column
    # What never changes is as it was then, and its own table has an index by lead.
    other = Scope(noun) if noun.immutable else other
    there = other.queryset().filter(
        filters.compile_filter(other, line.filter),
        **{column: lead, f"{moment}__isnull": False},
    )
    return there.annotate(_at=F(moment)).order_by(F(moment).desc())[:MOST_EVENTS]


def _count_row(row: Sequence[Any], models: Sequence[Model], at: datetime) -> Count:
    id, version, score, scored_by, scored_with, due_at, updated, converted, lost, *rest = row
    at = max(at, updated)
    closed = converted or lost
    found = Count(
        id, version, score, scored_by, scored_with, due_at, at, min(at, closed) if closed else at
    )
    values = iter(rest)
    for model in models:
        fits = next(values)
        earned = tuple(_earn(line, values, found.until) for line in model.lines)
        if fits and found.model is None:
            found.model, found.earned = model, earned
    return found


def _earn(line: Line, values: Iterator[Any], until: datetime) -> Earned:
    first = next(values)
    if line.type != Lead.__name__:
        return earn_line(line, bool(first), first or (), until)
    if line.since is None:
        return earn_line(line, bool(first), (), until)
    moment = next(values)
    return earn_line(line, bool(first), () if moment is None else (moment,), until)


# -- when it is counted next --------------------------------------------------------------------------

KEEP_DUE = (
    "INSERT INTO crm_scoredue AS d (tenant_id, lead_id, due_at) "
    "SELECT %s, lead, due FROM unnest(%s::text[], %s::timestamptz[]) AS w(lead, due) ORDER BY lead "
    "ON CONFLICT (tenant_id, lead_id) DO UPDATE SET due_at = EXCLUDED.due_at"
)


def keep_due(lead: str, due: datetime | None) -> None:
    """Note when a lead must be counted next, or that time alone changes nothing any more."""
    keep_dues({lead: due})


def keep_dues(dues: Mapping[str, datetime | None]) -> None:
    """Note the same for several leads."""
    tenant = tenancy.require()
    if over := [lead for lead, due in dues.items() if due is None]:
        ScoreDue.objects.filter(tenant=tenant, lead__in=over).delete()
    if kept := {lead: due for lead, due in dues.items() if due is not None}:
        with connection.cursor() as cursor:
            cursor.execute(KEEP_DUE, [tenant.pk, list(kept), list(kept.values())])
