"""Conditions of a list beside its fields: words, the noun's own conditions, and built filters."""

from __future__ import annotations

from typing import Any

from django.utils.text import slugify
from django.utils.translation import gettext as _

from headlessly.admin.filtering import tree
from headlessly.admin.filtering.words import describe_part
from headlessly.nouns import Noun
from headlessly.query.list_address import filter_text, parse_filter


class PresetFilter:
    """One of the noun's own conditions."""

    label = ""
    names = ("is",)
    params = None

    def __init__(self, name: str, condition: Any) -> None:
        self.name, self.condition = name, condition
        self.slug = slugify(name)

    def as_filter(self) -> dict[str, Any]:
        return dict(self.condition)

    def in_words(self) -> str:
        return _(self.name)


class SearchFilter:
    label = ""
    names = ("q",)

    def __init__(self, text: str) -> None:
        self.text = text

    @property
    def params(self) -> dict[str, str]:
        """The condition as REST parameters; None if they cannot express it."""
        return {"q": self.text}

    def as_filter(self) -> dict[str, Any]:
        return {"$text": self.text}

    def in_words(self) -> str:
        return _("“%s”") % self.text


class BuiltFilter:
    """A part of a filter that people built, or that another program wrote."""

    label = ""
    names = ("filter",)
    params = None

    def __init__(self, noun: type[Noun], group: tree.Group, number: int) -> None:
        self.noun, self.group, self.number = noun, group, number
        self.part = group.parts[number]

    def as_filter(self) -> dict[str, Any]:
        return tree.write_filter(self.part)

    def in_words(self) -> str:
        return describe_part(self.noun, self.part)

    @property
    def rest(self) -> str:
        """The filter without this part, as in an address."""
        others = [each for each in self.group.parts if each is not self.part]
        return filter_text(tree.write_filter(tree.Group(self.group.match, others)))


def read_built_filters(noun: type[Noun], text: str) -> list[BuiltFilter]:
    """Returns the parts of the filter in an address. Raises InvalidFilter."""
    if not text:
        return []
    group = tree.read_filter(noun, parse_filter(text))
    if group.match != tree.ALL:
        group = tree.Group(tree.ALL, [group])
    return [BuiltFilter(noun, group, number) for number in range(len(group.parts))]
