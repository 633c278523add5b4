"""What a list may be narrowed by beside its fields: words, and the noun's own conditions."""

from __future__ import annotations

from typing import Any

from django.utils.text import slugify
from django.utils.translation import gettext as _


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
    """What is searched for."""

    label = ""
    names = ("q",)

    def __init__(self, text: str) -> None:
        self.text = text

    @property
    def params(self) -> dict[str, str]:
        """The same as REST says it; None for what it has no words for."""
        return {"q": self.text}

    def as_filter(self) -> dict[str, Any]:
        return {"$text": self.text}

    def in_words(self) -> str:
        return _("“%s”") % self.text
