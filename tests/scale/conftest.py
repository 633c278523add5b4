"""Clusters of a test's own, in folders that their unprivileged user may enter."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .clusters import Cluster


def _new_clusters() -> Iterator[Callable[[], Cluster]]:
    # Not pytest's folders: each run of pytest closes them to all other users, those of other runs too.
    with ExitStack() as stack:

        def new() -> Cluster:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="headlessly-"))
            cluster = Cluster(Path(folder))
            stack.callback(cluster.stop, "immediate")
            return cluster

        yield new


@pytest.fixture
def new_cluster() -> Iterator[Callable[[], Cluster]]:
    """Makes a cluster that is not started, and ends with the test."""
    yield from _new_clusters()


@pytest.fixture(scope="module")
def new_lasting_cluster() -> Iterator[Callable[[], Cluster]]:
    """Makes a cluster that is not started, and ends with the module's last test."""
    yield from _new_clusters()
