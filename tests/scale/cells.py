"""A cell as in the handbook, on this machine: etcd, and PostgreSQL servers managed by Patroni."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from headlessly.database.server import BIN, ROLE

from .clusters import Cluster
from .test_handbook import FILES, free_port, program, wait_for


class Cell:
    """Two database servers, one of which follows the other, and what decides which one leads."""

    def __init__(self, folder: Path) -> None:
        etcd, self.patroni = program("etcd", "etcd-server"), program("patroni")
        self.base = Cluster(folder / "base")  # for its user, and its functions for folders
        self.base.initialise()
        self.folder = folder
        self.running: list[subprocess.Popen[bytes]] = []
        self.etcd, peers = free_port(), free_port()
        data = folder / "etcd"
        data.mkdir(mode=0o700)
        at, among = f"http://127.0.0.1:{self.etcd}", f"http://127.0.0.1:{peers}"
        self._start(
            etcd, "--data-dir", str(data), "--listen-client-urls", at, "--advertise-client-urls", at,
            "--listen-peer-urls", among, "--initial-advertise-peer-urls", among,
            "--initial-cluster", f"default={among}",
        )  # fmt: skip
        wait_for(lambda: httpx.get(f"{at}/health").json()["health"] == "true", 20)
        self.apis, self.ports = [free_port(), free_port()], [free_port(), free_port()]
        self.servers: list[subprocess.Popen[bytes]] = []

    def _start(self, *words: str, **how: Any) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{Path(words[0]).name}{len(self.running)}.log").open("wb")
        started = subprocess.Popen(words, stdout=log, stderr=log, **how)
        self.running.append(started)
        return started

    def start_server(self, number: int) -> None:
        """Start a database server with the handbook's configuration, except for its addresses."""
        place = self.folder / f"db{number}"
        self.base.make_private(place)
        text = (FILES / "patroni.yml").read_text()
        for here, there in {
            "name: db1": f"name: db{number}",
            "0.0.0.0:8008": f"127.0.0.1:{self.apis[number]}",
            "10.0.1.21:8008": f"127.0.0.1:{self.apis[number]}",
            "10.0.1.31:2379,10.0.1.32:2379,10.0.1.33:2379": f"127.0.0.1:{self.etcd}",
            "0.0.0.0:5432": f"127.0.0.1:{self.ports[number]}",
            "10.0.1.21:5432": f"127.0.0.1:{self.ports[number]}",
            "/var/lib/postgresql/18/cell1": str(place / "data"),
            "/usr/lib/postgresql/18/bin": str(BIN),
            "10.0.1.0/24 scram-sha-256": "127.0.0.1/32 trust",
            "shared_buffers: 8GB": "shared_buffers: 64MB",
            "effective_cache_size: 24GB": "effective_cache_size: 256MB",
            'archive_mode: "on"': 'archive_mode: "off"',
            "peer": "trust",
        }.items():
            assert here in text, here
            text = text.replace(here, there)
        text += f"  parameters:\n    unix_socket_directories: '{place}'\n"
        file = place / "patroni.yml"
        file.write_text(text)
        user = self.base.user
        as_user = {"user": user, "group": user, "extra_groups": []} if user else {}
        clean = {n: v for n, v in os.environ.items() if not re.match("PG|PATRONI", n)}
        clean["HOME"] = str(place)
        started = self._start(self.patroni, str(file), cwd=place, env=clean, **as_user)
        self.servers.append(started)

    def state(self, number: int) -> dict[str, Any]:
        return httpx.get(f"http://127.0.0.1:{self.apis[number]}/patroni").json()

    def leader(self) -> int | None:
        """Returns the number of the server that takes writes, or None."""
        for number in range(len(self.servers)):
            try:
                if self.state(number).get("role") in ("master", "primary"):
                    return number
            except (httpx.HTTPError, json.JSONDecodeError):
                pass
        return None

    def is_synchronous(self) -> bool:
        """Whether every commit waits for the second server."""
        leader = self.leader()
        if leader is None:
            return False
        states = [each["sync_state"] for each in self.state(leader).get("replication", [])]
        return states == ["sync"]

    def kill_leader(self) -> None:
        """Kill the leader's processes, as if its machine lost power."""
        leader = self.leader()
        assert leader is not None
        family = psutil.Process(self.servers[leader].pid)
        ((pid, *_),) = [
            (self.folder / f"db{leader}" / "data" / "postmaster.pid").read_text().split()
        ]
        family.send_signal(signal.SIGKILL)
        postmaster = psutil.Process(int(pid))
        for each in (postmaster, *postmaster.children(recursive=True)):
            try:
                each.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                pass

    @property
    def url(self) -> str:
        """The address as in the handbook for several servers."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        return f"postgresql://{ROLE}@{hosts}/{ROLE}?target_session_attrs=read-write"

    def connect(self, user: str = "postgres", dbname: str = "postgres") -> psycopg.Connection[Any]:
        """Returns a connection to the server that takes writes."""
        ports = ",".join(map(str, self.ports))
        return psycopg.connect(
            host="127.0.0.1,127.0.0.1", port=ports, user=user, dbname=dbname, autocommit=True,
            target_session_attrs="read-write", connect_timeout=3,
        )  # fmt: skip

    def stop(self) -> None:
        for each in reversed(self.running):
            if each.poll() is None:
                each.terminate()
        for each in reversed(self.running):
            try:
                each.wait(20)
            except subprocess.TimeoutExpired:
                each.kill()
