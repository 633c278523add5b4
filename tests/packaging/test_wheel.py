"""The wheel: built from a copy of the tree, installed elsewhere, started, and asked for its first page."""

from __future__ import annotations

import os
import re
import site
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.copies import copy_of_the_tree


def run(*command: Any, **options: Any) -> str:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=120, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = copy_of_the_tree(folder / "tree")
    run(
        sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index",
        "--wheel-dir", folder, tree,
    )  # fmt: skip
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` of an environment with the wheel in it, which sees our dependencies and not our tree."""
    home = tmp_path_factory.mktemp("installed") / "env"
    run(sys.executable, "-m", "venv", "--without-pip", home)
    python = home / "bin/python"
    # Without what the caller's path has: pip would find the product there, and install nothing.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    pip = [sys.executable, "-m", "pip", "--python", python]
    run(*pip, "install", "--no-deps", "--no-index", "-q", wheel, env=env)
    (packages,) = home.glob("lib/python*/site-packages")
    # A folder that a .pth names is searched, but its own .pth files are not read: no editable install.
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return home / "bin"


def test_it_carries_templates_static_files_translations_and_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "headlessly/templates/headlessly/enter.html",
        "headlessly/templates/unfold/layouts/skeleton.html",
        "headlessly/static/headlessly/frame.css",
        "headlessly/locale/de/LC_MESSAGES/django.mo",
        "marketing/static/marketing/form.css",
        "headlessly/py.typed",
        "crm/py.typed",
        "marketing/py.typed",
        "crm/migrations/0001_initial.py",
        "headlessly/formats/de/formats.py",
    } <= names
    assert not [name for name in names if name.startswith(("tests/", "docs/", "templates/"))]
    (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
    said = zipfile.ZipFile(wheel).read(metadata).decode()
    assert "License-Expression: Apache-2.0" in said
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_it_serves_its_first_page_with_its_styles(installed: Path, tmp_path: Path) -> None:
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "DJANGO", "DATABASE_URL", "HEADLESSLY"))
    }
    env |= {"HEADLESSLY_ENV": "development", "HEADLESSLY_DATA": str(tmp_path / "data")}
    at: dict[str, Any] = {"cwd": tmp_path, "env": env}
    where = run(installed / "python", "-c", "import headlessly; print(headlessly.__file__)", **at)
    assert Path(where).is_relative_to(installed.parent), "the wheel's own code runs"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [installed / "headlessly-server", "serve", "--workers", "1", "--jobs", "0"]
    server = subprocess.Popen([*command, "--port", str(port)], **at)
    try:
        run(installed / "headlessly-server", "migrate", "-v0", **at)
        status, page = get(port, "/")
        assert status == 200
        assert '<input type="password"' in page or 'type="password"' in page
        styles = re.findall(r'<link[^>]+href="(/static/headlessly/[^"]+\.css)"', page)
        assert styles, page
        assert {get(port, style)[0] for style in styles} == {200}
        assert "headlessly 0." in run(installed / "headlessly", "--version", **at)
    finally:
        server.terminate()
        server.wait(30)


def get(port: int, path: str) -> tuple[int, str]:
    """Ask until the server is up."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            time.sleep(0.1)
    raise AssertionError("Nothing is served.")
