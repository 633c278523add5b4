"""The processes that interpret scripts: how many there are, for whom, and how far they stand back."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from headlessly import scripts
from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.background.slots import THREADS, thread_slots
from headlessly.scripts import limits, workers
from tests.refusals import refused


def test_when_all_seats_are_taken_it_says_when_to_come_again(acme, monkeypatch):
    workers.stop_workers()
    monkeypatch.setattr(workers, "SCRIPTS_AT_ONCE", 1)
    monkeypatch.setattr(workers, "PATIENCE", 0.2)
    try:
        with (
            workers.reserve_worker(limits.limits_of(actors.SYSTEM)),
            refused(scripts.Busy, "Try again in") as caught,
        ):
            scripts.run("1")
        assert caught.value.status == 429 and caught.value.body()["retryAfter"] > 0
        assert scripts.run("1").value == 1
    finally:
        workers.stop_workers()


def test_a_process_always_has_a_thread_left_for_the_site(acme, monkeypatch):
    monkeypatch.setenv(THREADS, "3")
    with (
        workers.reserve_worker(limits.limits_of(actors.SYSTEM)),
        thread_slots.reserve_for_hashing() as may_hash,
    ):
        assert may_hash
        began = time.monotonic()
        with refused(scripts.Busy), thread_slots.reserve_for_hashing() as more:
            assert not more
            scripts.run("1")
        assert time.monotonic() - began < workers.PATIENCE
    monkeypatch.setenv(THREADS, "1")
    assert scripts.run("1").value == 1
    assert (thread_slots.running, thread_slots.hashing) == (0, 0)


def nice_of_threads(pid: int) -> set[int]:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return {os.getpriority(os.PRIO_PROCESS, int(each.name)) for each in threads}


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no threads to look at")
def test_the_thread_that_computes_stands_back_and_more_so_when_it_takes_long(acme, monkeypatch):
    monkeypatch.setattr(workers, "SHORT", 0)
    with workers.reserve_worker(limits.limits_of(actors.SYSTEM)) as session:
        long = session.worker_pid
        until(lambda: nice_of_threads(long) == {workers.NICE_WHEN_LONG})
        if (group := Path(f"/proc/{long}/autogroup")).exists() and os.getsid(long) == long:
            until(lambda: group.read_text().split()[-1] == str(workers.NICE_WHEN_LONG))
    monkeypatch.setattr(workers, "SHORT", 60)
    with workers.reserve_worker(limits.limits_of(actors.SYSTEM)) as session:
        assert session.worker_pid != long, "the next one begins in front again"
        assert nice_of_threads(session.worker_pid) == {workers.NICE}
        assert session.feed_run("6 * 7") == 42


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no threads to look at")
def test_who_runs_several_at_once_stands_back_from_the_beginning(acme, monkeypatch):
    monkeypatch.setattr(workers, "SHORT", 60)
    reserve = partial(workers.reserve_worker, limits.limits_of(actors.SYSTEM))
    globex = Tenant.objects.create(slug="globex", name="Globex")
    with reserve() as first, reserve() as second:
        assert nice_of_threads(first.worker_pid) == {workers.NICE}
        assert nice_of_threads(second.worker_pid) == {workers.NICE_WHEN_LONG}
        with tenancy.active(globex), reserve() as of_another:
            assert nice_of_threads(of_another.worker_pid) == {workers.NICE}, "has one alone"


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
