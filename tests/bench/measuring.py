"""Times limit and product against each other, and prints the table."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """The times of limit and product, or their numbers per second, and their allowed ratio."""

    label: str
    limit: float
    product: float
    goal: float | None
    unit: str = "ms"
    more_is_better: bool = False

    @property
    def ratio(self) -> float:
        return self.product / self.limit

    @property
    def met(self) -> bool:
        if self.goal is None:
            return True
        return self.ratio >= self.goal if self.more_is_better else self.ratio <= self.goal


def in_turns(limit: Callable, product: Callable, rounds: int, warm: int = 5) -> tuple[float, float]:
    """Returns the medians of both in milliseconds, taken in turns."""
    if _unbound is not None:
        return _product_twice(product, rounds)
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + warm):
        for which, function in enumerate((limit, product)):
            started = time.perf_counter()
            function()
            if number >= warm:
                times[which].append((time.perf_counter() - started) * 1000)
    return statistics.median(times[0]), statistics.median(times[1])


#: Lets statements run as the owner of the tables, or with False as usual; only set for that comparison.
_unbound: Callable[[bool], None] | None = None


def compare_row_security() -> None:
    """Compare the product with itself without row-level security, instead of with the limit."""
    from headlessly.context.tenant_scope import EVERY
    from headlessly.database import row_security

    global _unbound
    usual = row_security.tenant_in_scope

    def unbound(free: bool) -> None:
        row_security.tenant_in_scope = (lambda: EVERY) if free else usual

    _unbound = unbound


def _product_twice(product: Callable, rounds: int, block: int = 6) -> tuple[float, float]:
    """Time the product without and with row-level security, in alternating blocks of calls.

    The first call of each block is not counted, as it changes the connection.
    """
    assert _unbound is not None
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(2 * (2 + rounds // (block - 1))):
        _unbound(number % 2 == 0)
        for call in range(block):
            started = time.perf_counter()
            product()
            if call and number > 1:
                times[number % 2].append((time.perf_counter() - started) * 1000)
    _unbound(False)
    return statistics.median(times[0]), statistics.median(times[1])


def report(found: dict[str, Measured], leads: int) -> None:
    print(f"\n{leads:,} leads, medians\n")
    print("| path | limit | product | ratio | goal |\n|---|---|---|---|---|")
    for each in found.values():
        sign = ">=" if each.more_is_better else "<="
        goal = "" if each.goal is None else f"{sign} {each.goal:g} x"
        missed = "" if each.met else " ✗"
        print(
            f"| {each.label} | {figure(each.limit)} {each.unit} | {figure(each.product)} {each.unit} "
            f"| {each.ratio:.2f} x{missed} | {goal} |"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process: {peak:.0f} MB", file=sys.stderr)


def figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
