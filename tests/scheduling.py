"""Distributes tests over xdist's workers: browser tests, which mostly wait, run beside tests that compute.

Browser tests must come last on a worker, as Playwright's event loop stays in its thread. So some workers
run only browser tests from the start, and the others join them when everything else is done. Tests that
share something expensive stay on one worker.
"""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScheduling

BROWSER = "tests/browser/"
#: Paths whose tests share something expensive: a demo, a server, a cluster, an environment.
TOGETHER = (
    "tests/headlessly/mcp/test_mcp_client.py",
    "tests/headlessly/test_database.py",
    "tests/headlessly/test_serve.py",
    "tests/marketing/demo/",
    "tests/packaging/test_wheel.py",
    "tests/scale/",
)


class BrowsersBeside(LoadScheduling):
    """Distributes tests one by one like xdist, and browser tests to workers of their own."""

    def schedule(self) -> None:
        if self.collection is None:
            self.first, self.browsing = self._shared_out()
        super().schedule()

    def _shared_out(self) -> tuple[int, list[Any]]:
        """Returns the position of the first browser test, and a third of the workers; none if there are
        too few tests."""
        tests = next(iter(self.node2collection.values()))
        ours = sum(test.startswith(BROWSER) for test in tests)
        enough = 2 * len(self.nodes)
        if len(self.nodes) < 2 or min(ours, len(tests) - ours) < enough:
            return len(tests), []
        return len(tests) - ours, self.nodes[: max(1, len(self.nodes) // 3)]

    def _of_browser(self) -> list[int]:
        return [test for test in self.pending if test >= self.first]

    def check_schedule(self, node: Any, duration: float = 0) -> None:
        if node in self.browsing and not self._of_browser():
            node.shutdown()
        else:
            super().check_schedule(node, duration)

    def _send_tests(self, node: Any, num: int) -> None:
        if node in self.browsing:  # moves their tests to the front
            tests = self._of_browser()[:num]
            self.pending[:] = tests + [test for test in self.pending if test not in tests]
            num = len(tests)
        super()._send_tests(node, self._with_the_rest(num))

    def _with_the_rest(self, num: int) -> int:
        """Returns a number of pending tests that splits no group between workers."""
        while 0 < num < len(self.pending):
            last, next_ = (_group(self.collection[self.pending[n]]) for n in (num - 1, num))
            if last is None or last != next_:
                break
            num += 1
        return num


def _group(test: str) -> str | None:
    return next((start for start in TOGETHER if test.startswith(start)), None)
