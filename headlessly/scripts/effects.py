"""What a script writes that would have no effect, told before it runs: ``lead.status = "Lost"``, which saves
nothing, and ``lead.convert`` without its brackets, which does nothing.

The interpreter has no ``__setattr__``, and a method that is named is a value to it; so the text is
read.
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
#: `lead.name, found = ...`: what is assigned several values at once.
SEVERAL = re.compile(r"^(?P<targets>[^=\n]+)=(?!=)", re.MULTILINE)
TARGET = re.compile(r"\s*\*?[^\W\d]\w*(?:\.\w+|\[[^\]\n]*\])*\s*\Z")
OF_ATTRIBUTE = re.compile(r"\.(?P<name>\w+)\s*\Z")
#: A class of one's own says `self`.
OWN = re.compile(r"(?:self|cls)\b")
#: A name that stands for itself is told; a longer expression is not repeated.
LONGEST_BASE = 60


class WithoutEffect(NamedTuple):
    """Where something stands that would have no effect, and what to write."""

    at: int
    message: str


def find_without_effect(code: str, mask: str) -> WithoutEffect | None:
    """The first of them. ``mask`` is ``code`` with quotes for all of a string, also for what an f-string says
    of values (``{lead.name=}``), and spaces for comments."""
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
    """Where the lines begin that go on with no bracket of a line before."""
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
    """A line that ends with a verb of a noun, and assigns it to nothing; no field is called like it."""
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
