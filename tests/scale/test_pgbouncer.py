"""Behind PgBouncer in transaction mode, which knows no prepared statements before 1.21 and never a LISTEN."""

from __future__ import annotations

import http.server
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from headlessly.access.models import ApiKey
from tests.signals import interruptible

from .clusters import Cluster, acme_at, environment

pytestmark = pytest.mark.django_db

PGBOUNCER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
ROOT = Path(__file__).parents[2]
CONFIGURATION = """
[databases]
headlessly = host={host} dbname=headlessly user=headlessly connect_query='SET statement_timeout = 30000'
[pgbouncer]
pool_mode = transaction
default_pool_size = 3
auth_type = any
auth_file =
listen_addr =
unix_socket_dir = {folder}
listen_port = 6432
logfile = {folder}/pgbouncer.log
pidfile = {folder}/pgbouncer.pid
ignore_startup_parameters = options,extra_float_digits
"""


@pytest.fixture
def pooled(original: Cluster) -> Iterator[str]:
    """The address of the cluster through PgBouncer."""
    if PGBOUNCER is None:
        pytest.skip("PgBouncer is not installed: apt-get install pgbouncer")
    folder = original.cluster / "bouncer"
    original.make_private(folder)
    file = folder / "pgbouncer.ini"
    file.write_text(CONFIGURATION.format(host=original.socket_dir, folder=folder))
    as_user = (
        {"user": original.user, "group": original.user, "extra_groups": []} if original.user else {}
    )
    bouncer = subprocess.Popen([PGBOUNCER, "-q", file], **as_user)
    try:
        yield f"postgresql://headlessly@/headlessly?host={folder}&port=6432"
    finally:
        bouncer.terminate()
        bouncer.wait(10)


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes webhooks, and notes when each came."""

    came: dict[str, float]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.came[body["target"]] = time.monotonic()
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[http.server.HTTPServer]:
    kind = type("OneReceiver", (Receiver,), {"came": {}})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def run(*command: str, env: dict[str, str]) -> subprocess.Popen[bytes]:
    with interruptible():
        return subprocess.Popen([sys.executable, "manage.py", *command], cwd=ROOT, env=env)


def test_it_serves_and_tells_at_once(original: Cluster, pooled: str, receiver: Any) -> None:
    with acme_at(original) as acme:
        _, secret = ApiKey.issue(acme, "bouncer", "admin", rate_limit=100_000)
    port = free_port()
    env = environment(
        pooled, DATABASE_DIRECT_URL=original.url, DB_PREPARE="0", WEBHOOKS_ALLOW_PRIVATE="1"
    )
    serve = run(
        *("serve", "--workers", "1", "--threads", "8", "--jobs", "0", "--port", str(port)), env=env
    )
    work = run("work", env=env)
    headers = {"Authorization": f"Bearer {secret}"}
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20
        ) as client:
            for _ in range(300):
                try:
                    if client.get("/readyz").status_code == 200:
                        break
                except httpx.TransportError:
                    time.sleep(0.1)
            url = f"http://127.0.0.1:{receiver.server_port}/"
            made = client.post("/~acme/webhooks", json={"url": url, "events": ["Contact.*"]})
            assert made.status_code == 201, made.text

            def one_after_the_other(number: int) -> list[tuple[str, int, str]]:
                return [_told(client.request(m, p, json=b)) for m, p, b in _calls(client, number)]

            with ThreadPoolExecutor(8) as threads:
                answers = [a for each in threads.map(one_after_the_other, range(16)) for a in each]
            assert [a for a in answers if a[1] >= 400] == []
            assert len(answers) == 16 * 6

            with original.connect(user="postgres", autocommit=True) as admin:
                asked = "SELECT DISTINCT application_name FROM pg_stat_activity"
                names = {name for (name,) in admin.execute(asked)}
            assert {"headlessly web", "headlessly work"} <= names

            counted = (
                'headlessly_requests_total{method="PATCH",route="/~/leads/<id>",status="200"} 32.0'
            )
            assert counted in client.get("/metrics").text

            _wait_until_idle(original)
            # Without a notice a worker looks every five seconds.
            assert any(_seconds_until_told(client, receiver) < 2 for _ in range(3))
    finally:
        ended = time.monotonic()
        for process in (serve, work):
            process.send_signal(signal.SIGTERM)
        for process in (serve, work):
            process.wait(20)
        assert time.monotonic() - ended < 20


@pytest.mark.parametrize("command", [("serve", "--jobs", "0"), ("work",)])
def test_it_does_not_start_where_the_pooler_forgets_what_is_prepared(
    pooled: str, command: tuple[str, ...]
) -> None:
    said = subprocess.run([PGBOUNCER or "", "--version"], capture_output=True, text=True).stdout
    if tuple(map(int, re.findall(r"PgBouncer (\d+)\.(\d+)", said)[0])) >= (1, 21):
        pytest.skip("this PgBouncer knows what is prepared")
    port = [] if command == ("work",) else ["--port", str(free_port())]
    words = [sys.executable, "manage.py", *command, *port]
    done = subprocess.run(
        words, cwd=ROOT, env=environment(pooled), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "DB_PREPARE=0" in done.stderr
    assert "Traceback" not in done.stderr


def _calls(client: httpx.Client, number: int) -> Iterator[tuple[str, str, Any]]:
    """One lead's life, each call as it comes: what was made before is known by then."""
    contact = client.post("/~acme/contacts", json={"name": f"Person {number}"}).json()["$id"]
    lead = {"name": f"Lead {number}", "source": "website", "contact": contact}
    at = f"/~acme/leads/{client.post('/~acme/leads', json=lead).json()['$id']}"
    yield "PATCH", at, {"status": "Contacted"}
    yield "PATCH", at, {"status": "Qualified"}
    yield "GET", f"{at}?include=contact", None
    yield "POST", f"{at}/convert", {}
    yield "GET", "/~acme/leads?limit=5&sort=-createdAt", None
    yield "GET", f"{at}/events", None


def _seconds_until_told(client: httpx.Client, receiver: Any) -> float:
    sent = time.monotonic()
    target = client.post("/~acme/contacts", json={"name": "Told"}).json()["$id"]
    while target not in receiver.RequestHandlerClass.came and time.monotonic() < sent + 10:
        time.sleep(0.01)
    return receiver.RequestHandlerClass.came.get(target, time.monotonic()) - sent


def _told(response: httpx.Response) -> tuple[str, int, str]:
    return str(response.request.url), response.status_code, response.text[:200]


def _wait_until_idle(cluster: Cluster) -> None:
    waiting = (
        "SELECT (SELECT count(*) FROM headlessly_delivery WHERE status = 'pending' AND next_at < now())"
        " + (SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'"
        " OR status = 'todo' AND coalesce(scheduled_at, now()) <= now())"
    )
    with cluster.connect(autocommit=True) as asked:
        for _ in range(40):
            if asked.execute(waiting).fetchone() == (0,):
                return
            time.sleep(0.5)
