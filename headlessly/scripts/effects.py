"""Finds statements in a script that would have no effect: ``lead.status = "Lost"`` saves nothing, and
``lead.convert`` without brackets does nothing.

The interpreter has no ``__setattr__``, and for it a method without a call is just a value. So the text is
searched before the script runs.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from headlessly.declaration.registry import registry
from headlessly.declaration.schema import wire_name
from headlessly.declaration.shapes import cached_by_shape
from headlessly.scripts.paths import Expressions

#: `.name = ...`, also `+=`.
ASSIGNED = re.compile(r"\.\s*(?P<name>[^\W\d]\w*)\s*(?:[-+*/%&|^@]|\*\*|//|<<|>>)?=(?!=)")
#: `lead.name, found = ...`: several targets of one assignment.
SEVERAL = re.compile(r"^(?P<targets>[^=\n]+)=(?!=)", re.MULTILINE)
TARGET = re.compile(r"\s*\*?[^\W\d]\w*(?:\.\w+|\[[^\]\n]*\])*\s*\Z")
OF_ATTRIBUTE = re.compile(r"\.(?P<name>\w+)\s*\Z")
#: A class of the script's own uses `self`.
OWN = re.compile(r"(?:self|cls)\b")
#: A short expression is repeated in the message; a longer one is not.
LONGEST_BASE = 60


class WithoutEffect(NamedTuple):
    """The place of a statement without effect, and what to write instead."""

    at: int
    message: str


def find_without_effect(code: str, mask: str) -> WithoutEffect | None:
    """Returns the first such statement, or None. ``mask`` is ``code`` with quotes for everything in strings,
    including expressions that an f-string only shows (``{lead.name=}``), and spaces for comments."""
    expressions = Expressions(mask)

    def base_of(dot: int) -> str:
        begin = expressions.begin_of(dot)
        text = "" if begin is None else code[begin:dot].strip()
        return text if len(text) <= LONGEST_BASE and "\n" not in text else ""

    for found in ASSIGNED.finditer(mask):
        base = base_of(found.start())
        if not OWN.match(base):
            return _assigning(found.start(), found["name"], base)
    outside = _lines_outside_of_brackets(mask)
    for found in SEVERAL.finditer(mask):
        targets = found["targets"].strip("()[], \t").split(",")
        if found.start() not in outside or len(targets) < 2 or not all(map(TARGET.match, targets)):
            continue
        for target in targets:
            if (name := OF_ATTRIBUTE.search(target)) and not OWN.match(target.strip()):
                base = target[: name.start()].strip(" \t*")
                return _assigning(found.start(), name["name"], base)
    for found in _uncalled().finditer(mask):
        if found.start() in outside:
            called = f"{base_of(found.start('dot'))}.{found['verb']}"
            said = f"{called} alone does nothing. Call it: {called}(...)."
            return WithoutEffect(found.start("dot"), said)
    return None


def _assigning(at: int, name: str, base: str) -> WithoutEffect:
    said = f"Assigning .{name} would save nothing. Use {base}.update({name}=...)."
    return WithoutEffect(at, said)


def _lines_outside_of_brackets(mask: str) -> set[int]:
    """Returns the offsets of the lines that do not continue a bracket of an earlier line."""
    found, depth = {0}, 0
    for at, char in enumerate(mask):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "\n" and depth == 0 and mask[at - 1] != "\\":
            found.add(at + 1)
    return found


@cached_by_shape
def _uncalled() -> re.Pattern[str]:
    """Matches a line that ends with a verb of a noun without assigning it; verbs with the name of a field are
    left out."""
    fields = {
        n
        for noun in registry.values()
        for f in noun.schema.fields.values()
        for n in (f.name, f.wire)
    }
    verbs = {
        n for noun in registry.values() for verb in noun.verbs for n in (verb, wire_name(verb))
    }
    names = "|".join(sorted(map(re.escape, verbs - fields), reverse=True))
    return re.compile(rf"^[^=\n]*[\w)\]](?P<dot>\.)(?P<verb>{names})[ \t]*$", re.MULTILINE)
