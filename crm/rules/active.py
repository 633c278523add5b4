"""Which rules are active, and whether a record fits one.

Those that are active are kept with the tenant's shape, so that whoever has none asks the database nothing.
"""

from __future__ import annotations

from crm.models import Rule
from headlessly.access import actors
from headlessly.declaration.shapes import cached_by_shape, current_shape
from headlessly.nouns import Noun
from headlessly.query import filters
from headlessly.shaping.changing import renew_shape_after

renew_shape_after(Rule)  # what the former ones did stays


@cached_by_shape
def _rules_by_kind() -> dict[str, tuple[Rule, ...]]:
    """The active rules of the active tenant by their kind, in the order in which they are asked."""
    if current_shape() is None:  # who ever had a rule has a shape
        return {}
    found: dict[str, tuple[Rule, ...]] = {}
    with actors.acting(actors.SYSTEM):
        for rule in Rule.objects.filter(is_active=True).order_by("position", "created_at", "pk"):
            found[rule.kind] = (*found.get(rule.kind, ()), rule)
    return found


def active_rules(kind: Rule.Kind) -> tuple[Rule, ...]:
    """The active rules of a kind, in the order in which they are asked."""
    return _rules_by_kind().get(kind, ())


def rules_before(rule: Rule) -> list[Rule]:
    """The active rules of its kind that are asked before a rule, without those that mean nothing any more."""
    others = active_rules(Rule.Kind(rule.kind))
    return [each for each in others if each.is_asked_before(rule) and not each.error]


def fits(rule: Rule, record: Noun) -> bool:
    """Whether a record fits the condition. Raises InvalidFilter where that means nothing any more."""
    noun = type(record)
    with actors.acting(actors.SYSTEM):  # whoever brings a record need not see what the rule asks of
        condition = filters.compile_filter(noun, rule.condition["filter"])
        return not condition or noun.objects.filter(condition, pk=record.pk).exists()
