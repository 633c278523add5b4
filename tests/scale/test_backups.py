"""A backup, restored into another cluster: followers and webhooks miss nothing of what comes next."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from crm import Lead
from headlessly.access.models import Tenant
from headlessly.copies import backups
from headlessly.database import policies, row_security
from headlessly.log.events import LOG_START

from .clusters import Cluster, acme_at, environment
from .test_handbook import wait_for
from .test_log_offset import NEXT, follow, told, write

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parents[2]


def run(*words: Any) -> str:
    out = StringIO()
    call_command(*map(str, words), stdout=out)
    return out.getvalue()


@pytest.fixture(scope="module")
def backup(original: Cluster, tmp_path_factory: Any, django_db_blocker: Any) -> Iterator[Path]:
    """A backup of the cluster, in which somebody has written since."""
    file = tmp_path_factory.mktemp("backups") / "crm.backup"
    with django_db_blocker.unblock(), acme_at(original):
        assert "Everything that was committed before" in run("backup", file)
        Lead.create(name="After the backup", source="website")
        yield file


@pytest.fixture(scope="module")
def elsewhere(new_lasting_cluster: Callable[[], Cluster], backup: Path) -> Cluster:
    """A new cluster, whose database is empty."""
    return new_lasting_cluster().start()


def test_it_is_restored_elsewhere_and_nobody_misses_what_comes_next(
    original: Cluster, elsewhere: Cluster, backup: Path
) -> None:
    with acme_at(original):
        _, cursor = follow(LOG_START)
        seen = told()
    with elsewhere.in_use():
        assert "The log of acme goes on here." in run("restore", backup)
        assert Client().get("/readyz").status_code == 200
    with acme_at(elsewhere):
        assert not Lead.find({"name": "After the backup"})
        new = write(NEXT)
        read, _ = follow(cursor)
        assert (len(read), set(read)) == (NEXT, new)
        assert new <= told() and not new & seen


def test_it_refuses_a_database_that_is_not_empty_and_replaces_it_when_told(
    elsewhere: Cluster, backup: Path
) -> None:
    with elsewhere.in_use():
        if not connection.introspection.table_names():
            run("restore", backup)
        Tenant.objects.create(slug="later", name="Made after the restore")
        with pytest.raises(CommandError, match=r"not empty: it has \d+ tables.*--replace"):
            run("restore", backup)
        assert Tenant.objects.filter(slug="later").exists()
        with (
            elsewhere.connect(application_name="headlessly web"),
            pytest.raises(CommandError, match=r"Others use the database: headlessly web \(1\)"),
        ):
            run("restore", backup, "--replace")
        run("restore", backup, "--replace")
        assert not Tenant.objects.filter(slug="later").exists()


def test_it_is_in_use_again_where_the_database_keeps_tenants_apart(
    elsewhere: Cluster, backup: Path
) -> None:
    with elsewhere.in_use():
        run("restore", backup, "--replace")
        with elsewhere.connect(user="postgres", autocommit=True) as admin:  # as the handbook says
            for function in policies.LEAKPROOF:
                admin.execute(f"ALTER FUNCTION {function} LEAKPROOF".encode())
        assert policies.install_row_security()
    with acme_at(elsewhere):
        assert Lead.count() > 20
        assert Lead.create(name="After the restore", source="website")
        assert row_security.scope_of(connection.connection).is_enforced


def test_it_leaves_everything_as_it_was_when_it_fails(
    elsewhere: Cluster, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with elsewhere.in_use():
        if not connection.introspection.table_names():
            run("restore", backup)
        Tenant.objects.get_or_create(slug="kept", name="Kept")
        broken = f"{backups.EMPTY}; SELECT 1 / 0"
        monkeypatch.setattr(backups, "EMPTY", broken)
        with pytest.raises(CommandError, match="division by zero"):
            run("restore", backup, "--replace")
        assert Tenant.objects.filter(slug="kept").exists()


def test_it_leaves_everything_as_it_was_when_the_end_of_the_file_is_missing(
    elsewhere: Cluster, backup: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut"
    cut.write_bytes(backup.read_bytes()[:-10])  # what there is ends between two statements
    with elsewhere.in_use():
        if not connection.introspection.table_names():
            run("restore", backup)
        Tenant.objects.get_or_create(slug="stayed", name="Stayed")
        with pytest.raises(CommandError, match="end of file"):
            run("restore", cut, "--replace")
        assert Tenant.objects.filter(slug="stayed").exists()


def test_it_refuses_to_back_up_nothing(original: Cluster, tmp_path: Path) -> None:
    with original.in_use("postgres"), pytest.raises(CommandError, match=r"postgres has no tables"):
        run("backup", tmp_path / "crm.backup")
    assert not list(tmp_path.iterdir())


def test_what_a_backup_that_was_killed_has_left_goes_with_the_next(
    original: Cluster, tmp_path: Path
) -> None:
    left, other = (tmp_path / f"{backups.PART}{name}" for name in ("left", "other"))
    left.write_text("half of it")
    with other.open("w") as at_work, original.in_use():
        fcntl.flock(at_work, fcntl.LOCK_EX)
        run("backup", tmp_path / "crm.backup")
        assert {file.name for file in tmp_path.iterdir()} == {"crm.backup", other.name}


def test_it_leaves_nothing_behind_where_it_is_told_to_end(
    original: Cluster, tmp_path: Path
) -> None:
    """Also where whoever started it has gone: the connection to a machine breaks off."""
    command = [sys.executable, "manage.py", "backup", str(tmp_path / "crm.backup")]
    with original.connect(user="postgres") as holding:
        holding.execute("LOCK TABLE crm_lead")
        running = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(original.url),
            # Whoever runs the tests may have started them so that they outlive the terminal.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        )
        wait_for(lambda: any(tmp_path.iterdir()), 60)
        running.send_signal(signal.SIGHUP)
        assert running.wait(30) == 128 + signal.SIGHUP
    assert not list(tmp_path.iterdir())


def test_it_leaves_everything_as_it_was_when_it_is_killed(
    elsewhere: Cluster, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def be_killed(source: Any, target: Any, _chunk: int) -> None:
        target.write(source.read())
        target.close()  # as the system does then
        raise Killed

    with elsewhere.in_use():
        if not connection.introspection.table_names():
            run("restore", backup)
        Tenant.objects.get_or_create(slug="survived", name="Survived")
        with monkeypatch.context() as patched, pytest.raises(Killed):
            patched.setattr(backups.shutil, "copyfileobj", be_killed)
            run("restore", backup, "--replace")
        assert Tenant.objects.filter(
            slug="survived"
        ).exists()  # waits for psql, which has it locked


def test_it_refuses_what_is_no_backup_of_this_version(
    original: Cluster, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with original.in_use():
        with pytest.raises(CommandError, match="There is no file"):
            run("restore", tmp_path / "nothing")
        (tmp_path / "text").write_text("hello")
        with pytest.raises(CommandError, match="is no backup, or not whole"):
            run("restore", tmp_path / "text")
        half = tmp_path / "half"
        half.write_bytes(backup.read_bytes()[:2000])
        with pytest.raises(CommandError, match="is no backup, or not whole"):
            run("restore", half)
        with pytest.raises(CommandError, match=r"exists.*--replace"):
            run("backup", backup)
        with pytest.raises(CommandError, match="There is no folder"):
            run("backup", tmp_path / "no" / "crm.backup")
        assert backup.stat().st_mode & 0o077 == 0

        facts = backups.read_facts(backup)
        assert facts.unknown == [] and facts.missing == []

        ours = backups.known_migrations() - {("headlessly", "0001_initial")}
        monkeypatch.setattr(backups, "known_migrations", lambda: ours)
        with pytest.raises(CommandError, match=r"later version.*headlessly\.0001_initial"):
            run("restore", backup, "--replace")
