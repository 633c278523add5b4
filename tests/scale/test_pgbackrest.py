"""A cluster is backed up by pgBackRest as the handbook has it, and restored with what came since."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from headlessly.database.server import ServerFailed

from .clusters import Cluster
from .test_handbook import FILES, program


def test_it_restores_what_was_written_after_the_backup(new_cluster: Callable[[], Cluster]) -> None:
    pgbackrest = program("pgbackrest")
    cluster = new_cluster()
    cluster.initialise()
    folder = cluster.data / "pgbackrest"
    cluster.make_private(folder)
    text = (FILES / "pgbackrest.conf").read_text()
    text = text.replace("/var/lib/pgbackrest", str(folder / "repo"))
    text = text.replace("/var/lib/postgresql/18/cell1", str(cluster.cluster))
    more = f"log-path={folder}\nlock-path={folder}\nspool-path={folder}\n"
    here = f"pg1-socket-path={cluster.socket_dir}\npg1-user=postgres\n"
    (folder / "conf").write_text(text.replace("[cell1]", f"{more}\n[cell1]") + here)
    words = (pgbackrest, f"--config={folder}/conf", "--stanza=cell1")
    cluster.start(archive_mode="on", archive_command=" ".join((*words, "archive-push", "%p")))
    try:
        cluster.run(*words, "stanza-create")
    except ServerFailed as problem:
        if "VersionNotSupportedError" in str(problem):
            pytest.skip("This pgBackRest does not know this PostgreSQL: a later one is needed.")
        raise
    cluster.run(*words, "check")
    cluster.run(*words, "--type=full", "backup")
    with cluster.connect(autocommit=True) as asked:
        asked.execute("CREATE TABLE kept AS SELECT 'since' AS moment")
    cluster.ask("SELECT pg_switch_wal()::text")
    cluster.stop()
    shutil.rmtree(cluster.cluster)
    cluster.make_private(cluster.cluster)
    cluster.run(*words, "restore")
    cluster.start_server()
    with cluster.connect() as asked:
        assert asked.execute("SELECT moment FROM kept").fetchone() == ("since",)
