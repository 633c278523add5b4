"""Which rules are active, and whether a record fits one.

Active rules are kept with the tenant's shape, so that tenants without rules cost no query.
"""

from __future__ import annotations

from crm.models import Rule
from headlessly.access import actors
from headlessly.declaration.shapes import cached_by_shape, current_shape
from headlessly.nouns import Noun
from headlessly.query import filters
from headlessly.shaping.changing import renew_shape_after

renew_shape_after(Rule)  # what the former rules did stays


@cached_by_shape
def _rules_by_kind() -> dict[str, tuple[Rule, ...]]:
    """Returns the active rules of the active tenant by kind, in the order in which they decide."""
    if current_shape() is None:  # a tenant that ever had a rule has a shape
        return {}
    found: dict[str, tuple[Rule, ...]] = {}
    with actors.acting(actors.SYSTEM):
        for rule in Rule.objects.filter(is_active=True).order_by("position", "created_at", "pk"):
            found[rule.kind] = (*found.get(rule.kind, ()), rule)
    return found


def active_rules(kind: Rule.Kind) -> tuple[Rule, ...]:
    """Returns the active rules of a kind, in the order in which they decide."""
    return _rules_by_kind().get(kind, ())


def rules_before(rule: Rule) -> list[Rule]:
    """Returns the active rules of the same kind that decide before a rule, without those with an error."""
    others = active_rules(Rule.Kind(rule.kind))
    return [each for each in others if each.is_asked_before(rule) and not each.error]


def fits(rule: Rule, record: Noun) -> bool:
    """Whether a record fits the condition of a rule. Raises InvalidFilter if the condition is no longer
    valid."""
    noun = type(record)
    with actors.acting(actors.SYSTEM):  # the rule may ask for what the actor may not see
        condition = filters.compile_filter(noun, rule.condition["filter"])
        return not condition or noun.objects.filter(condition, pk=record.pk).exists()
