"""The embedded server: one for all who use it, gone with the last of them."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import psutil
import psycopg
import pytest
from django.db import DataError, connection
from psycopg.pq import Format

from headlessly.database import base
from headlessly.database import server as server_module
from headlessly.database.server import SOCKET_NAME, SOCKET_PATH_MAX, Server, ServerFailed
from tests.signals import interruptible

TIMESTAMPTZ = psycopg.adapters.types["timestamptz"].oid

USER = """
import sys
from headlessly import database
server = database.start(sys.argv[1])
print((server.cluster / "postmaster.pid").read_text().split()[0], server.socket_dir, flush=True)
sys.stdin.read()
"""


class User:
    """A process that uses the server until told to leave."""

    def __init__(self, data):
        with interruptible():
            self.process = subprocess.Popen(
                [sys.executable, "-c", USER, str(data)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parents[2],
            )
        pid, self.socket_dir = self.process.stdout.readline().split()
        self.server = psutil.Process(int(pid))

    def leave(self):
        self.process.communicate(timeout=20)

    def die(self, number):
        self.process.send_signal(number)
        self.process.communicate(timeout=20)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def use(data):
    """Begin using the server; whatever the test leaves behind is cleaned up after it."""
    users = []

    def begin():
        users.append(User(data))
        return users[-1]

    yield begin
    for user in users:
        if user.process.poll() is None:
            user.leave()
    if users and runs(users[-1].server):
        User(data).leave()


def ended(process):
    """Whether it is gone, or is about to be: PostgreSQL is down some moments before its process is."""
    psutil.wait_procs([process], timeout=2)
    return not runs(process)


def runs(process):
    # A container without an init leaves ended processes behind as zombies.
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_is_shared_by_two_processes_and_stopped_by_the_last(use):
    one, other = use(), use()
    assert one.server == other.server

    one.leave()
    assert runs(other.server)
    other.leave()
    assert ended(other.server)


def test_does_not_wait_for_a_process_that_was_killed(use):
    killed = use()
    killed.die(signal.SIGKILL)
    assert runs(killed.server), "nobody was left to stop it"

    successor = use()
    assert successor.server == killed.server
    successor.leave()
    assert ended(successor.server)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_is_stopped_when_a_signal_ends_its_last_user(use, number):
    user = use()
    user.die(number)
    assert ended(user.server)


def test_is_not_kept_from_starting_by_a_stranger_with_its_old_pid(use, data):
    use().leave()
    (data / "postgres" / "postmaster.pid").write_text(
        f"{os.getpid()}\n{data / 'postgres'}\n1\n5432\n{data / 'postgres'}\n\n1 1\nready\n"
    )
    assert runs(use().server)


def test_is_not_kept_from_starting_by_the_lock_of_a_socket_that_a_backup_brought(use, data):
    first = use()
    lock = Server(data).socket_dir / f"{SOCKET_NAME}.lock"
    first.leave()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        lock.write_text(f"{stranger.pid}\n{data / 'postgres'}\n1\n5432\n{lock.parent}\n")
        assert runs(use().server)
        stranger.communicate(b"\n")


def test_lets_the_application_in_as_an_ordinary_role(use):
    at = {"host": use().socket_dir, "dbname": "headlessly", "user": "headlessly"}
    with psycopg.connect(**at) as application:
        assert application.execute(
            "select rolsuper, rolcreatedb from pg_roles where rolname = current_user"
        ).fetchone() == (False, True)
        application.execute("create extension if not exists pg_trgm")


def test_counts_which_statements_take_the_time(use):
    with psycopg.connect(host=use().socket_dir, dbname="postgres", user="postgres") as operator:
        asked = "select calls from pg_stat_statements where query like '%pg_stat_statements%'"
        operator.execute(asked)
        assert operator.execute(asked).fetchone() == (1,)


def test_says_what_its_folder_lacks_without_what_it_said_at_other_times(tmp_path):
    server = Server(tmp_path)
    server.make_private(server.cluster)
    server.log.write_text("FATAL: of another night\n")
    os.chmod(server.log, 0o666)
    with pytest.raises(ServerFailed, match="HEADLESSLY_DATA") as refused:
        server.start_server()
    assert str(tmp_path) in str(refused.value)
    assert "of another night" not in str(refused.value)


def test_says_that_its_folder_cannot_be_had(tmp_path, monkeypatch):
    monkeypatch.setattr(server_module, "_server", None)
    (tmp_path / "file").touch()
    with pytest.raises(ServerFailed, match=r"Not a directory.*HEADLESSLY_DATA"):
        server_module.start(tmp_path / "file" / "data")


def test_keeps_its_socket_short_in_a_folder_however_deep(tmp_path):
    server = Server(tmp_path / ("deep" * 20))
    socket = server.socket_dir / SOCKET_NAME
    assert len(os.fsencode(socket)) <= SOCKET_PATH_MAX
    assert not socket.is_relative_to(server.data)


def test_starts_no_processes_for_what_takes_no_longer_than_starting_them(db):
    with connection.cursor() as cursor:
        cursor.execute("SHOW parallel_setup_cost")
        assert int(cursor.fetchone()[0]) >= 10_000


@pytest.mark.django_db
def test_hands_out_no_connection_that_the_server_has_closed():
    pooled = connection.copy()
    try:
        pooled.ensure_connection()
        dead = pooled.connection.info.backend_pid
        pooled.close()
        with connection.cursor() as cursor:
            cursor.execute("select pg_terminate_backend(%s, 5000)", [dead])
        with pooled.cursor() as cursor:
            cursor.execute("select pg_backend_pid()")
            assert cursor.fetchone() != (dead,)
    finally:
        pooled.close()


def test_the_server_is_looked_for_by_the_whole_of_its_address(monkeypatch):
    asked = {}
    closing = SimpleNamespace(close=lambda: None)
    monkeypatch.setattr(base, "connect", lambda **given: asked.update(given) or closing)
    base.ServerWatch().look(
        {"host": "a,b", "sslrootcert": "/ca.pem", "target_session_attrs": "read-write"}
    )
    assert (asked["sslrootcert"], asked["target_session_attrs"]) == ("/ca.pem", "read-write")


def test_moments_are_read_by_the_drivers_compiled_loader_and_are_those_of_django(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT timestamptz '2026-03-29 02:30:00.5+02', timestamptz '0001-01-01Z'")
        found, first = cursor.fetchone()
        assert found == datetime(2026, 3, 29, 0, 30, 0, 500_000, UTC) and found.tzinfo is UTC
        assert first == datetime.min.replace(tzinfo=UTC)
        with pytest.raises(DataError):
            cursor.execute("SELECT timestamptz 'infinity'")
            cursor.fetchone()
    used = connection.connection.adapters.get_loader(TIMESTAMPTZ, Format.TEXT)
    assert type(used(TIMESTAMPTZ)).__module__.startswith("psycopg_")


def test_tests_find_prepared_what_those_before_them_prepared(db):
    """What ends a test takes nothing from the next; what is dropped, or altered and taken back, does."""
    params = connection.get_connection_params()

    def prepared():
        return (
            psycopg.ClientCursor(own).execute("SELECT name FROM pg_prepared_statements").fetchall()
        )

    with psycopg.connect(**{name: params[name] for name in ("dbname", "user", "host")}) as own:
        for altering in (None, "CREATE TEMP TABLE made ()", "DROP TABLE IF EXISTS made"):
            own.execute("SELECT 1", prepare=True)
            own.execute(altering or "SELECT 2")
            own.rollback()
            assert bool(prepared()) is (altering is None)
