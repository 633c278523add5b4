"""A disk that is really full: of the database, of its log, and of the files of the site."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from headlessly.database.server import ROLE, Server
from tests.attacks.site import Answer, Site
from tests.attacks.test_absences import workers_of

#: Of the disk that is filled, in megabytes: a server of PostgreSQL has room on it, and little more.
SIZE = 256


@pytest.fixture(scope="module")
def disk() -> Iterator[Path]:
    """A small disk in memory."""
    folder = Path(tempfile.mkdtemp(prefix="headlessly-disk-"))
    folder.chmod(0o755)
    options = ["-t", "tmpfs", "-o", f"size={SIZE}m,mode=755", "headlessly", str(folder)]
    try:
        mounted = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("nothing here mounts a disk")
    if mounted.returncode:
        folder.rmdir()
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


@pytest.fixture(scope="module")
def server(disk: Path) -> Iterator[Server]:
    server = Server(disk / "data")
    server.join()
    try:
        yield server
    finally:
        with suppress(psycopg.OperationalError):
            server.leave()


@pytest.fixture(scope="module")
def small(disk: Path, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that has this disk alone: for its database, its log, and what it writes itself."""
    (disk / "tmp").mkdir()
    address = f"postgresql://{ROLE}@/{ROLE}?host={quote(str(server.socket_dir), safe='')}"
    site = Site(
        tmp_path_factory.mktemp("small"),
        *("--workers", "2", "--threads", "4", "--jobs", "0"),
        database_url=address,
        env={"TMPDIR": str(disk / "tmp")},
    )
    try:
        yield site
    finally:
        site.stop()


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Nothing more goes on this disk, inside the block."""
    filler = disk / "filler"
    try:
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(64 * 1024))
        yield
    finally:
        filler.unlink()


def create(site: Site) -> Answer:
    """A lead of some size, which no compression makes less."""
    lead = {"name": os.urandom(20).hex(), "source": "website", "need": os.urandom(4_000).hex()}
    return site.call("POST", "/leads", lead, tenant="quiet", timeout=30)


def asks_to_come_again(answer: Answer) -> bool:
    return answer.status == 503 and bool(answer.headers["retry-after"])


def test_a_full_disk_is_said_and_reading_goes_on(small: Site, disk: Path) -> None:
    assert create(small).status == 201
    before = workers_of(small)
    rows = b"name,source\n" + b"A name of some length,website\n" * 100_000
    csv = {"Content-Type": "text/csv"}
    with full(disk):
        refused: list[Answer] = []
        for _ in range(100):  # the database has a little room left in its files
            if (answer := create(small)).status != 201:
                refused.append(answer)
            if len(refused) == 3:
                break
        assert len(refused) == 3, "the disk is full"
        assert all(asks_to_come_again(each) for each in refused), refused[0]
        sent = small.call("POST", "/import/leads", rows, tenant="quiet", headers=csv)
        assert asks_to_come_again(sent), sent
        read = [small.get("/leads", tenant="quiet") for _ in range(4)]
        assert [each.status for each in read] == [200] * 4
        page = small.get("/", headers={"Accept": "text/html"})
        assert page.status in (200, 302)
        assert small.get("/healthz").status == 200
    assert create(small).status == 201
    assert small.call("POST", "/import/leads", rows, tenant="quiet", headers=csv).status == 202
    assert workers_of(small) == before, "nobody died of it"


def test_a_full_disk_of_the_databases_log_is_said_and_all_is_well_afterwards(
    small: Site, disk: Path, server: Server
) -> None:
    lead = small.tenants["quiet"]["lead"]
    before = workers_of(small)
    score = 0

    def write() -> Answer:
        nonlocal score
        score = (score + 1) % 100
        return small.call("PATCH", f"/leads/{lead}", {"score": score}, tenant="quiet", timeout=30)

    assert write().status == 200
    with full(disk):
        # Where its log cannot go on, PostgreSQL ends; it may come again by itself, for as long as there is
        # something of the log that it can use anew.
        answers: list[Answer] = []
        while not any(each.status == 503 for each in answers[-2:]) and len(answers) < 100:
            with suppress(psycopg.Error), server.admin() as connection:
                connection.execute("SELECT pg_switch_wal()")
            answers += [write(), small.get("/leads", tenant="quiet")]
        refused = [each for each in answers if each.status != 200]
        assert refused, "the log is full"
        assert all(asks_to_come_again(each) for each in refused), refused
        assert max(each.seconds for each in refused) < 10
        assert small.get("/healthz").status == 200
    small.wait_until(lambda: is_running(server), 20)
    small.wait_until(lambda: write().status == 200, 20)
    # Each process finds by itself that the database is there again, within half a second.
    small.wait_until(lambda: all(small.get("/readyz").status == 200 for _ in range(8)), 5)
    found = small.get(f"/leads/{lead}", tenant="quiet")
    assert (found.status, found.body["score"]) == (200, score)
    assert workers_of(small) == before


def is_running(server: Server) -> bool:
    """Whether it is; started, as an operator's system does it, where it has ended."""
    if not server.is_ready() and not (server.cluster / "postmaster.pid").exists():
        server.start_server()
    return server.is_ready()
