"""A cluster is backed up by PostgreSQL's own programs as the handbook has it, and restored to a moment."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable

from .clusters import Cluster
from .test_handbook import HANDBOOK

#: What the handbook has, and what it is here.
FOLDER, DATA = "/var/backups/cell1", "/var/lib/postgresql/18/cell1"


def handbook_settings(after: str) -> dict[str, str]:
    """The settings of PostgreSQL in the block that follows a sentence of the handbook."""
    block = re.search(r"```ini\n(.*?)```", HANDBOOK.split(after, 1)[1], re.DOTALL)
    assert block is not None
    lines = block[1].strip().splitlines()
    pairs = (line.partition("=") for line in lines)
    return {name.strip(): value.strip(" '") for name, _, value in pairs}


def test_it_restores_to_a_moment_between_two_writes(new_cluster: Callable[[], Cluster]) -> None:
    cluster = new_cluster()
    cluster.initialise()
    backups = cluster.data / "backups"
    for folder in (backups, backups / "wal"):
        cluster.make_private(folder)

    def here(value: str) -> str:
        return value.replace(FOLDER, str(backups)).replace(DATA, str(cluster.cluster))

    archiving = handbook_settings("**With PostgreSQL's own programs**")
    cluster.start(**{name: here(value) for name, value in archiving.items()})
    own = ("-h", cluster.socket_dir, "-U", "postgres")
    cluster.run("pg_basebackup", *own, "-D", backups / "base", "--checkpoint=fast")
    cluster.run("pg_verifybackup", backups / "base")
    with cluster.connect(autocommit=True) as asked:
        asked.execute("CREATE TABLE kept AS SELECT 'wanted' AS what")
        (then,) = asked.execute("SELECT clock_timestamp()::text").fetchone()
        asked.execute("INSERT INTO kept VALUES ('by mistake')")
    cluster.ask("SELECT pg_switch_wal()::text")
    cluster.stop()
    shutil.rmtree(cluster.cluster)

    shutil.copytree(backups / "base", cluster.cluster)
    for path in (cluster.cluster, *cluster.cluster.rglob("*")):
        shutil.chown(path, (backups / "base").owner(), (backups / "base").group())
    restoring = handbook_settings("and these settings, with an empty file")
    with (cluster.cluster / "postgresql.auto.conf").open("a") as file:
        for name, value in restoring.items():
            file.write(f"{name} = '{then if 'time' in name else here(value)}'\n")
    (cluster.cluster / "recovery.signal").touch()
    cluster.start_server()
    with cluster.connect(autocommit=True) as asked:
        assert asked.execute("SELECT what FROM kept").fetchall() == [("wanted",)]
        until = "SELECT pg_sleep(0.05), pg_is_in_recovery()"
        assert any(asked.execute(until).fetchone()[1] is False for _ in range(400)), "it stays shut"
        asked.execute("INSERT INTO kept VALUES ('since')")
