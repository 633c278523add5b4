"""contributing.md is followed word for word in a fresh copy of the tree, and nothing is red then."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection, connections
from psycopg import sql

from headlessly.database.base import close_pools
from tests.copies import copy_of_the_tree
from tests.recipes.pages import put, recipes

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/contributing.md"
#: What a change is made of most often: each of them has a recipe.
TITLES = [
    "Add a field", "Add a verb", "Add a hook", "Add a noun", "Add a number to the dashboard",
    "Add a setting of a tenant", "Add a rule of visibility", "Add a page to the admin", "Add a route",
]  # fmt: skip
DATABASE = "recipes"


def test_it_has_a_recipe_for_everything_that_is_added_often():
    assert [recipe.title for recipe in recipes(PAGE.read_text())] == TITLES


@pytest.mark.parametrize(
    ("block", "lines"),
    [
        (
            '# a.py, below "two = ("\n    new\n',
            ["one", "two = (", "    2,", ")", "    new", "three"],
        ),
        ("# a.py, instead of 'three'\nnew\n", ["one", "two = (", "    2,", ")", "new"]),
        ("# a.py, at the end\nnew\n", ["one", "two = (", "    2,", ")", "three", "", "new"]),
    ],
)
def test_a_block_goes_where_its_first_line_says(tmp_path, block, lines):
    (tmp_path / "a.py").write_text("one\ntwo = (\n    2,\n)\nthree\n")
    put(block, tmp_path)
    assert (tmp_path / "a.py").read_text().splitlines() == lines


@pytest.mark.parametrize(
    "block", ["new\n", '# a.py, below "four"\nnew\n', '# a.py, below "e"\nnew\n', "# a.py\nnew\n"]
)
def test_a_block_without_a_clear_place_is_refused(tmp_path, block):
    (tmp_path / "a.py").write_text("one\nthree\n")
    with pytest.raises(AssertionError):
        put(block, tmp_path)
    assert (tmp_path / "a.py").read_text() == "one\nthree\n"


@pytest.fixture
def database(transactional_db: None) -> Iterator[str]:
    """The address of a database like the tests' own: a copy of it, so that nothing is migrated twice."""
    own = connection.settings_dict
    address = f"postgresql://{own['USER']}:{own['PASSWORD']}@{{}}/{DATABASE}?host={own['HOST']}"
    connections.close_all()
    close_pools()  # a database is copied while nobody uses it
    name, template = sql.Identifier(f"test_{DATABASE}"), sql.Identifier(own["NAME"])
    there = psycopg.connect(
        dbname="postgres", user=own["USER"], password=own["PASSWORD"] or None, host=own["HOST"],
        port=own["PORT"] or None, autocommit=True,
    )  # fmt: skip
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name)
    with there:
        there.execute(drop)
        there.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, template))
        yield address.format("")
        there.execute(drop)


def take_compiled_along(tree: Path) -> None:
    """What the product was compiled to stays right for what is not changed: the times of files are kept."""
    for package in ("headlessly", "crm", "marketing"):
        for compiled in (ROOT / package).rglob("__pycache__/*.pyc"):
            target = tree / compiled.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(compiled, target)


def test_each_recipe_followed_word_for_word_leaves_nothing_red(
    database: str, tmp_path: Path
) -> None:
    tree = copy_of_the_tree(tmp_path / "headlessly")
    take_compiled_along(tree)
    (tree / ".venv").symlink_to(sys.prefix)
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    env |= {
        # A run within this one shuts the folder of both to others, and a database has a user of its own.
        "PYTEST_DEBUG_TEMPROOT": str(tree.parent),
        "PYTHONPATH": str(tree),
        "HEADLESSLY_ENV": "development",
        # What tries many inputs at random stays where it is: it does the same for every noun.
        "PYTEST_ADDOPTS": "--reuse-db -p no:cacheprovider -p no:playwright"
        " --ignore=tests/contract/test_fuzz.py --ignore=tests/contract/test_rest_nasty.py",
    }

    def run(line: str) -> None:
        """Type a line in the copy. Its database is the tests' one: they put ``test_`` before its name."""
        began = time.monotonic()
        name = DATABASE if "pytest" in line else f"test_{DATABASE}"
        done = subprocess.run(
            ["bash", "-euc", line],
            cwd=tree,
            env=env | {"DATABASE_URL": database.replace(f"/{DATABASE}?", f"/{name}?")},
            capture_output=True,
            text=True,
            timeout=300,
        )
        print(f"{time.monotonic() - began:5.1f} s  {line}")
        assert done.returncode == 0, f"{line}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"

    followed = recipes(PAGE.read_text())
    for recipe in followed:
        for block in recipe.blocks:
            put(block, tree)
    run(".venv/bin/ruff check --fix -q . && .venv/bin/ruff format -q .")
    # Each line once, when all blocks are in their place: one migration an app, one look at the noun.
    lines = dict.fromkeys(line for recipe in followed for line in recipe.commands)
    for line in sorted(lines, key=lambda line: "makemigrations" not in line):
        run(line)
    # What CI would say.
    run(".venv/bin/ruff check . && .venv/bin/ruff format --check .")
    run(".venv/bin/lint-imports")
    run(
        ".venv/bin/python -c 'import headlessly; headlessly.boot();"
        ' from django.core.management import call_command as call; call("check");'
        ' call("makemigrations", check=True, dry_run=True); call("makemessages", check=True)\''
    )
    # What the page promises.
    run(".venv/bin/python -m pytest tests/recipes/promises.py -q")
