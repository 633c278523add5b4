"""Describes a filter in words: ``status is New, and no activities with status is Pending``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from headlessly.admin import display
from headlessly.admin.filtering import inputs, offered
from headlessly.admin.filtering.tree import (
    ALL,
    EMPTY,
    FILLED,
    NONE,
    SOME,
    WORDS,
    Condition,
    Group,
    Part,
    Related,
    write_filter,
)
from headlessly.declaration import days, labels
from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter
from headlessly.language import wording
from headlessly.log.events import dump_json
from headlessly.nouns import Noun
from headlessly.query import querystring
from headlessly.query.reports import record_names


def describe_part(noun: type[Noun], part: Part, names: dict[str, str] | None = None) -> str:
    """Returns a part of a filter in words; ``names`` are those of the records in it."""
    names = record_names_in(noun, part) if names is None else names
    match part:
        case Condition():
            return _describe_condition(noun, part, names)
        case Related(relation=relation, quantifier=quantifier, group=group):
            other: Any = relation.source_noun
            inner = describe_part(other, group, names)
            said = {"relation": labels.relation_label(relation), "condition": inner}
            if quantifier == SOME:
                text = (
                    _("%(relation)s: some with %(condition)s") if inner else _("%(relation)s: some")
                )
            else:
                text = (
                    _("%(relation)s: none with %(condition)s") if inner else _("%(relation)s: none")
                )
            return text % said
        case Group(match=match, parts=parts):
            found = [describe_part(noun, each, names) for each in parts]
            if match == NONE:
                return _("none of: %s") % "; ".join(found)
            return (_(" and ") if match == ALL else _(" or ")).join(found)
    return dump_json(write_filter(part)).decode()


def _describe_condition(noun: type[Noun], part: Condition, names: dict[str, str]) -> str:
    if part.path == WORDS:
        return _("“%s”") % part.values[0]
    try:
        declared = querystring.field_at_path(noun, part.path)
    except InvalidFilter:
        return part.path
    label = offered.path_label(noun, part.path)
    operator = dict(offered.operators_of(declared)).get(part.operator, part.operator)
    if part.operator in (EMPTY, FILLED):
        return f"{label} {operator}"
    values = [_describe_value(declared, part.operator, value, names) for value in part.values]
    return f"{label} {operator} {wording.join_with_or(values)}"


def _describe_value(field: Field, operator: str, value: Any, names: dict[str, str]) -> str:
    if operator in ("text", "regex"):
        return f"“{value}”"
    if field.type in offered.DATES:
        when, text = inputs.show_when(operator, [value])
        return moment_in_words(text if when == offered.ON else value)
    if field.type == "reference":
        return names.get(value, str(value))
    if field.type in ("enum", "bool"):
        return inputs.value_in_words(field, inputs.show_texts(field, [value])[0])
    if field.type in offered.NUMBERS and isinstance(value, int | float):
        return display.amount(value) if field.type == "money" else display.number(value)
    return str(value)


def record_names_in(noun: type[Noun], part: Part) -> dict[str, str]:
    """Returns the names of the records in a filter, with one query for each noun."""
    wanted: dict[type[Any], list[Any]] = defaultdict(list)
    for other, ids in _references(noun, part):
        wanted[other] += ids
    found: dict[str, str] = {}
    for other, ids in wanted.items():
        found |= record_names(other, ids)
    return found


def _references(noun: type[Noun], part: Part) -> Iterator[tuple[type[Any], list[Any]]]:
    match part:
        case Condition(path=path, values=values) if path and path != WORDS:
            try:
                declared = querystring.field_at_path(noun, path)
            except InvalidFilter:
                return
            if declared.type == "reference":
                yield declared.target_noun, values
        case Group(parts=parts):
            for each in parts:
                yield from _references(noun, each)
        case Related(relation=relation, group=group):
            other: Any = relation.source_noun
            yield from _references(other, group)


def moment_in_words(text: str) -> str:
    """Returns a date in words: ``14d ago`` → ``14 days ago``, ``2026-01-31`` → ``31 Jan 2026``."""
    if text in offered.NAMED_WHEN:
        return str(offered.NAMED_WHEN[text])
    if (found := days.parse_relative(text)) is not None:
        count, unit, direction = found
        named = {
            "m": ngettext("%d minute", "%d minutes", count),
            "h": ngettext("%d hour", "%d hours", count),
            "d": ngettext("%d day", "%d days", count),
            "w": ngettext("%d week", "%d weeks", count),
            "mo": ngettext("%d month", "%d months", count),
            "y": ngettext("%d year", "%d years", count),
        }[unit] % count
        return _("%s ago") % named if direction == "ago" else _("%s from now") % named
    try:
        return display.day_text(date.fromisoformat(text.strip()))
    except ValueError:
        return text
