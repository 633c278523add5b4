"""Production starts safe or not at all; and what starts, ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
from django.core.management import CommandError, call_command

from headlessly import environment
from headlessly.management.ports import port_refusal
from tests.signals import interruptible

ROOT = Path(__file__).parents[2]

SAFE = {
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz-0123456789-abcdef",
    "ALLOWED_HOSTS": "crm.example.com",
    "DATABASE_URL": "postgresql://headlessly:password@db.example.com/headlessly",
}


@pytest.fixture
def production(monkeypatch):
    """An environment with all that production needs."""
    monkeypatch.delenv("DEBUG", raising=False)
    for name, value in SAFE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_accepts_an_environment_that_has_everything(production):
    assert environment.refusals() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "a" * 60),
        ("SECRET_KEY", "django-insecure-" + SAFE["SECRET_KEY"]),
        ("ALLOWED_HOSTS", ""),
        ("ALLOWED_HOSTS", "crm.example.com,*"),
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "sqlite:///crm.db"),
        ("DATABASE_URL", "postgresql://db.example.com/"),
        ("DATABASE_URL", "postgresql://db.example.com/crm?no_such_option=1"),
        ("DATABASE_DIRECT_URL", "db.example.com/crm"),
        ("SESSIONS", "memory"),
        ("EMAIL_URL", "mail.example.com"),
        ("EMAIL_URL", "http://mail.example.com"),
        ("EMAIL_URL", "smtp://"),
        ("EMAIL_URL", "file:///"),
        ("DEBUG", "1"),
        ("ALLOWED_HOSTS", "https://crm.example.com"),
        ("ALLOWED_HOSTS", "www.example.com,crm.example.com:443"),
        ("ALLOWED_HOSTS", '"crm.example.com"'),
        ("DATABASE_URL", f'"{SAFE["DATABASE_URL"]}"'),
        ("METRICS_TOKEN", '"a-token-in-quotes"'),
        ("TRUST_PROXY", "'1'"),
        ("TRUST_PROXY", "maybe"),
        ("DB_PREPARE", "never"),
        ("STATEMENT_TIMEOUT", "30s"),
        ("LOCK_TIMEOUT", "-1"),
        ("DB_POOL_SIZE", "0"),
        ("IMPORT_QUOTA_MB", "2.5"),
        ("SESSION_DAYS", "inf"),
        ("LOG_LEVEL", "loud"),
        ("SITE_URL", "crm.example.com"),
    ],
)
def test_refuses_a_setting_that_is_unsafe_and_names_it(production, name, value):
    production.setenv(name, value)
    (refusal,) = environment.refusals()
    assert refusal.startswith(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://ann:hid@den@db.example.com/crm"),
        ("DATABASE_URL", "postgresql://ann:hid%den@db.example.com/crm"),
        ("DATABASE_URL", "postgresql://ann:hid/den@db.example.com/crm"),
        ("EMAIL_URL", "smtp://ann:hid/den@mail.example.com:587"),
        ("EMAIL_URL", "smtp://ann:x@hid/den@mail.example.com:587"),
    ],
)
def test_says_how_a_password_is_written_and_not_which_it_is(production, name, value):
    production.setenv(name, value)
    (refusal,) = environment.refusals()
    assert refusal.startswith(f"{name} ")
    assert "%40" in refusal
    assert not {"hid", "den"} & {*re.findall(r"\w+", refusal)}


def test_reads_what_is_written_as_others_do(production):
    for name, value in (
        ("LOG_LEVEL", "debug"), ("SITE_URL", "https://crm.example.com/ "), ("TRUST_PROXY", "No"),
        ("ALLOWED_HOSTS", ".example.com, 10.0.0.1,[::1]"), ("LOCK_TIMEOUT", " 0.5 "), ("SESSION_DAYS", ""),
    ):  # fmt: skip
        production.setenv(name, value)
    assert environment.refusals() == []
    assert environment.log_level() == "DEBUG"
    assert environment.site_url() == "https://crm.example.com"
    assert "-c lock_timeout=500 " in environment.database()["OPTIONS"]["options"]


def test_refuses_what_cannot_be_read_in_development_too(monkeypatch):
    assert environment.misread() == {}
    monkeypatch.setenv("CONFIRM_MINUTES", "15 min")
    assert list(environment.misread()) == ["CONFIRM_MINUTES"]


def test_refuses_at_once_all_that_is_missing():
    bare = {name: value for name, value in os.environ.items() if name not in SAFE}
    bare.pop("HEADLESSLY_ENV", None)
    done = subprocess.run(
        [sys.executable, "manage.py", "serve"], cwd=ROOT, env=bare, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert all(f"{name} is not set" in done.stderr for name in SAFE)
    assert "Traceback" not in done.stderr
    said = [sys.executable, "manage.py", "serve", "--help"]
    done = subprocess.run(said, cwd=ROOT, env=bare, capture_output=True, text=True)
    assert (done.returncode, "--workers" in done.stdout) == (0, True), done.stderr


def test_reads_every_part_of_a_database_url(production):
    production.setenv("DATABASE_URL", "postgres://ann:p%40ss@db:6543/crm?sslmode=require")
    entry = environment.database()
    assert entry | {"OPTIONS": entry["OPTIONS"]["sslmode"]} == {
        **entry,
        "NAME": "crm",
        "USER": "ann",
        "PASSWORD": "p@ss",
        "HOST": "db",
        "PORT": "6543",
        "OPTIONS": "require",
    }
    assert "EMBEDDED" not in entry


def test_takes_several_servers_and_asks_for_the_one_that_writes(production):
    url = "postgresql://ann@one:5432,two:5433/crm?target_session_attrs=read-write"
    production.setenv("DATABASE_URL", url)
    entry = environment.database()
    assert (entry["HOST"], entry["PORT"]) == ("one,two", "5432,5433")
    assert entry["OPTIONS"]["target_session_attrs"] == "read-write"


def test_prepares_nothing_where_that_is_switched_off(production):
    assert environment.database()["OPTIONS"]["prepare_threshold"] == 5
    production.setenv("DB_PREPARE", "0")
    entry = environment.database()
    assert entry["OPTIONS"]["prepare_threshold"] is None
    assert entry["DISABLE_SERVER_SIDE_CURSORS"] is True


def test_reads_the_address_around_a_pooler(production):
    production.setenv("DATABASE_DIRECT_URL", "postgresql://ann@direct/crm")
    assert environment.database("DATABASE_DIRECT_URL")["HOST"] == "direct"
    assert environment.database()["HOST"] == "db.example.com"


@pytest.mark.parametrize(
    ("url", "read"),
    [
        (
            "smtp://ann:p%40ss@mail.example.com?from=crm@example.com",
            {"EMAIL_HOST": "mail.example.com", "EMAIL_PORT": 587, "EMAIL_USE_TLS": True,
             "EMAIL_USE_SSL": False, "EMAIL_HOST_USER": "ann", "EMAIL_HOST_PASSWORD": "p@ss",
             "DEFAULT_FROM_EMAIL": "crm@example.com", "MAIL_IS_SET_UP": True},
        ),
        ("smtps://mail.example.com", {"EMAIL_PORT": 465, "EMAIL_USE_SSL": True, "EMAIL_USE_TLS": False}),
        ("smtp://localhost:1025", {"EMAIL_PORT": 1025, "EMAIL_USE_TLS": False}),
        ("file:///var/mail/crm", {"EMAIL_FILE_PATH": "/var/mail/crm", "MAIL_IS_SET_UP": True}),
        ("", {"MAIL_IS_SET_UP": False}),
    ],
)  # fmt: skip
def test_reads_every_part_of_an_address_of_mail(production, url, read):
    production.setenv("EMAIL_URL", url)
    found = environment.mail(None)
    assert found | read == found


def test_keeps_a_development_server_on_this_machine():
    with pytest.raises(CommandError, match=r"--host 0\.0\.0\.0"):
        call_command("serve", "--host", "0.0.0.0")


def test_wants_to_know_who_ends_tls_and_wants_the_static_files(settings):
    settings.PRODUCTION = True
    with pytest.raises(CommandError) as refusal:
        call_command("serve")
    assert "TRUST_PROXY=1" in str(refusal.value)
    assert "collectstatic" in str(refusal.value)


def test_refuses_a_port_that_is_taken_before_anything_is_started(tmp_path):
    with socket.socket() as other:
        # As granian's own processes do: the kernel would let both of them in.
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "manage.py", "serve", "--port", str(port)],
            cwd=ROOT,
            env=at(tmp_path / "data"),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert f"Something else serves on port {port} of 127.0.0.1." in done.stderr
    assert f"--port or PORT={port + 1}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists(), "no database was started"


@pytest.mark.parametrize(
    ("host", "port", "says"),
    [
        ("127.0.0.1", 0, "from 1 to 65535"),
        ("127.0.0.1", 70_000, "from 1 to 65535"),
        ("no-such-host.invalid", 8000, "--host no-such-host.invalid"),
        ("203.0.113.1", 8000, "--host 203.0.113.1"),
    ],
)
def test_says_what_is_wrong_with_an_address(host, port, says):
    assert says in port_refusal(host, port)


def test_shares_a_port_that_is_taken_when_told_to():
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert port_refusal("127.0.0.1", port)
        assert port_refusal("127.0.0.1", port, is_shared=True) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_accepts_a_free_port(host):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert port_refusal(host, port) is None


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda server: server.terminate(), id="SIGTERM"),
        pytest.param(lambda server: os.killpg(server.pid, signal.SIGINT), id="Ctrl-C"),
    ],
)
def test_leaves_no_process_behind(data, end):
    server, port = start(data)
    try:
        assert answers(port)
        (postgres,) = [
            process
            for process in psutil.process_iter(["cmdline"])
            if str(data / "postgres") in (process.info["cmdline"] or ())
        ]
        children = server.children(recursive=True)
        assert [child for child in children if "work" in child.cmdline()], "the background's worker"
        family = [*children, postgres]
        assert len(family) == 4, "two workers, the background and PostgreSQL"
        with socket.create_connection(("127.0.0.1", port)) as slow:
            # Nobody waits for somebody who never finishes what they send.
            slow.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\na")
            time.sleep(0.2)
            end(server)
            server.wait(20)
        psutil.wait_procs(
            family, timeout=2
        )  # PostgreSQL has said that it is down, and is about to go
        left = [process for process in family if runs(process)]
        assert left == [], (server.returncode, holders(data))
    finally:
        if runs(server):
            server.terminate()
            server.wait(20)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with a database that is ready to be served."""
    folder = tmp_path_factory.mktemp("data")
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=at(folder), check=True
    )
    return folder


def at(folder):
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return env | {"HEADLESSLY_ENV": "development", "HEADLESSLY_DATA": str(folder)}


def start(data):
    """`manage.py serve` in development, on a database of its own and a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "manage.py", "serve", "--workers", "2", "--port", str(port)]
    with interruptible():
        return psutil.Popen(command, cwd=ROOT, env=at(data), start_new_session=True), port


def answers(port):
    """Whether something is served within a reasonable time."""
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as answer:
                return answer.status == 200
        except urllib.error.HTTPError as error:
            return error.code < 500
        except OSError:
            time.sleep(0.1)
    return False


def holders(data):
    """Which processes count as users of the embedded server, as the system's list of locks has them."""
    file = data / "postgres.users"
    locks = Path("/proc/locks")
    if not file.exists() or not locks.exists():
        return []
    return [line for line in locks.read_text().splitlines() if f":{file.stat().st_ino} " in line]


def runs(process):
    # A container without an init leaves ended processes behind as zombies.
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
