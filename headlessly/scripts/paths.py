"""Rewrites what the interpreter has no classes for: ``lead.deal.value`` and ``find(...).first()``.

A record's reference is the id of another one, and ``find`` returns a list. The interpreter allows neither
further attributes of text and lists, nor computed attributes of a class. So a path through a reference
becomes a call of a function in the prelude, with the record and the name of the reference, which reads the
other record by its id, as of the same moment. ``.first()`` is rewritten likewise. This is no protection of
anything, and line numbers stay the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from keyword import iskeyword

from headlessly.declaration.registry import registry
from headlessly.declaration.shapes import cached_by_shape

#: The functions of the prelude: the record of a reference; the first of a list; the first match of a noun.
READ_REFERENCE, FIRST, FIND_FIRST = "_at", "_first", "_find_first"

BRACKETS = {")": "(", "]": "[", "}": "{"}
WORD = re.compile(r"\w+")
#: `.first()`, on any value.
FIRST_CALL = re.compile(r"\.\s*first\s*\(\s*\)")
#: `.find(` right before the bracket that closes before `.first()`.
FIND_CALL = re.compile(r"\.\s*find\s*\Z")
#: The methods of text itself: `lead.owner.startswith(...)` means the id.
TEXT_METHODS = frozenset(dir(str))


def rewrite_paths(code: str, mask: str) -> str:
    """Returns ``code`` with paths over references and ``.first()`` replaced by calls of the prelude.

    ``mask`` is the code with quotes for everything in strings, and spaces for comments.
    """
    expressions = Expressions(mask)
    changes: list[tuple[int, int, int, str]] = []  # at, until, rank at the same place, text
    for found in _reference_pattern().finditer(code):
        start, end = found.span("reference")
        is_code = mask[start] == code[start]
        if not is_code or (found["call"] and found["next"] in TEXT_METHODS):
            continue
        if (begin := expressions.begin_of(start)) is not None:
            changes.append((begin, begin, -end, f"{READ_REFERENCE}("))
            # No quotes, because it may be inside of some.
            number = reference_names().index(found["name"])
            asked = f", {number}, {found['quote'] is not None})"
            changes.append((start, end, 0, _lines_of(found["reference"]) + asked))
    for found in FIRST_CALL.finditer(mask):
        if (begin := expressions.begin_of(found.start())) is None:
            continue
        changes.append((begin, begin, -found.end(), f"{FIRST}("))
        if (find := expressions.find_call(found.start())) is not None:
            dot, bracket, close = find
            changes[-1] = (begin, begin, -found.end(), f"{FIND_FIRST}(")
            changes.append((dot, bracket + 1, 0, ", "))
            changes.append((close, close + 1, 0, ""))
        changes.append((found.start(), found.end(), 0, _lines_of(found[0]) + ")"))
    return _changed(code, changes)


def _changed(code: str, changes: Iterable[tuple[int, int, int, str]]) -> str:
    parts, at = [], 0
    for begin, until, _rank, text in sorted(changes):
        parts += [code[at:begin], text]
        at = until
    return "".join([*parts, code[at:]])


def _lines_of(text: str) -> str:
    return "\n" * text.count("\n")


@cached_by_shape
def reference_names() -> list[str]:
    """Returns the names of references, in both spellings."""
    names = {
        name
        for noun in registry.values()
        for field in noun.schema.fields.values()
        if field.type == "reference"
        for name in (field.wire, field.name)
    }
    return sorted(names, reverse=True)


@cached_by_shape
def _reference_pattern() -> re.Pattern[str]:
    """Matches a reference of any noun from which something is read: ``.deal.value`` or ``["deal"].value``."""
    name = "|".join(map(re.escape, reference_names()))
    return re.compile(
        rf"(?P<reference>(?:\.\s*|\[\s*(?P<quote>[\"']))(?P<name>{name})(?(quote)(?P=quote)\s*\]|\b))"
        # Only looked at, because it may be a reference itself.
        r"(?=\s*\.\s*(?P<next>[^\W\d]\w*)\s*(?P<call>\()?)"
    )


class Expressions:
    """Finds where the expressions of a script begin; each part is scanned once."""

    def __init__(self, mask: str) -> None:
        self.mask = mask
        self.opening: dict[int, int] = {}
        self.begins: dict[int, int | None] = {}
        self.word_begins: dict[int, int] = {}
        open_brackets: list[int] = []
        for at, char in enumerate(mask):
            if char in "([{":
                open_brackets.append(at)
            elif char in BRACKETS and open_brackets and mask[open_brackets[-1]] == BRACKETS[char]:
                self.opening[at] = open_brackets.pop()
        for word in WORD.finditer(mask):
            self.word_begins[word.end()] = word.start()

    def begin_of(self, end: int) -> int | None:
        """Returns where the expression before the dot or bracket at ``end`` begins; None without one."""
        walked: list[int] = []
        at, found = end, None
        while True:
            at = self._skip_spaces(at)
            if at in self.begins:
                found = self.begins[at]
                break
            walked.append(at)
            last = self.mask[at - 1] if at else ""
            if last in BRACKETS:
                opening = self.opening.get(at - 1)
                if opening is None:
                    break
                if self._is_called(opening):
                    at = opening
                    continue
                found = opening
                break
            begin = self.word_begins.get(at)
            if begin is None or iskeyword(self.mask[begin:at]):
                break
            before = self._skip_spaces(begin)
            if not before or self.mask[before - 1] != ".":
                found = begin
                break
            at = before - 1
        self.begins |= dict.fromkeys(walked, found)
        return found

    def find_call(self, end: int) -> tuple[int, int, int] | None:
        """Returns the positions of the dot, the bracket and the closing bracket of a ``.find(...)`` that ends
        before ``end``."""
        close = self._skip_spaces(end) - 1
        bracket = self.opening.get(close)
        if bracket is None:
            return None
        found = FIND_CALL.search(self.mask, max(0, bracket - 40), bracket)
        return (found.start(), bracket, close) if found else None

    def _is_called(self, opening: int) -> bool:
        """Whether the bracket is a call or an index of the expression before it."""
        begin = self.word_begins.get(opening)
        if begin is not None:
            return not iskeyword(self.mask[begin:opening])
        return bool(opening) and self.mask[opening - 1] in BRACKETS and self.mask[opening] != "{"

    def _skip_spaces(self, at: int) -> int:
        while at and self.mask[at - 1].isspace():
            at -= 1
        return at
