"""Keeps the steps of rules up to date: values of lists and own fields that they name may be merged or
renamed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.dispatch import receiver

from crm.models import Rule
from crm.models.steps import TEMPLATE, field_of_place
from headlessly.declaration.schema import snake_name
from headlessly.declaration.verbs import Verb
from headlessly.errors import HeadlesslyError
from headlessly.nouns import Noun, registry
from headlessly.query.merged_values import MergedValue
from headlessly.shaping.custom_fields import field_renamed
from headlessly.shaping.following import value_merged


@receiver(value_merged)
def steps_that_give(
    sender: Any, merged: MergedValue, **_: Any
) -> list[tuple[Rule, dict[str, Any]]]:
    """Returns the automations whose steps write a merged value, each with the steps changed to the new
    one."""
    return list(_rules(merged))


def _rules(merged: MergedValue) -> Iterator[tuple[Rule, dict[str, Any]]]:
    for rule in Rule.objects.filter(kind=Rule.Kind.AUTOMATION):
        if isinstance(rule.steps, list):
            steps = [_with_other(step, merged) for step in rule.steps]
            if steps != rule.steps:
                yield rule, {"steps": steps}


def _with_other(step: Any, merged: MergedValue) -> Any:
    given = step.get("with") if isinstance(step, dict) else None
    found = _verb_of(step)
    if found is None or not isinstance(given, dict):
        return step
    noun, verb = found
    other = {
        wire: merged.into
        if merged.is_source(value) and merged.is_of(noun, verb.inputs.get(wire))
        else value
        for wire, value in given.items()
    }
    return {**step, "with": other}


def _verb_of(step: Any) -> tuple[type[Noun], Verb] | None:
    """Returns the noun and verb that a step runs, or None."""
    name, _dot, called = str(step.get("do", "") if isinstance(step, dict) else "").partition(".")
    noun = registry.get(name)
    verb = noun.verbs.get(snake_name(called)) if noun is not None else None
    return None if noun is None or verb is None else (noun, verb)


@receiver(field_renamed)
def rename_in_steps(sender: type[Noun], former: str, name: str, **_: Any) -> None:
    """Use the new name of a tenant's own field in the steps that name it.

    A rule with another error stays as it is: the field is found by its former name as well.
    """
    for rule in Rule.objects.filter(kind=Rule.Kind.AUTOMATION):
        noun = registry.get(str((rule.condition or {}).get("type")))
        if noun is None or not isinstance(rule.steps, list):
            continue
        steps = [_renamed(noun, step, sender, former, name) for step in rule.steps]
        if steps != rule.steps:
            with suppress(HeadlesslyError):
                rule.update(steps=steps)


def _renamed(noun: type[Noun], step: Any, of: type[Noun], former: str, name: str) -> Any:
    def in_text(found: re.Match[str]) -> str:
        *references, last = found[1].partition("|")[0].strip().split(".")
        if last != former or field_of_place(noun, found[1]) != (of, name):
            return found[0]
        return found[0].replace(".".join([*references, last]), ".".join([*references, name]), 1)

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: renamed(each) for key, each in value.items()}
        if isinstance(value, list):
            return [renamed(each) for each in value]
        return TEMPLATE.sub(in_text, value) if isinstance(value, str) else value

    made = renamed(step)
    found = _verb_of(step)
    if found is not None and found[0] is of and isinstance(made.get("with"), dict):
        made["with"] = {name if key == former else key: v for key, v in made["with"].items()}
    until = made.get("wait") if isinstance(made, dict) else None
    if noun is of and isinstance(until, str):
        made["wait"] = re.sub(rf"(until\s+){re.escape(former)}\b", rf"\g<1>{name}", until)
    elif noun is of and isinstance(until, dict) and until.get("until") == former:
        made["wait"] = {**until, "until": name}
    return made
