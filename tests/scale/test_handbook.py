"""What the operator's handbook says works as it is written, as far as its programs are here."""

from __future__ import annotations

import http.server
import json
import re
import shlex
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from django.core.management import CommandError, get_commands, load_command_class
from django.test import Client

from headlessly.database.server import BIN

from .clusters import Cluster

pytestmark = pytest.mark.django_db

DOCS = Path(__file__).parents[2] / "docs"
FILES = DOCS / "operations"
HANDBOOK = (DOCS / "operations.md").read_text()
COMMANDS = re.findall(
    r"^(?:headlessly-server|python manage\.py) (\w.*?)(?:  #.*)?$",
    "\n".join(re.findall(r"```sh\n(.*?)```", HANDBOOK, re.DOTALL)).replace("\\\n", " "),
    re.MULTILINE,
)


def program(name: str, package: str = "") -> str:
    """Where the program is; else the test is skipped."""
    if found := shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin"):
        return found
    pytest.skip(f"{name} is not installed: apt-get install {package or name}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(ready: Callable[[], Any], seconds: float = 10) -> Any:
    """What ``ready`` answers as soon as it is something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if found := ready():
                return found
        except (OSError, httpx.HTTPError, psycopg.Error):
            pass
        time.sleep(0.05)
    raise AssertionError("It did not get ready.")


@pytest.mark.parametrize("line", COMMANDS)
def test_its_commands_are_understood(line: str) -> None:
    name, *words = shlex.split(re.sub(r" && .*", "", line))
    command = load_command_class(get_commands()[name], name)
    try:
        command.create_parser("manage.py", name).parse_args(words)
    except (CommandError, SystemExit) as problem:
        raise AssertionError(f"{line}: {problem}") from None


def test_it_names_every_command_that_is_an_operators() -> None:
    """Those for who writes the product are in docs/contributing.md, the demo's is in README."""
    ours = {name for name, app in get_commands().items() if app in ("headlessly", "marketing")}
    code = re.findall(r"```sh\n(.*?)```|`([^`\n]+)`", HANDBOOK, re.DOTALL)
    named = {word for pair in code for word in re.findall(r"\w+", " ".join(pair))}
    assert ours - named == {"makemessages", "nouns", "demo"}


def test_it_names_every_metric() -> None:
    Client().get("/healthz")  # something that is counted
    said = Client().get("/metrics").content.decode()
    ours = set(re.findall(r"^# HELP (headlessly_\w+?)(?:_created)? ", said, re.MULTILINE))
    assert len(ours) > 9
    assert {name for name in ours if name not in HANDBOOK} == set()


def test_it_names_every_file_beside_it_and_no_other() -> None:
    linked = set(re.findall(r"\(operations/([\w.-]+)\)", HANDBOOK))
    assert linked == {file.name for file in FILES.iterdir()}


class Stub(http.server.BaseHTTPRequestHandler):
    """A cell that tells its name, and what it was told about the caller."""

    cell = ""

    def do_GET(self) -> None:
        body = json.dumps({"cell": self.cell, "headers": dict(self.headers)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def cells() -> Iterator[list[int]]:
    """The ports of two web servers that tell which cell they are."""
    servers = [
        http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Cell", (Stub,), {"cell": f"cell{number}"})
        )
        for number in (1, 2)
    ]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield [server.server_address[1] for server in servers]
    for server in servers:
        server.shutdown()


def test_haproxy_sends_each_tenant_to_its_cell_and_follows_a_move(
    cells: list[int], tmp_path: Path
) -> None:
    haproxy, socat, openssl = program("haproxy"), program("socat"), program("openssl")
    (tmp_path / "certs").mkdir()
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-subj", "/CN=localhost", "-keyout", tmp_path / "key", "-out", tmp_path / "cert"],
        check=True, capture_output=True,
    )  # fmt: skip
    both = (tmp_path / "cert").read_text() + (tmp_path / "key").read_text()
    (tmp_path / "certs" / "site.pem").write_text(both)
    plain, tls = free_port(), free_port()
    text = (FILES / "haproxy.cfg").read_text()
    for here, there in {
        "/run/haproxy/admin.sock": f"{tmp_path}/admin.sock",
        "/etc/haproxy/certs/": f"{tmp_path}/certs/",
        "/etc/haproxy/cells.map": f"{FILES}/cells.map",
        "bind :80\n": f"bind 127.0.0.1:{plain}\n",
        "bind :443 ": f"bind 127.0.0.1:{tls} ",
        "127.0.0.1:5000": f"127.0.0.1:{free_port()}",
    }.items():
        assert here in text
        text = text.replace(here, there)
    for cell, port in enumerate(cells, 1):
        text = re.sub(rf"10\.0\.{cell}\.1[12]:8000", f"127.0.0.1:{port}", text)
    file = tmp_path / "haproxy.cfg"
    file.write_text(text)
    checked = subprocess.run([haproxy, "-c", "-f", file], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr

    running = subprocess.Popen([haproxy, "-f", file], stdout=subprocess.DEVNULL)
    try:

        def ask(path: str) -> Any:
            answer = httpx.get(
                f"https://127.0.0.1:{tls}{path}",
                verify=False,
                headers={"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "http"},
            )
            return answer.status_code == 200 and answer.json()

        assert wait_for(lambda: ask("/~acme/leads"))["cell"] == "cell1"
        assert wait_for(lambda: ask("/~rival"))["cell"] == "cell2"
        assert ask("/")["cell"] == "cell1"
        told = {name.lower(): value for name, value in ask("/~acme/leads")["headers"].items()}
        assert told["x-forwarded-proto"] == "https"
        assert told["x-forwarded-for"] == "127.0.0.1"
        assert httpx.get(f"http://127.0.0.1:{plain}/~acme/leads").status_code == 302

        (switch,) = re.findall(r"--on-switch '(.*?)'", HANDBOOK)
        switch = switch.replace("/etc/haproxy/cells.map", f"{FILES}/cells.map")
        switch = switch.replace("/run/haproxy", str(tmp_path)).replace("socat", socat)
        subprocess.run(switch, shell=True, check=True, env={"TENANT": "acme"}, capture_output=True)
        assert ask("/~acme/leads")["cell"] == "cell2"
    finally:
        running.terminate()
        running.wait(10)


@pytest.mark.parametrize("name", ["web", "work"])
def test_systemd_never_gives_up_starting_it(name: str) -> None:
    text = (FILES / f"headlessly-{name}.service").read_text()
    (pause,) = re.findall(r"^RestartSec=(\d+)$", text, re.M)
    assert 5 * int(pause) > 10, "five starts within ten seconds are its limit"


def test_pgbouncer_starts_and_sets_the_limits_of_time(original: Cluster, tmp_path: Path) -> None:
    pgbouncer = program("pgbouncer")
    said = subprocess.run([pgbouncer, "--version"], capture_output=True, text=True).stdout
    version = tuple(map(int, re.findall(r"PgBouncer (\d+)\.(\d+)", said)[0]))
    folder = original.cluster / "handbook"
    original.make_private(folder)
    text = (FILES / "pgbouncer.ini").read_text()
    for here, there in {
        "host=127.0.0.1 port=5000": f"host={original.socket_dir} user=headlessly",
        "listen_addr = 127.0.0.1": f"listen_addr =\nunix_socket_dir = {folder}",
        "auth_type = scram-sha-256": "auth_type = any",
        "auth_file = /etc/pgbouncer/userlist.txt": "auth_file =",
    }.items():
        assert here in text
        text = text.replace(here, there)
    if version < (1, 21):
        text = text.replace("max_prepared_statements = 200", "")
    (folder / "pgbouncer.ini").write_text(text)
    as_user = (
        {"user": original.user, "group": original.user, "extra_groups": []} if original.user else {}
    )
    running = subprocess.Popen([pgbouncer, "-q", folder / "pgbouncer.ini"], **as_user)
    try:

        def ask() -> Any:
            address = {"host": str(folder), "port": 6432, "dbname": "headlessly"}
            with psycopg.connect(**address, user="headlessly", prepare_threshold=None) as asked:
                asked.autocommit = True
                limits = ("statement_timeout", "lock_timeout")
                return [asked.execute(f"SHOW {name}").fetchone()[0] for name in limits]

        assert wait_for(ask) == ["30s", "5s"]
    finally:
        running.terminate()
        running.wait(10)


def test_patroni_accepts_its_configuration(tmp_path: Path) -> None:
    patroni = program("patroni")
    text = (FILES / "patroni.yml").read_text()
    text = text.replace("/var/lib/postgresql/18/cell1", str(tmp_path / "data"))
    text = text.replace("/usr/lib/postgresql/18/bin", str(BIN))
    file = tmp_path / "patroni.yml"
    file.write_text(text)
    checked = subprocess.run(
        [patroni, "--validate-config", file], capture_output=True, text=True, timeout=60
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    file.write_text(text.replace("scope: cell1\n", ""))
    broken = subprocess.run([patroni, "--validate-config", file], capture_output=True, timeout=60)
    assert broken.returncode


def test_pgbackrest_reads_its_configuration(tmp_path: Path) -> None:
    pgbackrest = program("pgbackrest")
    text = (FILES / "pgbackrest.conf").read_text()
    file = tmp_path / "pgbackrest.conf"
    file.write_text(text.replace("/var/lib/pgbackrest", str(tmp_path / "repo")))
    words = [pgbackrest, f"--config={file}", "--log-level-file=off", "info"]
    asked = subprocess.run(words, capture_output=True, text=True)
    assert asked.returncode == 0, asked.stdout + asked.stderr
    assert "WARN" not in asked.stdout + asked.stderr


def test_the_dashboard_asks_for_metrics_that_there_are(settings: Any) -> None:
    dashboard = json.loads((FILES / "grafana.json").read_text())
    asked = json.dumps(dashboard)
    settings.METRICS_TOKEN = ""
    Client().get("/")
    told = Client().get("/metrics").content.decode()
    for name in set(re.findall(r"headlessly_\w+", asked)):
        # The pool's connections are not there in a test, which has no pool.
        assert re.search(rf"^{name}\b", told, re.MULTILINE) or name == "headlessly_pool_connections"
    placed = [tuple(panel["gridPos"].values()) for panel in dashboard["panels"]]
    assert len(set(placed)) == len(placed) >= 10
    alerts = set(re.findall(r"headlessly_\w+", HANDBOOK))
    assert set(re.findall(r"headlessly_\w+", asked)) <= alerts | {
        "headlessly_request_seconds_bucket"
    }
