"""The rooms: no circle between them, wherever an import hides; and the picture shows them as they are."""

from __future__ import annotations

import importlib.util
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

#: Imports that wait until a function runs, but those of an app's `ready`, where Django wants them. Each has a
#: reason beside it; there shall not be more of them.
WAITING = 19


def house() -> Any:
    """docs/pictures/house.py, which reads the imports and draws."""
    spec = importlib.util.spec_from_file_location("house", ROOT / "docs/pictures/house.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HOUSE = house()


KNOWN = HOUSE.modules()
#: Every package of the platform, and which of them have rooms within.
PACKAGES = {name for name, path in KNOWN.items() if path.name == "__init__.py"}
WITH_ROOMS = sorted(
    {name.rpartition(".")[0] for name in PACKAGES if name.startswith("headlessly.")}
)


def circling(pairs: Iterable[tuple[str, str]]) -> set[str]:
    """The rooms that import one another all the way around."""
    leads: dict[str, set[str]] = defaultdict(set)
    for importer, imported in pairs:
        leads[importer].add(imported)

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        ahead = [start]
        while ahead:
            new = leads[ahead.pop()] - found
            found |= new
            ahead += new
        return found

    return {room for room in list(leads) if room in reached(room)}


@pytest.mark.parametrize("package", WITH_ROOMS)
def test_no_circle_runs_through_a_room_with_imports_of_functions_and_types_counted(package):
    found = circling(HOUSE.between_rooms(package))
    assert {room for room in found if f"{package}.{room}" in PACKAGES} == set()


@pytest.mark.parametrize("package", ["headlessly", "headlessly.admin"])
def test_no_circle_runs_through_what_stands_beside_the_rooms(package):
    assert package in WITH_ROOMS
    assert circling(HOUSE.between_rooms(package)) == set()


def test_no_floor_imports_one_that_is_not_below_it():
    """As import-linter says too; here for the imports that it is told to overlook as well."""
    floor = {name: number for number, names in enumerate(HOUSE.floors()) for name in names}
    upward = [
        f"{importer} -> {imported}"
        for importer, imported in HOUSE.between_rooms()
        if importer in floor and imported in floor and floor[importer] >= floor[imported]
    ]
    assert upward == []


def test_a_circle_is_found_wherever_its_imports_hide(tmp_path: Path):
    files = {
        "headlessly/one/__init__.py": "",
        "headlessly/one/a.py": "def f():\n    from headlessly.two import b\n",
        "headlessly/two/__init__.py": "",
        "headlessly/two/b.py": (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..one.a import f\n"
        ),
        "headlessly/__init__.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert circling(HOUSE.between_rooms(root=tmp_path)) == {"one", "two"}
    assert [each.lazy for each in HOUSE.imports(tmp_path)] == [True, False]


def test_imports_do_not_move_into_functions():
    waiting = [
        f"{each.importer}:{each.line}"
        for each in HOUSE.imports()
        if each.lazy and not each.importer.endswith(".apps")
    ]
    assert len(waiting) <= WAITING, "\n".join(waiting)


def test_the_picture_is_of_this_house():
    """`python docs/pictures/house.py` draws it anew. Its counts may be a few imports old, its rooms not."""
    counts = re.compile(r'<(text|tspan) class="count".*?</\1>')
    drawn = HOUSE.PICTURE.read_text()
    assert counts.sub("", drawn) == counts.sub("", HOUSE.picture())
    assert HOUSE.picture() == HOUSE.picture()
