"""A site to attack: `manage.py serve` on a free port of the loopback interface, with its own database."""

from __future__ import annotations

import http.client
import json
import logging
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import psycopg
from django.conf import settings

from headlessly.database.server import ROLE, start
from tests.signals import interruptible

logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every request

ROOT = Path(__file__).parents[2]

#: The site's database. It is kept from one run to the next, as the tests' own may be.
DATABASE = "headlessly_attacked"
#: Two new tenants, with a key of each scope and one lead in each; an admin with a session, a link to choose a
#: password, and an invitation. Printed as JSON.
FILL = """
import json, secrets, django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, Membership, Tenant, User
from headlessly.accounts import invitations, mail
from django.test import Client
from crm import Lead
found = {}
for name in ("greedy", "quiet"):
    tenant = Tenant.objects.create(slug=name + "-" + secrets.token_hex(4), name=name)
    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        lead = Lead.create(name="Lead of " + name, source="website")
        keys = {s: ApiKey.issue(tenant, s, s, rate_limit=100_000)[1] for s in actors.SCOPES}
        ann = User.objects.create_user("ann@" + tenant.slug + ".example", first_name="Ann")
        Membership.objects.create(user=ann, tenant=tenant, role="admin")
        client = Client()
        client.force_login(ann)
        invited = invitations.invite(email="new@" + tenant.slug + ".example", first_name="New",
                                     last_name="", role="rep", contact_id=None)
    found[name] = {"slug": tenant.slug, "keys": keys, "lead": lead.pk,
                   "session": client.cookies["sessionid"].value,
                   "reset": mail.password_path(User.objects.get(pk=ann.pk)),
                   "invitation": mail.invitation_path(invited)}
print(json.dumps(found))
"""


def create_database(*, anew: bool = False) -> str:
    """Create the database if necessary, and return the folder of the server's socket."""
    folder = str(start(settings.DATA_DIR).socket_dir)
    with psycopg.connect(host=folder, user=ROLE, dbname="postgres", autocommit=True) as connection:
        if anew:
            connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
        if not found.rowcount:
            connection.execute(f"CREATE DATABASE {DATABASE}")
            connection.execute(f"ALTER DATABASE {DATABASE} SET synchronous_commit TO off")
    return folder


@dataclass
class Answer:
    """A response with the seconds that it took. Its status is 0 if there was none."""

    status: int
    seconds: float
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Site:
    """A site while it is served."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        port: int | None = None,
        database_url: str | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        """`options` are those of `manage.py serve`.

        Its database is reached through a proxy at `port`, or is another one. `env` is added to its
        environment.
        """
        self.folder = folder
        self.database_url = database_url or (
            f"postgresql://{ROLE}@/{DATABASE}?host={quote(create_database(), safe='')}"
        )
        self.env = os.environ | {
            "DATABASE_URL": self.database_url
            if port is None
            else f"postgresql://{ROLE}@127.0.0.1:{port}/{DATABASE}",
            "HEADLESSLY_ENV": "development",
            "WEBHOOKS_ALLOW_PRIVATE": "1",
            "TRUST_PROXY": "1",  # attackers choose their own addresses
            "DJANGO_SETTINGS_MODULE": "headlessly.settings",
            "LOG_LEVEL": "WARNING",
            **(env or {}),
        }
        fill = partial(
            subprocess.run, [sys.executable, "-c", FILL],
            cwd=ROOT, env=self.env, capture_output=True, text=True,
        )  # fmt: skip
        if "InconsistentMigrationHistory" in (done := fill()).stderr:
            create_database(anew=True)  # made before the migrations were made anew
            done = fill()
        assert done.returncode == 0, done.stderr
        self.tenants = json.loads(done.stdout)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = folder / "serve.log"
        self.serve(*options)

    def serve(self, *options: str) -> None:
        command = [sys.executable, "manage.py", "serve", "--port", str(self.port), *options]
        with interruptible(), self.log.open("w") as log:
            self.process = psutil.Popen(
                command, cwd=ROOT, env=self.env, start_new_session=True, stdout=log, stderr=log
            )
        self.wait_until(lambda: self.get("/readyz").status == 200, 30)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)

    @contextmanager
    def holding(self, table: str, id: str) -> Iterator[None]:
        """Hold the lock of a row inside the block, as if somebody wrote it and did not finish."""
        with psycopg.connect(self.database_url) as connection:
            connection.execute(f"SELECT FROM {table} WHERE id = %s FOR UPDATE", [id])
            yield

    def is_locked(self, table: str, id: str) -> bool:
        """Whether somebody holds the lock of this row."""
        with psycopg.connect(self.database_url) as connection:
            return is_locked(connection, table, id)

    def open_transactions(self) -> int:
        """Returns how many connections of the site have an open transaction and are idle in it."""
        with psycopg.connect(self.database_url) as connection:
            found = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND state LIKE 'idle in transaction%'"
            ).fetchone()
            return found[0] if found else 0

    def wait_until(self, holds: Callable[[], bool], seconds: float) -> float:
        """Wait until a condition holds, and return how many seconds that took. Fails if it takes longer than
        `seconds`."""
        began = time.monotonic()
        while not holds():
            assert time.monotonic() - began < seconds, f"Not within {seconds} s.\n{self.log_text()}"
            time.sleep(0.1)
        return time.monotonic() - began

    def log_text(self) -> str:
        return self.log.read_text()[-6_000:]

    def get(self, path: str, **options: Any) -> Answer:
        return self.call("GET", path, **options)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        tenant: str | None = None,
        scope: str = "admin",
        timeout: float = 60,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request on a connection of its own; with `tenant`, with its key of this scope."""
        sent = dict(headers or {})
        if tenant is not None:
            sent["Authorization"] = f"Bearer {self.tenants[tenant]['keys'][scope]}"
            path = f"/~{self.tenants[tenant]['slug']}{path}"
        content = body if isinstance(body, bytes) else None
        kind = {"json": body} if body is not None and content is None else {"content": content}
        began = time.monotonic()
        try:
            with httpx.Client(trust_env=False, timeout=timeout) as client:
                found = client.request(method, self.address + path, headers=sent, **kind)
        except httpx.HTTPError as problem:
            return Answer(0, time.monotonic() - began, repr(problem))
        took = time.monotonic() - began
        is_json = "json" in found.headers.get("content-type", "")
        read = found.json() if is_json and found.content else found.content
        return Answer(found.status_code, took, read, dict(found.headers))

    def seconds_to_read(self, times: int = 16) -> float:
        """Returns the median seconds that a list of a quiet tenant takes while the attack goes on."""
        quiet = self.tenants["quiet"]
        headers = {"Authorization": f"Bearer {quiet['keys']['read']}"}
        took = []
        for _ in range(times):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            began = time.monotonic()
            connection.request("GET", f"/~{quiet['slug']}/leads", headers=headers)
            answer = connection.getresponse()
            answer.read()
            took.append(time.monotonic() - began)
            assert answer.status == 200
            connection.close()
            time.sleep(0.02)
        return statistics.median(took)

    def waiting_for_locks(self) -> int:
        """Returns how many connections of the site wait for locks."""
        with psycopg.connect(self.database_url) as connection:
            found = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND wait_event_type = 'Lock'"
            ).fetchone()
            return found[0] if found else 0

    def script(self, code: str, tenant: str, scope: str = "admin") -> Answer:
        """Run one script through MCP, as an agent does. The body is the tool's result."""
        asked = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "do", "arguments": {"code": code}},
        }
        headers = {"Accept": "application/json, text/event-stream"}
        found = self.call("POST", "/mcp", asked, tenant=tenant, scope=scope, headers=headers)
        if isinstance(found.body, dict) and "result" in found.body:
            found.body = json.loads(found.body["result"]["content"][0]["text"])
        return found


def is_locked(connection: Any, table: str, id: str) -> bool:
    """Whether another connection holds the lock of this row."""
    free = f"SELECT id FROM {table} WHERE id = %s FOR UPDATE SKIP LOCKED"
    with connection.cursor() as cursor:
        cursor.execute(free, [id])
        return cursor.fetchone() is None


def all_at_once(work: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run functions at once, each in a thread of its own, and return their results."""
    with ThreadPoolExecutor(len(work)) as pool:
        return [each.result() for each in [pool.submit(each) for each in work]]


def is_no_slower(meanwhile: float, usual: float) -> bool:
    """Whether something that usually takes `usual` seconds took at most twice as long.

    On a machine without a free core it may take some hundredths of a second more.
    """
    is_busy = os.getloadavg()[0] > (os.cpu_count() or 1)
    return meanwhile <= 2 * usual + (0.05 if is_busy else 0)
