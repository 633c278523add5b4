"""Finds remaining English on a page in another language, by the catalogue's own texts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from html.parser import HTMLParser

import polib

from headlessly.management import catalogue

#: Attributes that people read or hear.
READ = ("title", "aria-label", "placeholder", "alt", "data-saved", "data-nothing", "data-failed",
        "data-hint", "data-label", "data-word", "data-keys-help", "data-search", "data-problem",
        "data-offline", "data-waits", "data-signed-out", "data-ended", "data-sign-in", "data-again",
        "data-cancel", "data-dismiss", "data-half", "data-unreadable")  # fmt: skip
#: Elements without prose: scripts, keys, and the code that a form's page offers to copy.
UNREAD = ("script", "style", "code", "pre", "kbd")


class Page(HTMLParser):
    """The texts of a page, one for each node or attribute, without surrounding space."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.language = ""
        self._unread, self._symbol = 0, False
        self._data = False  #: inside JSON that is shown as a table
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "html":
            self.language = given.get("lang") or ""
        self._symbol = tag == "span" and "material-symbols" in (given.get("class") or "")
        self._data = self._data or (tag == "table" and given.get("class") == "inner")
        self._unread += tag in UNREAD or self._symbol
        self.texts += [value for name in READ if (value := given.get(name))]

    def handle_endtag(self, tag: str) -> None:
        self._data = self._data and tag != "table"
        self._unread -= tag in UNREAD or (tag == "span" and self._symbol)
        self._symbol = False

    def handle_data(self, data: str) -> None:
        if not self._unread and not self._data and (text := " ".join(data.split())):
            self.texts.append(text)


@cache
def english(language: str = "de") -> tuple[dict[str, str], list[tuple[re.Pattern[str], str]]]:
    """Returns the messages that differ in the language: whole texts, and patterns for sentences with gaps."""
    entries = polib.pofile(str(catalogue.catalogue_file(language)))
    said = {text for e in entries for text in (e.msgstr, *e.msgstr_plural.values())}
    whole: dict[str, str] = {}
    gaps: list[tuple[re.Pattern[str], str]] = []
    for entry in entries:
        for text in filter(None, (entry.msgid, entry.msgid_plural)):
            text = " ".join(text.split())
            if text in said or text[:1].upper() + text[1:] in said:
                continue
            if not catalogue.PLACEHOLDER.search(text):
                whole[text] = whole[text[:1].upper() + text[1:]] = text
            elif re.search(r"[A-Za-z]{3,}", catalogue.PLACEHOLDER.sub("", text)):
                parts = catalogue.PLACEHOLDER.split(text)[::3]
                gaps.append((re.compile(".+".join(map(re.escape, parts)) + r"\Z"), text))
    return whole, gaps


def left(texts: Iterable[str], *, language: str = "de") -> list[str]:
    """Returns those texts that are still English."""
    whole, gaps = english(language)
    found = []
    for text in texts:
        bare = text.rstrip("… ▾:.•").strip()
        if text in whole or bare in whole or any(pattern.match(text) for pattern, _ in gaps):
            found.append(text)
    return found
