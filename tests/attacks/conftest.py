"""A site that the tests attack, as strangers and users could."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.attacks.site import Site


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/attacks/" in str(item.path):
            item.add_marker(pytest.mark.attack)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of two processes with four threads each, as on a machine with two cores."""
    site = Site(tmp_path_factory.mktemp("site"), "--workers", "2", "--threads", "4")
    try:
        yield site
    finally:
        site.stop()
