"""Reads docs/contributing.md as a program: which code goes where, and what is typed in the shell."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: The first line of a block: its file, and its place there.
PLACE = re.compile(
    r"""(?:\#|\{\#)\ (?P<file>[\w./]+\.\w+)
        (?:,\ (?:(?P<how>below|instead\ of)\ (?P<quote>['"])(?P<line>.+)(?P=quote)|(?P<end>at\ the\ end)))?
        (?:\ \#\})?\Z""",
    re.VERBOSE,
)


@dataclass
class Recipe:
    """One section of the page: the blocks that go into files, and the lines for the shell."""

    title: str
    blocks: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)


def recipes(page: str) -> list[Recipe]:
    """Returns every section that adds something, in the order of the page."""
    found = []
    for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        recipe = Recipe(section.split("\n", 1)[0])
        if not recipe.title.startswith("Add "):
            continue
        for kind, text in BLOCK.findall(section):
            if kind == "sh":
                recipe.commands += text.strip().splitlines()
            else:
                recipe.blocks.append(text)
        found.append(recipe)
    return found


def put(block: str, tree: Path) -> None:
    """Do with a block what its first line says. Raises AssertionError if that is not possible."""
    first, body = block.split("\n", 1)
    place = PLACE.match(first)
    assert place, f"{first!r} names no file and place"
    path = tree / place["file"]
    if place["end"]:
        path.write_text(path.read_text().rstrip("\n") + "\n\n" + body)
        return
    if place["how"] is None:
        assert not path.exists(), f"{place['file']} is there already: say where in it"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body)
        return
    lines = path.read_text().splitlines(keepends=True)
    fitting = [number for number, line in enumerate(lines) if place["line"] in line]
    assert len(fitting) == 1, f"{len(fitting)} lines of {place['file']} have {place['line']!r}"
    at = fitting[0]
    start, end = (at, at + 1) if place["how"] == "instead of" else (_end(lines, at), None)
    lines[start : start if end is None else end] = body.splitlines(keepends=True)
    path.write_text("".join(lines))


def _end(lines: list[str], at: int) -> int:
    """Returns the line after the statement that starts at a line, where all its brackets are closed."""
    depth = 0
    for number in range(at, len(lines)):
        bare = re.sub(r"#.*", "", re.sub(r"'[^']*'|\"[^\"]*\"", "", lines[number]))
        depth += sum(map(bare.count, "([{")) - sum(map(bare.count, ")]}"))
        if depth <= 0:
            return number + 1
    raise AssertionError(f"The statement of line {at + 1} never ends")
