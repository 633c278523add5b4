"""Who of xdist's workers runs what: pages that are waited for, beside tests that compute.

A browser's tests come last on every worker, for Playwright's loop stays in its thread. Some workers therefore
run nothing else, from the first moment on; the others join them when all else is done. Tests that share what
was expensive to make stay on one worker.
"""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScheduling

BROWSER = "tests/browser/"
#: Each of them makes something once for all of its tests: a demo, a server, a cluster, an environment.
TOGETHER = (
    "tests/headlessly/mcp/test_mcp_client.py",
    "tests/headlessly/test_database.py",
    "tests/headlessly/test_serve.py",
    "tests/marketing/demo/",
    "tests/packaging/test_wheel.py",
    "tests/scale/",
)


class BrowsersBeside(LoadScheduling):
    """Hands out tests one by one as xdist does, and those of a browser to workers of their own."""

    def schedule(self) -> None:
        if self.collection is None:
            self.first, self.browsing = self._shared_out()
        super().schedule()

    def _shared_out(self) -> tuple[int, list[Any]]:
        """Where the browser's tests begin, and a third of the workers; none where there is too little."""
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
        if node in self.browsing:  # theirs are what it takes next
            tests = self._of_browser()[:num]
            self.pending[:] = tests + [test for test in self.pending if test not in tests]
            num = len(tests)
        super()._send_tests(node, self._with_the_rest(num))

    def _with_the_rest(self, num: int) -> int:
        """So many of those in line that none of its group is left to another worker."""
        while 0 < num < len(self.pending):
            last, next_ = (_group(self.collection[self.pending[n]]) for n in (num - 1, num))
            if last is None or last != next_:
                break
            num += 1
        return num


def _group(test: str) -> str | None:
    return next((start for start in TOGETHER if test.startswith(start)), None)
