"""The picture of the house, docs/pictures/house.svg: floors from the import contract, imports counted.

    python docs/pictures/house.py

It needs no package and makes the same picture of the same code every time. A test holds it against the house.
"""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PICTURE = Path(__file__).with_name("house.svg")
APPS = ("marketing", "crm", "headlessly")
CONTRACT = "The platform, floor by floor"


class Import(NamedTuple):
    """One module names another: where, and whether it waits until a function runs."""

    importer: str
    imported: str
    line: int
    lazy: bool


@cache
def modules(root: Path = ROOT) -> dict[str, Path]:
    """Every module of the product but the migrations, by its dotted name; a package is its ``__init__``."""
    found = {}
    for app in APPS:
        for path in sorted((root / app).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if "migrations" not in parts:
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(root: Path = ROOT) -> list[Import]:
    """Every import of one of the product's modules by another, wherever it stands.

    Those in functions and under TYPE_CHECKING count like all others: whoever reads the one file has to
    know the other.
    """
    known = modules(root)
    found = []
    for name, path in known.items():
        nodes = list(_imports_of(ast.parse(path.read_text()), False))
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for node, lazy in nodes:
            for imported in sorted(set(_named_by(node, package, known))):
                if imported != name:
                    found.append(Import(name, imported, node.lineno, lazy))
    return found


def _imports_of(tree: ast.AST, lazy: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, lazy
        elif isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            within = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from _imports_of(node, lazy or within)


def _named_by(node: ast.AST, package: str, known: dict[str, Path]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in known)
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        for alias in node.names:
            inside = f"{base}.{alias.name}"
            if inside in known:
                yield inside
            elif base in known:
                yield base


def room(module: str, package: str = "headlessly") -> str | None:
    """The room of a package in which a module stands; None for the package itself and for others."""
    if not module.startswith(package + "."):
        return None
    return module[len(package) + 1 :].split(".")[0]


def between_rooms(package: str = "headlessly", root: Path = ROOT) -> Counter[tuple[str, str]]:
    """How many imports lead from each room of a package to each other."""
    pairs = ((room(each.importer, package), room(each.imported, package)) for each in imports(root))
    return Counter((one, other) for one, other in pairs if one and other and one != other)


def floors(root: Path = ROOT) -> list[list[str]]:
    """The rooms of the platform from the top, as pyproject.toml has them."""
    settings = tomllib.loads((root / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    (layers,) = (each["layers"] for each in contracts if each["name"] == CONTRACT)
    return [[name.strip(" ()") for name in layer.replace(":", "|").split("|")] for layer in layers]


# -- drawing --------------------------------------------------------------------------------------

WIDTH, ROW, TOP, LEFT, RIGHT = 900, 46, 64, 24, 330
#: Dark on white, or the other way in the dark; a stronger line is more imports.
STYLE = """
  .paper { fill: #ffffff } text { font: 13px ui-sans-serif, system-ui, sans-serif; fill: #1c2530 }
  .head { font-weight: 600; font-size: 16px } .count { fill: #5b6675; font-size: 12px }
  .floor { fill: #f3f5f8 } .room { fill: #ffffff; stroke: #7a8696 } .app { fill: #e3ecf8; stroke: #5f86b8 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #12171d } text { fill: #e6eaf0 } .count { fill: #a3afbf }
    .floor { fill: #1b222b } .room { fill: #242d38; stroke: #7a8696 } .app { fill: #22344d; stroke: #5f86b8 }
  }
"""


def picture(root: Path = ROOT) -> str:
    """The house as SVG: apps on top, then a row for each floor; beside a floor, what it leans on most."""
    known, counted = modules(root), between_rooms(root=root)
    into_platform = Counter(
        each.importer.split(".")[0]
        for each in imports(root)
        if each.imported.startswith("headlessly") and not each.importer.startswith("headlessly")
    )
    rows: list[tuple[str, list[str], str]] = [
        ("app", [app], f"{_imports(into_platform[app])} of the platform") for app in APPS[:-1]
    ]
    rows += [("room", floor, _leans_on(floor, counted)) for floor in floors(root)]
    height = TOP + len(rows) * ROW + 44
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        ' aria-labelledby="title">',
        '<title id="title">The rooms of headlessly, floor by floor: each imports only what is below it'
        "</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        f'<text class="head" x="{LEFT}" y="30">Each floor imports only what stands below it</text>',
        f'<text class="count" x="{WIDTH - RIGHT + 16}" y="50">leans most on (imports)</text>',
    ]
    for number, (kind, names, beside) in enumerate(rows):
        lines += _row(TOP + number * ROW, kind, names, beside, known)
    total = sum(counted.values())
    lines += [
        f'<text class="count" x="{LEFT}" y="{height - 16}">'
        f"A small number counts modules. {total} imports lead from room to room, none upwards."
        "</text>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _row(y: int, kind: str, names: list[str], beside: str, known: dict[str, Path]) -> list[str]:
    space = WIDTH - RIGHT - LEFT
    wide = (space - 12 - 8 * (len(names) - 1)) / len(names)
    lines = [f'<rect class="floor" x="{LEFT}" y="{y}" width="{space}" height="{ROW - 6}" rx="4"/>']
    for number, name in enumerate(names):
        x = LEFT + 6 + number * (wide + 8)
        where = name if kind == "app" else f"headlessly.{name}"
        size = sum(module == where or module.startswith(where + ".") for module in known)
        label = f'{name} <tspan class="count">{size}</tspan>' if size > 1 else name
        lines += [
            f'<rect class="{kind}" x="{x:.1f}" y="{y + 5}" width="{wide:.1f}" height="{ROW - 16}" rx="3"/>',
            f'<text x="{x + wide / 2:.1f}" y="{y + 25}" text-anchor="middle">{label}</text>',
        ]
    lines.append(f'<text class="count" x="{WIDTH - RIGHT + 16}" y="{y + 25}">{beside}</text>')
    return lines


def _leans_on(floor: list[str], counted: Counter[tuple[str, str]]) -> str:
    below: Counter[str] = Counter()
    for (importer, imported), count in counted.items():
        if importer in floor:
            below[imported] += count
    most = sorted(below.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
    return ", ".join(f"{name} {count}" for name, count in most)


def _imports(count: int) -> str:
    return f"{count} import{'' if count == 1 else 's'}"


if __name__ == "__main__":
    PICTURE.write_text(picture())
    print(PICTURE.relative_to(ROOT))
