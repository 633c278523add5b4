"""The database is away, or full; a process of the site is killed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.db import OperationalError
from psycopg import errors as postgres

from headlessly.errors import status_and_body
from tests.attacks.proxy import Proxy
from tests.attacks.site import Site, all_at_once, create_database


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    found = Proxy(str(Path(create_database()) / ".s.PGSQL.5432"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory, proxy: Proxy) -> Iterator[Site]:
    """A site whose database can be taken away."""
    folder = tmp_path_factory.mktemp("far")
    site = Site(folder, "--workers", "2", "--threads", "4", "--jobs", "0", port=proxy.port)
    try:
        yield site
    finally:
        site.stop()


def test_says_at_once_that_its_database_is_away_and_comes_back_with_it(
    far: Site, proxy: Proxy
) -> None:
    read = partial(far.get, "/leads", tenant="quiet")
    page = partial(far.get, "/", headers={"Accept": "text/html"})
    assert [each.status for each in all_at_once([read] * 4)] == [200] * 4
    proxy.close()
    for _ in range(2):
        answers = all_at_once([read] * 8)
        assert {each.status for each in answers} == {503}
        assert max(each.seconds for each in answers) < 3
        assert all(each.headers["retry-after"] for each in answers)
        assert {each.body["error"] for each in answers} == {"unavailable"}
        assert (healthy := far.get("/healthz")).status == 200
        assert (ready := far.get("/readyz")).status == 503
        assert max(healthy.seconds, ready.seconds) < 1.5
        time.sleep(1)
    assert page().status in (200, 503)
    proxy.open()
    took = far.wait_until(lambda: {each.status for each in all_at_once([read] * 8)} == {200}, 6)
    assert took < 3
    assert far.get("/readyz").status == 200


def workers_of(site: Site) -> list[psutil.Process]:
    """The processes that answer, without the one for jobs."""
    return [
        each
        for each in site.process.children()
        if each.status() != psutil.STATUS_ZOMBIE and "work" not in each.cmdline()[3:4]
    ]


def test_starts_a_process_again_that_was_killed(far: Site) -> None:
    before = workers_of(far)
    assert len(before) == 2
    before[0].kill()
    far.wait_until(lambda: before[0] not in workers_of(far) and len(workers_of(far)) == 2, 5)
    answers = [far.get("/leads", tenant="quiet") for _ in range(10)]
    assert {each.status for each in answers} == {200}


def test_replaces_a_process_that_has_grown(far: Site) -> None:
    """Each has more memory than it may, and is followed by another while requests are answered."""
    far.stop()
    far.serve("--workers", "2", "--threads", "4", "--jobs", "0", "--memory", "20")
    before = set(workers_of(far))
    far.wait_until(lambda: bool(before - set(workers_of(far))), 20)
    far.wait_until(lambda: far.get("/leads", tenant="quiet", timeout=5).status == 200, 20)


@pytest.mark.parametrize(
    "cause",
    [
        postgres.DiskFull("could not extend file: No space left on device"),
        postgres.OutOfMemory("out of memory"),
        postgres.TooManyConnections("sorry, too many clients already"),
        postgres.AdminShutdown("terminating connection"),
        postgres.DatabaseError("server closed the connection unexpectedly"),
        postgres.IdleInTransactionSessionTimeout("terminating connection"),
        postgres.LockNotAvailable("canceling statement due to lock timeout"),
        OSError(28, "No space left on device"),
        OSError(30, "Read-only file system"),
        OSError(122, "Disk quota exceeded"),
    ],
)
def test_asks_to_come_again_where_the_database_has_no_room_or_no_time(cause: Any) -> None:
    problem = cause
    if not isinstance(cause, OSError):
        problem = OperationalError(str(cause))
        problem.__cause__ = cause
    status, body = status_and_body(problem)
    assert (status, body["error"]) == (503, "unavailable")
    assert body["retryAfter"] > 0
    assert str(cause) not in body["message"]
