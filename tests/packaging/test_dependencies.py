"""What is imported is declared, and what is declared is used."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OURS = {"headlessly", "crm", "marketing", "tests"}
#: Run by the type checker alone, which the tests bring along.
CHECKED_ONLY = {"mypy_plugin.py"}
#: Used without an import: run as a program, a plugin, or reached through another name.
NOT_IMPORTED = {
    "pydantic-monty",  # brings the interpreter that pydantic-monty-client runs
    "django-stubs", "import-linter", "mypy", "pytest-django", "pytest-playwright", "pytest-xdist",
    "ruff", "setuptools",
}  # fmt: skip


def declared(requirements: list[str]) -> set[str]:
    """The names of distributions, an extra's own among them: ``psycopg[pool]`` is psycopg-pool too."""
    found = set()
    for requirement in requirements:
        name, extras = re.match(r"([\w.-]+)(?:\[([\w,]+)\])?", requirement).groups()
        found |= {name.lower(), *(f"{name}-{extra}".lower() for extra in (extras or "").split(","))}
    return found


def imported(*folders: str) -> set[str]:
    """The names of the packages that code imports, those of the standard library aside."""
    found = set().union(*(_imported(folder) for folder in folders))
    return found - OURS - sys.stdlib_module_names


@cache
def _imported(folder: str) -> set[str]:
    found = set()
    for path in (ROOT / folder).rglob("*.py"):
        if path.name in CHECKED_ONLY:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = {node.module.split(".")[0]}
            else:
                continue
            # A script's own neighbour is no package.
            found |= {name for name in names if not path.with_name(f"{name}.py").exists()}
    return found


def distributions(packages: set[str]) -> dict[str, set[str]]:
    known = packages_distributions()
    return {name: {each.lower() for each in known.get(name, [name])} for name in packages}


EXTRAS = PROJECT["optional-dependencies"]
#: What some settings need, and is installed for them.
OPTIONAL = [each for name, some in EXTRAS.items() if name != "test" for each in some]
PRODUCT = declared([*PROJECT["dependencies"], *OPTIONAL])
TESTS = PRODUCT | declared(EXTRAS["test"])


@pytest.mark.parametrize(
    ("folders", "known"),
    [(("headlessly", "crm", "marketing"), PRODUCT), (("tests", "docs"), TESTS)],
    ids=["the product", "the tests"],
)
def test_every_import_is_declared(folders, known):
    missing = {name for name, of in distributions(imported(*folders)).items() if not of & known}
    assert missing == set()


def test_nothing_is_declared_that_nobody_uses():
    apps = {name.split(".")[0] for name in (*settings.INSTALLED_APPS, *settings.MIDDLEWARE)}
    used = set().union(*distributions(imported(*OURS, "docs") | apps).values())
    names = {
        re.match(r"[\w.-]+", requirement).group().lower()
        for requirement in (
            *PROJECT["dependencies"], *OPTIONAL, *EXTRAS["test"]
        )
    }  # fmt: skip
    assert names - used - NOT_IMPORTED == set()


def test_every_declared_distribution_is_pinned():
    pins = (ROOT / "constraints.txt").read_text().lower()
    names = [
        re.match(r"[\w.-]+", each).group().lower() for each in (*PROJECT["dependencies"], *OPTIONAL)
    ]
    assert [name for name in names if not re.search(rf"^{re.escape(name)}==", pins, re.M)] == []
    assert "://" not in pins, "a pin names no host"
