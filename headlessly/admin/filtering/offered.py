"""The choices of a filter row: the fields and relations of a noun, and the operators of each."""

from __future__ import annotations

from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from headlessly.admin.filtering.tree import EMPTY, FILLED, IS, NOT, WORDS
from headlessly.declaration import days, labels
from headlessly.declaration.schema import Field, Relation
from headlessly.language import wording
from headlessly.nouns import Noun
from headlessly.query import filters, querystring

#: Prefix of a relation's wire name, in the place of a field's path.
RELATION = "@"
#: The choice of a condition that is written as JSON.
WRITTEN = "{}"

TEXTS = ("string", "text", "email", "url")
NUMBERS = ("number", "integer", "money")
DATES = ("date", "datetime")

_EMPTY = ((EMPTY, gettext_lazy("is empty")), (FILLED, gettext_lazy("is filled")))
_IS = ((IS, pgettext_lazy("condition", "is")), (NOT, pgettext_lazy("condition", "is not")))
_ALPHABET = (
    ("gt", gettext_lazy("is in the alphabet after")),
    ("gte", gettext_lazy("is in the alphabet from")),
    ("lt", gettext_lazy("is in the alphabet before")),
    ("lte", gettext_lazy("is in the alphabet up to")),
)
_TEXT = (("text", gettext_lazy("has the words")), *_IS, *_EMPTY)
_PATTERN = (("regex", gettext_lazy("matches the pattern")),)
_NUMBER = (
    *_IS,
    ("gte", gettext_lazy("is at least")),
    ("lte", gettext_lazy("is at most")),
    ("gt", gettext_lazy("is more than")),
    ("lt", gettext_lazy("is less than")),
    *_EMPTY,
)
_DATE = (
    ("gte", gettext_lazy("is from")),
    ("lt", gettext_lazy("is before")),
    ("lte", gettext_lazy("is until")),
    ("gt", gettext_lazy("is after")),
    *_IS,
    *_EMPTY,
)
_CHOICES = (
    (IS, gettext_lazy("has any of")),
    ("all", gettext_lazy("has all of")),
    (NOT, gettext_lazy("has none of")),
    *_EMPTY,
)
#: Operators for how far a record has come. It is never empty.
_REACHED = (*_IS,)


def operators_of(field: Field) -> list[tuple[str, Any]]:
    """Returns the operators of a field, each with its label."""
    if field.wire in filters.REACHED:
        return [*_REACHED]
    if field.type in TEXTS:
        return [*_TEXT, *_PATTERN, *_ALPHABET]
    if field.type in NUMBERS:
        return [*_NUMBER]
    if field.type in DATES:
        return [*_DATE]
    if field.type == "choices":
        return [*_CHOICES]
    if field.type == "enum":
        return [*_IS, *_EMPTY, ("text", gettext_lazy("has the words")), *_PATTERN]
    return [*_IS, *_EMPTY]


QUANTIFIERS = (("some", gettext_lazy("has some with")), ("none", gettext_lazy("has none with")))
MATCHES = (
    ("all", gettext_lazy("all of these hold")),
    ("any", gettext_lazy("any of these holds")),
    ("none", gettext_lazy("none of these holds")),
)

#: How a date is given: as a day of the calendar (``ON``), by a name, or as a number of units ago or from
#: now.
ON = "on"
NAMED_WHEN = {
    "today": gettext_lazy("today"),
    "yesterday": gettext_lazy("yesterday"),
    "tomorrow": gettext_lazy("tomorrow"),
    "now": gettext_lazy("now"),
    "start of this week": gettext_lazy("the start of this week"),
    "start of last week": gettext_lazy("the start of last week"),
    "start of next week": gettext_lazy("the start of next week"),
    "start of this month": gettext_lazy("the start of this month"),
    "start of last month": gettext_lazy("the start of last month"),
    "start of next month": gettext_lazy("the start of next month"),
    "start of this quarter": gettext_lazy("the start of this quarter"),
    "start of last quarter": gettext_lazy("the start of last quarter"),
    "start of next quarter": gettext_lazy("the start of next quarter"),
    "start of this year": gettext_lazy("the start of this year"),
    "start of last year": gettext_lazy("the start of last year"),
    "start of next year": gettext_lazy("the start of next year"),
}
assert NAMED_WHEN.keys() == {"now", *days.NAMED, *days.STARTS}
AGO = {
    "d ago": gettext_lazy("days ago"),
    "w ago": gettext_lazy("weeks ago"),
    "mo ago": gettext_lazy("months ago"),
    "y ago": gettext_lazy("years ago"),
    "h ago": gettext_lazy("hours ago"),
    "m ago": gettext_lazy("minutes ago"),
    "d from now": gettext_lazy("days from now"),
    "w from now": gettext_lazy("weeks from now"),
    "mo from now": gettext_lazy("months from now"),
    "y from now": gettext_lazy("years from now"),
    "h from now": gettext_lazy("hours from now"),
    "m from now": gettext_lazy("minutes from now"),
}
WHEN = {ON: gettext_lazy("a day"), **NAMED_WHEN, **AGO}


#: The choices of a row: titles of groups, each with pairs of value and label.
Choices = list[tuple[str, list[tuple[str, str]]]]


def choices_of(noun: type[Noun]) -> Choices:
    """Returns the choices of a row: the noun's own fields, its relations, and the fields behind each of
    its references."""
    own = [(f.wire, label) for label, f in fields_of(noun)]
    own.append((WORDS, _("Words anywhere")))
    found = [(labels.noun_title(noun), own)]
    if relations := [
        (RELATION + r.wire, labels.relation_label(r)) for r in noun.schema.relations.values()
    ]:
        found.append((_("What belongs to it"), relations))
    for reference in noun.schema.references.values():
        label = labels.field_label(reference)
        behind = [
            (f"{reference.wire}.{f.wire}", f"{label}: {behind}")
            for behind, f in fields_of(reference.target_noun)  # type: ignore[arg-type]
        ]
        found.append((label, behind))
    return [*found, (_("Anything else"), [(WRITTEN, _("As written (JSON)"))])]


def choices_with(noun: type[Noun], choices: Choices, chosen: str) -> Choices:
    """Returns the choices with the chosen one added if it is not among them, such as a longer path."""
    if not chosen or any(chosen == value for _title, group in choices for value, _label in group):
        return choices
    return [*choices[:-1], (_("Further away"), [(chosen, path_label(noun, chosen))]), choices[-1]]


def fields_of(noun: type[Noun]) -> list[tuple[str, Field]]:
    """Returns every field of a noun that can be filtered by, with those that every record has, sorted by
    label."""
    fields = [f for f in noun.schema.fields.values() if f.computed is None]
    if noun.schema.machine is not None and noun.schema.field("reached") is None:
        fields.append(filters.find_condition_field(noun, filters.REACHED[0]))
    fields += filters.META_FIELDS.values()
    fields += [join.field for join in noun.schema.joins.values()]
    found = [(labels.field_label(field), field) for field in fields]
    return sorted(found, key=lambda each: each[0].casefold())


def relation_of(noun: type[Noun], name: str) -> Relation | None:
    """Returns the relation that a row is about, or None."""
    return noun.schema.relations.get(name[1:]) if name.startswith(RELATION) else None


def path_label(noun: type[Noun], path: str) -> str:
    """Returns the label of a path: ``organization.industry`` → ``Organization industry``."""
    first, *rest = map(labels.field_label, querystring.fields_along(noun, path))
    return " ".join([capfirst(first), *map(wording.inside_sentence, rest)])
